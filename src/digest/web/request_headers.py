"""Headers of requests: accepted encodings, ranges, deltas, conditions.

RFC 9110 (HTTP semantics) and RFC 3229 (delta encoding).
"""

# pure
from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from enum import Enum
from functools import lru_cache
from itertools import islice

from digest.times import read_rfc822

IDENTITY = "identity"

#: RFC 9110 section 12.4.2.
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
#: RFC 9110 section 14.2; a number of more digits than any file has bytes is no range.
_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)
#: Characters of a header whose items are weighed; browsers send 30.
_WEIGHED = 1024
#: Less than any weight that a client can name, more than refused.
_UNNAMED = 0.0001
#: RFC 9110 section 8.8.3.
_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
#: Entity tags of a request that are looked at; no honest client names more.
MAX_TAGS = 16
#: Characters of the longest date; the standard's have 29.
_LONGEST_DATE = 64

#: Returns a request's header by its name in lower case, several joined by commas.
Header = Callable[[str], str | None]


class Verdict(Enum):
    """The result of evaluating a request's conditions."""

    PROCEED = 200
    NOT_MODIFIED = 304
    FAILED = 412


def verdict(
    header: Header,
    tag: str,
    tags: Collection[str],
    modified_at: datetime,
    *,
    exact_date: bool = False,
) -> Verdict:
    """Evaluate the conditions of a GET or HEAD, in the order of section 13.2.2.

    ``tag`` is the entity tag of what would be sent, ``tags`` those of all encodings of the same
    content, all without quotes: a client keeps the tag of the one it got, and any of them tells
    that it has the content. With ``exact_date`` an If-Modified-Since counts only where it is
    ``modified_at``: for content whose date may go back, as that of a restored database does.
    """
    if (wanted := header("if-match")) is not None:
        if wanted.strip() != "*" and ("", tag) not in _tags(wanted):
            return Verdict.FAILED
    elif (unmodified := http_date(header("if-unmodified-since"))) and modified_at > unmodified:
        return Verdict.FAILED
    if (known := header("if-none-match")) is not None:  # then no date is asked
        unchanged = known.strip() == "*" or not set(tags).isdisjoint(known_tags(known))
    else:
        since = http_date(header("if-modified-since"))
        known_by_date = since is not None and modified_at <= since
        unchanged = since == modified_at if exact_date else known_by_date
    return Verdict.NOT_MODIFIED if unchanged else Verdict.PROCEED


def known_tags(text: str | None) -> list[str]:
    """Return the first tags of an If-None-Match without quotes, weak ones as if they were strong.

    MAX_TAGS at most; whoever knows more may get again what it has.
    """
    return [tag for _, tag in _tags(text or "")]


def same_as(text: str | None, tag: str, modified_at: datetime) -> bool:
    """Return whether an If-Range, if any, names exactly what would be sent (section 13.1.5)."""
    if text is None:
        return True
    if text.strip() == f'"{tag}"':
        return True
    return http_date(text) == modified_at


def _tags(text: str) -> list[tuple[str, str]]:
    """Return the first MAX_TAGS tags of a header, each with its ``W/`` where it is weak."""
    return [(match[1] or "", match[2]) for match in islice(_ENTITY_TAG.finditer(text), MAX_TAGS)]


def http_date(text: str | None) -> datetime | None:
    """Return the time in a header, aware UTC; None if it is to be ignored."""
    return None if text is None or len(text) > _LONGEST_DATE else _moment(text)


_moment = lru_cache(256)(read_rfc822)


def weights(text: str) -> dict[str, float]:
    """Return the items of a header such as Accept-Encoding, in lower case, with their weights.

    An invalid weight counts as 0. Of a header that is too long, only the first items count.
    """
    if len(text) > _WEIGHED:
        text = text[:_WEIGHED].rpartition(",")[0]
    weighted = {}
    for item in text.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = (part.strip() for part in parameter.partition("="))
            if key == "q":
                weight = float(value) if _WEIGHT.fullmatch(value) else 0.0
        if name:
            weighted[name] = weight
    return weighted


def accepted_languages(text: str) -> list[str]:
    """Return the languages of an Accept-Language that are not refused, the best first."""
    accepted = weights(text)
    return sorted((tag for tag in accepted if accepted[tag]), key=lambda tag: -accepted[tag])


def choose_encoding(accepted: str | None, offered: Iterable[str]) -> str | None:
    """Return the encoding that an Accept-Encoding prefers; None if it refuses all.

    ``offered`` are the encodings available beside IDENTITY, best first; of equal weights the
    first is chosen (RFC 9110 section 12.5.3).
    """
    if accepted is None:
        return IDENTITY
    weighted = weights(accepted)
    if "x-gzip" in weighted:  # section 8.4.1.3
        weighted.setdefault("gzip", weighted["x-gzip"])
    rest = weighted.get("*")
    liked = {}
    for encoding in offered:
        # Who takes anything can surely unpack gzip; the others only who names them.
        otherwise = rest if encoding == "gzip" else None
        liked[encoding] = weighted.get(encoding, otherwise or 0.0)
    # Refused only where that is said; else it will do, if nothing else does.
    liked[IDENTITY] = weighted.get(IDENTITY, _UNNAMED if rest is None else rest)
    best = max(liked, key=lambda encoding: liked[encoding])
    return best if liked[best] else None


def wants_news(accepted: str | None) -> bool:
    """Return whether an A-IM header requests a feed's new entries (RFC 3229 section 10.5.3)."""
    return accepted is not None and weights(accepted).get("feed", 0.0) > 0


def requested_range(text: str, length: int) -> range | None:
    """Return the bytes, of ``length``, that a Range header requests; empty if it is out of range.

    Return None if the header is to be ignored and everything sent: another unit, several ranges,
    or a syntax error (RFC 9110 section 14.2).
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
