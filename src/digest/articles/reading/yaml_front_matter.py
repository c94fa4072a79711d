"""YAML fields: a block of YAML read as text and nothing else."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import yaml

from digest.articles.reading.fields import (
    MAX_NESTING,
    Fields,
    Repair,
    Unreadable,
    Value,
    repeated,
    too_deep,
    written,
)
from digest.articles.reading.yaml_repair import mended

#: libyaml's parser where PyYAML was built with it: four times as fast.
LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What stands at the margin inside quotes when the line before never closed its own.
_KEY_AT_MARGIN = re.compile(r"[A-Za-z_]+[^\S\n]*:(?:\s|\Z)")


def read_yaml(block: str) -> Fields:
    """Return what a block of YAML says; raises Unreadable with the line.

    Scalars stay the text that was written: no numbers, truths, dates or nothings. Of a repeated
    key the last one counts. Where the block is no YAML but its meaning is plain, that is read,
    and ``repairs`` tells of it.
    """
    try:
        return _read(block)
    except Unreadable:
        again, repairs = mended(block, _read)
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
