"""Front matter: separate the metadata at the head of a file from its body."""

# pure
from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from digest.articles.model import MARKDOWN_SUFFIXES, TEXT_SUFFIXES, Note, Severity
from digest.articles.reading.fields import (
    MAX_LENGTH,
    Fields,
    Unreadable,
    Value,
    written,
)
from digest.articles.reading.front_matter_keys import KNOWN_KEYS, LIST_KEYS, TEXT_KEYS
from digest.articles.reading.plain_front_matter import (
    read_plain,
    read_prefixed,
    read_title_block,
)
from digest.articles.reading.toml_json_front_matter import (
    object_end,
    read_json,
    read_members,
    read_toml,
)
from digest.articles.reading.yaml_front_matter import read_yaml
from digest.errors import SourceError

_START = r"\ufeff?(?:[^\S\n]*\n)*"
#: The language behind the sign, ``---json``, is what Eleventy takes.
#: More than three signs, as Hexo takes them, open it only above a key: they may be a rule, too.
_FENCE = re.compile(
    _START
    + r"(-{3,}|\+\+\+|;{3,})[^\S\n]*(ya?ml|toml|json)?(?:[^\S\n]+\#[^\n]*)?[^\S\n]*(?:\n|\Z)",
    re.IGNORECASE,
)
_ABOVE_KEY = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:\{|[\w\"'-]+\s*[:=])")
#: A brace that opens JSON; one of a template or of a sentence has no key behind it.
_BRACE = re.compile(_START + r'[^\S\n]*(?=\{\s*+(?:\}|"(?:[^"\\\n]|\\.)*+"\s*+:))')
_BLANK = re.compile(_START)
_REST_OF_LINE = re.compile(r"[^\S\n]*(?:\n|\Z)|")

#: How the block behind each fence ends, and who reads it.
_FENCED: Mapping[str, tuple[str, Callable[[str], Fields]]] = {
    "-": (r"^(?:-{%d}|\.\.\.)[^\S\n]*(?:\n|\Z)", read_yaml),
    "+": (r"^\+{%d}[^\S\n]*(?:\n|\Z)", read_toml),
    ";": (r"^;{%d}[^\S\n]*(?:\n|\Z)", read_members),
}
#: What ends a block that no fence as long as the first one ends.
_LONGER: Mapping[str, str] = {sign: rf"^{re.escape(sign)}{{4,}}[^\S\n]*(?:\n|\Z)" for sign in "-+;"}
_LANGUAGES = {"yaml": read_yaml, "yml": read_yaml, "toml": read_toml, "json": read_members}
#: What a head without an opening fence is made of, as Hexo writes it: keys, items, what is
#: indented, comments, members of an object. Then it is closed.
_HEAD = re.compile(
    r"""(?P<block>(?:[\w-]+[^\S\n]*:(?=\s)|")[^\n]*\n
    (?:(?:[\w-]+[^\S\n]*:(?=\s)|[^\S\n]+(?=\S)|-[^\S\n]|[\#"\]}])[^\n]*\n){0,500}+)
    (?P<fence>-{3,}|;{3,})[^\S\n]*(?:\n|\Z)""",
    re.VERBOSE | re.ASCII,
)
_HEAD_KEY = re.compile(r"^[^\S\n]*\"?([A-Za-z_]+)\"?[^\S\n]*[:=\uff1a]", re.MULTILINE)
#: Hyphens, and dashes that programs make of them.
_DASH = "[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]"
_FENCE_OF_DASHES = rf"(?:---+|(?=-*[^-\s]){_DASH}{{1,6}})"
_LOOSE_FENCE = re.compile(
    r"(?:\s*\n|[\u200b-\u200f\u2060]|<!--(?>(?s:.*?)-->))*+[ \u200b-\u200f\u2060]{0,3}"
    rf"(?P<fence>{_FENCE_OF_DASHES}|\+\+\++)[^\S\n]*\n"
)
_LOOSE_CLOSING = {
    "-": re.compile(rf"^[^\S\n]*(?:{_FENCE_OF_DASHES}|\.\.\.)[^\S\n]*(?:\n|\Z)", re.MULTILINE),
    "+": re.compile(r"^[^\S\n]*\+\+\++[^\S\n]*(?:\n|\Z)", re.MULTILINE),
}
#: Blanks that YAML takes for letters, where a line begins.
_ODD_INDENT = re.compile("^[ \u00a0\u3000]*[\u00a0\u3000][ \u00a0\u3000]*", re.MULTILINE)
#: Tables whose keys count as keys of the front matter where that has none of the name: Zola's
#: two, and Hugo's. The earlier wins.
_TABLES = ("taxonomies", "extra", "params")
#: What stands for ``_`` within a key, as in ``date created``.
_BLANKS = re.compile("[ -]+")
#: Keys that count at the top only: what a theme numbers is no identity.
_TOP_ONLY = frozenset({"id", "guid", *_TABLES})
#: Metadata of a document of HTML.
_META = re.compile(r"<meta\s([^<>]{1,4000})>", re.IGNORECASE)
_META_ATTRIBUTE = re.compile(r"(name|content)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
#: Names of metadata that Pelican reads; without one of the second set they are not for it.
_META_NAMES = frozenset(
    {"author", "authors", "category", "date", "lang", "modified", "status", "summary", "tags"}
)
_META_TELLING = frozenset({"authors", "category", "date", "modified", "summary", "tags"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """The front matter and the body of a file."""

    fields: Mapping[str, Value]  #: by key in lower case; empty where there is no front matter
    lines: Mapping[str, int] = field(default_factory=dict)  #: 1-based line in the file, by key
    body: str
    present: bool = False  #: whether there is a front matter at all
    notes: tuple[Note, ...] = ()  #: what is broken in it, though its meaning is plain


def split(text: str, path: PurePosixPath) -> FrontMatter:
    """Return the front matter and the body of a decoded file.

    It is YAML between lines of ``---``, TOML between lines of ``+++``, JSON between lines of
    ``;;;`` or as an object at the start. In Markdown it may also be lines of ``Key: value`` there,
    up to an empty line or a fence that none has opened, or a title block of Pandoc. Scalars stay
    the text that was written: no numbers, truths, dates or nothings. Template escapes (``&#123;``)
    are decoded.

    Raises SourceError with the line.
    """
    fence = _FENCE.match(text)
    if fence and (fence[1][0] == "-" or not fence[2]):
        front = _fenced(text, path, fence)
        if front:
            return front
    brace = _BRACE.match(text)
    if brace:
        return _object(text, path, brace.end())
    head = None
    if path.suffix.lower() in MARKDOWN_SUFFIXES:
        head = (
            _above_body(text, read_plain)
            or _headless(text, path)
            or _above_body(text, read_title_block)
            or _above_body(text, read_prefixed)
        )
    elif path.suffix.lower() not in TEXT_SUFFIXES:
        head = _metadata(text)
    return head or _loosely_fenced(text, path) or FrontMatter(fields={}, body=text)


def _loosely_fenced(text: str, path: PurePosixPath) -> FrontMatter | None:
    """Return the file whose front matter is fenced almost as it should be, else None.

    The fence may be indented, stand behind a comment or marks that are not seen, or be of dashes
    that are no hyphens, as programs that correct typing make them. As with plain lines, there must
    be a title or two known keys.
    """
    fence = _LOOSE_FENCE.match(text, 0, MAX_LENGTH)
    if not fence or not _ABOVE_KEY.match(text, fence.end()):
        return None
    signs = "+" if fence["fence"][0] == "+" else "-"
    closing = _LOOSE_CLOSING[signs].search(text, fence.end(), fence.end() + MAX_LENGTH)
    if not closing or not _has_known_keys(text[fence.end() : closing.start()]):
        return None
    front = _read(text, path, _FENCED[signs][1], (fence.end(), closing.start(), closing.end()))
    line = text.count("\n", 0, fence.start("fence")) + 1
    cause = f"the front matter begins with no plain {signs * 3} at the start of the file"
    odd = Note(severity=Severity.SALVAGED, line=line, cause=cause)
    return replace(front, notes=(odd, *front.notes))


def _has_known_keys(block: str) -> bool:
    keys = {key.lower() for key in _HEAD_KEY.findall(block)}
    return "title" in keys or len(keys & (TEXT_KEYS | LIST_KEYS)) > 1


def _metadata(text: str) -> FrontMatter | None:
    """Return a document of HTML with Pelican's ``<meta name="date" content="…">`` in its head."""
    end = text.find("</head", 0, MAX_LENGTH) if "<meta" in text[:MAX_LENGTH] else -1
    fields: dict[str, Value] = {}
    lines: dict[str, int] = {}
    for tag in _META.finditer(text, 0, max(end, 0)):
        given = {name.lower(): html.unescape(value or other) for name, value, other in
                 _META_ATTRIBUTE.findall(tag[1])}  # fmt: skip
        name = given.get("name", "").lower()
        if name in _META_NAMES and given.get("content"):
            fields[name] = written(given["content"])
            lines[name] = text.count("\n", 0, tag.start()) + 1
    if fields.keys().isdisjoint(_META_TELLING):
        return None
    return FrontMatter(fields=fields, lines=lines, body=text)


def _fenced(text: str, path: PurePosixPath, fence: re.Match[str]) -> FrontMatter | None:
    """Return the file that a fence opens; None where more than three signs are only a rule."""
    signs, start = fence[1], fence.end()
    closing, read = _FENCED[signs[0]]
    read = _LANGUAGES[fence[2].lower()] if fence[2] else read
    longer = len(signs) > len("---")
    if longer and not _ABOVE_KEY.match(text, start):
        return None
    end = _search(closing % len(signs), text, start)
    if longer and not end:  # it may be closed by another number of signs
        end = _search(closing % len("---"), text, start)
    if not end:
        end = _search(_LONGER[signs[0]], text, start)
    if end:
        return _read(text, path, read, (start, end.start(), end.end()))
    if longer:
        return None
    first = text.count("\n", 0, start)
    raise SourceError(path, max(first, 1), f"the front matter has no closing {signs} line")


def _search(pattern: str, text: str, start: int) -> re.Match[str] | None:
    return re.compile(pattern, re.MULTILINE).search(text, start)


def _read(
    text: str, path: PurePosixPath, read: Callable[[str], Fields], places: tuple[int, int, int]
) -> FrontMatter:
    """Return the file whose block starts and ends at the first two places, the body at the last."""
    start, end, body = places
    first = text.count("\n", 0, start) + 1
    if end - start > MAX_LENGTH:
        raise SourceError(path, first, f"the front matter is longer than {MAX_LENGTH} characters")
    try:
        fields = read(_ODD_INDENT.sub(lambda blanks: " " * len(blanks[0]), text[start:end]))
    except Unreadable as problem:
        raise _failure(problem, path, first) from problem
    return _apart(fields, first, text, body)


def _object(text: str, path: PurePosixPath, start: int) -> FrontMatter:
    first = text.count("\n", 0, start) + 1
    try:
        end = object_end(text, start)
        fields = read_json(text[start:end])
    except Unreadable as problem:
        raise _failure(problem, path, first) from problem
    rest = _REST_OF_LINE.match(text, end)
    return _apart(fields, first, text, rest.end() if rest else end)


def _above_body(text: str, read: Callable[[str], tuple[Fields, int] | None]) -> FrontMatter | None:
    """Return the file if a head without a fence can be read after blank lines, else None."""
    start = _BLANK.match(text)
    offset = start.end() if start else 0
    head = read(text[offset:])
    if not head:
        return None
    fields, end = head
    return _apart(fields, text.count("\n", 0, offset) + 1, text, offset + end)


def _headless(text: str, path: PurePosixPath) -> FrontMatter | None:
    """Return the file if a closing fence ends a head without an opening one, else None.

    As with plain lines, the head needs a title or two known keys.
    """
    blank = _BLANK.match(text)
    head = _HEAD.match(text, blank.end() if blank else 0)
    if not head or not _has_known_keys(head["block"]):
        return None
    return _read(
        text, path, _FENCED[head["fence"][0]][1], (head.start(), head.end("block"), head.end())
    )


def _failure(problem: Unreadable, path: PurePosixPath, first: int) -> SourceError:
    cause = f"the front matter cannot be read: {problem.cause}"
    return SourceError(path, first + problem.line, cause)


def _apart(fields: Fields, first: int, text: str, end: int) -> FrontMatter:
    """Return the file whose block starts in line ``first`` and whose body at ``end``."""
    values = dict(fields.values)
    lines = {key: first + line for key, line in fields.lines.items()}
    for table in _TABLES:
        inner = fields.values.get(table)
        for key, value in inner.items() if isinstance(inner, dict) else ():
            if key not in values and key not in _TOP_ONLY:
                values[key] = value
                lines[key] = lines[table]
    for key in [key for key in values if "-" in key or " " in key]:
        name = _BLANKS.sub("_", key)
        if name in KNOWN_KEYS and name not in values:
            values[name], lines[name] = values[key], lines[key]
    return FrontMatter(
        fields=values,
        lines=lines,
        body=text[end:],
        present=True,
        notes=tuple(
            Note(severity=Severity.SALVAGED, line=first + repair.line, cause=repair.cause)
            for repair in fields.repairs
        ),
    )
