"""The tree of article files on disk: which files there are, and reading them whole."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.ingest.scan import RootMark
from digest.open_beneath import ABSENT, open_beneath

#: The process or the system has run out of descriptors or memory.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
#: Errors that say nothing of the file: the same call may succeed a moment later.
TRANSIENT = _EXHAUSTED | {
    errno.EAGAIN,
    errno.EINTR,
    errno.EIO,
    errno.ENOSPC,
    errno.ESTALE,
    errno.ETIMEDOUT,
}
#: The root that is the top of the tree; the others are folders in it, by their names.
TOP = "."


class FileStamp(NamedTuple):
    """Size and mtime of a file. A plain tuple, because a scan makes one for every file."""

    size: int  #: bytes
    mtime_ns: int


class Unread(Enum):
    """Why a file was not read."""

    GONE = "gone"  #: there is none, or only a link that leads out of its root
    WRITING = "writing"  #: a process has it open for writing, or had a moment ago
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A whole file."""

    stamp: FileStamp
    content: bytes
    checksum: str  #: hex BLAKE2b of the content


class TooLargeError(OSError):
    """A file is over the limit of bytes; its content was not read."""


def printable(path: str) -> str:
    """Return a path from the file system as valid Unicode; other bytes become ``\\xNN``."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The article files below one or more root folders, as one tree.

    The root named ``TOP`` is the tree itself; each other appears as a folder of its name at the
    top. All paths are relative to that one tree, with ``/`` between names.
    """

    roots: Mapping[str, Path]  #: absolute, by name
    files: PathFilter
    max_bytes: int
    settle: timedelta  #: how long a file must be quiet where nobody can tell whether it is open

    def root_of(self, path: str) -> str:
        """Return the name of the root that contains a path; ``TOP`` if no other does."""
        name = path.partition("/")[0]
        return name if name in self.roots else TOP

    def below_root(self, path: str) -> tuple[Path, str]:
        """Return the root that a path lies in, and the path relative to it.

        Raises FileNotFoundError where there is no such root.
        """
        name = self.root_of(path)
        if name != TOP:
            return self.roots[name], path[len(name) + 1 :]
        if TOP not in self.roots:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self.roots[TOP], path

    def on_disk(self, path: str) -> str:
        """Return the absolute path on disk of a path of the tree; empty if no root contains it."""
        try:
            root, below = self.below_root(path)
        except FileNotFoundError:
            return ""
        return str(root / below)

    def kind(self, path: str) -> Literal["file", "folder"] | None:
        """Return ``"file"`` or ``"folder"`` for a path; "" is the top. Raises OSError.

        A link to a file is a file. Returns None for anything else, and if there is nothing.
        """
        try:
            root, below = self.below_root(path)
            mode = (root / below).stat(follow_symlinks=not below).st_mode
            if stat.S_ISDIR(mode):
                return "folder"
            if stat.S_ISLNK(mode):
                mode = (root / below).stat().st_mode
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise
        return "file" if stat.S_ISREG(mode) else None

    def has(self, path: str) -> bool:
        """Return whether there is a file at a path."""
        try:
            return self.kind(path) == "file"
        except OSError:  # in a folder that is closed to us
            return False

    def marks(self) -> dict[str, RootMark]:
        """Return the mark of each present root, by name.

        Raises OSError if descriptors or memory have run out: then no root counts as absent.
        """
        marks = {}
        for name, root in self.roots.items():
            try:
                status = root.stat()
                with os.scandir(root) as entries:
                    empty = next(entries, None) is None
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    raise
                continue
            marks[name] = RootMark(device=status.st_dev, inode=status.st_ino, empty=empty)
        return marks

    def walk(
        self, below: str = "", closed: dict[str, OSError] | None = None
    ) -> Iterator[tuple[str, FileStamp]]:
        """Yield the path and state of every file of the tree, in no order.

        Symbolic links are followed to files inside their root only, never to folders. A folder
        that vanishes meanwhile has no files. One that cannot be listed, and a root that is not
        there, is put into ``closed``, by path (``TOP`` for the top); where ``closed`` is None, or
        no root can be listed, raises OSError.
        """
        tops = {"" if name == TOP else name for name in self.roots}
        folders = [below] if below else [top for top in tops if not top or self.files.enters(top)]
        while folders:
            folder = folders.pop()
            try:
                yield from self._files_in(folder, folders)
            except OSError as error:
                if error.errno in ABSENT and folder not in tops:
                    continue
                if closed is None:
                    raise
                closed[folder or TOP] = error
        if closed and not below and closed.keys() >= set(self.roots):
            raise closed[next(iter(self.roots))]

    def _files_in(self, folder: str, folders: list[str]) -> Iterator[tuple[str, FileStamp]]:
        """Yield the files of one folder; add the folders in it to ``folders``. Raises OSError."""
        prefix = f"{folder}/" if folder else ""
        takes = self.files.takes
        descriptor = open_beneath(*self.below_root(folder), links=False)
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    path = prefix + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        # A root is a folder at the top, and hides a folder of its name there.
                        if self.files.enters(path) and (folder or path not in self.roots):
                            folders.append(path)
                    elif takes(path) and (stamp := self._stamp(path, entry)):
                        yield path, stamp
        finally:
            os.close(descriptor)

    def _stamp(self, path: str, entry: os.DirEntry[str]) -> FileStamp | None:
        """Return the state of a regular file; None for anything else. Raises OSError."""
        try:
            if entry.is_symlink():
                descriptor = open_beneath(*self.below_root(path))
                try:
                    status = os.fstat(descriptor)
                finally:
                    os.close(descriptor)
            else:
                status = entry.stat(follow_symlinks=False)
        except PermissionError:
            if not entry.is_symlink():
                raise  # the folder is closed
            return FileStamp(-1, 0)  # reading it tells why it cannot be read
        except OSError as error:
            if error.errno in (*ABSENT, errno.ENXIO):  # gone since; ENXIO for a socket
                return None
            raise
        if not stat.S_ISREG(status.st_mode):
            return None
        return FileStamp(status.st_size, status.st_mtime_ns)

    def takes(self, path: str) -> bool:
        """Return whether a file at this path belongs to the tree."""
        return self.files.takes(path) and self.enters(str(PurePosixPath(path).parent))

    def enters(self, folder: str) -> bool:
        """Return whether a folder is searched: neither it nor a folder above it is excluded."""
        path = PurePosixPath(folder)
        return all(self.files.enters(str(part)) for part in (path, *path.parents) if part.name)

    def read(
        self, path: str, open_file: Callable[[Path, str], int] = open_beneath
    ) -> FileContent | Unread:
        """Return a file's content, or why it was not read.

        The checks and the read use one descriptor, opened without following a link out of the root,
        by ``open_beneath`` or ``LastFolder.open``.
        Raises TooLargeError over ``max_bytes``, OSError if it cannot be read.
        """
        try:
            fd = open_file(*self.below_root(path))
        except OSError as error:
            if error.errno in ABSENT:
                return Unread.GONE
            raise
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
            content = _read(fd, before.st_size)
            after = os.fstat(fd)
        finally:
            os.close(fd)
        unchanged = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        if not unchanged or len(content) != after.st_size:
            return Unread.WRITING
        return FileContent(
            stamp=FileStamp(size=after.st_size, mtime_ns=after.st_mtime_ns),
            content=content,
            checksum=hashlib.blake2b(content, digest_size=16).hexdigest(),
        )

    def _being_written(self, fd: int, status: os.stat_result) -> bool:
        open_elsewhere = open_for_writing(fd)
        if open_elsewhere is not None:
            return open_elsewhere
        # A file may claim to be of next year: that says nothing of when it was written.
        return abs(time.time() - status.st_mtime) < self.settle.total_seconds()


def _read(fd: int, size: int) -> bytes:
    """Return at most ``size`` + 1 bytes; the last one shows that the file has grown."""
    content = os.read(fd, size + 1)
    while len(content) < size and (more := os.read(fd, size - len(content))):
        content += more
    return content


def tree_path(roots: Mapping[str, Path], file: Path) -> str | None:
    """Return the path in the tree of a file on disk; None if no root contains it."""
    for name, root in roots.items():
        try:
            path = file.resolve().relative_to(root.resolve()).as_posix()
        except (ValueError, OSError, RuntimeError):  # a loop of links, before Python 3.13
            continue
        return path if name == TOP else f"{name}/{path}"
    return None


def open_for_writing(fd: int) -> bool | None:
    """Return whether a process has a file open for writing; None if the system cannot tell.

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
