"""The address of an image, chosen from all that its element offers."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from urllib.parse import quote

from digest.articles.cleaning.policy import elements
from digest.articles.cleaning.uris import MAX_LENGTH, absolute

#: Stands for the percent-encoded address of the image in the template of a proxy.
PLACEHOLDER = "{url}"
#: Attributes of an element.
Attributes = Mapping[str, str | None]

#: Where pages that load images late keep the address, the best source first.
LAZY_SOURCES = (
    "data-original-src",
    "data-original",
    "data-src",
    "data-lazy-src",
    "data-actualsrc",
    "data-echo",
)
#: Attributes with several addresses, the best source first.
_SETS = ("data-srcset", "data-lazy-srcset", "srcset")
#: Pixels; wider images are for posters, not for readers and mails.
MAX_WIDTH = 2_048
#: Candidates that are read of one set.
MAX_CANDIDATES = 32
#: Kinds that mail programs and feed readers show, too.
_PLAIN_TYPES = elements("image/gif image/jpeg image/jpg image/png image/webp")
#: HTML section 4.8.4.2.1: an address, perhaps with a comma at its end, or with a descriptor.
_CANDIDATE = re.compile(
    r"(?P<alone>[^\s,](?:[^\s]*[^\s,])?),+(?=\s|\Z)"
    r"|(?P<address>[^\s,][^\s]*+)\s*+(?P<descriptor>[^,]*+)"
)
_WIDTH = re.compile(r"([0-9]{1,6})w\b")
_DENSITY = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,6})?)x\b")


def candidates(image: Attributes, sources: Iterable[Attributes] = ()) -> Iterator[str]:
    """Yield the addresses of an image, the best first; some may be invalid.

    ``sources`` are those of its ``<picture>``. The widest up to ``MAX_WIDTH`` is the best; without
    widths, it is the one for a pixel density of 1.
    """
    offers = [image]
    for source in sources:
        kind = (source.get("type") or "image/png").strip().lower()
        if kind in _PLAIN_TYPES and not source.get("media"):  # others are for some screens only
            offers.append(source)
    found = [pair for offer in offers for name in _SETS for pair in _parse(offer.get(name) or "")]
    wide = [(width, address) for address, width, _ in found if width]
    yield from (address for width, address in _ranked(wide, MAX_WIDTH))
    for name in (*LAZY_SOURCES, "src"):
        yield image.get(name) or ""
    dense = [(density, address) for address, width, density in found if not width]
    yield from (address for density, address in _ranked(dense, 1))


def proxied(address: str, template: str) -> str | None:
    """Return the proxy's address of the image at an absolute ``address``.

    An address of the proxy itself is returned unchanged. Return None if the result exceeds
    ``uris.MAX_LENGTH``.
    """
    before, _, after = template.partition(PLACEHOLDER)
    if address.startswith(before):
        return address
    made = before + quote(address, safe="") + after
    return made if len(made) <= MAX_LENGTH else None


def check_proxy(template: str) -> None:
    """Raise ValueError unless ``template`` is an http(s) address with one ``{url}`` in it."""
    before, place, after = template.partition(PLACEHOLDER)
    whole = before + "x" + after
    host_ends = re.match(r"https?://[^/?#]+[/?#]", before)
    if not place or PLACEHOLDER in after or not host_ends or absolute(whole) != whole:
        raise ValueError(f"not an http(s) address with one {PLACEHOLDER} in it: {template!r}")


def _ranked(sized: Iterable[tuple[float, str]], limit: float) -> Iterator[tuple[float, str]]:
    """Yield the largest up to ``limit`` first, then those above it, the smallest first."""
    yield from sorted(sized, key=lambda pair: (pair[0] > limit, abs(limit - pair[0])))


def _parse(srcset: str) -> Iterator[tuple[str, int, float]]:
    """Yield the candidates of a set: address, width in pixels or 0, pixel density."""
    for match in islice(_CANDIDATE.finditer(srcset), MAX_CANDIDATES):
        descriptor = match["descriptor"] or ""
        width, density = _WIDTH.search(descriptor), _DENSITY.search(descriptor)
        yield (
            match["alone"] or match["address"],
            int(width[1]) if width else 0,
            float(density[1]) if density else 1.0,
        )
