"""Discovery: the feeds that a page names, and lists of feeds in OPML."""

# pure
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from selectolax.lexbor import LexborHTMLParser

from digest.articles.characters import one_line, publishable
from digest.articles.cleaning.uris import absolute
from digest.errors import DigestError
from digest.sources.model import Source

_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/rdf+xml",
        "application/json",
    }
)
_MAX_LINKS, _MAX_OUTLINES, _MAX_DEPTH = 20, 10_000, 20


class NoOutlines(DigestError):
    """A file is not OPML; the text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A feed in a list of feeds."""

    url: str
    title: str
    folders: tuple[str, ...] = ()  #: the names of the folders that it is in, the outermost first


def linked_feeds(page: bytes, url: str) -> list[str]:
    """Return the addresses of the feeds that an HTML page names (RSS autodiscovery), in order."""
    parser = LexborHTMLParser(page)
    base = parser.css_first("base[href]")
    start = absolute((base.attributes.get("href") if base else "") or "", url) or url
    addresses: dict[str, None] = {}
    for node in parser.css("link[rel][type][href]"):
        attributes = node.attributes
        relations = (attributes.get("rel") or "").lower().split()
        kind = (attributes.get("type") or "").lower().partition(";")[0].strip()
        address = absolute(attributes.get("href") or "", start)
        if address and {"alternate", "feed"} & set(relations) and kind in _TYPES:
            addresses[address] = None
    return list(addresses)[:_MAX_LINKS]


def read_opml(content: bytes) -> list[Outline]:
    """Return the feeds of an OPML file, each address once.

    Raises NoOutlines for a file of another format, or one that declares entities.
    """
    if b"<!ENTITY" in content.replace(b"\0", b""):  # in UTF-16, too
        raise NoOutlines("it declares entities, which no list of feeds needs")
    try:
        root = ET.fromstring(content)  # noqa: S314 - without entities nothing can grow
    except (ET.ParseError, LookupError, ValueError) as error:  # the latter of its encoding
        raise NoOutlines(f"it is no XML: {error}") from error
    if root.tag.lower() != "opml":
        raise NoOutlines(f"it is <{root.tag[:80]}>, expected <opml>")
    outlines: dict[str, Outline] = {}
    for outline in _outlines(root.find("body"), ()):
        outlines.setdefault(outline.url, outline)
        if len(outlines) >= _MAX_OUTLINES:
            break
    return list(outlines.values())


def _outlines(
    element: ET.Element | None, folders: tuple[str, ...], depth: int = 0
) -> Iterator[Outline]:
    if element is None or depth > _MAX_DEPTH:
        return
    for child in element.findall("outline"):
        attributes = {name.lower(): value for name, value in child.attrib.items()}
        title = one_line(attributes.get("title") or attributes.get("text") or "")
        url = absolute(attributes.get("xmlurl", ""))
        if url:
            yield Outline(url=url, title=title, folders=folders)
        inner = (*folders, title) if title and not url else folders
        yield from _outlines(child, inner, depth + 1)


def write_opml(sources: Sequence[Source]) -> bytes:
    """Return sources as OPML 2.0 in UTF-8, in folders for their categories."""
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = "Sources"
    body = ET.SubElement(root, "body")
    folders: dict[tuple[str, ...], ET.Element] = {(): body}
    for source in sources:
        place = body
        for depth in range(1, len(source.category) + 1):
            path = source.category[:depth]
            if path not in folders:
                text = publishable(path[-1])
                folders[path] = ET.SubElement(place, "outline", text=text, title=text)
            place = folders[path]
        name = publishable(source.name)
        ET.SubElement(place, "outline", type="rss", text=name, title=name, xmlUrl=source.url)
    document: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document + b"\n"
