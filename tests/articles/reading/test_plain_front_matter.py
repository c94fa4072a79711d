"""Lines of Key: value at the start of a text are a head only where they can be nothing else."""

from __future__ import annotations

import pytest

from digest.articles.reading.fields import MAX_LENGTH
from digest.articles.reading.plain_front_matter import read_plain


def test_lines_of_keys_are_a_head_up_to_an_empty_line() -> None:
    text = (
        "Title: a: b &#123;\n  DATE:  2021-08-27 \nSummary: one\n    two\n\tthree\nSlug:\n\nbody\n"
    )
    found = read_plain(text)
    assert found is not None
    fields, end = found
    assert fields.values == {
        "title": "a: b {",
        "date": "2021-08-27",
        "summary": "one\ntwo\nthree",
        "slug": "",
    }
    assert fields.lines == {"title": 0, "date": 1, "summary": 2, "slug": 5}
    assert text[end:] == "\nbody\n"


def test_the_last_of_a_repeated_key_counts() -> None:
    found = read_plain("Title: a\ntitle: b\n    c")
    assert found is not None
    assert (found[0].values, found[0].lines, found[1]) == ({"title": "b\nc"}, {"title": 1}, 23)
    (repair,) = found[0].repairs
    assert (repair.line, repair.cause) == (1, "title is there more than once; the last one counts")


@pytest.mark.parametrize("text", ["Title: x", "Title: x\n", "Date: 2021-08-27\nAuthor: x\n \nbody"])
def test_a_title_or_two_known_keys_make_a_head(text: str) -> None:
    assert read_plain(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\nTitle: x",
        "Note: mind the gap",
        "Note: one\nRemark: two\n\nbody",
        "Date: today we met\n\nbody",
        "Title: x\nthe body at once",
        "Title:x",
        "    Title: x",
        "标题: x",
        "https://example.org/",
        "Title: " + "x" * MAX_LENGTH,
        "Title: x\n" * MAX_LENGTH,
    ],
)
def test_anything_else_is_text(text: str) -> None:
    assert read_plain(text) is None
