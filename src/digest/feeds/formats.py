"""Formats of feeds, by the name of the file that each is written to.

To add one, write its module, add a FeedFormat here, and its name to ``settings``.
"""

# pure
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from digest.articles.model import Article
from digest.feeds.archive import Content
from digest.feeds.json_feed import json_feed, json_item, split_json_feed
from digest.feeds.model import ATOM, JSON, RSS, EntryBytes, Feed
from digest.feeds.rss_atom import atom, atom_entry, rss, rss_item, split_atom, split_rss


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFormat:
    """The functions of a format: make entries of articles, and a document of entries."""

    entry: Callable[[Feed, Article], bytes]
    document: Callable[[Feed, Sequence[EntryBytes], Content], bytes]
    #: The entries of such a document by their articles' tags; those without a body on demand alone.
    split: Callable[[bytes, bool], Mapping[bytes, EntryBytes]]
    archived: bool  #: whether its documents may be archives (RFC 5005)


FORMATS: Mapping[str, FeedFormat] = MappingProxyType(
    {
        RSS: FeedFormat(entry=rss_item, document=rss, split=split_rss, archived=False),
        ATOM: FeedFormat(entry=atom_entry, document=atom, split=split_atom, archived=True),
        JSON: FeedFormat(entry=json_item, document=json_feed, split=split_json_feed, archived=True),
    }
)
