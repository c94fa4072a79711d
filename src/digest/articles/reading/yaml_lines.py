"""Front matter in YAML that is nothing but a text or a list of texts a line, read line by line.

Most is. A parser of YAML takes five times as long, most of which goes into its events.
"""

# pure
from __future__ import annotations

import re

from digest.articles.reading.fields import Fields, Value, written

#: Plain scalars that are nothing (YAML 1.2, section 10.3.2).
NULLS = frozenset({"~", "null", "Null", "NULL"})
#: Line ends beside LF, tabs, marks, and what YAML does not allow or Python does not encode.
_ODD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
#: A plain scalar that is no more than itself: no indicator begins it, no comment or key is in it.
_PLAIN = r"""[^\s?:,\[\]{}\#&*!|>'"%@`-](?:[^ :\#]++|:(?=[^ ])|\ ++(?=[^ ]))*+"""
_TEXT = rf"""\ ++(?:'(?P<single>(?:[^']++|'')*+)'|"(?P<double>[^"\\]*+)"|(?P<plain>{_PLAIN}))"""
_KEY = re.compile(rf"(?P<key>[A-Za-z_][A-Za-z0-9_-]{{0,99}}):(?:{_TEXT})?\ *+", re.VERBOSE)
_ITEM = re.compile(rf"(?P<indent>\ *+)-{_TEXT}\ *+", re.VERBOSE)


def read_lines(block: str) -> Fields | None:
    """Return the fields of a block, with the lines of their keys; None where it needs a parser."""
    if _ODD.search(block):
        return None
    values: dict[str, Value] = {}
    lines: dict[str, int] = {}
    items: list[Value] = []
    last, indent = "", ""  # the key without a text above, and how far its items are indented
    for number, line in enumerate(block.removesuffix("\n").split("\n")):
        if match := _KEY.fullmatch(line):
            key = match["key"].lower()
            if key in values or match["key"] in NULLS:
                return None
            values[key] = _text(match)
            lines[key] = number
            last = "" if match.lastgroup != "key" else key
            items = []
        elif last and (match := _ITEM.fullmatch(line)) and (not items or match["indent"] == indent):
            items.append(_text(match))
            values[last], indent = items, match["indent"]
        else:
            return None
    return Fields(values=values, lines=lines)


def _text(match: re.Match[str]) -> str:
    single, double, plain = match["single"], match["double"], match["plain"]
    if single:
        return written(single.replace("''", "'"))
    return written(double or ("" if plain is None or plain in NULLS else plain))
