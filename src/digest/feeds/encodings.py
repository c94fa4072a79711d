"""Content encodings: text, packed once and sent often (RFC 9110 section 8.4.1)."""

# pure
from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from posixpath import splitext
from types import MappingProxyType

import brotli

#: Bytes under which packing is in vain.
PACK_FROM = 1024
#: What a packed file's name adds to the name of the file, by encoding; web servers expect these.
#: In order of preference among those that a client likes equally.
SUFFIXES: Mapping[str, str] = MappingProxyType({"br": ".br", "gzip": ".gz"})

_TEXTS = frozenset({".css", ".html", ".json", ".opml", ".svg", ".txt", ".xml"})
# Where a level costs several times as much as the one before it for one part in twenty of the
# size, the one before it is taken: feeds change often, and each is packed at every change.
_PACKERS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "br": lambda content: brotli.compress(content, quality=5),
        "gzip": lambda content: gzip.compress(content, compresslevel=6, mtime=0),
    }
)


def packed(encoding: str, content: bytes) -> bytes:
    """Return the content in an encoding of SUFFIXES, the same bytes each time."""
    return _PACKERS[encoding](content)


def is_text(name: str) -> bool:
    """Tell by its name whether a published file is text and thus worth packing."""
    return splitext(name)[1] in _TEXTS


def plain_name(name: str) -> str | None:
    """Return the name of the file that a packed file's name belongs to; None for any other."""
    for suffix in SUFFIXES.values():
        plain = name.removesuffix(suffix)
        if plain != name and is_text(plain):
            return plain
    return None
