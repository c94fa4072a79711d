from __future__ import annotations

import locale
import os
import subprocess
import sys
import threading
from calendar import timegm
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from digest import __version__
from digest.articles.characters import publishable
from digest.articles.model import Article, ArticleId, Credit, SafeHtml
from digest.articles.reading.enclosures import Enclosure
from digest.feeds.formats import FORMATS
from digest.feeds.model import ATOM, JSON, RSS, Feed
from digest.feeds.opml import opml
from digest.feeds.rss_atom import (
    WORD_JOINER,
    as_html,
    image_type,
    last_change,
    person,
    unmistakable,
)
from digest.times import rfc822
from tests.defaults import default_feed, default_plan
from tests.effort import effort
from tests.feed_validation.syntax import mistakable
from tests.feeds.samples import NOON, PORTS, SITE, TEA, article, atom, document, json_feed, rss

#: Texts that look like markup, or nearly.
MARKED = st.lists(
    st.sampled_from(["<", ">", "&", "&amp;", "&lt", "&#60;", "<b>", "</b>", "<!--", "R&D", " "])
    | st.text(max_size=3)
).map("".join)


Write = Callable[[Feed, Sequence[Article]], bytes]
FEED = default_feed(site=SITE, category=PORTS)
ROOT = default_feed(site=SITE, category=None)
A = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
SY = "{http://purl.org/rss/1.0/modules/syndication/}"
MEDIA = "{http://search.yahoo.com/mrss/}"
BOTH = pytest.mark.parametrize("write", [rss, atom])


def shown(text: str) -> str:
    """Return a text as a reader sees it."""
    return text.replace(WORD_JOINER, "")


def parse(document: bytes) -> Any:
    parsed = feedparser.parse(document)
    assert not parsed.bozo, parsed.get("bozo_exception")
    return parsed


@BOTH
def test_a_recording_is_what_podcast_players_get(write: Write) -> None:
    sound = Enclosure(url="https://x.org/a.mp3", media_type="audio/mpeg", length=9, duration=60)
    (entry,) = parse(write(FEED, [replace(article(1), enclosure=sound)])).entries
    first = entry.enclosures[0]
    assert (first.href, first.type, first.length) == (sound.url, "audio/mpeg", "9")
    assert entry.media_thumbnail, "its picture is not lost"
    unsized = replace(sound, length=0)
    (entry,) = parse(write(FEED, [replace(article(1), enclosure=unsized)])).entries
    assert entry.enclosures[0].get("length", "0") == "0"


@BOTH
@pytest.mark.parametrize("url", [None, "https://harbour.example/"])
def test_readers_find_the_source(write: Write, url: str | None) -> None:
    credited = article(1, credit=Credit(name="Harbour & <News>", url=url))
    (entry,) = parse(write(FEED, [credited])).entries
    assert entry.source.title == "Harbour & <News>"
    assert entry.source.get("href", entry.source.get("link")) == (url or credited.link)
    assert (entry.id, entry.link) == (credited.id, credited.link)


@BOTH
def test_a_reader_finds_what_was_written(write: Write) -> None:
    articles = [article(number) for number in (3, 2, 1)]
    parsed = parse(write(FEED, articles))
    assert shown(parsed.feed.title) == FEED.title
    assert parsed.feed.link == FEED.link()
    assert parsed.feed.language == "zh-CN"
    assert [entry.id for entry in parsed.entries] == [one.id for one in articles]
    for entry, one in zip(parsed.entries, articles, strict=True):
        assert shown(entry.title) == one.title
        assert entry.link == one.link
        assert unescape(entry.summary) == one.summary
        assert entry.content[0].value == one.body
        assert [author.name for author in entry.authors] == list(one.authors)
        seconds = timegm(entry.published_parsed)
        assert seconds == int(one.published_at.timestamp())
        assert entry.links[0].rel == "alternate"
        assert entry.enclosures[0].href == one.image
        assert entry.enclosures[0].type == "image/png"
        assert entry.media_content[0]["url"] == one.image
        assert entry.media_thumbnail[0]["url"] == one.image


@BOTH
def test_without_full_there_is_only_the_summary(write: Write) -> None:
    entry = parse(write(replace(FEED, full=False), [article()])).entries[0]
    assert "content" not in entry
    assert unescape(entry.summary) == article().summary


@BOTH
def test_an_article_with_as_little_as_possible_is_an_entry(write: Write) -> None:
    bare = article(
        authors=(),
        categories=(),
        link=None,
        image=None,
        summary="",
        body=SafeHtml(""),
    )
    entry = parse(write(ROOT, [bare])).entries[0]
    assert entry.link == f"https://ferry.example/articles/{bare.key}/"
    assert "enclosures" not in entry or not entry.enclosures
    assert "media_content" not in entry


def test_rss_names_itself_and_its_page_and_orders_what_readers_expect_in_order() -> None:
    channel = etree.fromstring(rss(FEED, [article()])).find("channel")
    assert channel is not None
    assert channel.findtext("link") == FEED.link()
    assert unescape(channel.findtext("description", "")) == FEED.title
    assert channel.findtext("generator") == f"Digest {__version__}"
    assert channel.findtext("lastBuildDate") == "Mon, 20 May 2024 12:01:37 GMT"
    (own,) = channel.findall(f"{A}link")
    assert own.items() == [
        ("href", FEED.link(RSS)),
        ("rel", "self"),
        ("type", "application/rss+xml"),
    ]
    item = channel.find("item")
    assert item is not None
    names = [child.tag for child in item]
    assert names.index("description") < names.index(f"{CONTENT}encoded")
    assert "author" not in names  # it would have to be an address
    assert [creator.text for creator in item.findall(f"{DC}creator")] == ["林舟", "Ada Whitfield"]
    guid = item.find("guid")
    assert guid is not None
    assert guid.get("isPermaLink") == "false"
    assert guid.text == article().id
    category = item.find("category")
    assert category is not None
    assert category.text == "商业 / 航运 / 港口 & Docks"
    assert category.get("domain") == "tag:ferry.example,2024:categories"
    assert item.findtext("pubDate") == "Mon, 20 May 2024 12:01:07 GMT"
    enclosure = item.find("enclosure")
    assert enclosure is not None
    assert enclosure.get("length") == "0"
    assert item.find(f"{DC}language") is None


def test_atom_has_links_with_relations_and_categories_with_labels() -> None:
    feed = etree.fromstring(atom(FEED, [article(language="en")]))
    links = [(link.get("rel"), link.get("href")) for link in feed.findall(f"{A}link")]
    assert links == [("self", FEED.link(ATOM)), ("alternate", FEED.link())]
    assert feed.findtext(f"{A}id") == FEED.id
    assert feed.findtext(f"{A}updated") == "2024-05-20T12:01:37.000001+00:00"
    assert feed.findtext(f"{A}author/{A}name") == "编辑部"
    assert feed.find(f"{A}author/{A}email") is None
    entry = feed.find(f"{A}entry")
    assert entry is not None
    assert entry.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert [dict(link.attrib) for link in entry.findall(f"{A}link")] == [
        {"href": article().link, "rel": "alternate"},
        {"href": article().image, "rel": "enclosure", "type": "image/png"},
    ]
    category = entry.find(f"{A}category")
    assert category is not None
    assert category.get("term") == PORTS.folder
    assert category.get("label") == PORTS.name
    assert category.get("scheme") == "tag:ferry.example,2024:categories"
    content = entry.find(f"{A}content")
    assert content is not None
    assert content.get("type") == "html"
    assert entry.find(f"{MEDIA}thumbnail") is not None


def test_pictures_rights_and_rhythm_are_given_where_they_are_configured() -> None:
    site = replace(
        SITE,
        icon="https://ferry.example/i.png",
        logo="https://ferry.example/l.png",
        copyright="© 2024 <Ferry>",
    )
    feed = default_feed(site=site, category=PORTS, ttl=timedelta(minutes=15))
    channel = etree.fromstring(rss(feed, [article()])).find("channel")
    assert channel is not None
    assert channel.findtext("copyright") == "© 2024 <Ferry>"
    assert channel.findtext("image/url") == "https://ferry.example/l.png"
    assert channel.findtext("image/title") == channel.findtext("title")
    assert channel.findtext("image/link") == channel.findtext("link")
    assert channel.findtext("docs") == "https://www.rssboard.org/rss-specification"
    assert channel.findtext("ttl") == "15"
    assert channel.findtext(f"{SY}updatePeriod") == "hourly"
    assert channel.findtext(f"{SY}updateFrequency") == "4"
    root = etree.fromstring(atom(feed, [article()]))
    assert root.findtext(f"{A}icon") == "https://ferry.example/i.png"
    assert root.findtext(f"{A}logo") == "https://ferry.example/l.png"
    assert root.findtext(f"{A}rights") == "© 2024 <Ferry>"
    generator = root.find(f"{A}generator")
    assert generator is not None
    assert (generator.text, generator.get("version")) == ("Digest", __version__)

    only = replace(feed, site=replace(site, logo="", copyright=""))
    assert etree.fromstring(rss(only, [])).findtext("channel/image/url") == site.icon
    assert etree.fromstring(atom(only, [])).find(f"{A}logo") is None
    assert etree.fromstring(rss(FEED, [])).find("channel/image") is None


def test_entries_that_changed_at_the_same_second_have_different_times_in_atom() -> None:
    articles = [article(number, published_at=NOON, updated_at=NOON) for number in (3, 2, 1)]
    feed = etree.fromstring(atom(FEED, articles))
    times = [entry.findtext(f"{A}updated", "") for entry in feed.iter(f"{A}entry")]
    assert len(set(times)) == 3
    assert {time.partition(".")[0] for time in times} == {"2024-05-20T12:00:07"}
    assert feed.findtext(f"{A}updated") == max(times)


def test_a_summary_that_looks_like_markup_stays_text_in_rss() -> None:
    one = article(summary="<script>alert(1)</script> & <b>", title="Why <b>bold</b> & &lt;?")
    item = etree.fromstring(rss(FEED, [one])).find("channel/item")
    assert item is not None
    assert item.findtext("description") == ("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;")
    assert shown(item.findtext("title", "")) == one.title
    assert "<b>" not in item.findtext("title", "")


def test_metadata_stands_before_the_entries() -> None:
    channel = etree.fromstring(rss(FEED, [article(1), article(2)])).find("channel")
    assert channel is not None
    assert [child.tag for child in channel][-2:] == ["item", "item"]
    names = [child.tag for child in etree.fromstring(atom(FEED, [article(1), article(2)]))]
    assert names.index(f"{A}entry") == len(names) - 2


def test_an_article_in_another_language_says_so_in_rss() -> None:
    parsed = etree.fromstring(rss(FEED, [article(language="en")]))
    assert parsed.findtext(f"channel/item/{DC}language") == "en"


def test_the_publishers_address_is_given_where_there_is_one() -> None:
    feed = replace(FEED, site=replace(SITE, email="desk@ferry.example"))
    assert (
        etree.fromstring(rss(feed, [])).findtext("channel/managingEditor")
        == "desk@ferry.example (编辑部)"
    )
    author = etree.fromstring(atom(feed, [])).find(f"{A}author")
    assert author is not None
    assert author.findtext(f"{A}email") == "desk@ferry.example"


def test_the_publishers_address_stands_alone_where_nobody_has_a_name() -> None:
    site = replace(SITE, email="desk@ferry.example", author="", title="")
    feed = default_feed(site=site, category=None)
    channel = etree.fromstring(rss(feed, [])).find("channel")
    assert channel is not None
    assert channel.findtext("managingEditor") == "desk@ferry.example"
    assert channel.findtext("title") == "https://ferry.example/feeds/"
    author = etree.fromstring(atom(feed, [])).find(f"{A}author")
    assert author is not None
    assert author.findtext(f"{A}name") == "ferry.example"
    assert author.findtext(f"{A}uri") == feed.link()


def test_a_site_without_an_author_is_the_author_itself() -> None:
    feed = replace(FEED, site=replace(SITE, author=""))
    assert etree.fromstring(atom(feed, [])).findtext(f"{A}author/{A}name") == SITE.title


def test_an_empty_feed_is_a_feed_and_holds_no_clock() -> None:
    assert etree.fromstring(rss(FEED, [])).find("channel/lastBuildDate") is None
    assert parse(rss(FEED, [])).entries == []
    assert etree.fromstring(atom(FEED, [])).findtext(f"{A}updated") == "2000-01-01T00:00:00+00:00"
    assert parse(atom(FEED, [])).entries == []


def test_a_feed_was_updated_when_its_newest_change_was() -> None:
    old = article(1, updated_at=NOON + timedelta(days=9))
    new = article(2)
    changes = [(one.updated_at, one.sequence) for one in (new, old)]
    changed_at = last_change(changes)
    assert changed_at is not None
    assert changed_at.replace(microsecond=0) == (NOON + timedelta(days=9)).replace(microsecond=0)
    assert changed_at.microsecond == old.sequence
    assert last_change([]) is None


@BOTH
def test_a_browser_is_told_the_style_without_the_host(write: Write) -> None:
    site = replace(SITE, url="https://example.org/a b&c".replace(" ", "%20"))
    first = write(default_feed(site=site, category=None), []).split(b"\n")
    assert first[0] == b'<?xml version="1.0" encoding="UTF-8"?>'
    assert first[1] == b'<?xml-stylesheet type="text/css" href="/a%20b%26c/feeds/feed.css"?>'


@BOTH
def test_what_xml_cannot_hold_is_dropped_and_breaks_nothing(write: Write) -> None:
    bad = "x\x00\x08\x1b\ud800\ufffe\uffffy"
    one = article(
        id=ArticleId("tag:ferry.example,2024:" + bad),
        title=bad,
        authors=(bad,),
        summary=bad,
        body=SafeHtml(f"<p>{bad}</p>"),
        link="https://elsewhere.example/" + bad,
        image="https://img.example/a.gif" + bad,
        language="en" + bad,
    )
    site = replace(SITE, title=bad, author=bad, email=bad + "@ferry.example", language="zh" + bad)
    entry = parse(write(default_feed(site=site, category=None), [one])).entries[0]
    assert entry.title == "xy"
    assert entry.content[0].value == "<p>xy</p>"
    assert entry.link == "https://elsewhere.example/xy"


@BOTH
def test_a_title_of_nothing_but_such_characters_becomes_the_link(write: Write) -> None:
    assert parse(write(FEED, [article(title="\x01")])).entries[0].title == article().link


#: An RSS item without a summary has its body in the description.
BODIES = f"{CONTENT}encoded", f"{A}content", "description"

hostile = st.text(
    alphabet=st.one_of(st.sampled_from("<>&\"']]>\x00\x0b\r\n\t\ud800\ufffe€茶🫖"), st.characters())
)


@settings(max_examples=effort(20, soak=60))
@given(title=hostile, summary=hostile, body=hostile, author=hostile, name=hostile)
def test_whatever_stands_in_an_article_the_feed_is_well_formed(
    title: str, summary: str, body: str, author: str, name: str
) -> None:
    one = article(
        title=title or "x", summary=summary, body=SafeHtml(body), authors=(author,), link=None
    )
    feed = default_feed(site=replace(SITE, title=name), category=None)
    for write in (rss, atom):
        document = write(feed, [one, article(2)])
        root = etree.fromstring(document)
        assert len(list(root.iter("item", f"{A}entry"))) == 2
        texts = {element.text for element in root.iter(*BODIES)}
        kept = publishable(body)
        if kept:
            assert not texts.isdisjoint({body, kept})


@given(hostile)
def test_what_is_publishable_fits_into_xml(text: str) -> None:
    element = etree.Element("x")
    element.text = publishable(text)
    assert etree.fromstring(etree.tostring(element)).text == (publishable(text) or None)


@BOTH
def test_the_bytes_are_the_same_each_time(write: Write) -> None:
    articles = [article(number) for number in range(5)]
    assert write(FEED, articles) == write(FEED, articles)


SCRIPT = """
import locale, sys
locale.setlocale(locale.LC_ALL, sys.argv[1])
from tests.feeds.samples import article, atom, json_feed, rss
from tests.feeds.test_rss_atom import FEED
from tests.defaults import default_feed, default_plan
articles = [article(number) for number in range(3)]
sys.stdout.buffer.write(b"".join(write(FEED, articles) for write in (rss, atom, json_feed)))
"""


def test_the_bytes_do_not_depend_on_hash_seed_locale_or_zone() -> None:
    seen = set()
    for seed, name, zone in (("1", "C", "UTC"), ("77", "C.UTF-8", "Asia/Shanghai")):
        seen.add(
            subprocess.run(
                [sys.executable, "-c", SCRIPT, name],
                env={
                    **os.environ,
                    "PYTHONHASHSEED": seed,
                    "TZ": zone,
                    "PYTHONPATH": os.pathsep.join(sys.path),
                },
                capture_output=True,
                check=True,
            ).stdout
        )
    assert len(seen) == 1
    assert b"Mon, 20 May 2024" in seen.pop()


def test_the_locale_of_the_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object) -> str:
        raise AssertionError("the locale was touched")

    monkeypatch.setattr(locale, "setlocale", touched)
    assert rfc822(article().published_at).encode() in rss(FEED, [article()])
    assert atom(FEED, [article()])
    assert json_feed(FEED, [article()])
    assert opml(default_plan(site=SITE), [PORTS])


@pytest.mark.parametrize("name", [RSS, ATOM, JSON])
def test_an_entry_is_the_same_in_every_feed_of_its_kind(name: str) -> None:
    one = article(language="en")
    entries = {FORMATS[name].entry(feed, one) for feed in (FEED, ROOT, replace(FEED, limit=9))}
    (entry,) = entries
    assert entry in document(name, ROOT, [article(3), one, article(4)])
    assert entry != FORMATS[name].entry(replace(FEED, full=False), one)


def test_feeds_can_be_written_in_several_threads() -> None:
    articles = [article(number, categories=(TEA,)) for number in range(20)]
    writers = (rss, atom, json_feed)
    expected = [write(FEED, articles) for write in writers]
    results: list[list[bytes]] = []

    def work() -> None:
        results.extend([write(FEED, articles) for write in writers] for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 20


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://img.example/a.PNG?x=.gif", "image/png"),
        ("https://img.example/a.webp#top", "image/webp"),
        ("https://img.example/a.jpg", "image/jpeg"),
        ("https://img.example/a", "image/jpeg"),
        ("https://img.example/a.php?img=b.png", "image/jpeg"),
        ("https://img.example", "image/jpeg"),
    ],
)
def test_the_type_of_an_image_comes_from_its_extension(url: str, expected: str) -> None:
    assert image_type(url) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada Whitfield", {"name": "Ada Whitfield"}),
        ("林舟", {"name": "林舟"}),
        ("ada@ferry.example", {"name": "ada", "email": "ada@ferry.example"}),
        ("Ada <ada@ferry.example>", {"name": "Ada <ada@ferry.example>"}),
        ("@ada", {"name": "@ada"}),
        (
            "https://茶.example/ä",
            {"name": "xn--cl1a.example", "uri": "https://xn--cl1a.example/%C3%A4"},
        ),
        ("HTTP://a.example", {"name": "a.example", "uri": "http://a.example"}),
        ("https://", {"name": "https://"}),
        ("a.example", {"name": "a.example"}),
    ],
)
def test_an_address_is_no_name(name: str, expected: dict[str, str]) -> None:
    assert person(name) == expected


@given(MARKED)
def test_a_text_can_no_longer_be_mistaken_and_is_read_as_it_was(text: str) -> None:
    plain = unmistakable(text)
    assert not mistakable(plain)
    assert unescape(plain) == plain
    assert plain.replace(WORD_JOINER, "") == text.replace(WORD_JOINER, "")


@pytest.mark.parametrize("text", ["", "茶", "R&D", "AT&T & Co", "1 < 2", "a <- b", "x & y;", "&"])
def test_what_nobody_mistakes_stays_as_it_is(text: str) -> None:
    assert unmistakable(text) == text


def test_a_number_of_thousands_of_digits_is_no_error() -> None:
    assert unmistakable("&#" + "9" * 9_999) == "&" + WORD_JOINER + "#" + "9" * 9_999


@given(MARKED)
def test_html_shows_the_text(text: str) -> None:
    assert unescape(as_html(text)) == text
    assert "<" not in as_html(text)
