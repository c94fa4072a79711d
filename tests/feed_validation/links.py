"""Links: how a feed in XML names itself, its archives and its hub."""

from __future__ import annotations

from collections.abc import Iterator

from tests.feed_validation.elements import AT, FEED, FH, A
from tests.feed_validation.finding import Document, Link, Rulebook, Severity, Spot
from tests.feed_validation.syntax import rfc3339_moment

LINKS = Rulebook()

_ARCHIVES = ("prev-archive", "next-archive", "current")
_FEED_LEVEL = (*_ARCHIVES, "self", "hub", "first", "last", "previous", "next")


def _of(document: Document, rel: str) -> list[Link]:
    return [link for link in document.links if link.where == FEED and link.rel == rel]


def _spot(link: Link) -> Spot:
    return Spot(link.where, f"link rel={link.rel}", link.href)


@LINKS.rule(
    "self-missing",
    Severity.WARNING,
    expected="a link with rel=self",
    source="RFC 4287 section 4.1.1; RSS Best Practices Profile: atom:link; WebSub section 4",
)
def _missing(document: Document) -> Iterator[Spot]:
    if not _of(document, "self"):
        yield Spot(FEED, "link rel=self")


@LINKS.rule(
    "self-address",
    Severity.ERROR,
    expected="the address that the feed is fetched from",
    source="RFC 4287 section 4.2.7.2; WebSub section 4; W3C Feed Validator",
)
def _self(document: Document) -> Iterator[Spot]:
    if document.address is not None:
        for link in _of(document, "self"):
            if link.href != document.address:
                yield _spot(link)


@LINKS.rule(
    "link-repeated",
    Severity.ERROR,
    expected="one link of this relation",
    source="WebSub section 4 (one self); RFC 5005 section 4 (one of each)",
)
def _repeated(document: Document) -> Iterator[Spot]:
    for rel in ("self", *_ARCHIVES):
        for link in _of(document, rel)[1:]:
            yield _spot(link)


@LINKS.rule(
    "link-level",
    Severity.ERROR,
    expected="this relation at the feed only",
    source="RFC 5005 sections 3 and 4; WebSub section 4",
)
def _level(document: Document) -> Iterator[Spot]:
    for link in document.links:
        if link.where != FEED and link.rel in _FEED_LEVEL and link.rel != "self":
            yield _spot(link)


@LINKS.rule(
    "archive-complete",
    Severity.ERROR,
    expected="no fh:archive, and no links to archives, in a feed that is complete",
    source="RFC 5005 section 2",
)
def _complete(document: Document) -> Iterator[Spot]:
    if document.root.find(f".//{FH}complete") is None:
        return
    if document.root.find(f".//{FH}archive") is not None:
        yield Spot(FEED, "fh:complete")
    for rel in _ARCHIVES:
        for link in _of(document, rel):
            yield _spot(link)


@LINKS.rule(
    "archive-current",
    Severity.WARNING,
    expected="a link with rel=current in an archive, to the feed that people subscribe to",
    source="RFC 5005 section 4",
)
def _current(document: Document) -> Iterator[Spot]:
    if document.root.find(f".//{FH}archive") is None:
        return
    own = {link.href for link in _of(document, "self")}
    current = _of(document, "current")
    if not current:
        yield Spot(FEED, "link rel=current")
    for link in current:
        if link.href in own:
            yield _spot(link)


@LINKS.rule(
    "archive-mark",
    Severity.ERROR,
    expected="fh:archive where there is a link to a later archive",
    source="RFC 5005 section 4",
)
def _mark(document: Document) -> Iterator[Spot]:
    if document.root.find(f".//{FH}archive") is None:
        for link in _of(document, "next-archive"):
            yield _spot(link)


@LINKS.rule(
    "archive-loop",
    Severity.ERROR,
    expected="links to other archives than this one",
    source="RFC 5005 section 4",
)
def _loop(document: Document) -> Iterator[Spot]:
    own = {link.href for link in _of(document, "self")}
    for rel in ("prev-archive", "next-archive"):
        for link in _of(document, rel):
            if link.href in own:
                yield _spot(link)


@LINKS.rule(
    "archive-level",
    Severity.ERROR,
    expected="fh:archive and fh:complete right below the feed",
    source="RFC 5005 sections 2 and 4: head sections only",
)
def _head(document: Document) -> Iterator[Spot]:
    for element in document.root.iter(f"{FH}archive", f"{FH}complete"):
        if element.getparent().tag not in (f"{A}feed", "channel"):
            yield Spot(FEED, "fh:archive")


@LINKS.rule(
    "deleted-entry",
    Severity.ERROR,
    expected="at:deleted-entry right below the feed, with ref and when",
    source="RFC 6721 section 3",
)
def _deleted(document: Document) -> Iterator[Spot]:
    for element in document.root.iter(f"{AT}deleted-entry"):
        when = element.get("when", "")
        if element.getparent().tag != f"{A}feed" or not element.get("ref"):
            yield Spot(FEED, "at:deleted-entry", element.get("ref", ""))
        elif rfc3339_moment(when) is None:
            yield Spot(FEED, "at:deleted-entry@when", when)


@LINKS.rule(
    "deleted-present",
    Severity.ERROR,
    expected="no entry with the id of one that was deleted later",
    source="RFC 6721 section 3",
)
def _present(document: Document) -> Iterator[Spot]:
    gone = {
        element.get("ref"): rfc3339_moment(element.get("when", ""))
        for element in document.root.iter(f"{AT}deleted-entry")
    }
    for entry in document.entries:
        when = gone.get(entry.id)
        updated = rfc3339_moment(entry.root.findtext(f"{A}updated") or "")
        if when is not None and (updated is None or updated <= when):
            yield Spot(entry.where, "id", entry.id)
