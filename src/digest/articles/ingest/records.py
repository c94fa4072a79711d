"""Records: what is remembered of files and articles, and what ingest needs of the store."""

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
    """What is remembered of a file, so that an unchanged one is not read again."""

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
    """A file that was read, and what came of it."""

    record: FileRecord
    outcome: Draft | UnchangedText | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Embargoes:
    """Which files wait for the date from which on, or up to which, their article is shown."""

    over: frozenset[str] = frozenset()  #: paths of those whose date has come
    next_at: datetime | None = None  #: aware UTC: when the next one's comes


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The last change of something."""

    number: int  #: greater than that of every earlier change; 0 where there was none
    changed_at: datetime  #: aware UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedArticle:
    """What is told of an article without its texts."""

    sequence: int
    key: ArticleKey
    revision: int  #: the content revision of its last change
    updated_at: datetime  #: aware UTC
    elsewhere: bool  #: it has a link of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """How an article stands in the store."""

    hidden: bool  #: it was withdrawn, or may not be shown for another reason
    revision: int  #: the content revision of its last change
    changed_at: datetime  #: aware UTC: when it changed, or some time later
    read: Callable[[], Article]  #: within the transaction that found it; raises StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """As much of an article as the page beside it shows."""

    key: ArticleKey
    title: str
    language: str | None

    @property
    def folder(self) -> str:
        """Where its page is, relative to the output folder."""
        return article_folder(self.key)


class FileStore(Protocol):
    """What ingest needs of the store."""

    def files(self, paths: Collection[str] | None = None) -> dict[str, FileRecord]:
        """Return the records of these paths, or of all, by path."""

    def record(self, readings: Sequence[Reading], now: datetime, policy: IngestPolicy) -> Changes:
        """Store what was read, all or nothing, and return what changed."""

    def touch(self, records: Sequence[FileRecord]) -> None:
        """Remember new sizes, times and hashes of options of files whose content is as before."""

    def vanish(self, paths: Collection[str], now: datetime) -> None:
        """Remember that these files, and those below these folders, are gone.

        Their articles stay; their problems go.
        """

    def referring_files(self, assets: Collection[str]) -> set[str]:
        """Return the paths of article files that refer to one of these files on disk."""

    def embargoes(self, now: datetime) -> Embargoes:
        """Return which files wait for the date of their article."""

    def review(
        self, now: datetime, grace: timedelta | None, policy: IngestPolicy | None = None
    ) -> Changes:
        """Show articles again whose files are back; withdraw those without a file for so long.

        With ``policy``, decide facets anew where others decided them.
        """


class ScanMemory(Protocol):
    """What a scan needs of the store; the last one is kept for the next and for other processes."""

    def last(self) -> Scan | None:
        """Return the last scan; None where there was none."""

    def states(self, options_hashes: Collection[str]) -> Iterable[Sequence[Any]]:
        """Yield of every file: path, size, mtime_ns, if it is missing, and if of these hashes.

        Plain rows: a scan goes through all there are.
        """

    def assets(self) -> Iterable[tuple[str, AssetState]]:
        """Yield every article file that is there with each file that it refers to."""

    def remember(self, scan: Scan) -> None:
        """Keep a scan in place of the one before."""
