"""Front matter: the YAML block at the head of a file, read as text and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeAlias

import yaml

from digest.articles.characters import publishable
from digest.errors import SourceError

#: A value: text as written, a list, or names with values.
Value: TypeAlias = "str | list[Value] | dict[str, Value]"

#: Characters of a front matter; a longer one is a body that lost its end.
MAX_LENGTH = 65_536
#: Lists and mappings inside each other.
MAX_NESTING = 8
#: Keys whose value is one line of text, so that a line that is no YAML can be read all the same.
TEXT_KEYS = frozenset(
    {"title", "author", "summary", "excerpt", "description", "link", "source", "external_url"}
    | {"canonical", "headimg", "thumbnail", "cover", "image", "date", "published", "pubdate"}
    | {"category", "lang", "language", "id", "guid"}
)

#: libyaml's parser where PyYAML was built with it: four times as fast.
LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING = re.compile(r"\ufeff?(?:[^\S\n]*\n)*---[^\S\n]*(?:\n|\Z)")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.MULTILINE)
_TEXT_LINE = re.compile(r"([A-Za-z_]+)[^\S\n]*:[^\S\n]+(\S.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """A file's text, taken apart."""

    fields: Mapping[str, Value]  #: by key in lower case; empty where there is no front matter
    lines: Mapping[str, int] = field(default_factory=dict)  #: 1-based line in the file, by key
    body: str
    body_line: int = 1  #: 1-based line in the file where the body starts
    present: bool = False  #: whether there is a front matter at all


class _Problem(Exception):
    """Why a block is no front matter."""

    def __init__(self, line: int, cause: str) -> None:
        super().__init__(line, cause)
        self.line = line  #: 0-based within the block
        self.cause = cause


def split(text: str, path: PurePosixPath) -> FrontMatter:
    """Return the front matter and the body of a decoded file.

    Scalars stay the text that was written: no numbers, truths, dates or nothings. Template
    escapes (``&#123;``) are decoded. Of a repeated key the last one counts. A line of a key that
    holds text is read as it stands where it is no YAML. Raises SourceError with the line.
    """
    opening = _OPENING.match(text)
    if not opening:
        return FrontMatter(fields={}, body=text)
    first = text.count("\n", 0, opening.end()) + 1
    closing = _CLOSING.search(text, opening.end())
    if not closing:
        raise SourceError(path, first - 1, "the front matter has no closing --- line")
    block = text[opening.end() : closing.start()]
    if len(block) > MAX_LENGTH:
        raise SourceError(path, first, f"the front matter is longer than {MAX_LENGTH} characters")
    try:
        fields, lines = _read_or_salvage(block)
    except _Problem as problem:
        cause = f"the front matter cannot be read: {problem.cause}"
        raise SourceError(path, first + problem.line, cause) from problem
    return FrontMatter(
        fields=fields,
        lines={key: first + line for key, line in lines.items()},
        body=text[closing.end() :],
        body_line=text.count("\n", 0, closing.end()) + 1,
        present=True,
    )


def _read_or_salvage(block: str) -> tuple[dict[str, Value], dict[str, int]]:
    try:
        return _read(block)
    except _Problem:
        mended = _mended(block)
        if mended == block:
            raise
        return _read(mended)


def _mended(block: str) -> str:
    """Return ``block`` with those lines quoted that hold one text and are no YAML by themselves."""
    lines = block.split("\n")
    for number, line in enumerate(lines):
        match = _TEXT_LINE.fullmatch(line)
        if not match or match[1].lower() not in TEXT_KEYS:
            continue
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if following[:1].isspace() and following.strip():
            continue  # the value goes on: not plain what was meant
        try:
            fields, _ = _read(line)
            plain = isinstance(fields[match[1].lower()], str)
        except _Problem:
            plain = False
        if not plain:
            lines[number] = f"{match[1]}: '{_unquoted(match[2]).replace(chr(39), chr(39) * 2)}'"
    return "\n".join(lines)


def _unquoted(raw: str) -> str:
    text = raw.strip()
    while len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


def _read(block: str) -> tuple[dict[str, Value], dict[str, int]]:
    """Return the values and the lines (0-based) of a block's keys, or raise _Problem."""
    try:
        return _build(_events(block))
    except yaml.MarkedYAMLError as error:
        line = getattr(error.problem_mark, "line", 0)
        raise _Problem(line, error.problem or "it is not YAML") from error
    except yaml.YAMLError as error:  # the only unmarked one
        raise _Problem(0, "it holds a character that YAML does not allow") from error


def _events(block: str) -> Iterator[yaml.Event]:
    """Yield the starts, scalars and ends of a block, none of them an alias or anchored."""
    loader = LOADER(block)
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.NodeEvent):
                if event.anchor is not None:
                    name = "alias" if isinstance(event, yaml.AliasEvent) else "anchor"
                    raise _Problem(_line(event), f"it uses an {name}; quote the value")
                yield event
            elif isinstance(event, yaml.CollectionEndEvent):
                yield event
    finally:
        loader.dispose()


def _build(events: Iterator[yaml.Event]) -> tuple[dict[str, Value], dict[str, int]]:
    """Return the root mapping and its keys' lines, without recursion and without aliases."""
    root: dict[str, Value] | None = None
    lines: dict[str, int] = {}
    open_ones: list[tuple[list[Value] | dict[str, Value], str | None]] = []
    for event in events:
        line = _line(event)
        if isinstance(event, yaml.CollectionEndEvent):
            open_ones.pop()
            continue
        value = _opened(event)
        if not open_ones:
            if root is not None or not isinstance(value, dict):
                raise _Problem(line, "it must be lines of the form key: value")
            root = value
        else:
            holder, key = open_ones[-1]
            if isinstance(holder, list):
                holder.append(value)
            elif key is not None:
                holder[key] = value
                open_ones[-1] = (holder, None)
            elif isinstance(value, str):
                open_ones[-1] = (holder, value.lower())
                if len(open_ones) == 1:
                    lines[value.lower()] = line
            else:
                raise _Problem(line, "a key must be plain text")
        if not isinstance(value, str):
            if len(open_ones) == MAX_NESTING:
                raise _Problem(line, f"it nests deeper than {MAX_NESTING} levels")
            open_ones.append((value, None))
    return root or {}, lines


def _line(event: yaml.Event) -> int:
    return getattr(event.start_mark, "line", 0)


def _opened(event: yaml.Event) -> Value:
    """Return the text of a scalar, or an empty list or mapping where one starts."""
    if isinstance(event, yaml.ScalarEvent):
        return publishable(event.value.replace("&#123;", "{").replace("&#125;", "}"))
    return {} if isinstance(event, yaml.MappingStartEvent) else []
