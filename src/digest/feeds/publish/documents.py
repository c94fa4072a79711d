"""Documents of feeds: entries of the cache, or new ones, put into each format within a limit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from digest.articles.model import Article, Tombstone
from digest.feeds.archives import Content, Place, Version
from digest.feeds.formats import FORMATS
from digest.feeds.publish.entry_cache import EntryCache, EntryForm
from digest.feeds.publish.plan import within
from digest.feeds.selection import Feed
from digest.feeds.syndication import last_change

_log = structlog.get_logger(__name__)

#: Bytes of a document that are not entries, where nothing was withdrawn, and for each article
#: that was. Only whoever comes near the limit counts them.
_HEAD_BYTES, _TOMBSTONE_BYTES = 65_536, 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedContents:
    """What a feed's documents tell, as the store has it."""

    versions: Sequence[Version]  #: of the articles in the current document, newest first
    gone: Sequence[Tombstone] = ()  #: withdrawn last first
    newest_archive: int = 0  #: its number; 0 where there is none


class FeedDocuments:
    """Makes the current documents of feeds. For one thread."""

    def __init__(
        self, articles_of: Callable[[Collection[int]], list[Article]], *, max_bytes: int
    ) -> None:
        """``articles_of`` returns the visible articles with these sequences, in any order.

        A document has ``max_bytes`` at most.
        """
        self._articles_of = articles_of
        self._max_bytes = max_bytes
        self._entries = EntryCache()
        self._cut: set[str] = set()  # folders of feeds over the limit of bytes

    def of(self, feed: Feed, held: FeedContents) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of each of a feed's documents."""
        content = Content(
            changed_at=last_change((one.changed_at, one.sequence) for one in held.versions),
            gone=held.gone,
            place=Place(newest=held.newest_archive),
        )
        for name, entries in self._entries_of(feed, held.versions).items():
            kept = self._within_limit(feed, name, entries, content)
            yield name, FORMATS[name].document(feed, list(kept.values()), content)

    def _entries_of(
        self, feed: Feed, versions: Sequence[Version]
    ) -> dict[str, dict[Version, bytes]]:
        """Return the entries of articles by format; without those withdrawn a moment ago."""
        kept: dict[str, dict[Version, bytes]] = {}
        missing: set[int] = set()
        for name in feed.formats:
            form = EntryForm(name, feed.full, feed.site.language)
            kept[name] = {}
            for version in versions:
                entry = self._entries.get(form, version.sequence, version.revision)
                if entry is None:
                    missing.add(version.sequence)
                else:
                    kept[name][version] = entry
        if missing:
            self._serialize(feed, versions, missing, kept)
        return {
            name: {one: entries[one] for one in versions if one in entries}
            for name, entries in kept.items()
        }

    def _serialize(
        self,
        feed: Feed,
        versions: Sequence[Version],
        missing: Collection[int],
        entries: Mapping[str, dict[Version, bytes]],
    ) -> None:
        """Add entries of articles that are missing in some format."""
        known = {one.sequence: one for one in versions}
        for article in self._articles_of(missing):
            version = known[article.sequence]
            for name, written in entries.items():
                if version not in written:
                    form = EntryForm(name, feed.full, feed.site.language)
                    written[version] = FORMATS[name].entry(feed, article)
                    self._entries.put(form, version.sequence, version.revision, written[version])

    def _within_limit(
        self, feed: Feed, name: str, entries: dict[Version, bytes], content: Content
    ) -> dict[Version, bytes]:
        """Return a document's entries, with summaries for those that it has no room for."""
        written = sum(map(len, entries.values()))
        if written + _HEAD_BYTES + _TOMBSTONE_BYTES * len(content.gone) <= self._max_bytes:
            return entries
        # Two bytes between entries.
        room = self._max_bytes - len(FORMATS[name].document(feed, (), content)) - 2 * len(entries)
        if written <= room:
            return entries
        short = self._entries_of(replace(feed, full=False, formats=(name,)), tuple(entries))[name]
        kept = within(room, entries, short)
        if feed.folder not in self._cut:
            self._cut.add(feed.folder)
            _log.warning(
                "a feed is over its limit of bytes; articles that do not fit give their summaries",
                feed=feed.folder,
                summaries=sum(entry != entries[one] for one, entry in kept.items()),
                left_out=len(entries) - len(kept),
                limit=self._max_bytes,
            )
        return kept
