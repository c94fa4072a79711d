"""Writing: what one run of publishing does to the output folder, on a few threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from digest.errors import OutputError
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.selection import ATOM, RSS
from digest.feeds.websub import is_topic

#: Files written at once: most of the time goes into waiting for the disk.
WRITERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What publishing did to the output folder, in files."""

    written: int = 0
    unchanged: int = 0  #: held the right bytes already
    removed: int = 0


class Writing:
    """One run's writes on a few threads, counted; errors wait for the end."""

    def __init__(self, folder: OutputFolder, unpacked: dict[str, None]) -> None:
        """Keep what is needed; ``unpacked`` gets the paths of files that may need packing."""
        self._folder = folder
        self._unpacked = unpacked
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="publish")
        self._pending: deque[Future[bool]] = deque()
        self._feeds: list[str] = []
        self._error: OutputError | None = None
        self.changed: deque[str] = deque()  #: paths of files that hold other bytes now
        self._written = self._unchanged = self._removed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.settle()
        self._pool.shutdown(cancel_futures=True)

    def write(self, path: str, content: bytes) -> None:
        """Have a file written soon."""
        while len(self._pending) >= 8 * WRITERS:  # bounds the memory
            self._take()
        self._pending.append(self._pool.submit(self._write, path, content))
        self._unpacked.pop(path, None)
        self._unpacked[path] = None
        if path.rpartition("/")[2] in (RSS, ATOM) and is_topic(path):
            self._feeds.append(path)

    def record(self, step: Callable[[], None]) -> None:
        """Have it noted what each feed of this run holds; ``step`` is called for each.

        At the end: readers wait for the feeds themselves.
        """
        self.settle()
        for noted in [self._pool.submit(self._folder.record, path) for path in self._feeds]:
            step()
            try:
                noted.result()
            except OutputError as error:
                self._error = self._error or error

    def settle(self) -> None:
        """Wait until everything is written."""
        while self._pending:
            self._take()

    def remove(self, path: str) -> None:
        """Remove a file now."""
        try:
            self._removed += self._folder.remove(path)
        except OutputError as error:
            self._error = self._error or error

    def published(self) -> Published:
        """Return what was done. Raises the run's first OutputError."""
        if self._error is not None:
            raise self._error
        return Published(written=self._written, unchanged=self._unchanged, removed=self._removed)

    def _write(self, path: str, content: bytes) -> bool:
        if written := self._folder.write(path, content):
            self.changed.append(path)
        return written

    def _take(self) -> None:
        try:
            if self._pending.popleft().result():
                self._written += 1
            else:
                self._unchanged += 1
        except OutputError as error:
            self._error = self._error or error
