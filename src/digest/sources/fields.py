"""Fields of upstream feeds: values of their elements as plain text, names and HTML."""

# pure
from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from digest.articles.characters import one_line

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


def text_of(value: object) -> str:
    """Return a text without white space around it; empty for any other value."""
    return value.strip() if isinstance(value, str) else ""


def title_of(parsed: Mapping[str, Any]) -> str:
    """Return a title as plain text on one line."""
    detail = parsed.get("title_detail") or {}
    # The detail may be that of a title further inside, such as a picture's.
    value = text_of(parsed.get("title")) or text_of(detail.get("value"))
    if "html" in text_of(detail.get("type")) or ("<" in value and ">" in value):
        value = _seen(value)
    value = short(value)
    return short(_seen(value)) if _FORMATTED.search(value) else value  # it was escaped twice


def _seen(markup: str) -> str:
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
