"""Reading: take a published file in, and ask every rule that applies to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from lxml import etree

from digest.site import Site
from tests.feed_validation import atom, constructs, items, json_feed, opml, rss
from tests.feed_validation.common import COMMON, FORBIDDEN
from tests.feed_validation.content import CONTENT
from tests.feed_validation.elements import FEED, A, tree
from tests.feed_validation.finding import Finding, Rule, Severity, Spot
from tests.feed_validation.links import LINKS

#: What readers fetch without complaint; bytes.
MAX_SIZE = 5_000_000

SIZE = Rule(
    name="size",
    severity=Severity.WARNING,
    expected="less than 5 MB",
    source="readers that stop there, among them Feedly and the W3C Feed Validator",
)
ENCODING = Rule(
    name="encoding",
    severity=Severity.ERROR,
    expected="UTF-8, and in XML a declaration that says so",
    source="RSS Best Practices Profile: character data; RFC 8259 section 8.1; RFC 7303 section 3",
)
MARK = Rule(
    name="byte-order-mark",
    severity=Severity.ERROR,
    expected="no byte order mark",
    source="RFC 8259 section 8.1; XML readers that look for the declaration at the first byte",
)
ENTITIES = Rule(
    name="document-type",
    severity=Severity.ERROR,
    expected="no DOCTYPE",
    source="readers that refuse it: entities can read files and fill memories",
)
CHARACTERS = Rule(
    name="characters-forbidden",
    severity=Severity.ERROR,
    expected="no control character, surrogate or U+FFFE",
    source="XML 1.0 section 2.2; RFC 8259 section 8.2; readers drop such feeds",
)
FORM = Rule(
    name="well-formed",
    severity=Severity.ERROR,
    expected="a document without a mistake of syntax",
    source="XML 1.0 section 2.1; RFC 8259 section 2",
)
KIND = Rule(
    name="kind",
    severity=Severity.ERROR,
    expected="RSS 2.0, Atom 1.0, JSON Feed or OPML",
    source="readers know no other",
)
STYLE = Rule(
    name="stylesheet",
    severity=Severity.WARNING,
    expected="a style sheet in CSS",
    source="browsers have dropped XSLT",
)
KEYS = Rule(
    name="json-keys",
    severity=Severity.ERROR,
    expected="each key once",
    source="RFC 8259 section 4",
)
#: Rules about bytes and syntax; the others are in books.
READING = (SIZE, ENCODING, MARK, ENTITIES, CHARACTERS, FORM, KIND, STYLE, KEYS)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DECLARED = re.compile(
    r"""<\?xml\s+version=["']1\.[0-9]+["']\s+encoding=["']utf-8["']""", re.IGNORECASE
)
#: What may stand before the root element (XML 1.0 section 2.8), and what may not.
_PROLOG = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_XML = {
    "rss": (rss.read, (COMMON, LINKS, CONTENT, rss.RSS, items.ITEMS)),
    f"{A}feed": (atom.read, (COMMON, LINKS, CONTENT, atom.ATOM, constructs.CONSTRUCTS)),
    "opml": (opml.read, (COMMON, opml.OPML)),
}
_JSON = (COMMON, CONTENT, json_feed.JSON)


def rules() -> tuple[Rule, ...]:
    """Return every rule there is."""
    books = (
        COMMON,
        CONTENT,
        LINKS,
        rss.RSS,
        items.ITEMS,
        atom.ATOM,
        constructs.CONSTRUCTS,
        json_feed.JSON,
        opml.OPML,
    )
    return (*READING, *(rule for book in books for rule in book.rules()))


def validate(content: bytes, *, address: str | None, now: datetime) -> tuple[Finding, ...]:
    """Return what a feed, or a list of feeds, has wrong; errors first, else in order of rules.

    ``address`` is where readers fetch it, ``now`` the present moment (aware UTC). What the
    document is, it says itself. Never raises.
    """
    found = list(_validated(content, address, now))
    return tuple(sorted(found, key=lambda one: one.severity is not Severity.ERROR))


def validate_published(
    published: Mapping[str, bytes], site: Site, now: datetime
) -> list[tuple[str, Finding]]:
    """Return what is wrong with the feeds, and the list of them, of an output folder.

    ``published`` has the content of each file by its path relative to that folder. Each finding
    comes with the path of its file. Raises ValueError where there is no feed at all.
    """
    documents = {
        path: content
        for path, content in published.items()
        if path.startswith("feeds/") and path.endswith((".xml", ".json"))
    }
    if not documents:
        raise ValueError("no feed is published")
    return [
        (path, finding)
        for path, content in documents.items()
        for finding in validate(content, address=site.link(path), now=now)
    ]


def _validated(content: bytes, address: str | None, now: datetime) -> Iterator[Finding]:
    if len(content) > MAX_SIZE:
        yield SIZE.broken(Spot(FEED, "document", f"{len(content):,} bytes"))
    if content.startswith(_BYTE_ORDER_MARK):
        yield MARK.broken(Spot(FEED, "document"))
        content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        yield ENCODING.broken(Spot(FEED, "document", f"byte {error.start:,}"))
        return
    if text.lstrip().startswith(("{", "[")):
        yield from _json(text, address, now)
    elif bad := FORBIDDEN.search(text):
        yield CHARACTERS.broken(Spot(FEED, "document", f"U+{ord(bad[0]):04X}"))
    else:
        yield from _xml(text, content, address, now)


def _xml(text: str, content: bytes, address: str | None, now: datetime) -> Iterator[Finding]:
    if not _DECLARED.match(text):
        yield ENCODING.broken(Spot(FEED, "declaration", text.partition("\n")[0]))
    prolog = _PROLOG.match(text)
    if prolog is not None and text[prolog.end() :].startswith("<!DOCTYPE"):
        yield ENTITIES.broken(Spot(FEED, "document"))
        return
    try:
        root = tree(content)
    except etree.XMLSyntaxError as error:
        yield FORM.broken(Spot(FEED, "document", str(error)))
        return
    for instruction in root.itersiblings(preceding=True):
        if instruction.tag is etree.PI and instruction.get("type", "text/css") != "text/css":
            yield STYLE.broken(Spot(FEED, "xml-stylesheet", instruction.get("type")))
    kind = _XML.get(root.tag)
    if kind is None:
        yield KIND.broken(Spot(FEED, "document", root.tag))
        return
    read, rulebooks = kind
    document = read(root, address, now)
    for book in rulebooks:
        yield from book.findings(document)


def _json(text: str, address: str | None, now: datetime) -> Iterator[Finding]:
    repeated: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                repeated.append(key)
            found[key] = value
        return found

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    try:
        root = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        yield FORM.broken(Spot(FEED, "document", str(error)))
        return
    for key in repeated:
        yield KEYS.broken(Spot(FEED, key))
    if not isinstance(root, dict):
        yield KIND.broken(Spot(FEED, "document"))
        return
    document = json_feed.read(root, address, now)
    for book in _JSON:
        yield from book.findings(document)
