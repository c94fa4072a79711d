"""Salvage: lines of broken YAML whose meaning is plain, written so that YAML reads them."""

from __future__ import annotations

import re
from collections.abc import Callable

from digest.articles.fields import Fields, Unreadable
from digest.articles.habits import LIST_KEYS, PROSE_KEYS, TEXT_KEYS

#: A key at the margin with a value, maybe with no space between or a full-width colon.
_KEY_LINE = re.compile(r"([A-Za-z_]+)[^\S\n]*[:：][^\S\n]*(\S.*)")
_ITEM = re.compile(r"([^\S\n]*-[^\S\n]+)(\S.*)")
_INDENT = re.compile(r"[^\S\n]*")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
#: What a list or a mapping starts with: where it is broken, nobody knows where it ends.
_OPENERS = ("[", "{")


def mended(block: str, read: Callable[[str], Fields]) -> str:
    """Return ``block`` with tabs for spaces and texts in quotes where that is what was meant.

    ``read`` tells what is YAML, raising Unreadable. Mended are lines of known keys and of lists
    that are none by themselves; a text that goes on in the next line is left alone.
    """
    lines = _without_tabs(block.split("\n"))
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if not (following.strip() and _indent(following) > _indent(line)):
            lines[number] = _mended_item(line, read) or _mended_key(line, read) or line
    return "\n".join(lines)


def _mended_key(line: str, read: Callable[[str], Fields]) -> str | None:
    match = _KEY_LINE.fullmatch(line)
    key = match[1].lower() if match else ""
    if not match or key not in TEXT_KEYS | LIST_KEYS:
        return None
    try:
        value = read(line).values.get(key)
        fine = value is not None and (isinstance(value, str) or key not in PROSE_KEYS)
    except Unreadable:
        fine = match[2].startswith(_OPENERS) and key not in PROSE_KEYS
    return None if fine else f"{match[1]}: {_quoted(match[2])}"


def _mended_item(line: str, read: Callable[[str], Fields]) -> str | None:
    match = _ITEM.fullmatch(line)
    if not match or match[2].startswith(_OPENERS):
        return None
    try:
        read(f"list:\n{line}")
    except Unreadable:
        return match[1] + _quoted(match[2])
    return None


def _quoted(raw: str) -> str:
    return "'" + _unquoted(raw).replace("'", "''") + "'"


def _unquoted(raw: str) -> str:
    """Return a text without the quotes around it, or the one at its start that never closes."""
    text = raw.strip()
    while len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if len(text) > 1 and text[0] in "\"'" and _APOSTROPHE.sub("", text).count(text[0]) == 1:
        text = text[1:].strip()
    return text


def _without_tabs(lines: list[str]) -> list[str]:
    """Return ``lines`` with two spaces for each tab, below keys indented by tabs alone."""
    mended: list[str] = []
    run: list[str] = []
    for line in [*lines, "end"]:
        if line[:1] not in ("", " ", "\t", "-"):  # a key at the margin
            mended += _spaced(run)
            run = []
            mended.append(line)
        else:
            run.append(line)
    return mended[:-1]


def _spaced(run: list[str]) -> list[str]:
    indents = [_INDENT.match(line) for line in run if line.strip()]
    if not all(indent and indent[0].strip("\t") == "" and indent[0] for indent in indents):
        return run
    return [line.replace("\t", "  ", _indent(line)) for line in run]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
