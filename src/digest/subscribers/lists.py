"""Lists of subscribers as CSV: our own export, and those of other newsletter programs."""

# pure
from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from digest.articles.reading.decode import decode
from digest.subscribers.list_words import (
    COLUMNS,
    EVIDENCE,
    STATES,
    field_of,
    is_no,
    plain,
    state_of,
)
from digest.subscribers.model import NewSubscriber, PastState, SubscriberState
from digest.subscribers.tokens import is_person

_DELIMITERS = ",;\t|"
#: Characters of a value, the limit that the module csv has by itself. It would break off the list
#: there, and to go on in the middle of a value would make subscribers of its lines.
_MAX_VALUE = 131_072
csv.field_size_limit(2**31 - 1)
#: Columns that an error names, and characters of each name.
_MAX_SHOWN = 40

#: A name before an address, and what links to it begin with.
_NAMED = re.compile(
    r"(?:\"?([^<>\"]*+)\"?\s*+<\s*+)?(?:mailto:)?([^<>\s@]++@[^<>\s]++)\s*+>?", re.IGNORECASE
)
#: Day, month and year as dots part them; year, month and day as slashes do.
_DOTTED = re.compile(r"(\d{1,2})[.](\d{1,2})[.](\d{4})(?!\d)")
_SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?!\d)")
_OUT = ("unsubscribed", "suppressed")  #: of several such columns any one counts


_ACTIVE, _UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED
_SUPPRESSED = SubscriberState.SUPPRESSED


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
    """A CSV file: the field of each column, and its rows."""

    columns: tuple[str, ...]  #: as its header calls them; empty without a header
    fields: tuple[str | None, ...]  #: what each column is; None: it is not read
    body: str
    first_line: int  #: the number of the first line of ``body``
    delimiter: str

    @property
    def ignored(self) -> tuple[str, ...]:
        """The columns that are not read."""
        pairs = zip(self.columns, self.fields, strict=False)
        return tuple(name for name, field in pairs if field is None and plain(name) not in EVIDENCE)

    def rows(self) -> Iterator[ListedSubscriber | BadRow]:
        """Yield the rows in order; empty lines are skipped."""
        text = io.StringIO(self.body, newline="")
        reader = csv.reader(text, delimiter=self.delimiter, strict=True)
        try:
            for row in reader:
                line = self.first_line + reader.line_num - 1
                if any(map(str.strip, row[len(self.fields) :])):
                    yield BadRow(line=line, problem="has more values than the header has names")
                elif (longest := max(map(len, row), default=0)) > _MAX_VALUE:
                    problem = f"has a value of {longest:,} characters; at most {_MAX_VALUE:,} count"
                    yield BadRow(line=line, problem=problem)
                elif any(map(str.strip, row)):
                    yield self._row(line, [value.strip() for value in row[: len(self.fields)]])
        except csv.Error as error:
            line = self.first_line + reader.line_num - 1
            yield BadRow(line=line, problem=f"is no CSV: {error}; the list ends here")

    def _row(self, line: int, row: list[str]) -> ListedSubscriber | BadRow:
        fields: dict[str, str] = {}
        states: list[SubscriberState | None] = []
        evidence, unclear = [], []
        for number, value in enumerate(row):
            field = self.fields[number]
            if field == "hint":
                try:
                    states.append(state_of(value))
                except KeyError:
                    unclear.append((self.columns[number], value))
            elif field is not None:
                given = fields.get(field, "")
                fields[field] = value if not given or (field in _OUT and is_no(given)) else given
            elif value and self.columns and plain(self.columns[number]) in EVIDENCE:
                evidence.append(f"{self.columns[number]}: {value}")
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
        paused_until = moment(fields.pop("paused_until", ""))
        word = fields.pop("state", "")
        if word:
            try:
                states.append(state_of(word))
            except KeyError:
                return BadRow(line=line, problem=f"has the state {word!r}, which is not known")
        states.append(STATES.get(plain(fields.pop("type", "")), _ACTIVE))
        confirmed = fields.pop("confirmed", "yes")
        if is_no(confirmed) or STATES.get(plain(confirmed), _ACTIVE) is None:
            states.append(None)
        subscribed = fields.pop("subscribed", "")
        if subscribed and is_no(subscribed):
            states.append(_UNSUBSCRIBED)
        elif subscribed:
            date = moment(subscribed)  # some write the date there
            created_at = created_at or date
            try:
                states.append(state_of(subscribed))
            except KeyError:
                if date is None:
                    unclear.append((self.columns[self.fields.index("subscribed")], subscribed))
        for state in (_UNSUBSCRIBED, _SUPPRESSED):
            value = fields.pop(str(state), "")
            if not is_no(value):
                states.append(state)
                since = since or moment(value)
        order = (_UNSUBSCRIBED, _SUPPRESSED, None, _ACTIVE)
        return ListedSubscriber(
            line=line,
            fields=fields,
            state=min(states, key=order.index),
            since=since,
            created_at=created_at,
            paused_until=paused_until,
            unclear=tuple((column, value) for column, value in unclear if value),
        )


def _shortened(names: Sequence[str]) -> str:
    shown = ", ".join(name[:_MAX_SHOWN] for name in names[:_MAX_SHOWN])
    return f"{shown} and {len(names) - _MAX_SHOWN:,} more" if len(names) > _MAX_SHOWN else shown


def read_list(content: bytes, mapped: Mapping[str, str]) -> SubscriberList:
    """Return a list of subscribers, whatever its encoding and delimiter.

    ``mapped`` has fields (COLUMNS, or ``first name``, ``last name``) by the file's column names.
    Raises ValueError if there is no column of addresses.
    """
    text = decode(content).text
    preamble = re.match(r"(?:\s*\n|#.*\n)*(?:sep=(.)\n)?", text)  # a hint for spreadsheet programs
    body_start = preamble.end() if preamble else 0
    delimiter = preamble[1] if preamble else None
    end = text.find("\n", body_start)
    quotes = text.count('"', body_start, end)
    while end >= 0 and quotes % 2:  # a quoted name over several lines
        start, end = end, text.find("\n", end + 1)
        quotes += text.count('"', start, end)
    header = text[body_start:] if end < 0 else text[body_start:end]
    if delimiter is None:
        unquoted = re.sub(r'"[^"]*"', "", header)
        delimiter = max(_DELIMITERS, key=unquoted.count)
    try:
        header_text = io.StringIO(header, newline="")
        names = tuple(
            map(str.strip, next(csv.reader(header_text, delimiter=delimiter, strict=True)))
        )
    except (csv.Error, StopIteration) as error:
        raise ValueError(f"is no CSV: {error}") from error
    given = {plain(name): field for name, field in mapped.items()}
    if missing := [name for name in mapped if plain(name) not in map(plain, names)]:
        raise ValueError(f"has no column {missing[0]!r}; it has {_shortened(names)}")
    fields = [given.get(plain(name)) or field_of(name) for name in names]
    if "bouncecount" in map(plain, names):  # phpList, whose optedin says nothing of a subscription
        fields = [
            None if plain(name) == "optedin" else field
            for name, field in zip(names, fields, strict=True)
        ]
    if "address" in fields:
        body_start = len(text) if end < 0 else end + 1
    elif sum("@" in name for name in names) == 1 and not mapped:  # addresses without a header
        fields = ["address" if "@" in name else None for name in names]
        names = ()
    else:
        raise ValueError(
            f"has no column of addresses in its first line ({_shortened(names)}); it may be called"
            " address, email and the like, or be given with --map COLUMN=address"
        )
    return SubscriberList(
        columns=names,
        fields=tuple(fields),
        body=text[body_start:],
        first_line=text.count("\n", 0, body_start) + 1,
        delimiter=delimiter,
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
                since=_in_utc(datetime.fromisoformat(since)),
                reason=str(reason),
            )
            for state, since, reason in json.loads(text or "[]")
        )
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"has a history that cannot be read: {error}") from error


def moment(text: str) -> datetime | None:
    """Return a date and time, aware UTC, read as UTC if it has no zone; None if invalid."""
    text = _SLASHED.sub(r"\1-\2-\3", _DOTTED.sub(r"\3-\2-\1", text))
    text = re.sub(r"-(\d)(?=[-T ]|$)", r"-0\1", text)
    for form in (text, text.removesuffix("UTC").strip()):
        try:
            return _in_utc(datetime.fromisoformat(form))
        except (ValueError, OverflowError):
            continue
    return None


def _in_utc(read: datetime) -> datetime:
    """Return a time in UTC, taken as UTC if it has no zone. Raises OverflowError."""
    return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)
