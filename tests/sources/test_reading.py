"""Reading feeds of every format, as they are."""

from __future__ import annotations

import html
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.model import Attachment, Entry, FeedDocument, NoFeed
from digest.sources.reading import read_feed
from tests.sources.samples import rss

URL = "https://harbour.example/feed.xml"


def only(content: bytes) -> Entry:
    [entry] = read_feed(content, URL).entries
    return entry


def only_item(item: str) -> Entry:
    return only(rss(item))


def atom(entry: str, feed: str = "") -> bytes:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:media="http://search.yahoo.com/mrss/" '
        f'xml:lang="en-GB"><title>Harbour</title>{feed}<entry>{entry}</entry></feed>'
    ).encode()


def test_rss_is_read_with_all_that_it_says() -> None:
    read = read_feed(
        rss(
            "<title>Cranes &amp;amp; ships</title><link>/a?x=1</link>"
            '<guid isPermaLink="false">id-1</guid><category>Port</category>'
            "<pubDate>Tue, 24 Nov 2026 10:00:00 +0100</pubDate>"
            "<description>Short &amp;lt;</description>"
            '<content:encoded><![CDATA[<p>Long <a href="b">b</a></p>]]></content:encoded>'
            "<author>jane@harbour.example (Jane Doe)</author>"
            '<source url="https://up.example/rss">Up</source>',
            channel="<language>de</language><ttl>90</ttl><generator>Hand</generator>",
        ),
        URL,
    )
    assert read == FeedDocument(
        title="Harbour News",
        home="https://harbour.example/",
        generator="Hand",
        pause=timedelta(minutes=90),
        entries=(
            Entry(
                id="id-1",
                title="Cranes & ships",
                link="https://harbour.example/a?x=1",
                authors=("Jane Doe",),
                categories=("Port",),
                published_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
                language="de",
                content='<p>Long <a href="https://harbour.example/b">b</a></p>',
                summary="Short &lt;",
                source_title="Up",
                source_link="https://up.example/rss",
            ),
        ),
    )


def test_atom_is_read_with_html_before_text() -> None:
    entry = only(
        atom(
            "<id>tag:1</id><title type='html'>&lt;b&gt;Bold&lt;/b&gt; one</title>"
            "<link href='https://harbour.example/1'/><updated>2026-11-24T10:00:00Z</updated>"
            "<published>2026-11-23T10:00:00Z</published>"
            "<author><name>Ann</name></author><author><name>Bob</name></author>"
            "<category term='t' label='Label'/><category term='u'/>"
            "<content type='text'>plain</content><content type='html'>&lt;i&gt;x&lt;/i&gt;"
            "</content>"
        )
    )
    assert (entry.title, entry.content) == ("Bold one", "<i>x</i>")
    assert entry.authors == ("Ann", "Bob")
    assert entry.categories == ("Label", "u")
    assert entry.published_at == datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    assert entry.updated_at == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert entry.language == "en-GB"


@pytest.mark.parametrize("declared", ["", ' encoding="utf-8"', ' encoding="iso-8859-1"'])
@pytest.mark.parametrize("media_type", ["", "text/xml", "application/xml; charset=gb2312"])
def test_utf_8_is_read_whatever_is_declared_and_with_a_broken_character(
    declared: str, media_type: str
) -> None:
    head = f'<?xml version="1.0"{declared}?>'.encode()
    document = rss("<title>Größe 码头</title><description>cut |</description>").partition(b"?>")[2]
    for broken, text in ((b"|", "cut |"), (b"\xe7\xa0", "cut \ufffd")):
        read = read_feed(head + document.replace(b"|", broken), URL, media_type)
        assert (read.entries[0].title, read.entries[0].content) == ("Größe 码头", "")
        assert read.entries[0].summary == text


@pytest.mark.parametrize(
    "title",
    [
        "<title>Cranes</title><image><title>A picture</title></image>",
        "<image><title>A picture</title></image><title>Cranes</title>",
        "<title type='html'>Cra&lt;script>if (a) b()&lt;/script>nes</title>",
        "<title type='html'>&lt;style>b {}&lt;/style>Cranes</title>",
    ],
)
def test_a_title_is_what_is_seen_of_the_entrys_own(title: str) -> None:
    assert only(atom(f"<id>1</id>{title}")).title == "Cranes"


def test_the_author_of_an_atom_feed_is_that_of_entries_that_name_none() -> None:
    entry, feed = "<id>1</id><title>t</title>", "<author><name>Ann</name></author>"
    assert only(atom(entry, feed)).authors == ("Ann",)
    assert only(atom(f"{entry}<author><name>Bob</name></author>", feed)).authors == ("Bob",)


def test_plain_text_becomes_paragraphs() -> None:
    entry = only(atom("<id>1</id><title>t</title><content type='text'>a &lt; b\nc\n\nd</content>"))
    assert entry.content == "<p>a &lt; b<br>c</p><p>d</p>"


def test_rdf_is_read() -> None:
    entry = only(
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        b'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        b'<channel rdf:about="https://h.example/"><title>t</title></channel>'
        b'<item rdf:about="https://h.example/1"><title>One</title>'
        b"<link>https://h.example/1</link><dc:creator>Ann</dc:creator>"
        b"<dc:date>2026-11-24T10:00:00Z</dc:date></item></rdf:RDF>"
    )
    assert (entry.title, entry.link, entry.authors) == ("One", "https://h.example/1", ("Ann",))


@pytest.mark.parametrize(
    ("item", "authors"),
    [
        ("<author>jane@harbour.example</author>", ()),
        ("<author>Jane</author>", ("Jane",)),
        ("<author></author>", ()),
    ],
)
def test_mail_addresses_of_authors_are_left_out(item: str, authors: tuple[str, ...]) -> None:
    assert only_item(f"<title>t</title>{item}").authors == authors


def test_an_entry_without_an_id_goes_by_its_link_or_by_what_it_says() -> None:
    assert only_item("<title>t</title><link>https://h.example/1</link>").id == "https://h.example/1"
    first, second = only_item("<title>t</title>").id, only_item("<title>u</title>").id
    assert len(first) == 32
    assert first != second


def test_of_two_entries_with_one_id_the_first_counts() -> None:
    read = read_feed(
        rss("<title>new</title><guid>1</guid>", "<title>old</title><guid>1</guid>"), URL
    )
    assert [entry.title for entry in read.entries] == ["new"]


@pytest.mark.parametrize("date", ["yesterday", "Tue, 99 Foo 2026 10:00:00", ""])
def test_a_date_that_is_none_is_left_out(date: str) -> None:
    assert only_item(f"<title>t</title><pubDate>{date}</pubDate>").published_at is None


def test_a_date_beyond_all_calendars_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from digest.sources.reading import _moment

    assert _moment((10**12, 1, 1, 0, 0, 0, 0, 1, 0)) is None
    assert _moment("text") is None


@pytest.mark.parametrize(
    ("item", "image"),
    [
        ('<media:thumbnail url="/t.jpg"/>', "https://harbour.example/t.jpg"),
        ('<media:content url="/m.jpg" medium="image"/>', "https://harbour.example/m.jpg"),
        ('<enclosure url="/e.png" type="image/png" length="1"/>', "https://harbour.example/e.png"),
        ('<media:content url="/m.mp4" type="video/mp4"/>', ""),
        ('<itunes:image href="https://h.example/i.png"/>', "https://h.example/i.png"),
        ('<media:thumbnail url="javascript:1"/>', ""),
        ('<media:thumbnail url="/avatar.png" width="30" height="30"/>', ""),
        (
            '<media:thumbnail url="/s.jpg" width="99"/><media:thumbnail url="/l.jpg" width="900"/>',
            "https://harbour.example/l.jpg",
        ),
        (
            '<media:content url="/140.jpg?x=1" width="140"/><media:content url="/460.jpg"/>',
            "https://harbour.example/460.jpg",
        ),
    ],
)
def test_a_picture_outside_the_text_is_found(item: str, image: str) -> None:
    assert only_item(f"<title>t</title>{item}").image == image


@pytest.mark.parametrize(
    ("item", "attachment"),
    [
        (
            (
                '<enclosure url="/a.mp3" type="audio/mpeg" length="123"/>'
                "<itunes:duration>1:02</itunes:duration>"
            ),
            Attachment(
                url="https://harbour.example/a.mp3",
                media_type="audio/mpeg",
                length=123,
                duration="1:02",
            ),
        ),
        (
            (
                '<media:content url="/low.mp4" type="video/mp4" isDefault="false"/>'
                '<media:content url="/high.mp4" type="video/mp4" isDefault="true" duration="61"/>'
            ),
            Attachment(
                url="https://harbour.example/high.mp4", media_type="video/mp4", duration="61"
            ),
        ),
        (
            '<enclosure url="/a.M4A?key=1" type="application/octet-stream"/>',
            Attachment(url="https://harbour.example/a.M4A?key=1", media_type="audio/mp4"),
        ),
        ('<enclosure url="/a.exe"/>', None),
        (
            '<media:content url="/v.mp4" type="video/mp4" fileSize="many"/>',
            Attachment(url="https://harbour.example/v.mp4", media_type="video/mp4"),
        ),
        ('<enclosure url="/a.pdf" type="application/pdf"/>', None),
        ('<enclosure url="javascript:1" type="audio/mpeg"/>', None),
    ],
)
def test_a_recording_is_found(item: str, attachment: Attachment | None) -> None:
    assert only_item(f"<title>t</title>{item}").attachment == attachment


@pytest.mark.parametrize(
    ("channel", "pause"),
    [
        ("", None),
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl>999999999999</ttl>", timedelta(minutes=525_600)),
        ("<ttl>soon</ttl>", None),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", timedelta(days=1)),
        (
            "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>",
            timedelta(minutes=30),
        ),
        (
            "<sy:updatePeriod>weekly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>",
            timedelta(weeks=1),
        ),
        ("<sy:updatePeriod>never</sy:updatePeriod>", None),
    ],
)
def test_how_long_a_feed_rests_is_read(channel: str, pause: timedelta | None) -> None:
    assert read_feed(rss(channel=channel), URL).pause == pause


def test_a_truncated_document_gives_what_it_has_and_says_so() -> None:
    whole = rss("<title>One</title><guid>1</guid>", "<title>Two</title><guid>2</guid>")
    read = read_feed(whole[:-40], URL)
    assert read.entries[0].title == "One"
    assert read.problem


def test_another_encoding_than_told_is_no_problem() -> None:
    content = rss("<title>Größe</title>").decode().encode("latin-1")
    content = content.replace(b'version="1.0"?', b'version="1.0" encoding="iso-8859-1"?')
    read = read_feed(content, URL, "application/rss+xml; charset=us-ascii")
    assert read.entries[0].title == "Größe"
    assert read.problem == ""


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html><body>Hello</body></html>", "."),
        (b"", "it is no RSS"),
        (b"\x89PNG\r\n\x1a\n\0\0", "."),
        (b"{", "no JSON"),
        (b'{"version": "1"}', "no JSON Feed"),
        (b'{"a": ' * 100_000, "no JSON"),
    ],
)
def test_what_is_no_feed_is_told(content: bytes, problem: str) -> None:
    with pytest.raises(NoFeed, match=problem):
        read_feed(content, URL)


@pytest.mark.parametrize(
    "bomb",
    [
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY %c "%s">' % (97 + n, b"&%c;" % (96 + n) * 10) for n in range(1, 12))
        + b"]><rss version='2.0'><channel><title>&l;</title></channel></rss>",
        (
            b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
            b"<rss version='2.0'><channel><title>&f;</title></channel></rss>"
        ),
    ],
)
def test_entities_bring_nothing_in(bomb: bytes) -> None:
    try:
        title = read_feed(bomb, URL).title
    except NoFeed:
        return
    assert len(title) < 1_000
    assert "root" not in title


def json_feed(*items: object, **fields: object) -> bytes:
    version = "https://jsonfeed.org/version/1.1"
    return json.dumps({"version": version, "items": items, **fields}).encode()


def test_a_json_feed_is_read_with_all_that_it_says() -> None:
    read = read_feed(
        json_feed(
            {
                "id": "1",
                "url": "/1",
                "title": "One",
                "content_html": '<a href="/x">x</a><img src="http://[bad">',
                "summary": "Short",
                "date_published": "2026-11-24T10:00:00+01:00",
                "date_modified": "2026-11-24T11:00:00",
                "authors": [{"name": "Ann"}, "nobody"],
                "tags": ["a", "a", 1],
                "language": "en_GB",
                "image": "/i.png",
                "attachments": [
                    "none",
                    {"url": "/a.pdf", "mime_type": "application/pdf"},
                    {
                        "url": "/a.mp3",
                        "mime_type": "audio/mpeg",
                        "size_in_bytes": 5,
                        "duration_in_seconds": 62.0,
                    },
                ],
            },
            "nothing",
            title="Harbour",
            home_page_url="https://harbour.example/",
            language="en",
        ),
        URL,
    )
    assert read.title == "Harbour"
    assert read.entries == (
        Entry(
            id="1",
            title="One",
            link="https://harbour.example/1",
            authors=("Ann",),
            categories=("a",),
            published_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
            updated_at=datetime(2026, 11, 24, 11, 0, tzinfo=UTC),
            language="en-GB",
            content='<a href="https://harbour.example/x">x</a><img src="http://[bad">',
            summary="<p>Short</p>",
            image="https://harbour.example/i.png",
            attachment=Attachment(
                url="https://harbour.example/a.mp3",
                media_type="audio/mpeg",
                length=5,
                duration="62",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"id": 7}, {"id": "7"}),
        ({"external_url": "https://h.example/"}, {"id": "https://h.example/"}),
        ({"id": "1", "content_text": "a < b"}, {"content": "<p>a &lt; b</p>"}),
        (
            {"id": "1", "content_text": "Use <details> or <T>"},
            {"content": "<p>Use &lt;details&gt; or &lt;T&gt;</p>"},
        ),
        ({"id": "1", "content_text": "<b>a</b>"}, {"content": "<b>a</b>"}),
        ({"id": "1", "content_text": "a<br>b"}, {"content": "a<br>b"}),
        (
            {"id": "1", "content_html": "<a href='#n'>1</a><img src='/i.png'>"},
            {"content": '<a href="#n">1</a><img src="https://harbour.example/i.png">'},
        ),
        ({"id": "1", "author": {"name": "Old"}}, {"authors": ("Old",)}),
        (
            {"id": "1", "content_text": "See https://h.example/?a=1&b=2."},
            {
                "content": '<p>See <a href="https://h.example/?a=1&amp;b=2">'
                "https://h.example/?a=1&amp;b=2</a>.</p>"
            },
        ),
        ({"id": "1", "date_published": "soon"}, {"published_at": None}),
        ({"id": "1", "date_published": "9999-12-31T23:59:59-23:59"}, {"published_at": None}),
        ({"id": "1", "tags": "none"}, {"categories": ()}),
        (
            {"id": "1", "attachments": [{"url": "https://h.example/a", "mime_type": "audio/x"}]},
            {"attachment": Attachment(url="https://h.example/a", media_type="audio/x")},
        ),
    ],
)
def test_an_item_of_a_json_feed_is_read(item: object, said: dict[str, Any]) -> None:
    entry = only(json_feed(item))
    assert {name: getattr(entry, name) for name in said} == said


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity", "-3", "0", "9" * 4_000, '"9"'])
def test_a_number_that_is_none_spoils_no_feed(number: str) -> None:
    address = '"url": "https://h.example/a", "mime_type": "audio/x"'
    attachment = f'{{{address}, "size_in_bytes": {number}, "duration_in_seconds": {number}}}'
    items = f'[{{"id": "1", "attachments": [{attachment}]}}, {{"id": "2"}}]'
    version = '"version": "https://jsonfeed.org/version/1.1"'
    first, _ = read_feed(f'{{{version}, "items": {items}}}'.encode(), URL).entries
    assert first.attachment == Attachment(url="https://h.example/a", media_type="audio/x")


def test_the_authors_of_a_feed_are_those_of_items_without_any() -> None:
    items = [{"id": "1"}, {"id": "2", "authors": [{"name": "Bob"}]}]
    older: dict[str, object] = {"author": {"name": "Ann"}}
    for told in (older, {"authors": [{"name": "Ann"}]}):
        read = read_feed(json_feed(*items, **told), URL)
        assert [entry.authors for entry in read.entries] == [("Ann",), ("Bob",)]


def test_a_json_feed_without_items_has_none() -> None:
    assert (
        read_feed(b'{"version": "https://jsonfeed.org/version/1", "items": 5}', URL).entries == ()
    )


@given(st.binary(max_size=200))
def test_reading_ends_in_a_document_or_in_no_feed(junk: bytes) -> None:
    for content in (junk, b"{" + junk, rss("<title>t</title>")[:120] + junk):
        try:
            assert isinstance(read_feed(content, URL), FeedDocument)
        except NoFeed:
            continue


def test_what_stands_in_the_file_of_every_entry_is_short() -> None:
    long = "word " * 5_000
    channel = f"<title>{long}</title><generator>{long}</generator>"
    item = f"<guid>1</guid><title>{long}</title><author>{long}</author><category>{long}</category>"
    feeds = [
        f'<rss version="2.0"><channel>{channel}<item>{item}</item></channel></rss>',
        json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": long,
                "items": [{"id": "1", "title": long, "tags": [long], "authors": [{"name": long}]}],
            }
        ),
    ]
    for feed in feeds:
        document = read_feed(feed.encode(), "https://harbour.example/feed")
        (entry,) = document.entries
        texts = (document.title, document.generator, entry.title, *entry.authors, *entry.categories)
        assert len(texts) == 5
        assert max(map(len, texts)) <= 500


def test_the_feed_of_the_example_is_read() -> None:
    file = Path(__file__).parents[2] / "examples" / "feed" / "feed.xml"
    document = read_feed(file.read_bytes(), "http://127.0.0.1/feed.xml")
    assert (document.title, document.problem) == ("The Quay Post", "")
    assert all(entry.link and entry.summary and entry.published_at for entry in document.entries)
    assert len(document.entries) == 3


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "added",
    [
        (
            '<media:content url="/p.jpg" type="image/jpeg"><media:description type="plain">'
            "What the picture shows</media:description></media:content>"
        ),
        "<media:group><media:description>Of the film</media:description></media:group>",
        "<itunes:summary>Without links</itunes:summary>",
    ],
)
def test_words_about_a_picture_or_a_recording_are_not_the_text(added: str, first: bool) -> None:
    parts = ["<description>&lt;p&gt;The &lt;i&gt;text&lt;/i&gt;&lt;/p&gt;</description>", added]
    entry = only_item("<title>t</title>" + "".join(parts if first else reversed(parts)))
    assert (entry.content, entry.summary) == ("", "<p>The <i>text</i></p>")


@pytest.mark.parametrize("name", ["media:description", "itunes:summary"])
def test_words_about_a_recording_are_the_text_where_there_is_no_other(name: str) -> None:
    words = "a\n0:10 b\n\nc https://c.example/d"
    entry = only_item(f"<title>t</title><media:group><{name}>{words}</{name}></media:group>")
    assert entry.summary == (
        '<p>a<br>0:10 b</p><p>c <a href="https://c.example/d">https://c.example/d</a></p>'
    )


@pytest.mark.parametrize(
    ("title", "seen"),
    [
        ("The &lt;div&gt; element", "The <div> element"),
        ("&lt;em&gt;Cranes&lt;/em&gt;&lt;br&gt; &amp;amp; ships", "Cranes & ships"),
        ("AT&amp;amp;T &amp;lt;b&amp;gt;moves&amp;lt;/b&amp;gt;", "AT&T moves"),
        ("<![CDATA[Q&amp;A: 3 < 4 & 5 > 4]]>", "Q&A: 3 < 4 & 5 > 4"),
        ("R&D & more", "R&D & more"),
    ],
)
def test_titles_are_read_however_they_are_escaped(title: str, seen: str) -> None:
    assert only_item(f"<title>{title}</title>").title == seen


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("&#55357;&#56832;", "\U0001f600"),
        ("&#xD83D;&#xde00;&#x26F4;", "\U0001f600\u26f4"),
        ("&#55357;", "\ufffd"),
        ("&#56832;&#55357;", "\ufffd\ufffd"),
        ("&#x110000;", "\ufffd"),
        (f"&#{'9' * 5_000};", "\ufffd"),
        ("<![CDATA[<p>&#128674;</p>]]>", "\U0001f6a2"),
    ],
)
def test_a_reference_to_half_a_character_spoils_no_feed(written: str, seen: str) -> None:
    other = "<title>Ships</title>"
    read = read_feed(rss(f"<title>Cranes {written} here</title>", other), URL)
    assert [entry.title for entry in read.entries] == [f"Cranes {seen} here", "Ships"]
    assert read.problem == ""


@pytest.mark.parametrize(
    ("told", "authors"),
    [
        (
            "<a href='/j'>Jane Doe</a>, <a href='/r'>Richard Roe</a> (1)",
            ("Jane Doe", "Richard Roe"),
        ),
        ("<b>Ann</b>", ("Ann",)),
        ("Ann <3", ("Ann <3",)),
    ],
)
def test_persons_are_named_without_markup(told: str, authors: tuple[str, ...]) -> None:
    author = f"<author><name>{html.escape(told)}</name></author>"
    assert only(atom(f"<id>1</id><title>t</title>{author}")).authors == authors


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("24.11.2026 10:00", datetime(2026, 11, 24, 10, 0, tzinfo=UTC)),
        ("November 24, 2026", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026年11月24日 10:00", datetime(2026, 11, 24, 10, 0, tzinfo=UTC)),
        ("2026/11/24 10:00", datetime(2026, 11, 24, 10, 0, tzinfo=UTC)),
        ("Tue, 24 Nov 26 10:00 EST", datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
        ("mar., 24 nov. 2026 10:00:00 +0100", datetime(2026, 11, 24, 9, 0, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_many_ways(date: str, moment: datetime) -> None:
    assert only_item(f"<title>t</title><pubDate>{date}</pubDate>").published_at == moment


def test_a_source_that_is_the_entry_itself_is_none() -> None:
    entry = only_item('<title>A thread</title><source url="https://f.example/1">A thread</source>')
    assert (entry.source_title, entry.source_link) == ("", "")


def test_addresses_are_relative_to_the_pages_of_another_host() -> None:
    text = "&lt;a href=&quot;/one&quot;&gt;1&lt;/a&gt;"
    document = rss(f"<title>t</title><link>/2</link><description>{text}</description>")
    for url in (URL, "https://feeds.example/harbour"):
        (entry,) = read_feed(document, url).entries
        assert entry.link == "https://harbour.example/2"
        assert entry.summary == '<a href="https://harbour.example/one">1</a>'


def test_notes_in_a_text_are_on_its_page() -> None:
    entry = only_item(
        "<title>t</title><link>https://harbour.example/1</link>"
        "<description>&lt;a href=&quot;#note&quot;&gt;1&lt;/a&gt;</description>"
    )
    assert entry.summary == '<a href="https://harbour.example/1#note">1</a>'


@pytest.mark.parametrize("declared", ["utf-8", "gb2312"])
def test_another_encoding_is_read_though_utf_8_is_declared(declared: str) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    text = "起重机在夜里工作，司机说：“很安静。”镕基"
    document = head + rss(f"<title>{text}</title>").decode().partition("?>")[2]
    read = read_feed(document.encode("gbk"), URL, "text/xml")
    assert read.entries[0].title == text
    assert read.problem == ""
    german = document.replace(text, "Größe – „so“ 100 €").replace("gb2312", "utf-8")
    assert read_feed(german.encode("cp1252"), URL).entries[0].title == "Größe – „so“ 100 €"


def test_a_named_encoding_counts_and_bytes_that_are_no_text_are_no_feed() -> None:
    document = rss("<title>Größe</title>").decode().encode("cp437")
    assert read_feed(document, URL, "text/xml; charset=cp437").entries[0].title == "Größe"
    with pytest.raises(NoFeed):
        read_feed(b"\0\1\2\xff\xfe\0" * 9, URL)


@pytest.mark.parametrize(
    ("declared", "encoding", "text"),
    [
        ("big5", "big5", "測試文章"),
        ("gb2312", "gbk", "测试文章"),
        ("ISO-8859-15", "iso-8859-15", "10 € pour l’œuvre".replace("’", "'")),
        ("windows-1253", "cp1253", "Νέα"),
    ],
)
@pytest.mark.parametrize("media_type", ["text/xml", "text/xml; charset=iso-8859-1"])
def test_the_encoding_that_a_document_declares_counts(
    declared: str, encoding: str, text: str, media_type: str
) -> None:
    if "charset" in media_type and declared.startswith("ISO"):
        return  # as readable in what the server tells, which comes first
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    document = head + rss(f"<title>{text}</title>").decode().partition("?>")[2]
    assert read_feed(document.encode(encoding), URL, media_type).entries[0].title == text


def test_a_document_in_ascii_is_read_whatever_it_declares() -> None:
    wide = b'<?xml version="1.0" encoding="utf-16"?>'
    document = wide + rss("<title>Cranes</title>").partition(b"?>")[2]
    assert read_feed(document, URL, "text/xml").entries[0].title == "Cranes"
    head = '<?xml version="1.0" encoding="iso-2022-jp"?>'
    japanese = head + rss("<title>今日は雨</title>").decode().partition("?>")[2]
    content = japanese.encode("iso-2022-jp")
    assert read_feed(content, URL, "text/xml").entries[0].title == "今日は雨"


def test_an_entry_that_says_nothing_is_left_out() -> None:
    assert read_feed(rss("</item><item><title>t</title>"), URL).entries[0].title == "t"
    assert len(read_feed(rss("</item><item><title>t</title>"), URL).entries) == 1
    assert read_feed(json_feed({"tags": []}, {"id": "2"}), URL).entries[0].id == "2"
    assert only_item('<enclosure url="https://h.example/a.mp3" type="audio/mpeg"/>').attachment


def test_white_space_before_a_document_is_no_problem() -> None:
    read = read_feed(b"\xef\xbb\xbf\r\n\n " + rss("<title>Größe</title>"), URL)
    assert (read.entries[0].title, read.problem) == ("Größe", "")
