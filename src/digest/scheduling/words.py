"""Schedules in words.

``daily 07:00 18:30``: one or more times of day, separated by spaces.
``weekly mon,thu 07:00``, ``weekly mon-fri 07:00``: on weekdays; a range may go over a week's end.
``monthly 1,15 07:00``, ``monthly last 07:00``: on days of the month; one that lacks such a day has
its last day instead, once.
"""

# pure
from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, time
from typing import ClassVar

from digest.scheduling import cron
from digest.scheduling.cron import WEEKDAYS, Cron
from digest.spelling import alternatives, closest

_TIME = re.compile(r"(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])")
_DAY = re.compile(r"0?[1-9]|[12][0-9]|3[01]")
_LAST = "last"
_EVERY_WEEKDAY = tuple(range(7))
_EVERY_DAY = tuple(range(1, 32))
#: The first words, each with how it goes on.
_FORMS = {
    "daily": "daily 07:00",
    "weekly": "weekly mon,thu 07:00",
    "monthly": "monthly 1,15 07:00",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A schedule in words: times of day, on every day, on weekdays or on days of the month."""

    text: str  #: as it was written, single spaces
    times: tuple[time, ...]  #: ascending
    weekdays: tuple[int, ...] = _EVERY_WEEKDAY  #: 0 (Sunday) … 6 (Saturday), ascending
    #: Of the month, ascending; a month that lacks one has its last day instead.
    days: tuple[int, ...] = _EVERY_DAY

    #: Whether an hour that comes twice counts twice.
    every_hour: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.text

    def comes_on(self, day: date) -> bool:
        """Return whether there are runs on a day."""
        if day.isoweekday() % 7 not in self.weekdays:
            return False
        length = monthrange(day.year, day.month)[1]
        return day.day in self.days or (day.day == length and self.days[-1] > length)


def parse(text: str) -> Cron | Recurrence:
    """Return the schedule of a text in words or of a line of crontab.

    Raises ValueError, which names the wrong part and what is allowed.
    """
    first, *rest = text.lower().split() or [""]
    if first in _FORMS:
        return _in_words(" ".join(text.split()), first, rest)
    if first[:1].isalpha() or first.startswith("@"):
        near = closest(first, _FORMS)
        meant = [" ".join((word, *rest)) if rest else _FORMS[word] for word in near]
        hint = f"; did you mean {alternatives(meant)}?" if meant else ""
        raise ValueError(
            f"'{first}' must be {alternatives(list(_FORMS))}, as in '{_FORMS['weekly']}', or the "
            f"minute of five fields of cron, as in '0 7 * * mon-fri'{hint}"
        )
    if all(map(_TIME.fullmatch, (first, *rest))):
        raise ValueError(
            f"must say on which days; did you mean 'daily {' '.join((first, *rest))}'?"
        )
    return cron.parse(text)


def _in_words(text: str, first: str, rest: list[str]) -> Recurrence:
    """Return the schedule of a text that starts with ``first``, a known word."""
    if first == "daily":
        return Recurrence(text=text, times=_times(first, rest))
    days = rest[0] if rest else ""
    if first == "weekly":
        return Recurrence(text=text, weekdays=weekdays(days), times=_times(first, rest[1:]))
    return Recurrence(text=text, days=_days(days), times=_times(first, rest[1:]))


def _times(first: str, texts: list[str]) -> tuple[time, ...]:
    """Return times of day, ascending, each once. Raises ValueError."""
    times: set[time] = set()
    for text in texts:
        match = _TIME.fullmatch(text)
        if match is None:
            raise ValueError(
                f"time '{text}': must be from 00:00 to 23:59, one or more with spaces between "
                f"them, as in '{_FORMS[first]}'"
            )
        times.add(time(int(match["hour"]), int(match["minute"])))
    if not times:
        raise ValueError(f"must end with a time of day, as in '{_FORMS[first]}'")
    return tuple(sorted(times))


def _days(text: str) -> tuple[int, ...]:
    """Return days of the month, ascending, each once; ``last`` is 31. Raises ValueError."""
    days: set[int] = set()
    for item in text.split(","):
        if item != _LAST and not _DAY.fullmatch(item):
            near = "; did you mean 'last'?" if closest(item, [_LAST]) else ""
            raise ValueError(
                f"day '{item}': must be 1-31, last or a list (1,15), as in "
                f"'{_FORMS['monthly']}'{near}"
            )
        days.add(_EVERY_DAY[-1] if item == _LAST else int(item))
    return tuple(sorted(days))


def weekdays(text: str) -> tuple[int, ...]:
    """Return the weekdays of a list such as ``mon,thu`` or ``fri-mon``, ascending; Sunday is 0.

    ``text`` is in lower case. Raises ValueError.
    """
    numbers: set[int] = set()
    for item in text.split(","):
        names = item.split("-")
        if len(names) > 2 or not set(names) <= set(WEEKDAYS):
            raise ValueError(
                f"weekday '{item}': must be mon, tue, wed, thu, fri, sat, sun, a list (mon,thu) "
                f"or a range (mon-fri){_suggestion(names)}"
            )
        first, last = WEEKDAYS.index(names[0]), WEEKDAYS.index(names[-1])
        numbers.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return tuple(sorted(numbers))


def _suggestion(names: list[str]) -> str:
    """Return a suggestion for misspelt weekdays, such as ``mon`` for ``monday``, or nothing."""
    known = [
        name[:3] if name[:3] in WEEKDAYS else "".join(closest(name, WEEKDAYS)) for name in names
    ]
    return f"; did you mean '{'-'.join(known)}'?" if all(known) and len(known) < 3 else ""
