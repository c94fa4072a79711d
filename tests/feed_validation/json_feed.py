"""JSON Feed 1.1."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.feed_validation.elements import FEED, entry_name
from tests.feed_validation.finding import Document, Entry, Rulebook, Severity, Spot
from tests.feed_validation.syntax import language, media_type, rfc3339_moment, words

JSON = Rulebook()

VERSION = "https://jsonfeed.org/version/1.1"
_SOURCE = "JSON Feed 1.1"
_FEED = words(
    "version title home_page_url feed_url description user_comment next_url icon favicon authors "
    "language expired hubs items"
)
_ITEM = words(
    "id url external_url title content_html content_text summary image banner_image "
    "date_published date_modified authors tags language attachments"
)
_AUTHOR = frozenset(("name", "url", "avatar"))
_FEED_ADDRESSES = ("home_page_url", "feed_url", "next_url", "icon", "favicon")
_ITEM_ADDRESSES = ("url", "external_url", "image", "banner_image")
_STRINGS = words(
    "title home_page_url feed_url description user_comment next_url icon favicon language url "
    "external_url content_html content_text summary image banner_image date_published "
    "date_modified"
)


def read(root: dict[str, Any], address: str | None, now: datetime) -> Document:
    """Return the parts of a JSON feed."""
    entries, markup, dates = [], [], []
    addresses = list(_addresses(FEED, root, _FEED_ADDRESSES))
    head = {key: value for key, value in root.items() if key != "items"}
    every = list(_texts(FEED, "", head))
    for number, item in enumerate(_objects(root, "items"), 1):
        identity = item.get("id")
        identity = identity if isinstance(identity, str) else ""
        where = entry_name(number, identity)
        date = str(item.get("date_published") or item.get("date_modified") or "")
        entries.append(Entry(where=where, id=identity, date=date, root=item))
        addresses += _addresses(where, item, _ITEM_ADDRESSES)
        dates += [
            Spot(where, key, str(item[key]))
            for key in ("date_published", "date_modified")
            if key in item
        ]
        if isinstance(item.get("content_html"), str):
            markup.append(Spot(where, "content_html", item["content_html"]))
        every += _texts(where, "", item)
    return Document(
        root=root,
        address=address,
        now=now,
        moment=rfc3339_moment,
        entries=tuple(entries),
        addresses=tuple(addresses),
        dates=tuple(dates),
        markup=tuple(markup),
        texts=tuple(every),
    )


def _objects(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = value.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _addresses(where: str, value: dict[str, Any], keys: tuple[str, ...]) -> Iterator[Spot]:
    for key in keys:
        if key in value:
            yield Spot(where, key, str(value[key]))
    for author in _objects(value, "authors"):
        for key in ("url", "avatar"):
            if key in author:
                yield Spot(where, f"authors/{key}", str(author[key]))
    for group in ("attachments", "hubs"):
        for one in _objects(value, group):
            yield Spot(where, f"{group}/url", str(one.get("url", "")))


def _texts(where: str, key: str, value: Any) -> Iterator[Spot]:
    waiting = [(key, value)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            yield Spot(where, key, value)
        elif isinstance(value, list):
            waiting += [(key, one) for one in value]
        elif isinstance(value, dict):
            waiting += value.items()


def _levels(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    yield FEED, document.root
    for entry in document.entries:
        yield entry.where, entry.root


@JSON.rule("json-version", Severity.ERROR, expected=VERSION, source=f"{_SOURCE}: version")
def _version(document: Document) -> Iterator[Spot]:
    if document.root.get("version") != VERSION:
        yield Spot(FEED, "version", str(document.root.get("version", "")))


@JSON.rule("json-title", Severity.ERROR, expected="a title", source=f"{_SOURCE}: title (required)")
def _title(document: Document) -> Iterator[Spot]:
    if not document.root.get("title"):
        yield Spot(FEED, "title")


@JSON.rule(
    "json-items",
    Severity.ERROR,
    expected="a list of objects",
    source=f"{_SOURCE}: items (required)",
)
def _items(document: Document) -> Iterator[Spot]:
    found = document.root.get("items")
    if not isinstance(found, list) or len(found) != len(document.entries):
        yield Spot(FEED, "items")


@JSON.rule(
    "json-self",
    Severity.ERROR,
    expected="the address that the feed is fetched from",
    source=f"{_SOURCE}: feed_url (strongly recommended)",
)
def _self(document: Document) -> Iterator[Spot]:
    found = document.root.get("feed_url")
    if found is None or document.address not in (None, found):
        yield Spot(FEED, "feed_url", str(found or ""))


@JSON.rule(
    "json-page",
    Severity.WARNING,
    expected="home_page_url",
    source=f"{_SOURCE}: home_page_url (strongly recommended)",
)
def _page(document: Document) -> Iterator[Spot]:
    if "home_page_url" not in document.root:
        yield Spot(FEED, "home_page_url")


@JSON.rule(
    "json-next",
    Severity.ERROR,
    expected="another address than the feed's own",
    source=f"{_SOURCE}: next_url",
)
def _next(document: Document) -> Iterator[Spot]:
    found = document.root.get("next_url")
    if found is not None and found in (document.root.get("feed_url"), document.address):
        yield Spot(FEED, "next_url", str(found))


@JSON.rule(
    "json-content",
    Severity.ERROR,
    expected="content_html or content_text",
    source=f"{_SOURCE}: items",
)
def _content(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        if "content_html" not in entry.root and "content_text" not in entry.root:
            yield Spot(entry.where, "content_html")


@JSON.rule(
    "json-type",
    Severity.ERROR,
    expected="a value of the type that the specification names",
    source=_SOURCE,
)
def _type(document: Document) -> Iterator[Spot]:
    for where, value in _levels(document):
        for key, one in value.items():
            if key in _STRINGS and not isinstance(one, str):
                yield Spot(where, key, str(one))
        tags = value.get("tags", [])
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            yield Spot(where, "tags", str(tags))
        for key in ("authors", "attachments", "hubs"):
            found = value.get(key, [])
            if not isinstance(found, list) or len(found) != len(_objects(value, key)):
                yield Spot(where, key, str(found))
    expired = document.root.get("expired", False)
    if not isinstance(expired, bool):
        yield Spot(FEED, "expired", str(expired))


@JSON.rule(
    "json-author",
    Severity.ERROR,
    expected="an author with name, url or avatar, and nothing else",
    source=f"{_SOURCE}: authors",
)
def _author(document: Document) -> Iterator[Spot]:
    for where, value in _levels(document):
        for author in _objects(value, "authors"):
            if not any(author.values()) or not _AUTHOR.issuperset(author):
                yield Spot(where, "authors", str(author))


@JSON.rule(
    "json-attachment",
    Severity.ERROR,
    expected="an attachment with url and mime_type",
    source=f"{_SOURCE}: attachments",
)
def _attachment(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        for one in _objects(entry.root, "attachments"):
            if not one.get("url") or not media_type(str(one.get("mime_type", ""))):
                yield Spot(entry.where, "attachments", str(one))


@JSON.rule(
    "json-hub",
    Severity.ERROR,
    expected="a hub with type and url",
    source=f"{_SOURCE}: hubs",
)
def _hub(document: Document) -> Iterator[Spot]:
    for one in _objects(document.root, "hubs"):
        if not one.get("type") or not one.get("url"):
            yield Spot(FEED, "hubs", str(one))


@JSON.rule(
    "json-language",
    Severity.ERROR,
    expected="a language tag",
    source=f"{_SOURCE}: language; RFC 5646",
)
def _language(document: Document) -> Iterator[Spot]:
    for where, value in _levels(document):
        found = value.get("language")
        if isinstance(found, str) and not language(found):
            yield Spot(where, "language", found)


@JSON.rule(
    "json-unknown",
    Severity.WARNING,
    expected="keys of the specification, or ones that begin with _",
    source=f"{_SOURCE}: extensions",
)
def _unknown(document: Document) -> Iterator[Spot]:
    for where, value in _levels(document):
        known = _FEED if where == FEED else _ITEM
        for key in value:
            if key not in known and not key.startswith("_"):
                yield Spot(where, key)


@JSON.rule(
    "json-undated",
    Severity.WARNING,
    expected="date_published",
    source="readers that sort by it",
)
def _undated(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        if "date_published" not in entry.root:
            yield Spot(entry.where, "date_published")
