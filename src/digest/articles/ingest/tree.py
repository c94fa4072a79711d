"""The tree of article files on disk: what is there, and reading it without cutting a file off."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.ingest.scan import RootMark

_CHUNK = 1 << 20
#: The root that is the top of the tree; the others are folders in it, by their names.
TOP = "."


class FileState(NamedTuple):
    """What the file system says of a file, without reading it.

    A plain tuple, since a scan makes one for every file there is.
    """

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
        """Return the name of the root that a path lies in; ``TOP`` where no other has it."""
        name = path.partition("/")[0]
        return name if name in self.roots else TOP

    def locate(self, path: str) -> Path:
        """Return where a path leads on disk; raise FileNotFoundError where there is no such root.

        The empty path is the top.
        """
        return Path(self._located(path))

    def _located(self, path: str) -> str:
        """Do what ``locate`` does; a Path for each of many files would take longest."""
        name = self.root_of(path)
        if name != TOP:
            return f"{self.roots[name]}/{path[len(name) + 1 :]}"
        if TOP not in self.roots:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return f"{self.roots[TOP]}/{path}"

    def has(self, path: str) -> bool:
        """Tell whether there is a file at a path."""
        try:
            return self.locate(path).is_file()
        except OSError:  # no such root, or in a folder that is closed to us
            return False

    def marks(self) -> dict[str, RootMark]:
        """Return what tells each root from any other folder; those not there are left out."""
        marks = {}
        for name, root in self.roots.items():
            try:
                found = root.stat()
                with os.scandir(root) as entries:
                    empty = next(entries, None) is None
            except OSError:
                continue
            marks[name] = RootMark(device=found.st_dev, inode=found.st_ino, empty=empty)
        return marks

    def walk(
        self, below: str = "", closed: dict[str, OSError] | None = None
    ) -> Iterator[tuple[str, FileState]]:
        """Yield the path and state of every file taken, in no order.

        Symbolic links are followed to files inside their root only, never to folders. A folder
        that vanishes meanwhile has no files. One that cannot be entered, and a root that is not
        there, is put into ``closed``, by path (``TOP`` for the top); where ``closed`` is None, or
        no root can be entered, raises OSError.
        """
        tops = {"" if name == TOP else name for name in self.roots}
        folders = [below] if below else [top for top in tops if not top or self.files.enters(top)]
        while folders:
            folder = folders.pop()
            try:
                entries = os.scandir(self.locate(folder))
            except (FileNotFoundError, NotADirectoryError) as error:
                if folder in tops:
                    _close(folder, error, closed)
                continue
            except OSError as error:
                _close(folder, error, closed)
                continue
            with entries:
                try:
                    yield from self._files_in(folder, entries, folders)
                except OSError as error:  # its names can be read, but nothing more
                    _close(folder, error, closed)
        if closed and not below and closed.keys() >= set(self.roots):
            raise closed[next(iter(self.roots))]

    def _files_in(
        self, folder: str, entries: Iterator[os.DirEntry[str]], folders: list[str]
    ) -> Iterator[tuple[str, FileState]]:
        """Yield the files of one folder; add the folders in it to those to be looked into.

        Raises OSError where the state of one cannot be told though it is there.
        """
        prefix = f"{folder}/" if folder else ""
        takes = self.files.takes
        for entry in entries:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                # A root is a folder at the top, and hides one of its name there.
                if self.files.enters(path) and (folder or path not in self.roots):
                    folders.append(path)
            elif takes(path):
                if entry.is_symlink() and not self._inside(path):
                    continue
                try:
                    found = entry.stat()
                except FileNotFoundError:  # gone since
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield path, FileState(found.st_size, found.st_mtime_ns)

    def takes(self, path: str) -> bool:
        """Tell whether a file at this path belongs to the tree."""
        return self.files.takes(path) and self.enters(str(PurePosixPath(path).parent))

    def enters(self, folder: str) -> bool:
        """Tell whether a folder is looked into: neither it nor any that it is in is excluded."""
        path = PurePosixPath(folder)
        return all(self.files.enters(str(one)) for one in (path, *path.parents) if one.name)

    def _inside(self, path: str) -> bool:
        """Tell whether a path is there, and leads into its root whatever links there are."""
        name = self.root_of(path)
        try:
            full = self._located(path)
            if not _linked(full, path.count("/") + (name == TOP)):
                return True  # as nearly always; to resolve two paths takes far longer
            real = Path(full).resolve(strict=True)
            return real.is_relative_to(self.roots[name].resolve())
        except (OSError, RuntimeError):  # the second for a loop of links, before Python 3.13
            return False

    def read(self, path: str) -> FileContent | Unread:
        """Return a file's content, or why there is none to be had now.

        Raises TooLargeError over ``max_bytes``, OSError where it cannot be read.
        """
        if not self._inside(path):
            return Unread.GONE
        full = self._located(path)
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
            content = _read(fd, before.st_size)
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


def _read(fd: int, size: int) -> bytes:
    """Return all that can be read, which should be ``size`` bytes: mostly in one piece."""
    content = os.read(fd, size + 1)
    if len(content) == size:
        return content
    return content + b"".join(iter(lambda: os.read(fd, _CHUNK), b""))


def tree_path(roots: Mapping[str, Path], file: Path) -> str | None:
    """Return the path in the tree of a file on disk; None where it is in no root."""
    for name, root in roots.items():
        try:
            path = file.resolve().relative_to(root.resolve()).as_posix()
        except (ValueError, OSError, RuntimeError):  # a loop of links, before Python 3.13
            continue
        return path if name == TOP else f"{name}/{path}"
    return None


def _linked(full: str, names: int) -> bool:
    """Tell whether one of the last so many names of a path is a symbolic link; raise OSError."""
    for _ in range(names):
        if stat.S_ISLNK(os.lstat(full).st_mode):
            return True
        full = full[: full.rindex("/")]
    return False


def _close(folder: str, error: OSError, closed: dict[str, OSError] | None) -> None:
    """Note a folder that cannot be entered, or raise where nobody takes note."""
    if closed is None:
        raise error
    closed[folder or TOP] = error


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
