"""Sanitize: two engines over one policy; what comes out is safe to publish.

bleach goes first where it is asked for, and where it would change anything (``normal_form``); nh3,
another parser and maintained, is the boundary: it always goes last, and nothing changes the HTML
after it.
"""

# pure
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import nh3

from digest.articles.characters import publishable_markup
from digest.articles.cleaning import anchors
from digest.articles.cleaning.bleach_engine import bleach
from digest.articles.cleaning.normal_form import is_normal
from digest.articles.cleaning.policy import (
    ATTRIBUTES,
    DROPPED,
    ENGINES,
    LINK_REL,
    NO_REFERRER,
    SCHEMES,
    TAGS,
    ReferrerPolicy,
    permits,
)
from digest.articles.model import SafeHtml

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boundary:
    """nh3 over the policy: as it is, without places, and without what may not settle."""

    usual: nh3.Cleaner
    placeless: nh3.Cleaner
    simple: nh3.Cleaner
    rel: str  #: as nh3 writes it, like the next
    policy: str


def clean(
    markup: str,
    engines: tuple[str, ...] = ("bleach", "nh3"),
    referrer_policy: ReferrerPolicy = NO_REFERRER,
) -> SafeHtml:
    """Return ``markup`` as HTML that holds nothing but what the policy allows.

    Its images have the ``referrer_policy``, whatever they had. A link to a place in it leads to
    the only one of that name; where cleaning took a place away, all such links and names go.
    Cleaning what is clean changes nothing. Raises ValueError for engines that end in anything but
    nh3.
    """
    if engines not in ENGINES:
        raise ValueError(f"engines must be one of {ENGINES}, not {engines!r}")
    markup = publishable_markup(markup)
    boundary = _boundary(referrer_policy)
    cleaned = _bleached(markup, boundary) if "bleach" in engines else _settled(markup, boundary)
    if not anchors.hold(cleaned):
        cleaned = _settled(boundary.placeless.clean(cleaned), boundary)
    return SafeHtml(cleaned)


def _bleached(markup: str, boundary: _Boundary) -> str:
    """Return what bleach and nh3 after it make of ``markup``, and would make of that again."""
    cleaned = _settled(markup if is_normal(markup) else bleach(markup), boundary)
    for _ in range(_MAX_PASSES):
        again = _settled(bleach(cleaned), boundary) if _DISPUTED.search(cleaned) else cleaned
        if again == cleaned:
            break
        cleaned = again
    return cleaned


def _settled(markup: str, boundary: _Boundary) -> str:
    """Return what nh3 makes of ``markup``, and would make of that again."""
    for _ in range(_MAX_PASSES):
        markup = _LEADING_BREAKS.sub(r"\1", markup)
        cleaned = boundary.usual.clean(markup)
        # What nh3 gives to links and images moves nothing: another pass would find it settled.
        if markup in (cleaned, cleaned.replace(boundary.rel, "").replace(boundary.policy, "")):
            return cleaned
        markup = cleaned
    return boundary.simple.clean(boundary.simple.clean(markup))


def _permitted(tag: str, attribute: str, value: str) -> str | None:
    """Return the value of an attribute that nh3 is to keep, its own ``rel`` too, else None."""
    return value if attribute == "rel" or permits(tag, attribute, value) else None


def _permitted_without_places(tag: str, attribute: str, value: str) -> str | None:
    is_place = attribute == "id" or (attribute == "href" and value.startswith("#"))
    return None if is_place else _permitted(tag, attribute, value)


@cache
def _boundary(referrer_policy: ReferrerPolicy) -> _Boundary:
    return _Boundary(
        usual=_engine(TAGS, _permitted, referrer_policy),
        placeless=_engine(TAGS, _permitted_without_places, referrer_policy),
        simple=_engine(TAGS - _MOVING, _permitted, referrer_policy),
        rel=f' rel="{LINK_REL}"',
        policy=f' referrerpolicy="{referrer_policy}"',
    )


def _engine(
    tags: frozenset[str],
    permitted: Callable[[str, str, str], str | None],
    referrer_policy: ReferrerPolicy,
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
        set_tag_attribute_values={"img": {"referrerpolicy": referrer_policy}},
        url_schemes=SCHEMES,
        # It would deny links to places too; the policy lets pass no other relative address.
        url_relative="pass_through",
    )
