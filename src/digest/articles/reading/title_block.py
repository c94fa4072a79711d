"""Read the title block of Pandoc: lines that begin with ``%``."""

# pure
from __future__ import annotations

import re

from digest.articles.reading.fields import MAX_LENGTH, Fields, Value, written

#: Title, authors and date in this order; further lines of one are indented, and each may be empty.
_BLOCK = re.compile(
    r"%(?P<title>[^\S\n][^\n]*(?:\n[^\S\n]+\S[^\n]*){0,50})"
    r"(?:\n%(?P<author>(?:[^\S\n][^\n]*)?(?:\n[^\S\n]+\S[^\n]*){0,50})"
    r"(?:\n%(?P<date>(?:[^\S\n][^\n]*)?))?)?[^\S\n]*(?=\n[^\S\n]*\n|\n?\Z)"
)
_BETWEEN_AUTHORS = re.compile(r"[;\n]")


def read_title_block(text: str) -> tuple[Fields, int] | None:
    """Return the fields of the title block at the start of a text, and the body's offset.

    None if there is none, or it has no title.
    """
    block = _BLOCK.match(text, 0, MAX_LENGTH)
    title = " ".join(block["title"].split()) if block else ""
    if not block or not title:
        return None
    values: dict[str, Value] = {"title": written(title)}
    lines = {"title": 0}
    names = [name.strip() for name in _BETWEEN_AUTHORS.split(block["author"] or "")]
    if any(names):
        values["author"] = [written(name) for name in names if name]
        lines["author"] = text.count("\n", 0, block.start("author"))
    if date := (block["date"] or "").strip():
        values["date"] = written(date)
        lines["date"] = text.count("\n", 0, block.start("date"))
    return Fields(values=values, lines=lines), block.end()
