"""Lists of subscribers as CSV: our own export, and those of other newsletter programs."""

# pure
from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.articles.reading.decode import decode
from digest.subscribers.list_layout import UNREAD, Layout, find_layout
from digest.subscribers.list_row_state import RowState, in_utc, moment
from digest.subscribers.list_states import plain
from digest.subscribers.list_words import COLUMNS, EVIDENCE, STATE_FIELDS
from digest.subscribers.model import NewSubscriber, PastState, SubscriberState
from digest.subscribers.tokens import is_person

#: Characters of a value, the limit that the module csv has by itself. It would break off the list
#: there, and to go on in the middle of a value would make subscribers of its lines.
_MAX_VALUE = 131_072
csv.field_size_limit(2**31 - 1)
#: A name before an address, and what links to it begin with.
_NAMED = re.compile(
    r"(?:\"?([^<>\"]*+)\"?\s*+<\s*+)?(?:mailto:)?([^<>\s@]++@[^<>\s]++)\s*+>?", re.IGNORECASE
)
#: What spreadsheet programs put around a value, so that it is taken for text.
_QUOTED = re.compile(r"(?s)^=\"(.*)\"$|^'(.*)'$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSubscriber:
    """A row of a list, with its texts unchanged, and its states and times parsed."""

    line: int
    fields: Mapping[str, str]  #: by the names of COLUMNS; what the list does not tell is missing
    state: SubscriberState | None  #: None: never confirmed
    since: datetime | None = None
    created_at: datetime | None = None
    paused_until: datetime | None = None
    #: Columns that may tell a state, each with a value that is not understood and counts for none.
    unclear: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that cannot be read."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberList:
    """A CSV file: its layout, and its rows."""

    layout: Layout
    body: str
    first_line: int  #: the number of the first line of ``body``

    @property
    def ignored(self) -> tuple[str, ...]:
        """The columns that are not read."""
        pairs = zip(self.layout.columns, self.layout.fields, strict=False)
        return tuple(name for name, field in pairs if field is None and plain(name) not in EVIDENCE)

    def rows(self) -> Iterator[ListedSubscriber | BadRow]:
        """Yield the rows in order; empty lines are skipped."""
        text = io.StringIO(self.body, newline="")
        layout, width = self.layout, len(self.layout.fields)
        reader = csv.reader(
            text, delimiter=layout.delimiter, skipinitialspace=layout.spaced, strict=True
        )
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # The reader goes on with the next line; it took all that a quoted value began.
                yield BadRow(
                    line=self.first_line + reader.line_num - 1, problem=f"is no CSV: {error}"
                )
                continue
            if any(map(str.strip, row[width:])):
                problem = "has more values than the header has names"
                yield BadRow(line=self.first_line + reader.line_num - 1, problem=problem)
            elif (longest := max(map(len, row), default=0)) > _MAX_VALUE:
                problem = f"has a value of {longest:,} characters; at most {_MAX_VALUE:,} count"
                yield BadRow(line=self.first_line + reader.line_num - 1, problem=problem)
            elif any(map(str.strip, row)):
                values = [_QUOTED.sub(r"\1\2", value.strip()) for value in row[:width]]
                yield _read_row(layout, self.first_line + reader.line_num - 1, values)


def _read_row(layout: Layout, line: int, values: Sequence[str]) -> ListedSubscriber | BadRow:
    fields: dict[str, str] = {}
    told = RowState()
    evidence = []
    for number, value in enumerate(values):
        field = layout.fields[number]
        column = layout.columns[number] if layout.columns else ""
        if field == UNREAD:
            continue
        if field is None and plain(column) in EVIDENCE:
            if value:
                evidence.append(f"{column}: {value}")
        elif field in STATE_FIELDS:
            told.read(field, column, value)
        if field == "consent" or (field is not None and field not in STATE_FIELDS):
            given = fields.get(field, "")
            better = field == "address" and "@" in value and "@" not in given
            fields[field] = value if better or not given else given
    if told.problem:
        return BadRow(line=line, problem=told.problem)
    if named := _NAMED.fullmatch(fields.get("address", "")):
        fields["address"] = named[2]
        if named[1] and not fields.get("name"):
            fields["name"] = named[1].strip()
    names = fields.pop("first name", ""), fields.pop("last name", "")
    if any(names) and not fields.get("name"):
        fields["name"] = " ".join(filter(None, names))
    if evidence and not fields.get("consent"):
        fields["consent"] = "; ".join(evidence)
    created_at = moment(fields.pop("created_at", ""))
    since = moment(fields.pop("since", ""))
    return ListedSubscriber(
        line=line,
        fields=fields,
        state=told.state,
        since=since or told.since,
        created_at=created_at or told.created_at,
        paused_until=moment(fields.pop("paused_until", "")),
        unclear=tuple(told.unclear),
    )


def read_list(content: bytes, mapped: Mapping[str, str]) -> SubscriberList:
    """Return a list of subscribers, whatever its encoding and delimiter.

    ``mapped`` has fields (COLUMNS, or ``first name``, ``last name``) by the file's column names, or
    ``-`` for a column that is not to be read.
    Raises ValueError if there is no column of addresses.
    """
    text = decode(content).text
    layout = find_layout(text, mapped)
    return SubscriberList(
        layout=layout,
        body=text[layout.body_start :],
        first_line=text.count("\n", 0, layout.body_start) + 1,
    )


def write_list(subscribers: Iterable[NewSubscriber], categories: Mapping[int, str]) -> str:
    """Return a list as ``read_list`` reads it; ``categories`` as text, by position."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, subscriber in enumerate(subscribers):
        history = [
            [state.state, state.since.isoformat(), state.reason] for state in subscriber.history
        ]
        writer.writerow(
            (
                subscriber.address,
                subscriber.digest,
                subscriber.name,
                categories[number],
                subscriber.language or "",
                subscriber.timezone or "",
                subscriber.state,
                subscriber.since.isoformat() if subscriber.since else "",
                subscriber.reason or "",
                subscriber.consent or "",
                subscriber.paused_until.isoformat() if subscriber.paused_until else "",
                subscriber.created_at.isoformat() if subscriber.created_at else "",
                subscriber.person or "",
                " ".join(subscriber.old_ids),
                json.dumps(history, ensure_ascii=False) if history else "",
            )
        )
    return text.getvalue()


def check_person(text: str) -> str | None:
    """Return a person's identifier, None for empty text; raise ValueError for anything else."""
    if text and not is_person(text):
        raise ValueError(f"has the person {text!r}, which is no identifier of a person")
    return text or None


def check_old_ids(text: str) -> tuple[str, ...]:
    """Return the identifiers in links already sent; raise ValueError if a part is invalid."""
    identifiers = tuple(text.split())
    for identifier in identifiers:
        if not is_person(identifier) and not re.fullmatch(r"[1-9][0-9]{0,18}", identifier):
            raise ValueError(f"has {identifier!r} in old_ids, which is no identifier")
    return identifiers


def check_history(text: str) -> tuple[PastState, ...]:
    """Return the past states of a subscription; raise ValueError if the text is invalid."""
    try:
        return tuple(
            PastState(
                state=SubscriberState(state),
                since=in_utc(datetime.fromisoformat(since)),
                reason=str(reason),
            )
            for state, since, reason in json.loads(text or "[]")
        )
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"has a history that cannot be read: {error}") from error
