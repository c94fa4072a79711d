"""Feeds in the store: what is stale, what they hold, and what is known of output folders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from digest.articles.ingest.records import Reading
from digest.articles.model import CategoryPath, Facet, FacetKind, article_key
from digest.feeds.publish.output_folder import OutputFolder, Written
from digest.feeds.publish.publisher import Publisher
from digest.site import Site
from digest.store.database import Store
from tests import stores
from tests.defaults import default_feed, default_plan
from tests.store.conftest import AUTHORITY
from tests.store.samples import (
    ADA,
    BANKS,
    CHINESE,
    FINANCE,
    LIN,
    LOANS,
    MINUTE,
    NOW,
    SCIENCE,
    SPACE,
    reading,
)

SITE = Site(
    title="河上",
    url="https://river.example",
    language="zh",
    timezone="UTC",
    author="",
    email="",
    authority=AUTHORITY,
)
KINDS = frozenset({FacetKind.AUTHOR, FacetKind.LANGUAGE})
TOKEN = "0123456789abcdef" * 2


def take(store: Store, *readings: Reading, minute: int = 0) -> None:
    store.articles.record(list(readings), NOW + minute * MINUTE)


def written(path: str, size: int = 3, mtime_ns: int = 5) -> Written:
    return Written(path=path, changed=True, previous=None, size=size, mtime_ns=mtime_ns)


# What is stale


def test_an_empty_store_has_the_feed_of_everything(store: Store) -> None:
    found = store.feeds.stale(None, KINDS)
    assert (found.revision, found.selections, found.articles) == (0, {None: 0}, None)
    assert found.holding == found.languages == frozenset()


def test_everything_is_what_holds_an_article_that_may_be_seen(store: Store) -> None:
    take(store, reading("a.md"), reading("b.md", categories=(SPACE,), authors=(), language=None))
    found = store.feeds.stale(None, KINDS)
    every = {FINANCE, BANKS, LOANS, SCIENCE, SPACE, LIN, ADA, CHINESE}
    assert found.holding == every
    assert found.selections == dict.fromkeys((None, *every), found.revision)
    assert found.languages == {CHINESE}
    store.withdrawals.withdraw([article_key("a")], NOW)
    assert store.feeds.stale(None, KINDS).holding == {SCIENCE, SPACE}
    bare = store.feeds.stale(None, frozenset())
    assert bare.holding == {SCIENCE, SPACE}
    assert bare.languages == frozenset()


def test_what_changed_is_told_with_the_revision_of_its_last_change(store: Store) -> None:
    take(store, reading("a.md"))
    since = stores.current(store).number
    take(store, reading("b.md", categories=(SPACE,), authors=("林海",)))
    store.withdrawals.withdraw([article_key("a")], NOW)
    found = store.feeds.stale(since, KINDS)
    last = found.revision
    assert last == since + 2
    assert found.selections == {
        None: last,
        SCIENCE: last - 1,
        SPACE: last - 1,
        **dict.fromkeys((FINANCE, BANKS, LOANS, LIN, ADA, CHINESE), last),
    }
    assert found.holding == {SCIENCE, SPACE, LIN, CHINESE}
    assert found.articles is not None
    assert len(found.articles) == 2
    nothing = store.feeds.stale(last, KINDS)
    assert (nothing.selections, nothing.articles, nothing.holding) == ({}, frozenset(), frozenset())
    assert nothing.languages == {CHINESE}


def test_more_selections_than_a_statement_takes_can_change(store: Store) -> None:
    paths = [CategoryPath((f"{number}",)) for number in range(1_100)]
    take(store, *(reading(f"{n}.md", categories=(path,)) for n, path in enumerate(paths)))
    found = store.feeds.stale(0, frozenset())
    assert found.holding.issuperset(paths)
    assert len(store.feeds.articles_of(range(1, 1_200))) == 1_100


# What feeds hold


def test_a_feed_holds_the_newest_with_their_revisions(store: Store) -> None:
    for number in range(1, 6):
        take(store, reading(f"{number}.md", published_at=NOW - timedelta(days=9 - number)))
    (found,) = store.feeds.contents(
        [default_feed(site=SITE, category=FINANCE, limit=2)], None, archives=False
    )
    assert [one.sequence for one in found.versions] == [5, 4]
    last = stores.current(store).number
    assert [one.revision for one in found.versions] == [last, last - 1]
    days = [one.published_at - NOW for one in found.versions]
    assert days == [timedelta(days=-4), timedelta(days=-5)]
    assert [one.sequence for one in store.feeds.articles_of([5, 4, 99])] == [4, 5]


def test_what_is_withdrawn_is_gone_and_no_article_any_more(store: Store) -> None:
    take(store, reading("1.md"), reading("2.md"))
    store.withdrawals.withdraw([article_key("1")], NOW + MINUTE)
    (found,) = store.feeds.contents([default_feed(site=SITE)], None, archives=True)
    assert [one.sequence for one in found.versions] == [2]
    assert [one.withdrawn_at for one in found.gone] == [NOW + MINUTE]
    assert [one.sequence for one in store.feeds.articles_of([1, 2])] == [2]
    assert store.feeds.articles_of([]) == []


# What lies in an output folder


def test_a_folder_is_known_once_somebody_began_to_write_there(store: Store) -> None:
    feeds = store.feeds
    assert feeds.output(TOKEN) is None
    feeds.begin_writing(TOKEN, "boot", 7)
    feeds.begin_writing(TOKEN, "boot", 7)
    feeds.begin_writing(TOKEN, "boot", 8)
    feeds.begin_writing(TOKEN, "later", 7)
    feeds.begin_writing(TOKEN, "later pid:[1]", 1)
    feeds.begin_writing("another", "boot", 7)
    found = feeds.output(TOKEN)
    assert found is not None
    assert (found.revision, found.fingerprint) == (None, "")
    assert set(found.unsynced) == {
        ("boot", 7),
        ("boot", 8),
        ("later", 7),
        ("later pid:[1]", 1),
    }
    feeds.end_writing(TOKEN, "boot", [7, 9])
    assert marks(store) == {("boot", 8), ("later", 7), ("later pid:[1]", 1)}
    feeds.forget_other_boots(TOKEN, "later")
    assert marks(store) == {("later", 7), ("later pid:[1]", 1)}
    other = feeds.output("another")
    assert other is not None
    assert set(other.unsynced) == {("boot", 7)}


def marks(store: Store) -> set[tuple[str, int]]:
    found = store.feeds.output(TOKEN)
    assert found is not None
    return set(found.unsynced)


def test_files_are_noted_changed_and_forgotten(store: Store) -> None:
    feeds = store.feeds
    feeds.begin_writing(TOKEN, "boot", 7)
    feeds.begin_writing("another", "boot", 7)
    long = f"feeds/{'很长' * 900}/rss.xml"  # longer than an index takes
    for token in (TOKEN, "another"):
        feeds.record_output(token, [written("a"), written(long)], [], None, "f", everything=False)
    assert set(feeds.written_files(TOKEN)) == {("a", 3, 5), (long, 3, 5)}
    assert feeds.recorded(TOKEN, ["a", "b", long]) == {"a": (3, 5), long: (3, 5)}
    assert feeds.unrecorded(TOKEN, [written("a"), written(long)]) == set()
    assert feeds.unrecorded(TOKEN, [written("a", size=4), written(long, mtime_ns=6)]) == {"a", long}
    assert feeds.unrecorded("third", [written("a")]) == {"a"}
    feeds.record_output(TOKEN, [written("a", 8, 9)], [long, "b"], None, "f", everything=False)
    assert set(feeds.written_files(TOKEN)) == {("a", 8, 9)}
    assert set(feeds.written_files("another")) == {("a", 3, 5), (long, 3, 5)}
    assert not feeds.recorded(TOKEN, [])
    assert not feeds.unrecorded(TOKEN, [])


def complete(store: Store) -> tuple[int | None, str]:
    found = store.feeds.output(TOKEN)
    assert found is not None
    return found.revision, found.fingerprint


def test_a_folder_is_complete_up_to_the_furthest_of_those_who_agree(store: Store) -> None:
    feeds = store.feeds
    feeds.begin_writing(TOKEN, "boot", 7)
    feeds.record_output(TOKEN, [], [], 5, "mine", everything=False)
    assert complete(store) == (None, ""), "it was never compared as a whole"
    feeds.record_output(TOKEN, [], [], 5, "mine", everything=True)
    assert complete(store) == (5, "mine")
    feeds.record_output(TOKEN, [], [], 9, "mine", everything=False)
    feeds.record_output(TOKEN, [], [], 7, "mine", everything=False)
    feeds.record_output(TOKEN, [], [], 7, "mine", everything=True)
    feeds.record_output(TOKEN, [], [], None, "mine", everything=False)
    assert complete(store) == (9, "mine")
    feeds.record_output(TOKEN, [], [], 12, "another", everything=False)
    assert complete(store) == (9, "mine"), "what another wrote is of another kind"
    feeds.record_output(TOKEN, [], [], 8, "another", everything=True)
    assert complete(store) == (8, "another")
    feeds.record_output(TOKEN, [], [], None, "another", everything=True)
    assert complete(store) == (8, "another"), "another process has finished what this one began"
    feeds.record_output(TOKEN, [], [], None, "mine", everything=True)
    assert complete(store) == (None, ""), "some files are of the one, some of the other"


def test_a_folder_follows_the_store(store: Store, tmp_path: Path) -> None:
    plan = default_plan(site=SITE, limit=2, authors=True, languages=True)
    seconds = iter(range(1_800_000_000, 1_900_000_000))

    def publisher(output: Path) -> Publisher:
        made = Publisher(
            store=store.feeds,
            folder=OutputFolder(output, time_ns=lambda: next(seconds) * 1_000_000_000),
            feed_plan=plan,
            style_sheet=b"",
            fingerprint="",
        )
        made.start()
        return made

    def files(output: Path) -> dict[str, bytes]:
        return {
            path.relative_to(output).as_posix(): path.read_bytes()
            for path in output.rglob("[!.]*")
            if path.is_file()
        }

    following = publisher(tmp_path / "following")
    steps: list[Callable[[], object]] = [
        lambda: take(store, reading("1.md"), reading("2.md"), reading("3.md")),
        lambda: take(store, reading("4.md", categories=(SPACE,), language="en"), minute=1),
        lambda: store.withdrawals.withdraw([article_key("2")], NOW + 2 * MINUTE),
        lambda: take(store, reading("1.md", categories=(SPACE,), content="x"), minute=3),
        lambda: store.withdrawals.withdraw([article_key("4")], NOW + 4 * MINUTE),
        lambda: store.withdrawals.restore([article_key("2")], NOW + 5 * MINUTE),
    ]
    for number, step in enumerate(steps):
        step()
        following.publish()
        publisher(fresh := tmp_path / f"{number}").publish()
        assert files(tmp_path / "following") == files(fresh)
    assert Facet(FacetKind.LANGUAGE, "en") not in store.feeds.stale(None, KINDS).holding
