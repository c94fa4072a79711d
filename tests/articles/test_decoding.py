"""Bytes become text in the encodings that files come in; what is no text says so."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.decoding import decode

CHINESE = (
    "中国人民银行周三宣布，下调金融机构存款准备金率，释放长期资金约一万亿元。市场普遍预计利率将随之下行。\n"
    * 4
)
TAIWANESE = (
    "臺灣的經濟成長率今年預估為百分之三，主計總處表示，出口與投資的動能都比去年強勁，民間消費也持續回溫。\n"
    * 4
)


@pytest.mark.parametrize(
    "content",
    [
        CHINESE.encode(),
        codecs.BOM_UTF8 + CHINESE.encode(),
        codecs.BOM_UTF16_LE + CHINESE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + CHINESE.encode("utf-32-le"),
        CHINESE.encode("gb18030"),
        CHINESE.replace("\n", "\r\n").encode(),
    ],
)
def test_the_same_text_from_every_encoding(content: bytes) -> None:
    assert decode(content) == CHINESE


def test_big5_is_not_taken_for_gb18030() -> None:
    assert decode(TAIWANESE.encode("big5")) == TAIWANESE


def test_a_declared_encoding_counts_where_the_bytes_are_no_utf8() -> None:
    page = '<html><head><meta charset="gb2312"><title>短</title></head>'
    assert decode(page.encode("gb2312")) == page


@pytest.mark.parametrize("declared", ["no-such-code", "ascii"])
def test_a_false_declaration_is_passed_over(declared: str) -> None:
    page = f'<meta charset="{declared}">{CHINESE}'
    assert decode(page.encode("gb18030")) == page


def test_one_broken_character_does_not_make_utf8_another_encoding() -> None:
    content = CHINESE.encode()
    assert decode(content[:100] + b"\xff" + content[102:]).count("\ufffd") <= 3
    assert decode(content[:-2]).startswith(CHINESE[:80])


@pytest.mark.parametrize(
    "content", [b"", b" \r\n\t", codecs.BOM_UTF8, codecs.BOM_UTF8 + b"\n", b"\x7f\x7f"]
)
def test_a_file_without_text_is_empty(content: bytes) -> None:
    with pytest.raises(ValueError, match="empty"):
        decode(content)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        b"title: a\x00b",
        "无标记".encode("utf-16-le"),
        b"\x01\x02\x03abc",
    ],
)
def test_binary_is_no_text(content: bytes) -> None:
    with pytest.raises(ValueError, match="binary"):
        decode(content)


def test_bytes_of_no_encoding_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.articles.decoding._LEGACY", ["ascii"])
    with pytest.raises(ValueError, match="save it as UTF-8"):
        decode(b"\xff\xfe\xfd\xfc"[::-1] + b"\x80\x81" * 20)


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_bytes_become_text_or_a_value_error(content: bytes) -> None:
    try:
        text = decode(content)
    except ValueError:
        return
    text.encode("utf-8")
    assert "\x00" not in text
