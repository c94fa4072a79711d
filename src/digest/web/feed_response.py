"""The answer to a request for a feed's file: a value, made of the file's facts and the headers.

Nothing here reads a file or a clock.
"""

# pure
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus

from digest.feeds.encodings import PACK_FROM, SUFFIXES
from digest.feeds.model import ATOM, MEDIA_TYPES, RSS
from digest.times import rfc822
from digest.web.model import SECURITY_HEADERS
from digest.web.request_headers import (
    IDENTITY,
    Header,
    Verdict,
    choose_encoding,
    known_tags,
    requested_range,
    same_as,
    verdict,
    wants_news,
)

#: Seconds for which a client may use what it has without asking again.
FEED_MAX_AGE, STYLE_MAX_AGE = 300, 3600
#: Browsers style them as XML, but show a feed's own media type as its source. They can be cut
#: down to their new entries.
_SYNDICATED = (RSS, ATOM)
#: A cache that knows nothing of deltas must not give them to anybody else (RFC 3229 section 10.8).
_IM_USED = {"im": "feed", "cache-control": "no-store, im", "vary": "A-IM, If-None-Match, Accept"}

#: The values of a request's headers by their names in lower case.
Fields = Mapping[bytes, bytes]
RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """The facts of a file that are known without its content."""

    name: str  #: the last part of its path
    size: int  #: bytes
    modified_at: datetime  #: aware UTC, whole seconds
    tag: str | None  #: stands for exactly its bytes; None while nobody has read them
    link: str | None = None  #: the value of its Link header

    @property
    def media_type(self) -> str:
        """Its media type, without the charset."""
        return MEDIA_TYPES.get(self.name, "text/css")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedResponse:
    """A response: its head, and which bytes of which body follow it."""

    status: int
    headers: RawHeaders
    lines: bytes  #: status line and headers as HTTP/1.1 writes them, without the empty line
    encoding: str = IDENTITY  #: the body to be sent
    part: range | None = None  #: which of the body's bytes; None: none of them


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return headers by name, several of a name as one list (RFC 9110 section 5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        fields[name] = fields[name] + b", " + value if name in fields else value
    return fields


def encoding_for(facts: FileFacts, fields: Fields) -> str | None:
    """Return the encoding to send; None if the client refuses all."""
    accepted = fields.get(b"accept-encoding")
    return _encoding(accepted, facts.size >= PACK_FROM and b"range" not in fields)


@lru_cache(256)
def _negotiated(accepted: bytes | None, packing: bool) -> str | None:
    text = None if accepted is None else accepted.decode("latin-1")
    if packing:
        return choose_encoding(text, SUFFIXES)
    # Parts are of the plain content; what is short is packed only if it must be.
    return choose_encoding(text, ()) or choose_encoding(text, SUFFIXES)


def _encoding(accepted: bytes | None, packing: bool) -> str | None:
    if accepted is not None and len(accepted) > 256:  # not worth a place in the cache
        return _negotiated.__wrapped__(accepted, packing)
    return _negotiated(accepted, packing)


def conditional(
    facts: FileFacts, encoding: str, fields: Fields, now: datetime
) -> FeedResponse | None:
    """Return 304 or 412 if the request's conditions demand it, else None."""
    header = _header(fields)
    tag = _variant_tag(facts, encoding) or ""
    tags = {facts.tag or "", *(f"{facts.tag}-{name}" for name in SUFFIXES)}
    outcome = verdict(header, tag, tags, facts.modified_at)
    if outcome is Verdict.FAILED:
        return refusal(412, etag=f'"{tag}"')
    if outcome is Verdict.PROCEED:
        return None
    headers = _described(facts, tag, fields, now)
    del headers["content-type"]
    if tag not in (known := known_tags(header("if-none-match"))):
        # The client's own, so that a cache knows what is meant (RFC 9111 section 4.3.4).
        headers["etag"] = f'"{next((other for other in known if other in tags), tag)}"'
    return _response(304, headers)


def full(
    facts: FileFacts,
    encoding: str,
    length: int | None,
    fields: Fields,
    now: datetime,
    *,
    head: bool,
) -> FeedResponse:
    """Return 200, or 206 or 416 if a range is requested.

    ``length`` is that of the body in the encoding, None if it is not known yet. For HEAD there is
    no body.
    """
    tag = _variant_tag(facts, encoding)
    headers = _described(facts, tag, fields, now)
    status, part = 200, range(length or 0)
    if encoding != IDENTITY:
        headers["content-encoding"] = encoding
    else:
        headers["accept-ranges"] = "bytes"
        header = _header(fields)
        asked = header("range")
        if asked and not head and same_as(header("if-range"), tag or "", facts.modified_at):
            wanted = requested_range(asked, facts.size)
            if wanted is not None and not wanted:
                return refusal(416, content_range=f"bytes */{facts.size}")
            if wanted is not None:
                status, part = 206, wanted
                headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{facts.size}"
    if length is not None:
        headers["content-length"] = str(len(part))
    if facts.link:
        headers["link"] = facts.link
    return _response(status, headers, encoding, None if head else part)


def asks_for_delta(facts: FileFacts, fields: Fields) -> bool:
    """Return whether to send only the new entries (RFC 3229)."""
    if b"a-im" not in fields or facts.name not in _SYNDICATED:
        return False
    # They are never packed.
    return wants_news(_header(fields)("a-im")) and not refuses_identity(fields)


def refuses_identity(fields: Fields) -> bool:
    """Return whether a client refuses a body that is not packed."""
    return choose_encoding(_header(fields)("accept-encoding"), ()) is None


def bases(fields: Fields) -> list[str]:
    """Return the tags of the versions that a client has, in its order, without encodings."""
    tags = known_tags(_header(fields)("if-none-match"))
    return list(dict.fromkeys(tag.partition("-")[0] for tag in tags))


def delta(
    facts: FileFacts, base: str, length: int, fields: Fields, now: datetime, *, head: bool
) -> FeedResponse:
    """Return 226 for a document with the entries new since the version with the tag ``base``."""
    known = known_tags(_header(fields)("if-none-match"))
    sent = next(tag for tag in known if tag.partition("-")[0] == base)
    headers = _described(facts, facts.tag, fields, now) | _IM_USED
    headers |= {"delta-base": f'"{sent}"', "content-length": str(length)}
    if facts.link:
        headers["link"] = facts.link
    return _response(226, headers, part=None if head else range(length))


def refusal(status: int, **headers: str) -> FeedResponse:
    """Return an answer with a status and its name as text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    length = len(refusal_text(status))
    return _response(
        status,
        {
            **{name.lower(): value for name, value in SECURITY_HEADERS.items()},
            "content-type": "text/plain; charset=utf-8",
            "content-length": str(length),
            **named,
        },
        part=range(length),
    )


def refusal_text(status: int) -> bytes:
    """Return the text that comes with a refusal."""
    return f"{HTTPStatus(status).phrase}\n".encode()


def moved(location: str) -> FeedResponse:
    """Return 301 to an address, relative so that it holds behind a proxy that cuts off a prefix."""
    headers = {name.lower(): value for name, value in SECURITY_HEADERS.items()}
    return _response(301, {**headers, "location": location, "content-length": "0"}, part=range(0))


def _header(fields: Fields) -> Header:
    def header(name: str) -> str | None:
        value = fields.get(name.encode("ascii"))
        return None if value is None else value.decode("latin-1")

    return header


def _variant_tag(facts: FileFacts, encoding: str) -> str | None:
    if facts.tag is None or encoding == IDENTITY:
        return facts.tag
    return f"{facts.tag}-{encoding}"


def _described(facts: FileFacts, tag: str | None, fields: Fields, now: datetime) -> dict[str, str]:
    """Return a file's headers, except those of the body's length, encoding and range."""
    kind, vary = facts.media_type, []
    if facts.name in _SYNDICATED:
        vary.append("Accept")
        if b"text/html" in fields.get(b"accept", b""):
            kind = "text/xml"
    if facts.size >= PACK_FROM:
        vary.append("Accept-Encoding")
    age = FEED_MAX_AGE if facts.name in MEDIA_TYPES else STYLE_MAX_AGE
    headers = {name.lower(): value for name, value in SECURITY_HEADERS.items()}
    headers |= {"cache-control": f"max-age={age}", "content-type": f"{kind}; charset=utf-8"}
    if tag is not None:
        headers["etag"] = f'"{tag}"'
    if vary:
        headers["vary"] = ", ".join(vary)
    if facts.modified_at <= now:  # a date to come is not to be told (RFC 9110 section 8.8.2.1)
        headers["last-modified"] = rfc822(facts.modified_at)
    return headers


def _response(
    status: int, headers: Mapping[str, str], encoding: str = IDENTITY, part: range | None = None
) -> FeedResponse:
    raw = tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items())
    first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode("ascii")
    lines = first + b"".join(b"%b: %b\r\n" % pair for pair in raw)
    return FeedResponse(status=status, headers=raw, lines=lines, encoding=encoding, part=part)
