"""Items: the entries of RSS 2.0 with the Best Practices Profile."""

from __future__ import annotations

from collections.abc import Iterator

from tests.feed_validation.elements import (
    CONTENT,
    DC,
    MEDIA,
    children,
    inner,
    text_of,
)
from tests.feed_validation.finding import Document, Rulebook, Severity, Spot
from tests.feed_validation.syntax import (
    media_type,
    web_address,
    whole,
)

ITEMS = Rulebook()

_SPECIFICATION = "RSS 2.0 specification"
_PROFILE = "RSS Best Practices Profile"


@ITEMS.rule(
    "rss-item-text",
    Severity.ERROR,
    expected="an item with a title or a description",
    source=f"{_SPECIFICATION}: elements of item",
)
def _item(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        if not any(text_of(entry.root, tag).strip() for tag in ("title", "description")):
            yield Spot(entry.where, "title")


@ITEMS.rule(
    "rss-guid",
    Severity.ERROR,
    expected='isPermaLink="false" at a guid that is no http(s) address',
    source=f"{_SPECIFICATION}: guid",
)
def _guid(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        for guid in entry.root.findall("guid"):
            permanent = guid.get("isPermaLink", "true")
            if permanent not in ("true", "false"):
                yield Spot(entry.where, "guid@isPermaLink", permanent)
            elif permanent == "true" and entry.id and not web_address(entry.id):
                yield Spot(entry.where, "guid", entry.id)


@ITEMS.rule(
    "rss-undated",
    Severity.WARNING,
    expected="a pubDate",
    source="readers that drop items without one",
)
def _undated(document: Document) -> Iterator[Spot]:
    return (Spot(entry.where, "pubDate") for entry in document.entries if not entry.date)


@ITEMS.rule(
    "rss-description-first",
    Severity.WARNING,
    expected="description before content:encoded",
    source=f"{_PROFILE}: content:encoded; readers that take the last one",
)
def _description(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        tags = [child.tag for child in children(entry.root)]
        if f"{CONTENT}encoded" in tags and "description" in tags[tags.index(f"{CONTENT}encoded") :]:
            yield Spot(entry.where, "description")


@ITEMS.rule(
    "rss-creator",
    Severity.WARNING,
    expected="a name in dc:creator",
    source="Dublin Core: creator; W3C Feed Validator",
)
def _creator(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        for creator in entry.root.findall(f"{DC}creator"):
            if not inner(creator).strip():
                yield Spot(entry.where, "dc:creator", inner(creator))


@ITEMS.rule(
    "rss-enclosure",
    Severity.ERROR,
    expected="one enclosure, with url, length (0 if unknown) and type",
    source=f"{_SPECIFICATION}: enclosure; {_PROFILE}: enclosure",
)
def _enclosure(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        for number, one in enumerate(entry.root.findall("enclosure")):
            length, kind = one.get("length", ""), one.get("type", "")
            if number or not whole(length) or not media_type(kind):
                yield Spot(entry.where, "enclosure", f"length={length} type={kind}")


@ITEMS.rule(
    "rss-image-everywhere",
    Severity.WARNING,
    expected="media:content and media:thumbnail beside the enclosure of an image",
    source="readers: each looks at another of the three; Media RSS 1.5.1",
)
def _everywhere(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        for one in entry.root.findall("enclosure"):
            shown = {
                tag: {media.get("url") for media in entry.root.iter(f"{MEDIA}{tag}")}
                for tag in ("content", "thumbnail")
            }
            if one.get("type", "").startswith("image/"):
                for tag, urls in shown.items():
                    if one.get("url") not in urls:
                        yield Spot(entry.where, f"media:{tag}", one.get("url", ""))
