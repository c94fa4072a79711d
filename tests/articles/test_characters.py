"""What may not be published is gone before anything else reads the text."""

from __future__ import annotations

import html
import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.characters import escaped, one_line, publishable, publishable_markup
from tests.effort import effort

#: XML 1.0 section 2.2, the other way round.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@settings(max_examples=effort(50, soak=150))
@given(st.text(alphabet=st.characters(), max_size=80))
def test_nothing_that_xml_forbids_survives(text: str) -> None:
    result = publishable(text)
    assert not NOT_XML.search(result)
    assert "\r" not in result
    assert publishable(result) == result


def test_line_ends_become_lf_and_old_breaks_spaces() -> None:
    assert publishable("a\r\nb\rc\x0cd\x0be\x85f") == "a\nb\nc d e f"


def test_a_scheme_comes_to_light_before_the_sanitizer_looks() -> None:
    assert publishable("java\x03script:x") == "javascript:x"


@pytest.mark.parametrize(
    "reference",
    [
        "&#3;",
        "&#x3;",
        "&#0000003",
        "&#X1f;",
        "&#13;",
        "&#x0D;",
        "&#129;",
        "&#xD800;",
        "&#xFFFE;",
        "&#0;",
    ],
)
def test_a_reference_to_a_forbidden_character_is_a_space(reference: str) -> None:
    assert publishable_markup(f"a{reference}b") == "a b"


@pytest.mark.parametrize(
    "reference", ["&#99999999999999999999;", "&#x110000;", "&#" + "9" * 6_000 + ";"]
)
def test_a_reference_beyond_unicode_is_the_replacement_character(reference: str) -> None:
    assert publishable_markup(f"a{reference}b") == "a\ufffdb"


@pytest.mark.parametrize(
    "markup", ["&#65;", "&#x4e2d;", "&#128;", "&#10;", "&#;", "&#x;", "&amp;#3;", "no"]
)
def test_other_references_stay(markup: str) -> None:
    assert publishable_markup(markup) == markup


def test_no_new_reference_appears_where_one_was_taken_out() -> None:
    assert html.unescape(publishable_markup("&#&#3;3;")) == "&# 3;"


def test_a_name_is_one_visible_line_of_composed_characters() -> None:
    assert one_line(" cafe\u0301\u200b \n\t　银行\u202e\x07 ") == "café 银行"
    family = "👨\u200d👩"
    assert one_line(family) == family
    assert unicodedata.is_normalized("NFC", one_line("が"))


@pytest.mark.parametrize(
    "char",
    ["\xad", "\u061c", "\u2063", "\u206a", "\ufff9", "\U000e0001", "\U000e0041", "\U000e007f"],
)
def test_what_is_not_seen_is_not_in_a_name(char: str) -> None:
    assert one_line(f"中{char}文") == "中文"


def test_what_acts_on_a_terminal_is_escaped_as_in_json() -> None:
    text = "\x1b[2J\x9b31m\r\n\tend\u202egnp\udcff\U000e0041 字 👨\u200d👩"
    shown = escaped(text)
    assert shown == (
        "\\u001b[2J\\u009b31m\\r\\n\\tend\\u202egnp\\udcff\\udb40\\udc41 字 👨\u200d👩"
    )
    assert json.loads(f'"{shown}"') == text
    assert escaped("plain 字") == "plain 字"
