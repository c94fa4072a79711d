"""Feed files in memory: one copy for all clients, as long as it is the same on disk."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from digest.feeds.encodings import SUFFIXES, packed
from digest.feeds.publish.output_folder import history_of
from digest.feeds.versions import Deltas, tag_of_blocks
from digest.open_beneath import ABSENT, open_beneath
from digest.web.feed_response import FeedResponse, FileFacts
from digest.web.request_headers import IDENTITY

#: Bytes in memory of all files together, and of the largest body; what is larger is sent from disk.
CAPACITY, LARGEST = 64 * 1024 * 1024, 8 * 1024 * 1024
#: Bytes read at a time while a file's tag is made.
_BLOCK = 1024 * 1024
#: Bytes that a file costs beside its content, and each answer that is kept, about.
_FILE_OVERHEAD, _RESPONSE_OVERHEAD = 2048, 3072
#: Answers kept for each file; clients that send the same headers share one.
_RESPONSES = 32

#: Errors that mean that there is no file for readers at a path, rather than that it cannot be had.
_ABSENT = (*ABSENT, errno.ENAMETOOLONG, errno.EACCES, errno.EISDIR)

#: The values of the headers on which a usual answer depends.
ResponseKey = tuple[bytes | None, bytes | None, bytes | None, bytes | None]


class FeedFile:
    """One version of a file: its facts, and those of its bodies that were asked for.

    To be used in one thread alone.
    """

    def __init__(self, root: Path, path: str, facts: FileFacts, status: os.stat_result) -> None:
        self.root = root
        self.path = path  #: relative to the root
        self.location = f"{root}/{path}"
        self.facts = facts
        self.stamp = _stamp(status)
        self.written_at = status.st_mtime_ns
        self.bodies: dict[str, bytes] = {}  #: by encoding
        self.lengths = {IDENTITY: facts.size}  #: of the bodies, as far as they are known
        self.responses: dict[ResponseKey, FeedResponse] = {}
        self.deltas: Deltas | None = None
        self.charged = _FILE_OVERHEAD  #: bytes, as the cache counts them
        self.senders = 0  #: answers under way that are made of its bodies

    def body(self, encoding: str) -> bytes | None:
        """Read the file, or its variant in an encoding; pack it where there is none. Blocking.

        Return None if the file was replaced meanwhile. Raises OSError.
        """
        descriptor = self.open(encoding)
        if descriptor is not None:
            with os.fdopen(descriptor, "rb") as file:
                return file.read()
        if encoding == IDENTITY or (content := self.body(IDENTITY)) is None:
            return None
        return packed(encoding, content)

    def open(self, encoding: str) -> int | None:
        """Return a descriptor of the file, or of its packed variant. Blocking.

        Return None if the file was replaced, or if it has no such variant. A variant
        belongs to it if it has its time to the nanosecond. Raises OSError.
        """
        descriptor = open_below(self.root, self.path + SUFFIXES.get(encoding, ""))
        if descriptor is None:
            return None
        status = os.fstat(descriptor)
        if encoding == IDENTITY:
            fits = _stamp(status) == self.stamp
        else:
            fits = status.st_mtime_ns == self.written_at
        if not fits:
            os.close(descriptor)
            return None
        return descriptor

    def length(self, encoding: str) -> int | None:
        """Return the length of the body in an encoding, in bytes, without reading it. Blocking.

        Return None if there is no such variant yet. Raises OSError.
        """
        if encoding not in self.lengths and (descriptor := self.open(encoding)) is not None:
            self.lengths[encoding] = os.fstat(descriptor).st_size
            os.close(descriptor)
        return self.lengths.get(encoding)

    def delta(self, bases: Iterable[str]) -> tuple[str, bytes] | None:
        """Return the first known version of ``bases``, and the entries new since. Blocking.

        The log of versions is read once. Return None if none is known, or if the file was replaced.
        Raises OSError.
        """
        if self.deltas is None:
            content = self._content()
            if content is None:
                return None
            self.deltas = Deltas(self._log(), content)
        for base in bases:
            document = self.deltas.since(base, self._content)
            if document is not None:
                return base, document
        return None

    def _content(self) -> bytes | None:
        return self.bodies.get(IDENTITY) or self.body(IDENTITY)

    def _log(self) -> bytes:
        descriptor = open_below(self.root, history_of(Path(self.path)).as_posix())
        if descriptor is None:
            return b""
        with os.fdopen(descriptor, "rb") as file:
            return file.read()


def open_below(root: Path, path: str) -> int | None:
    """Return a descriptor of a regular file at ``path`` that everybody may read, or None.

    ``path`` is relative to ``root``. No link is followed below the root, not even one that takes a
    folder's place meanwhile. Raises OSError where the file cannot be looked at.
    """
    try:
        descriptor = open_beneath(root, path, links=False)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) and mode & stat.S_IROTH):
        os.close(descriptor)
        return None
    return descriptor


def load_file(root: Path, path: str, link: str | None) -> FeedFile | None:
    """Return the file at ``path``, its tag made of its whole content. Blocking.

    At most a block of it is in memory. Return None if there is no such file. Raises OSError.
    """
    descriptor = open_below(root, path)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        tag = tag_of_blocks(iter(partial(file.read, _BLOCK), b""))
    return FeedFile(root, path, _facts(path, status, tag, link), status)


def stat_file(root: Path, path: str, link: str | None) -> tuple[FileFacts, dict[str, int]] | None:
    """Return a file's facts, except its tag, and the lengths of its bodies, by ``stat``. Blocking.

    Return None if there is no such file. Raises OSError.
    """
    lengths: dict[str, int] = {}
    facts = None
    written_at = 0
    for encoding, suffix in {IDENTITY: "", **SUFFIXES}.items():
        descriptor = open_below(root, path + suffix)
        if descriptor is None:
            if facts is None:
                return None
            continue
        status = os.fstat(descriptor)
        os.close(descriptor)
        if facts is None:
            facts, written_at = _facts(path, status, None, link), status.st_mtime_ns
        if status.st_mtime_ns == written_at:
            lengths[encoding] = status.st_size
    return None if facts is None else (facts, lengths)


class FileCache:
    """A cache of the files requested last, within a budget of bytes. For one thread.

    Bodies that are still being sent count until that has ended, though their file is no longer
    kept: so clients that do not read cannot fill the memory.
    """

    def __init__(self, capacity: int = CAPACITY, largest: int = LARGEST) -> None:
        self._capacity = capacity
        self._largest = largest
        self._files: OrderedDict[str, FeedFile] = OrderedDict()
        self._held = 0  # bytes that the files take, about

    def recall(self, path: str) -> FeedFile | None:
        """Return the file at a path if it is cached, and unchanged on disk.

        Costs one look at the disk, which takes a microsecond: the file was read a moment ago.
        """
        file = self._files.get(path)
        if file is None:
            return None
        try:
            stamp = _stamp(os.stat(file.location))  # noqa: PTH116 - a Path would cost as much again
        except OSError:
            stamp = ()
        if stamp != file.stamp:
            self._forget(path)
            return None
        self._files.move_to_end(path)
        return file

    def keep(self, file: FeedFile) -> None:
        """Add a file that was just examined."""
        self._forget(file.path)
        if not self._counts(file):
            self._held += file.charged
        self._files[file.path] = file
        self._make_room(0)

    def admits(self, size: int) -> bool:
        """Return whether there is room for ``size`` bytes, after dropping files not in use."""
        return size <= self._largest and self._make_room(size)

    def charge(self, file: FeedFile, size: int) -> None:
        """Add a file's growth to the memory in use; it may be negative."""
        file.charged += size
        if self._counts(file):
            self._held += size
            self._make_room(0)

    def remember(self, file: FeedFile, key: ResponseKey, response: FeedResponse) -> None:
        """Cache an answer with its file, and drop the oldest if there are too many."""
        if len(file.responses) >= _RESPONSES:
            del file.responses[next(iter(file.responses))]
        else:
            self.charge(file, _RESPONSE_OVERHEAD)
        file.responses[key] = response

    @contextlib.contextmanager
    def sending(self, file: FeedFile) -> Iterator[None]:
        """Count a file as in memory until the block ends."""
        if not self._counts(file):
            self._held += file.charged
        file.senders += 1
        try:
            yield
        finally:
            file.senders -= 1
            if not self._counts(file):
                self._held -= file.charged

    @contextlib.contextmanager
    def lending(self, size: int) -> Iterator[None]:
        """Count so many bytes as in memory until the block ends."""
        self._held += size
        try:
            yield
        finally:
            self._held -= size

    def _counts(self, file: FeedFile) -> bool:
        return file.senders > 0 or self._files.get(file.path) is file

    def _make_room(self, size: int) -> bool:
        """Drop the least recently used files until there is room; return whether there is."""
        while self._held + size > self._capacity and self._files:
            self._forget(next(iter(self._files)))
        return self._held + size <= self._capacity

    def _forget(self, path: str) -> None:
        file = self._files.pop(path, None)
        if file is not None and not file.senders:
            self._held -= file.charged


def _facts(path: str, status: os.stat_result, tag: str | None, link: str | None) -> FileFacts:
    return FileFacts(
        name=path.rpartition("/")[2],
        size=status.st_size,
        modified_at=datetime.fromtimestamp(status.st_mtime_ns // 1_000_000_000, UTC),
        tag=tag,
        link=link,
    )


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    """Return the stamp of a file's version: equal only while it is the same."""
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
