"""JSON Feed 1.1. Deterministic: the same articles give the same bytes."""

# pure
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from digest.articles.model import Article
from digest.articles.reading.enclosures import Enclosure
from digest.feeds.archive import Content
from digest.feeds.model import JSON, EntryBytes, Feed, article_link
from digest.times import rfc3339

#: https://www.jsonfeed.org/version/1.1/
VERSION = "https://jsonfeed.org/version/1.1"
#: How each item begins.
_START = b'{"id": "'


def json_feed(feed: Feed, items: Sequence[EntryBytes], content: Content) -> bytes:
    """Return the feed as JSON Feed 1.1 in UTF-8, with items of ``json_item`` in their order.

    ``next_url`` leads to the archive before this document, by its place.
    """
    place = content.place
    document: dict[str, Any] = {
        "version": VERSION,
        "title": feed.title or feed.link(),
        "home_page_url": feed.link(),
        "feed_url": feed.link(place.path(JSON)),
        "language": feed.site.language,
    }
    if previous := place.previous_link(feed, JSON):
        document["next_url"] = previous
    if icon := feed.site.icon or feed.site.logo:
        document["icon"] = icon
    if feed.site.icon:
        document["favicon"] = feed.site.icon
    if author := feed.site.author or feed.site.title:
        document["authors"] = [{"name": author}]
    if place.number is None and feed.site.hubs:
        document["hubs"] = [{"type": "WebSub", "url": hub} for hub in feed.site.hubs]
    head = _encoded(document).removesuffix(b"}")
    parts: list[EntryBytes] = [head, b', "items": [\n']
    for item in items:
        parts += (item, b",\n")
    parts[-1:] = (b"\n]}\n",) if items else (parts[-1], b"\n]}\n")
    return b"".join(parts)


def json_item(feed: Feed, article: Article) -> bytes:
    """Return an article as an item of JSON Feed 1.1 in UTF-8.

    It depends on the article, the site, the feed's language, and whether the feed is full.
    """
    return _encoded(_item(feed, article))


def split_json_feed(document: bytes, full: bool) -> dict[bytes, memoryview]:
    """Return the items of a document of ``json_feed``, by the ids of their articles.

    With ``full``, only items with a body. Items whose ids are escaped in JSON are left out.
    """
    items = {}
    whole = memoryview(document)
    body = b', "content_html": "' if full else b""
    place = document.find(b"\n") + 1
    # Each item is a line: JSON escapes line breaks.
    while document.startswith(_START, place) and (end := document.find(b"\n", place)) >= 0:
        if document.find(body, place, end) >= 0:
            tag = place + len(_START)
            item_end = end - document.startswith(b",", end - 1)
            items[document[tag : document.find(b'"', tag)]] = whole[place:item_end]
        place = end + 1
    return items


def _encoded(value: dict[str, Any]) -> bytes:
    # Lone surrogates have no UTF-8; they become question marks.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _item(feed: Feed, article: Article) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": article.id,
        "url": article_link(feed.site, article),
        "title": article.title,
    }
    if feed.full and article.body:
        item["content_html"] = article.body
    else:
        item["content_text"] = article.summary  # one of the two is required
    if article.summary:
        item["summary"] = article.summary
    if article.image:
        item["image"] = article.image
    item["date_published"] = rfc3339(article.published_at)
    item["date_modified"] = rfc3339(article.updated_at)
    authors = [{"name": author} for author in article.authors]
    if credit := article.credit:
        authors.append({"name": credit.name, **({"url": credit.url} if credit.url else {})})
    if authors:
        item["authors"] = authors
    if article.categories:
        item["tags"] = [str(category) for category in article.categories]
    if article.language and article.language != feed.site.language:
        item["language"] = article.language
    if article.enclosure:
        item["attachments"] = [_attachment(article.enclosure)]
    return item


def _attachment(enclosure: Enclosure) -> dict[str, Any]:
    attachment: dict[str, Any] = {"url": enclosure.url, "mime_type": enclosure.media_type}
    if enclosure.length:
        attachment["size_in_bytes"] = enclosure.length
    if enclosure.duration is not None:
        attachment["duration_in_seconds"] = enclosure.duration
    return attachment
