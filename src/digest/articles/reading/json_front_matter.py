"""Front matter in JSON, as Hugo and Hexo write it; all scalars stay text."""

# pure
from __future__ import annotations

import json
import re
from typing import TypeAlias

from digest.articles.reading.fields import (
    MAX_LENGTH,
    MAX_NESTING,
    Fields,
    Repair,
    Unreadable,
    Value,
    repeated,
    too_deep,
    written,
)

#: What the parser gives; numbers stay text.
_Native: TypeAlias = "str | bool | list[_Native] | dict[str, _Native] | None"

#: A string, closed or not, with the colon that makes it a key; or what opens and closes.
_TOKEN = re.compile(r'"((?:[^"\\]++|\\.)*+)"?(\s*+:)?|[{}\[\]]', re.DOTALL)


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
        root: dict[str, _Native] = decoder.decode(block)
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno - 1, error.msg) from error
    values = {written(key).lower(): _text(value) for key, value in root.items()}
    lines, repairs = _lines(block)
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


def _text(value: _Native) -> Value:
    """Return a value of the parser as text, lists and objects of text."""
    if isinstance(value, str):
        return written(value)
    if isinstance(value, list):
        return [_text(item) for item in value]
    if isinstance(value, dict):
        return {written(name).lower(): _text(item) for name, item in value.items()}
    return json.dumps(value) if value is not None else ""


def _lines(block: str) -> tuple[dict[str, int], list[Repair]]:
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
