"""Sources, entries and documents for tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from digest.sources.model import Entry, FeedDocument, Source

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SOURCE = Source(name="harbour", url="https://harbour.example/feed.xml")
ENTRY = Entry(
    id="1",
    title="Cranes & ships",
    link="https://harbour.example/cranes",
    published_at=datetime(2026, 11, 24, 10, 0, tzinfo=UTC),
    content="<p>Long <b>text</b></p>",
)


def entry(number: int, **fields: Any) -> Entry:
    """Return an entry of its own id, link and title."""
    link = f"https://harbour.example/{number}"
    return replace(ENTRY, id=str(number), title=f"Entry {number}", link=link, **fields)


def document(*entries: Entry) -> FeedDocument:
    """Return a feed of these entries."""
    return FeedDocument(entries=entries, title="Harbour News", home="https://harbour.example/")


def rss(*items: str, channel: str = "") -> bytes:
    """Return an RSS document with the inside of its items."""
    inside = "".join(f"<item>{item}</item>" for item in items)
    return (
        '<?xml version="1.0"?><rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
        'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel>'
        "<title>Harbour News</title><link>https://harbour.example/</link>"
        f"{channel}{inside}</channel></rss>"
    ).encode()
