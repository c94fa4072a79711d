"""Normal form: markup so plain that bleach would give it back to the letter.

bleach takes longer over an article than all the rest of its making, and has nothing to say to
nearly all that tidy made. What is of this form is decided by a list of what may stand where: every
tag, attribute and value is one that the policy keeps, every element is closed in order and inside
one that may hold it, and the text has no sign that a parser might take for another. Anything else
is bleach's to clean.
"""

# pure
from __future__ import annotations

import re
from functools import lru_cache

from digest.articles.cleaning.policy import ATTRIBUTES, VOID, elements, permits
from digest.articles.cleaning.uris import MAX_LENGTH

#: What runs on within a line, ``a`` not inside another.
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
#: What each element may hold, and at the top, "": all others hold what runs on within a line.
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
#: Where text would be moved out by a parser; blanks would not.
_NO_TEXT = _PARTS | {"table", "tr"}
_BLANKS = " \t\n"
#: A tag: if it is an end tag, its name, its attributes.
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z]+="[^"<>]*")*)>')
_PIECES = 4  #: that splitting by it gives for each tag, with the text before
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_REFERENCE = re.compile(r"&(?:amp|lt|gt|quot|nbsp);")
#: bleach looks into the values of these; it has nothing to say to such addresses.
_ADDRESSES = frozenset({"href", "src"})
_ADDRESS = re.compile(r"https?://[a-z0-9](?:[!#-%'-;=?-_a-z{|}~]|&amp;)*|#[A-Za-z0-9_-]+")
#: bleach has a meaning of its own for these characters (``bleaching``).
_FIRST_STAND_IN, _LAST_STAND_IN = 0x10F0D0, 0x10F0D4
_STAND_INS = tuple(map(chr, range(_FIRST_STAND_IN, _LAST_STAND_IN + 1)))


def is_normal(markup: str) -> bool:
    """Tell whether markup is such that bleach, by the policy, would change nothing in it.

    It has passed ``publishable_markup``.
    """
    pieces = _TAG.split(markup)
    texts = pieces[::_PIECES]
    if not _is_plain("\0".join(texts)) or any(char in markup for char in _STAND_INS):
        return False
    open_ones = [""]
    links = 0
    for text, end, name, attributes in zip(
        texts, pieces[1::_PIECES], pieces[2::_PIECES], pieces[3::_PIECES], strict=False
    ):
        around = open_ones[-1]
        if around in _NO_TEXT and text.strip(_BLANKS):
            return False
        if end:
            if name != around or attributes:
                return False
            open_ones.pop()
            links -= name == "a"
            continue
        if name not in _HOLDS.get(around, _PHRASING) or (name == "a" and links):
            return False
        if attributes and not _may_have(name, attributes):
            return False
        if name not in VOID:
            open_ones.append(name)
            links += name == "a"
    return len(open_ones) == 1 and "<pre>\n" not in markup


def _is_plain(text: str) -> bool:
    """Tell whether there is nothing in a text that a parser might take for markup."""
    if "<" in text or ">" in text:
        return False
    return "&" not in text or "&" not in _REFERENCE.sub("", text)


@lru_cache(maxsize=1_024)  # sites have the same few over and over
def _may_have(name: str, attributes: str) -> bool:
    """Tell whether an element may have these attributes, each once and with such values."""
    found = _ATTRIBUTE.findall(attributes)
    if len(dict(found)) < len(found) or name == "pre":
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
        for key, value in found
    )
