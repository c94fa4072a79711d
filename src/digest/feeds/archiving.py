"""Archiving: keep the archived documents of feeds in step with the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from digest.articles.model import ArticleKey
from digest.feeds.archives import Extent, Held, Place, archive_path
from digest.feeds.json_feed import json_feed
from digest.feeds.selection import ATOM, JSON, Feed
from digest.feeds.syndication import Entries, atom


class ArchiveSource(Protocol):
    """What archiving needs of the store."""

    def close_archives(
        self, feeds: Sequence[Feed], changed: Collection[ArticleKey] | None
    ) -> list[Extent]:
        """Close archives wherever a version would be told by no document; return all extents.

        The current document of each feed tells as many of the newest articles as its limit says,
        and as many of those withdrawn last. ``changed`` are the articles that changed since the
        last call for these feeds; None means any, and that every archive is to be written.
        """
        ...

    def archived(self, feed: Feed, number: int) -> Held:
        """Return what an archive holds, as it is now; what has left the feed is left out."""
        ...


class Archiving:
    """Closes archives and makes their documents; not without a source, nor for RSS.

    A run begins with ``begin`` and ends with ``done``; what a run that failed has not written is
    made again by the next one for its feed.
    """

    def __init__(
        self,
        source: ArchiveSource | None,
        *,
        exists: Callable[[str], bool],
    ) -> None:
        self._source = source
        self._exists = exists  #: whether a path below the output folder is there
        self._newest: dict[str, int] = {}  #: by folder of the feed
        self._owed: dict[str, set[int]] = {}  #: numbers of what is still to be written
        self._made: set[tuple[str, int]] = set()  #: folders and numbers, in this run
        self._run: list[str] = []

    def begin(self) -> None:
        """Note that a run begins."""
        self._run.clear()
        self._made.clear()

    def close(self, feeds: Sequence[Feed], changed: Collection[ArticleKey] | None) -> int:
        """Close what must be closed before these feeds are written; return how much is to write.

        In archives; ``changed`` is as for the source.
        """
        if self._source is None:
            return 0
        feeds = [feed for feed in feeds if _formats(feed)]
        self._run += [feed.folder for feed in feeds]
        extents = self._source.close_archives(feeds, changed) if feeds else []
        for feed, extent in zip(feeds, extents, strict=True):
            self._newest[feed.folder] = extent.newest
            owed = self._owed.setdefault(feed.folder, set())
            owed.update(extent.touched)
            owed.update(self._lost(feed, extent.newest))
        return sum(len(self._owed[feed.folder]) for feed in feeds)

    def _lost(self, feed: Feed, newest: int) -> set[int]:
        """Return the numbers of archives that are not there, and of what links to them.

        A feed that was away for a while has lost all of them. A process that ended before it
        wrote what it had closed has left out the newest.
        """
        if newest and not all(map(self._exists, self._paths(feed, 1))):
            return set(range(1, newest + 1))
        lost: set[int] = set()
        for number in range(newest, 1, -1):
            if all(map(self._exists, self._paths(feed, number))):
                break
            lost |= {number, number - 1}
        return lost

    def owed(self, feed: Feed, *, missing: bool) -> list[int]:
        """Return the numbers of a feed's archives that are still to be made, the oldest first.

        With ``missing`` only those of which a document is not there yet.
        """
        return [
            number
            for number in sorted(self._owed.get(feed.folder, ()))
            if (feed.folder, number) not in self._made
            and not (missing and all(map(self._exists, self._paths(feed, number))))
        ]

    def documents(self, feed: Feed, number: int, entries: Entries) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of an archive in each format."""
        assert self._source is not None  # noqa: S101 without one, nothing is owed
        held = self._source.archived(feed, number)
        self._made.add((feed.folder, number))
        place = Place(newest=self._newest[feed.folder], number=number)
        for name in _formats(feed):
            if name == ATOM:
                content = atom(feed, held.articles, entries, held.gone, place)
            else:
                content = json_feed(feed, held.articles, place)
            yield feed.folder + place.path(name), content

    def place(self, feed: Feed) -> Place:
        """Return the place of the feed's current document."""
        return Place(newest=self._newest.get(feed.folder, 0))

    def paths(self, feed: Feed) -> Iterator[str]:
        """Yield the paths of all documents of a feed's archives."""
        for number in range(1, self._newest.get(feed.folder, 0) + 1):
            yield from self._paths(feed, number)

    def done(self) -> None:
        """Note that everything is written that was to be."""
        for folder in self._run:
            self._owed.pop(folder, None)

    def _paths(self, feed: Feed, number: int) -> Iterator[str]:
        return (feed.folder + archive_path(number, name) for name in _formats(feed))


def _formats(feed: Feed) -> list[str]:
    return [name for name in (ATOM, JSON) if name in feed.formats]
