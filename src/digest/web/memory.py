"""Published files in memory, as long as they are the same on disk."""

from __future__ import annotations

import mimetypes
import os
import stat
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from digest.feeds.encodings import SUFFIXES, packed
from digest.feeds.history import content_tag, held, news
from digest.feeds.publish.output_folder import history_of
from digest.feeds.selection import MEDIA_TYPES

#: Bytes of all files kept, and of the largest one.
CAPACITY, LARGEST = 64 * 1024 * 1024, 8 * 1024 * 1024
#: Versions of a feed for which its news are kept.
_NEWS = 16
#: Bytes that a file costs beside its content, about.
_OVERHEAD = 2048

_TEXTUAL = ("text/", "+xml", "+json", "/xml", "/json", "/javascript")


class PublishedFile:
    """A file as it was when it was read, with its variants. May be used by many threads."""

    def __init__(self, path: Path, content: bytes, status: os.stat_result) -> None:
        self.path = path
        self.name = path.name
        self.content = content
        self.media_type = _media_type(path.name)  #: without the charset
        self.modified_at = datetime.fromtimestamp(status.st_mtime_ns // 1_000_000_000, UTC)
        self.tag = content_tag(content)  #: of the plain content
        self._stamp = _stamp(status)
        self._written_at = status.st_mtime_ns
        self._lock = Lock()
        self._variants: dict[str, bytes] = {}
        self._news: dict[str, bytes] = {}

    @classmethod
    def read(cls, path: Path) -> PublishedFile | None:
        """Return the file at a path without links; None where it cannot be read."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                return cls(path, file.read(), status)
        except OSError:
            return None

    @property
    def textual(self) -> bool:
        """Whether it is text in UTF-8."""
        return self.media_type.startswith(_TEXTUAL[0]) or self.media_type.endswith(_TEXTUAL[1:])

    @property
    def weight(self) -> int:
        """How many bytes it takes."""
        with self._lock:
            found = [self.content, *self._variants.values(), *self._news.values()]
        return _OVERHEAD + sum(map(len, found))

    def is_current(self) -> bool:
        """Tell whether the file on disk is still the one that was read."""
        try:
            return _stamp(self.path.stat()) == self._stamp
        except OSError:
            return False

    def ready(self, encoding: str) -> bytes | None:
        """Return the variant if it is at hand."""
        return self._variants.get(encoding)

    def variant(self, encoding: str) -> bytes:
        """Return the content in an encoding: as it lies beside the file, else packed now."""
        with self._lock:  # whoever asks at the same time waits, rather than packs it too
            found = self._variants.get(encoding)
            if found is None:
                found = self._packed_before(encoding) or packed(encoding, self.content)
                self._variants[encoding] = found
        return found

    def news_since(self, tag: str) -> bytes | None:
        """Return the feed with what is new since the version with a tag; None if that is unknown.

        The tag may be that of any encoding, or any nonsense.
        """
        base = tag.partition("-")[0]
        with self._lock:
            found = self._news.get(base)
            if found is None:
                try:
                    marks = held(history_of(self.path).read_bytes(), base)
                except OSError:
                    marks = None
                found = None if marks is None else news(self.content, marks)
                if found is not None:
                    if len(self._news) >= _NEWS:
                        self._news.clear()
                    self._news[base] = found
        return found

    def _packed_before(self, encoding: str) -> bytes | None:
        """Return the variant beside the file, if it was packed from this very content."""
        variant = f"{self.path}{SUFFIXES[encoding]}"
        try:
            descriptor = os.open(
                variant, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if stat.S_ISREG(status.st_mode) and status.st_mtime_ns == self._written_at:
                    return file.read()
        except OSError:
            return None
        return None


class Memory:
    """The files asked for last, by the address that found them; bounded in bytes."""

    def __init__(self, capacity: int = CAPACITY, largest: int = LARGEST) -> None:
        self._capacity = capacity
        self._largest = largest
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[PublishedFile, int]] = OrderedDict()
        self._weight = 0

    def recall(self, address: str) -> PublishedFile | None:
        """Return the file that was found at an address, if it is still the same on disk.

        Costs one look at the disk, at a file that was read a moment ago.
        """
        kept = self._kept.get(address)
        if kept is None:
            return None
        if not kept[0].is_current():
            self._forget(address)
            return None
        with self._lock:
            if address in self._kept:
                self._kept.move_to_end(address)
        return kept[0]

    def keep(self, address: str, file: PublishedFile) -> None:
        """Keep a file, or take note that it has grown; what was used longest ago makes room."""
        self._forget(address)
        weight = file.weight
        if weight > self._largest:
            return
        with self._lock:
            self._kept[address] = file, weight
            self._weight += weight
            while self._weight > self._capacity:
                _, (_, freed) = self._kept.popitem(last=False)
                self._weight -= freed

    def _forget(self, address: str) -> None:
        with self._lock:
            kept = self._kept.pop(address, None)
            if kept is not None:
                self._weight -= kept[1]


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _media_type(name: str) -> str:
    if name in MEDIA_TYPES:
        return MEDIA_TYPES[name]
    kind, encoding = mimetypes.guess_type(name)
    if kind is None or encoding is not None:
        return "application/octet-stream"
    return kind
