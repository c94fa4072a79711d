"""Elements: how an XML feed is read, without entities, and asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from tests.feed_validation.finding import Link, Spot

ATOM_NS = "http://www.w3.org/2005/Atom"
MEDIA_NS = "http://search.yahoo.com/mrss/"
A = f"{{{ATOM_NS}}}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
DC = "{http://purl.org/dc/elements/1.1/}"
FH = "{http://purl.org/syndication/history/1.0}"
AT = "{http://purl.org/atompub/tombstones/1.0}"
MEDIA = f"{{{MEDIA_NS}}}"
SY = "{http://purl.org/rss/1.0/modules/syndication/}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
FEED = "feed"


def tree(content: bytes) -> Any:
    """Return the root element of an XML document in UTF-8; raises lxml's XMLSyntaxError.

    Nothing outside the document is read, and no entity but XML's own is resolved.
    """
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
    )
    return etree.fromstring(content, parser)


def children(element: Any) -> list[Any]:
    """Return the elements right below one: no comments and instructions."""
    return [child for child in element if isinstance(child.tag, str)]


def text_of(element: Any, tag: str) -> str:
    """Return the text of the first child of that name; empty where there is none."""
    found = element.find(tag)
    return "" if found is None else inner(found)


def inner(element: Any) -> str:
    """Return all text in an element."""
    return "".join(element.itertext())


def name(element: Any) -> str:
    """Return an element's name with the prefix that it was written with."""
    local = etree.QName(element).localname
    return f"{element.prefix}:{local}" if element.prefix else local


def entry_name(number: int, identity: str) -> str:
    """Return how an entry is called: its number, from 1, and its id."""
    return f"entry {number} ({identity})" if identity else f"entry {number}"


def texts(where: str, element: Any, without: str = "") -> Iterator[Spot]:
    """Yield every text and attribute in an element, but of children called ``without``."""
    for one in element.iter():
        if not isinstance(one.tag, str):
            continue
        if without and any(parent.tag == without for parent in (one, *one.iterancestors())):
            continue
        for key, value in one.attrib.items():
            yield Spot(where, f"{name(one)}@{key}", value)
        yield Spot(where, name(one), one.text or "")
        for child in one:
            yield Spot(where, name(one), child.tail or "")


def links(where: str, element: Any) -> Iterator[Link]:
    """Yield the links of Atom right below an element."""
    for link in element.findall(f"{A}link"):
        yield Link(
            where,
            link.get("rel", "alternate"),
            link.get("href", ""),
            link.get("type", ""),
            link.get("hreflang", ""),
        )


def media_addresses(where: str, element: Any) -> Iterator[Spot]:
    """Yield the addresses of Media RSS in an entry."""
    for one in element.iter(f"{MEDIA}content", f"{MEDIA}thumbnail"):
        yield Spot(where, f"{name(one)}@url", one.get("url", ""))
