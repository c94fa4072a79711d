"""Assets: files that articles show or link to, by the hash of their content and their type."""

# pure
from __future__ import annotations

import re

#: The folder of assets below the site's address.
ASSETS = "assets/"
#: Bytes at the start of a file by which its type is told.
HEAD = 4_096
#: Stands in place of a copy's name where the folder of assets had no room for it.
NO_ROOM = "-"

_PICTURES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
}
#: What browsers may show or play. Everything else is downloaded, as bytes of no known type.
_OTHERS = {
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "wav": "audio/wav",
    "webm": "video/webm",
}
_UNKNOWN = "application/octet-stream"
#: The start of an SVG document behind its prologue: declaration, comments, document type.
_SVG = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*+>\s*)?(?:<!--(?:(?!-->).)*+-->\s*)*+"
    rb"(?:<!DOCTYPE\s+svg[^>]*+>\s*)?(?:<!--(?:(?!-->).)*+-->\s*)*+<svg[\s>]",
    re.DOTALL | re.IGNORECASE,
)
#: A name that ``asset_name`` gives.
_NAME = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{1,8}", re.ASCII)


def picture_extension(head: bytes) -> str | None:
    """Return the extension of the picture that begins with ``head``; None where it is none.

    ``head`` is the first ``HEAD`` bytes of the file. Its name has no say: what is no picture is
    never served as one. Sources: the signatures of JPEG (ISO/IEC 10918-1), PNG (RFC 2083), GIF89a,
    WebP (RFC 9649), AVIF (ISO/IEC 23008-12), SVG 2.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "avif"
    return "svg" if _SVG.match(head) else None


def asset_name(content_hash: str, extension: str) -> str:
    """Return the file name of an asset: 32 hex digits and a lower-case extension."""
    return f"{content_hash}.{extension.lower()}"


def is_asset_name(name: str) -> bool:
    """Return whether a name is one that ``asset_name`` gives."""
    return _NAME.fullmatch(name) is not None


def media_type(name: str) -> str:
    """Return the media type that an asset is served with, by the extension of its name."""
    extension = name.rpartition(".")[2]
    return _PICTURES.get(extension) or _OTHERS.get(extension, _UNKNOWN)


def is_shown(name: str) -> bool:
    """Return whether browsers may show or play an asset; others are offered for download."""
    return media_type(name) != _UNKNOWN
