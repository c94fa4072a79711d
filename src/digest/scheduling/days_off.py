"""Days off: days on which a schedule has no runs."""

# pure
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from digest.scheduling.cron import Cron
from digest.scheduling.words import Recurrence, weekdays

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARLY = re.compile(r"[0-9]{2}-[0-9]{2}")
#: A year that has a 29 February.
_LEAP_YEAR = 2000
#: Within 28 years every date comes on every weekday.
_FIRST, _CYCLE = date(2001, 1, 1), 365 * 28 + 7


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
        """Return whether any run is left, in whatever year."""
        days = (_FIRST + timedelta(days=number) for number in range(_CYCLE))
        plans = tuple(recurrences)
        return any(
            any(plan.comes_on(day) for plan in plans) and not self.every_year(day) for day in days
        )


def parse(texts: Iterable[str]) -> DaysOff:
    """Return days off; a text is a weekday, a date, a range of dates or a day of every year.

    They are written ``sat``, ``2026-10-01``, ``2026-10-01..2026-10-07`` and ``12-25``. Raises
    ValueError, which names the text and what is allowed.
    """
    off: set[int] = set()
    yearly: set[tuple[int, int]] = set()
    spans: list[tuple[date, date]] = []
    for text in texts:
        item = text.strip().lower()
        if item[:1].isalpha():
            off.update(weekdays(item))
        elif _YEARLY.fullmatch(item):
            day = _day(f"{_LEAP_YEAR}-{item}", item)
            yearly.add((day.month, day.day))
        else:
            spans.append(_span(item))
    return DaysOff(weekdays=frozenset(off), yearly=frozenset(yearly), spans=tuple(spans))


def _span(text: str) -> tuple[date, date]:
    """Return the first and the last day of a date or of a range of dates."""
    parts = [part.strip() for part in text.split("..")]
    if len(parts) > 2 or not all(map(_DATE.fullmatch, parts)):
        raise ValueError(
            f"'{text}' must be a weekday ('sat', 'sat-sun'), a date ('2026-10-01'), a range of "
            "dates ('2026-10-01..2026-10-07') or a day of every year ('12-25')"
        )
    first, last = _day(parts[0]), _day(parts[-1])
    if last < first:
        raise ValueError(f"'{text}': the range ends before it starts")
    return first, last


def _day(text: str, shown: str = "") -> date:
    """Return a day written as ``2026-10-01``; raise ValueError if there is no such day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{shown or text}': there is no such day") from None
