"""Whatever is in a file, it becomes a clean article or a problem that says why."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from digest.articles.characters import one_line
from digest.articles.cleaning.rules import Rule
from digest.articles.draft import make_draft
from digest.articles.draft_options import DraftOptions
from digest.articles.model import CategoryPath, Draft, SourceFile
from digest.articles.reading.front_matter_keys import TEXT_KEYS
from digest.errors import SourceError
from digest.urls import MAX_NAME_BYTES
from tests.articles.attacks import ATTACKS, violations
from tests.defaults import default_options
from tests.effort import effort

pytestmark = pytest.mark.full_speed

OPTIONS = st.sampled_from(
    [
        default_options(engines=("nh3",)),
        default_options(),
        default_options(
            engines=("nh3",),
            timezone="Asia/Shanghai",
            summary_length=1,
            rules=(
                Rule(keep=("article",), drop=(".x", "p:first-child"), unwrap=("b",)),
                Rule(
                    category=CategoryPath(("a",)),
                    strong=("i", "font"),
                    attributes=(("data-src", "src"), ("title", "href")),
                ),
            ),
        ),
        default_options(
            engines=("nh3",),
            category_style="flat",
            category_map=(("a", "b/c"), ("甲", ""), ("RSS", "RSS"), ("x/y", "d")),
        ),
    ]
)
PATHS = st.one_of(
    st.sampled_from(["a.md", "b/c/一 篇.md", "a.html", "x/a.HTM", "a.txt", "a.markdown"]),
    st.builds(
        "{}/{}.md".format,
        st.sampled_from(
            ["a", "— 甲", "——", "null", "\udcff", "x\ny", "cafe\u0301", "长" * 85, "A/b"]
        ),
        st.sampled_from(["2021-08-27-x", "2021-02-30-x", "\udcff", "'\"", "-", "x.html"]),
    ),
)

SCALARS = st.one_of(
    st.sampled_from(
        [
            "", "~", "null", "no", "true", "2021", "1.10", "0x1F", ".inf", "2021-08-27", "'", '"',
            "Fri, 27 Aug 2021 12:49:08 GMT", "2021-10-10 11:06:15", "2021年8月27日 12:49",
            "Invalid Date", "Fri Aug 27 2021 20:49:08 GMT+0800 (CST)", "99999-01-01 00:00:00",
            "0001-01-01 00:00:00 +2359", "1e400", "9999-12-31T23:59:59-23:59",
            "https://e.org/a", "//e.org/a", "https://[::1", "http://e.org:99999/", "javascript:x",
            "'A' and \"B\"", "'\"A\" and 'B''", "a: b", "a #b", "- a", "[a, b]", "[a, [b, c]]",
            "{name: x}", "[{name: x}, y]", "&a b", "*a", "!!python/object:os.system x", "!!int x",
            "|", ">-", "? a", "%YAML 1.1", "`a", "@a", "\t", "— 茶", "a/b > c", "&#123;x&#125;",
            "甲、乙；丙", "a/b, RSS -> ＲＳＳ", "×: y", "\"C:\\d\"", "'a' b", "x\ty: z", "a:b:",
            "长" * 120 + ": x", "zh_cn", "en-US-x-y", "\u0301", "\u202e", "\ufeff", "\x85",
            "\ud800", "{", "]",
        ]
    ),
    st.text(max_size=12),
)  # fmt: skip
KEYS = st.sampled_from(
    [*sorted(TEXT_KEYS), "categories", "authors", "tags", "draft", "Title", "? x", "unknown", "<<"]
)
LINES = st.one_of(
    st.builds("{}: {}".format, KEYS, SCALARS),
    st.builds("{}:\n - {}\n - {}".format, KEYS, SCALARS, SCALARS),
    st.builds("{}:\n  {}: {}".format, KEYS, KEYS, SCALARS),
    st.builds("{}:\n\t- {}\n\t- {}".format, KEYS, SCALARS, SCALARS),
    st.builds("{}{}{}".format, KEYS, st.sampled_from([":", "：", " :", ":\t", " = "]), SCALARS),
    st.builds('"{}": "{}",'.format, KEYS, SCALARS),
    st.builds(" {}".format, SCALARS),
    SCALARS,
)
FENCES = st.one_of(
    st.sampled_from([("---", "---"), ("---", "---"), ("---", "..."), ("--- ", "---")]),
    st.sampled_from([("+++", "+++"), (";;;", ";;;"), ("---json", "---"), ("--- toml", "---")]),
    st.sampled_from([("\ufeff---", "---"), ("", "---"), ("", ""), ("{", "}"), ("---", "")]),
)
PIECES = st.one_of(
    st.sampled_from(ATTACKS).filter(lambda attack: len(attack) < 300),
    st.sampled_from(
        [
            "# 标题", "标题\n===", "## ", "> ", "- a\n  - b", "1. ", "    code", "```py\nx",
            "~~~",
            "| a | b |\n|---|---|\n| c |", "[a](b)", "![a](//b 'c')", "[a]: b", "[^1]", "[^1]: x",
            "^[x]", "**a", "*_a_**", "~~x~~", "`a", "<https://e.org>", "\\", "&nbsp;", "&#123;",
            "<div>", "</div>", "<p>　　x", "<pre>\n\n", "<base href=//e.org>", "<title>t</title>",
            "<h1>t", "</h1>", "<html lang=zh><body>",
            "<meta charset=gb2312>", "<meta charset='idna'>", "</title", "<h1 ", "<body", "</body>",
            "<article class=x>", "<font><i>x", "<b>",
            "<img data-src=//e.org/a width=1 height=1>", "<img srcset='a 1x, b 2x'>",
            "<br><br><br>", "<a href=x title=y>", "<!-- ", "-->", "<table><td>", "<ruby>漢<rt>",
            "\x00", "\r", "\x1f",
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip
TEXTS = st.builds(
    lambda fences, first, lines, body, times, breaks: breaks.join(
        [fences[0], first, *lines * times, fences[1], *body * times]
    ),
    FENCES,
    st.sampled_from(["title: T", "title: 'it's'", "title = 'T'", '"title": "T",', "x: y"]),
    st.lists(LINES, max_size=6),
    st.lists(PIECES, max_size=8),
    st.sampled_from([1, 1, 1, 1, 40]),
    st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]),
)
ENCODINGS = st.sampled_from(
    [
        *["utf-8"] * 3,
        *["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7"],
        *["gb18030", "big5", "shift_jis", "windows-1252"],
    ]
)


def drafted(path: str, content: bytes, options: DraftOptions) -> Draft | None:
    """Return the draft of a file, None where it is a problem that says why."""
    source = SourceFile(path=PurePosixPath(path), content=content)
    try:
        draft = make_draft(source, options)
    except SourceError as error:
        if error.path != source.path or not error.problem:
            raise
        if error.line is not None and not 1 <= error.line <= lines_of(content) + 1:
            raise
        return None
    return draft


def lines_of(content: bytes) -> int:
    return content.count(b"\n") + content.count(b"\r") + 1


def check(path: str, content: bytes, options: DraftOptions) -> None:
    draft = drafted(path, content, options)
    if draft is not None:
        assert draft.title.strip()
        assert draft.identity
        assert violations(draft.body) == []
        for note in draft.notes:
            assert note.cause == one_line(note.cause) != ""
            assert len(note.cause) < 300
            assert note.line is None or 1 <= note.line <= lines_of(content)
        for category in draft.categories:
            assert CategoryPath(tuple(map(one_line, category.names))) == category
            assert all(len(part.encode()) <= MAX_NAME_BYTES for part in category.folder.split("/"))
        assert drafted(path, content, options) == draft


@pytest.mark.soak
@settings(
    max_examples=effort(100, soak=1_000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(PATHS, st.binary(max_size=300), OPTIONS)
@example("a.md", b"\xff\xfe", default_options())
@example("a.md", b"---\ntitle: \xd8\n---\n\xff", default_options())
def test_any_bytes_are_an_article_or_a_problem(
    path: str, content: bytes, options: DraftOptions
) -> None:
    check(path, content, options)
    check(path, b"---\ntitle: T\n---\n" + content, options)


@pytest.mark.soak
@settings(
    max_examples=effort(100, soak=1_000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(PATHS, TEXTS, ENCODINGS, OPTIONS)
def test_any_front_matter_and_markup_are_an_article_or_a_problem(
    path: str, text: str, encoding: str, options: DraftOptions
) -> None:
    check(path, text.encode(encoding, "replace"), options)
