from __future__ import annotations

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.plain import WORD_JOINER, as_html, unmistakable
from tests.feed_validation.syntax import mistakable

texts = st.lists(
    st.sampled_from(["<", ">", "&", "&amp;", "&lt", "&#60;", "<b>", "</b>", "<!--", "R&D", " "])
    | st.text(max_size=3)
).map("".join)


@given(texts)
def test_a_text_can_no_longer_be_mistaken_and_is_read_as_it_was(text: str) -> None:
    plain = unmistakable(text)
    assert not mistakable(plain)
    assert unescape(plain) == plain
    assert plain.replace(WORD_JOINER, "") == text.replace(WORD_JOINER, "")


@pytest.mark.parametrize("text", ["", "茶", "R&D", "AT&T & Co", "1 < 2", "a <- b", "x & y;", "&"])
def test_what_nobody_mistakes_stays_as_it_is(text: str) -> None:
    assert unmistakable(text) == text


def test_a_number_of_thousands_of_digits_is_no_error() -> None:
    assert unmistakable("&#" + "9" * 9_999) == "&" + WORD_JOINER + "#" + "9" * 9_999


@given(texts)
def test_html_shows_the_text(text: str) -> None:
    assert unescape(as_html(text)) == text
    assert "<" not in as_html(text)
