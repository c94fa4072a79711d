"""bleach as an engine over the policy, in linear time."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element

from bleach import html5lib_shim
from bleach.sanitizer import Cleaner

from digest.articles.cleaning.policy import DROPPED, SCHEMES, TAGS, VOID, permits

#: Private-use characters that replace the common character references while bleach runs: its time
#: is quadratic in the number of references.
_STAND_INS = {
    "&amp;": "\U0010f0d0",
    "&lt;": "\U0010f0d1",
    "&gt;": "\U0010f0d2",
    "&quot;": "\U0010f0d3",
    "&nbsp;": "\U0010f0d4",
}
_STAND_IN = re.compile("[\U0010f0d0-\U0010f0d4]")
_SHIM: Any = html5lib_shim  # its stubs leave out what it takes over from html5lib
_WALKER = _SHIM.getTreeWalker("etree")


def bleach(markup: str) -> str:
    """Return ``markup`` cleaned by bleach. Its output must still pass nh3."""
    markup = _STAND_IN.sub("", markup)
    for reference, stand_in in _STAND_INS.items():
        markup = markup.replace(reference, stand_in)
    filters: list[Any] = [_without_dropped]
    cleaner: Any = Cleaner(  # a new one each time: it is not thread-safe
        tags=TAGS | DROPPED,  # _without_dropped removes the latter with their content
        attributes=permits,
        protocols=SCHEMES,
        strip=True,
        strip_comments=True,
        filters=filters,
    )
    cleaner.walker = _tokens
    markup = cleaner.clean(markup)
    for reference, stand_in in _STAND_INS.items():
        markup = markup.replace(stand_in, reference)
    return markup


def _without_dropped(source: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the tokens outside dropped elements; bleach itself would keep their text."""
    depth = 0
    for token in source:
        if token.get("name") in DROPPED:
            depth += {"StartTag": 1, "EndTag": -1}.get(token["type"], 0)
        elif not depth:
            yield token


def _tokens(tree: Element) -> Iterator[dict[str, Any]]:
    """Yield the tokens of a fragment in document order.

    bleach's own walker takes quadratic time in the number of siblings.
    """
    walker = _WALKER(tree)
    yield from walker.text(tree.text or "")
    open_elements = [(tree, iter(tree))]
    while open_elements:
        element, children = open_elements[-1]
        child = next(children, None)
        if child is None:
            open_elements.pop()
            if open_elements:
                yield walker.endTag(None, _name(element))
                yield from walker.text(element.tail or "")
        elif child.tag in VOID:
            yield from walker.emptyTag(None, child.tag, _attributes(child), False)
            yield from walker.text(child.tail or "")
        elif callable(child.tag):  # a comment: ElementTree stores a function as its tag
            yield from walker.text(child.tail or "")
        else:
            yield walker.startTag(None, _name(child), _attributes(child))
            yield from walker.text(child.text or "")
            open_elements.append((child, iter(child)))


def _name(element: Element) -> str:
    """Return the name of an element without the namespace that SVG and MathML have."""
    return element.tag.rpartition("}")[2]


def _attributes(element: Element) -> dict[tuple[None, str], str]:
    return {(None, name): value for name, value in element.items()}
