"""Links within an article, and the ids that they lead to.

A page may hold several articles, and an id that a script looks for must not come from an article.
So an id is kept only if a link in the same article leads to it, under a name that belongs to the
article alone.
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
#: Characters of a name; the policy's pattern has room for a number behind them.
_MAX_NAME = 40
#: Characters of an article's key in the prefix, as in the policy's pattern.
_KEY = 8
# What nh3 writes: attributes in double quotes, which may hold ``<`` and ``>``.
_TAG = re.compile(r'<[a-z][a-z0-9]*((?: [a-z]+="[^"]*")+)>')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')


def id_prefix(identity: str) -> str:
    """Return the prefix of all ids in an article: 40 bits of its key."""
    return f"a-{article_key(identity)[:_KEY]}-"


def linked_name(href: str, base: str | None, link: str | None) -> str | None:
    """Return the fragment of a link within the article, decoded.

    ``link`` is the article's own address. Return None for a link to another page or without a
    fragment.
    """
    page, mark, fragment = href.strip().partition("#")
    if page:
        if not mark or not link:
            return None
        page, _, fragment = (uris.absolute(href, base) or "").partition("#")
        if page != link.partition("#")[0]:
            return None
    return unquote(fragment) or None


def assign_ids(
    parser: LexborHTMLParser,
    body: LexborNode,
    start: str,
    *,
    base: str | None,
    link: str | None,
) -> dict[str, str]:
    """Rename the ids that links in ``body`` lead to, and remove all others.

    Each new id begins with ``start``; without it, no id is kept. Return the new ids by the names
    that the links use.
    """
    wanted = {
        name
        for node in (body.css("a[href]") if start else ())
        if (name := linked_name(node.attributes.get("href") or "", base, link))
    }
    ids: dict[str, str] = {}
    numbers: Counter[str] = Counter()  # of ids that would have the same name
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
            new_id = holder.attributes.get("id")
            if new_id is None:
                wanted_id = start + (_UNSAFE.sub("-", names[0])[:_MAX_NAME].strip("-") or "n")
                new_id = wanted_id
                while new_id in taken:
                    numbers[wanted_id] += 1
                    new_id = f"{wanted_id}-{numbers[wanted_id]}"
                taken.add(new_id)
                holder.attrs["id"] = new_id
            ids.update(dict.fromkeys(names, new_id))
    return ids


def are_consistent(markup: str) -> bool:
    """Return whether the ids in nh3's output are unique, share a prefix and include all linked."""
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
    starts = {value[: len(id_prefix(""))] for value in ids}
    return len(set(ids)) == len(ids) and led_to <= set(ids) and len(starts) <= 1


def _holder(parser: LexborHTMLParser, node: LexborNode) -> LexborNode:
    """Return the element for the id of ``node``: itself, the link around it, or a new anchor."""
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
