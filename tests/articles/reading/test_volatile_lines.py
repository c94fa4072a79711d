"""What a crawler writes anew each time makes no file another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.draft import draft_rewritten, make_draft
from digest.articles.model import Draft, SourceFile, UnchangedText, VolatileFields
from digest.articles.reading.volatile_lines import raw_hash
from digest.errors import SourceError
from tests.defaults import default_options

NOW = datetime(2026, 11, 28, 15, tzinfo=UTC)
FILE = """
---
title: 新桥
headimg: 'https://picsum.photos/400/300?random=1'
Date: 2026-11-27 10:00:00
author: 某记者
---
<p>桥今天通车了。</p>
"""
OPTIONS = default_options(engines=("nh3",))


def hashed(text: str) -> str:
    return raw_hash(text.encode(), ZoneInfo("UTC"), ("picsum.photos",), NOW)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("random=1'", "random=2'"),
        ("'https://picsum.photos/400/300?random=1'", ""),
        ("'https://picsum.photos/400/300?random=1'", "''"),
        ("2026-11-27 10:00:00", "Sat, 28 Nov 2026 01:02:03 GMT"),
        ("2026-11-27 10:00:00", "'2026-11-28'"),
    ],
)
def test_a_date_that_is_past_and_a_placeholder_are_fleeting(old: str, new: str) -> None:
    assert old in FILE
    assert hashed(FILE.replace(old, new)) == hashed(FILE) != ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("新桥", "旧桥"),
        ("某记者", "另一位"),
        ("通车", "封闭"),
        ("https://picsum.photos/400/300?random=1", "https://img.example.org/1.png"),
        ("'https://picsum.photos/400/300?random=1'", "\n- https://img.example.org/1.png"),
        ("'https://picsum.photos/400/300?random=1'", "[https://img.example.org/1.png]"),
        ("2026-11-27 10:00:00", "2026-11-29 10:00:00"),  # a date to come may be remarked on
        ("2026-11-27 10:00:00", "yesterday"),
        ("2026-11-27 10:00:00", "2026-11-27 10:00:00 CST"),  # which zone that is, is remarked on
        ("2026-11-27 10:00:00", "2026-11-26\n  10:00:00"),
        ("Date", "lastmod"),
        ("---\n<p>", "--- \nid: x\n---\n<p>"),
    ],
)
def test_all_else_is_not(old: str, new: str) -> None:
    assert old in FILE
    assert hashed(FILE.replace(old, new)) != hashed(FILE)


@pytest.mark.parametrize(
    "text", ["", "text", "---\ntitle: never closed\n", "+++\ntitle='x'\n+++\n"]
)
def test_only_a_front_matter_of_yaml_is_looked_into(text: str) -> None:
    assert hashed(text) == ""


LINES = st.sampled_from(
    [
        "date: 2026-11-27",
        "date: 2026-11-28",
        "date: 'Invalid Date'",
        "Date: 2021-08-27 12:49",
        "updated: 2026-01-01",
        "date: 2021-08-27 12:49 CST",
        "updated: 2026-01-01 12:49 EST",
        "headimg: https://picsum.photos/1",
        "headimg: 'https://picsum.photos/2'",
        "headimg: https://img.example.org/1.png",
        "thumbnail: [https://picsum.photos/3]",
        "cover: https://picsum.photos/4 # 5",
        "headimg: >",
        "headimg:",
        "thumbnail: ''",
        "- https://img.example.org/2.png",
        "  https://picsum.photos/6",
        "  more",
        "title: 'a",
        "title: one",
        "title: it's 'two'",
        "categories:",
        " - 'x'",
        "id: 7",
    ]
)


def test_a_date_behind_the_end_of_the_front_matter_is_text() -> None:
    ended = FILE.replace("---\n<p>", "...\ndate: 2026-11-27\n---\n<p>")
    assert hashed(ended) != hashed(ended.replace("\ndate: 2026-11-27", "\ndate: 2026-11-26"))


def test_a_value_that_is_too_long_counts_as_it_stands() -> None:
    query = "x" * 600
    long, other = (FILE.replace("random=1", f"random={n}{query}") for n in (1, 2))
    assert hashed(long) != hashed(other)


def test_a_front_matter_that_is_too_long_has_no_hash() -> None:
    assert hashed("---\n" + "tag: x\n" * 9_000 + "---\ntext")
    assert hashed("---\n" + "tag: x\n" * 10_000 + "---\ntext") == ""


def test_of_many_lines_only_the_first_are_examined() -> None:
    for above, same in ((60, True), (100, False)):
        text = "---\n" + "date: 2021-08-27\n" * above + "date: 2021-08-{}\n---\ntext"
        assert (hashed(text.format(27)) == hashed(text.format(28))) is same


@given(st.lists(LINES, max_size=6), st.lists(LINES, max_size=6))
def test_files_of_one_hash_say_the_same(one: list[str], other: list[str]) -> None:
    texts = ["\n".join(["---", "title: t", *lines, "---", "text"]) for lines in (one, other)]
    if hashed(texts[0]) != hashed(texts[1]):
        return
    said: list[object] = []
    for text in texts:
        try:
            draft = make_draft(source(text), OPTIONS)
            said.append(replace(draft, published_at=None))
        except SourceError:
            said.append(None)  # no hash is kept of it
    assert said[0] == said[1]


def source(text: str, made: Draft | None = None) -> SourceFile:
    """Return a file; where it is told what was made of it, with the hash of that."""
    path, content = PurePosixPath("a.md"), text.encode()
    if made is None:
        return SourceFile(path=path, content=content)
    return SourceFile(path=path, content=content, text_hash=made.text_hash)


def made(text: str, before: Draft | None = None) -> Draft | UnchangedText:
    return draft_rewritten(source(text, before), OPTIONS, NOW)


def test_a_file_that_nothing_is_known_of_becomes_a_draft() -> None:
    draft = made(FILE)
    assert isinstance(draft, Draft)
    assert draft == replace(make_draft(source(FILE), OPTIONS), raw_hash=hashed(FILE))


def test_a_file_with_another_picture_is_not_cleaned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = made(FILE.replace("picsum.photos", "img.example.org"))
    assert isinstance(draft, Draft)
    monkeypatch.setattr("digest.articles.draft.clean", None)
    again = FILE.replace("picsum.photos", "cdn.example.org")
    assert made(again, draft) == UnchangedText(
        volatile=VolatileFields(
            published_at=datetime(2026, 11, 27, 10, tzinfo=UTC),
            image="https://cdn.example.org/400/300?random=1",
        ),
        raw_hash=hashed(again),
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("新桥", "旧桥"),
        ("某记者", "另一位"),
        ("通车", "封闭"),
        ("'https://img.example.org/400/300?random=1'", ""),
        ("author", "lang: en\nauthor"),
        ("author", "summary: in short\nauthor"),
        ("author", "link: https://example.org/\nauthor"),
        ("author", "categories: x\nauthor"),
        ("author", "id: x\nauthor"),
    ],
)
def test_a_file_that_says_anything_else_is_made_anew(old: str, new: str) -> None:
    text = FILE.replace("picsum.photos", "img.example.org")
    draft = made(text)
    assert isinstance(draft, Draft)
    assert old in text
    assert isinstance(made(text.replace(old, new), draft), Draft)


@pytest.mark.parametrize("filling", [" ", "\t ", "' ", "x "])
def test_a_line_that_is_almost_a_date_costs_no_more_than_its_bytes(filling: str) -> None:
    # What tries each length of three runs of blanks would take hours over this.
    almost = FILE.replace("2026-11-27 10:00:00", filling * 50_000 + "#")
    assert hashed(almost) != hashed(FILE)


def test_a_date_may_have_blanks_behind_it() -> None:
    assert hashed(FILE.replace("10:00:00\n", "10:00:00 \t\n")) == hashed(FILE)
