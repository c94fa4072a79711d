"""Tidy markup before it is sanitized: rules, media, images, links, headings, white space.

Tidying makes markup good, not safe: only the sanitizer must be right about hostile input.
"""

# pure
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from digest.articles.cleaning import anchors, images, policy, trackers, uris
from digest.articles.cleaning.formulas import FORMULAS, replace_formulas
from digest.articles.cleaning.limits import bounded
from digest.articles.cleaning.media import (
    CUSTOM,
    MediaOptions,
    link_addresses,
    link_played,
    link_posts,
    replace_media,
)
from digest.articles.cleaning.policy import elements
from digest.articles.cleaning.rules import Rule, apply, rename
from digest.articles.cleaning.unclosed import close_elements, tag_names

_PROLOGUE = "<!doctype html><body>"
#: Blocks outside the policy; without a tag their content would join their neighbours'.
_AS_DIV = elements("center dialog dir fieldset form hgroup legend menu search")
_BARE = frozenset({"font", "picture", "span"})
#: Media, and images for browsers without scripts.
_REPLACED = CUSTOM | elements(
    "amp-anim amp-img applet audio embed frame iframe noscript object script video"
)
#: Elements that are images for a parser, or that images are made of here.
_HAS_IMAGES = _REPLACED | {"image", "img"}
#: What a browser shows and no article needs.
_SHOWN = "button, output, select, svg:has(text), textarea, xmp, iframe[srcdoc]:not([src])"
_MAY_SHOW = elements("button iframe output select svg textarea xmp")
_CLUTTER = policy.DROPPED | CUSTOM | {"-comment", "-doctype", None}
_HEADINGS = "h1, h2, h3, h4, h5, h6"
_HEADING_NAMES = elements("h1 h2 h3 h4 h5 h6")
#: The level of headings below the title of an article, which is an h1 on its page.
_HIGHEST = 2
#: Sources of one ``<picture>`` that are looked at.
_MAX_SOURCES = 16
#: Widths and heights of tracking images, in pixels.
_TINY = frozenset({"0", "1"})
_BLOCKS = elements(
    "address article aside blockquote dd details div dl dt figure footer h1 h2 h3 h4 h5 h6 header "
    "hr main nav ol p pre section table ul"
)
_PRE = re.compile(r"(<pre(?: [^<>]*)?>.*?</pre>)", re.DOTALL)
_ATTRIBUTES = r"(?: [a-z]+=\"[^\"<>]*\")*+"
_BLOCK = r"(?:p|div|li|dd|dt|td|th|h[1-6]|blockquote|figcaption|section)"
# These read the whole text, so they decide how long tidying takes: each starts with a literal or a
# set, and none retries a run of white space from each of its characters. A set of characters takes
# two thirds of the time of the class that means the same.
_SPACE = r"[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_NOTHING = r"(?:\s|&nbsp;|<br>)*+"
_MAY_BE_EMPTY = r"(?:p|div|strong|b|em|i|u|a|h[1-6]|li|ul|ol|blockquote|figure|figcaption|section)"
_NO_ID = r"(?: (?!id=)[a-z]+=\"[^\"<>]*\")*+"  # a link may lead to it
_EMPTY = re.compile(rf"<({_MAY_BE_EMPTY}){_NO_ID}>{_NOTHING}</\1>")
_BLANK = re.compile(_NOTHING)
_NESTED = re.compile(rf"<(?:(?P<start>{_MAY_BE_EMPTY}){_NO_ID}|/(?P<end>{_MAY_BE_EMPTY}))>")
#: Levels of nested empty elements that are removed one by one; more are removed in one pass.
_EMPTY_LEVELS = 3
_AFTER_BREAK = re.compile(r"<br>(?:\s|&nbsp;)++")
_BREAKS = re.compile(r"<br>(?:<br>){2,}")
_BLANKS = re.compile(rf"{_SPACE}(?:{_SPACE}++|&nbsp;)++")
_EMPHASIS = rf"<(?:strong|b|em|i|u){_ATTRIBUTES}>"
_STARTS_EMPHASIS = re.compile(_EMPHASIS)
_BLOCK_START = re.compile(rf"(<{_BLOCK}{_ATTRIBUTES}>)((?:{_EMPHASIS}|\s|&nbsp;|<br>)++)")
#: Looked for by the end tag: there are more spaces than tags.
_SPACE_AT_END = re.compile(rf"</(?<={_SPACE}</){_BLOCK}>")
_BREAK_AT_END = re.compile(rf"<br>(?:<br>)?(?=</{_BLOCK}>)")
_DEFAULTS = MediaOptions()
#: Characters of a picture within a text; smaller ones stand for others, or for nothing.
_SMALL_PICTURE = 500
_HARD_BLANKS_AT_END = re.compile(rf"&nbsp;(?<!&nbsp;&nbsp;)(?:&nbsp;)*+(?=</{_BLOCK}>)")


def tidy(
    markup: str,
    *,
    base: str | None,
    id_prefix: str = "",
    title: str = "",
    rules: Sequence[Rule] = (),
    media: MediaOptions = _DEFAULTS,
) -> str:
    """Return the markup of a body with the rules applied, in order, and tidied.

    - Scripts, styles, comments, form controls and the like are removed with their content; frames,
      films and recordings become links; formulas become text.
    - A first heading that repeats ``title`` is removed; the highest heading becomes an h2.
    - Addresses become absolute, relative to the document's own base or to ``base``, the article's
      link, and lose tracking parameters. Lazy and responsive images become plain ones; tracking
      images and placeholders are removed.
    - Elements that links in the body lead to get ids that begin with ``id_prefix``.
    - Empty elements and superfluous white space are removed.

    Raise RuleLimitExceeded if a pattern of a rule exceeds its limits.
    """
    # Each look for elements goes through the whole tree: most are spared where the name is not
    # in the text. A parser adds no other names than those of tables, paragraphs and lines.
    names = frozenset(tag_names(markup).values())
    markup = bounded(close_elements(markup))
    parser = LexborHTMLParser(_PROLOGUE + markup, options=LexborDocumentOptions.WO_EVENTS)
    body = cast("LexborNode", parser.body)  # the prologue opens it
    link, base = base, _base(body, base) if "base" in names else base
    for rule in rules:
        apply(rule, parser, body)
    if not _REPLACED.isdisjoint(names):
        for node in body.css("noscript"):
            images.reveal(node)
        replace_media(parser, body, base, media)
    if not FORMULAS.isdisjoint(names):
        replace_formulas(body, markup)
    if "img" in names:
        link_played(parser, body, base, media)
    link_addresses(parser, body, markup)
    link_posts(parser, body, markup)
    if not _HAS_IMAGES.isdisjoint(names):
        for node in body.css("img"):
            _tidy_image(node, base, media)
    _drop_clutter(body)
    ids = anchors.assign_ids(parser, body, id_prefix, base=base, link=link)
    for node in body.css("a"):
        _tidy_link(node, base, link, ids, media)
    _simplify(parser, body)
    if not _HEADING_NAMES.isdisjoint(names):
        _drop_repeated(parser, body, title)
        _shift_headings(parser, body)
    return compacted(body.inner_html or "")


def texts_left_out(markup: str) -> list[str]:
    """Return a sentence for each part of a body that a browser would show and tidying removes."""
    names = _MAY_SHOW.intersection(tag_names(markup).values())
    nothing = not names or (names == {"iframe"} and "srcdoc" not in markup.lower())
    if nothing and "data:image/" not in markup:
        return []
    body = LexborHTMLParser(_PROLOGUE + bounded(close_elements(markup))).body
    causes = []
    for image in body.css("img[src^='data:image/']") if body is not None else ():
        attributes = image.attributes
        if not any(map(uris.absolute, images.candidates(attributes))) and (
            len(attributes["src"] or "") > _SMALL_PICTURE
        ):
            causes.append("a picture that is written out in the text is left out")
    for node in body.css(_SHOWN) if body is not None else ():
        text = " ".join(node.text(separator=" ").split())
        if text or node.tag == "iframe":
            shown = f"{text[:60]}…" if len(text) > 60 else text
            causes.append(
                f"a <{node.tag}> is left out" + (f", and its text: {shown}" if text else "")
            )
    return causes


def _drop_clutter(body: LexborNode) -> None:
    for node in [node for node in body.traverse() if node.tag in _CLUTTER]:
        node.decompose(recursive=False)


def _base(body: LexborNode, link: str | None) -> str | None:
    """Return the base of relative addresses: that of the document, else its link."""
    node = body.css_first("base[href]")
    href = (node.attributes.get("href") if node else None) or ""
    return uris.absolute(href, link) or link


def _tidy_image(node: LexborNode, base: str | None, media: MediaOptions) -> None:
    """Set the address of an image, or remove it if it has none or is a tracking image."""
    attributes, files, proxy = node.attributes, media.files, media.image_proxy
    tiny = attributes.get("width") in _TINY and attributes.get("height") in _TINY
    for candidate in () if tiny else images.candidates(attributes, _sources(node)):
        if files and candidate and (local := files.address(candidate, picture=True)):
            node.attrs["src"] = local
            return
        address = uris.absolute(candidate, base)
        if (
            address
            and not uris.on_host(address, media.placeholder_hosts)
            and not trackers.is_tracking_image(address)
        ):
            address = trackers.without_parameters(address)
            shown = images.proxied(address, proxy) if proxy else address
            if shown is None:
                break
            if shown != attributes.get("src"):
                node.attrs["src"] = shown
            return
    node.decompose(recursive=False)


def _drop_repeated(parser: LexborHTMLParser, body: LexborNode, title: str) -> None:
    """Remove the first heading if it repeats the title at the start of a longer text."""
    heading = body.css_first(_HEADINGS)
    heading_text = " ".join(heading.text().split()) if heading else ""
    if (
        heading is None
        or not heading_text
        or heading_text.casefold() != " ".join(title.split()).casefold()
    ):
        return
    text = " ".join(body.text().split())
    if text.startswith(heading_text) and len(text) > len(heading_text):
        for holder in heading.css("[id]"):  # itself, too
            anchor = parser.create_node("a")
            anchor.attrs["id"] = holder.attributes["id"]
            heading.insert_before(anchor, move=True)
        heading.decompose(recursive=False)


def _shift_headings(parser: LexborHTMLParser, body: LexborNode) -> None:
    """Shift headings so that the highest one with content is an h2."""
    headings = [
        (int((node.tag or "")[1]), node)
        for node in body.css(_HEADINGS)
        if node.text().strip() or node.css_first("img")
    ]
    shift = _HIGHEST - min((level for level, _ in headings), default=_HIGHEST)
    for level, node in headings if shift else ():
        rename(parser, node, f"h{min(level + shift, 6)}")


def _sources(node: LexborNode) -> list[images.Attributes]:
    """Return the ``<source>`` elements before an image in its ``<picture>``, in order."""
    sources: list[images.Attributes] = []
    before = node.prev if node.parent is not None and node.parent.tag == "picture" else None
    while before is not None and len(sources) < _MAX_SOURCES:
        sources.append(before.attributes if before.tag == "source" else {})
        before = before.prev
    return sources[::-1]


def _tidy_link(
    node: LexborNode,
    base: str | None,
    link: str | None,
    ids: Mapping[str, str],
    media: MediaOptions,
) -> None:
    """Make a link absolute, without tracking parameters; without an address, leave its text.

    A link to a fragment that is not in the article leads to the article's own page.
    """
    attributes = node.attributes
    href = attributes.get("href") or ""
    name = anchors.linked_name(href, base, link) if "#" in href else None
    if name is not None and name in ids:
        address: str | None = f"#{ids[name]}"
    elif media.files and (local := media.files.address(href, picture=False)):
        address = local
    else:
        address = uris.absolute(href, link if href.startswith("#") and name else base)
        address = trackers.without_parameters(address) if address else uris.mail(href)
    if address is None or href.strip() == "#":
        if "id" not in attributes:
            node.unwrap(delete_empty=True)
        elif "href" in attributes:
            del node.attrs["href"]
    elif address != href:
        node.attrs["href"] = address


def _simplify(parser: LexborHTMLParser, body: LexborNode) -> None:
    """Remove wrappers without meaning and attributes outside the policy."""
    for node in list(body.traverse())[1:]:
        tag = node.tag or ""
        if tag in _BARE:
            node.unwrap(delete_empty=True)
        elif tag in _AS_DIV:
            rename(parser, node, "div")
        else:
            known = policy.ATTRIBUTES.get(tag, {})
            for name in node.attributes:
                if name not in known and name not in policy.ATTRIBUTES["*"]:
                    del node.attrs[name]
    for node in body.css("div:not([id])"):
        if all(_is_block(child) for child in node.iter(include_text=True, skip_empty=True)):
            node.unwrap(delete_empty=True)


def _is_block(node: LexborNode) -> bool:
    return node.tag in _BLOCKS


def compacted(markup: str) -> str:
    """Return the markup without empty elements, indents and blank lines; ``pre`` is unchanged."""
    parts = _PRE.split(markup)
    parts[::2] = [_compacted(part) for part in parts[::2]]
    return "".join(parts).strip()


def _compacted(part: str) -> str:
    part = _without_empty(part)
    part = _BREAKS.sub("<br><br>", _AFTER_BREAK.sub("<br>", part))
    part = _BLOCK_START.sub(lambda start: start[1] + _without_spaces(start[2]), part)
    part = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", part)
    part = _BREAK_AT_END.sub("", part)
    part = _without_space_at_end(part)
    return _HARD_BLANKS_AT_END.sub("", part)


def _without_space_at_end(part: str) -> str:
    output: list[str] = []
    position = 0
    for end in _SPACE_AT_END.finditer(part):
        output.append(part[position : end.start() - 1])
        position = end.start()
    return "".join([*output, part[position:]])


def _without_spaces(start: str) -> str:
    return "".join(_STARTS_EMPHASIS.findall(start))


def _without_empty(part: str) -> str:
    """Return markup without empty elements, nested ones included."""
    for _ in range(_EMPTY_LEVELS):
        part, count = _EMPTY.subn("", part)
        if not count:
            return part
    # Any number of levels, in one pass.
    output: list[str] = []
    empty: list[tuple[str, int]] = []  # open and empty so far: name, index in the output
    position = 0
    for tag in _NESTED.finditer(part):
        between = part[position : tag.start()]
        if not _BLANK.fullmatch(between):
            empty.clear()
        output.append(between)
        position = tag.end()
        if tag["start"]:
            empty.append((tag["start"], len(output)))
            output.append(tag[0])
        elif empty and empty[-1][0] == tag["end"]:
            del output[empty.pop()[1] :]
        else:
            empty.clear()
            output.append(tag[0])
    output.append(part[position:])
    return "".join(output)
