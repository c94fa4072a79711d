"""Front matter without a fence: keywords of Org, metadata of Nikola, comments with keys."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from digest.articles.reading.fields import Value
from digest.articles.reading.front_matter import split
from digest.articles.reading.plain_front_matter import read_prefixed

PATH = PurePosixPath("a/b.md")


@pytest.mark.parametrize(
    ("text", "fields", "lines"),
    [
        (
            "\n#+TITLE: Cranes: at night\n#+DATE: 2024-01-05\n#+FILETAGS: :birds:night:\n\nText",
            {"title": "Cranes: at night", "date": "2024-01-05", "tags": ["birds", "night"]},
            {"title": 2, "date": 3, "tags": 4},
        ),
        ("#+title: Cranes\n#+filetags: birds\nText", {"title": "Cranes"}, {"title": 1}),
        (
            ".. title: Cranes\n.. tags: birds\n\nText",
            {"title": "Cranes", "tags": "birds"},
            {"title": 1, "tags": 2},
        ),
        (
            "<!--\n.. title: Cranes\n.. date: 2024-01-05\n\n-->\nText",
            {"title": "Cranes", "date": "2024-01-05"},
            {"title": 2, "date": 3},
        ),
        (
            "<!-- title: Cranes\n  author: Ann -->\nText",
            {"title": "Cranes", "author": "Ann"},
            {"title": 1, "author": 2},
        ),
    ],
)
def test_lines_of_keys_behind_a_sign_or_in_a_comment_are_read(
    text: str, fields: dict[str, Value], lines: dict[str, int]
) -> None:
    front = split(text, PATH)
    assert (front.present, front.fields, front.lines) == (True, fields, lines)
    assert front.body.strip() == "Text"


@pytest.mark.parametrize(
    "text",
    [
        "Text",
        "#+BEGIN_SRC\ncode\n#+END_SRC",
        "#+caption: one\n",
        "<!-- Note: one -->\nText",
        "<!-- more -->\nText",
        "<!-- title: x\n\nand a text -->\nText",
        "<!-- title: x --> Text",
        ".. note: x\n",
        "<!-- title: x",
    ],
)
def test_other_signs_and_comments_are_text(text: str) -> None:
    assert read_prefixed(text) is None
    assert split(text, PATH).body == text


def test_keys_behind_signs_are_of_markdown() -> None:
    assert not split("#+title: Cranes\n", PurePosixPath("a.txt")).present
