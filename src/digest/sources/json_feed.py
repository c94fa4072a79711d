"""Read upstream feeds in JSON Feed (https://www.jsonfeed.org/version/1.1/)."""

# pure
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser

from digest.articles.cleaning.uris import absolute
from digest.articles.reading.dates import parse_date
from digest.sources.fields import (
    MAX_ID,
    hash_of,
    language_of,
    markup_of,
    names_of,
    recording_type,
    short,
    text_of,
    whole,
)
from digest.sources.model import MAX_ENTRIES, Attachment, Entry, FeedDocument, NoFeed, distinct

_UTC = ZoneInfo("UTC")
_WITH_ADDRESS = re.compile(r"\b(?:href|src)\s*=", re.IGNORECASE)


def read_json_feed(content: bytes, url: str) -> FeedDocument:
    """Return a JSON Feed as a document (https://www.jsonfeed.org/version/1.1/)."""
    try:
        feed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoFeed(f"it is no JSON: {error}") from error
    version = text_of(feed.get("version")) if isinstance(feed, dict) else ""
    if "jsonfeed.org/version/" not in version:
        raise NoFeed("it is JSON, but no JSON Feed: its version does not say so")
    items = feed.get("items")
    entries = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    language, authors = language_of(text_of(feed.get("language"))), _item_authors(feed)
    return FeedDocument(
        entries=distinct(_item(item, url, language, authors) for item in entries[:MAX_ENTRIES]),
        title=short(feed.get("title")),
        home=absolute(text_of(feed.get("home_page_url")), url) or "",
        generator=short(feed.get("generator")),
    )


def _item_authors(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the authors of an item or of the feed."""
    authors = [author for author in _list(item.get("authors")) if isinstance(author, dict)]
    if isinstance(item.get("author"), dict):  # version 1.0
        authors.append(item["author"])
    return names_of(text_of(author.get("name")) for author in authors)


def _item(item: Mapping[str, Any], url: str, language: str, authors: tuple[str, ...]) -> Entry:
    given = item.get("id")
    identity = str(given) if isinstance(given, int | float) else text_of(given)
    link = absolute(text_of(item.get("url")) or text_of(item.get("external_url")), url) or ""
    plain = text_of(item.get("content_text"))
    content = text_of(item.get("content_html")) or markup_of({"value": plain, "type": "text/plain"})
    title = short(item.get("title"))
    return Entry(
        id=identity[:MAX_ID]
        or link
        or hash_of(title, content, text_of(item.get("date_published"))),
        title=title,
        link=link,
        authors=_item_authors(item) or authors,
        categories=names_of(text_of(tag) for tag in _list(item.get("tags"))),
        published_at=_rfc3339(item.get("date_published")),
        updated_at=_rfc3339(item.get("date_modified")),
        language=language_of(text_of(item.get("language"))) or language,
        content=_with_absolute_addresses(content, url),
        summary=markup_of({"value": text_of(item.get("summary")), "type": "text/plain"}),
        image=absolute(text_of(item.get("image")) or text_of(item.get("banner_image")), url) or "",
        attachment=_item_attachment(item, url),
    )


def _with_absolute_addresses(content: str, url: str) -> str:
    """Return HTML whose relative addresses of links and pictures are absolute.

    Links to a place in the text itself stay as they are.
    """
    if not _WITH_ADDRESS.search(content):
        return content
    parser = LexborHTMLParser(content)
    for name in ("href", "src"):
        for node in parser.css(f"[{name}]"):
            written = node.attributes.get(name) or ""
            try:
                node.attrs[name] = written if written.startswith("#") else urljoin(url, written)
            except ValueError:  # no address at all; cleaning drops it
                continue
    return parser.body.inner_html or "" if parser.body else ""


def _item_attachment(item: Mapping[str, Any], url: str) -> Attachment | None:
    for media in _list(item.get("attachments")):
        if not isinstance(media, dict):
            continue
        address = absolute(text_of(media.get("url")), url)
        if address and (kind := recording_type(text_of(media.get("mime_type")), address)):
            duration = whole(media.get("duration_in_seconds"))
            return Attachment(
                url=address,
                media_type=kind,
                length=whole(media.get("size_in_bytes")),
                duration=str(duration) if duration else "",
            )
    return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _rfc3339(value: object) -> datetime | None:
    parsed = parse_date(text_of(value), _UTC)
    return parsed.at if parsed else None
