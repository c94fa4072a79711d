"""Links of a feed's page to feed readers on the web, and to digests with the same articles."""

# pure
from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit

from digest.editions.model import Digest
from digest.feeds.model import Feed
from digest.site import is_loopback

#: Feed readers on the web, and the address at which each takes a feed's, percent-encoded.
READERS: Mapping[str, str] = {
    "Feedly": "https://feedly.com/i/subscription/feed%2F{url}",
    "Inoreader": "https://www.inoreader.com/?add_feed={url}",
    "NewsBlur": "https://www.newsblur.com/?url={url}",
    "The Old Reader": "https://theoldreader.com/feeds/subscribe?url={url}",
}


def reader_links(feed: Feed, readers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return name and address of each feed reader on the web, with the feed's address in it.

    There are none for a site on a local address, which they cannot fetch.
    """
    if is_loopback(urlsplit(feed.site.url).hostname or ""):
        return []
    address = quote(feed.link(feed.formats[0]), safe="")
    return [(name, template.replace("{url}", address)) for name, template in readers.items()]


def carriers(feed: Feed, digests: Iterable[Digest]) -> list[Digest]:
    """Return the digests with all articles of a feed."""
    return [
        digest
        for digest in digests
        if not digest.categories
        or (
            feed.category is not None
            and any(feed.category.within(wanted) for wanted in digest.categories)
        )
    ]
