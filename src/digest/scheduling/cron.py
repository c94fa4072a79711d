"""Schedules in the five fields of cron (POSIX crontab, with names and steps)."""

# pure
from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: Sunday is 0, as crontab has it.
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_HOURS = 24
#: The longest that each month can be.
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
#: Names and numbers are not mixed in one range, and names take no step.
_ITEM = re.compile(
    r"(?P<star>\*)(?:/(?P<every>[0-9]+))?"
    r"|(?P<first>[0-9]+)(?:-(?P<last>[0-9]+))?(?:/(?P<step>[0-9]+))?"
    r"|(?P<name>[a-z]+)(?:-(?P<last_name>[a-z]+))?"
)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()  #: the first one means ``low``

    @property
    def last(self) -> int:
        """The last value of a star: weekday 7 is the same as 0."""
        return 6 if self.names == WEEKDAYS else self.high

    @property
    def allowed(self) -> str:
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{names}, *, a list (1,2), a range (1-5) or a step (*/2)"


#: In the order in which they are written; weekday 7 is Sunday too.
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, WEEKDAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A line of crontab: every minute that fits all fields."""

    text: str  #: as it was written, single spaces
    minutes: tuple[int, ...]  #: 0…59, ascending
    hours: tuple[int, ...]  #: 0…23, ascending
    days: tuple[int, ...]  #: of the month, 1…31, ascending
    months: tuple[int, ...]  #: 1…12, ascending
    weekdays: tuple[int, ...]  #: 0 (Sunday) … 6 (Saturday), ascending
    either: bool  #: day and weekday are both narrowed: one of them is enough (POSIX crontab)

    def __str__(self) -> str:
        return self.text

    @property
    def times(self) -> tuple[time, ...]:
        """The times of the runs on a day, ascending."""
        return tuple(time(hour, minute) for hour in self.hours for minute in self.minutes)

    @property
    def every_hour(self) -> bool:
        """Whether runs repeat in the hour that occurs twice when clocks go back."""
        return len(self.hours) == _HOURS

    def comes_on(self, day: date) -> bool:
        """Return whether there are runs on a day."""
        fits = (day.day in self.days, day.isoweekday() % 7 in self.weekdays)
        return day.month in self.months and (any(fits) if self.either else all(fits))


def parse(text: str) -> Cron:
    """Return the schedule of a line.

    Raises ValueError, which names the wrong field and the allowed values.
    """
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            "must have five fields (minute hour day month weekday), such as '0 7 * * mon-fri', "
            f"not {len(parts)}"
        )
    minutes, hours, days, months, weekdays = (
        _values(field, part) for field, part in zip(_FIELDS, parts, strict=True)
    )
    # As in cron, a field that starts with a star is not narrowed, whatever its step.
    narrowed = [not part.startswith("*") for part in (parts[2], parts[4])]
    if narrowed == [True, False] and days[0] > max(_LENGTHS[month - 1] for month in months):
        raise ValueError(f"never comes: no month of '{parts[3]}' has a day {days[0]}")
    return Cron(
        text=" ".join(text.split()),
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=tuple(sorted({weekday % 7 for weekday in weekdays})),
        either=all(narrowed),
    )


def _values(field: _Field, text: str) -> tuple[int, ...]:
    """Return the values of a field, ascending."""
    values: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise _wrong(field, item)
        step = match["every"] or match["step"]
        low, high = _range(field, item, match)
        if low > high:
            raise ValueError(f"{field.name} '{item}': the range ends before it starts")
        if step is not None and not 1 <= int(step) <= max(1, high - low):
            raise ValueError(
                f"{field.name} '{item}': the step must be from 1 to {max(1, high - low)}"
            )
        values.update(range(low, high + 1, int(step or 1)))
    return tuple(sorted(values))


def _range(field: _Field, item: str, match: re.Match[str]) -> tuple[int, int]:
    """Return the first and the last value of an item."""
    if match["star"]:
        return field.low, field.last
    if match["name"]:
        names = (match["name"], match["last_name"] or match["name"])
        if not set(names) <= set(field.names):
            raise _wrong(field, item)
        low, high = (field.low + field.names.index(name) for name in names)
        # a week may end on Sunday: fri-sun
        return low, 7 if high == 0 and low else high
    low = int(match["first"])
    # As in cron, ``5/15`` starts at 5 and goes on to the end.
    high = int(match["last"] or (field.last if match["step"] else low))
    if max(low, high) > field.high or low < field.low:
        raise _wrong(field, item)
    return low, high


def _wrong(field: _Field, item: str) -> ValueError:
    return ValueError(f"{field.name} '{item}': must be {field.allowed}")
