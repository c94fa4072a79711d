"""Extensions of feedgen: elements beyond RSS 2.0 and Atom 1.0.

feedgen asks an extension for namespaces, by prefix (``extend_ns``), and then to add its elements
to a document (``extend_rss``, ``extend_atom``).
"""

# pure
from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from lxml import etree

from digest.articles.model import Tombstone
from digest.times import rfc3339

#: RSS 1.0 module Syndication.
_SYNDICATION = "http://purl.org/rss/1.0/modules/syndication/"
_PERIODS = (
    ("hourly", timedelta(hours=1)),
    ("daily", timedelta(days=1)),
    ("weekly", timedelta(weeks=1)),
)
#: RFC 4287 section 2.
_ATOM_LINK = "{http://www.w3.org/2005/Atom}link"
#: RFC 6721 section 2.
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
#: RFC 5005 section 4.
HISTORY = "http://purl.org/syndication/history/1.0"


class Syndication:
    """Writes ``sy:updatePeriod`` and ``sy:updateFrequency``; feedgen's own misspells both."""

    def __init__(self) -> None:
        self.every = timedelta(hours=1)  #: between two looks

    def extend_ns(self) -> dict[str, str]:
        return {"sy": _SYNDICATION}

    def extend_rss(self, feed: Any) -> Any:
        name, times = period(self.every)
        for tag, text in (("updatePeriod", name), ("updateFrequency", str(times))):
            etree.SubElement(feed[0], f"{{{_SYNDICATION}}}{tag}").text = text
        return feed


class Undated:
    """Removes feedgen's ``lastBuildDate`` from an empty channel; the element is optional."""

    def extend_ns(self) -> dict[str, str]:
        return {}

    def extend_rss(self, feed: Any) -> Any:
        channel = feed[0]
        channel.remove(channel.find("lastBuildDate"))
        return feed


class HubLinks:
    """Writes a link to each hub into RSS, where feedgen writes no link but its own."""

    def __init__(self) -> None:
        self.hubs: Collection[str] = ()  #: their addresses

    def extend_ns(self) -> dict[str, str]:
        return {}  # feedgen brings Atom's

    def extend_rss(self, feed: Any) -> Any:
        for hub in self.hubs:
            etree.SubElement(feed[0], _ATOM_LINK, {"href": hub, "rel": "hub"})
        return feed


class Tombstones:
    """Writes a ``deleted-entry`` for each withdrawn article (RFC 6721)."""

    def __init__(self) -> None:
        self.gone: Sequence[Tombstone] = ()

    def extend_ns(self) -> dict[str, str]:
        return {"at": TOMBSTONES}

    def extend_atom(self, feed: Any) -> Any:
        for tombstone in self.gone:
            withdrawn_at = rfc3339(tombstone.withdrawn_at.replace(microsecond=0))
            attributes = {"ref": tombstone.id, "when": withdrawn_at}
            etree.SubElement(feed, f"{{{TOMBSTONES}}}deleted-entry", attributes)
        return feed


class ArchiveMark:
    """Marks the document as an archive (RFC 5005 section 4)."""

    def extend_ns(self) -> dict[str, str]:
        return {"fh": HISTORY}

    def extend_atom(self, feed: Any) -> Any:
        etree.SubElement(feed, f"{{{HISTORY}}}archive")
        return feed


def minutes(every: timedelta) -> int:
    """Return the interval between two requests in whole minutes, 1 or more (RSS 2.0: ttl)."""
    return max(1, round(every / timedelta(minutes=1)))


def period(every: timedelta) -> tuple[str, int]:
    """Return the shortest period that ``every`` fits into, and the updates in one such period."""
    for name, length in _PERIODS:
        if every <= length:
            return name, round(length / max(every, timedelta(minutes=1)))
    return _PERIODS[-1][0], 1
