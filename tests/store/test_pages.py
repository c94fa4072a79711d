"""What pages are made of, on every database."""

from __future__ import annotations

import sqlite3
import unicodedata
from datetime import timedelta

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, select

from digest.articles.filters import ArticleFilter, Criteria
from digest.articles.model import CategoryPath, Facet, FacetKind, article_key
from digest.errors import StoreError
from digest.feeds.model import CategorySummary
from digest.store.database import Store, open_store
from digest.store.pages import PageSnapshot
from digest.store.statements import PreparedQuery
from digest.urls import slug
from tests import stores
from tests.defaults import default_feed, default_policy
from tests.feeds.samples import SITE
from tests.store.conftest import LOCK_TIMEOUT
from tests.store.samples import (
    ADA,
    BANKS,
    CHINESE,
    FINANCE,
    LIN,
    LOANS,
    NOW,
    SCIENCE,
    SPACE,
    reading,
)

DAY = timedelta(days=1)
EVERYONE = default_policy(
    language="zh", filters=(ArticleFilter(name="banks", wanted=Criteria(words=("桥",))),)
)


def test_an_article_is_read_with_its_revision(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md", categories=[SPACE])], NOW)
    earlier = store.pages.revision()
    store.articles.record([reading("b.md", categories=[SPACE], title="更正")], NOW + DAY)
    later = store.pages.revision()
    with store.pages.snapshot() as snapshot:
        first, second = (snapshot.find_article(article_key(name)) for name in "ab")
        assert first is not None
        assert second is not None
        assert (first.hidden, first.revision, first.changed_at) == (False, earlier, NOW)
        assert (second.hidden, second.revision, second.changed_at) == (False, later, NOW + DAY)
        assert first.read() == stores.articles(store, [article_key("a")])[0]
        assert second.read().title == "更正"
        assert snapshot.find_article("nothing") is None


def test_the_moment_told_of_an_article_is_never_before_its_change(store: Store) -> None:
    for day in range(3):
        store.articles.record([reading(f"{day}.md")], NOW + day * DAY)
    with store.pages.snapshot() as snapshot:
        for day in range(3):
            found = snapshot.find_article(article_key(str(day)))
            assert found is not None
            assert found.changed_at >= NOW + day * DAY


def test_a_withdrawn_article_is_hidden_and_of_a_new_revision(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW)
    store.withdrawals.withdraw([article_key("a")], NOW + DAY)
    with store.pages.snapshot() as snapshot:
        found = snapshot.find_article(article_key("a"))
        assert found is not None
        assert (found.hidden, found.revision) == (True, snapshot.current().number)
        assert snapshot.is_empty(None)
        assert snapshot.is_empty(LOANS)
        assert snapshot.newest(None, 9) == []
        assert snapshot.categories(None) == []


def test_a_category_is_found_by_its_folder_in_any_composition(store: Store) -> None:
    paths = [CategoryPath(("Café", "A/B")), CategoryPath(("@authors", "x")), LOANS]
    store.articles.record([reading("a.md", categories=paths)], NOW)
    with store.pages.snapshot() as snapshot:
        for path in (*paths, BANKS, FINANCE):
            for form in ("NFC", "NFD"):
                assert snapshot.category(unicodedata.normalize(form, path.folder)) == path
        for folder in ("", "A/B", "caf\xe9/A%2FB", "金融/", "/金融", "Café/A%2fB"):
            assert snapshot.category(folder) is None, folder


def test_facets_are_found_by_their_slugs(store: Store) -> None:
    long = "很长的名字" * 40
    strange = ("A/B", "..", "100%", "Café", "a~b", long)
    store.articles.record([reading("a.md", authors=strange), reading("b.md")], NOW, EVERYONE)
    with store.pages.snapshot() as snapshot:
        for name in strange:
            author = Facet(FacetKind.AUTHOR, name)
            assert snapshot.facet(FacetKind.AUTHOR, slug(name)) == author, name
            decomposed = unicodedata.normalize("NFD", slug(name))
            assert snapshot.facet(FacetKind.AUTHOR, decomposed) == author, name
        assert snapshot.facet(FacetKind.LANGUAGE, "zh") == CHINESE
        assert snapshot.facet(FacetKind.CUSTOM, "banks") == Facet(FacetKind.CUSTOM, "banks")
        for name in ("", "a/b", "A%2fB", "100%", "nobody", "%41da Field", "~", long):
            assert snapshot.facet(FacetKind.AUTHOR, name) is None, name


def test_selections_are_read_newest_first(store: Store) -> None:
    store.articles.record(
        [reading("a.md", categories=[LOANS]), reading("b.md", categories=[SPACE])], NOW, EVERYONE
    )
    with store.pages.snapshot() as snapshot:
        both = [article_key("b"), article_key("a")]
        expected = {None: both, LOANS: both[1:], FINANCE: both[1:], SPACE: both[:1]}
        for selection, keys in (expected | dict.fromkeys((LIN, ADA, CHINESE), both)).items():
            assert [one.key for one in snapshot.newest(selection, 9)] == keys
            assert not snapshot.is_empty(selection)
        assert snapshot.is_empty(CategoryPath(("nothing",)))
        assert snapshot.of_selection(LOANS) == snapshot.current()
        assert [one.facet for one in snapshot.facets([FacetKind.AUTHOR])] == [ADA, LIN]
        assert snapshot.facets([]) == []


def test_the_articles_beside_each_are_those_that_are_near_it(store: Store) -> None:
    filed: dict[str, tuple[CategoryPath, ...]] = {
        "a": (LOANS,),
        "b": (BANKS, SPACE),
        "c": (SPACE,),
        "d": (LOANS, BANKS),
        "e": (),
        "f": (SCIENCE,),
        "g": (BANKS,),
        "h": (LOANS,),
    }
    store.articles.record(
        [reading(f"{one}.md", categories=paths) for one, paths in filed.items()], NOW
    )
    store.withdrawals.withdraw([article_key("d")], NOW)
    with store.pages.snapshot() as source:
        beside = source.beside()
        for article in source.since(0, ()):
            near = [
                [
                    one.sequence
                    for one in source.near(article.categories[0], article.position, 1, newer=newer)
                ]
                for newer in ((False, True) if article.categories else ())
            ]
            others = beside.get(article.sequence, ())
            if article.categories:
                links = source.neighbours(article.categories[0], article.position)
                keys = [source.articles_of([one])[0].key if one else None for one in others]
                assert [link and link.key for link in links] == keys
            assert [[one] if one else [] for one in others] == near
    assert len(beside) == 6


def test_categories_below_one_are_counted(store: Store) -> None:
    store.articles.record(
        [
            reading("a.md", categories=[LOANS]),
            reading("b.md", categories=[LOANS, SPACE]),
            reading("c.md", categories=[CategoryPath(("金融", "50%_"))]),
            reading("d.md", categories=[CategoryPath(("金融 旁",))]),
        ],
        NOW,
    )
    store.withdrawals.withdraw([article_key("b")], NOW)
    with store.pages.snapshot() as snapshot:
        counted = {str(one.path): one.articles for one in snapshot.categories(None)}
        assert list(counted.values()) == [2, 1, 1, 1, 1]
        assert snapshot.categories(FINANCE) == [
            CategorySummary(path=CategoryPath(("金融", "50%_")), articles=1),
            CategorySummary(path=BANKS, articles=1),
        ]
        assert snapshot.categories(LOANS) == []


def test_a_category_may_have_more_below_it_than_a_statement_takes_values(store: Store) -> None:
    below = [CategoryPath(("金融", str(number))) for number in range(700)]
    store.articles.record(
        [reading("a.md", categories=below), reading("b.md", categories=below)], NOW
    )
    store.withdrawals.withdraw([article_key("b")], NOW)
    store.close()  # the connections that it has
    engine = store._database.engine
    if store._database.sqlite:  # PostgreSQL's own limit is 65,535

        def limit(connection: sqlite3.Connection, _: object) -> None:
            connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 600)

        event.listen(engine, "connect", limit)
    with store.pages.snapshot() as snapshot:
        found = snapshot.categories(FINANCE)
    assert {one.path: one.articles for one in found} == dict.fromkeys(below, 1)


def test_a_snapshot_does_not_see_what_is_written_meanwhile(store: Store, url: str) -> None:
    store.articles.record([reading("a.md")], NOW)
    with store.pages.snapshot() as snapshot, open_store(url, lock_timeout=LOCK_TIMEOUT) as other:
        before = snapshot.current()
        other.articles.record([reading("a.md", title="新题")], NOW + DAY)
        found = snapshot.find_article(article_key("a"))
        assert found is not None
        assert found.revision == before.number
        assert snapshot.current() == before
        assert store.pages.revision() > before.number


def test_it_is_remembered_since_when_pages_look_as_they_do(store: Store, url: str) -> None:
    assert store.pages.appearance_since("one", NOW) == NOW
    assert store.pages.appearance_since("one", NOW + DAY) == NOW
    with open_store(url, lock_timeout=LOCK_TIMEOUT) as later:
        assert later.pages.appearance_since("one", NOW + DAY) == NOW
        assert later.pages.appearance_since("two", NOW + DAY) == NOW + DAY
    # Neither another look that was there before nor a clock that goes back makes it older.
    assert store.pages.appearance_since("one", NOW) == NOW + DAY


@pytest.mark.parametrize("name", ["~" * 200, "x~0123456789abcdef"])
def test_names_that_may_be_hashes_lead_nowhere(store: Store, name: str) -> None:
    store.articles.record([reading("a.md", authors=("林" * 90,))], NOW, EVERYONE)
    with store.pages.snapshot() as snapshot:
        assert isinstance(snapshot, PageSnapshot)
        assert snapshot.facet(FacetKind.AUTHOR, name) is None


def test_articles_are_listed_with_their_revisions(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md"), reading("c.md")], NOW)
    store.withdrawals.withdraw([article_key("b")], NOW)
    with store.pages.snapshot() as snapshot:
        first, third = snapshot.listed()
        assert (first.key, third.key) == (article_key("a"), article_key("c"))
        assert first.sequence < third.sequence
        assert first.elsewhere
        assert first.updated_at == snapshot.newest(None, 1)[0].updated_at
        found = snapshot.articles_of([third.sequence, first.sequence, first.sequence + 1, 99])
        assert {one.key for one in found} == {first.key, third.key}
    store.articles.record([reading("a.md", image="https://example.org/1.png")], NOW + DAY)
    with store.pages.snapshot() as snapshot:
        again, same = snapshot.listed()
        assert again.revision > first.revision
        assert same == third


def test_every_selection_is_told_with_its_last_change(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md", categories=[SPACE])], NOW, EVERYONE)
    store.articles.record([reading("b.md", categories=[SPACE], title="更正")], NOW + DAY, EVERYONE)
    with store.pages.snapshot() as snapshot:
        changes = snapshot.changes()
        assert {None, LOANS, FINANCE, SPACE, LIN, CHINESE} <= changes.keys()
        for selection, revision in changes.items():
            assert revision == snapshot.of_selection(selection), selection
        assert changes[SPACE].number > changes[LOANS].number


def test_archives_are_told_with_the_last_change_of_what_they_hold(store: Store) -> None:
    feeds = [default_feed(site=SITE, category=path, limit=2) for path in (None, LOANS, SPACE)]
    for number in range(5):
        store.articles.record([reading(f"{number}.md")], NOW + number * DAY)
    contents = store.feeds.contents(feeds, None, archives=True)
    store.withdrawals.withdraw([article_key("0")], NOW + 9 * DAY)
    with store.pages.snapshot() as snapshot:
        archives = snapshot.archives(feeds)
        assert archives.keys() == {feeds[0].folder, feeds[1].folder}
        for feed, held in zip(feeds[:2], contents, strict=False):
            states = archives[feed.folder]
            assert [one.number for one in states] == list(range(1, held.newest_archive + 1))
            assert states[0].revision == snapshot.current().number
            assert states[-1].revision < states[0].revision
        assert snapshot.archives(feeds[2:]) == {}
        told = snapshot.contents(feeds[0])
        assert [one.sequence for one in told.versions] == [
            one.sequence for one in snapshot.newest(None, 2)
        ]
        assert (len(told.gone), told.newest_archive) == (1, 0)


def test_a_prepared_query_that_fails_is_an_error_of_the_store(store: Store) -> None:
    lost = PreparedQuery(select(Table("lost", MetaData(), Column("id", Integer)).c.id))
    with pytest.raises(StoreError), store._database.read() as connection:
        lost.run(connection)
