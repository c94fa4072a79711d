"""The title block of Pandoc says title, authors and date."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from digest.articles.reading.fields import Value
from digest.articles.reading.front_matter import split

PATH = PurePosixPath("a.md")


@pytest.mark.parametrize(
    ("text", "fields", "body"),
    [
        ("% Cranes\n\nText", {"title": "Cranes"}, "\n\nText"),
        ("\n% Cranes\n% Ann Lee\n% 2024-01-05\n\nText",
         {"title": "Cranes", "author": ["Ann Lee"], "date": "2024-01-05"}, "\n\nText"),
        ("% Cranes\n  at night\n% Ann Lee; Bob\n  Eve\n%\n\nText",
         {"title": "Cranes at night", "author": ["Ann Lee", "Bob", "Eve"]}, "\n\nText"),
        ("% Cranes\n%\n% January 5, 2024\n",
         {"title": "Cranes", "date": "January 5, 2024"}, "\n"),
        ("% Cranes", {"title": "Cranes"}, ""),
    ],
)  # fmt: skip
def test_a_title_block_is_read(text: str, fields: dict[str, Value], body: str) -> None:
    front = split(text, PATH)
    assert (front.present, front.fields, front.body) == (True, fields, body)


def test_the_lines_of_a_title_block_are_known() -> None:
    front = split("\n% A\n  b\n% Ann\n% soon\n\nText", PATH)
    assert front.lines == {"title": 2, "author": 4, "date": 5}


@pytest.mark.parametrize(
    "text",
    [
        "%%\nhidden\n%%\n\nText",
        "%YAML 1.2\n\nText",
        "% of readers\nwho came\n\nText",
        "%\n% Ann\n\nText",
        "% A\n% B\n% C\n% D\n\nText",
        "Text\n\n% Cranes\n",
    ],
)
def test_other_signs_of_percent_are_text(text: str) -> None:
    assert not split(text, PATH).present


def test_a_title_block_is_of_markdown() -> None:
    assert not split("% Cranes\n\nText", PurePosixPath("a.html")).present
