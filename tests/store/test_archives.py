"""Archives: what is closed when, what is remembered, and that no version is ever lost."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from digest.articles.model import ArticleKey, CategoryPath, Changes
from digest.feeds.model import Feed
from digest.site import Site
from digest.store.archives import FeedState, feed_state
from digest.store.article_queries import newest
from digest.store.database import Store, open_store
from digest.store.schema import archive, archive_entry, article
from digest.store.types import hashed
from tests import stores
from tests.defaults import default_feed
from tests.effort import effort
from tests.store.conftest import AUTHORITY
from tests.store.samples import BANKS, FINANCE, LOANS, MINUTE, NOW, SCIENCE, SPACE, reading

SITE = Site(
    title="河上",
    url="https://river.example",
    language="zh",
    timezone="UTC",
    author="",
    email="",
    authority=AUTHORITY,
)
LIMIT = 3


def feed(category: CategoryPath | None = None) -> Feed:
    return default_feed(site=SITE, category=category, limit=LIMIT)


def publish(store: Store, changes: Changes | None, *feeds: Feed) -> list[int]:
    """Bring feeds up to date; return the number of the newest archive of each."""
    changed = None if changes is None else sequences(store, changes)
    found = store.feeds.contents(feeds or [feed()], changed, archives=True)
    return [one.newest_archive for one in found]


def sequences(store: Store, changes: Changes) -> frozenset[int]:
    with store._database.read() as connection:
        query = select(article.c.id).where(article.c.key.in_(changes.articles))
        return frozenset(connection.scalars(query))


def members(store: Store, category: CategoryPath | None = None) -> dict[int, set[int]]:
    """Return what each archive of a feed was closed with, by its number."""
    query = (
        select(archive.c.number, archive_entry.c.article)
        .join(archive_entry, archive_entry.c.archive == archive.c.id)
        .where(archive.c.feed == hashed(feed(category).folder))
    )
    found: dict[int, set[int]] = {}
    with store._database.read() as connection:
        for number, sequence in connection.execute(query):
            found.setdefault(number, set()).add(sequence)
    return found


def take(
    store: Store, *numbers: int, now: datetime = NOW, text: str = "", category: CategoryPath = LOANS
) -> Changes:
    """Record articles; each is dated by its number, in minutes before ``NOW``'s hour."""
    readings = [
        reading(
            f"{number}.md",
            content=f"{number} {text} {category}",
            title=f"第 {number} 座桥",
            body=f"<p>桥 {number}。{text}</p>",
            categories=(category,),
            published_at=NOW - timedelta(days=1) + number * MINUTE,
        )
        for number in numbers
    ]
    return store.articles.record(readings, now)


def titles(store: Store, number: int, category: CategoryPath | None = None) -> list[str]:
    return [one.title for one in stores.archived(store, feed(category), number).articles]


def bridges(*numbers: int) -> list[str]:
    return [f"第 {number} 座桥" for number in numbers]


def key(store: Store, number: int) -> ArticleKey:
    found = store.withdrawals.find(f"{number}.md")
    return found[0].article.key


def test_while_the_feed_holds_everything_nothing_is_closed(store: Store) -> None:
    assert publish(store, take(store, 1, 2, 3)) == [0]
    assert publish(store, None) == [0]
    assert titles(store, 1) == []


def test_a_burst_is_archived_in_the_order_of_its_dates(store: Store) -> None:
    burst = take(store, *range(1, 9))
    assert publish(store, burst) == [2]
    assert titles(store, 1) == bridges(3, 2, 1)
    assert titles(store, 2) == bridges(6, 5, 4)
    assert publish(store, burst) == [2], "the same once more"
    assert publish(store, Changes()) == [2]
    assert publish(store, None) == [2]


def test_archives_are_full_where_articles_come_one_by_one(store: Store) -> None:
    found = [publish(store, take(store, number))[0] for number in range(1, 11)]
    assert found == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert titles(store, 2) == bridges(6, 5, 4)


def test_what_comes_with_an_old_date_is_archived_at_once(store: Store) -> None:
    publish(store, take(store, 11, 12, 13))
    assert publish(store, take(store, 1)) == [1]
    assert titles(store, 1) == bridges(12, 11, 1)


def test_every_feed_has_archives_of_its_own(store: Store) -> None:
    take(store, 1, 2, 3, category=SPACE)
    changes = take(store, 4, 5, 6, 7, 8)
    assert publish(store, None, feed(), feed(SCIENCE), feed(FINANCE), feed(BANKS)) == [2, 0, 1, 1]
    assert titles(store, 1, FINANCE) == bridges(6, 5, 4)
    assert titles(store, 1, SCIENCE) == []
    assert changes


def test_a_correction_is_shown_where_it_was_and_told_anew(store: Store) -> None:
    publish(store, take(store, *range(1, 8)))
    corrected = take(store, 2, now=NOW + MINUTE, text="改。")
    assert publish(store, corrected) == [3]
    assert titles(store, 1) == bridges(3, 2, 1), "the set stays as it is"
    assert titles(store, 3) == bridges(7, 2)
    bodies = {one.body for n in (1, 3) for one in stores.archived(store, feed(), n).articles}
    assert "<p>桥 2。改。</p>" in bodies
    assert "<p>桥 2。</p>" not in bodies


def test_a_withdrawn_article_leaves_its_archive_and_its_tombstone_is_not_lost(
    store: Store,
) -> None:
    publish(store, take(store, *range(1, 11)))
    for minute, number in enumerate((1, 2, 3, 4)):
        gone = store.withdrawals.withdraw([key(store, number)], NOW + minute * MINUTE)
        (last,) = publish(store, gone)
    held = stores.archived(store, feed(), 1)
    assert held.articles == []
    assert [one.withdrawn_at for one in held.gone] == [NOW + 2 * MINUTE, NOW + MINUTE, NOW]
    told = stores.archived(store, feed(), last).gone
    assert NOW in [one.withdrawn_at for one in told], "four are more than the feed tells"
    back = store.withdrawals.restore([key(store, 1)], NOW + 9 * MINUTE)
    (last,) = publish(store, back)
    assert "第 1 座桥" in titles(store, last)
    assert titles(store, 1) == bridges(1)


def test_an_article_that_leaves_a_category_leaves_its_archives(store: Store) -> None:
    publish(store, take(store, *range(1, 8)), feed(), feed(FINANCE))
    moved = take(store, 2, now=NOW + MINUTE, category=SPACE)
    assert FINANCE in moved.categories
    publish(store, moved, feed(), feed(FINANCE))
    assert titles(store, 1, FINANCE) == bridges(3, 1)
    publish(store, take(store, 2, now=NOW + 2 * MINUTE), feed(), feed(FINANCE))
    assert titles(store, 1, FINANCE) == bridges(3, 2, 1)
    (_, last) = publish(store, None, feed(), feed(FINANCE))
    assert "第 2 座桥" in titles(store, last, FINANCE)


def test_nothing_is_written_where_nothing_is_to_be_remembered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, take(store, *range(1, 8)))
    changes = take(store, 8)
    monkeypatch.setattr(store._database, "write", None)
    publish(store, changes)
    publish(store, None)


def test_without_archives_none_are_closed_and_none_are_named(store: Store) -> None:
    changes = take(store, *range(1, 9))
    (found,) = store.feeds.contents([feed()], sequences(store, changes), archives=False)
    assert (found.newest_archive, len(found.versions)) == (0, LIMIT)
    assert members(store) == {}
    assert publish(store, None) == [2]
    (found,) = store.feeds.contents([feed()], None, archives=False)
    assert found.newest_archive == 0


def test_two_who_publish_the_same_close_one_archive(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = take(store, *range(1, 6))
    real = feed_state
    looks = 0

    def overtaken(*args: Any, **more: Any) -> FeedState:
        nonlocal looks
        looks += 1
        found = real(*args, **more)
        if looks == 1:
            assert publish(store, changes) == [1], "another one is faster"
        return found

    monkeypatch.setattr("digest.store.feeds.feed_state", overtaken)
    assert publish(store, changes) == [1]
    assert set(members(store)) == {1}


class Reader:
    """Reads every document of a feed, and then those that it has not read yet."""

    def __init__(self, store: Store, one: Feed) -> None:
        self._store, self._feed = store, one
        self._read = 0  # archives
        self.known: dict[int, datetime] = {}  # by sequence: the version that it knows
        self.gone: set[int] = set()

    def look(self) -> None:
        (found,) = self._store.feeds.contents([self._feed], frozenset(), archives=True)
        documents = []
        for number in range(self._read + 1, found.newest_archive + 1):
            held = stores.archived(self._store, self._feed, number)
            told = {one.sequence: one.updated_at for one in held.articles}
            documents.append((told, {one.id for one in held.gone}))
        self._read = found.newest_archive
        told = {one.sequence: one.changed_at for one in found.versions}
        documents.append((told, {one.id for one in found.gone}))
        for told, gone in documents:
            self.known |= told
            self.gone -= set(told)
            tags = self._tags()
            self.gone |= {tags[one] for one in gone}

    def _tags(self) -> dict[str, int]:
        with self._store._database.read() as connection:
            rows = connection.execute(select(article.c.tag, article.c.id))
            return {tag: sequence for tag, sequence in rows}  # noqa: C416 - rows are no pairs

    def missing(self) -> str:
        """Return what the reader does not know as it is now."""
        with self._store._database.read() as connection:
            shown = {one.id: one.updated_at for one in connection.execute(newest(self._feed.scope))}
        unknown = {one for one, at in shown.items() if self.known.get(one) != at}
        wrong = self.gone & shown.keys()
        unheard = (self.known.keys() - shown.keys() - self.gone) if self._feed.scope is None else ()
        return f"{unknown} {wrong} {set(unheard)}" if unknown or wrong or unheard else ""


@pytest.mark.full_speed
@pytest.mark.sampled
@pytest.mark.parametrize("seed", range(12))
def test_no_version_is_lost_whatever_happens_and_looking_at_what_changed_misses_nothing(
    migrated_sqlite: Path, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    path = tmp_path / "digest.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    with open_store(f"sqlite:///{path}") as store:
        store.authority(AUTHORITY)
        numbers: list[int] = []
        readers = {category: Reader(store, feed(category)) for category in (None, FINANCE, SCIENCE)}
        since, steps = 0, effort(16, 60)
        for step in range(steps):
            deed = dice.choice(["new", "new", "burst", "correct", "move", "withdraw", "restore"])
            some = dice.sample(numbers, min(len(numbers), dice.randint(1, 5)))
            now = NOW + step * MINUTE
            if deed in ("withdraw", "restore") and some:
                keys = [key(store, number) for number in some]
                if deed == "withdraw":
                    store.withdrawals.withdraw(keys, now)
                else:
                    store.withdrawals.restore(keys, now)
            else:
                if deed in ("new", "burst") or not some:
                    fresh = [n for n in range(1, 600) if n not in numbers]
                    some = dice.sample(fresh, 1 if deed == "new" else dice.randint(1, 9))
                    numbers += some
                category = dice.choice([LOANS, BANKS, SPACE])
                take(store, *some, now=now, text=f"{step}", category=category)
            if dice.random() < 0.3:
                continue  # several changes at once
            stale = store.feeds.stale(since, ())
            since = stale.revision
            every = [
                feed(one)
                for one in stale.selections
                if one is None or isinstance(one, CategoryPath)
            ]
            found = store.feeds.contents(every, stale.articles, archives=True)
            for one, contents in zip(every, found, strict=True):
                with store._database.read() as connection:
                    whole = feed_state(connection, one, None, archives=True)
                assert not whole.plan, f"{deed} in step {step}"
                assert whole.newest == contents.newest_archive
            for reader in readers.values():
                # Each comes by now and then, and learns all that it has missed.
                if dice.random() < 0.4 or step == steps - 1:
                    reader.look()
                    assert not reader.missing(), f"{deed} in step {step}"
