"""YAML fields: a block of YAML read as text and nothing else."""

# pure
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import yaml

from digest.articles.reading.fields import (
    MAX_NESTING,
    Fields,
    Repair,
    Unreadable,
    Value,
    repeated,
    shown,
    too_deep,
    written,
)
from digest.articles.reading.front_matter_keys import LIST_KEYS, PROSE_KEYS, TEXT_KEYS

#: libyaml's parser where PyYAML was built with it: four times as fast.
LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What stands at the margin inside quotes when the line before never closed its own.
_KEY_AT_MARGIN = re.compile(r"[A-Za-z_]+[^\S\n]*:(?:\s|\Z)")
#: A key at the margin with a value, maybe with no space between or a full-width colon.
_KEY_LINE = re.compile(r"([A-Za-z_]+)[^\S\n]*([:：])([^\S\n]*)(\S.*)")
_BARE_KEY = re.compile(r"([A-Za-z_]+)[^\S\n]*:[^\S\n]*\Z")
_ITEM = re.compile(r"([^\S\n]*-[^\S\n]+)(\S.*)")
_INDENT = re.compile(r"[^\S\n]*")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
#: What a list or a mapping starts with: where it is broken, nobody knows where it ends.
_OPENERS = ("[", "{")
#: With these YAML says something else than text (1.2, section 5.3), so that no text starts so.
_INDICATORS = tuple("[]{},?*&!|>%@`")


def read_yaml(block: str) -> Fields:
    """Return what a block of YAML says; raises Unreadable with the line.

    Scalars stay the text that was written: no numbers, truths, dates or nothings. Of a repeated
    key the last one counts. Where the block is no YAML but its meaning is plain, that is read,
    and ``repairs`` tells of it.
    """
    try:
        return _read(block)
    except Unreadable:
        again, repairs = _mended(block, _read)
        if not repairs:
            raise
        fields = _read(again)
    return replace(fields, repairs=tuple(sorted([*repairs, *fields.repairs], key=_place)))


def _read(block: str) -> Fields:
    """Return the values and the lines (0-based) of a block's keys, or raise Unreadable."""
    try:
        return _build(_events(block))
    except yaml.MarkedYAMLError as error:
        line = getattr(error.problem_mark, "line", 0)
        raise Unreadable(line, error.problem or "it is not YAML") from error
    except yaml.YAMLError as error:  # the only unmarked one
        raise Unreadable(0, "it holds a character that YAML does not allow") from error


def _events(block: str) -> Iterator[yaml.Event]:
    """Yield the starts, scalars and ends of a block, none of them an alias or anchored."""
    loader = LOADER(block)
    lines = block.split("\n")
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.NodeEvent):
                if event.anchor is not None:
                    name = "alias" if isinstance(event, yaml.AliasEvent) else "anchor"
                    raise Unreadable(_line(event), f"it uses an {name}; quote the value")
                _refuse_swallowed_keys(event, lines)
                yield event
            elif isinstance(event, yaml.CollectionEndEvent):
                yield event
    finally:
        loader.dispose()


def _refuse_swallowed_keys(event: yaml.NodeEvent, lines: list[str]) -> None:
    """Raise Unreadable for a text in quotes with a key of the front matter in it.

    YAML wants its further lines indented (1.2, section 7.3); libyaml takes any.
    """
    if not isinstance(event, yaml.ScalarEvent) or event.style not in ("'", '"'):
        return
    first, last = _line(event), getattr(event.end_mark, "line", 0)
    if any(map(_KEY_AT_MARGIN.match, lines[first + 1 : last + 1])):
        raise Unreadable(first, "a quote is not closed on its line")


def _build(events: Iterator[yaml.Event]) -> Fields:
    """Return the root mapping and its keys' lines, without recursion and without aliases."""
    root: dict[str, Value] | None = None
    lines: dict[str, int] = {}
    repairs: list[Repair] = []
    open_ones: list[tuple[list[Value] | dict[str, Value], str | None]] = []
    for event in events:
        line = _line(event)
        if isinstance(event, yaml.CollectionEndEvent):
            open_ones.pop()
            continue
        value = _opened(event)
        if not open_ones:
            if root is not None or not isinstance(value, dict):
                raise Unreadable(line, "it must be lines of the form key: value")
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
                    if value.lower() in lines:
                        repairs.append(repeated(value, line))
                    lines[value.lower()] = line
            else:
                raise Unreadable(line, "a key must be plain text")
        if not isinstance(value, str):
            if len(open_ones) == MAX_NESTING:
                raise too_deep(line)
            open_ones.append((value, None))
    return Fields(values=root or {}, lines=lines, repairs=tuple(repairs))


def _place(repair: Repair) -> int:
    return repair.line


def _line(event: yaml.Event) -> int:
    return getattr(event.start_mark, "line", 0)


def _opened(event: yaml.Event) -> Value:
    """Return the text of a scalar, or an empty list or mapping where one starts."""
    if isinstance(event, yaml.ScalarEvent):
        return written(event.value)
    return {} if isinstance(event, yaml.MappingStartEvent) else []


def _mended(block: str, read: Callable[[str], Fields]) -> tuple[str, list[Repair]]:
    """Return ``block`` with spaces for tabs and texts in quotes where that is what was meant.

    With it goes what was mended, none where nothing could be. ``read`` tells what is YAML,
    raising Unreadable. Mended are lines of known keys and of lists that are none by themselves;
    a text that goes on in the next line is left alone.
    """
    written = block.split("\n")
    lines = _without_tabs(written)
    repairs = _tabs(written, lines)
    key = ""
    for number, line in enumerate(lines):
        named = _KEY_LINE.match(line) or _BARE_KEY.match(line)
        key = named[1] if named else key
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if not (following.strip() and _indent(following) > _indent(line)):
            found = _mended_item(line, key, read) or _mended_key(line, read)
            if found:
                lines[number], cause = found
                repairs.append(Repair(line=number, cause=cause))
    return "\n".join(lines), repairs


def _mended_key(line: str, read: Callable[[str], Fields]) -> tuple[str, str] | None:
    """Return the line of a key with its value in quotes, and what was wrong with it."""
    match = _KEY_LINE.fullmatch(line)
    key = match[1].lower() if match else ""
    if not match or key not in TEXT_KEYS | LIST_KEYS:
        return None
    try:
        value = read(line).values.get(key)
        fine = value is not None and (isinstance(value, str) or key not in PROSE_KEYS)
    except Unreadable:
        fine = match[4].startswith(_OPENERS) and key not in PROSE_KEYS
    if fine:
        return None
    text = _unquoted(match[4])
    if match[2] == "：":
        trouble = "has a full-width colon"
    elif not match[3]:
        trouble = "has no space behind its colon"
    else:
        trouble = _trouble(match[4].strip())
    return f"{match[1]}: {_quoted(text)}", f"{match[1]} {trouble}; read as {shown(text)}"


def _mended_item(line: str, key: str, read: Callable[[str], Fields]) -> tuple[str, str] | None:
    """Return the line of an item with its text in quotes, and what was wrong with it."""
    match = _ITEM.fullmatch(line)
    if not match or match[2].startswith(_OPENERS):
        return None
    try:
        read(f"list:\n{line}")
    except Unreadable:
        text = _unquoted(match[2])
        of = f" of {key}" if key else ""
        cause = f"an item{of} {_trouble(match[2].strip())}; read as {shown(text)}"
        return match[1] + _quoted(text), cause
    return None


def _trouble(raw: str) -> str:
    """Return why YAML does not take a value for the text that it is."""
    first, inner = raw[0], raw[1:-1]
    if first not in "\"'":
        if raw.startswith(_INDICATORS):
            return f"starts with {first} and has no quotes around it"
        return "has a colon in it and no quotes around it" if ":" in raw else "is no YAML"
    if raw[-1] != first or len(raw) == 1:
        closed = first in _APOSTROPHE.sub("", inner)
        return "goes on behind a closing quote" if closed else "has a quote that is never closed"
    return "has quotes within quotes" if first in inner else "has a backslash that says nothing"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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


def _tabs(written: list[str], lines: list[str]) -> list[Repair]:
    """Return a repair for each run of lines whose tabs are spaces now."""
    changed = [old != new for old, new in zip(written, lines, strict=True)]
    return [
        Repair(line=number, cause="tabs indent it; each is read as two spaces")
        for number, (before, now) in enumerate(pairwise([False, *changed]))
        if now and not before
    ]


def _spaced(run: list[str]) -> list[str]:
    indents = [_INDENT.match(line) for line in run if line.strip()]
    if not all(indent and indent[0].strip("\t") == "" and indent[0] for indent in indents):
        return run
    return [line.replace("\t", "  ", _indent(line)) for line in run]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
