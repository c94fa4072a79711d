"""Decoding: bytes of a file as text."""

# pure
from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from charset_normalizer import from_bytes

from digest.articles.characters import publishable
from digest.articles.reading.mojibake import legibility, utf16

#: Longest first: UTF-32's little-endian mark starts with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What articles come in, beside Unicode; guessing among few errs less than among all.
_LEGACY = ["gb18030", "big5hkscs", "euc_jp", "cp932", "cp949", "cp1252", "cp1251", "koi8_r"]
#: What a guess is checked against, which is poor where few characters are beyond ASCII.
_CANDIDATES = ("cp1252", "gb18030", "big5hkscs", "cp932", "cp1250")
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([a-zA-Z0-9_-]{3,20})""", re.IGNORECASE
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\x0b\x0c\r\x1b"))
#: What declarations mean, beyond what they say (Encoding Standard, section 4.2).
_MEANT = {
    "utf-8-sig": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
}
#: Encodings of texts that are not UTF-8; Python knows others, such as ``idna``.
_TEXTUAL = re.compile(
    r"utf-16(?:-[lb]e)?|gb18030|hz|big5hkscs|euc_jp|cp9(?:32|49)|cp125[0-8]|cp8(?:66|74)"
    r"|iso8859-[0-9]{1,2}|koi8-[ru]|mac-(?:roman|cyrillic)"
)
#: A declaration stands this early (HTML section 4.2.5.4), in bytes.
_PRESCAN = 1024
#: Legibility with which a declaration is believed unseen; below it, the better of two wins.
_CLEAR = 0.9
#: Bytes that a guess is made from; the whole file would take seconds.
_SAMPLE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The text of a file, and what is wrong with its bytes."""

    text: str  #: publishable, with LF line ends and without a byte order mark
    troubles: tuple[str, ...] = ()  #: a sentence each; none where all is well


def decode(content: bytes) -> Decoded:
    """Return the text of a file, whatever encoding it is in or says that it is in.

    Raises ValueError, saying why, where the bytes are no text.
    """
    if not content.strip():
        raise ValueError("the file is empty")
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            raw = content.decode(encoding, "replace")
            break
    else:
        encoding, raw = _without_mark(content)
    text = publishable(raw).removeprefix("\ufeff")
    if not text.strip():
        raise ValueError("the file is empty")
    return Decoded(text=text, troubles=(*_misdeclared(content, encoding), *_broken(content, raw)))


def _misdeclared(content: bytes, encoding: str) -> Iterator[str]:
    """Yield what to say where a file declares another encoding than it is in."""
    declared = _DECLARED.search(content, 0, _PRESCAN)
    if declared and not content.isascii():
        label = declared[1].decode("ascii")
        if _meant(label) != _meant(encoding):
            yield f"it declares the encoding {label}, but was read as {encoding}"


def _broken(content: bytes, text: str) -> Iterator[str]:
    """Yield what to say where bytes are no characters and became U+FFFD."""
    count = text.count("\ufffd") - content.count("\ufffd".encode())
    if count > 0:
        yield f"{count} of its characters are broken and became \ufffd"


def _without_mark(content: bytes) -> tuple[str, str]:
    """Return the encoding and the text of bytes without a byte order mark."""
    controls = len(content) - len(content.translate(None, _CONTROLS))
    if b"\x00" in content or controls * 20 > len(content):
        wide = utf16(content, _SAMPLE)
        if wide is None:
            raise ValueError("the file is binary, not text")
        return wide
    try:
        return "utf-8", content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    mended = content.decode("utf-8", "replace")
    broken = mended.count("\ufffd")
    if broken * 50 <= sum(char > "\x7f" for char in mended):
        return "utf-8", mended  # with a scar, such as a character cut in two
    declared = _declared(content)
    clarity = legibility(declared[1][:_SAMPLE]) if declared else -1.0
    if declared and clarity >= _CLEAR:
        return declared
    guessed = _guessed(content)
    if guessed is None or legibility(guessed[1][:_SAMPLE]) <= clarity:
        guessed = declared or utf16(content, _SAMPLE)
    if guessed is None:
        raise ValueError("the file is in no known encoding; save it as UTF-8")
    return guessed


def _declared(content: bytes) -> tuple[str, str] | None:
    """Return the encoding that the file declares, and its text; None where it can't be."""
    declared = _DECLARED.search(content, 0, _PRESCAN)
    encoding = _meant(declared[1].decode("ascii")) if declared else ""
    if not _TEXTUAL.fullmatch(encoding):
        return None
    try:
        return encoding, content.decode(encoding)
    except UnicodeError:
        return None


def _meant(label: str) -> str:
    """Return the name by which Python knows an encoding, its superset where that is meant."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return label
    return _MEANT.get(name, name)


def _guessed(content: bytes) -> tuple[str, str] | None:
    """Return the encoding that makes bytes most legible, and their text.

    Of equals it is the statistician's.
    """
    sample = content[:_SAMPLE]
    statistical = from_bytes(sample, cp_isolation=_LEGACY).best()
    encoding, best = None, 0.0
    if statistical:
        encoding, best = statistical.encoding, _score(sample, statistical.encoding)
    for candidate in _CANDIDATES:
        score = _score(sample, candidate)
        if score >= _CLEAR and score > best:
            encoding, best = candidate, score
    return (encoding, content.decode(encoding, "replace")) if encoding else None


def _score(sample: bytes, encoding: str) -> float:
    """Return how legible bytes are in an encoding; they may end within a character."""
    try:
        return legibility(codecs.getincrementaldecoder(encoding)().decode(sample))
    except UnicodeDecodeError:
        return 0.0
