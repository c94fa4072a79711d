"""Constructs: persons, texts, ids and links as Atom 1.0 writes them (RFC 4287)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.feed_validation.atom import TEXTS, levels
from tests.feed_validation.elements import (
    XML_LANG,
    A,
    children,
    inner,
    name,
    text_of,
)
from tests.feed_validation.finding import Document, Rulebook, Severity, Spot
from tests.feed_validation.syntax import (
    canonical,
    language,
    mail_address,
    media_type,
    uri,
    web_address,
)

CONSTRUCTS = Rulebook()


@CONSTRUCTS.rule(
    "atom-id",
    Severity.ERROR,
    expected="an absolute IRI",
    source="RFC 4287 section 4.2.6",
)
def _id(document: Document) -> Iterator[Spot]:
    for where, element in levels(document):
        text = text_of(element, f"{A}id")
        if text and not uri(text):
            yield Spot(where, "id", text)


@CONSTRUCTS.rule(
    "atom-id-canonical",
    Severity.WARNING,
    expected="an IRI in its normal form",
    source="RFC 4287 section 4.2.6.1; RFC 3986 section 6.2",
)
def _canonical(document: Document) -> Iterator[Spot]:
    for where, element in levels(document):
        text = text_of(element, f"{A}id")
        if uri(text) and not canonical(text):
            yield Spot(where, "id", text)


@CONSTRUCTS.rule(
    "atom-person",
    Severity.ERROR,
    expected="a person with one name, and with a mail address if any",
    source="RFC 4287 section 3.2",
)
def _person(document: Document) -> Iterator[Spot]:
    for where, tag, person in _persons(document):
        if len(person.findall(f"{A}name")) != 1 or not text_of(person, f"{A}name").strip():
            yield Spot(where, f"{tag}/name")
        for one in person.findall(f"{A}email"):
            if not mail_address(inner(one)):
                yield Spot(where, f"{tag}/email", inner(one))


@CONSTRUCTS.rule(
    "atom-person-name",
    Severity.WARNING,
    expected="a name that is no address",
    source="RFC 4287 section 3.2.1; W3C Feed Validator",
)
def _person_name(document: Document) -> Iterator[Spot]:
    for where, tag, person in _persons(document):
        text = text_of(person, f"{A}name").strip()
        if mail_address(text) or web_address(text):
            yield Spot(where, f"{tag}/name", text)


def _persons(document: Document) -> Iterator[tuple[str, str, Any]]:
    for where, element in levels(document):
        for tag in ("author", "contributor"):
            for person in element.findall(f"{A}{tag}"):
                yield where, tag, person


@CONSTRUCTS.rule(
    "atom-category",
    Severity.ERROR,
    expected="a term, and a scheme that is an absolute IRI if any",
    source="RFC 4287 section 4.2.2",
)
def _category(document: Document) -> Iterator[Spot]:
    for where, element in levels(document):
        for one in element.findall(f"{A}category"):
            if not one.get("term"):
                yield Spot(where, "category@term")
            scheme = one.get("scheme")
            if scheme is not None and not uri(scheme):
                yield Spot(where, "category@scheme", scheme)


@CONSTRUCTS.rule(
    "atom-alternate",
    Severity.ERROR,
    expected="one alternate link of each type and language",
    source="RFC 4287 sections 4.1.1 and 4.1.2",
)
def _alternate(document: Document) -> Iterator[Spot]:
    counted = Counter(
        (link.where, link.type, link.hreflang) for link in document.links if link.rel == "alternate"
    )
    for (where, kind, _), times in counted.items():
        if times > 1:
            yield Spot(where, "link rel=alternate", kind)


@CONSTRUCTS.rule(
    "atom-link",
    Severity.ERROR,
    expected="a link with media type and language tag, if it has them, in their forms",
    source="RFC 4287 sections 4.2.7.3 and 4.2.7.4",
)
def _link(document: Document) -> Iterator[Spot]:
    for link in document.links:
        if link.type and not media_type(link.type):
            yield Spot(link.where, "link@type", link.type)
        if link.hreflang and not language(link.hreflang):
            yield Spot(link.where, "link@hreflang", link.hreflang)


@CONSTRUCTS.rule(
    "atom-enclosure",
    Severity.WARNING,
    expected="a type at the link to an enclosure, so that readers know what it is",
    source="RFC 4287 section 4.2.7.2",
)
def _enclosure(document: Document) -> Iterator[Spot]:
    for link in document.links:
        if link.rel == "enclosure" and not link.type:
            yield Spot(link.where, "link@type", link.href)


@CONSTRUCTS.rule(
    "atom-text-type",
    Severity.ERROR,
    expected='type="text", "html" or "xhtml"',
    source="RFC 4287 section 3.1.1; 4.1.3.1 for content",
)
def _type(document: Document) -> Iterator[Spot]:
    for where, element in levels(document):
        for one in children(element):
            kind = one.get("type", "text")
            if one.tag in TEXTS and kind not in ("text", "html", "xhtml"):
                yield Spot(where, f"{name(one)}@type", kind)
            if (
                one.tag == f"{A}content"
                and kind not in ("text", "html", "xhtml")
                and not media_type(kind)
            ):
                yield Spot(where, "content@type", kind)


@CONSTRUCTS.rule(
    "atom-html-declared",
    Severity.WARNING,
    expected='type="html" where there is markup',
    source="RFC 4287 section 3.1.1: text shows its tags",
)
def _declared(document: Document) -> Iterator[Spot]:
    for entry in document.entries:
        content = entry.root.find(f"{A}content")
        if content is not None and content.get("type", "text") == "text" and "</" in inner(content):
            yield Spot(entry.where, "content@type", "text")


@CONSTRUCTS.rule(
    "atom-language",
    Severity.ERROR,
    expected="a language tag",
    source="RFC 4287 section 2; RFC 5646",
)
def _language(document: Document) -> Iterator[Spot]:
    for where, element in levels(document):
        tag = element.get(XML_LANG)
        if tag is not None and not language(tag):
            yield Spot(where, "xml:lang", tag)
