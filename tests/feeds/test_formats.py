"""Formats: documents of the current feed and of its archives, put together from entries."""

from __future__ import annotations

import json
from dataclasses import replace

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from digest.articles.model import Article, ArticleId, Tombstone
from digest.feeds.archive import Content, Place
from digest.feeds.feedgen_extensions import HISTORY
from digest.feeds.formats import FORMATS
from digest.feeds.model import ATOM, JSON, RSS
from digest.feeds.rss_atom import last_change
from tests.defaults import default_feed
from tests.effort import effort
from tests.feed_validation import validate
from tests.feeds.hostile import articles
from tests.feeds.samples import NOON, PORTS, SHIPS, SITE, article, document

FH = f"{{{HISTORY}}}"
A = "{http://www.w3.org/2005/Atom}"
FEED = default_feed(site=replace(SITE, hubs=("https://hub.example/",)), category=PORTS)
GONE = Tombstone(id=ArticleId("tag:ferry.example,2024:gone"), withdrawn_at=NOON)
EACH = pytest.mark.parametrize("name", FORMATS)


def links(written: bytes) -> dict[str, str]:
    return {
        link.get("rel", ""): link.get("href", "")
        for link in etree.fromstring(written).iterfind(f"{A}link")
    }


def test_atom_documents_lead_from_the_current_one_to_the_first_archive() -> None:
    articles = [article(2), article(1)]
    current, second, first = (
        document(ATOM, FEED, articles, (GONE,), Place(newest=2, number=number))
        for number in (None, 2, 1)
    )
    here = FEED.link()
    assert links(current) == {
        "self": f"{here}atom.xml",
        "alternate": here,
        "prev-archive": f"{here}archive.d/2/atom.xml",
        "hub": "https://hub.example/",
    }
    assert links(second) == {
        "self": f"{here}archive.d/2/atom.xml",
        "alternate": here,
        "prev-archive": f"{here}archive.d/1/atom.xml",
        "current": f"{here}atom.xml",
    }
    assert links(first)["next-archive"] == links(second)["self"]
    assert "prev-archive" not in links(first)
    assert etree.fromstring(current).find(f"{FH}archive") is None
    for written in (second, first):
        mark = etree.fromstring(written).find(f"{FH}archive")
        assert mark is not None
        assert mark.getnext() is not None, "it stands before the entries"
        assert b"deleted-entry" in written
    ids = {etree.fromstring(one).findtext(f"{A}id") for one in (current, second, first)}
    assert ids == {FEED.id}


def test_json_documents_lead_to_older_items() -> None:
    current, first = (
        json.loads(document(JSON, FEED, [article(1)], (GONE,), Place(newest=1, number=number)))
        for number in (None, 1)
    )
    here = FEED.link()
    assert current["next_url"] == first["feed_url"] == f"{here}archive.d/1/feed.json"
    assert "next_url" not in first
    assert ("hubs" in current, "hubs" in first) == (True, False)


def test_rss_knows_no_archives() -> None:
    assert not FORMATS[RSS].archived
    alone = document(RSS, FEED, [article(1)])
    assert document(RSS, FEED, [article(1)], (GONE,), Place(newest=2)) == alone


@EACH
def test_an_entry_has_the_same_bytes_in_every_feed_like_it(name: str) -> None:
    feeds = [FEED, replace(FEED, category=SHIPS, called="港", limit=1)]
    entries = [FORMATS[name].entry(feed, article(1)) for feed in feeds]
    assert entries[0] == entries[1]
    for feed in feeds:
        assert entries[0] in document(name, feed, [article(2), article(1)])


@EACH
@pytest.mark.parametrize("full", [True, False])
@settings(max_examples=effort(5, soak=100))
@given(some=articles())
def test_a_document_is_taken_apart_into_the_entries_it_was_made_of(
    name: str, full: bool, some: list[Article]
) -> None:
    feed = replace(FEED, full=full)
    entries = {one.id.encode(): FORMATS[name].entry(feed, one) for one in some}
    found = FORMATS[name].split(document(name, feed, some, (GONE,), Place(newest=2)), full)
    if full:
        bodiless = {one.id.encode() for one in some if not (one.body and one.summary)}
        assert entries.keys() - found.keys() <= bodiless
    else:
        assert entries.keys() <= found.keys() or any(set('&<>"\\') & set(one.id) for one in some)
    for tag in entries.keys() & found.keys():
        assert found[tag] == entries[tag]
    if full:
        bare = document(name, replace(feed, full=False), some)
        assert not {tag for tag, entry in FORMATS[name].split(bare, True).items() if tag and entry}


@EACH
def test_what_is_left_of_a_document_is_taken_apart_as_far_as_it_goes(name: str) -> None:
    whole = document(name, FEED, [article(2), article(1)], (GONE,))
    entries = FORMATS[name].split(whole, True)
    for length in range(len(whole)):
        rest = FORMATS[name].split(whole[:length], True)
        assert rest.items() <= entries.items()
    assert len(entries) == 2


@EACH
def test_a_document_without_entries_has_none_to_be_taken_out(name: str) -> None:
    assert not any(FORMATS[name].split(document(name, FEED, [], (GONE,)), False).values())


@EACH
def test_an_entry_depends_on_the_language_of_its_feed_and_on_how_much_it_tells(name: str) -> None:
    one = article(1, language="en")
    english = replace(FEED, site=replace(SITE, language="en"))
    forms = [FORMATS[name].entry(feed, one) for feed in (FEED, english, replace(FEED, full=False))]
    assert len(set(forms)) == 3


@EACH
def test_documents_of_entries_are_valid_feeds(name: str) -> None:
    articles = [article(number, language="en" if number % 2 else None) for number in (3, 2, 1)]
    for place in (Place(newest=2), Place(newest=2, number=1)):
        for some in (articles, []):
            written = document(name, FEED, some, (GONE,), place)
            address = FEED.link(place.path(name) if FORMATS[name].archived else name)
            assert validate(written, address=address, now=NOON.replace(year=2025)) == ()


@EACH
@given(
    st.lists(
        st.text(st.one_of(st.sampled_from("<>&\"']/!-\x00\ud800"), st.characters())), max_size=3
    )
)
def test_entries_cannot_break_out_of_their_document(name: str, texts: list[str]) -> None:
    articles = [article(n, title=text or "x", summary=text) for n, text in enumerate(texts)]
    written = document(name, FEED, articles)
    if name == JSON:
        assert len(json.loads(written)["items"]) == len(texts)
        return
    parsed = feedparser.parse(written)
    assert not parsed.bozo
    assert len(parsed.entries) == len(texts)
    root = etree.fromstring(written)
    parent = root if name == ATOM else root.find("channel")
    assert parent is not None
    assert len(parent.findall(f"{A}entry" if name == ATOM else "item")) == len(texts)


def test_a_document_says_when_its_articles_changed_last() -> None:
    assert last_change([]) is None
    articles = [article(2), article(1, updated_at=NOON.replace(hour=20))]
    at = last_change((one.updated_at, one.sequence) for one in articles)
    assert at == NOON.replace(hour=20, microsecond=1)
    content = Content(changed_at=at, gone=(), place=Place())
    entries = [FORMATS[ATOM].entry(FEED, one) for one in articles]
    assert FORMATS[ATOM].document(FEED, entries, content) == document(ATOM, FEED, articles)
