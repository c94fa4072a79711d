"""Enclosures: the audio or video file of an article, as in podcasts."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser

from digest.articles.characters import one_line
from digest.articles.cleaning import uris
from digest.articles.cleaning.limits import bounded
from digest.articles.cleaning.unclosed import close_elements, tag_names
from digest.articles.reading.fields import Value
from digest.articles.reading.front_matter_keys import ADDRESS_NAMES, ENCLOSURE_KEYS

#: A table of our own: the system's differs from machine to machine.
MEDIA_TYPES = {
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".webm": "video/webm",
}
_PLAYERS = frozenset({"audio", "video"})
_MEDIA_TYPE = re.compile(r"(?:audio|video)/[a-z0-9][a-z0-9.+-]{0,60}")
_BYTES = re.compile(r"[0-9]{1,15}", re.ASCII)
#: ``754``, ``12:34`` or ``1:02:03``.
_DURATION = re.compile(r"(?:(?:([0-9]{1,3}):)?([0-9]{1,3}):)?([0-9]{1,6})(?:\.[0-9]+)?", re.ASCII)
#: WordPress writes address, bytes and type into three lines.
_LINES = re.compile(r"(.+?)(?:\s+([0-9]{1,15}))?(?:\s+((?:audio|video)/\S+))?", re.ASCII)
_SIZE_NAMES, _TYPE_NAMES = ("length", "size", "bytes", "filesize"), ("type", "mime_type", "mime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A recording of sound or pictures."""

    url: str  #: absolute http(s)
    media_type: str  #: ``audio/…`` or ``video/…``
    length: int = 0  #: bytes; 0 where the file does not say
    duration: int | None = None  #: seconds


def find(fields: Mapping[str, Value]) -> Enclosure | None:
    """Return the first recording that front matter names.

    An address counts if its media type is given or known from its extension.
    """
    for key in ENCLOSURE_KEYS:
        value = fields.get(key)
        if not value:  # most keys are in no file
            continue
        for item in value if isinstance(value, list) else [value]:
            if enclosure := _read(item, fields):
                return enclosure
    return None


def in_markup(markup: str, base: str | None) -> Enclosure | None:
    """Return the first recording that a body plays, by its ``<audio>`` and ``<video>`` elements."""
    if _PLAYERS.isdisjoint(tag_names(markup).values()):
        return None
    parser = LexborHTMLParser("<!doctype html><body>" + bounded(close_elements(markup)))
    for node in parser.css("audio[src], video[src], audio source[src], video source[src]"):
        attributes = node.attributes
        address = uris.absolute(attributes.get("src") or "", base)
        kind = (attributes.get("type") or "").partition(";")[0].strip().lower()
        known = MEDIA_TYPES.get(PurePosixPath(urlsplit(address or "").path).suffix.lower())
        media_type = kind if _MEDIA_TYPE.fullmatch(kind) else known
        if address and media_type:
            return Enclosure(url=address, media_type=media_type)
    return None


def _read(value: Value, fields: Mapping[str, Value]) -> Enclosure | None:
    if isinstance(value, dict):
        address = next(_texts(value, ADDRESS_NAMES), "")
        size, kind = next(_texts(value, _SIZE_NAMES), ""), next(_texts(value, _TYPE_NAMES), "")
        time = next(_texts(value, ("duration",)), "")
    elif isinstance(value, str):
        parts = _LINES.fullmatch(" ".join(value.split()))
        address, size, kind = parts.groups("") if parts else ("", "", "")
        time = ""
    else:
        return None
    url = uris.absolute(address)
    if url is None:
        return None
    known = MEDIA_TYPES.get(PurePosixPath(urlsplit(url).path).suffix.lower())
    kind = kind.partition(";")[0].strip().lower()
    media_type = kind if _MEDIA_TYPE.fullmatch(kind) else known
    if media_type is None:
        return None
    return Enclosure(
        url=url,
        media_type=media_type,
        length=int(size) if _BYTES.fullmatch(size) else 0,
        duration=_seconds(time or next(_texts(fields, ("duration",)), "")),
    )


def _texts(fields: Mapping[str, Value], names: tuple[str, ...]) -> Iterator[str]:
    values = (fields.get(name, "") for name in names)
    return (one_line(value) for value in values if isinstance(value, str) and value.strip())


def _seconds(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * 60 + minutes) * 60 + seconds
