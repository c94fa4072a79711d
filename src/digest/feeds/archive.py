"""Archives: documents with the articles that the current document of a feed has lost (RFC 5005).

A reader that polls seldom follows ``prev-archive`` from the current document back to the first
archive that it knows. So every version of an article must be in the current document, or in an
archive that was closed after it, until the article gets another version.
"""

# pure
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.articles.model import Tombstone
from digest.feeds.model import Feed
from digest.urls import archive_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of one article, which a document of the feed must contain."""

    sequence: int
    published_at: datetime  #: aware UTC
    changed_at: datetime  #: when it was updated, or withdrawn; aware UTC
    gone: bool = False  #: withdrawn: a tombstone tells it
    revision: int = 0  #: the content revision of the last change of any of its texts
    tag: str = ""  #: the article's public id


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedEntry:
    """An article in an archive, with the version for which it was put there."""

    archive: int  #: number
    sequence: int
    changed_at: datetime | None  #: aware UTC; None once the article has another version
    gone: bool

    def holds(self, version: Version | None) -> bool:
        """Return whether a reader that is new to the archive gets this version from it."""
        return version is not None and (self.changed_at, self.gone) == (
            version.changed_at,
            version.gone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePlan:
    """A plan for the archives of a feed: which to close, and which entries are outdated."""

    stale: tuple[
        ArchivedEntry, ...
    ]  #: their article has another version by now, or has left the feed
    sets: tuple[tuple[Version, ...], ...]  #: what new archives hold, the first one first

    def __bool__(self) -> bool:
        """Return whether there is anything to store."""
        return bool(self.stale or self.sets)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveContents:
    """The contents of an archive's documents as its articles are now."""

    versions: Sequence[Version]  #: of its articles, the newest by publication first
    gone: Sequence[Tombstone]  #: the last withdrawn first


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveState:
    """An archive, and the time of the last change of its articles."""

    number: int
    revision: int  #: the content revision of the last change of any of its articles


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The position of a document among those of its feed."""

    newest: int = 0  #: number of the newest archive; 0 where there is none
    number: int | None = None  #: None for the current document

    def path(self, name: str) -> str:
        """Return the path of the document of this name, relative to the folder of its feed."""
        return name if self.number is None else archive_path(self.number, name)

    def links(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield relation and path of the documents beside this one (RFC 5005 section 4).

        Paths are relative to the folder of the feed.
        """
        previous = self.newest if self.number is None else self.number - 1
        if previous:
            yield "prev-archive", archive_path(previous, name)
        if self.number is not None:
            if self.number < self.newest:
                yield "next-archive", archive_path(self.number + 1, name)
            yield "current", name

    def previous_link(self, feed: Feed, name: str) -> str | None:
        """Return the absolute address of the document before this one; None for the first."""
        links = dict(self.links(name))
        return feed.link(links["prev-archive"]) if "prev-archive" in links else None


#: The place of a feed without archives.
ALONE = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a document of a feed contains beside its entries."""

    changed_at: datetime | None  #: aware UTC: last change of an article in it; None without one
    gone: Sequence[Tombstone]  #: articles that were withdrawn
    place: Place  #: among the archives of its feed


def plan_archives(
    current: Sequence[Version],
    others: Sequence[Version],
    entries: Sequence[ArchivedEntry],
    size: int,
) -> ArchivePlan:
    """Plan which archives to close, so that every version is in a document.

    ``current`` are the versions in the current document, those that will leave it next first;
    ``others`` are further versions of the feed; ``entries`` are the archived entries of these
    articles and of articles that may have left the feed. An archive has at most ``size`` entries.

    An entry is valid for one version only: readers that know the archive do not read it again, so
    it is useless once another version was published, even for a short time.
    """
    versions = {version.sequence: version for version in (*others, *current)}
    archived = {entry.sequence for entry in entries if entry.holds(versions.get(entry.sequence))}
    safe = archived.union(version.sequence for version in current)
    lost = {version.sequence: version for version in others if version.sequence not in safe}
    wanted = sorted(lost.values(), key=lambda version: (version.published_at, version.sequence))
    # Filled up: else every article that a new one pushes out would make an archive of its own.
    filling = [version for version in current if version.sequence not in archived]
    wanted += filling[: -len(wanted) % size]
    return ArchivePlan(
        stale=tuple(
            entry
            for entry in entries
            if entry.changed_at is not None and not entry.holds(versions.get(entry.sequence))
        ),
        sets=tuple(tuple(wanted[start : start + size]) for start in range(0, len(wanted), size)),
    )
