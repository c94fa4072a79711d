"""Documents of feeds, made of cached or new entries in each format, within a limit of size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import structlog

from digest.articles.model import Article, Tombstone
from digest.feeds.archive import ArchiveContents, Content, Place, Version
from digest.feeds.formats import FORMATS
from digest.feeds.model import EntryBytes, Feed
from digest.feeds.publish.plan import within
from digest.feeds.rss_atom import last_change

_log = structlog.get_logger(__name__)

#: Bytes of a document that are not entries, where nothing was withdrawn, and for each article
#: that was. Only whoever comes near the limit counts them.
_HEAD_BYTES, _TOMBSTONE_BYTES = 65_536, 1_024
#: Articles read at once; an article may have megabytes.
_AT_ONCE = 16
#: Bytes of serialized entries that are kept for the next documents.
CACHED_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedContents:
    """The contents of a feed's documents, as the store returns them."""

    versions: Sequence[Version]  #: of the articles in the current document, newest first
    gone: Sequence[Tombstone] = ()  #: withdrawn last first
    newest_archive: int = 0  #: its number; 0 where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The present documents of a feed, whose entries may be reused in the next ones."""

    documents: Mapping[str, bytes]  #: by the names of their files
    revision: int  #: entries of articles that did not change since are as they would be made now


_NO_ENTRIES: Mapping[bytes, EntryBytes] = MappingProxyType({})
NO_PREVIOUS = Previous(documents={}, revision=0)


@dataclass(frozen=True, slots=True)
class EntryForm:
    """The inputs of an entry's bytes, apart from the article and the site."""

    format: str  #: the name of the feed's file
    full: bool  #: with the whole body
    language: str  #: of the feed


class EntryCache:
    """A cache of the entries used last, up to a number of bytes. For one thread."""

    def __init__(self, capacity: int = CACHED_BYTES) -> None:
        self._capacity = capacity
        self._size = 0
        self._kept: OrderedDict[tuple[EntryForm, int], tuple[int, bytes]] = OrderedDict()

    def get(self, form: EntryForm, sequence: int, revision: int) -> bytes | None:
        """Return an article's entry of a content revision; None if it is not cached."""
        kept = self._kept.get((form, sequence))
        if kept is None or kept[0] != revision:
            return None
        self._kept.move_to_end((form, sequence))
        return kept[1]

    def put(self, form: EntryForm, sequence: int, revision: int, entry: bytes) -> None:
        """Cache an entry; drop those used least recently."""
        key = (form, sequence)
        if old := self._kept.pop(key, None):
            self._size -= len(old[1])
        self._kept[key] = (revision, entry)
        self._size += len(entry)
        while self._size > self._capacity:
            self._size -= len(self._kept.popitem(last=False)[1][1])


class FeedDocuments:
    """Makes the documents of feeds. For one thread."""

    def __init__(
        self, articles_of: Callable[[Collection[int]], list[Article]], *, max_bytes: int
    ) -> None:
        """``articles_of`` returns the visible articles with these sequences, in any order.

        ``max_bytes`` limits each document.
        """
        self._articles_of = articles_of
        self._max_bytes = max_bytes
        self._entries = EntryCache()
        self._cut: set[str] = set()  # folders of feeds over the limit of bytes

    def of(
        self, feed: Feed, contents: FeedContents, previous: Previous = NO_PREVIOUS
    ) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of each of a feed's current documents."""
        place = Place(newest=contents.newest_archive)
        yield from self._written(feed, contents.versions, contents.gone, place, previous)

    def forget(self) -> None:
        """Drop all cached entries."""
        self._entries = EntryCache()

    def archive(self, feed: Feed, name: str, contents: ArchiveContents, place: Place) -> bytes:
        """Return the document of an archive in the format of the file ``name``."""
        alone = replace(feed, formats=(name,))
        return dict(self._written(alone, contents.versions, contents.gone, place))[name]

    def _written(
        self,
        feed: Feed,
        versions: Sequence[Version],
        gone: Sequence[Tombstone],
        place: Place,
        previous: Previous = NO_PREVIOUS,
    ) -> Iterator[tuple[str, bytes]]:
        content = Content(
            changed_at=last_change((version.changed_at, version.sequence) for version in versions),
            gone=gone,
            place=place,
        )
        for name, entries in self._entries_of(feed, versions, previous).items():
            kept = self._within_limit(feed, name, versions, entries, content)
            yield name, FORMATS[name].document(feed, list(kept.values()), content)

    def _entries_of(
        self, feed: Feed, versions: Sequence[Version], previous: Previous = NO_PREVIOUS
    ) -> dict[str, dict[int, EntryBytes]]:
        """Return the entries of articles by format and sequence, in their order.

        Articles withdrawn meanwhile are left out, and those after twice as many bytes as a document
        may have.
        """
        forms = [EntryForm(name, feed.full, feed.site.language) for name in feed.formats]
        entries: dict[str, dict[int, EntryBytes]] = {name: {} for name in feed.formats}
        sizes = dict.fromkeys(feed.formats, 0)
        # In one that was over the limit, entries may be without the body: those do not count.
        there = {
            name: FORMATS[name].split(document, feed.full)
            for name, document in previous.documents.items()
        }
        for start in range(0, len(versions), _AT_ONCE):
            chunk = versions[start : start + _AT_ONCE]
            open_forms = [form for form in forms if sizes[form.format] <= 2 * self._max_bytes]
            tags = [
                version.tag.encode() if version.revision <= previous.revision else b""
                for version in chunk
            ]
            known = {
                form.format: [
                    before.get(tag) or self._entries.get(form, version.sequence, version.revision)
                    for version, tag in zip(chunk, tags, strict=True)
                ]
                for form in open_forms
                for before in (there.get(form.format, _NO_ENTRIES),)
            }
            missing = {
                version.sequence
                for of_form in known.values()
                for version, entry in zip(chunk, of_form, strict=True)
                if entry is None
            }
            loaded = self._articles_of(missing) if missing else ()
            articles = {article.sequence: article for article in loaded}
            for form in open_forms:
                made = entries[form.format]
                for version, entry in zip(chunk, known[form.format], strict=True):
                    if entry is None and (article := articles.get(version.sequence)):
                        entry = FORMATS[form.format].entry(feed, article)
                        self._entries.put(form, version.sequence, version.revision, entry)
                    if entry is not None:
                        made[version.sequence] = entry
                        sizes[form.format] += len(entry)
        return entries

    def _within_limit(
        self,
        feed: Feed,
        name: str,
        versions: Sequence[Version],
        entries: dict[int, EntryBytes],
        content: Content,
    ) -> Mapping[int, EntryBytes]:
        """Return a document's entries, with summaries for those that it has no room for."""
        written = sum(map(len, entries.values()))
        if written + _HEAD_BYTES + _TOMBSTONE_BYTES * len(content.gone) <= self._max_bytes:
            return entries
        # Two bytes between entries.
        room = self._max_bytes - len(FORMATS[name].document(feed, (), content)) - 2 * len(versions)
        if written <= room:
            return entries
        summaries = replace(feed, full=False, formats=(name,))
        short = self._entries_of(summaries, versions)[name]
        full = {sequence: entries.get(sequence, entry) for sequence, entry in short.items()}
        kept = within(room, full, short)
        if feed.folder not in self._cut:
            self._cut.add(feed.folder)
            _log.warning(
                "a feed is over its limit of bytes; articles that do not fit give their summaries",
                feed=feed.folder,
                summaries=sum(entry != entries.get(sequence) for sequence, entry in kept.items()),
                left_out=len(short) - len(kept),
                limit=self._max_bytes,
            )
        return kept
