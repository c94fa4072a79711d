"""The folder of assets: count the bytes of its copies, and remove unused ones."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

import structlog

from digest.assets import is_asset_name
from digest.times import Clock

_log = structlog.get_logger(__name__)

#: The file in the folder of assets that has the bytes of all copies, in decimal digits.
_COUNTER, _DIGITS = ".bytes", 20
#: A file takes whole blocks of the disk, however small it is; bytes.
_BLOCK = 4_096
#: How often unused copies are looked for; nor is a copy removed that was made or referred to
#: since, as its article may not be stored yet.
_EVERY = timedelta(days=1)
#: Copies that are asked for at once, and at most removed at once.
_BATCH, _MOST = 500, 50_000
#: The end of the name that a copy has while it is removed; the start is a dot.
_ASIDE = ".unused"


class CopyStore(Protocol):
    """The part of the store that the folder of assets uses. Every method raises StoreError."""

    def unused(self, names: Collection[str], now: datetime, before: datetime) -> set[str]:
        """Record which of these copies are unused; return those unused since ``before``."""

    def in_texts(self, names: AbstractSet[str], go_on: Callable[[], None]) -> set[str]:
        """Return which of these copies stored articles show; ``go_on`` may raise to interrupt."""

    def forget(self, names: Collection[str]) -> None:
        """Delete the records of these copies."""

    def left_out(self) -> int:
        """Return the number of article files with assets for which there was no room."""

    def retry(self) -> None:
        """Make the next scan read the article files that had no room for an asset."""

    def looked_at(self) -> datetime | None:
        """Return when unused copies were last looked for; None for never."""

    def looked(self, now: datetime) -> None:
        """Record that unused copies were looked for at a moment."""


class DiskQuota:
    """Counts the bytes of all copies for all processes that make copies, and limits them.

    The bytes of a copy whose process was killed stay counted until the next full count.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def reserve(self, size: int) -> bool:
        """Add a file of ``size`` bytes; return False if there is no room. Raises OSError."""
        with self._counter() as counter:
            used = self._read(counter) + blocks(size)
            if used <= self._limit:
                self._write(counter, used)
            return used <= self._limit

    def release(self, size: int) -> None:
        """Subtract a file. Raises OSError."""
        with self._counter() as counter:
            self._write(counter, self._read(counter) - blocks(size))

    def fits(self, size: int) -> bool:
        """Return whether there is room for a file of ``size`` bytes. Raises OSError."""
        with self._counter() as counter:
            return self._read(counter) + blocks(size) <= self._limit

    def set_used(self, used: int) -> None:
        """Set the number of bytes. Raises OSError."""
        with self._counter() as counter:
            self._write(counter, used)

    @contextmanager
    def _counter(self) -> Iterator[int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        counter = os.open(self._folder / _COUNTER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(counter, fcntl.LOCK_EX)
            yield counter
        finally:
            os.close(counter)

    def _read(self, counter: int) -> int:
        try:
            return int(os.pread(counter, _DIGITS, 0))
        except ValueError:  # made just now, or half written when power was lost
            return sum(sizes for _, sizes in _batches(self._folder))

    @staticmethod
    def _write(counter: int, used: int) -> None:
        os.pwrite(counter, b"%0*d" % (_DIGITS, max(0, used)), 0)


class UnusedAssets:
    """Removes copies that have been unused for some time, and watches the room for others.

    A copy is used while a file or the text of a stored article refers to it: feeds, pages, archives
    and editions show no others.
    """

    def __init__(
        self, *, folder: Path, limit: int, largest: int, keep: timedelta, store: CopyStore,
        clock: Clock, kept: Collection[str] = (),
    ) -> None:  # fmt: skip
        """``limit`` is the size of the folder, ``largest`` that of a file, in bytes.

        ``kept`` are names of copies in use although no article refers to them.
        """
        self._folder = folder
        self._quota = DiskQuota(folder, limit)
        self._limit = limit
        self._largest = largest
        self._keep = keep
        self._kept = frozenset(kept)
        self._store = store
        self._clock = clock
        self._full = False  # as it was told

    def check(self, go_on: Callable[[], None] = lambda: None) -> None:
        """Once a day, remove unused copies, and make the next scan retry assets left out for room.

        ``go_on`` raises InterruptedError to end it. Raises StoreError, too; errors of the folder
        are logged.
        """
        try:
            self._check(go_on)
        except InterruptedError:
            raise
        except OSError as error:
            _log.error("the folder of assets cannot be used", error=str(error))

    def _check(self, go_on: Callable[[], None]) -> None:
        files = self._store.left_out()
        if files and not self._full:
            _log.warning(
                "assets are left out: [articles] max_asset_folder_bytes",
                files=files,
                bytes=self._limit,
            )
        self._full = bool(files)
        now, looked_at = self._clock(), self._store.looked_at()
        if looked_at is None or abs(now - looked_at) >= _EVERY:
            if self._folder.is_dir():
                self._remove_unused(now, go_on)
            self._store.looked(now)
        if files and self._quota.fits(self._largest):
            self._store.retry()

    def _remove_unused(self, now: datetime, go_on: Callable[[], None]) -> None:
        for aside in self._folder.glob(f".*{_ASIDE}"):  # a process was killed
            with suppress(FileNotFoundError):
                aside.rename(self._folder / aside.name[1:].removesuffix(_ASIDE))
        self._store.forget(self._kept)  # their time begins when they are used no more
        used, due = 0, set[str]()
        for names, size in _batches(self._folder):
            go_on()
            used += size
            names = [name for name in names if name not in self._kept]
            unused = self._store.unused(names, now, now - self._keep)
            due.update(islice(sorted(unused), _MOST - len(due)))
        shown = self._store.in_texts(due, go_on) if due else set()
        removed = freed = 0
        for name in sorted(due - shown):
            go_on()
            size = self._remove(name, now)
            removed += bool(size)
            freed += size
        self._store.forget(due)
        self._quota.set_used(used - freed)
        if removed:
            _log.info("unused assets removed", files=removed, bytes=freed)

    def _remove(self, name: str, now: datetime) -> int:
        """Remove a copy unless it was used today; return its bytes on disk.

        It is renamed first, so that a process which needs it then makes another copy.
        """
        path, aside = self._folder / name, self._folder / f".{name}{_ASIDE}"
        try:
            path.rename(aside)
        except FileNotFoundError:
            return 0
        status = aside.stat()
        if status.st_mtime > (now - _EVERY).timestamp():
            aside.rename(path)
            return 0
        aside.unlink()
        return blocks(status.st_size)


def blocks(size: int) -> int:
    """Return the bytes that a file of ``size`` bytes takes on a disk."""
    return -(-size // _BLOCK) * _BLOCK


def _batches(folder: Path) -> Iterator[tuple[list[str], int]]:
    """Yield the copies in a folder, some at a time: their names, and the bytes that they take."""
    with os.scandir(folder) as entries:
        copies = (entry for entry in entries if is_asset_name(entry.name))
        while batch := list(islice(copies, _BATCH)):
            size = 0
            for entry in batch:
                with suppress(FileNotFoundError):
                    size += blocks(entry.stat(follow_symlinks=False).st_size)
            yield [entry.name for entry in batch], size
