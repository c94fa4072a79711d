"""Links within an article lead to their places, and never into another article on the page."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import feedparser
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.articles.cleaning import anchors
from digest.articles.cleaning.policy import ENGINES
from digest.articles.cleaning.sanitize import clean
from digest.articles.cleaning.tidy import tidy
from digest.articles.draft import make_draft
from digest.articles.model import SourceFile
from tests.articles.attacks import violations
from tests.conftest import Workplace
from tests.defaults import default_options
from tests.effort import effort

BASE = "https://news.example.org/2024/a.html"
START = "a-abcdefgh-"


def tidied(markup: str, link: str | None = None, title: str = "") -> str:
    """Return tidy markup, with the start of its ids shortened."""
    return tidy(markup, base=link, title=title, id_prefix=START).replace(START, "~")


def body_of(text: str, name: str = "a.md", engines: tuple[str, ...] = ("nh3",)) -> str:
    source = SourceFile(path=PurePosixPath(name), content=text.encode())
    return make_draft(source, default_options(engines=engines)).body


def ids(markup: str) -> list[str]:
    return re.findall(r'<[^<>]* id="([^"]*)"', markup)


def led_to(markup: str) -> list[str]:
    return re.findall(r'<a [^<>]*href="#([^"]*)"', markup)


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<p id="x">a</p><a href="#x">b</a>', '<p id="~x">a</p><a href="#~x">b</a>'),
        ('<a href=" #x ">b</a><p id=x>a</p>', '<a href="#~x">b</a><p id="~x">a</p>'),
        ('<a name="x">a</a><a href="#x">b</a>', '<a id="~x">a</a><a href="#~x">b</a>'),
        ('<a name="x"></a><a href="#x">b</a>', '<a id="~x"></a><a href="#~x">b</a>'),
        (
            '<a id="x" name="y">a</a><a href="#x">b</a><a href="#y">c</a>',
            '<a id="~x">a</a><a href="#~x">b</a><a href="#~x">c</a>',
        ),
        # Only the first of a name, and only where a link leads.
        (
            '<p id="x">a</p><p id="x">b</p><p id="y">c</p><a href="#x">d</a>',
            '<p id="~x">a</p><p>b</p><p>c</p><a href="#~x">d</a>',
        ),
        ('<p id="X">a</p><a href="#x">b</a>', "<p>a</p>b"),
        ('<p id="">a</p><a href="#">b</a>', "<p>a</p>b"),
        ('<body id="x"><a href="#x">b</a>', "b"),
        ('<style id="x"></style><a href="#x">b</a>', "b"),
        # Names as any script has them.
        (
            '<p id="一">a</p><p id="二">b</p><a href="#%E4%B8%80">c</a><a href="#二">d</a>',
            '<p id="~n">a</p><p id="~n-1">b</p><a href="#~n">c</a><a href="#~n-1">d</a>',
        ),
        (
            '<p id="a:b">a</p><p id="a-b">b</p><a href="#a:b">c</a><a href="#a-b">d</a>',
            '<p id="~a-b">a</p><p id="~a-b-1">b</p><a href="#~a-b">c</a><a href="#~a-b-1">d</a>',
        ),
        (
            f'<p id="{"y" * 99}">a</p><a href="#{"y" * 99}">c</a>',
            f'<p id="~{"y" * 40}">a</p><a href="#~{"y" * 40}">c</a>',
        ),
        # Elements that do not stay leave a place behind.
        ('<span id="x">a</span><a href="#x">b</a>', '<a id="~x"></a>a<a href="#~x">b</a>'),
        (
            '<form id="x">a</form><a href="#x">b</a>',
            '<a id="~x"></a><div>a</div><a href="#~x">b</a>',
        ),
        ('<p id="x"> </p><a href="#x">b</a>', '<p id="~x"></p><a href="#~x">b</a>'),
        (
            '<div id="x"><p>a</p></div><a href="#x">b</a>',
            '<div id="~x"><p>a</p></div><a href="#~x">b</a>',
        ),
        (
            '<a href="https://e.org/">a <i><font id="x">b</font></i></a><a href="#x">c</a>',
            '<a href="https://e.org/" id="~x">a <i>b</i></a><a href="#~x">c</a>',
        ),
        (
            '<a href="//e.org/"><font id=x>b</font><font id=y>c</font></a><a href=#y>d</a>',
            '<a href="https://e.org/" id="~y">bc</a><a href="#~y">d</a>',
        ),
        (
            '<a href="//e.org/"><font id=x>b</font><font id=y>c</font></a><a href=#x>d<a href=#y>e',
            '<a href="https://e.org/" id="~x">bc</a><a href="#~x">d</a><a href="#~x">e</a>',
        ),
        ('<h1 id="x">a</h1><a href="#x">b</a>', '<h2 id="~x">a</h2><a href="#~x">b</a>'),
        (
            '<a id="x" href="javascript:y">a</a><a href="#x">b</a>',
            '<a id="~x">a</a><a href="#~x">b</a>',
        ),
    ],
)
def test_a_place_that_a_link_leads_to_keeps_its_id(markup: str, expected: str) -> None:
    assert tidied(markup) == expected


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("#x", '<a href="#~x">b</a>'),
        (f"{BASE}#x", '<a href="#~x">b</a>'),
        ("a.html#x", '<a href="#~x">b</a>'),
        (f"{BASE}#y", f'<a href="{BASE}#y">b</a>'),
        ("#y", f'<a href="{BASE}#y">b</a>'),
        ("b.html#x", '<a href="https://news.example.org/2024/b.html#x">b</a>'),
        (f"{BASE}?p=2#x", f'<a href="{BASE}?p=2#x">b</a>'),
        (BASE, f'<a href="{BASE}">b</a>'),
        ("#", "b"),
        (f"{BASE}#", f'<a href="{BASE}#">b</a>'),
    ],
)
def test_a_link_to_the_articles_own_address_stays_in_it(href: str, expected: str) -> None:
    result = tidied(f'<p id="x">a</p><a href="{href}">b</a>', BASE)
    assert result.partition("</p>")[2] == expected


def test_a_document_base_makes_no_other_page_of_a_place() -> None:
    markup = '<base href="https://cdn.example/"><p id="x">a</p><a href="#x">b</a><a href="#y">c</a>'
    assert tidied(markup, BASE) == (f'<p id="~x">a</p><a href="#~x">b</a><a href="{BASE}#y">c</a>')


def test_a_title_that_goes_leaves_its_places() -> None:
    markup = '<h1 id="x">T<b id="y"></b></h1><p><a href="#x">b</a><a href="#y">c</a></p>'
    assert tidied(markup, title="T") == (
        '<a id="~x"></a><a id="~y"></a><p><a href="#~x">b</a><a href="#~y">c</a></p>'
    )


def test_without_a_start_no_place_is_kept() -> None:
    assert tidy('<p id="x">a</p><a href="#x">b</a>', base=None) == "<p>a</p>b"


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
def test_notes_of_markdown_lead_there_and_back(engines: tuple[str, ...]) -> None:
    text = "# T\n\nOne[^a] and two[^b], again one[^a].\n\n[^a]: First.\n[^b]: Second.\n"
    body = body_of(text, engines=engines)
    start = anchors.id_prefix("a")
    assert ids(body) == [start + name for name in ("fnref1", "fnref2", "fnref1-1", "fn1", "fn2")]
    assert led_to(body) == [
        start + name for name in ("fn1", "fn2", "fn1", "fnref1", "fnref1-1", "fnref2")
    ]
    assert clean(body, engines) == body


def test_ways_back_are_no_part_of_what_an_article_says() -> None:
    text = "# T\n\nOne[^a] ↩ two[^a].\n\n[^a]: First.\n"
    source = SourceFile(path=PurePosixPath("a.md"), content=text.encode())
    assert make_draft(source, default_options()).summary == "One ↩ two."


def test_two_articles_on_a_page_do_not_clash() -> None:
    text = "# T\n\nOne[^a].\n\n[^a]: First.\n\n<a href='#top'>up</a><i id=top>x</i>\n"
    page = body_of(text, "a.md") + body_of(text, "b.md")
    assert len(set(ids(page))) == len(ids(page)) == 6
    assert set(led_to(page)) == set(ids(page))
    assert body_of(text, "b.md") == body_of(text, "b.html".replace("html", "md"))


def test_the_articles_of_a_feed_do_not_clash_in_a_reader(workplace: Workplace) -> None:
    for name in ("a", "b", "c"):
        workplace.write(f"{name}.md", name, body='<p id="n">x</p><p><a href="#n">y</a></p>')
    with workplace.open() as services:
        workplace.build(services)
    feed = feedparser.parse(
        workplace.published()["feeds/atom.xml"], sanitize_html=False, resolve_relative_uris=False
    )
    page = "".join(entry.content[0].value for entry in feed.entries)
    assert len(set(ids(page))) == 3
    assert set(led_to(page)) == set(ids(page))


@pytest.mark.parametrize(
    ("markup", "holds"),
    [
        ("<p>a</p>", True),
        (f'<p id="{START}x">a</p>', True),
        (f'<p id="{START}x">a</p><a href="#{START}x">b</a>', True),
        (f'<a href="#{START}x">b</a>', False),
        (f'<p id="{START}x">a</p><p id="{START}x">a</p>', False),
        (f'<p id="{START}x">a</p><p id="a-22222222-x">a</p>', False),
        (f'<a href="#{START}x">b</a> id="{START}x"', False),
        (f'<p title="> <p id=x" lang="de" id="{START}x">a</p><a href="#{START}x">b</a>', True),
        ('<p>it said href="#x" and id="y"</p>', True),
    ],
)
def test_places_hold_where_each_link_finds_one(markup: str, holds: bool) -> None:
    assert anchors.are_consistent(markup) is holds


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@pytest.mark.parametrize(
    "markup",
    [
        f'<a href="#{START}x">b</a>',
        f'<p id="{START}x">a</p><p id="{START}x">a</p>',
        f'<b id="{START}x">1<p>2</b>3',
        f'<x-y id="{START}x">a</x-y><a href="#{START}x" title="t">b</a>',
        f'<p id="{START}x">a</p><p id="a-22222222-y">a</p><a href="#{START}x">b</a>',
    ],
)
def test_where_a_place_is_lost_all_of_them_go(markup: str, engines: tuple[str, ...]) -> None:
    result = clean(markup, engines)
    assert "id=" not in result
    assert "href=" not in result
    assert clean(result, engines) == result
    assert violations(result) == []


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "a-abcdefgh",
        "a-abcdefgh-",
        "a-abcdefg1-x",
        "A-abcdefgh-x",
        "a-abcdefgh-x.y",
        "a-abcdefgh-" + "x" * 61,
        "a-abcdefgh-x\n",
        "location",
        "../x",
        "javascript:x",
    ],
)
def test_no_other_name_is_let_through(name: str) -> None:
    for engines in ENGINES:
        assert clean(f'<p id="{name}">a</p>', engines) == "<p>a</p>"
        assert "href" not in clean(f'<a href="#{name}">a</a>', engines)


@pytest.mark.parametrize("address", ["b", "/b", "./b", "?b", "//e.org/", "\\\\e.org", "", "a#b"])
def test_nh3_lets_no_relative_address_pass(address: str) -> None:
    assert "href" not in clean(f'<a href="{address}">a</a>', ("nh3",))
    assert "src" not in clean(f'<img src="{address}">', ("nh3",))
    assert "src" not in clean(f'<img src="#{START}x">', ("nh3",))


def test_thousands_of_places_are_told_apart() -> None:
    many = "".join(
        f'<p id="n-{n}">a<p id="\u4e00{n}%">b<a href="#n-{n}">c</a><a href="#\u4e00{n}%">d</a>'
        for n in range(3_000)
    )
    assert len(set(ids(tidied(many)))) == 6_000


TAGS = ["p", "b", "i", "a", "span", "div", "table", "td", "h1", "li"]
NAMES = st.sampled_from(["x", "y", "一", "x-1", "a:b", "location", f"{START}x"])
TOKENS = st.one_of(
    st.builds("<{0} id='{1}'>".format, st.sampled_from(TAGS), NAMES),
    st.builds("<a href='#{}'>".format, NAMES),
    st.builds("<a name='{}'>".format, NAMES),
    st.builds(f"<a href='{BASE}#{{}}'>".format, NAMES),
    st.builds("</{}>".format, st.sampled_from(TAGS)),
    st.sampled_from(["x", " ", "<br>", "<button>", "<summary>", "<center>", "<select>", "T"]),
)


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@settings(max_examples=effort(50, soak=150), deadline=None)
@given(st.lists(TOKENS, max_size=20).map("".join))
@example("<b id=x><p><a href='#x'></b>y")
@example("<table><b id=x><table><b id=x><a href='#x'>x")
def test_every_id_is_the_articles_own_and_once_and_every_link_finds_its_place(
    engines: tuple[str, ...], markup: str
) -> None:
    body = body_of(f"---\ntitle: T\nlink: {BASE}\n---\n<div>{markup}", engines=engines)
    found = ids(body)
    assert all(name.startswith(anchors.id_prefix("a")) for name in found)
    assert len(set(found)) == len(found)
    assert set(led_to(body)) <= set(found)
    assert violations(body) == []
