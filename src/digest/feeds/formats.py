"""Formats: what a feed can be written as, by the name of its file.

To add one, write its module, add a Format here, and its name to ``settings``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from digest.articles.model import Article, Tombstone
from digest.feeds.archives import Place
from digest.feeds.json_feed import json_feed, json_item
from digest.feeds.selection import ATOM, JSON, RSS, Feed
from digest.feeds.syndication import atom, atom_entry, rss, rss_item


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a document of a feed tells beside its entries."""

    changed_at: datetime | None  #: the last change of an article in it; None where it has none
    gone: Sequence[Tombstone]  #: articles that were withdrawn
    place: Place  #: among the archives of its feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How articles become entries, and entries a document."""

    entry: Callable[[Feed, Article], bytes]
    document: Callable[[Feed, Sequence[bytes], Content], bytes]
    archived: bool  #: whether its documents may be archives (RFC 5005)


def _rss(feed: Feed, items: Sequence[bytes], content: Content) -> bytes:
    return rss(feed, items, content.changed_at)


def _atom(feed: Feed, entries: Sequence[bytes], content: Content) -> bytes:
    return atom(feed, entries, content.changed_at, content.gone, content.place)


def _json(feed: Feed, items: Sequence[bytes], content: Content) -> bytes:
    return json_feed(feed, items, content.place)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        RSS: Format(entry=rss_item, document=_rss, archived=False),
        ATOM: Format(entry=atom_entry, document=_atom, archived=True),
        JSON: Format(entry=json_item, document=_json, archived=True),
    }
)
