"""Content: the HTML inside entries, which readers show in pages of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser

from tests.feed_validation.finding import Document, Rulebook, Severity, Spot
from tests.feed_validation.syntax import mail_address, web_address, words

CONTENT = Rulebook()

#: What runs, loads or restyles something in the page around it. ``template`` hides what is in it.
_HARMFUL = words(
    "applet base embed form frame frameset iframe input link meta object script style template"
)
#: Attributes that hold an address (HTML, index of attributes).
_ADDRESSES = words("action background cite data formaction href longdesc poster src xlink:href")
#: Properties that sanitizers of readers let pass: they change no more than a text's look.
_PROPERTIES = words(
    "background-color color direction font-size font-style font-weight height line-height "
    "text-align text-decoration text-indent vertical-align white-space width"
)
#: Between the images of ``srcset``: a comma may stand inside an address.
_CANDIDATES = re.compile(r",(?:\s+|$)")
_DECLARATION = re.compile(r"\s*([a-zA-Z-]*)\s*(?::[^;]*)?(?:;|$)")


class _Element(NamedTuple):
    tag: str
    attributes: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def _elements(markup: str) -> tuple[_Element, ...]:
    """Return every element of a piece of HTML; kept, since several rules look at it."""
    return tuple(
        _Element(
            str(node.tag), tuple((name, value or "") for name, value in node.attributes.items())
        )
        for node in LexborHTMLParser(markup).css("*")
    )


def _attributes(document: Document) -> Iterator[tuple[Spot, _Element, str, str]]:
    for spot in document.markup:
        for element in _elements(spot.text):
            for name, value in element.attributes:
                yield spot, element, name, value


def _at(spot: Spot, element: str, text: str = "") -> Spot:
    return Spot(spot.where, f"{spot.element} <{element}>", text)


@CONTENT.rule(
    "content-element",
    Severity.ERROR,
    expected="no script, frame, form, style and such in content",
    source="RSS Best Practices Profile: description; RFC 4287 section 8.1; readers drop them",
)
def _element(document: Document) -> Iterator[Spot]:
    for spot in document.markup:
        for element in _elements(spot.text):
            if element.tag in _HARMFUL:
                yield _at(spot, element.tag)


@CONTENT.rule(
    "content-handler",
    Severity.ERROR,
    expected="no attribute that holds a script",
    source="RFC 4287 section 8.1; readers drop them",
)
def _handler(document: Document) -> Iterator[Spot]:
    for spot, element, name, value in _attributes(document):
        if name.startswith("on"):
            yield _at(spot, f"{element.tag} {name}", value)


@CONTENT.rule(
    "content-address",
    Severity.ERROR,
    expected="absolute http(s) or mailto addresses in ASCII, or #names of the same entry",
    source="RSS Best Practices Profile: relative URLs; RFC 3986 section 5.1: readers have no base",
)
def _address(document: Document) -> Iterator[Spot]:
    for spot in document.markup:
        elements = _elements(spot.text)
        names = {
            value for one in elements for name, value in one.attributes if name in ("id", "name")
        }
        for element in elements:
            for name, value in element.attributes:
                if not _fits(name, value, names):
                    yield _at(spot, f"{element.tag} {name}", value)


def _fits(name: str, value: str, names: set[str]) -> bool:
    if name == "srcset":
        return all(
            web_address(part.split()[0]) for part in _CANDIDATES.split(value) if part.strip()
        )
    if name not in _ADDRESSES or web_address(value):
        return True
    if name == "href" and value.startswith("#"):
        return value[1:] in names
    scheme, _, rest = value.partition(":")
    return scheme.lower() == "mailto" and mail_address(rest.partition("?")[0]) and value.isascii()


@CONTENT.rule(
    "content-style",
    Severity.WARNING,
    expected="no style but of a text's look",
    source="readers' sanitizers and the W3C Feed Validator: few properties pass",
)
def _style(document: Document) -> Iterator[Spot]:
    for spot, element, name, value in _attributes(document):
        if name == "style":
            used = {found.lower() for found in _DECLARATION.findall(value) if found}
            if not used <= _PROPERTIES:
                yield _at(spot, f"{element.tag} style", value)
