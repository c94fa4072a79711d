"""Media: the picture of an entry and its recording."""

# pure
from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from digest.articles.cleaning.uris import absolute
from digest.articles.reading.enclosures import MEDIA_TYPES
from digest.sources.fields import text_of
from digest.sources.model import Attachment

#: Above all sizes and durations that are meant.
_MAX_NUMBER = 10**15
#: Pixels: of a picture that says nothing, the least that is one, and more than anybody shows.
_SOME_PICTURE, _MIN_PICTURE, _MAX_PICTURE = 640, 100, 2_000
_PICTURES = frozenset({"jpg", "jpeg", "png", "gif", "webp", "avif"})
#: Media types that tell nothing.
_UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def image_of(entry: Mapping[str, Any], url: str) -> str:
    """Return the largest picture of an entry outside its text; empty if there is none.

    Pictures declared as small, such as avatars, do not count.
    """
    pictures = [*entry.get("media_thumbnail", ())]
    for media in (*entry.get("media_content", ()), *entry.get("enclosures", ())):
        kind = text_of(media.get("type")) or text_of(media.get("medium"))
        address = text_of(media.get("url")) or text_of(media.get("href"))
        if kind.startswith("image") or (not kind and _ending(address) in _PICTURES):
            pictures.append({**media, "url": address})
    pictures.append({"url": text_of((entry.get("image") or {}).get("href"))})
    # Of equally large ones, the first.
    pictures.sort(key=lambda picture: -min(_size(picture), _MAX_PICTURE))
    named = (text_of(picture.get("url")) for picture in pictures if _size(picture) >= _MIN_PICTURE)
    return next(filter(None, (absolute(address, url) for address in named if address)), "")


def _size(picture: Mapping[str, Any]) -> int:
    """Return the longer side of a picture in pixels, as declared."""
    sizes = [text_of(picture.get(name)) for name in ("width", "height")]
    return max((int(text[:6]) for text in sizes if text.isdecimal()), default=_SOME_PICTURE)


def _ending(address: str) -> str:
    return urlsplit(address).path.rpartition(".")[2].lower() if address else ""


def recording_type(kind: str, address: str) -> str:
    """Return the media type of a recording, as declared or by its name; empty if it is none."""
    if kind in _UNTOLD:
        kind = MEDIA_TYPES.get(f".{_ending(address)}", "")
    return kind if kind.startswith(("audio/", "video/")) else ""


def attachment_of(entry: Mapping[str, Any], url: str) -> Attachment | None:
    """Return the first recording of an entry."""
    films = sorted(
        entry.get("media_content", ()), key=lambda media: media.get("isdefault") != "true"
    )
    for media in (*entry.get("enclosures", ()), *films):
        address = absolute(text_of(media.get("href")) or text_of(media.get("url")), url)
        if address and (kind := recording_type(text_of(media.get("type")), address)):
            length = text_of(media.get("length")) or text_of(media.get("filesize"))
            return Attachment(
                url=address,
                media_type=kind,
                length=int(length[:15]) if length.isdecimal() else 0,
                duration=text_of(entry.get("itunes_duration")) or text_of(media.get("duration")),
            )
    return None


def whole(value: object) -> int:
    """Return a positive number rounded down; 0 for anything else, NaN and Infinity too."""
    return int(value) if isinstance(value, int | float) and 0 < value < _MAX_NUMBER else 0
