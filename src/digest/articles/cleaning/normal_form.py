"""Markup that bleach would return unchanged, recognized without running it.

bleach is the slowest step of the pipeline and changes almost nothing that tidying produced. Markup
is in normal form if the policy permits every tag, attribute and value, every element is closed in
order and allowed inside its parent, and the text holds no ambiguous ``<``, ``>`` or ``&``.
"""

# pure
from __future__ import annotations

import re
from functools import lru_cache

from digest.articles.cleaning.policy import ATTRIBUTES, VOID, elements, permits
from digest.articles.cleaning.uris import MAX_LENGTH

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
#: Characters that ``bleach_engine`` uses itself.
_FIRST_STAND_IN, _LAST_STAND_IN = 0x10F0D0, 0x10F0D4
_STAND_INS = tuple(map(chr, range(_FIRST_STAND_IN, _LAST_STAND_IN + 1)))


def is_normal(markup: str) -> bool:
    """Tell whether bleach would return ``markup`` unchanged.

    It must have passed ``publishable_markup``.
    """
    pieces = _TAG.split(markup)
    texts = pieces[::_PIECES]
    if not _is_plain("\0".join(texts)) or any(char in markup for char in _STAND_INS):
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
    """Tell whether no parser can read markup into a text."""
    if "<" in text or ">" in text:
        return False
    return "&" not in text or "&" not in _REFERENCE.sub("", text)


@lru_cache(maxsize=1_024)  # a site repeats the same few
def _may_have(name: str, attributes: str) -> bool:
    """Tell whether an element may have these attributes, each once."""
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
