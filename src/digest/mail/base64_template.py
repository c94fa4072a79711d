"""Texts in base64 with fields: encoded once, the fields filled in for each recipient."""

# pure
from __future__ import annotations

import re
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


class Base64Template:
    """A text with fields, encoded except for these.

    Base64 encodes three bytes at a time. The text between two fields is encoded once for each of
    the three offsets at which a value can end; a value is encoded with the bytes around it, up to
    the next multiple of three, on lines of its own.
    """

    def __init__(self, text: str, markers: Mapping[str, str]) -> None:
        """Split ``text`` at its markers; ``markers`` maps each marker to the name of its field."""
        pattern = "|".join(map(re.escape, markers))
        parts = re.split(f"({pattern})", text)
        self._fields = tuple(markers[part] for part in parts[1::2])
        self._parts = tuple(part.encode("utf-8") for part in parts[::2])
        self._encoded: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def filled(self, values: Mapping[str, str]) -> bytes:
        """Return the whole text in base64, each field replaced by its value."""
        pieces = []
        rest = b""  # bytes not encoded yet
        for number, part in enumerate(self._parts):
            if number:
                rest += values[self._fields[number - 1]].encode("utf-8")
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
        """Return a part from byte ``start`` on, encoded, and the one or two bytes left over."""
        body = self._encoded.get((number, start))
        if body is None:
            part = self._parts[number]
            end = start + (len(part) - start) // 3 * 3
            body = self._encoded[number, start] = encoded(part[start:end]), part[end:]
        return body
