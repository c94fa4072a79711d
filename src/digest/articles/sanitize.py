"""Sanitize: two engines over one policy; what comes out is safe to publish.

bleach goes first where it is asked for; nh3, another parser and maintained, is the boundary: it
always goes last, and nothing changes the HTML after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import nh3

from digest.articles import anchors
from digest.articles.bleaching import bleach
from digest.articles.characters import publishable_markup
from digest.articles.model import SafeHtml
from digest.articles.policy import (
    ATTRIBUTES,
    DROPPED,
    LINK_REL,
    SCHEMES,
    SET_ATTRIBUTES,
    TAGS,
    permits,
)

#: The ways to clean; nh3 is in each of them, and last.
ENGINES = (("bleach", "nh3"), ("nh3",))
#: Passes of nh3 until its output is stable: misnested elements may need one each.
_MAX_PASSES = 8
#: Elements that move when HTML is parsed again; a file that is not stable loses these.
_MOVING = frozenset({"a", "caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th"}) | {
    "thead",
    "tr",
}
#: A parser drops one line end here, so that each pass would eat one more.
_LEADING_BREAKS = re.compile(r"(<(?:pre|listing)(?:\s[^<>]*)?>)\n+", re.IGNORECASE)
#: bleach's parser is older than these three: it ends a list item that they are in at one inside.
_DISPUTED = re.compile(
    r"<(figcaption|main|summary)\b[^<]*+(?:<(?!/\1\b|(?:li|d[dt])\b)[^<]*+)*+<(?:li|d[dt])\b"
)


def clean(markup: str, engines: tuple[str, ...] = ("bleach", "nh3")) -> SafeHtml:
    """Return ``markup`` as HTML that holds nothing but what the policy allows.

    A link to a place in it leads to the only one of that name; where cleaning took a place away,
    all such links and names go. Cleaning what is clean changes nothing. Raises ValueError for
    engines that end in anything but nh3.
    """
    if engines not in ENGINES:
        raise ValueError(f"engines must be one of {ENGINES}, not {engines!r}")
    markup = publishable_markup(markup)
    cleaned = _settled(markup) if "bleach" not in engines else _bleached(markup)
    return SafeHtml(cleaned if anchors.hold(cleaned) else _settled(_NH3_PLACELESS.clean(cleaned)))


def _bleached(markup: str) -> str:
    cleaned = _settled(bleach(markup))
    for _ in range(_MAX_PASSES):
        again = _settled(bleach(cleaned)) if _DISPUTED.search(cleaned) else cleaned
        if again == cleaned:
            break
        cleaned = again
    return cleaned


def _settled(markup: str) -> str:
    """Return what nh3 makes of ``markup``, and would make of that again."""
    for _ in range(_MAX_PASSES):
        markup = _LEADING_BREAKS.sub(r"\1", markup)
        cleaned = _NH3.clean(markup)
        if cleaned == markup:
            return cleaned
        markup = cleaned
    return _NH3_SIMPLE.clean(_NH3_SIMPLE.clean(markup))


def _permitted(tag: str, attribute: str, value: str) -> str | None:
    """Return the value of an attribute that nh3 is to keep, its own ``rel`` too, else None."""
    return value if attribute == "rel" or permits(tag, attribute, value) else None


def _permitted_without_places(tag: str, attribute: str, value: str) -> str | None:
    is_place = attribute == "id" or (attribute == "href" and value.startswith("#"))
    return None if is_place else _permitted(tag, attribute, value)


def _engine(
    tags: frozenset[str],
    permitted: Callable[[str, str, str], str | None] = _permitted,
) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=tags,
        clean_content_tags=DROPPED,
        attributes={
            tag: set(names) for tag, names in ATTRIBUTES.items() if tag in tags or tag == "*"
        },
        attribute_filter=permitted,
        strip_comments=True,
        link_rel=LINK_REL,
        set_tag_attribute_values={
            tag: values for tag, values in SET_ATTRIBUTES.items() if tag in tags
        },
        url_schemes=SCHEMES,
        # It would deny links to places too; the policy lets pass no other relative address.
        url_relative="pass_through",
    )


_NH3 = _engine(TAGS)
_NH3_PLACELESS = _engine(TAGS, _permitted_without_places)
_NH3_SIMPLE = _engine(TAGS - _MOVING)
