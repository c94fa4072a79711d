from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from digest.mail.text_layout import (
    breakable,
    cut,
    display_width,
    one_line,
    without_link_numbers,
    wrap,
)

WORDS = st.text(
    alphabet=st.sampled_from("ab cd ，。（）“”！?中文字e\u0301👩\u200d🚀ａ \u3000,.("), max_size=120
)


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("中文", 4), ("ａ", 2), ("e\u0301", 1), ("👩\u200d🚀", 2), ("\u200b", 0)],
)
def test_wide_characters_take_two_columns_and_marks_none(text: str, width: int) -> None:
    assert display_width(text) == width


@given(WORDS, st.integers(min_value=1, max_value=40))
def test_cut_text_fits_and_says_that_it_was_cut(text: str, width: int) -> None:
    short = cut(text, width)
    assert display_width(short) <= width
    if short != text:
        assert short.endswith("…")
        assert text.startswith(short[:-1])


@given(st.text(max_size=80))
def test_one_line_leaves_nothing_that_ends_or_turns_a_line(text: str) -> None:
    line = one_line(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in line)
    assert line == line.strip() == one_line(line)
    assert "\u202e" not in line


def test_what_is_not_seen_is_not_in_a_subject() -> None:
    assert one_line("in\xadvi\u061csi\U000e0041ble\u2066") == "invisible"


@given(WORDS, st.integers(min_value=12, max_value=40))
def test_wrapped_lines_fit_and_lose_no_character(text: str, width: int) -> None:
    lines = wrap(text, width, "* ", "  ").split("\n")
    assert all(display_width(line) <= width for line in lines)
    assert lines[0].startswith("* ")
    assert all(line.startswith("  ") for line in lines[1:])
    joined = "".join(line[2:] for line in lines)
    assert "".join(joined.split()) == "".join(text.split())


def test_an_address_is_never_broken() -> None:
    address = "https://example.org/" + "a" * 100
    assert address in wrap(f"看这里 {address} 谢谢", 40).split("\n")


def test_lines_break_between_wide_characters_but_not_before_closing_punctuation() -> None:
    assert wrap("一二三四五，六七", 10) == "一二三四\n五，六七"
    assert wrap("一二三四“五六”", 9) == "一二三四\n“五六”"


def test_words_of_narrow_letters_stay_whole_where_they_fit() -> None:
    assert wrap("one two three", 8) == "one two\nthree"
    assert wrap("", 8, "* ") == "* "


def test_a_word_that_is_too_long_is_broken() -> None:
    assert wrap("a" * 20, 8) == "aaaaaaaa\naaaaaaaa\naaaa"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a short word <b>", "a short word &lt;b&gt;"),
        ("Donaudampfschifffahrtskapitän", "Donaudampfschifffahrtskapitän"),  # fits most lines
        ("x" * 31, "<wbr>".join(["x" * 8, "x" * 8, "x" * 8, "x" * 7])),
        ("example.org/reports/2026/final_v2.pdf?a=&b", None),
        ("장" * 40, "장" * 40),  # broken anywhere
        ("ก" * 40, "ก" * 40),  # by the words of a dictionary
    ],
)
def test_long_words_get_breaks_that_no_copy_holds(text: str, html: str | None) -> None:
    made = breakable(text)
    assert made.replace("<wbr>", "") == str(escape(text))
    assert made == (
        html
        or "example.<wbr>org/<wbr>reports/<wbr>2026/<wbr>final_<wbr>v2.<wbr>pdf?<wbr>a=&amp;<wbr>b"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rose[1] and [ 2 ]", "rose(1) and (2)"),
        ("［1］ 【2】", "(1) (2)"),
        ("[1, 2] [3–5] [٣]", "(1, 2) (3–5) (٣)"),
        ("[[7]] [a] [1.2] [^1] [12345]", "[(7)] [a] [1.2] [^1] [12345]"),
        ("  as in a[0]\n    code = a[0]\n      b[1]", "  as in a(0)\n    code = a[0]\n      b[1]"),
    ],
)
def test_no_mark_of_a_text_looks_like_the_number_of_a_link(text: str, told: str) -> None:
    assert without_link_numbers(text) == told
