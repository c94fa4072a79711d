"""Feeds that pages name, and lists of feeds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources import discovery
from digest.sources.discovery import NoOutlines, Outline, linked_feeds, read_opml, write_opml
from tests.sources.samples import SOURCE

URL = "https://harbour.example/page"


@pytest.mark.parametrize(
    ("head", "feeds"),
    [
        (
            (
                '<link rel="alternate" type="application/rss+xml" href="/rss">'
                '<link rel="ALTERNATE" type="application/atom+xml; charset=utf-8" href="atom">'
                '<link rel="alternate" type="application/rss+xml" href="/rss">'
            ),
            ["https://harbour.example/rss", "https://harbour.example/atom"],
        ),
        (
            (
                '<base href="https://other.example/x/"><link rel="feed" '
                'type="application/feed+json" href="f.json">'
            ),
            ["https://other.example/x/f.json"],
        ),
        ('<link rel="stylesheet" type="text/css" href="/s.css">', []),
        ('<link rel="alternate" type="text/html" href="/de">', []),
        ('<link rel="alternate" type="application/rss+xml" href="javascript:1">', []),
        ("", []),
    ],
)
def test_a_page_names_its_feeds(head: str, feeds: list[str]) -> None:
    assert linked_feeds(f"<html><head>{head}</head></html>".encode(), URL) == feeds


OPML = b"""<opml version="2.0"><head/><body>
<outline text="News"><outline text="Port &amp; sea" title="Port">
<outline text="Harbour" xmlUrl="https://harbour.example/feed.xml"/></outline></outline>
<outline title="Again" xmlURL="https://harbour.example/feed.xml"/>
<outline text="none" xmlUrl="javascript:1"><outline xmlUrl="https://b.example/"/></outline>
</body></opml>"""


def test_the_feeds_of_an_opml_file_are_read_each_once() -> None:
    assert read_opml(OPML) == [
        Outline(url="https://harbour.example/feed.xml", title="Harbour", folders=("News", "Port")),
        Outline(url="https://b.example/", title="", folders=("none",)),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html/>", "expected <opml>"),
        (b"text", "no XML"),
        (b'<!DOCTYPE o [<!ENTITY a "b">]><opml/>', "entities"),
        ('<!DOCTYPE o [<!ENTITY a "b">]><opml/>'.encode("utf-16"), "entities"),
        (b'<?xml version="1.0" encoding="zlib"?><opml/>', "no XML"),
        (b'<?xml version="1.0" encoding="utf-7"?><opml/>', "no XML"),
    ],
)
def test_a_file_that_is_no_opml_is_told(content: bytes, problem: str) -> None:
    with pytest.raises(NoOutlines, match=problem):
        read_opml(content)


def test_an_opml_file_without_a_body_has_no_feeds() -> None:
    assert read_opml(b"<opml/>") == []


def test_only_so_many_feeds_and_levels_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "_MAX_OUTLINES", 2)
    many = b"".join(b'<outline xmlUrl="https://h.example/%d"/>' % n for n in range(5))
    assert len(read_opml(b"<opml><body>" + many + b"</body></opml>")) == 2
    for folder in (b'<outline text="x">', b"<outline>"):
        deep = folder * 5_000 + many + b"</outline>" * 5_000
        assert read_opml(b"<opml><body>" + deep + b"</body></opml>") == []


@given(st.lists(st.text(min_size=1), max_size=3))
def test_sources_come_back_from_opml(category: list[str]) -> None:
    sources = [
        replace(SOURCE, category=tuple(category)),
        replace(SOURCE, name="other", url="https://other.example/"),
    ]
    read = read_opml(write_opml(sources))
    assert [outline.url for outline in read] == [source.url for source in sources]


def test_sources_are_written_in_the_folders_of_their_categories() -> None:
    two = [
        replace(SOURCE, category=("A", "B")),
        replace(SOURCE, name="c", url="https://c.example/"),
    ]
    two.append(replace(SOURCE, name="d", url="https://d.example/", category=("A",)))
    assert read_opml(write_opml(two)) == [
        Outline(url=SOURCE.url, title="harbour", folders=("A", "B")),
        Outline(url="https://d.example/", title="d", folders=("A",)),
        Outline(url="https://c.example/", title="c", folders=()),
    ]
