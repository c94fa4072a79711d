"""RSS 2.0 with the Best Practices Profile of the RSS Advisory Board."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.feed_validation.elements import (
    CONTENT,
    DC,
    FEED,
    SY,
    A,
    children,
    entry_name,
    inner,
    links,
    media_addresses,
    name,
    text_of,
    texts,
)
from tests.feed_validation.finding import Document, Entry, Rulebook, Severity, Spot
from tests.feed_validation.syntax import (
    language,
    mail_and_name,
    mistakable,
    rfc822_moment,
    whole,
    words,
)

RSS = Rulebook()

_SPECIFICATION = "RSS 2.0 specification"
_PROFILE = "RSS Best Practices Profile"
_CHANNEL = words(
    "category cloud copyright description docs generator image item language lastBuildDate link "
    "managingEditor pubDate rating skipDays skipHours textInput title ttl webMaster"
)
_ITEM = words("author category comments description enclosure guid link pubDate source title")
_MANY = frozenset(("category", "item"))
_SYNDICATION = frozenset(
    f"{SY}{local}" for local in words("updatePeriod updateFrequency updateBase")
)
_PERIODS = words("hourly daily weekly monthly yearly")
#: Minutes in a year: nobody means more by a ttl, nor looks more often in any period.
_MOST = 525_600
#: Pixels, in the specification's words "maximum value".
_MAX_WIDTH, _MAX_HEIGHT = 144, 400


def read(root: Any, address: str | None, now: datetime) -> Document:
    """Return the parts of an RSS document."""
    channel = root if root.find("channel") is None else root.find("channel")
    items = channel.findall("item")
    entries = []
    addresses = [Spot(FEED, tag, text) for tag, text in _texts(channel, "link", "docs")]
    addresses += [Spot(FEED, f"image/{tag}", text) for tag, text in _image(channel)]
    dates = [Spot(FEED, tag, text) for tag, text in _texts(channel, "pubDate", "lastBuildDate")]
    found = list(links(FEED, channel))
    markup: list[Spot] = [Spot(FEED, "description", text_of(channel, "description"))]
    every = list(texts(FEED, root, without="item"))
    for number, item in enumerate(items, 1):
        guid = text_of(item, "guid")
        where = entry_name(number, guid)
        entries.append(Entry(where=where, id=guid, date=text_of(item, "pubDate"), root=item))
        addresses += [Spot(where, tag, text) for tag, text in _texts(item, "link", "comments")]
        addresses += [
            Spot(where, "enclosure@url", one.get("url", "")) for one in item.findall("enclosure")
        ]
        addresses += media_addresses(where, item)
        dates += [Spot(where, tag, text) for tag, text in _texts(item, "pubDate")]
        found += links(where, item)
        markup += [
            Spot(where, tag.removeprefix(CONTENT), text)
            for tag, text in _texts(item, "description", f"{CONTENT}encoded")
        ]
        every += texts(where, item)
    addresses += [Spot(link.where, f"link rel={link.rel}", link.href) for link in found]
    return Document(
        root=channel,
        address=address,
        now=now,
        moment=rfc822_moment,
        entries=tuple(entries),
        links=tuple(found),
        addresses=tuple(addresses),
        dates=tuple(dates),
        markup=tuple(markup),
        texts=tuple(every),
    )


def _texts(element: Any, *tags: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of the children with these names."""
    for child in children(element):
        if child.tag in tags:
            yield child.tag, inner(child)


def _image(channel: Any) -> Iterator[tuple[str, str]]:
    for image in channel.findall("image"):
        yield from _texts(image, "url", "link")


@RSS.rule("rss-version", Severity.ERROR, expected='<rss version="2.0">', source=_SPECIFICATION)
def _version(document: Document) -> Iterator[Spot]:
    root = document.root.getroottree().getroot()
    if root.get("version") != "2.0":
        yield Spot(FEED, "rss@version", root.get("version", ""))


@RSS.rule("rss-channel", Severity.ERROR, expected="one channel", source=_SPECIFICATION)
def _channel(document: Document) -> Iterator[Spot]:
    if len(document.root.getroottree().getroot().findall("channel")) != 1:
        yield Spot(FEED, "channel")


@RSS.rule(
    "rss-required",
    Severity.ERROR,
    expected="a channel with title, link and description",
    source=f"{_SPECIFICATION}: required channel elements",
)
def _required(document: Document) -> Iterator[Spot]:
    for tag in ("title", "link", "description"):
        if not text_of(document.root, tag).strip():
            yield Spot(FEED, tag)


@RSS.rule(
    "rss-repeated",
    Severity.ERROR,
    expected="this element once",
    source=f"{_PROFILE}: only category may be repeated, and item",
)
def _repeated(document: Document) -> Iterator[Spot]:
    for where, element in (
        (FEED, document.root),
        *((one.where, one.root) for one in document.entries),
    ):
        counted = Counter(child.tag for child in children(element) if child.tag in _CHANNEL | _ITEM)
        for tag, times in counted.items():
            if times > 1 and tag not in _MANY and tag != "enclosure":
                yield Spot(where, tag)


@RSS.rule(
    "rss-unknown",
    Severity.ERROR,
    expected="elements of RSS 2.0, or in a namespace",
    source=f"{_SPECIFICATION}: extending RSS",
)
def _unknown(document: Document) -> Iterator[Spot]:
    for child in children(document.root):
        if not child.tag.startswith("{") and child.tag not in _CHANNEL:
            yield Spot(FEED, child.tag)
        if child.tag.startswith(SY) and child.tag not in _SYNDICATION:
            yield Spot(FEED, name(child))
    for entry in document.entries:
        for child in children(entry.root):
            if not child.tag.startswith("{") and child.tag not in _ITEM:
                yield Spot(entry.where, child.tag)


@RSS.rule(
    "rss-items-last",
    Severity.WARNING,
    expected="what describes the channel before its items",
    source="readers that stop at the first items",
)
def _items_last(document: Document) -> Iterator[Spot]:
    tags = [child.tag for child in children(document.root)]
    if "item" in tags:
        behind = tags[tags.index("item") :]
        yield from (Spot(FEED, tag) for tag in behind if tag != "item")


@RSS.rule(
    "rss-language",
    Severity.ERROR,
    expected="a language tag",
    source=f"{_SPECIFICATION}: language; RFC 5646",
)
def _language(document: Document) -> Iterator[Spot]:
    for where, tag, element in (
        (FEED, "language", document.root),
        *((entry.where, f"{DC}language", entry.root) for entry in document.entries),
    ):
        for _, text in _texts(element, tag):
            if not language(text):
                yield Spot(where, tag, text)


@RSS.rule(
    "rss-image",
    Severity.ERROR,
    expected="an image with url, and the channel's title and link",
    source=f"{_SPECIFICATION}: image; {_PROFILE}: image",
)
def _same(document: Document) -> Iterator[Spot]:
    for image in document.root.findall("image"):
        for tag in ("title", "link"):
            if text_of(image, tag) != text_of(document.root, tag):
                yield Spot(FEED, f"image/{tag}", text_of(image, tag))
        if not text_of(image, "url"):
            yield Spot(FEED, "image/url")
        for tag, most in (("width", _MAX_WIDTH), ("height", _MAX_HEIGHT)):
            for _, text in _texts(image, tag):
                if not whole(text, most):
                    yield Spot(FEED, f"image/{tag}", text)


@RSS.rule(
    "rss-update",
    Severity.ERROR,
    expected="minutes in ttl, and a period and a frequency as the module names them",
    source=f"{_SPECIFICATION}: ttl; RSS 1.0 module Syndication",
)
def _update(document: Document) -> Iterator[Spot]:
    for tag, text in _texts(document.root, "ttl", f"{SY}updateFrequency"):
        if not whole(text, _MOST):
            yield Spot(FEED, tag, text)
    for tag, text in _texts(document.root, f"{SY}updatePeriod"):
        if text not in _PERIODS:
            yield Spot(FEED, tag, text)


@RSS.rule(
    "rss-author",
    Severity.ERROR,
    expected="a mail address; names go into dc:creator",
    source=f"{_SPECIFICATION}: author, managingEditor, webMaster; {_PROFILE}: author",
)
def _author(document: Document) -> Iterator[Spot]:
    people = [Spot(FEED, *found) for found in _texts(document.root, "managingEditor", "webMaster")]
    for entry in document.entries:
        people += [Spot(entry.where, *found) for found in _texts(entry.root, "author")]
    return (spot for spot in people if not mail_and_name(spot.text))


@RSS.rule(
    "rss-markup",
    Severity.WARNING,
    expected="plain text that cannot be taken for HTML",
    source=f"{_PROFILE}: character data; W3C Feed Validator: ContainsHTML",
)
def _markup(document: Document) -> Iterator[Spot]:
    found = [Spot(FEED, *text) for text in _texts(document.root, "title", "category")]
    for entry in document.entries:
        found += [Spot(entry.where, *text) for text in _texts(entry.root, "title", "category")]
    return (spot for spot in found if mistakable(spot.text))


@RSS.rule(
    "rss-link-type",
    Severity.WARNING,
    expected='type="application/rss+xml" at the link to itself',
    source=f"{_PROFILE}: atom:link",
)
def _link_type(document: Document) -> Iterator[Spot]:
    for link in document.root.findall(f"{A}link[@rel='self']"):
        if link.get("type") != "application/rss+xml":
            yield Spot(FEED, "atom:link@type", link.get("type", ""))
