"""The tree of article files on disk: what is there, and reading it without cutting a file off."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path, PurePosixPath

from digest.articles.globs import PathFilter

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """What the file system says of a file, without reading it."""

    size: int  #: bytes
    mtime_ns: int


class Unread(Enum):
    """Why a file gave no content."""

    GONE = "gone"
    WRITING = "writing"  #: somebody has it open for writing, or had a moment ago: look again
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A file as read in one piece."""

    state: FileState
    content: bytes
    checksum: str  #: hex BLAKE2b of the content


class TooLargeError(OSError):
    """A file over the limit; its content was not read."""


def printable(path: str) -> str:
    """Return a path from the file system as text that any database and log takes.

    Bytes that are no UTF-8 are written as ``\\xNN``.
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The article files below a root folder."""

    root: Path  #: absolute
    files: PathFilter
    max_bytes: int
    settle: timedelta  #: how long a file must be quiet where nobody can tell whether it is open

    def walk(
        self, below: str = "", closed: dict[str, OSError] | None = None
    ) -> Iterator[tuple[str, FileState]]:
        """Yield the relative path and state of every file taken, in no order.

        Symbolic links are followed to files inside the root only, never to folders. A folder
        that vanishes meanwhile has no files. One that cannot be entered is put into ``closed``,
        by relative path; the root, or any where ``closed`` is None, raises OSError.
        """
        folders = [below]
        while folders:
            folder = folders.pop()
            prefix = f"{folder}/" if folder else ""
            try:
                entries = os.scandir(self.root / folder)
            except (FileNotFoundError, NotADirectoryError):
                if not folder:
                    raise
                continue
            except OSError as error:
                if not folder or closed is None:
                    raise
                closed[folder] = error
                continue
            with entries:
                for entry in entries:
                    path = prefix + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if self.files.enters(path):
                            folders.append(path)
                    elif self.files.takes(path) and (state := self._state(entry)):
                        yield path, state

    def takes(self, path: str) -> bool:
        """Tell whether a file at this relative path belongs to the tree."""
        folders = (str(folder) for folder in PurePosixPath(path).parents if folder.name)
        return self.files.takes(path) and all(map(self.files.enters, folders))

    def _state(self, entry: os.DirEntry[str]) -> FileState | None:
        if entry.is_symlink() and not self._inside(entry.path):
            return None
        try:
            found = entry.stat()
        except OSError:  # gone since, or a link to nowhere
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return FileState(size=found.st_size, mtime_ns=found.st_mtime_ns)

    def _inside(self, path: str | Path) -> bool:
        try:
            return Path(path).resolve(strict=True).is_relative_to(self.root.resolve())
        except (OSError, RuntimeError):  # the second for a loop of links, before Python 3.13
            return False

    def read(self, path: str) -> FileContent | Unread:
        """Return a file's content, or why there is none to be had now.

        Raises TooLargeError over ``max_bytes``, OSError where it cannot be read.
        """
        full = self.root / path
        if not self._inside(full):
            return Unread.GONE
        try:
            # Without O_NONBLOCK a named pipe would hold the reader for ever.
            fd = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return Unread.GONE
        try:
            before = os.fstat(fd)
            if stat.S_ISDIR(before.st_mode):
                return Unread.FOLDER
            if not stat.S_ISREG(before.st_mode):
                raise OSError(errno.EINVAL, "is no regular file")
            if self._being_written(fd, before):
                return Unread.WRITING
            if before.st_size > self.max_bytes:
                raise TooLargeError(
                    errno.EFBIG,
                    f"has {before.st_size:,} bytes; at most {self.max_bytes:,} are read",
                )
            content = b"".join(iter(lambda: os.read(fd, _CHUNK), b""))
            after = os.fstat(fd)
        finally:
            os.close(fd)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            return Unread.WRITING
        return FileContent(
            state=FileState(size=after.st_size, mtime_ns=after.st_mtime_ns),
            content=content,
            checksum=hashlib.blake2b(content, digest_size=16).hexdigest(),
        )

    def _being_written(self, fd: int, found: os.stat_result) -> bool:
        open_elsewhere = open_for_writing(fd)
        if open_elsewhere is not None:
            return open_elsewhere
        # A file may claim to be of next year: that says nothing of when it was written.
        return abs(time.time() - found.st_mtime) < self.settle.total_seconds()


def open_for_writing(fd: int) -> bool | None:
    """Tell whether anybody has a file open for writing; None where the system does not say.

    Linux grants a read lease only while there is no writer (fcntl(2), F_SETLEASE), to the file's
    owner or CAP_LEASE, on local file systems. Were a writer to come while the lease is held, the
    kernel would send a signal: SIGURG, which does nothing, instead of SIGIO, which kills.
    """
    if not hasattr(fcntl, "F_SETLEASE"):  # pragma: no cover - other systems than Linux
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    return False
