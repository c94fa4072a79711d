"""Decoding: bytes of a file as text."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from digest.articles.characters import publishable
from digest.articles.legibility import legibility, utf16

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
#: What a guess is checked against, which is poor where few characters are beyond ASCII.
_CANDIDATES = ("cp1252", "gb18030", "big5", "shift_jis", "cp1250")
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([a-zA-Z0-9_-]{3,20})""", re.IGNORECASE
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\x0b\x0c\r\x1b"))
#: A declaration stands this early (HTML section 4.2.5.4), in bytes.
_PRESCAN = 1024
#: Legibility with which a declaration is believed unseen; below it, the better of two wins.
_CLEAR = 0.9
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
        text = utf16(content, _SAMPLE)
        if text is None:
            raise ValueError("the file is binary, not text")
        return text
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    mended = content.decode("utf-8", "replace")
    broken = mended.count("\ufffd")
    if broken * 50 <= sum(char > "\x7f" for char in mended):
        return mended  # UTF-8 with a scar, such as a character cut in two
    declared = _declared(content)
    clarity = legibility(declared[:_SAMPLE]) if declared else -1.0
    if declared and clarity >= _CLEAR:
        return declared
    guessed = _guessed(content)
    if guessed is None or legibility(guessed[:_SAMPLE]) <= clarity:
        guessed = declared or utf16(content, _SAMPLE)
    if guessed is None:
        raise ValueError("the file is in no known encoding; save it as UTF-8")
    return guessed


def _declared(content: bytes) -> str | None:
    """Return the text in the encoding that the file declares; None where it can't be."""
    declared = _DECLARED.search(content, 0, _PRESCAN)
    try:
        return content.decode(declared[1].decode("ascii")) if declared else None
    except (LookupError, UnicodeError):
        return None


def _guessed(content: bytes) -> str | None:
    """Return the text in the encoding that makes it most legible; of equals the statistician's."""
    sample = content[:_SAMPLE]
    statistical = from_bytes(sample, cp_isolation=_LEGACY).best()
    encoding, best = None, 0.0
    if statistical:
        encoding, best = statistical.encoding, _score(sample, statistical.encoding)
    for candidate in _CANDIDATES:
        score = _score(sample, candidate)
        if score >= _CLEAR and score > best:
            encoding, best = candidate, score
    return content.decode(encoding, "replace") if encoding else None


def _score(sample: bytes, encoding: str) -> float:
    """Return how legible bytes are in an encoding; they may end within a character."""
    try:
        return legibility(codecs.getincrementaldecoder(encoding)().decode(sample))
    except UnicodeDecodeError:
        return 0.0
