"""Syntax: dates, addresses, language tags and such, as strictly as validators read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from html import unescape
from urllib.parse import urlsplit

#: RFC 3986 in ASCII: what is not reserved or unreserved is percent-encoded.
_WEB = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:[/?#][\w!$&'()*+,;=:@%/?#.~-]*)?",
    re.ASCII | re.IGNORECASE,
)
#: RFC 3986 section 3.1: a scheme and something behind it, without spaces.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
#: RFC 3986 section 6.2.2: escapes in capitals, and none of what needs no escape.
_ESCAPE = re.compile(r"%(?:[0-9A-F]{2})?")
_NEEDLESS = re.compile(r"%(?:2D|2E|5F|7E|3[0-9]|4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9A])")
_PORTS = {"http": 80, "https": 443}
#: RFC 3339 section 5.6 as RFC 4287 section 3.3 narrows it: capital T and Z.
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
#: RFC 5646 section 2.1, loosely: subtags of at most eight letters and digits.
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
#: RFC 6838 section 4.2.
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]*/[A-Za-z0-9][\w!#$&^.+-]*(?:;.*)?", re.ASCII)
_MAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+")
#: RSS 2.0 asks for an address; a name in brackets behind it is the custom.
_MAIL_AND_NAME = re.compile(r"[^\s@<>()]+@[^\s@<>()]+(?: \(.+\))?")
#: What a reader that takes a text for HTML would swallow: tags, and numbers of characters.
_MISTAKABLE = re.compile(r"<[A-Za-z/!?]|&#(?:[0-9]|[xX][0-9A-Fa-f])")
_WHOLE = re.compile(r"[0-9]{1,15}")


def words(text: str) -> frozenset[str]:
    """Return names that are written with spaces between them."""
    return frozenset(text.split())


def web_address(text: str) -> bool:
    """Tell whether ``text`` is an absolute http(s) URI in ASCII (RFC 3986)."""
    return _WEB.fullmatch(text) is not None


def uri(text: str) -> bool:
    """Tell whether ``text`` is an absolute URI or IRI of any scheme."""
    return _URI.fullmatch(text) is not None


def canonical(text: str) -> bool:
    """Tell whether a URI is in the normal form of RFC 3986 section 6.2 (RFC 4287 4.2.6.1)."""
    scheme, _, rest = text.partition(":")
    if scheme != scheme.lower() or _NEEDLESS.search(text):
        return False
    if any(len(escape) != 3 for escape in _ESCAPE.findall(text)):
        return False
    if not rest.startswith("//"):
        return True
    try:
        parts = urlsplit(text)
        default = _PORTS.get(scheme, 0) == parts.port
    except ValueError:
        return False
    steps = parts.path.split("/")
    plain = parts.netloc == parts.netloc.lower() and not parts.netloc.endswith(":")
    return plain and not default and parts.path != "" and not {".", ".."}.intersection(steps)


def rfc822_moment(text: str) -> datetime | None:
    """Return the moment of an RSS date: four-digit year, English names, the right weekday, GMT."""
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            return None
        moment = moment.astimezone(UTC)
        return moment if format_datetime(moment, usegmt=True) == text else None
    except (ValueError, OverflowError):
        return None


def rfc3339_moment(text: str) -> datetime | None:
    """Return the moment of a date with seconds and offset (RFC 3339 section 5.6)."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def language(text: str) -> bool:
    """Tell whether ``text`` has the form of a language tag (RFC 5646)."""
    return _LANGUAGE.fullmatch(text) is not None


def media_type(text: str) -> bool:
    """Tell whether ``text`` has the form of a media type (RFC 6838)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def mail_address(text: str) -> bool:
    """Tell whether ``text`` has the form of a mail address."""
    return _MAIL.fullmatch(text) is not None


def mail_and_name(text: str) -> bool:
    """Tell whether ``text`` is a mail address, with a name in brackets behind it maybe."""
    return _MAIL_AND_NAME.fullmatch(text) is not None


def whole(text: str, most: int | None = None) -> bool:
    """Tell whether ``text`` is a whole number, and at least 1 and at most ``most`` if given."""
    if not _WHOLE.fullmatch(text):
        return False
    return most is None or 1 <= int(text) <= most


def mistakable(text: str) -> bool:
    """Tell whether a reader that takes a plain text for HTML would show another text."""
    return _MISTAKABLE.search(text) is not None or unescape(text) != text
