"""Anchors: links to a place in the same article, kept apart from those of other articles.

Several articles may stand on one page, and an id that scripts know could be put in their way. So
an id is kept where a link leads to it, and under a name that no other article has.
"""

# pure
from __future__ import annotations

import re
from collections import Counter
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.articles.cleaning import policy, uris
from digest.articles.model import article_key

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
#: Characters that a name keeps of its own; the policy's form has room for a number behind them.
_MAX_NAME = 40
#: Characters of an article's key in its prefix, as the policy's form has them.
_KEY = 8
# What nh3 writes: attributes in double quotes, which may hold ``<`` and ``>``.
_TAG = re.compile(r'<[a-z][a-z0-9]*((?: [a-z]+="[^"]*")+)>')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')


def prefix(identity: str) -> str:
    """Return what all ids in an article start with; two articles hardly share it (40 bits)."""
    return f"a-{article_key(identity)[:_KEY]}-"


def place(href: str, base: str | None, link: str | None) -> str | None:
    """Return the name of the place that a link in an article leads to.

    ``link`` is the article's own address. None where the link leads elsewhere, or to no place.
    """
    page, mark, fragment = href.strip().partition("#")
    if page:
        if not mark or not link:
            return None
        page, _, fragment = (uris.absolute(href, base) or "").partition("#")
        if page != link.partition("#")[0]:
            return None
    return unquote(fragment) or None


def settle(
    parser: LexborHTMLParser,
    body: LexborNode,
    start: str,
    *,
    base: str | None,
    link: str | None,
) -> dict[str, str]:
    """Give the places that links in ``body`` lead to ids that begin with ``start``.

    All other ids go; where ``start`` is empty, all. Returns these ids by the names that the links
    have for them.
    """
    wanted = {
        name
        for node in (body.css("a[href]") if start else ())
        if (name := place(node.attributes.get("href") or "", base, link))
    }
    ids: dict[str, str] = {}
    numbers: Counter[str] = Counter()  # of ids by what they would be called
    taken: set[str] = set()
    nodes = {node.mem_id: node for node in body.css("[id], a[name]")}  # each once
    nodes.pop(body.mem_id, None)
    for node in nodes.values():
        attributes = node.attributes
        names = [unquote(attributes.get(key) or "") for key in ("id", "name")]
        names = [name for name in names if name in wanted and name not in ids]
        if "id" in attributes:
            del node.attrs["id"]
        if names:
            holder = _holder(parser, node)
            held = holder.attributes.get("id")
            if held is None:
                wished = start + (_UNSAFE.sub("-", names[0])[:_MAX_NAME].strip("-") or "n")
                held = wished
                while held in taken:
                    numbers[wished] += 1
                    held = f"{wished}-{numbers[wished]}"
                taken.add(held)
                holder.attrs["id"] = held
            ids.update(dict.fromkeys(names, held))
    return ids


def hold(markup: str) -> bool:
    """Tell whether in markup, as nh3 writes it, each link to a place finds it, and only one.

    All ids must be one article's.
    """
    if ' id="' not in markup and ' href="#' not in markup:
        return True
    ids: list[str] = []
    led_to: set[str] = set()
    for tag in _TAG.finditer(markup):
        for name, value in _ATTRIBUTE.findall(tag[1]):
            if name == "id":
                ids.append(value)
            elif name == "href" and value.startswith("#"):
                led_to.add(value[1:])
    starts = {value[: len(prefix(""))] for value in ids}
    return len(set(ids)) == len(ids) and led_to <= set(ids) and len(starts) <= 1


def _holder(parser: LexborHTMLParser, node: LexborNode) -> LexborNode:
    """Return what will hold the id of a node: itself if it is to stay, a link, or a new anchor."""
    if node.tag in policy.TAGS:
        return node
    around = node.parent
    while around is not None and around.tag != "a":
        around = around.parent
    if around is not None:  # an anchor cannot be in a link
        return around
    anchor = parser.create_node("a")
    node.insert_before(anchor, move=True)
    return anchor
