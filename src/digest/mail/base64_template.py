"""A stencil: a text in base64, encoded once, with places that are filled in for each recipient."""

# pure
from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping

#: Bytes that make a line of 76 characters (RFC 2045 section 6.8).
_LINE = 57
_CRLF = b"\r\n"


def encoded(data: bytes) -> bytes:
    """Return ``data`` in base64: lines of at most 76 characters, each with its CRLF."""
    return b"".join(
        b2a_base64(data[start : start + _LINE], newline=False) + _CRLF
        for start in range(0, len(data), _LINE)
    )


class Stencil:
    """A text with open places, encoded but for these.

    Base64 takes three bytes at a time. What stands between two places is encoded once for each of
    the three ways in which a filling can leave off; a filling is encoded with the bytes around
    it, up to the next multiple of three, on lines of its own.
    """

    def __init__(self, text: str, marks: Mapping[str, str]) -> None:
        """Cut ``text`` at its marks; ``marks`` has the name of a place by its mark."""
        parts = [text]
        for mark in marks:
            parts = [piece for part in parts for piece in _around(part, mark)]
        self._places = tuple(marks[part] for part in parts[1::2])
        self._parts = tuple(part.encode("utf-8") for part in parts[::2])
        self._kept: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def filled(self, values: Mapping[str, str]) -> bytes:
        """Return the whole text in base64, each place filled with its value."""
        pieces = []
        rest = b""  # what is not encoded yet: it is no multiple of three
        for number, part in enumerate(self._parts):
            if number:
                rest += values[self._places[number - 1]].encode("utf-8")
            missing = -len(rest) % 3
            if len(part) < missing:
                rest += part
                continue
            if rest:
                pieces.append(encoded(rest + part[:missing]))
            body, rest = self._body(number, missing)
            pieces.append(body)
        pieces.append(encoded(rest))
        return b"".join(pieces)

    def _body(self, number: int, start: int) -> tuple[bytes, bytes]:
        """Return a part from a byte on, encoded, and the one or two bytes that are left over."""
        kept = self._kept.get((number, start))
        if kept is None:
            part = self._parts[number]
            end = start + (len(part) - start) // 3 * 3
            kept = self._kept[number, start] = encoded(part[start:end]), part[end:]
        return kept


def _around(text: str, mark: str) -> list[str]:
    """Return ``text`` cut at a mark, with the mark itself between the pieces."""
    pieces: list[str] = []
    for piece in text.split(mark):
        pieces += [mark, piece] if pieces else [piece]
    return pieces
