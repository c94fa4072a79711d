"""Header fields, written so that no mail program and no server has to guess.

The standard library's policies turn a long List-Unsubscribe into an encoded word, or a long
Chinese subject into one of over 75 characters. Here every kind of field has its own function.
"""

# pure
from __future__ import annotations

from base64 import b64encode

import regex

from digest.mail.text_layout import one_line

#: Characters of a line without its CRLF that are wished for and allowed (RFC 5322 section 2.1.1).
WISHED, ALLOWED = 78, 998
#: Bytes of text in one encoded word: 39 make 52 of base64 and 64 with ``=?utf-8?B?`` and ``?=``.
#: RFC 2047 section 2 allows 75, but the first one shares its line with the field's name.
_WORD_BYTES = 39

_CLUSTER = regex.compile(r"\X")
_PRINTABLE = regex.compile(r"[ -~]*")
_PHRASE = regex.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")  # atoms and spaces, RFC 5322 3.2.3


def unstructured(name: str, text: str) -> str:
    """Return a field of free text, such as Subject, with its CRLF.

    ``text`` is brought to one line. ASCII stays as it is; anything else is written as encoded
    words (RFC 2047) of at most 75 characters, split between graphemes.
    """
    text = one_line(text)
    words = text.split(" ")
    plain = _PRINTABLE.fullmatch(text) and "=?" not in text
    if not plain or any(len(word) > WISHED - len(name) - 2 for word in words):
        words = _encoded_words(text)
    return _folded(name, words)


def mailbox(name: str, display: str, address: str) -> str:
    """Return a field with one mailbox, such as From, with its CRLF.

    ``address`` was checked, and stands as it is (RFC 6532 section 3.2); ``display`` may be any
    text, or empty.
    """
    display = one_line(display)
    if not display:
        return _folded(name, [address])
    quoted = '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if not _PRINTABLE.fullmatch(display) or "=?" in display or len(quoted) > WISHED - len(name) - 2:
        words = _encoded_words(display)
    elif _PHRASE.fullmatch(display):
        words = display.split(" ")
    else:
        words = [quoted]
    return _folded(name, [*words, f"<{address}>"])


def verbatim(name: str, value: str) -> str:
    """Return a field whose value stands as it is, on one line, with its CRLF.

    For what must stay whole, such as the addresses of List-Unsubscribe. Raises ValueError where
    the value is no printable ASCII or too long for a line.
    """
    if not _PRINTABLE.fullmatch(value) or len(name) + 2 + len(value) > ALLOWED:
        raise ValueError(f"{name} cannot be written on one line of ASCII: {value!r}")
    return f"{name}: {value}\r\n"


def _encoded_words(text: str) -> list[str]:
    """Return encoded words; a decoder joins them again without the space between."""
    words, part = [], b""
    for cluster in _CLUSTER.findall(text):
        raw = cluster.encode("utf-8")
        # A cluster that fills a word by itself (piled-up accents) is split between characters.
        units = [raw] if len(raw) <= _WORD_BYTES else [char.encode("utf-8") for char in cluster]
        for unit in units:
            if len(part) + len(unit) > _WORD_BYTES:
                words.append(part)
                part = b""
            part += unit
    words.append(part)
    return [f"=?utf-8?B?{b64encode(word).decode('ascii')}?=" for word in words if word]


def _folded(name: str, words: list[str]) -> str:
    """Return the field, folded before the words that would pass the 78th column."""
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > WISHED and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"
