"""Front matter in TOML and JSON, as Hugo, Zola and Hexo write it; all scalars are text."""

# pure
from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Hashable
from datetime import date, datetime, time
from typing import TypeAlias, cast

from digest.articles.reading.fields import (
    MAX_LENGTH,
    MAX_NESTING,
    Fields,
    Key,
    Repair,
    Unreadable,
    Value,
    repeated,
    too_deep,
    written,
)

#: Values of the TOML parser; floats stay text.
_Toml: TypeAlias = "str | int | datetime | date | time | list[_Toml] | dict[str, _Toml]"
#: How a value is written, by its key and what it means.
_Spellings: TypeAlias = dict[tuple[str, type, Hashable], str]

#: TOML 1.0: integers have 64 bits; the parser itself sets no bound.
_MAX_BITS = 64
#: Dotted keys that nobody writes; the parser takes time that is quadratic in their parts.
_ENDLESS_KEY = re.compile(r"(?<![\w-])(?:(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}")
#: A number, a truth, a date or a time.
_BARE = re.compile(r"[\w+-][\w+.: -]{0,40}", re.ASCII)
_LINE_OF_ERROR = re.compile(r"\(at line ([0-9]+), column [0-9]+\)\Z")
_KEY_LINE = re.compile(r"\s*+\[{0,2}+\s*+(?:([\w-]+)|\"([^\"]*)\"|'([^']*)')\s*([.=\]])\s*(.*)")
#: Values of the JSON parser; numbers stay text.
_Json: TypeAlias = "str | bool | list[_Json] | dict[str, _Json] | None"

#: A string, closed or not, with the colon that makes it a key; or what opens and closes.
_TOKEN = re.compile(r'"((?:[^"\\]++|\\.)*+)"?(\s*+:)?|[{}\[\]]', re.DOTALL)


def read_toml(block: str) -> Fields:
    """Return the fields of a block of TOML; raise Unreadable with the line.

    Numbers, booleans, dates and times become text: as written if the value is on the line of its
    key, else in the usual form (RFC 3339 for dates).
    """
    endless = _ENDLESS_KEY.search(block)
    if endless:
        raise too_deep(block.count("\n", 0, endless.start()))
    try:
        root: dict[str, _Toml] = tomllib.loads(block, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        cause = str(error)
        at = _LINE_OF_ERROR.search(cause)
        line = int(at[1]) - 1 if at else block.count("\n")
        raise Unreadable(line, cause[: at.start()].strip() if at else cause) from error
    except ValueError as error:  # an integer of thousands of digits
        raise _too_long(0) from error
    except RecursionError as error:
        raise too_deep(0) from error
    lines, spellings = _scan(block)
    values = {
        key.lower(): _toml_text(value, key, spellings, lines.get(key.lower(), 0), depth=1)
        for key, value in root.items()
    }
    return Fields(values=values, lines={key: lines.get(key, 0) for key in values})


def _scan(block: str) -> tuple[dict[str, int], _Spellings]:
    """Return the first line of each key, and how bare values behind a key are written."""
    lines: dict[str, int] = {}
    spellings: _Spellings = {}
    for number, line in enumerate(block.split("\n")):
        match = _KEY_LINE.match(line)
        if match:
            key = match[1] or match[2] or match[3] or ""
            lines.setdefault(key.lower(), number)
            spelling = match[5].partition("#")[0].strip()
            if match[4] == "=" and _BARE.fullmatch(spelling):
                value = _parsed(spelling)
                spellings.setdefault((key, type(value), value), spelling)
    return lines, spellings


def _parsed(spelling: str) -> Hashable:
    """Return the parsed value of a bare spelling; None if it is invalid."""
    try:
        return cast("Hashable", tomllib.loads(f"value = {spelling}")["value"])
    except tomllib.TOMLDecodeError:
        return None


def _toml_text(value: _Toml, key: str, spellings: _Spellings, line: int, *, depth: int) -> Value:
    """Return a value of the parser as text, lists and tables of text."""
    if isinstance(value, str):
        return written(value)
    if isinstance(value, (list, dict)):
        if depth == MAX_NESTING:
            raise too_deep(line)
        if isinstance(value, list):
            return [_toml_text(item, "", spellings, line, depth=depth + 1) for item in value]
        return {
            Key(name): _toml_text(item, name, spellings, line, depth=depth + 1)
            for name, item in value.items()
        }
    spelling = spellings.get((key, type(value), value))
    if spelling is not None:
        return spelling
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        if value.bit_length() > _MAX_BITS:
            raise _too_long(line)
        return str(value)
    return value.isoformat()


def _too_long(line: int) -> Unreadable:
    return Unreadable(line, f"it holds a number of over {_MAX_BITS} bits")


def object_end(text: str, start: int) -> int:
    """Return where the object ends that opens at ``start``.

    Raises Unreadable if it has no end, is too long or nests too deep.
    """
    depth = 0
    for token in _TOKEN.finditer(text, start, start + MAX_LENGTH):
        if token[0] in "{[":
            depth += 1
            if depth > MAX_NESTING:
                raise too_deep(text.count("\n", start, token.start()))
        elif token[0] in "}]":
            depth -= 1
            if not depth:
                return token.end()
    if len(text) - start > MAX_LENGTH:
        raise Unreadable(0, f"it is longer than {MAX_LENGTH} characters")
    raise Unreadable(0, "it has no closing }")


def read_json(block: str) -> Fields:
    """Return the fields of an object; raise Unreadable with the line.

    Numbers and truths stay the text that was written, ``null`` is empty. Of a repeated key the
    last one counts. Line ends and tabs in strings are fine.
    """
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)
    try:
        root: dict[str, _Json] = decoder.decode(block)
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno - 1, error.msg) from error
    values = {written(key).lower(): _json_text(value) for key, value in root.items()}
    lines, repairs = _json_lines(block)
    return Fields(
        values=values,
        lines={key: lines.get(key, 0) for key in values},
        repairs=tuple(repairs),
    )


def read_members(block: str) -> Fields:
    """Return the fields of an object or, as in Hexo, of its members without braces."""
    whole = block if block.lstrip().startswith("{") else f"{{{block}}}"
    end = object_end(whole, 0)
    if whole[end:].strip():
        raise Unreadable(whole.count("\n", 0, end), "something stands behind the object")
    return read_json(whole[:end])


def _json_text(value: _Json) -> Value:
    """Return a value of the parser as text, lists and objects of text."""
    if isinstance(value, str):
        return written(value)
    if isinstance(value, list):
        return [_json_text(item) for item in value]
    if isinstance(value, dict):
        return {Key(written(name)): _json_text(item) for name, item in value.items()}
    return json.dumps(value) if value is not None else ""


def _json_lines(block: str) -> tuple[dict[str, int], list[Repair]]:
    """Return the lines of the outermost keys, and which of them are there again."""
    lines: dict[str, int] = {}
    repairs: list[Repair] = []
    depth = line = seen = 0
    for token in _TOKEN.finditer(block):
        depth += (token[0] in "{[") - (token[0] in "}]")
        if depth == 1 and token[2]:
            line += block.count("\n", seen, token.start())
            seen = token.start()
            key = token[1].lower()
            if key in lines:
                repairs.append(repeated(key, line))
            lines[key] = line
    return lines, repairs
