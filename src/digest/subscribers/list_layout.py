"""The layout of a CSV file: where its header is, what parts its values, which columns it has."""

# pure
from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from digest.subscribers.list_states import plain
from digest.subscribers.list_words import field_of

_DELIMITERS = (",", ";", "\t", "|")
#: Those that headers have for other reasons, too: the next line must have it as well.
_RARE_DELIMITERS = ("\uff0c", "\uff1b", "\uff5c", "^", "~", ":")
#: Stands for the field of a column that is not to be read.
UNREAD = "-"
#: Lines, empty ones aside, in which a header is looked for: some programs write a title above it.
_MAX_ABOVE = 10
#: Columns that an error names, and characters of each name.
_MAX_SHOWN = 40
#: A value that is an address, bare or behind a name.
_ADDRESS = re.compile(r"[^@]{0,200}[^@\s<>,;:]@[^@\s<>,;:]+\.[^@\s<>,;:]+>?['\"]?")
#: Other columns of a postal address, beside which ``state`` is a part of a country.
_POSTAL = re.compile(r"city|zip|post(al)?code|plz|country|street|province|address[12]|citta|ciudad")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The header of a list, and how its rows are written."""

    columns: tuple[str, ...]  #: as its header calls them; empty without a header
    fields: tuple[str | None, ...]  #: what each column is, or UNREAD; None: it is not known
    delimiter: str
    spaced: bool  #: whether spaces stand between a delimiter and a quotation mark
    body_start: int  #: where the rows begin, in characters


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of a list, longer if a quoted value goes over several, and what is behind it."""

    text: str
    end: int


def find_layout(text: str, mapped: Mapping[str, str]) -> Layout:
    """Return the layout of a list; ``mapped`` has fields by the names of columns, or ``-``.

    The header is the first line that names a column of addresses. Else the column of addresses is
    the one that has some in the first rows, and the line above these is the header. Raises
    ValueError if there is no such column.
    """
    preamble = re.match(r"(?:\s*\n|#.*\n)*(?:sep=(.)\n)?", text)  # a hint for spreadsheet programs
    start = preamble.end() if preamble else 0
    hint = preamble[1] if preamble else None
    given = {plain(name): field for name, field in mapped.items()}
    lines = list(_lines(text, start))
    if not lines:
        raise ValueError("has no lines but comments")
    for number, line in enumerate(lines):
        below = lines[number + 1].text if number + 1 < len(lines) else ""
        rare = [sign for sign in _RARE_DELIMITERS if sign in below]
        if layout := _named(line, [hint] if hint else [*_DELIMITERS, *rare], given):
            return layout
    delimiter = hint or max(_DELIMITERS, key=re.sub(r'"[^"]*"', "", lines[0].text).count)
    try:
        names = _split(lines[0].text, delimiter)
    except csv.Error as error:
        raise ValueError(f"is no CSV: {error}") from error
    if missing := [name for name in mapped if plain(name) not in map(plain, names)]:
        raise ValueError(f"has no column {missing[0]!r}; it has {_shortened(names)}")
    if not mapped and (layout := _by_content(lines, [hint] if hint else _DELIMITERS, start)):
        return layout
    raise ValueError(
        f"has no column of addresses in its first line ({_shortened(names)}); it may be called"
        " address, email and the like, or be given with --map COLUMN=address"
    )


def _lines(text: str, start: int) -> Iterator[_Line]:
    """Yield the first lines that are not empty."""
    count = 0
    while start < len(text) and count <= _MAX_ABOVE:
        end = text.find("\n", start)
        quotes = text.count('"', start, end if end >= 0 else len(text))
        while end >= 0 and quotes % 2:  # a quoted value over several lines
            begin, end = end, text.find("\n", end + 1)
            quotes += text.count('"', begin, end if end >= 0 else len(text))
        after = len(text) if end < 0 else end + 1
        line = text[start:after].removesuffix("\n")
        start = after
        if line.strip():
            count += 1
            yield _Line(text=line, end=after)


def _named(line: _Line, delimiters: Sequence[str], given: Mapping[str, str]) -> Layout | None:
    """Return the layout if this line names a column of addresses, by the best delimiter."""
    best: Layout | None = None
    most = (0, 0)
    for delimiter in delimiters:
        try:
            names = _split(line.text, delimiter)
        except csv.Error:
            continue
        fields = _fields(names, given)
        known = len(fields) - fields.count(None), len(fields)
        if "address" in fields and known > most and set(given) <= set(map(plain, names)):
            most = known
            best = _layout(line, delimiter, tuple(names), fields, line.end)
    return best


def _by_content(lines: Sequence[_Line], delimiters: Sequence[str], start: int) -> Layout | None:
    """Return the layout of a list of which one column has addresses; None if there is none."""
    for delimiter in sorted(delimiters, key=lines[-1].text.count, reverse=True):
        try:
            rows = [_split(line.text, delimiter) for line in lines]
        except csv.Error:
            continue
        filled = [
            [number for number, value in enumerate(row) if _ADDRESS.fullmatch(value)]
            for row in rows
        ]
        first = next((number for number, columns in enumerate(filled) if columns), None)
        if first is None:
            continue
        if any(columns not in ([], filled[first][:1]) for columns in filled):
            return None  # in several columns
        (column,) = filled[first]
        width = len(rows[first])
        if first and len(rows[first - 1]) >= width:
            above = lines[first - 1]
            fields = list(_fields(rows[first - 1], {}))
            fields[column] = "address"
            return _layout(above, delimiter, tuple(rows[first - 1]), tuple(fields), above.end)
        fields = ["address" if number == column else None for number in range(width)]
        begin = lines[first - 1].end if first else start
        return _layout(lines[first], delimiter, (), tuple(fields), begin)
    return None


def _layout(
    line: _Line,
    delimiter: str,
    columns: tuple[str, ...],
    fields: tuple[str | None, ...],
    body_start: int,
) -> Layout:
    return Layout(
        columns=columns,
        fields=fields,
        delimiter=delimiter,
        spaced=re.search(rf'{re.escape(delimiter)} +"', line.text) is not None,
        body_start=body_start,
    )


def _fields(names: Sequence[str], given: Mapping[str, str]) -> tuple[str | None, ...]:
    """Return what columns are, by their names and by what others stand beside them."""
    columns = [plain(name) for name in names]
    fields = [given.get(plain(name)) or field_of(name) for name in names]
    if "bouncecount" in columns:  # phpList, whose optedin says nothing of a subscription
        fields = [
            None if column == "optedin" else field
            for column, field in zip(columns, fields, strict=True)
        ]
    if fields.count("state") > 1 or any(map(_POSTAL.search, columns)):
        fields = [
            "region" if column == "state" and column not in given else field
            for column, field in zip(columns, fields, strict=True)
        ]
    return tuple(fields)


def _split(line: str, delimiter: str) -> list[str]:
    """Return the values of a line; raise csv.Error."""
    text = io.StringIO(line, newline="")
    spaced = re.search(rf'{re.escape(delimiter)} +"', line) is not None
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=spaced, strict=True)
    return [value.strip() for value in next(reader)]


def _shortened(names: Sequence[str]) -> str:
    shown = ", ".join(name[:_MAX_SHOWN] for name in names[:_MAX_SHOWN])
    return f"{shown} and {len(names) - _MAX_SHOWN:,} more" if len(names) > _MAX_SHOWN else shown
