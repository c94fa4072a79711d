"""Sitemaps of the site's pages (https://www.sitemaps.org/protocol.html), and robots.txt."""

# pure
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from digest.site import Site
from digest.times import rfc3339
from digest.urls import ARCHIVES, SEARCH

SITEMAP, ROBOTS = "sitemap.xml", "robots.txt"
#: Limits of a sitemap and of an index: number of addresses, and bytes.
MAX_ADDRESSES, MAX_BYTES = 50_000, 52_428_800
#: The longest address allowed, in characters.
_MAX_ADDRESS = 2_047
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_SET, _SET_END = f"{_HEAD}<urlset {_NAMESPACE}>\n".encode(), b"</urlset>\n"
_INDEX, _INDEX_END = f"{_HEAD}<sitemapindex {_NAMESPACE}>\n", "</sitemapindex>\n"


@dataclass(frozen=True, slots=True)
class CanonicalPage:
    """A page for search engines, canonical among those with the same content."""

    path: str  #: relative to the site
    changed_at: datetime | None  #: aware UTC; None where that is not known


def sitemaps(site: Site, pages: Iterable[CanonicalPage]) -> Mapping[str, bytes]:
    """Return the documents by path: a single sitemap, or an index and its parts."""
    parts = _parts(site, pages)
    if len(parts) == 1:
        return {SITEMAP: _set(parts[0])}
    named = {part_path(number): part for number, part in enumerate(parts, 1)}
    index = sitemap_index(site, len(parts))
    return {**{path: _set(part) for path, part in named.items()}, SITEMAP: index}


def sitemap_part(site: Site, pages: Iterable[CanonicalPage]) -> bytes:
    """Return one document of a sitemap, cut to the limit of entries."""
    return _set(_parts(site, pages)[0])


def part_path(number: int) -> str:
    """Return the path of a part of a sitemap, relative to the site; parts count from 1."""
    return f"sitemap-{number}.xml"


def sitemap_index(site: Site, parts: int) -> bytes:
    """Return the index of a sitemap with a number of parts."""
    paths = (part_path(number) for number in range(1, parts + 1))
    lines = "".join(f"<sitemap><loc>{escape(site.link(path))}</loc></sitemap>\n" for path in paths)
    return f"{_INDEX}{lines}{_INDEX_END}".encode()


def robots(site: Site, *, archives: bool, search: bool = False) -> bytes:
    """Return robots.txt (RFC 9309), which names the sitemap and disallows archives and search."""
    base = urlsplit(site.url).path
    closed = [f"/feeds/{ARCHIVES}/", f"/feeds/*/{ARCHIVES}/"] if archives else []
    closed += [f"/{SEARCH}/"] if search else []
    lines = ["User-agent: *", *(f"Disallow: {base}{path}" for path in closed)]
    if not closed:
        lines.append("Disallow:")
    lines += ["", f"Sitemap: {site.link(SITEMAP)}", ""]
    return "\n".join(lines).encode()


def _parts(site: Site, pages: Iterable[CanonicalPage]) -> list[list[bytes]]:
    room = MAX_BYTES - len(_SET) - len(_SET_END)
    parts: list[list[bytes]] = [[]]
    size = 0
    for page in pages:
        address = site.link(page.path)
        if len(address) > _MAX_ADDRESS:
            continue
        changed = f"<lastmod>{rfc3339(page.changed_at)}</lastmod>" if page.changed_at else ""
        line = f"<url><loc>{escape(address)}</loc>{changed}</url>\n".encode()
        if len(parts[-1]) == MAX_ADDRESSES or size + len(line) > room:
            parts.append([])
            size = 0
        parts[-1].append(line)
        size += len(line)
    return parts


def _set(lines: Sequence[bytes]) -> bytes:
    return b"".join((_SET, *lines, _SET_END))
