"""Fields of a front matter by key, common to YAML, TOML, JSON and plain lines."""

# pure
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias

from digest.articles.characters import one_line, publishable

#: A value: text as written, a list, or names with values.
Value: TypeAlias = "str | list[Value] | dict[str, Value]"

#: Characters of a front matter; a longer one is a body that lost its end.
MAX_LENGTH = 65_536
#: Lists and mappings inside each other.
MAX_NESTING = 8
#: Characters of a value in a sentence about it.
MAX_SHOWN = 80


class Unreadable(Exception):
    """A block is no valid front matter; the file's author must correct it."""

    def __init__(self, line: int, cause: str) -> None:
        super().__init__(line, cause)
        self.line = line  #: 0-based within the block
        self.cause = cause


class Key(str):
    """A key of a mapping, in lower case, by which it is found; it knows how it is spelled."""

    __slots__ = ("spelling",)
    spelling: str

    def __new__(cls, spelling: str) -> Self:
        key = super().__new__(cls, spelling.lower())
        key.spelling = spelling
        return key


def spelling(key: str) -> str:
    """Return a key of a mapping as it is written."""
    return key.spelling if isinstance(key, Key) else key


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A mistake in a block that was repaired, because its meaning is clear."""

    line: int  #: 0-based within the block
    cause: str  #: what is wrong, and what it was read as; one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The values of a block, and their lines."""

    values: Mapping[str, Value]  #: by key in lower case
    lines: Mapping[str, int]  #: 0-based line within the block, for each key of ``values``
    repairs: tuple[Repair, ...] = ()  #: in the order of their lines


def written(text: str) -> str:
    """Return a scalar as published: template escapes decoded, no forbidden characters."""
    if "&" in text:
        text = text.replace("&#123;", "{").replace("&#125;", "}")
    return publishable(text)


def shown(text: str) -> str:
    """Return a value to quote in a message: one line, cut at ``MAX_SHOWN`` characters."""
    line = one_line(written(text))
    if len(line) > MAX_SHOWN:
        return f"{line[: MAX_SHOWN - 1]}…"
    return line or "''"


def repeated(key: str, line: int) -> Repair:
    """Return the repair for a key repeated at ``line``."""
    return Repair(line=line, cause=f"{shown(key)} is there more than once; the last one counts")


def too_deep(line: int) -> Unreadable:
    """Return the error for values nested too deeply."""
    return Unreadable(line, f"it nests deeper than {MAX_NESTING} levels")
