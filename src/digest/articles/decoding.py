"""Decoding: bytes of a file as text."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from digest.articles.characters import publishable

#: Longest first: UTF-32's little-endian mark starts with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What articles come in, beside Unicode; guessing among few errs less than among all.
_LEGACY = ["gb18030", "big5", "euc_jp", "shift_jis", "euc_kr", "cp1252", "cp1251", "koi8_r"]
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([a-zA-Z0-9_-]{3,20})""", re.IGNORECASE
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\x0b\x0c\r\x1b"))
#: A declaration stands this early (HTML section 4.2.5.4), in bytes.
_PRESCAN = 1024
#: Bytes that a guess is made from; the whole file would take seconds.
_SAMPLE = 65_536


def decode(content: bytes) -> str:
    """Return the text of a file, publishable, with LF line ends and without a byte order mark.

    Raises ValueError, saying why, where the bytes are no text.
    """
    if not content.strip():
        raise ValueError("the file is empty")
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            text = content.decode(encoding, "replace")
            break
    else:
        text = _without_mark(content)
    text = publishable(text).removeprefix("\ufeff")
    if not text.strip():
        raise ValueError("the file is empty")
    return text


def _without_mark(content: bytes) -> str:
    controls = len(content) - len(content.translate(None, _CONTROLS))
    if b"\x00" in content or controls * 20 > len(content):
        raise ValueError("the file is binary, not text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    mended = content.decode("utf-8", "replace")
    broken = mended.count("\ufffd")
    if broken * 50 <= sum(char > "\x7f" for char in mended):
        return mended  # UTF-8 with a scar, such as a character cut in two
    declared = _DECLARED.search(content, 0, _PRESCAN)
    if declared:
        try:
            return content.decode(declared[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass
    return _guessed(content)


def _guessed(content: bytes) -> str:
    best = from_bytes(content[:_SAMPLE], cp_isolation=_LEGACY).best()
    if best is None:
        raise ValueError("the file is in no known encoding; save it as UTF-8")
    return content.decode(best.encoding, "replace")
