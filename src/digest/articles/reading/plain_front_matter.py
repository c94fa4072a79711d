"""Plain fields: lines of ``Key: value`` at the start of a Markdown file, as Pelican has them."""

# pure
from __future__ import annotations

import re

from digest.articles.reading.fields import MAX_LENGTH, Fields, Repair, repeated, written

#: Python-Markdown's meta-data syntax, whose head ends at an empty line.
_KEY_LINE = re.compile(r" {0,3}([A-Za-z][\w-]*):(?:[^\S\n]+(.*))?", re.ASCII)
_FURTHER = re.compile(r"(?: {4}|\t)\s*(\S.*)")
#: Pelican's keys. A sentence such as "Note: mind the gap" is no head, two of them neither.
_KNOWN = frozenset(
    {"title", "date", "modified", "tags", "keywords", "category", "slug", "author", "authors"}
    | {"summary", "lang", "translation", "status", "template", "save_as", "url"}
)


def read_plain(text: str) -> tuple[Fields, int] | None:
    """Return what the lines at the start of a text say, and where the text behind them starts.

    None where they are no such head: it needs a title or two keys that Pelican knows, and every
    line must be one of a key or go on from one, indented.
    """
    values: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    repairs: list[Repair] = []
    key, place = "", 0
    for number, line in enumerate(text[:MAX_LENGTH].split("\n")):
        if not line.strip():
            break
        match, further = _KEY_LINE.fullmatch(line), _FURTHER.fullmatch(line)
        if match:
            key = match[1].lower()
            if key in values:
                repairs.append(repeated(key, number))
            values[key] = [match[2] or ""]
            lines[key] = number
        elif further and key:
            values[key].append(further[1])
        else:
            return None
        place += len(line) + 1
    if place >= MAX_LENGTH or not ("title" in values or len(_KNOWN.intersection(values)) > 1):
        return None
    said = {key: written("\n".join(parts).strip()) for key, parts in values.items()}
    fields = Fields(values=dict(said), lines=lines, repairs=tuple(repairs))
    return fields, min(place, len(text))
