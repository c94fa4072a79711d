"""Bodies in HTML, Markdown and plain text all become HTML, and may give the title."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from digest.articles.reading.body import Body, read_body, text_of


def read(text: str, name: str = "a.md", *, heading: bool = False, first_line: bool = False) -> Body:
    return read_body(text, PurePosixPath(name), heading=heading, first_line=first_line)


@pytest.mark.parametrize(
    "text",
    [
        "<div>\n  **no**\n</div>",
        "\n\n <P class=x>**no**</p>",
        "<!-- a --> <!-- <b> -->\n<section>**no**</section>",
        "<!doctype html><html><body>**no**",
        "<h2>**no**</h2>\n\n    indented",
        "<br><div>x".replace("<br>", "<hr>") + "**no**",
    ],
)
def test_markdown_files_that_start_with_a_block_are_html(text: str) -> None:
    assert read(text).markup == text


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ('<p align="center"><img src=l.png></p>\n\n# Head', "<h1>Head</h1>"),
        ("<table><tr><td>a</td></tr></table>\n\n- one\n- two", "<li>one</li>"),
        ("<details>\n<summary>s</summary>\n\n**bold**\n\n</details>", "<strong>bold</strong>"),
        ("<blockquote>q</blockquote>\n\nPlain [link](https://e.org).", "<p>Plain <a"),
        ("<figure><img src=a></figure>\n\nOne more paragraph.", "<p>One more paragraph.</p>"),
        ("<center>c</center>\n\n```\n<p>code</p>\n```", "<pre><code>&lt;p&gt;code"),
        ("<h1>t</h1>\n\n> quoted", "<blockquote>\n<p>quoted"),
        ("<div align=center>\n\n## Inside\n\n</div>\n\n<p>x</p>", "<h2>Inside</h2>"),
    ],
)
def test_markdown_behind_a_block_of_html_is_rendered(text: str, rendered: str) -> None:
    assert rendered in read(text).markup


@pytest.mark.parametrize(
    "text",
    [
        "<div>\n\n    <p>　　a</p>\n\n    <p>b</p>\n\n</div>\n            ",
        "<p>One\n\n<p>Two, and no end tag",
        "<section>\n\n    text of a crawler, indented\n\n</section>\n\n<style>a{}\n\nb{}</style>",
        "<div>\n\n1. of May was a holiday, he said.\n\n</div>".replace("1. of", "1 of"),
        "<table>\n\n<tr><td>* a *</td></tr>\n\n</table>",
        "<pre>\n\n# no heading\n\n- no list\n</pre>\n<p>b</p>",
    ],
)
def test_a_markdown_file_that_is_html_as_a_whole_stays_as_it_is(text: str) -> None:
    assert read(text).markup == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**yes**", "<p><strong>yes</strong></p>"),
        ("<b>inline</b> *yes*", "<p><b>inline</b> <em>yes</em></p>"),
        ("<preface> *yes*", "<p>&lt;preface&gt; <em>yes</em></p>"),
        ("~~old~~", "<p><s>old</s></p>"),
        ("text\n\n<div>\nraw\n</div>", "<p>text</p>\n<div>\nraw\n</div>"),
        ("`&#123;x&#125;`", "<p><code>{x}</code></p>"),
        ("```py\nf&#123;&#125;\n```", '<pre><code class="language-py">f{}\n</code></pre>'),
    ],
)
def test_other_markdown_is_rendered(text: str, expected: str) -> None:
    assert read(text, "a.Markdown").markup.strip() == expected


def test_markdown_has_tables_and_footnotes_with_ways_back() -> None:
    assert "<td>2</td>" in read("|a|b|\n|-|-|\n|1|2|").markup
    noted = read("word[^1]\n\n[^1]: note").markup
    assert '<a href="#fn1" id="fnref1">' in noted
    assert re.search(r'<li id="fn1".*note.*<a href="#fnref1".*↩', noted)


@pytest.mark.parametrize("name", ["a.html", "a.HTM", "a.xhtml"])
def test_html_files_are_html(name: str) -> None:
    assert read("**no**&#123;", name).markup == "**no**{"


def test_text_files_become_paragraphs() -> None:
    body = read("一 <b> & c\n二\n\n \n三\n", "a.TXT")
    assert body.markup == "<p>一 &lt;b&gt; &amp; c<br>二</p>\n<p>三</p>"
    assert body.title == ""


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("# 标题 *one* `two` <b>3</b>\n\ntext", "标题 one two 3", "<p>text</p>"),
        ("Title\n===\ntext", "Title", "<p>text</p>"),
        ("## Second\ntext", "Second", "<p>text</p>"),
        ("intro\n\n# Later\n\ntext", "Later", "<p>intro</p>\n<p>text</p>"),
        ("&amp; more\n\n- a", "& more", "<ul>\n<li>a</li>\n</ul>"),
        ("first\nsecond", "first", "<p>first\nsecond</p>"),
        ("- list", "", "<ul>\n<li>list</li>\n</ul>"),
        ("", "", ""),
    ],
)
def test_markdown_is_called_by_its_heading_or_first_line(text: str, title: str, rest: str) -> None:
    body = read(text, heading=True, first_line=True)
    assert (body.title, body.markup.strip()) == (title, rest)


def test_a_first_line_counts_only_where_it_is_asked_for() -> None:
    assert read("first\n\nsecond", heading=True).title == ""
    assert read("# first\n\nsecond").title == ""
    assert read("intro\n\n## Second", heading=True).title == ""


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("标题\n\n正文\n行", "标题", "<p>正文<br>行</p>"),
        ("标题\n正文", "标题", "<p>标题<br>正文</p>"),
    ],
)
def test_text_is_called_by_its_first_line(text: str, title: str, rest: str) -> None:
    body = read(text, "a.txt", heading=True, first_line=True)
    assert (body.title, body.markup) == (title, rest)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("<title lang=en>A &amp; B</title><h1>C</h1>", "A & B"),
        ("<title> </title><h1 class='x'>C <b>D</b>&lt;</h1>", "C  D <"),
        ("<p>x</p><H1>多\n行</H1 >", "多\n行"),
        ("<h1>open", ""),
        ("<p>no", ""),
    ],
)
def test_html_is_called_by_its_title_or_first_heading(text: str, title: str) -> None:
    assert read(text, "a.html", heading=True).title.split() == title.split()
    assert read(text, "a.html").title == ""


def test_a_heading_that_became_the_title_is_not_said_twice() -> None:
    assert (
        read("<p>a</p><h1>T</h1><h1>U</h1>", "a.html", heading=True).markup == "<p>a</p><h1>U</h1>"
    )


def test_a_document_says_its_language() -> None:
    assert read("<!doctype html>\n<html class=x LANG='zh-cn'><p>x").language == "zh-cn"
    assert read("<p lang=en>x").language == ""


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain", "plain"),
        ("a &amp; b", "a & b"),
        ("<p>a<script>x</script></p><style>y</style>b<!-- c -->", "a b"),
        ("<frameset>", ""),
    ],
)
def test_the_text_of_a_fragment(markup: str, text: str) -> None:
    assert " ".join(text_of(markup).split()) == text


@pytest.mark.parametrize(
    "text", ["<h1>" * 200_000, "<title " * 200_000, "<html " * 200_000, "<!-- " * 200_000]
)
def test_a_body_of_beginnings_takes_no_time(text: str) -> None:
    assert read("<div>" + text, "a.html", heading=True).title == ""
