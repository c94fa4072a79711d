"""Whatever articles hold: feeds without a finding, and readers that find the articles in them."""

from __future__ import annotations

import json
import re
from calendar import timegm
from html import unescape
from operator import attrgetter
from typing import Any

import feedparser
from hypothesis import HealthCheck, given, settings
from lxml import etree

from digest.articles.model import Article
from digest.feeds.model import ATOM, JSON, RSS, article_link
from digest.feeds.rss_atom import WORD_JOINER, person
from digest.times import rfc822, rfc3339
from tests.defaults import default_feed
from tests.feed_validation import validate
from tests.feed_validation.syntax import rfc3339_moment
from tests.feeds.hostile import articles
from tests.feeds.samples import NOON, SITE, article, atom, json_feed, rss

FEED = default_feed(site=SITE, category=None)
A = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
#: feedparser takes names apart at what looks like an address or brackets.
PLAIN_NAME = re.compile(r"[\w -]+")
SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def shown(text: str) -> str:
    return text.replace(WORD_JOINER, "")


def language(one: Article) -> str | None:
    return one.language if one.language != SITE.language else None


@SOME
@given(articles())
def test_no_rule_finds_anything_wrong(some: list[Article]) -> None:
    for name, write in ((RSS, rss), (ATOM, atom), (JSON, json_feed)):
        for full in (True, False):
            feed = default_feed(site=SITE, category=None, full=full)
            document = write(feed, some)
            assert validate(document, address=feed.link(name), now=NOON) == ()


@SOME
@given(articles())
def test_rss_reads_back_as_the_articles(some: list[Article]) -> None:
    items = etree.fromstring(rss(FEED, some)).findall("channel/item")
    for item, one in zip(items, some, strict=True):
        assert shown(item.findtext("title", "")) == one.title
        assert item.findtext("link") == article_link(SITE, one)
        assert item.findtext("guid") == one.id
        assert item.findtext("pubDate") == rfc822(one.published_at)
        assert [name.text for name in item.findall(f"{DC}creator")] == list(one.authors)
        assert [shown(tag.text or "") for tag in item.findall("category")] == [
            str(category) for category in one.categories
        ]
        assert item.findtext(f"{DC}language") == language(one)
        body = item.findtext(f"{CONTENT}encoded" if one.summary else "description", "")
        assert body == one.body
        if one.summary:
            assert unescape(item.findtext("description", "")) == one.summary
        enclosure = item.find("enclosure")
        assert (None if enclosure is None else enclosure.get("url")) == one.image


@SOME
@given(articles())
def test_atom_reads_back_as_the_articles(some: list[Article]) -> None:
    entries = etree.fromstring(atom(FEED, some)).findall(f"{A}entry")
    for entry, one in zip(entries, some, strict=True):
        links = {link.get("rel"): link.get("href") for link in entry.findall(f"{A}link")}
        assert entry.findtext(f"{A}title") == one.title
        assert entry.findtext(f"{A}id") == one.id
        assert (links["alternate"], links.get("enclosure")) == (article_link(SITE, one), one.image)
        published = rfc3339_moment(entry.findtext(f"{A}published", ""))
        assert published == one.published_at.replace(microsecond=0)
        updated = rfc3339_moment(entry.findtext(f"{A}updated", ""))
        assert updated is not None
        assert updated.replace(microsecond=0) == one.updated_at.replace(microsecond=0)
        assert [
            {child.tag.removeprefix(A): child.text for child in author}
            for author in entry.findall(f"{A}author")
        ] == [person(name) for name in one.authors]
        assert [(tag.get("term"), tag.get("label")) for tag in entry.findall(f"{A}category")] == [
            (category.folder, category.name) for category in one.categories
        ]
        assert entry.get(XML_LANG) == language(one)
        assert (entry.findtext(f"{A}content") or "") == one.body
        assert (entry.findtext(f"{A}summary") or "") == one.summary


@SOME
@given(articles())
def test_json_reads_back_as_the_articles(some: list[Article]) -> None:
    items = json.loads(json_feed(FEED, some))["items"]
    for item, one in zip(items, some, strict=True):
        assert (item["id"], item["title"]) == (one.id, one.title)
        assert item["url"] == article_link(SITE, one)
        assert item["date_published"] == rfc3339(one.published_at)
        assert item["date_modified"] == rfc3339(one.updated_at)
        assert [author["name"] for author in item.get("authors", [])] == list(one.authors)
        assert item.get("tags", []) == [str(category) for category in one.categories]
        assert item.get("language") == language(one)
        assert item.get("content_html", "") == one.body
        assert item.get("summary", "") == one.summary
        assert item.get("image") == one.image


@SOME
@given(articles())
def test_feedparser_finds_the_articles(some: list[Article]) -> None:
    for write, label in ((rss, str), (atom, attrgetter("name"))):
        document = write(FEED, some)
        parsed = feedparser.parse(document, sanitize_html=False, resolve_relative_uris=False)
        assert not parsed.bozo, parsed.get("bozo_exception")
        for entry, one in zip(parsed.entries, some, strict=True):
            assert mended(shown(entry.title)) == mended(one.title)
            assert entry.id == one.id
            # It takes references out of addresses, wherever they stand.
            assert unescape(entry.link) == unescape(article_link(SITE, one))
            assert timegm(entry.published_parsed) == int(one.published_at.timestamp())
            assert not one.body or mended(one.body.strip()) in _bodies(entry)
            assert _tags(entry) == {mended(label(category)) for category in one.categories}
            if all(PLAIN_NAME.fullmatch(name) for name in one.authors):
                names = [author.name for author in entry.get("authors", []) if author]
                assert list(map(mended, names)) == list(map(mended, one.authors))


def mended(text: str) -> str:
    """Return a text as feedparser has it: what could be UTF-8 taken for Latin-1 is, to it."""
    try:
        return text.encode("iso-8859-1").decode("utf-8")
    except UnicodeError:
        return text


def _bodies(entry: Any) -> set[str]:
    found = [part.value.strip() for part in entry.get("content", [])]
    return {mended(text) for text in (*found, entry.get("summary", ""))}


def _tags(entry: Any) -> set[str]:
    return {mended(shown(tag.label or tag.term)) for tag in entry.get("tags", [])}


def test_what_was_lost_when_a_file_wstores_draws_a_warning_and_nothing_else() -> None:
    one = article(title="破损\ufffd的字")
    for name, write in ((RSS, rss), (ATOM, atom), (JSON, json_feed)):
        (finding,) = validate(write(FEED, [one]), address=FEED.link(name), now=NOON)
        assert (finding.rule, finding.severity) == ("characters-suspect", "warning")


def test_articles_of_one_moment_are_in_order_and_distinct() -> None:
    some = [article(number, published_at=NOON, updated_at=NOON) for number in (3, 2, 1)]
    for name, write in ((RSS, rss), (ATOM, atom), (JSON, json_feed)):
        assert validate(write(FEED, some), address=FEED.link(name), now=NOON) == ()
