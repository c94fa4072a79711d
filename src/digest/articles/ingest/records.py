"""Records of files and articles, and the Protocols of the store that ingest uses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from digest.articles.ingest.scan import Scan
from digest.articles.model import (
    Article,
    ArticleKey,
    AssetState,
    Changes,
    Draft,
    Severity,
    UnchangedText,
)
from digest.articles.revision import IngestPolicy
from digest.urls import article_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """The stored state of a file, by which an unchanged one is not read again."""

    path: str  #: relative to the tree; bytes that are no UTF-8 written as ``\\xNN``
    size: int  #: bytes
    mtime_ns: int
    content: str  #: hex BLAKE2b of the bytes; empty where no article came of them
    options_hash: str  #: of the options that it was read with, or could not be in time
    missing: bool = False  #: the file has vanished; its article stays
    #: Of its draft; empty where the article does not say what the file said.
    text_hash: str = ""
    raw_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a file could not become an article."""

    line: int | None  #: 1-based; None for the whole file
    cause: str
    severity: Severity = Severity.FAILED
    held_back: bool = False  #: it is not meant to be one: what it was before is withdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file that was read, and its draft or failure."""

    record: FileRecord
    outcome: Draft | UnchangedText | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Embargoes:
    """The files that wait for their article's date of publication or expiry."""

    due: frozenset[str] = frozenset()  #: paths of those whose date has come
    next_at: datetime | None = None  #: aware UTC: when the next one's comes


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRevision:
    """The last content revision of a selection, and its time."""

    number: int  #: greater than that of every earlier change; 0 where there was none
    changed_at: datetime  #: aware UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedArticle:
    """An article without its texts, for lists."""

    sequence: int
    key: ArticleKey
    revision: int  #: the content revision of its last change
    updated_at: datetime  #: aware UTC
    elsewhere: bool  #: it has a link of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """The state of an article in the store."""

    hidden: bool  #: it was withdrawn, or may not be shown for another reason
    revision: int  #: the content revision of its last change
    changed_at: datetime  #: aware UTC: when it changed, or some time later
    read: Callable[[], Article]  #: within the transaction that found it; raises StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An article as the pages of its neighbours link to it."""

    key: ArticleKey
    title: str
    language: str | None

    @property
    def folder(self) -> str:
        """Where its page is, relative to the output folder."""
        return article_folder(self.key)


class FileStore(Protocol):
    """The part of the store that ingest uses. Every method raises StoreError."""

    def files(self, paths: Collection[str] | None = None) -> dict[str, FileRecord]:
        """Return the records of these paths, or of all, by path."""

    def record(self, readings: Sequence[Reading], now: datetime, policy: IngestPolicy) -> Changes:
        """Store read files, all or none, and return the changes."""

    def record_unchanged(self, records: Sequence[FileRecord]) -> None:
        """Record new sizes, times and hashes of options of files with unchanged content."""

    def mark_missing(self, paths: Collection[str], now: datetime) -> None:
        """Record that these files, and those in these folders, are missing.

        Their articles stay; their problems are deleted.
        """

    def referring_files(self, assets: Collection[str]) -> set[str]:
        """Return the paths of article files that refer to one of these files on disk."""

    def embargoes(self, now: datetime) -> Embargoes:
        """Return the files that wait for their article's date of publication or expiry."""

    def update_withdrawals(
        self, now: datetime, grace: timedelta | None, policy: IngestPolicy | None = None
    ) -> Changes:
        """Restore articles whose files are back; withdraw those without a file for ``grace``.

        With ``policy``, decide the facets again if another policy decided the stored ones.
        """


class ScanMemory(Protocol):
    """The part of the store that scans use. Every method raises StoreError."""

    def last(self) -> Scan | None:
        """Return the last scan, of any process; None if there is none."""

    def states(self, options_hashes: Collection[str]) -> Iterable[Sequence[Any]]:
        """Yield path, size, mtime_ns, is missing, has one of these hashes, for every file.

        Plain tuples, because a scan reads all of them.
        """

    def assets(self) -> Iterable[tuple[str, AssetState]]:
        """Yield the path of every present article file with each asset that it refers to."""

    def remember(self, scan: Scan) -> None:
        """Store a scan in place of the last one."""
