"""Full text: extract the article of a page."""

# pure
from __future__ import annotations

from readability import Document
from selectolax.lexbor import LexborHTMLParser

from digest.articles.characters import one_line
from digest.articles.reading.decode import decode
from digest.sources.model import NoFeed


def article_text(content: bytes, url: str, media_type: str, least: str) -> str:
    """Return the article of a page as HTML with absolute addresses, not sanitized.

    Raises NoFeed if it has no more text than ``least``, which is HTML, too: a page that needs
    scripts, a paywall.
    """
    text = Document(_decoded(content, media_type), url=url).summary(html_partial=True)
    if _length(text) <= _length(least):
        raise NoFeed("its page says no more than the feed")
    return str(text)


def _decoded(content: bytes, media_type: str) -> str:
    charset = media_type.lower().partition("charset=")[2].partition(";")[0].strip("\"' ")
    if charset:
        try:
            return content.decode(charset, "replace")
        except LookupError:
            pass
    try:
        return decode(content).text
    except ValueError as error:
        raise NoFeed(f"its page cannot be read: {error}") from error


def _length(markup: str) -> int:
    body = LexborHTMLParser(markup).body if markup else None
    return len(one_line(body.text(separator=" "))) if body else 0
