"""Earlier versions of a feed, so that a client gets only the entries that it lacks (RFC 3229).

A version is identified by its entity tag and stored as the hashes (marks) of its entries. The log
of versions is text: a line with a checksum, then a line for each version, oldest first, with its
tag and the marks that it added to and removed from the version before.
"""

# pure
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

#: Versions that a log keeps; whoever comes back later gets the whole feed.
VERSIONS = 300
#: Bytes of the BLAKE2b check sum that is the entity tag of a version.
_TAG_BYTES = 16
#: Bytes of all documents that Deltas keeps; each lacks other entries than the rest.
DELTAS = 4 * 1024 * 1024

#: How entries of RSS and Atom, and tombstones (RFC 6721), begin as ``feeds.formats`` writes them.
_START = re.compile(rb"<(?:item>|entry[ >]|at:deleted-entry )")
#: How they end, by the letter that they begin with: what is in an entry is escaped.
_END = {ord("i"): b"</item>", ord("e"): b"</entry>", ord("a"): b"/>"}

_Version = tuple[str, frozenset[str]]
#: A version's tag, and the marks that it added to the one before and took away.
_Change = tuple[str, frozenset[str], frozenset[str]]


def content_tag(content: bytes) -> str:
    """Return the hash of ``content`` for an entity tag: 32 hexadecimal digits."""
    return tag_of_blocks((content,))


def tag_of_blocks(blocks: Iterable[bytes]) -> str:
    """Return ``content_tag`` of a content that comes in blocks.

    The ETag of a feed's file is made here, too: a version is looked up by it.
    """
    check = blake2b(digest_size=_TAG_BYTES)
    for block in blocks:
        check.update(block)
    return check.hexdigest()


def recorded(log: bytes, content: bytes) -> bytes:
    """Return the log with this version of an RSS or Atom feed at its end.

    A damaged log begins anew.
    """
    versions = _versions(log)
    tag = content_tag(content)
    if versions and versions[-1][0] == tag:
        return log
    # A feed may become what it was; then the older of two equal versions goes.
    versions = [version for version in versions if version[0] != tag]
    versions.append((tag, entry_marks(content)))
    return _written(versions[-VERSIONS:])


class Deltas:
    """The entries that are new in a version of a feed, for each earlier version in its log.

    The log and the feed are parsed once, when it is made. Not thread-safe.
    """

    def __init__(self, log: bytes, content: bytes) -> None:
        self._changes = _changes(log)
        self._at = {tag: number for number, (tag, _, _) in enumerate(self._changes)}
        self._current = entry_marks(content)
        self._made: dict[frozenset[str], bytes] = {}

    def marks(self, tag: str) -> frozenset[str] | None:
        """Return the marks of the entries of the version with this tag; None if there is none."""
        last = self._at.get(tag)
        if last is None:
            return None
        had: set[str] = set()
        for _, added, removed in self._changes[: last + 1]:
            had -= removed
            had |= added
        return frozenset(had)

    def since(self, tag: str, content: Callable[[], bytes | None]) -> bytes | None:
        """Return the feed with only the entries that the version with this tag did not have.

        ``content`` returns the bytes that this was made from, or None if they are gone. Returns
        None then, and for an unknown version.
        """
        had = self.marks(tag)
        if had is None:
            return None
        known = self._current & had  # versions that lack the same entries share a document
        delta = self._made.get(known)
        if delta is not None:
            return delta
        if (whole := content()) is None:
            return None
        delta = news(whole, known)
        self._made[known] = delta
        while sum(map(len, self._made.values())) > DELTAS:
            del self._made[next(iter(self._made))]
        return delta

    @property
    def size(self) -> int:
        """Its size in memory, in bytes, estimated."""
        lines = sum(1 + len(added) + len(removed) for _, added, removed in self._changes)
        return 200 * lines + sum(map(len, self._made.values()))


def entry_marks(content: bytes) -> frozenset[str]:
    """Return the marks of a feed's entries."""
    return frozenset(_mark(content[start:end]) for start, end in _entries(content))


def news(content: bytes, known: frozenset[str]) -> bytes:
    """Return the feed without the entries whose marks are known."""
    kept, last = [], 0
    for start, end in _entries(content):
        if _mark(content[start:end]) in known:
            kept.append(content[last:start])
            last = end
    return b"".join((*kept, content[last:]))


def _entries(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each entry, with the line break after it.

    A pattern over whole entries would take ten times as long.
    """
    end = 0
    while start := _START.search(content, end):
        closing = _END[content[start.start() + 1]]
        end = content.find(closing, start.end())
        if end < 0:
            return
        end += len(closing)
        end += content[end : end + 1] == b"\n"
        yield start.start(), end


def _mark(entry: bytes) -> str:
    """Return the mark of an entry: a hash of its bytes."""
    return blake2b(entry.rstrip(b"\n"), digest_size=8).hexdigest()


def _written(versions: list[_Version]) -> bytes:
    lines, before = [], frozenset[str]()
    for tag, marks in versions:
        changes = [f"+{mark}" for mark in sorted(marks - before)]
        changes += [f"-{mark}" for mark in sorted(before - marks)]
        lines.append(" ".join((tag, *changes)))
        before = marks
    body = "\n".join(lines).encode()
    return content_tag(body).encode() + b"\n" + body


def _changes(log: bytes) -> list[_Change]:
    """Return the changes in a log; none if its checksum does not match."""
    check, _, body = log.partition(b"\n")
    if not body or check != content_tag(body).encode():
        return []
    parsed: list[_Change] = []
    for line in body.decode("ascii").split("\n"):
        tag, *changes = line.split(" ")
        added = frozenset(change[1:] for change in changes if change[0] == "+")
        removed = frozenset(change[1:] for change in changes if change[0] == "-")
        parsed.append((tag, added, removed))
    return parsed


def _versions(log: bytes) -> list[_Version]:
    versions: list[_Version] = []
    had: frozenset[str] = frozenset()
    for tag, added, removed in _changes(log):
        had = (had - removed) | added
        versions.append((tag, had))
    return versions
