"""What a client asks for: which encoding, which part, only the news (RFC 9110, RFC 3229)."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterable

IDENTITY = "identity"

#: RFC 9110 section 12.4.2.
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
#: RFC 9110 section 14.2; a number of more digits than any file has bytes is no range.
_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)
#: Characters of a header whose items are weighed; browsers send 30.
_WEIGHED = 1024
#: Less than any weight that a client can name, more than refused.
_UNNAMED = 0.0001


def weights(text: str) -> dict[str, float]:
    """Return the items of a header such as Accept-Encoding, in lower case, with their weights.

    A weight that is none counts as 0: what cannot be read is no wish. Of a header that is longer
    than any honest one, the items at its start are taken.
    """
    if len(text) > _WEIGHED:
        text = text[:_WEIGHED].rpartition(",")[0]
    found = {}
    for item in text.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = (part.strip() for part in parameter.partition("="))
            if key == "q":
                weight = float(value) if _WEIGHT.fullmatch(value) else 0.0
        if name:
            found[name] = weight
    return found


def choose_encoding(accepted: str | None, offered: Iterable[str]) -> str | None:
    """Return the encoding that an Accept-Encoding likes best; None where it refuses all.

    ``offered`` are those that can be had beside IDENTITY, the best first; the first of equals is
    taken (RFC 9110 section 12.5.3).
    """
    if accepted is None:
        return IDENTITY
    found = weights(accepted)
    if "x-gzip" in found:  # section 8.4.1.3
        found.setdefault("gzip", found["x-gzip"])
    rest = found.get("*")
    liked = {}
    for encoding in offered:
        # Who takes anything can surely unpack gzip; the others only who names them.
        otherwise = rest if encoding == "gzip" else None
        liked[encoding] = found.get(encoding, otherwise or 0.0)
    # Refused only where that is said; else it will do, if nothing else does.
    liked[IDENTITY] = found.get(IDENTITY, _UNNAMED if rest is None else rest)
    best = max(liked, key=lambda encoding: liked[encoding])
    return best if liked[best] else None


def wants_news(accepted: str | None) -> bool:
    """Tell whether an A-IM header asks for a feed's new entries alone (RFC 3229 section 10.5.3)."""
    return accepted is not None and weights(accepted).get("feed", 0.0) > 0


def requested_range(text: str, length: int) -> range | None:
    """Return which of ``length`` bytes a Range header asks for; empty where there are none such.

    None where the header is to be ignored and everything sent: another unit, several ranges,
    or nothing that can be read (RFC 9110 section 14.2).
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return range(max(length - int(last), 0), length) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, length) if last else length)
