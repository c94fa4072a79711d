"""Sanitize markup with two engines over one policy.

bleach runs first if it is configured and would change anything (``is_normal``). nh3, another
parser and maintained, always runs last; nothing changes the HTML after it.
"""

# pure
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import nh3

from digest.articles.characters import publishable_markup
from digest.articles.cleaning import anchors
from digest.articles.cleaning.bleach_engine import bleach, is_normal
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

#: Passes of nh3 until its output is stable; each misnested element may need one.
_MAX_PASSES = 8
#: Elements that can move when HTML is parsed again; removed where the output is never stable.
_MOVING = frozenset({"a", "caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th"}) | {
    "thead",
    "tr",
}
#: As nh3 writes it.
_LAZY = ' loading="lazy"'
_POLICY = re.compile(r'<img [^>]*referrerpolicy="([a-z-]+)"')
#: A parser drops the first line end here, so that every pass would drop another.
_LEADING_BREAKS = re.compile(r"(<(?:pre|listing)(?:\s[^<>]*)?>)\n+", re.IGNORECASE)
#: bleach's parser does not know these three: a list item inside ends the one around them.
_DISPUTED = re.compile(
    r"<(figcaption|main|summary)\b[^<]*+(?:<(?!/\1\b|(?:li|d[dt])\b)[^<]*+)*+<(?:li|d[dt])\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nh3Cleaners:
    """nh3 over the whole policy, without ids, and without elements that can move."""

    complete: nh3.Cleaner
    without_ids: nh3.Cleaner
    without_moving: nh3.Cleaner
    rel_attribute: str  #: as nh3 writes it
    policy_attribute: str

    def without_own(self, markup: str) -> str:
        """Return markup without the attributes that nh3 gives to links and images."""
        return markup.replace(self.rel_attribute, "").replace(self.policy_attribute, "")


def clean(
    markup: str,
    engines: tuple[str, ...] = ("bleach", "nh3"),
    referrer_policy: ReferrerPolicy = NO_REFERRER,
) -> SafeHtml:
    """Return ``markup`` reduced to what the policy permits; cleaning it again changes nothing.

    All images get the ``referrer_policy``. If the ids and the links to them are no longer
    consistent after cleaning, all of them are removed. Raise ValueError unless ``engines`` is one
    of ``ENGINES``.
    """
    if engines not in ENGINES:
        raise ValueError(f"engines must be one of {ENGINES}, not {engines!r}")
    markup = publishable_markup(markup)
    cleaners = _cleaners(referrer_policy)
    step = _clean_with_bleach if "bleach" in engines else _clean_until_stable
    cleaned = step(markup, cleaners)
    if not anchors.are_consistent(cleaned):
        cleaned = _clean_until_stable(cleaners.without_ids.clean(cleaned), cleaners)
    return SafeHtml(cleaned)


def lazily(html: SafeHtml) -> SafeHtml:
    """Return HTML whose pictures are fetched when they come into view, for pages.

    Feeds have none of it: readers know of it by themselves, and validators would warn.
    """
    policy = _POLICY.search(html)
    if policy is None:
        return html
    lazy = _lazy_cleaner(policy[1]).clean(html)
    return SafeHtml(lazy) if lazy.replace(_LAZY, "") == html else html


@lru_cache(maxsize=8)
def _lazy_cleaner(referrer_policy: str) -> nh3.Cleaner:
    def permitted(tag: str, attribute: str, value: str) -> str | None:
        return value if attribute == "loading" else _permitted(tag, attribute, value)

    return _engine(TAGS, permitted, {"referrerpolicy": referrer_policy, "loading": "lazy"})


def _clean_with_bleach(markup: str, cleaners: _Nh3Cleaners) -> str:
    """Return the output of bleach and nh3, repeated until it is stable."""
    cleaned = _clean_until_stable(markup if is_normal(markup) else bleach(markup), cleaners)
    for _ in range(_MAX_PASSES):
        if not _DISPUTED.search(cleaned):
            break
        again = _clean_until_stable(bleach(cleaned), cleaners)
        if again == cleaned:
            break
        cleaned = again
    return cleaned


def _clean_until_stable(markup: str, cleaners: _Nh3Cleaners) -> str:
    """Return the output of nh3, repeated until it is stable."""
    for _ in range(_MAX_PASSES):
        markup = _LEADING_BREAKS.sub(r"\1", markup)
        cleaned = cleaners.complete.clean(markup)
        # If nh3 only added its attributes, another pass would change nothing.
        if cleaners.without_own(cleaned) == cleaners.without_own(markup):
            return cleaned
        markup = cleaned
    return cleaners.without_moving.clean(cleaners.without_moving.clean(markup))


def _permitted(tag: str, attribute: str, value: str) -> str | None:
    """Return the value of a permitted attribute, or of nh3's own ``rel``, else None."""
    return value if attribute == "rel" or permits(tag, attribute, value) else None


def _permitted_without_ids(tag: str, attribute: str, value: str) -> str | None:
    is_id = attribute == "id" or (attribute == "href" and value.startswith("#"))
    return None if is_id else _permitted(tag, attribute, value)


@cache
def _cleaners(referrer_policy: ReferrerPolicy) -> _Nh3Cleaners:
    added = {"referrerpolicy": referrer_policy}
    return _Nh3Cleaners(
        complete=_engine(TAGS, _permitted, added),
        without_ids=_engine(TAGS, _permitted_without_ids, added),
        without_moving=_engine(TAGS - _MOVING, _permitted, added),
        rel_attribute=f' rel="{LINK_REL}"',
        policy_attribute=f' referrerpolicy="{referrer_policy}"',
    )


def _engine(
    tags: frozenset[str],
    permitted: Callable[[str, str, str], str | None],
    pictures: Mapping[str, str],
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
        set_tag_attribute_values={"img": dict(pictures)},
        url_schemes=SCHEMES,
        # nh3 would deny "#id" too; the policy permits no other relative address.
        url_relative="pass_through",
    )
