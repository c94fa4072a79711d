"""Fields of upstream feeds: plain text, names, HTML, pictures and recordings of their elements."""

# pure
from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser

from digest.articles.characters import one_line
from digest.articles.cleaning.uris import absolute
from digest.articles.reading.enclosures import MEDIA_TYPES
from digest.sources.model import Attachment

#: Characters of an id or an address, names of an entry.
MAX_ID, _MAX_NAMES = 2_000, 50
#: Characters of a title or a name: that of the feed is in the file of every entry.
_MAX_LINE = 500
#: An address in plain text, without the mark behind it.
_ADDRESS = re.compile(r"""https?://[^\s<>"']*[^\s<>"'.,;:!?()]""")
_START_TAG, _END_TAG = re.compile(r"<([a-zA-Z][\w-]*+)[^<>]*+>"), re.compile(r"</([a-zA-Z][\w-]*)")
_VOID = frozenset({"br", "hr", "img", "wbr"})
#: What plain text has if it is HTML in truth; one that names a tag is none.
_HYPERTEXT = re.compile(r"</[a-zA-Z]|<(?:br|hr|img|p)\b[^<>]*>", re.IGNORECASE)
_FORMATTED = re.compile(r"<(b|i|em|strong|code|span|a|sub|sup)\b[^<>]*>.*</\1>", re.IGNORECASE)
#: Above all sizes and durations that are meant.
_MAX_NUMBER = 10**15
#: Pixels: of a picture that says nothing, the least that is one, and more than anybody shows.
_DEFAULT_PICTURE, _MIN_PICTURE, _MAX_PICTURE = 640, 100, 2_000
_PICTURES = frozenset({"jpg", "jpeg", "png", "gif", "webp", "avif"})
#: Media types that tell nothing.
_UNKNOWN_TYPES = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def text_of(value: object) -> str:
    """Return a text without white space around it; empty for any other value."""
    return value.strip() if isinstance(value, str) else ""


def title_of(parsed: Mapping[str, Any]) -> str:
    """Return a title as plain text on one line."""
    detail = parsed.get("title_detail") or {}
    # The detail may be that of a title further inside, such as a picture's.
    value = text_of(parsed.get("title")) or text_of(detail.get("value"))
    if "html" in text_of(detail.get("type")) or ("<" in value and ">" in value):
        value = _visible_text(value)
    value = short(value)
    return (
        short(_visible_text(value)) if _FORMATTED.search(value) else value
    )  # it was escaped twice


def _visible_text(markup: str) -> str:
    """Return the visible text of HTML; a tag that is never closed counts as text."""
    ended = {name.lower() for name in _END_TAG.findall(markup)} | _VOID

    def literal(tag: re.Match[str]) -> str:
        return tag[0] if tag[1].lower() in ended else tag[0].replace("<", "&lt;")

    parser = LexborHTMLParser(_START_TAG.sub(literal, markup))
    parser.strip_tags(["script", "style"])
    return parser.body.text() if parser.body else ""


def short(value: object) -> str:
    """Return a text as one line of bounded length."""
    return one_line(text_of(value)[: 4 * _MAX_LINE])[:_MAX_LINE].rstrip()


def markup_of(detail: Mapping[str, Any]) -> str:
    """Return a text construct as HTML. Many feeds declare HTML as plain text."""
    value = text_of(detail.get("value"))
    if text_of(detail.get("type")) == "text/plain" and not _HYPERTEXT.search(value):
        paragraphs = [part.strip() for part in value.split("\n\n") if part.strip()]
        return "".join(
            f"<p>{_linked(html.escape(part, quote=False))}</p>".replace("\n", "<br>")
            for part in paragraphs
        )
    return value


def _linked(text: str) -> str:
    """Return escaped text with its addresses as links."""
    return _ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', text)


def persons(text: str) -> list[str]:
    """Return the names in a text that may be HTML, with a link for each person."""
    if not ("<" in text and ">" in text):
        return [text]
    parser = LexborHTMLParser(text)
    linked = [link.text() for link in parser.css("a")]
    return linked or ([parser.body.text()] if parser.body else [])


def names_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return names, each once and on one line, as many as an entry may have."""
    names = (short(text) for text in texts)
    return tuple(dict.fromkeys(name for name in names if name))[:_MAX_NAMES]


def language_of(text: str) -> str:
    """Return a language tag; empty for any other text."""
    tag = text.strip().replace("_", "-")
    return tag if 2 <= len(tag) <= 35 and tag.replace("-", "").isalnum() and tag.isascii() else ""


def hash_of(*parts: str) -> str:
    """Return a hash of texts: 32 hex digits; empty if all are empty."""
    if not any(parts):
        return ""
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


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
    return max((int(text[:6]) for text in sizes if text.isdecimal()), default=_DEFAULT_PICTURE)


def _ending(address: str) -> str:
    return urlsplit(address).path.rpartition(".")[2].lower() if address else ""


def recording_type(kind: str, address: str) -> str:
    """Return the media type of a recording, as declared or by its name; empty if it is none."""
    if kind in _UNKNOWN_TYPES:
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
