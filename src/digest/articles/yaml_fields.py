"""YAML fields: a block of YAML read as text and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from digest.articles.fields import MAX_NESTING, Fields, Unreadable, Value, too_deep, written
from digest.articles.habits import TEXT_KEYS

#: libyaml's parser where PyYAML was built with it: four times as fast.
LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_LINE = re.compile(r"([A-Za-z_]+)[^\S\n]*:[^\S\n]+(\S.*)")


def read_yaml(block: str) -> Fields:
    """Return what a block of YAML says; raises Unreadable with the line.

    Scalars stay the text that was written: no numbers, truths, dates or nothings. Of a repeated
    key the last one counts. A line of a key that holds text is read as it stands where it is no
    YAML.
    """
    try:
        return _read(block)
    except Unreadable:
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
            plain = isinstance(_read(line).values[match[1].lower()], str)
        except Unreadable:
            plain = False
        if not plain:
            lines[number] = f"{match[1]}: '{_unquoted(match[2]).replace(chr(39), chr(39) * 2)}'"
    return "\n".join(lines)


def _unquoted(raw: str) -> str:
    text = raw.strip()
    while len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


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
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.NodeEvent):
                if event.anchor is not None:
                    name = "alias" if isinstance(event, yaml.AliasEvent) else "anchor"
                    raise Unreadable(_line(event), f"it uses an {name}; quote the value")
                yield event
            elif isinstance(event, yaml.CollectionEndEvent):
                yield event
    finally:
        loader.dispose()


def _build(events: Iterator[yaml.Event]) -> Fields:
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
                    lines[value.lower()] = line
            else:
                raise Unreadable(line, "a key must be plain text")
        if not isinstance(value, str):
            if len(open_ones) == MAX_NESTING:
                raise too_deep(line)
            open_ones.append((value, None))
    return Fields(values=root or {}, lines=lines)


def _line(event: yaml.Event) -> int:
    return getattr(event.start_mark, "line", 0)


def _opened(event: yaml.Event) -> Value:
    """Return the text of a scalar, or an empty list or mapping where one starts."""
    if isinstance(event, yaml.ScalarEvent):
        return written(event.value)
    return {} if isinstance(event, yaml.MappingStartEvent) else []
