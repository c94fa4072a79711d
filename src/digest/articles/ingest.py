"""Ingest: take files in, hand clean articles to the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from digest.articles.model import Changes, Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What is remembered of a file, so that an unchanged one is not read again."""

    path: str  #: relative to the watched root; bytes that are no UTF-8 written as ``\\xNN``
    size: int  #: bytes
    mtime_ns: int
    content: str  #: hex BLAKE2b of the bytes; empty where they could not be read
    recipe: str  #: fingerprint of the recipe that it was read with
    missing: bool = False  #: the file has vanished; its article stays


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a file could not become an article."""

    line: int | None  #: 1-based; None for the whole file
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file that was read, and what came of it."""

    record: FileRecord
    outcome: Draft | Failure


class FileStore(Protocol):
    """What ingest needs of the store."""

    def files(self, paths: Collection[str] | None = None) -> dict[str, FileRecord]:
        """Return the records of these paths, or of all, by path."""
        ...

    def record(self, readings: Sequence[Reading], now: datetime) -> Changes:
        """Store what was read, all or nothing, and return what changed."""
        ...

    def touch(self, records: Sequence[FileRecord]) -> None:
        """Remember new sizes, times and recipes of files whose content is as before."""
        ...

    def vanish(self, paths: Collection[str], now: datetime) -> None:
        """Remember that these files, and those in these folders, are gone; problems of theirs go too."""
        ...
