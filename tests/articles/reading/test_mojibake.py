"""A text that people wrote is told from bytes in the wrong encoding."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.reading.mojibake import legibility, utf16


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain\n\ttext",
        "央行宣布，下调利率。",
        "臺灣的經濟成長率",
        "図書館で本を読んだ。",
        "오늘은 비가 와서 책을 읽었습니다.",
        "où à la créée — l’été, c’est là",
        "Straße, größer; Ångström",
        "“Zażółć” – gęślą jaźń",
        "Сегодня шёл дождь",
        "Καλημέρα",
    ],
)
def test_texts_are_legible(text: str) -> None:
    assert legibility(text) >= 0.9


@pytest.mark.parametrize(
    ("text", "encoding", "wrong"),
    [
        ("央行宣布下调存款准备金率", "gb18030", "cp1252"),
        ("央行宣布下调存款准备金率", "gb18030", "euc_kr"),
        ("央行宣布下调存款准备金率", "utf-16-le", "utf-16-be"),
        ("臺灣今年的經濟成長率預估為", "big5", "gb18030"),
        ("図書館で本を読んで過ごし", "shift_jis", "cp1252"),
        ("Die Straße führt über Brücken", "cp1252", "gb18030"),
        ("Сегодня с утра шёл дождь", "cp1251", "cp1252"),
        ("abcdef", "utf-8", "utf-16-le"),
    ],
)
def test_another_encoding_is_not(text: str, encoding: str, wrong: str) -> None:
    misread = text.encode(encoding).decode(wrong, "replace")
    assert legibility(misread) < 0.9
    assert legibility(misread) < legibility(text)


def test_signs_side_by_side_are_characters_of_another_encoding() -> None:
    assert legibility("¼½¾ £§") < 0.5
    assert legibility("5 £, § 3") == 1


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x7f", "\x9f"])
def test_controls_are_in_no_text(char: str) -> None:
    assert legibility(f"text {char}") == 0


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_known_without_a_mark(encoding: str) -> None:
    for text in ("title: x\n", "一二三\n", "--- café ---"):
        assert utf16(text.encode(encoding), 65_536) == (encoding, text)


@pytest.mark.parametrize(
    "content", [b"\x00", b"title: a\x00b\n", b"\x89PNG\r\n\x1a\n\x00\x00", b"\xd8" * 8]
)
def test_anything_else_is_no_utf16(content: bytes) -> None:
    assert utf16(content + b"\x00" * 3, 65_536) is None


@settings(max_examples=100)
@given(st.text(max_size=40) | st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=20))
def test_legibility_is_a_share(text: str) -> None:
    assert 0 <= legibility(text) <= 1
