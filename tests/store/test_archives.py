"""Archives: what is closed, what is remembered, and that looking at little misses nothing."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digest.articles.model import ArticleKey, CategoryPath, Changes
from digest.feeds.archives import Extent
from digest.feeds.selection import Feed
from digest.site import Site
from digest.store.archives import _plan
from digest.store.database import Store, open_store
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
    return Feed(site=SITE, category=category, limit=LIMIT)


def publish(store: Store, changes: Changes | None, *feeds: Feed) -> list[Extent]:
    keys = None if changes is None else changes.articles
    return store.archives.close_archives(feeds or [feed()], keys)


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
    return [one.title for one in store.archives.archived(feed(category), number).articles]


def bridges(*numbers: int) -> list[str]:
    return [f"第 {number} 座桥" for number in numbers]


def key(store: Store, number: int) -> ArticleKey:
    found = store.withdrawals.find(f"{number}.md")
    return found[0].article.key


def test_while_the_feed_holds_everything_nothing_is_closed(store: Store) -> None:
    assert publish(store, take(store, 1, 2, 3)) == [Extent(newest=0, touched=())]
    assert publish(store, None) == [Extent(newest=0, touched=())]
    assert titles(store, 1) == []


def test_a_burst_is_archived_in_the_order_of_its_dates(store: Store) -> None:
    burst = take(store, *range(1, 9))
    assert publish(store, burst) == [Extent(newest=2, touched=(1, 2))]
    assert titles(store, 1) == bridges(3, 2, 1)
    assert titles(store, 2) == bridges(6, 5, 4)
    assert publish(store, burst) == [Extent(newest=2, touched=(1, 2))], "the same once more"
    assert publish(store, Changes()) == [Extent(newest=2, touched=())]
    assert publish(store, None) == [Extent(newest=2, touched=(1, 2))]


def test_archives_are_full_where_articles_come_one_by_one(store: Store) -> None:
    extents = [publish(store, take(store, number))[0] for number in range(1, 11)]
    assert [extent.newest for extent in extents] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert extents[6].touched == (1, 2), "the archive before links to the new one"
    assert titles(store, 2) == bridges(6, 5, 4)


def test_what_comes_with_an_old_date_is_archived_at_once(store: Store) -> None:
    publish(store, take(store, 11, 12, 13))
    assert publish(store, take(store, 1)) == [Extent(newest=1, touched=(1,))]
    assert titles(store, 1) == bridges(12, 11, 1)


def test_every_feed_has_archives_of_its_own(store: Store) -> None:
    take(store, 1, 2, 3, category=SPACE)
    changes = take(store, 4, 5, 6, 7, 8)
    extents = publish(store, None, feed(), feed(SCIENCE), feed(FINANCE), feed(BANKS))
    assert [extent.newest for extent in extents] == [2, 0, 1, 1]
    assert titles(store, 1, FINANCE) == bridges(6, 5, 4)
    assert titles(store, 1, SCIENCE) == []
    assert changes


def test_a_correction_is_shown_where_it_was_and_told_anew(store: Store) -> None:
    publish(store, take(store, *range(1, 8)))
    corrected = take(store, 2, now=NOW + MINUTE, text="改。")
    assert publish(store, corrected) == [Extent(newest=3, touched=(1, 2, 3))]
    assert titles(store, 1) == bridges(3, 2, 1), "the set stays as it is"
    assert titles(store, 3) == bridges(7, 2)
    bodies = {one.body for n in (1, 3) for one in store.archives.archived(feed(), n).articles}
    assert "<p>桥 2。改。</p>" in bodies
    assert "<p>桥 2。</p>" not in bodies


def test_a_withdrawn_article_leaves_its_archive_and_its_tombstone_is_not_lost(
    store: Store,
) -> None:
    publish(store, take(store, *range(1, 11)))
    for minute, number in enumerate((1, 2, 3, 4)):
        gone = store.withdrawals.withdraw([key(store, number)], NOW + minute * MINUTE)
        (extent,) = publish(store, gone)
    held = store.archives.archived(feed(), 1)
    assert held.articles == []
    assert [one.withdrawn_at for one in held.gone] == [NOW + 2 * MINUTE, NOW + MINUTE, NOW]
    newest = store.archives.archived(feed(), extent.newest)
    assert NOW in [one.withdrawn_at for one in newest.gone], "four are more than the feed tells"
    back = store.withdrawals.restore([key(store, 1)], NOW + 9 * MINUTE)
    (extent,) = publish(store, back)
    assert "第 1 座桥" in titles(store, extent.newest)
    assert titles(store, 1) == bridges(1)


def test_an_article_that_leaves_a_category_leaves_its_archives(store: Store) -> None:
    publish(store, take(store, *range(1, 8)), feed(), feed(FINANCE))
    moved = take(store, 2, now=NOW + MINUTE, category=SPACE)
    assert FINANCE in moved.categories
    extents = publish(store, moved, feed(), feed(FINANCE))
    assert titles(store, 1, FINANCE) == bridges(3, 1)
    assert 1 in extents[1].touched
    publish(store, take(store, 2, now=NOW + 2 * MINUTE), feed(), feed(FINANCE))
    assert titles(store, 1, FINANCE) == bridges(3, 2, 1)
    (_, extent) = publish(store, None, feed(), feed(FINANCE))
    assert "第 2 座桥" in titles(store, extent.newest, FINANCE)


def test_nothing_is_written_where_nothing_is_to_be_remembered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, take(store, *range(1, 8)))
    changes = take(store, 8)
    monkeypatch.setattr(store._database, "write", None)
    publish(store, changes)
    publish(store, None)


@pytest.mark.parametrize("seed", range(12))
def test_looking_at_what_changed_misses_nothing(migrated_sqlite: Path, seed: int) -> None:
    dice = random.Random(seed)
    path = migrated_sqlite.with_name(f"{seed}.db")
    path.write_bytes(migrated_sqlite.read_bytes())
    with open_store(f"sqlite:///{path}") as store:
        store.authority(AUTHORITY)
        numbers: list[int] = []
        for step in range(16):
            now = NOW + step * MINUTE
            deed = dice.choice(["new", "new", "burst", "correct", "move", "withdraw", "restore"])
            some = dice.sample(numbers, min(len(numbers), dice.randint(1, 5)))
            if deed in ("withdraw", "restore") and some:
                keys = [key(store, number) for number in some]
                changes = (
                    store.withdrawals.withdraw(keys, now)
                    if deed == "withdraw"
                    else store.withdrawals.restore(keys, now)
                )
            else:
                if deed in ("new", "burst") or not some:
                    fresh = [n for n in range(1, 600) if n not in numbers]
                    some = dice.sample(fresh, 1 if deed == "new" else dice.randint(1, 9))
                    numbers += some
                category = dice.choice([LOANS, BANKS, SPACE])
                changes = take(store, *some, now=now, text=f"{step}", category=category)
            every = [feed(category) for category in (None, *sorted(changes.categories))]
            extents = publish(store, changes, *every)
            for one, extent in zip(every, extents, strict=True):
                with store._database.read() as connection:
                    whole = _plan(connection, one, None)
                assert not whole.decision, f"{deed} in step {step}"
                assert whole.newest == extent.newest
