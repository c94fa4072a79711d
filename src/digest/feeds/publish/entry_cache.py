"""Entries that were serialized for one document, kept for the next ones."""

# pure
from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

#: Bytes of entries that are kept.
CAPACITY = 16 * 2**20


@dataclass(frozen=True, slots=True)
class EntryForm:
    """What decides the bytes of an article's entry, beside the article and the site."""

    format: str  #: the name of the feed's file
    full: bool  #: with the whole body
    language: str  #: of the feed


class EntryCache:
    """Keeps the entries that were used last, up to a number of bytes. For one thread."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._size = 0
        self._kept: OrderedDict[tuple[EntryForm, int], tuple[int, bytes]] = OrderedDict()

    def get(self, form: EntryForm, sequence: int, revision: int) -> bytes | None:
        """Return an article's entry as of a content revision; None where it is not kept."""
        kept = self._kept.get((form, sequence))
        if kept is None or kept[0] != revision:
            return None
        self._kept.move_to_end((form, sequence))
        return kept[1]

    def put(self, form: EntryForm, sequence: int, revision: int, entry: bytes) -> None:
        """Keep an entry; those that were not used for the longest time go."""
        key = (form, sequence)
        if old := self._kept.pop(key, None):
            self._size -= len(old[1])
        self._kept[key] = (revision, entry)
        self._size += len(entry)
        while self._size > self._capacity:
            self._size -= len(self._kept.popitem(last=False)[1][1])
