"""Files say their title, authors, categories, dates and addresses in many ways."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.categories import MAX_CATEGORIES, MAX_LEVELS, MAX_NAME
from digest.articles.model import CategoryPath, ParsedFile, Severity, SourceFile
from digest.articles.reading.authors import MAX_AUTHORS
from digest.articles.reading.parse import (
    MAX_IDENTITY,
    MAX_NOTES,
    MAX_PINNED,
    MAX_TITLE,
    parse_body,
    parse_header,
)
from digest.errors import NotAnArticle, SourceError
from tests.effort import effort

SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(text: str | bytes, name: str = "财经/银行/a.md") -> ParsedFile:
    content = text if isinstance(text, bytes) else text.encode()
    source = SourceFile(path=PurePosixPath(name), content=content)
    return parse_body(parse_header(source, SHANGHAI, ("picsum.photos",)), source.path)


def front(*lines: str, name: str = "财经/银行/a.md") -> ParsedFile:
    block = "\n".join(("title: T", *lines))
    return read(f"---\n{block}\n---\n<p>正文</p>", name)


def failure(text: str | bytes, name: str = "a.md") -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(text, name)
    assert caught.value.path == PurePosixPath(name)
    return caught.value


def paths(parsed: ParsedFile) -> list[str]:
    return [str(path) for path in parsed.categories]


def test_a_crawled_file_is_read_whole() -> None:
    text = """
---
title: '央行_下调_利率：影响&#123;几何&#125;'
categories:\x20
 - 财经
 - — 银行　要闻
headimg: 'https://picsum.photos/400/300?random=77'
author: 每日财经
comments: false
date: Sun, 05 Mar 2023 01:02:03 GMT
thumbnail: '//img.example.org/图.png'
link: https://news.example.org/a?x=1&y=2
lang: zh_cn
excerpt: '<p>一句 <b>话</b></p>'
---

<div>
<p>　　正文&#123;&#125;</p>
</div>
"""
    assert read("\ufeff" + text) == ParsedFile(
        identity="财经/银行/a",
        title="央行_下调_利率：影响{几何}",
        authors=("每日财经",),
        categories=(CategoryPath(("财经", "银行 要闻")),),
        published_at=datetime(2023, 3, 5, 1, 2, 3, tzinfo=UTC),
        link="https://news.example.org/a?x=1&y=2",
        image="https://img.example.org/%E5%9B%BE.png",
        language="zh-CN",
        summary="一句 话",
        markup="\n<div>\n<p>　　正文{}</p>\n</div>\n",
    )


def test_what_a_file_does_not_say_is_none() -> None:
    parsed = front(name="a.md")
    assert parsed.authors == ()
    assert parsed.categories == ()
    assert (parsed.published_at, parsed.link, parsed.image) == (None, None, None)
    assert (parsed.language, parsed.summary) == (None, None)
    assert parsed.identity == "a"


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("2021", "2021"),
        ("no", "no"),
        ("'Q&amp;A &#x4e2d;'", "Q&A 中"),
        ('"two\\nlines\\x03"', "two lines"),
        ("'cafe\u0301\u200b'", "café"),
        ("[one, two]", "one"),
        ("{de: eins, en: one}", "one"),
        ("{rendered: one &amp; two, id: 3}", "one & two"),
        ("a < b", "a < b"),
        ("'&#x3;x'", "x"),
    ],
)
def test_a_title_is_one_line_of_text(written: str, title: str) -> None:
    assert read(f"---\ntitle: {written}\n---\nx").title == title


def test_of_a_title_in_several_languages_that_of_the_site_counts() -> None:
    content = "---\ntitle: {de: eins, zh: 一, en: one}\n---\nx".encode()
    source = SourceFile(path=PurePosixPath("a.md"), content=content)
    assert parse_header(source, SHANGHAI, site_language="zh-CN").title == "一"
    assert parse_header(source, SHANGHAI, site_language="de").title == "eins"


def test_an_endless_title_is_cut_and_its_endless_reference_not_even_read() -> None:
    assert len(read(f"---\ntitle: {'长' * 5_000}\n---\nx").title) == MAX_TITLE
    reference = read(f'---\ntitle: "&#{"9" * 10_000};"\n---\nx').title
    assert reference.startswith("&#9") or reference == "\ufffd"


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("a.md", "# 标题\n\n正文", "标题"),
        ("a.md", "第一行\n\n正文", "第一行"),
        ("a.txt", "第一行\n\n正文", "第一行"),
        ("a.html", "<title>A &lt;B&gt;</title><p>x", "A <B>"),
        ("a.html", "<p>x</p><h1>标题</h1>", "标题"),
        ("a.md", "---\nauthor: x\n---\n# 标题\n", "标题"),
        ("a.md", "---\ntitle: ''\n---\n<h1>标题</h1>", "标题"),
        ("a.md", "---\ntitle: ~\n---\n<h1>标题</h1>", "标题"),
    ],
)
def test_a_body_gives_the_title_where_the_front_matter_does_not(
    name: str, text: str, title: str
) -> None:
    assert read(text, name).title == title


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("some-words_here.md", "---\nauthor: x\n---\nfirst line", "some words here"),
        ("2024-01-05-a-post.md", "---\ntitle: {a: b}\n---\nfirst line", "a post"),
        ("2024_1_5 a - post.md", "---\ntitle: null\n---\n- x", "a - post"),
        ("blog/2024-01-05-my-trip/index.md", "---\ntitle: ~\n---\nx", "my trip"),
        ("blog/trip/index.fr.md", "- x", "trip"),
        ("20240105-notes.de.md", "<div>x</div>", "notes"),
        ("2024-01-05.md", "- x", "2024-01-05"),
        ("站内公告.html", "x", "站内公告"),
        ("a.html", "<h1>&#8203;</h1>", "a"),
    ],
)
def test_a_file_without_a_title_is_called_by_its_name(name: str, text: str, title: str) -> None:
    parsed = read(text, name)
    assert parsed.title == title
    assert f"it has no title and is called '{title}'" in [note.cause for note in parsed.notes]


@pytest.mark.parametrize("empty", ["null", "~", "", "Null", '""'])
def test_a_title_that_is_nothing_gives_way_to_the_heading(empty: str) -> None:
    assert read(f"---\ntitle: {empty}\n---\n# Heading\n\nText").title == "Heading"
    assert read('---\ntitle: "null"\n---\n# Heading\n\nText').title == "null"


@pytest.mark.parametrize(
    ("lines", "authors"),
    [
        (["author: 甲"], ("甲",)),
        (["author: [甲, 乙]"], ("甲", "乙")),
        (["authors: [甲, 乙, 甲]", "author: 丙"], ("丙", "甲", "乙")),
        (["author: {name: 'A &amp; B', email: x}"], ("A & B",)),
        (["authors: [{name: 甲}, {url: x}, {name: [x]}, [乙]]"], ("甲", "x", "乙")),
        (["author: Ann Lee <ann@h.example>"], ("Ann Lee",)),
        (["author: ann@h.example (Ann Lee)"], ("Ann Lee",)),
        (["authors: Ann <a@h.example>; Bob <b@h.example>"], ("Ann", "Bob")),
        (["author: ann@h.example"], ("ann@h.example",)),
        (["author: '[Ann](https://h.example)'"], ("Ann",)),
        (["author: '<a href=\"x\">Ann</a>'"], ("Ann",)),
        (['author: \'["Ann", "Bob"]\''], ("Ann", "Bob")),
        (["author: {nickname: ann}"], ("ann",)),
        (["authors: {Ann Lee: {email: x}, bob: {name: Bob}}"], ("Ann Lee", "Bob")),
        (["author: {id: 7, social: {x: y}}"], ()),
        (["author: a < b > c"], ("a < b > c",)),
        (['author: "[[Ann Lee]]"'], ("Ann Lee",)),
        (['author: ["[[People/Ann Lee]]", "[[Bob#Life|Bobby]]"]'], ("Ann Lee", "Bobby")),
        (["author: [[Ann Lee]]"], ("Ann Lee",)),
        (["authors: 甲, 乙、丙"], ("甲", "乙", "丙")),
        (["authors: 'Lee, Ann; Poe, Bob'"], ("Lee, Ann", "Poe, Bob")),
        (["author: 'Lee, Ann'"], ("Lee, Ann",)),
        (["extra: {authors: [甲]}"], ("甲",)),
        (["author: null"], ()),
        (["author: ''"], ()),
        (["author: ~"], ()),
    ],
)
def test_authors_are_names_each_once(lines: list[str], authors: tuple[str, ...]) -> None:
    assert front(*lines).authors == authors


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["categories: [财经, 银行, 利率]"], ["财经 / 银行 / 利率"]),
        (["categories: 财经 / 银行"], ["财经 / 银行"]),
        (["categories: 财经>银行"], ["财经 / 银行"]),
        (["category: 要闻"], ["要闻"]),
        (["category: 要闻", "categories: [财经]"], ["财经", "要闻"]),
        (["categories: [[财经, 银行], [要闻]]"], ["财经 / 银行", "要闻"]),
        (["categories: [[财经, 银行], 要闻/国内, [财经, 银行]]"], ["财经 / 银行", "要闻 / 国内"]),
        (["categories: [A/B, C]"], ["A/B / C"]),
        (['categories: ["— 财经", "-- 银行", "-x", "——"]'], ["财经 / 银行 / -x"]),
        (['categories: ["cafe\u0301", "a \\t　b\\x07"]'], ["café / a b"]),
        (["categories: [财经, '', '  ', ~]"], ["财经"]),
        (["categories: [{a: b}, 财经]"], ["a / b", "财经"]),
        (["tags: [银行/利率, 要闻, {a: b}]"], ["银行/利率", "要闻"]),
        (["tags: 银行, 要闻，,国内"], ["银行", "要闻", "国内"]),
        (["tags: 银行", "keywords: [利率]"], ["银行", "利率"]),
        (["tags: [银行]", "category: 要闻"], ["要闻"]),
        (["taxonomies: {tags: [银行], categories: [要闻]}"], ["要闻"]),
    ],
)
def test_categories_are_paths(lines: list[str], expected: list[str]) -> None:
    assert paths(front(*lines)) == expected


@pytest.mark.parametrize(
    "line",
    [
        "x: y",
        "categories:",
        "categories: []",
        "categories: {id: 3}",
        "tags: {a: no}",
        "tags: []",
        "tags: ', '",
    ],
)
def test_folders_give_the_category_where_the_file_does_not(line: str) -> None:
    assert paths(front(line)) == ["财经 / 银行"]


@pytest.mark.parametrize(
    ("lines", "moment"),
    [
        (["date: 2023-03-05 09:02:03"], datetime(2023, 3, 5, 1, 2, 3, tzinfo=UTC)),
        (["pubDate: Sun, 05 Mar 2023 01:02:03 GMT"], datetime(2023, 3, 5, 1, 2, 3, tzinfo=UTC)),
        (["date: Invalid Date", "published: 2023-03-05"], datetime(2023, 3, 4, 16, tzinfo=UTC)),
        (["date: Invalid Date"], None),
        (["published: true"], None),
        (["publishDate: 2023-03-05", "created: x"], datetime(2023, 3, 4, 16, tzinfo=UTC)),
        (["lastmod: 2024-01-01", "created: 2023-03-05"], datetime(2023, 3, 4, 16, tzinfo=UTC)),
        (["modified: 2023-03-05"], datetime(2023, 3, 4, 16, tzinfo=UTC)),
    ],
)
def test_the_first_date_that_is_one_counts(lines: list[str], moment: datetime | None) -> None:
    assert front(*lines).published_at == moment


UNDATED = "is no date of the years 1990 to 2100; the moment of first sight counts"
OTHERWISE = "is no date of the years 1990 to 2100; another date counts"


@pytest.mark.parametrize(
    ("lines", "notes"),
    [
        (["date: Invalid Date"], [(3, f"date 'Invalid Date' {UNDATED}")]),
        (
            ["x: y", "pubDate: 昨天", "updated: x"],
            [(4, f"pubdate '昨天' {UNDATED}"), (5, f"updated 'x' {UNDATED}")],
        ),
        (["date: 1970-01-01"], [(3, f"date '1970-01-01' {UNDATED}")]),
        (["extra:", "  date: 2999-01-01"], [(3, f"date '2999-01-01' {UNDATED}")]),
        ([f"date: {'9' * 100}"], [(3, f"date '{'9' * 79}…' {UNDATED}")]),
        (["date: Invalid Date", "updated: 2023-03-05"], [(3, f"date 'Invalid Date' {OTHERWISE}")]),
        (["published: true", "date: ''", "created: ~"], []),
        ([], []),
    ],
)
def test_a_date_that_is_none_is_told_where_no_other_is_one(
    lines: list[str], notes: list[tuple[int, str]]
) -> None:
    found = front(*lines).notes
    assert [(note.line, note.cause) for note in found] == notes
    assert all(note.severity is Severity.NOTED for note in found)


def test_a_bad_date_is_told_where_the_name_has_a_day() -> None:
    (note,) = front("date: Invalid Date", name="2023-03-05-title.md").notes
    assert note.cause == f"date 'Invalid Date' {OTHERWISE}"


@pytest.mark.parametrize(
    ("lines", "pinned"),
    [
        ([], 0),
        (["pinned: true"], 1),
        (["pinned: Yes"], 1),
        (["pin: true"], 1),
        (["sticky: 100"], 100),
        (["top: true"], 1),
        (["top: 100"], 100),
        (["Top: '007'"], 7),
        (["pinned: 1"], 1),
        (["pinned: false"], 0),
        (["sticky: 0"], 0),
        (["sticky: 000"], 0),
        (["pinned: 2", "sticky: 100"], 2),
        (["pinned: false", "sticky: 100"], 0),
        (["pinned:", "sticky: ~", "top: 5"], 5),
        (["pinned: often", "sticky: 5"], 5),
        (["extra: {pinned: true}"], 1),
        ([f"sticky: {MAX_PINNED}"], MAX_PINNED),
        ([f"sticky: {MAX_PINNED + 1}"], MAX_PINNED),
        (["sticky: 10000000000"], MAX_PINNED),
        ([f"sticky: {'9' * 9_999}"], MAX_PINNED),
        (["top:100"], 100),
    ],
)
def test_a_pin_is_a_truth_or_a_number(lines: list[str], pinned: int) -> None:
    parsed = front(*lines)
    assert parsed.pinned == pinned
    assert [note for note in parsed.notes if note.severity is Severity.NOTED] == []


@pytest.mark.parametrize(
    ("head", "pinned"),
    [
        ("+++\ntitle = 'T'\n[params]\npinned = true\n+++\n", 1),
        ("+++\ntitle = 'T'\n[extra]\nsticky = 7\n+++\n", 7),
        ('{"title": "T", "top": 7}\n', 7),
        ("Title: T\nPinned: 7\n\n", 7),
        ("title: T\ntop: 7\n---\n", 7),
    ],
)
def test_a_pin_is_read_in_every_language_of_front_matter(head: str, pinned: int) -> None:
    assert read(f"{head}正文").pinned == pinned


UNPINNED = "is neither true or false nor a whole number; the article is not pinned"


@pytest.mark.parametrize(
    ("lines", "notes"),
    [
        (["pinned: often"], [(3, f"pinned 'often' {UNPINNED}")]),
        (["x: y", "sticky: -1", "top: 1.5"], [(4, f"sticky '-1' {UNPINNED}")]),
        (["top: 1e3"], [(3, f"top '1e3' {UNPINNED}")]),
        (["top: ٣"], [(3, f"top '٣' {UNPINNED}")]),
        (["pin: [1]"], [(3, f"pin {UNPINNED}")]),
        (["pin: {a: 1}"], [(3, f"pin {UNPINNED}")]),
        (
            ["sticky: x", "date: x"],
            [(3, f"sticky 'x' {UNPINNED}"), (4, f"date 'x' {UNDATED}")],
        ),
    ],
)
def test_a_pin_that_is_none_is_told(lines: list[str], notes: list[tuple[int, str]]) -> None:
    parsed = front(*lines)
    assert parsed.pinned == 0
    assert [(note.line, note.cause) for note in parsed.notes] == notes
    assert all(note.severity is Severity.NOTED for note in parsed.notes)


def test_notes_come_in_the_order_of_their_lines_and_not_without_end() -> None:
    text = "---\ntitle: 'it's'\ndate: x\nauthor: @a\n---\n<meta charset=gbk>正文"
    notes = read(text).notes
    assert [(note.line, note.severity) for note in notes] == [
        (None, Severity.NOTED),
        (2, Severity.SALVAGED),
        (3, Severity.NOTED),
        (4, Severity.SALVAGED),
    ]
    assert len(front(*["x: y"] * 1_000).notes) == MAX_NOTES


def test_a_day_in_the_name_counts_where_only_an_update_is_told() -> None:
    named = front("updated: 2024-01-01", name="_posts/2023-03-05-title.md")
    assert named.published_at == datetime(2023, 3, 4, 16, tzinfo=UTC)
    told = front("date: 2022-03-05", name="_posts/2023-03-05-title.md")
    assert told.published_at == datetime(2022, 3, 4, 16, tzinfo=UTC)
    assert front(name="2023-03-0512.md").published_at is None


def test_a_file_of_each_site_builder_says_the_same() -> None:
    hexo = """---
title: 报
date: 2023-03-05 09:02:03
updated: 2023-04-01 00:00:00
categories:
- 财经
author: 甲
headimg: https://e.org/a.png
permalink: :year/:title/
excerpt: 短
link: https://e.org/a
lang: zh-CN
---
正文
"""
    jekyll = """---
layout: post
title: "报"
date: 2023-03-05 09:02:03 +0800
last_modified_at: 2023-04-01
category: 财经
author: {name: 甲}
image: {path: https://e.org/a.png}
canonical_url: https://e.org/a
permalink: /a/
excerpt: 短
lang: zh-CN
---
正文
"""
    hugo = """+++
title = '报'
date = 2023-03-05T09:02:03+08:00
lastmod = 2023-04-01
categories = ['财经']
summary = '短'
language = 'zh-CN'
[params]
author = '甲'
canonicalURL = 'https://e.org/a'
[params.cover]
image = 'https://e.org/a.png'
+++
正文
"""
    zola = """+++
title = "报"
description = "短"
date = 2023-03-05T01:02:03Z
authors = ["甲"]
[taxonomies]
categories = ["财经"]
[extra]
lang = "zh-CN"
cover = "https://e.org/a.png"
external_url = "https://e.org/a"
+++
正文
"""
    pelican = """Title: 报
Date: 2023-03-05 09:02:03
Modified: 2023-04-01
Category: 财经
Authors: 甲
Slug: bao
Lang: zh-CN
Summary:
    短
Link: https://e.org/a
Image: https://e.org/a.png

正文
"""
    eleventy = """{
"title": "报",
"layout": "post.njk",
"date": "2023-03-05T01:02:03Z",
"tags": ["财经"],
"author": [{"name": "甲"}],
"image": {"src": "https://e.org/a.png"},
"source": {"url": "https://e.org/a"},
"description": "短",
"lang": "zh-CN"
}
正文
"""
    said = list(map(read, (hexo, jekyll, hugo, zola, pelican, eleventy)))
    updated = datetime(2023, 3, 31, 16, tzinfo=UTC)
    assert [each.updated_at for each in said] == [updated, updated, updated, None, updated, None]
    first, *others = (replace(each, updated_at=None) for each in said)
    assert first == ParsedFile(
        identity="财经/银行/a",
        title="报",
        authors=("甲",),
        categories=(CategoryPath(("财经",)),),
        published_at=datetime(2023, 3, 5, 1, 2, 3, tzinfo=UTC),
        link="https://e.org/a",
        image="https://e.org/a.png",
        language="zh-CN",
        summary="短",
        markup="<p>正文</p>\n",
    )
    assert all(other == first for other in others)


@pytest.mark.parametrize(
    ("lines", "link"),
    [
        (["link: https://e.org/a"], "https://e.org/a"),
        (["source: 新华社", "canonical: https://e.org/a?b&copy=1"], "https://e.org/a?b&copy=1"),
        (["external_url: http://例子.中国/"], "http://xn--fsqu00a.xn--fiqs8s/"),
        (["link: /relative"], None),
        (["link: javascript:alert(1)"], None),
        (["permalink: :year/:title/"], None),
        (["permalink: https://e.org/:year/:title/"], None),
        (["permalink: 'https://e.org/{{ slug }}/'"], None),
        (["permalink: /a/", "url: https://e.org/b"], "https://e.org/b"),
        (["permalink: https://e.org/a"], "https://e.org/a"),
        (["canonicalURL: https://e.org/a", "permalink: https://e.org/b"], "https://e.org/a"),
        (["source: {name: 新华社, url: https://e.org/a}"], "https://e.org/a"),
        (["link: [x, https://e.org/a]"], "https://e.org/a"),
        (["link: '[words](https://e.org/a \"title\")'"], "https://e.org/a"),
        (["link: <https://e.org/a>"], "https://e.org/a"),
    ],
)
def test_a_link_is_absolute_or_none(lines: list[str], link: str | None) -> None:
    assert front(*lines).link == link


@pytest.mark.parametrize(
    ("lines", "image"),
    [
        (["headimg: ''", "cover: https://e.org/a.png"], "https://e.org/a.png"),
        (["cover_image: https://e.org/a.png"], "https://e.org/a.png"),
        (["headimg: https://picsum.photos/1", "image: //e.org/a.png"], "https://e.org/a.png"),
        (["thumbnail: [https://e.org/a.png, x]"], "https://e.org/a.png"),
        (["image: data:image/png;base64,AA"], None),
        (["cover: {image: https://e.org/a.png, alt: x}"], "https://e.org/a.png"),
        (["image: {src: a.png, url: https://e.org/a.png}"], "https://e.org/a.png"),
        (["images: [a.png, {url: https://e.org/a.png}]"], "https://e.org/a.png"),
        (["cover: {src: [x]}", "featured_image: https://e.org/a.png"], "https://e.org/a.png"),
        (["cover: /img/a.png"], None),
        (["image: '![words](https://e.org/a.png)'"], "https://e.org/a.png"),
        (["index_img: https://e.org/a.png"], "https://e.org/a.png"),
        (["headimg: https://picsum.photos/1"], None),
    ],
)
def test_an_image_is_no_placeholder(lines: list[str], image: str | None) -> None:
    assert front(*lines).image == image


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("lang: zh-hant-tw", "zh-Hant-TW"),
        ("language: EN", "en"),
        ("lang: Chinese", None),
        ("lang: 中文", None),
        ("lang: ~", None),
    ],
)
def test_a_language_is_a_tag(line: str, language: str | None) -> None:
    assert front(line).language == language


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("post.en.md", "en"),
        ("post.zh-cn.md", "zh-CN"),
        ("index.fr.md", "fr"),
        ("notes.qx.md", None),
        ("v1.2.md", None),
        ("post.md", None),
    ],
)
def test_the_name_of_a_file_may_end_in_its_language(name: str, language: str | None) -> None:
    assert read("---\ntitle: T\n---\ntext", name).language == language


def test_the_head_of_a_document_may_have_metadata_of_pelican() -> None:
    head = """<html><head><title>T</title>
        <meta name="date" content="2024-02-03 10:00" /><meta charset=utf-8>
        <meta name="tags" contents="none"><META content='A &amp; B' name='category'>
        <meta name="authors" content="Ann, Bob"><meta name="summary" content="Short">
        <meta name="viewport" content="width=1"></head>"""
    document = read(f"{head}<body><p>text</p></body></html>", "a.html")
    assert (document.title, document.authors, document.summary) == ("T", ("Ann", "Bob"), "Short")
    assert [str(path) for path in document.categories] == ["A & B"]
    assert document.published_at is not None
    other = '<html><head><title>T</title><meta name="author" content="Ann"></head>text</html>'
    assert read(other, "a.html").authors == ()
    assert read(head.replace("</head>", ""), "a.html").authors == ()
    held = '<html><head><meta name="status" content="draft"><meta name="date" content="x"></head>'
    assert read(held, "a.html").availability is not None


def test_a_document_gives_its_language() -> None:
    assert read("<html lang=ja><title>t</title>", "a.html").language == "ja"


@pytest.mark.parametrize("line", ["id: 'urn:a b'", "guid: 'urn:a b'", "guid: x\nid: 'urn:a b'"])
def test_an_identity_is_given_or_the_path(line: str) -> None:
    assert front(line).identity == "urn:a b"


@pytest.mark.parametrize("line", ["id: ''", "id: null", "guid: ~", "id: [ ]"])
def test_an_empty_identity_is_none(line: str) -> None:
    assert front(line).identity == "财经/银行/a"


def test_an_identity_too_long_for_a_key_is_refused_not_cut() -> None:
    error = failure(f"---\ntitle: T\nguid: {'x' * (MAX_IDENTITY + 1)}\n---\n")
    assert error.line == 3
    assert "longer than" in error.problem


def test_floods_are_cut() -> None:
    many = ", ".join(f"n{n}" for n in range(200))
    lists = ", ".join(f"[n{n}]" for n in range(200))
    parsed = front(
        f"authors: [{many}]", f"categories: [{lists}]", f"category: {'/'.join('abcdefghijklmnop')}"
    )
    assert len(parsed.authors) == MAX_AUTHORS
    assert len(parsed.categories) == MAX_CATEGORIES
    deep = front(f"category: {'/'.join('abcdefghijklmnop')}", f"author: {'长' * 1_000}")
    assert len(deep.categories[0].names) == MAX_LEVELS
    assert len(deep.authors[0]) == MAX_NAME


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("draft: true", "draft: true"),
        ("draft: Yes", "draft: Yes"),
        ("published: false", "published: false"),
        ("status: draft", "it is a draft"),
        ("Hidden: true", "it is hidden"),
        ("status: Private", "it is hidden"),
    ],
)
def test_a_draft_is_no_article_yet(line: str, said: str) -> None:
    availability = front(line).availability
    assert availability is not None
    held_back = availability.held_back
    assert held_back is not None
    assert (held_back.severity, held_back.line) == (Severity.NOTED, 3)
    assert said.lower() in held_back.cause.lower()


@pytest.mark.parametrize(
    "line", ["draft: false", "published: true", "draft: ''", "status: published", "hidden: 0"]
)
def test_what_is_no_draft_is_an_article(line: str) -> None:
    assert front(line).title == "T"


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        (b"", "a.md", "empty"),
        (b"a\x00b", "a.md", "binary"),
        (b"---\ntitle: x\n", "a.md", "no closing"),
        (b"# x", "a.pdf", "not one of .htm"),
        (b"# x", "README", "not one of"),
    ],
)
def test_a_file_that_is_no_article_says_why(content: bytes, name: str, problem: str) -> None:
    assert problem in failure(content, name).problem


def test_forbidden_characters_are_gone_before_anybody_looks() -> None:
    parsed = read("---\ntitle: a\x03b\nlink: https://e.org/\x08a\n---\n<a href='java\x03script:x'>")
    assert parsed.title == "ab"
    assert parsed.link == "https://e.org/a"
    assert "javascript:x" in parsed.markup


@settings(max_examples=effort(33, soak=100))
@given(
    st.sampled_from(
        [
            "title",
            "author",
            "authors",
            "categories",
            "category",
            "date",
            "link",
            "image",
            "lang",
            "id",
        ]
    ),
    st.text(max_size=40)
    | st.sampled_from(["[", "{a: [b]}", "[[a], {b: c}]", "&a", "!!x y", "> x", "|"]),
    st.text(max_size=30),
)
def test_any_file_is_parsed_or_a_source_error(key: str, value: str, body: str) -> None:
    text = f"---\ntitle: T\n{key}: {value}\n---\n{body}"
    try:
        parsed = read(text.encode("utf-8", "replace"))
    except SourceError:
        return
    assert parsed.title
    assert "\n" not in parsed.title


@pytest.mark.parametrize(
    ("line", "authors"),
    [
        ("author: {given: Per, family: Hansen}", ("Per Hansen",)),
        ("authors: [{first: Ada, last: Field}, Lin Hai]", ("Ada Field", "Lin Hai")),
        ("author: {firstName: Ada, lastName: Field}", ("Ada Field",)),
        ("author: {name: {given: Vincent, particle: van, family: Gogh}}", ("Vincent van Gogh",)),
        ("author: {family: 林, given: 海}", ("林海",)),
        ("author: {given_name: Ada}", ("Ada",)),
        ("authors: {ada: {name: Ada Field}, lin: {name: 林海}}", ("Ada Field", "林海")),
        ("authors: [{literal: The Editors}]", ("The Editors",)),
        ("author: {display_name: Ada, email: a@example.org}", ("Ada",)),
    ],
)
def test_people_are_named_in_parts(line: str, authors: tuple[str, ...]) -> None:
    parsed = front(line)
    assert (parsed.authors, parsed.notes) == (authors, ())


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("author: {email: a@example.org}", "author names nobody; the site's author counts"),
        ("link: /about/", "link '/about/' is no absolute address; the article's page here counts"),
        (
            "cover: /img/a.png",
            "cover '/img/a.png' is no absolute address; the first image of the text counts",
        ),
        ("audio: /a.mp3", "audio '/a.mp3' is no address of a recording whose type is known"),
        ("lang: english", "lang 'english' is no language tag"),
    ],
)
def test_what_is_not_used_is_noted_with_its_line(line: str, cause: str) -> None:
    (note,) = front(line).notes
    assert (note.severity, note.line, note.cause) == (Severity.NOTED, 3, cause)


@pytest.mark.parametrize(
    "line",
    ["permalink: /a/", "cover: false", "cover: https://picsum.photos/1", "lang: en_US.UTF-8"],
)
def test_what_means_nothing_here_is_not_noted(line: str) -> None:
    assert front(line).notes == ()


@pytest.mark.parametrize(
    ("name", "failed"),
    [
        ("_index.md", False),
        ("tech/_index.fr.md", False),
        ("a.sync-conflict-20240105-101112-ABCDEFG.md", True),
        ("a (conflicted copy).md", True),
        ("a (Ada's conflicted copy 2024-01-05).md", True),
        ("a (conflicted copy 2024-01-05 101112).txt", True),
        ("a_conflict-20240105-101112.md", True),
        ("a (Case Conflict 1).html", True),
        ("a (SFConflict ada@example.org 2024-01-05-10-11-12).md", True),
        ("a (In Konflikt stehende Kopie von Ada).md", True),
        ("a_host_Jan-05-101112-2024_Conflict.md", True),
    ],
)
def test_list_pages_and_conflicted_copies_are_no_articles(name: str, failed: bool) -> None:
    with pytest.raises(NotAnArticle) as caught:
        read("---\ntitle: T\n---\nText", name)
    assert caught.value.failed is failed


@pytest.mark.parametrize(
    "name", ["a (a conflict of interests).md", "conflict.md", "index.md", "x/_indexes.md", "A.MD"]
)
def test_names_that_are_only_similar_are_of_articles(name: str) -> None:
    assert read("---\ntitle: T\n---\nText", name).title == "T"


def test_front_matter_alone_without_a_title_is_no_article() -> None:
    with pytest.raises(SourceError, match="neither title nor text"):
        read("---\ntemplate: latest.html\n---\n \n")
    assert read("---\ntitle: A\n---\n").title == "A"


@pytest.mark.parametrize("value", ["true", "False"])
def test_a_summary_that_only_tells_whether_there_is_one_is_none(value: str) -> None:
    assert front(f"excerpt: {value}", "description: 摘要").summary == "摘要"
    assert front(f"excerpt: {value}").summary is None


def test_a_link_of_a_note_names_the_picture_of_an_article() -> None:
    header = parse_header(
        SourceFile(
            path=PurePosixPath("a.md"), content="---\nimage: '[[甲.png|100]]'\n---\nx".encode()
        ),
        ZoneInfo("UTC"),
    )
    assert header.local_image == "甲.png"
