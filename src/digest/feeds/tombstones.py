"""Tombstones: what an Atom feed tells of articles that were withdrawn (RFC 6721)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lxml import etree

from digest.articles.model import Tombstone
from digest.times import rfc3339

#: RFC 6721 section 2.
NAMESPACE = "http://purl.org/atompub/tombstones/1.0"


class Tombstones:
    """An extension of feedgen for feeds: one ``deleted-entry`` for each withdrawn article."""

    def __init__(self) -> None:
        self._tombstones: Sequence[Tombstone] = ()

    def stand_for(self, gone: Sequence[Tombstone]) -> None:
        """Set which articles are gone."""
        self._tombstones = gone

    def extend_ns(self) -> dict[str, str]:
        """Return the namespaces that the feed needs."""
        return {"at": NAMESPACE}

    def extend_atom(self, feed: Any) -> Any:
        """Add the elements to the feed and return it."""
        for tombstone in self._tombstones:
            withdrawn_at = rfc3339(tombstone.withdrawn_at.replace(microsecond=0))
            attributes = {"ref": tombstone.id, "when": withdrawn_at}
            etree.SubElement(feed, f"{{{NAMESPACE}}}deleted-entry", attributes)
        return feed
