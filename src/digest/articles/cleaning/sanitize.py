"""Sanitize markup with two engines over one policy.

bleach runs first if it is configured and would change anything. nh3, another parser and
maintained, always runs last; nothing changes the HTML after it.

bleach is the slowest step of the pipeline and changes almost nothing that tidying produced. Markup
is in normal form (``is_normal``), and bleach would return it unchanged, if the policy permits every
tag, attribute and value, every element is closed in order and allowed inside its parent, and the
text holds no ambiguous ``<``, ``>`` or ``&``.
"""

# pure
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from xml.etree.ElementTree import Element

import nh3
from bleach import html5lib_shim
from bleach.sanitizer import Cleaner

from digest.articles.characters import publishable_markup
from digest.articles.cleaning import anchors
from digest.articles.cleaning.policy import (
    ATTRIBUTES,
    DROPPED,
    ENGINES,
    LINK_REL,
    NO_REFERRER,
    SCHEMES,
    TAGS,
    VOID,
    ReferrerPolicy,
    elements,
    permits,
)
from digest.articles.cleaning.uris import MAX_LENGTH
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
#: A picture as nh3 writes it, and nothing else: text has no ``<``, values have no double quote.
_PICTURE = re.compile(r'<img(?: [a-z]+="[^"]*")* referrerpolicy="([a-z-]+)"(?: [a-z]+="[^"]*")*>')
#: A parser drops the first line end here, so that every pass would drop another.
_LEADING_BREAKS = re.compile(r"(<(?:pre|listing)(?:\s[^<>]*)?>)\n+", re.IGNORECASE)
#: bleach's parser does not know these three: a list item inside ends the one around them.
_DISPUTED = re.compile(
    r"<(figcaption|main|summary)\b[^<]*+(?:<(?!/\1\b|(?:li|d[dt])\b)[^<]*+)*+<(?:li|d[dt])\b"
)
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
#: Inline elements; ``a`` may not be inside another.
_PHRASING = elements(
    "a abbr b bdi bdo br cite code del dfn em i img ins kbd mark q s samp small strike strong sub "
    "sup time tt u var wbr"
)
_BLOCKS = elements(
    "address article aside blockquote div dl figure footer h2 h3 h4 h5 h6 header hr ol p pre "
    "section table ul"
)
_FLOW = _PHRASING | _BLOCKS
_PARTS = elements("tbody tfoot thead")
#: The children that each element may have ("" is the root); all others hold inline elements.
_HOLDS = (
    dict.fromkeys(("", "article", "aside", "blockquote", "dd", "div", "footer", "header"), _FLOW)
    | dict.fromkeys(("li", "section", "td", "th"), _FLOW)
    | {
        "dl": elements("dt dd"),
        "figure": _FLOW | {"figcaption"},
        "ol": frozenset({"li"}),
        "ul": frozenset({"li"}),
        "table": _PARTS,
    }
    | dict.fromkeys(_PARTS, frozenset({"tr"}))
    | {"tr": elements("td th")}
)
#: Parsers move text out of these, but not white space.
_NO_TEXT = _PARTS | {"table", "tr"}
_BLANKS = " \t\n"
#: A tag: ``/`` of an end tag, name, attributes.
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z]+="[^"<>]*")*)>')
_PIECES = 4  #: that splitting by ``_TAG`` gives for each tag, with the text before
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_REFERENCE = re.compile(r"&(?:amp|lt|gt|quot|nbsp);")
#: bleach checks addresses; these pass.
_ADDRESSES = frozenset({"href", "src"})
_ADDRESS = re.compile(r"https?://[a-z0-9](?:[!#-%'-;=?-_a-z{|}~]|&amp;)*|#[A-Za-z0-9_-]+")


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
    return SafeHtml(_PICTURE.sub(_lazy, html) if "<img" in html else html)


def _lazy(picture: re.Match[str]) -> str:
    """Return what nh3 makes of a picture alone: to parse the whole text again takes 70 µs."""
    lazy = _lazy_cleaner(picture[1]).clean(picture[0])
    return lazy if lazy.replace(_LAZY, "") == picture[0] else picture[0]


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


def is_normal(markup: str) -> bool:
    """Return whether bleach would return ``markup`` unchanged.

    It must have passed ``publishable_markup``.
    """
    pieces = _TAG.split(markup)
    texts = pieces[::_PIECES]
    if not _is_plain("\0".join(texts)) or _STAND_IN.search(markup):
        return False
    open_elements = [""]
    links = 0
    for text, end, name, attributes in zip(
        texts, pieces[1::_PIECES], pieces[2::_PIECES], pieces[3::_PIECES], strict=False
    ):
        parent = open_elements[-1]
        if parent in _NO_TEXT and text.strip(_BLANKS):
            return False
        if end:
            if name != parent or attributes:
                return False
            open_elements.pop()
            links -= name == "a"
            continue
        if name not in _HOLDS.get(parent, _PHRASING) or (name == "a" and links):
            return False
        if attributes and not _may_have(name, attributes):
            return False
        if name not in VOID:
            open_elements.append(name)
            links += name == "a"
    return len(open_elements) == 1 and "<pre>\n" not in markup


def _is_plain(text: str) -> bool:
    """Return whether no parser can read markup into a text."""
    if "<" in text or ">" in text:
        return False
    return "&" not in text or "&" not in _REFERENCE.sub("", text)


@lru_cache(maxsize=1_024)  # a site repeats the same few
def _may_have(name: str, attributes: str) -> bool:
    """Return whether an element may have these attributes, each once."""
    pairs = _ATTRIBUTE.findall(attributes)
    if len(dict(pairs)) < len(pairs) or name == "pre":
        return False
    return all(
        (key in ATTRIBUTES.get(name, ()) or key in ATTRIBUTES["*"])
        and len(value) < MAX_LENGTH
        and permits(name, key, value)
        and (
            _ADDRESS.fullmatch(value)
            if key in _ADDRESSES
            else "&" not in value.replace("&amp;", "")
        )
        for key, value in pairs
    )
