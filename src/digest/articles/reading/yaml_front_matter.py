"""Front matter in YAML; all scalars stay text.

Most of it is nothing but a text or a list of texts a line, and read line by line. A parser takes
five times as long, most of which goes into its events.
"""

# pure
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

import yaml

from digest.articles.reading.fields import (
    MAX_NESTING,
    Fields,
    Key,
    Repair,
    Unreadable,
    Value,
    repeated,
    shown,
    too_deep,
    written,
)
from digest.articles.reading.front_matter_keys import LIST_KEYS, PROSE_KEYS, TEXT_KEYS

#: Plain scalars that are nothing (YAML 1.2, section 10.3.2).
NULLS = frozenset({"~", "null", "Null", "NULL"})
#: Line ends beside LF, tabs, marks, and what YAML does not allow or Python does not encode.
_ODD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
#: A plain scalar that is no more than itself: no indicator begins it, no comment or key is in it.
_PLAIN = r"""[^\s?:,\[\]{}\#&*!|>'"%@`-](?:[^ :\#]++|:(?=[^ ])|\ ++(?=[^ ]))*+"""
_TEXT = rf"""\ ++(?:'(?P<single>(?:[^']++|'')*+)'|"(?P<double>[^"\\]*+)"|(?P<plain>{_PLAIN}))"""
_TEXT_KEY = re.compile(rf"(?P<key>[A-Za-z_][A-Za-z0-9_-]{{0,99}}):(?:{_TEXT})?\ *+", re.VERBOSE)
_TEXT_ITEM = re.compile(rf"(?P<indent>\ *+)-{_TEXT}\ *+", re.VERBOSE)
#: libyaml's parser where PyYAML was built with it: four times as fast.
LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What stands at the margin inside quotes when the line before never closed its own.
_KEY_AT_MARGIN = re.compile(r"[A-Za-z_]+[^\S\n]*:(?:\s|\Z)")
#: A key at the margin with a value, maybe with no space between or a full-width colon.
_KEY_LINE = re.compile(r"([A-Za-z_][\w-]*)[^\S\n]*([:：])([^\S\n]*)(\S.*)", re.ASCII)
#: With these, the value of a key that nobody knows may go on in further lines.
_MAY_GO_ON = ("[", "{", "'", '"', "|", ">", "&", "*", "!")
_BARE_KEY = re.compile(r"([A-Za-z_]+)[^\S\n]*:[^\S\n]*\Z")
_ITEM = re.compile(r"([^\S\n]*-[^\S\n]+)(\S.*)")
_INDENT = re.compile(r"[^\S\n]*")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
#: A quote behind a word and before a blank, a mark or another word of Chinese: it closes.
_CLOSES = re.compile(r"""(?<=\S)["'](?=[\s,.;:!?、，。；：！？和与與及跟或])""")
#: What a list or a mapping starts with: where it is broken, nobody knows where it ends.
_OPENERS = ("[", "{")
#: Values that the aliases of a block may stand for, so that no few lines become millions.
MAX_REPEATED = 1_000
#: With these YAML says something else than text (1.2, section 5.3), so that no text starts so.
_INDICATORS = tuple("[]{},?*&!|>%@`")


def read_yaml(block: str) -> Fields:
    """Return the fields of a block of YAML; raise Unreadable with the line.

    Scalars stay text: no numbers, booleans, dates or nulls. The last value of a repeated key
    counts. An invalid block with a clear meaning is read as meant, and listed in ``repairs``.
    """
    try:
        return _read(block)
    except Unreadable:
        again, repairs = _repaired(block)
        if not repairs:
            raise
        fields = _read(again)
    return replace(fields, repairs=tuple(sorted([*repairs, *fields.repairs], key=_place)))


def _read(block: str) -> Fields:
    """Return the values and the lines (0-based) of a block's keys, or raise Unreadable."""
    if fields := read_lines(block):
        return fields
    try:
        return _build(_events(block))
    except yaml.MarkedYAMLError as error:
        line = getattr(error.problem_mark, "line", 0)
        raise Unreadable(line, error.problem or "it is not YAML") from error
    except yaml.YAMLError as error:  # the only unmarked one
        raise Unreadable(0, "it holds a character that YAML does not allow") from error


def _events(block: str) -> Iterator[yaml.Event]:
    """Yield the starts, scalars, aliases and ends of a block."""
    loader = LOADER(block)
    lines = block.split("\n")
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.NodeEvent):
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


class _Anchors:
    """The values of anchors, to resolve aliases (YAML 1.2, section 7.1)."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}
        self._repeated = 0

    def name(self, anchor: str, value: Value) -> None:
        """Remember the value of a node with this anchor."""
        self._values[anchor] = value

    def value(self, event: yaml.AliasEvent, depth: int, unfinished: Iterable[Value]) -> Value:
        """Return the value of an alias at nesting level ``depth``.

        Raises Unreadable for an unknown anchor, a recursive value, and for too many or too
        deeply nested values.
        """
        line = _line(event)
        if event.anchor not in self._values:
            raise Unreadable(line, f"*{shown(str(event.anchor))} is the alias of no anchor")
        value = self._values[event.anchor]
        if any(value is holder for holder in unfinished):
            raise Unreadable(line, f"*{shown(event.anchor)} stands within its own value")
        size, levels = _extent(value)
        self._repeated += size
        if self._repeated > MAX_REPEATED:
            raise Unreadable(line, f"its aliases stand for more than {MAX_REPEATED} values")
        if depth + levels > MAX_NESTING:
            raise too_deep(line)
        return value


def _extent(value: Value) -> tuple[int, int]:
    """Return how many values a value is made of, itself included, and how deep they nest."""
    if isinstance(value, str):
        return 1, 0
    inner = [_extent(each) for each in (value.values() if isinstance(value, dict) else value)]
    return 1 + sum(size for size, _ in inner), 1 + max((deep for _, deep in inner), default=0)


def _build(events: Iterator[yaml.Event]) -> Fields:
    """Return the root mapping and its keys' lines, without recursion."""
    root: dict[str, Value] | None = None
    lines: dict[str, int] = {}
    repairs: list[Repair] = []
    anchors = _Anchors()
    holders: list[tuple[list[Value] | dict[str, Value], str | None]] = []
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            closed, _ = holders.pop()
            if isinstance(closed, dict) and "<<" in closed:
                _merge(closed)
            continue
        if isinstance(event, yaml.AliasEvent):
            value = anchors.value(event, len(holders), [holder for holder, _ in holders])
        else:
            value = _node(event)
            if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
                anchors.name(event.anchor, value)
        if not holders:
            if root is not None or not isinstance(value, dict):
                raise Unreadable(_line(event), "it must be lines of the form key: value")
            root = value
        else:
            holder, key = holders[-1]
            if isinstance(holder, list):
                holder.append(value)
            elif key is not None:
                holder[key] = value
                holders[-1] = (holder, None)
            elif isinstance(value, str):
                key = Key(value)
                holders[-1] = (holder, key)
                if len(holders) == 1:
                    if key in lines:
                        repairs.append(repeated(value, _line(event)))
                    lines[key] = _line(event)
            else:
                raise Unreadable(_line(event), "a key must be plain text")
        if not isinstance(value, str) and not isinstance(event, yaml.AliasEvent):
            if len(holders) == MAX_NESTING:
                raise too_deep(_line(event))
            holders.append((value, None))
    values = root or {}
    merged = lines.pop("<<", 0)
    return Fields(
        values=values,
        lines={key: lines.get(key, merged) for key in values},
        repairs=tuple(repairs),
    )


def _merge(mapping: dict[str, Value]) -> None:
    """Add the values of a merge key (``<<: *defaults``) for keys missing in the mapping."""
    merged = mapping.pop("<<")
    for source in merged if isinstance(merged, list) else [merged]:
        for key, value in source.items() if isinstance(source, dict) else ():
            mapping.setdefault(key, value)


def _place(repair: Repair) -> int:
    return repair.line


def _line(event: yaml.Event) -> int:
    return getattr(event.start_mark, "line", 0)


def _node(event: yaml.Event) -> Value:
    """Return the text of a scalar, or an empty list or mapping where one starts.

    A null (YAML 1.2, section 10.3.2) that is not in quotes is empty.
    """
    if isinstance(event, yaml.ScalarEvent):
        return "" if event.value in NULLS and not event.style else written(event.value)
    return {} if isinstance(event, yaml.MappingStartEvent) else []


def _repaired(block: str) -> tuple[str, list[Repair]]:
    """Return ``block`` with tabs replaced and texts quoted where needed, and the repairs.

    Only lines of known keys and of lists that are invalid by themselves are repaired; a text that
    continues in the next line is left alone.
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
            repaired = _repaired_item(line, key) or _repaired_key(line)
            if repaired:
                lines[number], cause = repaired
                repairs.append(Repair(line=number, cause=cause))
    return "\n".join(lines), repairs


def _repaired_key(line: str) -> tuple[str, str] | None:
    """Return the line of a key with its value in quotes, and the mistake in it.

    Of keys that nobody knows, only values that can be nothing but text are read so.
    """
    match = _KEY_LINE.fullmatch(line)
    key = match[1].lower() if match else ""
    if not match:
        return None
    known = key in TEXT_KEYS | LIST_KEYS
    if not known and (match[2] != ":" or not match[3] or match[4].startswith(_MAY_GO_ON)):
        return None
    try:
        value = _read(line).values.get(key)
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


def _repaired_item(line: str, key: str) -> tuple[str, str] | None:
    """Return the line of an item with its text in quotes, and the mistake in it."""
    match = _ITEM.fullmatch(line)
    if not match or match[2].startswith(_OPENERS):
        return None
    try:
        _read(f"list:\n{line}")
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
    """Return a text without the quotes around it, or the quote at its start that never closes.

    Those of ``"Yes" and "No"`` are around its first and last words, and stay.
    """
    text = raw.strip()
    while len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        first = re.search(text[0], _APOSTROPHE.sub("", text[1:-1]))
        if first and _CLOSES.match(first.string, first.start()):
            break
        text = text[1:-1].strip()
    if len(text) > 1 and text[0] in "\"'" and _APOSTROPHE.sub("", text).count(text[0]) == 1:
        text = text[1:].strip()
    return text


def _without_tabs(lines: list[str]) -> list[str]:
    """Return ``lines`` with two spaces for each tab, below keys indented by tabs alone."""
    spaced: list[str] = []
    run: list[str] = []
    for line in [*lines, "end"]:
        if line[:1] not in ("", " ", "\t", "-"):  # a key at the margin
            spaced += _spaced(run)
            run = []
            spaced.append(line)
        else:
            run.append(line)
    return spaced[:-1]


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


def read_lines(block: str) -> Fields | None:
    """Return the fields of a block, with the lines of their keys; None where it needs a parser."""
    if _ODD.search(block):
        return None
    values: dict[str, Value] = {}
    lines: dict[str, int] = {}
    items: list[Value] = []
    last, indent = "", ""  # the key without a text above, and how far its items are indented
    for number, line in enumerate(block.removesuffix("\n").split("\n")):
        if match := _TEXT_KEY.fullmatch(line):
            key = match["key"].lower()
            if key in values or match["key"] in NULLS:
                return None
            values[key] = _text(match)
            lines[key] = number
            last = "" if match.lastgroup != "key" else key
            items = []
        elif (
            last
            and (match := _TEXT_ITEM.fullmatch(line))
            and (not items or match["indent"] == indent)
        ):
            items.append(_text(match))
            values[last], indent = items, match["indent"]
        else:
            return None
    return Fields(values=values, lines=lines)


def _text(match: re.Match[str]) -> str:
    single, double, plain = match["single"], match["double"], match["plain"]
    if single:
        return written(single.replace("''", "'"))
    return written(double or ("" if plain is None or plain in NULLS else plain))
