"""Characters: what may be published at all, before anything looks at the text."""

# pure
from __future__ import annotations

import html
import json
import re
import unicodedata

#: Characters of a line that are read at all; references of thousands of digits are an attack.
MAX_LINE = 4_000

#: Code points that XML 1.0 forbids (section 2.2), and those it advises against: controls that no
#: text needs, and noncharacters, which programs may use for themselves (Unicode section 23.7).
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_OLD_BREAKS = re.compile("[\x0b\x0c\x85]")
#: Bytes of UTF-8: of what the patterns look for, those in ASCII, and what all others start with.
_CONTROLS = bytes({*range(32), 0x7F} - {*b"\t\n\r"})
_LATIN, _NONCHARACTERS = b"\xc2", re.compile(rb"\xef[\xb7\xbf]")
#: Characters that are not seen, or reorder what stands beside them; a name or a title needs none.
#: Joiners stay: emoji and some scripts are written with them.
_INVISIBLE = re.compile(
    "[\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
#: What acts on a terminal, breaks a line, or is not seen.
_UNSEEN = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|{_INVISIBLE.pattern}")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
#: References that HTML reads as something else than their code point (HTML section 13.2.5.80).
_REMAPPED = frozenset(range(0x80, 0xA0)) - {0x81, 0x8D, 0x8F, 0x90, 0x9D}


def publishable(text: str) -> str:
    """Return ``text`` without what XML 1.0 forbids, lone surrogates and controls; lines end in LF.

    This goes before any sanitizing: a control character inside ``javascript:`` hides it from a
    sanitizer, and dropping it afterwards would bring it to life.
    """
    if text.isprintable():  # as names and titles are: nothing that the patterns below look for is
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if _is_clean(text) else _FORBIDDEN.sub("", _OLD_BREAKS.sub(" ", text))


def publishable_markup(markup: str) -> str:
    """Return ``markup`` like ``publishable``, with references to such characters as spaces."""
    return publishable(_REFERENCE.sub(_harmless, markup) if "&#" in markup else markup)


def one_line(text: str) -> str:
    """Return ``text`` for a name or a title: publishable, NFC, visible, single spaces."""
    if not text.isprintable():
        text = _INVISIBLE.sub("", publishable(text))
    return " ".join(unicodedata.normalize("NFC", text).split())


def escaped(text: str) -> str:
    """Return ``text`` for a terminal or a log, on one line.

    Controls, line breaks and what is not seen are escaped as in JSON, so that no text from
    outside moves the cursor, reorders what is shown or begins a line of its own.
    """
    return text if text.isprintable() else _UNSEEN.sub(lambda char: json.dumps(char[0])[1:-1], text)


def plain_line(text: str) -> str:
    """Return a name or a title that may hold entities as ``one_line`` of what they stand for."""
    return one_line(html.unescape(text[:MAX_LINE]))


def _is_clean(text: str) -> bool:
    """Tell, in a third of the time that the patterns take, that they would find nothing.

    False means that they may find something.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return False
    return not (
        _LATIN in raw
        or _NONCHARACTERS.search(raw)
        or len(raw.translate(None, _CONTROLS)) < len(raw)
    )


def _harmless(reference: re.Match[str]) -> str:
    """Return a space for a reference that would become a forbidden character, else itself."""
    hexadecimal, decimal = reference.groups()
    digits = (hexadecimal or decimal).lstrip("0") or "0"
    if len(digits) > 7:  # beyond Unicode: HTML reads U+FFFD
        return "\ufffd"
    code = int(digits, 16 if hexadecimal else 10)
    if code in _REMAPPED:
        return reference[0]
    if code > 0x10FFFF:
        return "\ufffd"
    char = chr(code)
    return " " if char in "\x0b\x0c\r\x85" or _FORBIDDEN.match(char) else reference[0]
