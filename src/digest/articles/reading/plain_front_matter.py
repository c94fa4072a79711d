"""Front matter without a fence of its own: lines of keys, title blocks, and comments with keys."""

# pure
from __future__ import annotations

import re

from digest.articles.reading.fields import MAX_LENGTH, Fields, Repair, Value, repeated, written

#: Python-Markdown's meta-data syntax, whose head ends at an empty line.
_PLAIN_KEY = re.compile(r" {0,3}([A-Za-z][\w-]*):(?:[^\S\n]+(.*))?", re.ASCII)
_PLAIN_FURTHER = re.compile(r"(?: {4}|\t)\s*(\S.*)")
#: Pelican's keys. A sentence such as "Note: mind the gap" is no head, two of them neither.
_PLAIN_KNOWN = frozenset(
    {"title", "date", "modified", "tags", "keywords", "category", "slug", "author", "authors"}
    | {"summary", "lang", "translation", "status", "template", "save_as", "url"}
)
#: Title, authors and date in this order; further lines of one are indented, and each may be empty.
_TITLE_BLOCK = re.compile(
    r"%(?P<title>[^\S\n][^\n]*(?:\n[^\S\n]+\S[^\n]*){0,50})"
    r"(?:\n%(?P<author>(?:[^\S\n][^\n]*)?(?:\n[^\S\n]+\S[^\n]*){0,50})"
    r"(?:\n%(?P<date>(?:[^\S\n][^\n]*)?))?)?[^\S\n]*(?=\n[^\S\n]*\n|\n?\Z)"
)
_BETWEEN_AUTHORS = re.compile(r"[;\n]")
#: Keywords of Org, and metadata of Nikola: in a comment where the text is Markdown.
_PREFIXED = (
    re.compile(r"(?P<lines>(?:\#\+[\w-]+:[^\n]*(?:\n|\Z))+)", re.ASCII),
    re.compile(r"(?P<lines>(?:\.\.[ ][\w-]+:[^\n]*(?:\n|\Z))+)", re.ASCII),
    re.compile(
        r"<!--[^\S\n]*+\n?"
        r"(?P<lines>(?:[^\S\n]*+(?:\.\.[ ])?[A-Za-z][\w-]*+:(?:[^\n-]|-(?!->))*+"
        r"(?:\n|(?=-->)))++)\s*+-->[^\S\n]*+(?=\n|\Z)",
        re.ASCII,
    ),
)
_PREFIX = re.compile(r"^[^\S\n]*(?:\#\+|\.\.[ ])?", re.MULTILINE)
#: Tags of Org, ``:one:two:``.
_ORG_TAGS = re.compile(r":(?:[\w@#%]+:)+")


def read_plain(text: str) -> tuple[Fields, int] | None:
    """Return the fields of ``Key: value`` lines at the start of a text, and the body's offset.

    None if they are no front matter: it needs a title or two keys that Pelican knows, and every
    line must be one of a key or go on from one, indented.
    """
    values: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    repairs: list[Repair] = []
    key, place = "", 0
    for number, line in enumerate(text[:MAX_LENGTH].split("\n")):
        if not line.strip():
            break
        match, further = _PLAIN_KEY.fullmatch(line), _PLAIN_FURTHER.fullmatch(line)
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
    if place >= MAX_LENGTH or not ("title" in values or len(_PLAIN_KNOWN.intersection(values)) > 1):
        return None
    joined = {key: written("\n".join(parts).strip()) for key, parts in values.items()}
    fields = Fields(values=dict(joined), lines=lines, repairs=tuple(repairs))
    return fields, min(place, len(text))


def read_title_block(text: str) -> tuple[Fields, int] | None:
    """Return the fields of the title block at the start of a text, and the body's offset.

    None if there is none, or it has no title.
    """
    block = _TITLE_BLOCK.match(text, 0, MAX_LENGTH)
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


def read_prefixed(text: str) -> tuple[Fields, int] | None:
    """Return the fields of keywords of Org or metadata of Nikola, and the body's offset.

    None if there are none at the start of a text, or they are no front matter, see ``read_plain``.
    """
    head = next(filter(None, (form.match(text, 0, MAX_LENGTH) for form in _PREFIXED)), None)
    lines = _PREFIX.sub("", head["lines"]).rstrip() if head else ""
    read = read_plain(lines + "\n") if lines else None
    if head is None or read is None or read[1] < len(lines):
        return None
    values = dict(read[0].values)
    tags = values.pop("filetags", "")
    if isinstance(tags, str) and _ORG_TAGS.fullmatch(tags):
        values.setdefault("tags", list(filter(None, tags.split(":"))))
    shift = text.count("\n", 0, head.start("lines"))
    moved = {key: line + shift for key, line in read[0].lines.items()}
    lines_of = {key: moved.get(key, moved.get("filetags", shift)) for key in values}
    return Fields(values=values, lines=lines_of, repairs=read[0].repairs), head.end()
