"""The state that a row of a list tells of its reader, by all columns that have a word to say."""

# pure
from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from digest.subscribers.list_states import (
    STATES,
    denies,
    explicit_state,
    is_no,
    plain,
    says_no_mail,
    state_of,
)
from digest.subscribers.list_words import may_tell_state
from digest.subscribers.model import SubscriberState

_ACTIVE, _UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED
_SUPPRESSED = SubscriberState.SUPPRESSED
#: Of several states the first one here counts.
_ORDER = (_UNSUBSCRIBED, _SUPPRESSED, None, _ACTIVE)
#: Day, month and year as dots part them; year, month and day as slashes and Chinese do.
_DOTTED = re.compile(r"(\d{1,2})[.](\d{1,2})[.](\d{4})(?!\d)")
_SLASHED = re.compile(r"(\d{4})[/年](\d{1,2})[/月](\d{1,2})(?!\d)日?")


class RowState:
    """The state that a row tells; of several, the one with the least mail counts.

    ``read`` takes one value after the other.
    """

    def __init__(self) -> None:
        self.since: datetime | None = None  #: aware UTC
        self.created_at: datetime | None = None  #: aware UTC
        #: Columns that may tell a state, with values that are not understood and count for none.
        self.unclear: list[tuple[str, str]] = []
        self._states: list[SubscriberState | None] = [_ACTIVE]
        self._unknown: list[str] = []  # values of columns that must be a state
        self._known = False  # whether one of them is
        self._confirmed: set[bool] = set()  # as values tell; an empty one says no if alone
        self._confirmable = False  # whether there is a column for it

    @property
    def state(self) -> SubscriberState | None:
        """The state; None: the reader never confirmed."""
        waits = self._confirmable and self._confirmed != {True}
        return min([*self._states, None] if waits else self._states, key=_ORDER.index)

    @property
    def problem(self) -> str | None:
        """Why there is no state; None if there is."""
        if self._known or not self._unknown:
            return None
        return f"has the state {self._unknown[0]!r}, which is not known"

    def read(self, field: str | None, column: str, value: str) -> None:
        """Take in a value; ``field`` is None in a column that is not known."""
        match field:
            case "state":
                try:
                    self._states.append(state_of(value) if value else _ACTIVE)
                    self._known |= bool(value)
                except KeyError:
                    self._unknown.append(value)
            case "hint":
                self._read_hint(column, value)
            case "region":  # or the reader's state, if a word says so
                with suppress(KeyError):
                    self._states.append(explicit_state(value))
            case "type":
                self._states.append(STATES.get(plain(value), _ACTIVE))
            case "confirmed":
                self._confirmable = True
                if value:
                    waits = is_no(value) or STATES.get(plain(value), _ACTIVE) is None
                    self._confirmed.add(not waits)
            case "verified":
                if value and is_no(value):
                    self._states.append(None)
            case "consent":  # words of consent, mostly
                if value:
                    self._states.append(_UNSUBSCRIBED if is_no(value) else _ACTIVE)
                    self._states.append(STATES.get(plain(value), _ACTIVE))
            case "subscribed":
                if value and is_no(value):
                    self._states.append(_UNSUBSCRIBED)
                else:
                    self.created_at = self.created_at or moment(value)  # some write the date there
                    self._read_hint(column, value)
            case "unsubscribed" | "suppressed":
                if not denies(value):
                    self._states.append(SubscriberState(field))
                    self.since = self.since or moment(value)
            case _:
                if value and says_no_mail(value) and may_tell_state(column):
                    self._states.append(state_of(value))

    def _read_hint(self, column: str, value: str) -> None:
        try:
            self._states.append(state_of(value) if value else _ACTIVE)
        except KeyError:
            if moment(value) is None:
                self.unclear.append((column, value))


def moment(text: str) -> datetime | None:
    """Return a date and time, aware UTC, read as UTC if it has no zone; None if invalid."""
    text = _SLASHED.sub(r"\1-\2-\3", _DOTTED.sub(r"\3-\2-\1", text))
    text = re.sub(r"-(\d)(?=[-T ]|$)", r"-0\1", text)
    for form in (text, text.removesuffix("UTC").strip()):
        try:
            return in_utc(datetime.fromisoformat(form))
        except (ValueError, OverflowError):
            continue
    return None


def in_utc(read: datetime) -> datetime:
    """Return a time in UTC, taken as UTC if it has no zone. Raises OverflowError."""
    return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)
