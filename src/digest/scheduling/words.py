"""Schedules in words, and days off: days on which a schedule has no runs.

``daily 07:00 18:30``: one or more times of day, separated by spaces.
``weekly mon,thu 07:00``, ``weekly mon-fri 07:00``: on weekdays; a range may go over a week's end.
``monthly 1,15 07:00``, ``monthly last 07:00``: on days of the month; one that lacks such a day has
its last day instead, once.
"""

# pure
from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import ClassVar

from digest.scheduling import cron
from digest.scheduling.cron import WEEKDAYS, Cron
from digest.spelling import alternatives, closest

_TIME = re.compile(r"(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])")
_DAY = re.compile(r"0?[1-9]|[12][0-9]|3[01]")
_LAST = "last"
_EVERY_WEEKDAY = tuple(range(7))
_EVERY_DAY = tuple(range(1, 32))
#: The first words, each with an example.
_FORMS = {
    "daily": "daily 07:00",
    "weekly": "weekly mon,thu 07:00",
    "monthly": "monthly 1,15 07:00",
}
_DATE_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARLY = re.compile(r"[0-9]{2}-[0-9]{2}")
#: A year that has a 29 February.
_LEAP_YEAR = 2000
#: Within 28 years every date comes on every weekday.
_FIRST_DAY, _CYCLE = date(2001, 1, 1), 365 * 28 + 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A schedule in words: times of day, on every day, on weekdays or on days of the month."""

    text: str  #: as it was written, single spaces
    times: tuple[time, ...]  #: ascending
    weekdays: tuple[int, ...] = _EVERY_WEEKDAY  #: 0 (Sunday) … 6 (Saturday), ascending
    #: Of the month, ascending; a month that lacks one has its last day instead.
    days: tuple[int, ...] = _EVERY_DAY

    #: Whether runs repeat in the hour that occurs twice when clocks go back.
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

    Raises ValueError, which names the wrong part and the allowed values.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysOff:
    """Weekdays, days of every year, and dates without runs."""

    weekdays: frozenset[int] = frozenset()  #: 0 (Sunday) … 6 (Saturday)
    yearly: frozenset[tuple[int, int]] = frozenset()  #: month, day
    spans: tuple[tuple[date, date], ...] = ()  #: first and last day

    def __contains__(self, day: date) -> bool:
        """Return whether a day is off."""
        return self.every_year(day) or any(first <= day <= last for first, last in self.spans)

    def every_year(self, day: date) -> bool:
        """Return whether a day is off by its weekday, or as a day of every year."""
        return day.isoweekday() % 7 in self.weekdays or (day.month, day.day) in self.yearly

    def leave(self, recurrences: Iterable[Cron | Recurrence]) -> bool:
        """Return whether any run is left in any year."""
        days = (_FIRST_DAY + timedelta(days=number) for number in range(_CYCLE))
        plans = tuple(recurrences)
        return any(
            any(plan.comes_on(day) for plan in plans) and not self.every_year(day) for day in days
        )


def parse_days_off(texts: Iterable[str]) -> DaysOff:
    """Return days off; a text is a weekday, a date, a range of dates or a day of every year.

    They are written ``sat``, ``2026-10-01``, ``2026-10-01..2026-10-07`` and ``12-25``. Raises
    ValueError, which names the text and the allowed forms.
    """
    off: set[int] = set()
    yearly: set[tuple[int, int]] = set()
    spans: list[tuple[date, date]] = []
    for text in texts:
        item = text.strip().lower()
        if item[:1].isalpha():
            off.update(weekdays(item))
        elif _YEARLY.fullmatch(item):
            day = _date(f"{_LEAP_YEAR}-{item}", item)
            yearly.add((day.month, day.day))
        else:
            spans.append(_span(item))
    return DaysOff(weekdays=frozenset(off), yearly=frozenset(yearly), spans=tuple(spans))


def _span(text: str) -> tuple[date, date]:
    """Return the first and the last day of a date or of a range of dates."""
    parts = [part.strip() for part in text.split("..")]
    if len(parts) > 2 or not all(map(_DATE_TEXT.fullmatch, parts)):
        raise ValueError(
            f"'{text}' must be a weekday ('sat', 'sat-sun'), a date ('2026-10-01'), a range of "
            "dates ('2026-10-01..2026-10-07') or a day of every year ('12-25')"
        )
    first, last = _date(parts[0]), _date(parts[-1])
    if last < first:
        raise ValueError(f"'{text}': the range ends before it starts")
    return first, last


def _date(text: str, shown: str = "") -> date:
    """Return a day written as ``2026-10-01``; raise ValueError if there is no such day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{shown or text}': there is no such day") from None
