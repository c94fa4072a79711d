"""Atom 1.0 (RFC 4287): which elements there are, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.feed_validation.elements import (
    ATOM_NS,
    FEED,
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
    rfc3339_moment,
    words,
)

ATOM = Rulebook()

_FEED = words(
    "author category contributor entry generator icon id link logo rights subtitle title updated"
)
_ENTRY = words(
    "author category content contributor id link published rights source summary title updated"
)
_MANY = frozenset(f"{A}{tag}" for tag in words("author category contributor entry link"))
#: Elements that hold a text construct (RFC 4287 section 3.1).
TEXTS = tuple(f"{A}{tag}" for tag in ("rights", "subtitle", "summary", "title"))


def read(root: Any, address: str | None, now: datetime) -> Document:
    """Return the parts of an Atom document."""
    entries = []
    addresses = [
        Spot(FEED, tag, text_of(root, f"{A}{tag}"))
        for tag in ("icon", "logo")
        if root.find(f"{A}{tag}") is not None
    ]
    addresses += _people(FEED, root)
    addresses += [
        Spot(FEED, "generator@uri", one.get("uri", ""))
        for one in root.findall(f"{A}generator[@uri]")
    ]
    dates = [Spot(FEED, "updated", inner(one)) for one in root.findall(f"{A}updated")]
    found = list(links(FEED, root))
    markup: list[Spot] = []
    every = list(texts(FEED, root, without=f"{A}entry"))
    for number, entry in enumerate(root.findall(f"{A}entry"), 1):
        identity = text_of(entry, f"{A}id")
        where = entry_name(number, identity)
        date = text_of(entry, f"{A}published") or text_of(entry, f"{A}updated")
        entries.append(Entry(where=where, id=identity, date=date, root=entry))
        addresses += _people(where, entry)
        addresses += media_addresses(where, entry)
        dates += [
            Spot(where, name(one), inner(one))
            for one in children(entry)
            if one.tag in (f"{A}published", f"{A}updated")
        ]
        found += links(where, entry)
        markup += _markup(where, entry)
        every += texts(where, entry)
    addresses += [Spot(link.where, f"link rel={link.rel}", link.href) for link in found]
    return Document(
        root=root,
        address=address,
        now=now,
        moment=rfc3339_moment,
        entries=tuple(entries),
        links=tuple(found),
        addresses=tuple(addresses),
        dates=tuple(dates),
        markup=tuple(markup),
        texts=tuple(every),
    )


def _people(where: str, element: Any) -> Iterator[Spot]:
    for tag in ("author", "contributor"):
        for one in element.findall(f"{A}{tag}/{A}uri"):
            yield Spot(where, f"{tag}/uri", inner(one))


def _markup(where: str, entry: Any) -> Iterator[Spot]:
    for one in children(entry):
        if one.tag in (*TEXTS, f"{A}content") and one.get("type") == "html":
            yield Spot(where, name(one), inner(one))


def levels(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield the feed and every entry, each with where it is."""
    yield FEED, document.root
    for entry in document.entries:
        yield entry.where, entry.root


@ATOM.rule(
    "atom-required",
    Severity.ERROR,
    expected="id, title and updated",
    source="RFC 4287 sections 4.1.1 and 4.1.2",
)
def _required(document: Document) -> Iterator[Spot]:
    for where, element in levels(document):
        for tag in ("title", "updated") if where != FEED else ("id", "title", "updated"):
            if not text_of(element, f"{A}{tag}").strip():
                yield Spot(where, tag)


@ATOM.rule(
    "atom-repeated",
    Severity.ERROR,
    expected="this element once",
    source="RFC 4287 sections 4.1.1 and 4.1.2",
)
def _repeated(document: Document) -> Iterator[Spot]:
    for where, element in levels(document):
        counted = Counter(child.tag for child in children(element) if child.tag.startswith(A))
        for tag, times in counted.items():
            if times > 1 and tag not in _MANY:
                yield Spot(where, tag.removeprefix(A))


@ATOM.rule(
    "atom-unknown",
    Severity.ERROR,
    expected="elements of Atom, or in another namespace",
    source="RFC 4287 section 6.2",
)
def _unknown(document: Document) -> Iterator[Spot]:
    for where, element in levels(document):
        known = _FEED if where == FEED else _ENTRY
        for child in children(element):
            namespace, _, local = child.tag.removeprefix("{").rpartition("}")
            if namespace in ("", ATOM_NS) and local not in known:
                yield Spot(where, name(child))


@ATOM.rule(
    "atom-entries-last",
    Severity.WARNING,
    expected="what describes the feed before its entries",
    source="RFC 4287 section 4.1.1 allows it; readers stop at the first entries",
)
def _entries_last(document: Document) -> Iterator[Spot]:
    elements = children(document.root)
    tags = [child.tag for child in elements]
    if f"{A}entry" in tags:
        for child in elements[tags.index(f"{A}entry") :]:
            if child.tag != f"{A}entry":
                yield Spot(FEED, name(child))


@ATOM.rule(
    "atom-author",
    Severity.ERROR,
    expected="an author at the feed, or at every entry",
    source="RFC 4287 section 4.1.1",
)
def _author(document: Document) -> Iterator[Spot]:
    if document.root.find(f"{A}author") is not None:
        return
    for entry in document.entries:
        if (
            entry.root.find(f"{A}author") is None
            and entry.root.find(f"{A}source/{A}author") is None
        ):
            yield Spot(entry.where, "author")
    if not document.entries:
        yield Spot(FEED, "author")


@ATOM.rule(
    "atom-content",
    Severity.ERROR,
    expected="content, or a link to the page that has it",
    source="RFC 4287 section 4.1.2",
)
def _content(document: Document) -> Iterator[Spot]:
    alternates = {link.where for link in document.links if link.rel == "alternate"}
    for entry in document.entries:
        if entry.root.find(f"{A}content") is None and entry.where not in alternates:
            yield Spot(entry.where, "content")


@ATOM.rule(
    "atom-updated-equal",
    Severity.WARNING,
    expected="another moment than that of any other entry",
    source="W3C Feed Validator: DuplicateUpdated; RFC 4287 section 4.2.15",
)
def _equal(document: Document) -> Iterator[Spot]:
    seen = set()
    for entry in document.entries:
        text = text_of(entry.root, f"{A}updated")
        if text and text in seen:
            yield Spot(entry.where, "updated", text)
        seen.add(text)


@ATOM.rule(
    "atom-updated-newest",
    Severity.WARNING,
    expected="a feed updated when its newest entry was, or later",
    source="RFC 4287 section 4.2.15; readers that skip feeds which are not newer",
)
def _newest(document: Document) -> Iterator[Spot]:
    feed = document.moment(text_of(document.root, f"{A}updated"))
    moments = [document.moment(text_of(entry.root, f"{A}updated")) for entry in document.entries]
    newest = max((moment for moment in moments if moment is not None), default=None)
    if feed is not None and newest is not None and feed < newest:
        yield Spot(FEED, "updated", text_of(document.root, f"{A}updated"))
