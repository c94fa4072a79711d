"""A cache of rendered pages, as bytes, packed too, bounded by their size."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

import brotli

from digest.feeds.encodings import PACK_FROM
from digest.times import rfc822
from digest.web.request_headers import IDENTITY, choose_encoding

#: Bytes of all pages kept, with their packed variants, and of the largest one.
CAPACITY, LARGEST = 16 * 1024 * 1024, 2 * 1024 * 1024
#: Bytes that a page costs beside its content, about.
_OVERHEAD = 2048
#: How pages are packed, the best first: a page is made anew at every change, so that a level which
#: costs twice as much for one part in twenty of the size is too high.
_PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "br": lambda content: brotli.compress(content, quality=1),
    "gzip": lambda content: gzip.compress(content, compresslevel=3, mtime=0),
}

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True, kw_only=True)
class RenderedPage:
    """A rendered page; its packed variants are added when first requested."""

    tag: str  #: entity tag of the plain content, without quotes
    changed_at: datetime  #: aware UTC, whole seconds
    dated: bool  #: clients may be told when it changed
    headers: Headers  #: those that every answer with it carries, but for its media type
    media_type: str
    content: bytes
    revision: int  #: the content revision up to which this is known to be the newest
    until: float  #: from then on it is rendered again in any case; of a clock that never goes back
    variants: dict[str, bytes] = field(default_factory=dict)
    _heads: dict[tuple[str | None, bool, bool], Headers] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """The memory that it takes, in bytes."""
        return _OVERHEAD + len(self.content) + sum(map(len, self.variants.values()))

    @property
    def packable(self) -> bool:
        """Whether the content is long enough to be packed."""
        return len(self.content) >= PACK_FROM

    def encoding(self, accepted: str | None) -> str | None:
        """Return the encoding that a client prefers; None if it refuses all."""
        return _encoding(accepted, self.packable)

    def tag_of(self, encoding: str) -> str:
        """Return the entity tag of the content in an encoding."""
        return self.tag if encoding == IDENTITY else f"{self.tag}-{encoding}"

    def tags(self) -> frozenset[str]:
        """Return the entity tags of all encodings."""
        return tags_of(self.tag)

    def variant(self, encoding: str) -> bytes | None:
        """Return the content in an encoding; None if it is not packed yet."""
        return self.content if encoding == IDENTITY else self.variants.get(encoding)

    def head(self, encoding: str | None, date: datetime | None, *, styled: bool = False) -> Headers:
        """Return the headers of an answer with the page in an encoding, or (None) without it.

        ``date`` is that of its last change, if clients may know it; ``styled``: a browser gets it
        as XML with a style sheet.
        """
        key = encoding, date is None, styled
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = self._head(encoding, date, styled)
        return head

    def _head(self, encoding: str | None, date: datetime | None, styled: bool) -> Headers:
        head = list(self.headers)
        if date is not None:
            head.append((b"last-modified", rfc822(date).encode()))
        if encoding is None:
            return head
        media_type = "text/xml; charset=utf-8" if styled else self.media_type
        content = self.variants[encoding] if encoding != IDENTITY else self.content
        head += [
            (b"content-type", media_type.encode()),
            (b"content-length", str(len(content)).encode()),
            (b"etag", f'"{self.tag_of(encoding)}"'.encode()),
        ]
        if encoding != IDENTITY:
            head.append((b"content-encoding", encoding.encode()))
        return head


def tags_of(tag: str) -> frozenset[str]:
    """Return the entity tags of a page in all encodings."""
    return frozenset({tag, *(f"{tag}-{encoding}" for encoding in _PACKERS)})


def packed(encoding: str, content: bytes) -> bytes:
    """Return the content in an encoding; the same bytes each time."""
    return _PACKERS[encoding](content)


@lru_cache(maxsize=256)  # clients are of few kinds
def _encoding(accepted: str | None, packable: bool) -> str | None:
    if packable:
        return choose_encoding(accepted, _PACKERS)
    return choose_encoding(accepted, ()) or choose_encoding(accepted, _PACKERS)


class PageCache:
    """A cache of the pages requested last, by address. For one thread."""

    def __init__(self, capacity: int = CAPACITY, largest: int = LARGEST) -> None:
        self._capacity = capacity
        self._largest = largest
        self._kept: OrderedDict[str, tuple[RenderedPage, int]] = OrderedDict()
        self._weight = 0  # bytes that all pages take

    def get(self, address: str) -> RenderedPage | None:
        """Return the cached page of an address; None if there is none."""
        kept = self._kept.get(address)
        if kept is None:
            return None
        self._kept.move_to_end(address)
        return kept[0]

    def keep(self, address: str, page: RenderedPage) -> None:
        """Add a page, or count its growth; drop the least recently used ones over the budget."""
        self.forget(address)
        weight = page.weight
        if weight > self._largest:
            return
        self._kept[address] = page, weight
        self._weight += weight
        while self._weight > self._capacity:
            _, (_, freed) = self._kept.popitem(last=False)
            self._weight -= freed

    def clear(self) -> None:
        """Empty the cache."""
        self._kept.clear()
        self._weight = 0

    def forget(self, address: str) -> None:
        """Drop the page of an address, if any."""
        _, weight = self._kept.pop(address, (None, 0))
        self._weight -= weight


def prepared(headers: Mapping[str, str]) -> Headers:
    """Return headers in the form of ASGI."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
