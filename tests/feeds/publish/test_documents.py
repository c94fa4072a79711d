"""Documents of feeds: what is serialized, once, and what of it fits."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.model import Article, SafeHtml
from digest.feeds.archive import Version
from digest.feeds.model import ATOM, JSON, RSS
from digest.feeds.publish.documents import (
    EntryCache,
    EntryForm,
    FeedContents,
    FeedDocuments,
    Previous,
)
from tests.defaults import default_feed
from tests.feeds.samples import PORTS, SITE, TEA, article, document

FEED = default_feed(site=SITE, category=PORTS)


@dataclass
class Shelf:
    """Articles in memory, and who asked for which."""

    articles: dict[int, Article] = field(default_factory=dict)
    asked: list[set[int]] = field(default_factory=list)

    def add(self, *articles: Article) -> FeedContents:
        """Keep articles; return a feed that holds them."""
        self.articles.update((one.sequence, one) for one in articles)
        return FeedContents(versions=[version(one) for one in articles])

    def articles_of(self, sequences: Collection[int]) -> list[Article]:
        self.asked.append(set(sequences))
        return [self.articles[one] for one in sorted(sequences) if one in self.articles]


def version(one: Article, revision: int = 1) -> Version:
    return Version(
        sequence=one.sequence,
        published_at=one.published_at,
        changed_at=one.updated_at,
        revision=revision,
        tag=one.id,
    )


def test_documents_are_what_the_formats_make_of_the_articles() -> None:
    shelf = Shelf()
    articles = [article(3), article(2), article(1)]
    held = shelf.add(*articles)
    found = dict(FeedDocuments(shelf.articles_of, max_bytes=10**6).of(FEED, held))
    assert found == {name: document(name, FEED, articles) for name in (RSS, ATOM, JSON)}


def test_an_article_is_read_once_for_all_feeds_until_it_changes() -> None:
    shelf = Shelf()
    held = shelf.add(article(2), article(1))
    documents = FeedDocuments(shelf.articles_of, max_bytes=10**6)
    for feed in (FEED, replace(FEED, category=TEA), FEED):
        dict(documents.of(feed, held))
    assert shelf.asked == [{1, 2}]
    shelf.articles[2] = changed = replace(article(2), title="后来改的")
    again = FeedContents(versions=[version(changed, revision=2), version(article(1))])
    found = dict(documents.of(FEED, again))
    assert shelf.asked == [{1, 2}, {2}]
    assert found[RSS] == document(RSS, FEED, [changed, article(1)])


def test_a_feed_of_more_formats_serializes_what_is_missing_alone() -> None:
    shelf = Shelf()
    held = shelf.add(article(1))
    documents = FeedDocuments(shelf.articles_of, max_bytes=10**6)
    dict(documents.of(replace(FEED, formats=(ATOM,)), held))
    found = dict(documents.of(FEED, held))
    assert found == {name: document(name, FEED, [article(1)]) for name in (RSS, ATOM, JSON)}
    assert shelf.asked == [{1}, {1}]


def test_entries_of_the_last_documents_stand_in_the_next_ones_until_their_article_changes() -> None:
    shelf = Shelf()
    articles = [article(3), article(2), article(1)]
    held = shelf.add(*articles)
    documents = FeedDocuments(shelf.articles_of, max_bytes=10**6)
    before = dict(documents.of(FEED, held))
    documents.forget()
    shelf.asked.clear()
    shelf.articles[2] = changed = replace(article(2), title="后来改的")
    new = article(4)
    shelf.articles[4] = new
    versions = [version(new, 9), version(article(3)), version(changed, 9), version(article(1))]
    known = Previous(documents=before, revision=8)
    found = dict(documents.of(FEED, FeedContents(versions=versions), known))
    assert shelf.asked == [{2, 4}]
    expected = [new, article(3), changed, article(1)]
    assert found == {name: document(name, FEED, expected) for name in (RSS, ATOM, JSON)}


def test_a_summary_in_the_place_of_an_article_does_not_stand_in_the_next_documents() -> None:
    shelf = Shelf()
    articles = [replace(article(n), body=SafeHtml("<p>" + "x" * 10_000)) for n in (2, 1)]
    held = shelf.add(*articles)
    before = dict(FeedDocuments(shelf.articles_of, max_bytes=15_000).of(FEED, held))
    assert all(one != document(name, FEED, articles) for name, one in before.items())
    known = Previous(documents=before, revision=8)
    found = dict(FeedDocuments(shelf.articles_of, max_bytes=10**6).of(FEED, held, known))
    assert found == {name: document(name, FEED, articles) for name in (RSS, ATOM, JSON)}


def test_what_was_withdrawn_a_moment_ago_is_left_out() -> None:
    shelf = Shelf()
    held = shelf.add(article(2), article(1))
    del shelf.articles[2]
    found = dict(FeedDocuments(shelf.articles_of, max_bytes=10**6).of(FEED, held))
    assert article(2).id.encode() not in found[ATOM]
    assert article(1).id.encode() in found[ATOM]


@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_a_document_that_fits_to_the_byte_is_whole(spare: int) -> None:
    shelf = Shelf()
    articles = [replace(article(n), body=SafeHtml("<p>" + "x" * 2_000)) for n in (3, 2, 1)]
    held = shelf.add(*articles)
    feed = replace(FEED, formats=(JSON,))
    whole = document(JSON, feed, articles)
    limit = len(whole) + 2 + spare  # the last entry counts as if another one followed
    (_, found), *_ = FeedDocuments(shelf.articles_of, max_bytes=limit).of(feed, held)
    assert len(found) <= limit
    assert (found == whole) is (spare >= 0)


FORM = EntryForm("rss.xml", True, "zh-CN")


def test_an_entry_is_found_by_all_that_decides_its_bytes() -> None:
    cache = EntryCache()
    cache.put(FORM, 7, 3, b"<item/>")
    assert cache.get(FORM, 7, 3) == b"<item/>"
    assert cache.get(FORM, 8, 3) is None
    for other in (
        replace(FORM, format="atom.xml"),
        replace(FORM, full=False),
        replace(FORM, language="en"),
    ):
        assert cache.get(other, 7, 3) is None


def test_an_entry_of_another_revision_is_not_found_and_takes_its_place() -> None:
    cache = EntryCache()
    cache.put(FORM, 7, 3, b"old")
    assert cache.get(FORM, 7, 4) is None
    cache.put(FORM, 7, 4, b"new")
    assert cache.get(FORM, 7, 4) == b"new"
    assert cache.get(FORM, 7, 3) is None


def test_what_was_not_used_for_the_longest_time_goes_first() -> None:
    cache = EntryCache(capacity=3)
    for sequence in (1, 2, 3):
        cache.put(FORM, sequence, 1, b"x")
    assert cache.get(FORM, 1, 1)
    cache.put(FORM, 4, 1, b"x")
    assert [cache.get(FORM, one, 1) for one in (1, 2, 3, 4)] == [b"x", None, b"x", b"x"]


def test_an_entry_larger_than_all_is_not_kept() -> None:
    cache = EntryCache(capacity=3)
    cache.put(FORM, 1, 1, b"four")
    assert cache.get(FORM, 1, 1) is None
    cache.put(FORM, 2, 1, b"two")
    assert cache.get(FORM, 2, 1) == b"two"


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.binary(max_size=9))))
def test_it_never_holds_more_bytes_than_it_may_and_never_another_entry(
    entries: list[tuple[int, int, bytes]],
) -> None:
    cache = EntryCache(capacity=12)
    last: dict[int, tuple[int, bytes]] = {}
    for sequence, revision, entry in entries:
        cache.put(FORM, sequence, revision, entry)
        last[sequence] = (revision, entry)
        kept = [cache.get(FORM, one, known[0]) for one, known in last.items()]
        assert sum(len(one) for one in kept if one is not None) <= 12
        for found, known in zip(kept, last.values(), strict=True):
            assert found in (None, known[1])
    assert cache._size == sum(len(one) for _, one in cache._kept.values())
