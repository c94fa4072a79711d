"""OPML 2.0, as a list of subscriptions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.feed_validation.elements import FEED, text_of, texts
from tests.feed_validation.finding import Document, Rulebook, Severity, Spot
from tests.feed_validation.syntax import rfc822_moment

OPML = Rulebook()

_SOURCE = "OPML 2.0 specification"


def read(root: Any, address: str | None, now: datetime) -> Document:
    """Return the parts of an OPML document."""
    addresses = [
        Spot(FEED, f"outline@{key}", outline.get(key))
        for outline in root.iter("outline")
        for key in ("xmlUrl", "htmlUrl")
        if key in outline.attrib
    ]
    dates = [
        Spot(FEED, tag, text_of(root, f"head/{tag}"))
        for tag in ("dateCreated", "dateModified")
        if root.find(f"head/{tag}") is not None
    ]
    return Document(
        root=root,
        address=address,
        now=now,
        moment=rfc822_moment,
        addresses=tuple(addresses),
        dates=tuple(dates),
        texts=tuple(texts(FEED, root)),
    )


@OPML.rule(
    "opml-structure",
    Severity.ERROR,
    expected="version 2.0, one head, and one body with an outline",
    source=_SOURCE,
)
def _structure(document: Document) -> Iterator[Spot]:
    if document.root.get("version") != "2.0":
        yield Spot(FEED, "opml@version", document.root.get("version", ""))
    for tag in ("head", "body"):
        if len(document.root.findall(tag)) != 1:
            yield Spot(FEED, tag)
    if document.root.find("body/outline") is None:
        yield Spot(FEED, "body/outline")


@OPML.rule("opml-title", Severity.WARNING, expected="a title", source=f"{_SOURCE}: head")
def _title(document: Document) -> Iterator[Spot]:
    if not text_of(document.root, "head/title").strip():
        yield Spot(FEED, "head/title")


@OPML.rule("opml-text", Severity.ERROR, expected="a text", source=f"{_SOURCE}: outline")
def _text(document: Document) -> Iterator[Spot]:
    for outline in document.root.iter("outline"):
        if not outline.get("text"):
            yield Spot(FEED, "outline@text", outline.get("xmlUrl", ""))


@OPML.rule(
    "opml-feed",
    Severity.ERROR,
    expected='type="rss" and xmlUrl, both or neither',
    source=f"{_SOURCE}: subscription lists",
)
def _feed(document: Document) -> Iterator[Spot]:
    for outline in document.root.iter("outline"):
        if (outline.get("type") == "rss") != ("xmlUrl" in outline.attrib):
            yield Spot(FEED, "outline", outline.get("text", ""))


@OPML.rule(
    "opml-nested",
    Severity.WARNING,
    expected="nothing below a feed",
    source="readers that do not look below an outline with an xmlUrl",
)
def _nested(document: Document) -> Iterator[Spot]:
    for outline in document.root.iter("outline"):
        if "xmlUrl" in outline.attrib and len(outline):
            yield Spot(FEED, "outline", outline.get("text", ""))


@OPML.rule(
    "opml-repeated",
    Severity.WARNING,
    expected="each feed once",
    source="readers that would subscribe twice",
)
def _repeated(document: Document) -> Iterator[Spot]:
    seen = set()
    for outline in document.root.iter("outline"):
        address = outline.get("xmlUrl")
        if address is not None and address in seen:
            yield Spot(FEED, "outline@xmlUrl", address)
        seen.add(address)
