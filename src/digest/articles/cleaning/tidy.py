"""Tidy: site rules and plain housekeeping, before the sanitizer sees the markup.

It makes markup good, not safe: it may be wrong about hostile input, the sanitizer may not.
"""

# pure
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from digest.articles.cleaning import anchors, images, policy, trackers, uris
from digest.articles.cleaning import embeds as embedded
from digest.articles.cleaning.limits import bounded
from digest.articles.cleaning.policy import elements
from digest.articles.cleaning.rules import Rule, apply, rename
from digest.articles.cleaning.whitespace import compacted

_PROLOGUE = "<!doctype html><body>"
#: Blocks that the policy does not know; their content would run into its neighbours'.
_AS_DIV = elements("center dialog dir fieldset form hgroup legend menu search")
_BARE = frozenset({"font", "picture", "span"})
_CLUTTER = policy.DROPPED | {"-comment", "-doctype", None}
#: Where a link stands in a paragraph of its own; it is in one, or in a line, elsewhere.
_HOLDS_PARAGRAPHS = elements("article aside blockquote body details div figure main section")
_HEADINGS = "h1, h2, h3, h4, h5, h6"
#: The level of headings below the title of an article, which is an h1 on its page.
_HIGHEST = 2
#: What repeats a formula for machines, or is none.
_NO_FORMULA = ", ".join(["annotation", "annotation-xml", *sorted(policy.DROPPED - {"math"})])
#: Sources of one ``<picture>`` that are looked at.
_MAX_SOURCES = 16
#: Sizes of images that are there to count readers, in pixels.
_TINY = frozenset({"0", "1"})
_BLOCKS = elements(
    "address article aside blockquote dd details div dl dt figure footer h1 h2 h3 h4 h5 h6 header "
    "hr main nav ol p pre section table ul"
)


def tidy(
    markup: str,
    *,
    base: str | None,
    places: str = "",
    title: str = "",
    rules: Sequence[Rule] = (),
    placeholder_hosts: Collection[str] = (),
    embeds: Collection[str] = (),
    image_proxy: str | None = None,
) -> str:
    """Return the markup of a body with the rules applied, in order, and without clutter.

    A heading at its start that says the ``title`` again is gone.

    Scripts, styles, comments, forms and the like are gone with their text; frames of the hosts in
    ``embeds`` are links to their videos, with pictures where known; formulas are text. The highest
    heading is an h2, below the article's own. Addresses are absolute, made so by the document's own
    base or by ``base``, the article's link, and without parameters that track; lazy and responsive
    images are plain ones; trackers, images on placeholder hosts, empty elements, indents and runs
    of breaks and blank lines are gone. The places that links in the body lead to have ids that
    begin with ``places``; without it there are none. ``image_proxy`` is the template of a proxy's
    addresses. Raises Unfinished where a rule's pattern finds no end.
    """
    parser = LexborHTMLParser(_PROLOGUE + bounded(markup), options=LexborDocumentOptions.WO_EVENTS)
    body = cast("LexborNode", parser.body)  # the prologue opens it
    link, base = base, _base(body, base)
    for rule in rules:
        apply(rule, parser, body)
    for node in body.css("iframe"):
        _mend_frame(parser, node, base, embeds)
    for node in body.css("math"):
        _mend_formula(node)
    for node in body.css("img"):
        _mend_image(node, base, placeholder_hosts, image_proxy)
    _drop_clutter(body)
    ids = anchors.settle(parser, body, places, base=base, link=link)
    for node in body.css("a"):
        _mend_link(node, base, link, ids)
    _simplify(parser, body)
    _drop_repeated(parser, body, title)
    _shift_headings(parser, body)
    return compacted(body.inner_html or "")


def _drop_clutter(body: LexborNode) -> None:
    for node in [node for node in body.traverse() if node.tag in _CLUTTER]:
        node.decompose(recursive=False)


def _base(body: LexborNode, link: str | None) -> str | None:
    """Return what relative addresses start at: the document's own base, else its link."""
    node = body.css_first("base[href]")
    href = (node.attributes.get("href") if node else None) or ""
    return uris.absolute(href, link) or link


def _mend_image(
    node: LexborNode, base: str | None, placeholder_hosts: Collection[str], proxy: str | None
) -> None:
    """Give an image its real address, or take it out where it has none, or counts readers."""
    attributes = node.attributes
    tiny = attributes.get("width") in _TINY and attributes.get("height") in _TINY
    for candidate in () if tiny else images.candidates(attributes, _sources(node)):
        address = uris.absolute(candidate, base)
        if (
            address
            and not uris.on_host(address, placeholder_hosts)
            and not trackers.counts_readers(address)
        ):
            address = trackers.without_parameters(address)
            shown = images.proxied(address, proxy) if proxy else address
            if shown is None:
                break
            if shown != attributes.get("src"):
                node.attrs["src"] = shown
            return
    node.decompose(recursive=False)


def _mend_frame(
    parser: LexborHTMLParser, node: LexborNode, base: str | None, embeds: Collection[str]
) -> None:
    """Put a link to its video in the place of a frame, with a picture of it where one is known.

    Other frames are left to be dropped.
    """
    attributes = node.attributes
    for name in ("data-src", "src"):
        address = uris.absolute(attributes.get(name) or "", base)
        if address and uris.on_host(address, embeds):
            page = trackers.without_parameters(embedded.video_page(address))
            link = parser.create_node("a")
            link.attrs["href"] = page
            link.insert_child(" ".join((attributes.get("title") or "").split()) or page)
            if picture := embedded.picture(page):
                image = parser.create_node("img")
                image.attrs["src"] = picture
                image.attrs["alt"] = ""  # the text behind it says it all
                text = cast("LexborNode", link.first_child)
                text.insert_before(image, move=True)
                text.insert_before(parser.create_node("br"), move=True)
            if node.parent is not None and node.parent.tag in _HOLDS_PARAGRAPHS:
                paragraph = parser.create_node("p")
                paragraph.insert_child(link, move=True)
                link = paragraph
            node.insert_before(link, move=True)
            return


def _mend_formula(node: LexborNode) -> None:
    """Put its text in the place of a formula: the one meant for it, else that of its parts."""
    text = node.attributes.get("alttext") or ""
    if not text.strip():
        for part in node.css(_NO_FORMULA):
            part.decompose(recursive=False)
        text = node.text()
    node.replace_with(" ".join(text.split()))


def _drop_repeated(parser: LexborHTMLParser, body: LexborNode, title: str) -> None:
    """Take out the first heading where it says the title, and something follows it."""
    heading = body.css_first(_HEADINGS)
    said = " ".join(heading.text().split()) if heading else ""
    if heading is None or not said or said.casefold() != " ".join(title.split()).casefold():
        return
    text = " ".join(body.text().split())
    if text.startswith(said) and len(text) > len(said):
        for place in heading.css("[id]"):  # itself, too
            anchor = parser.create_node("a")
            anchor.attrs["id"] = place.attributes["id"]
            heading.insert_before(anchor, move=True)
        heading.decompose(recursive=False)


def _shift_headings(parser: LexborHTMLParser, body: LexborNode) -> None:
    """Make the highest heading that says something an h2; the others keep their distance."""
    headings = [
        (int((node.tag or "")[1]), node)
        for node in body.css(_HEADINGS)
        if node.text().strip() or node.css_first("img")
    ]
    shift = _HIGHEST - min((level for level, _ in headings), default=_HIGHEST)
    for level, node in headings if shift else ():
        rename(parser, node, f"h{min(level + shift, 6)}")


def _sources(node: LexborNode) -> list[images.Attributes]:
    """Return the sources that a picture offers for its image, in their order."""
    found: list[images.Attributes] = []
    before = node.prev if node.parent is not None and node.parent.tag == "picture" else None
    while before is not None and len(found) < _MAX_SOURCES:
        found.append(before.attributes if before.tag == "source" else {})
        before = before.prev
    return found[::-1]


def _mend_link(
    node: LexborNode, base: str | None, link: str | None, ids: Mapping[str, str]
) -> None:
    """Make a link absolute and free of trackers; one that leads nowhere becomes its text.

    One to a place in the article leads there; if the place is not in it, to the article's page.
    """
    attributes = node.attributes
    href = attributes.get("href") or ""
    name = anchors.place(href, base, link) if "#" in href else None
    if name is not None and name in ids:
        address: str | None = f"#{ids[name]}"
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
    """Take out bare wrappers and attributes that nobody will read."""
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
