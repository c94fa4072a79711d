"""Schedules: when a digest is due. The one module that knows APScheduler."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from digest.errors import ConfigurationError
from digest.times import utc_now

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: The range of a weekday field that counts from Sunday; both 0 and 7 are Sunday.
_WEEKDAY_ITEM = re.compile(r"(?P<first>\*|[0-7a-z]+)(?:-(?P<last>[0-7a-z]+))?(?:/(?P<step>\d+))?")


def _weekday_numbers(item: str) -> Iterator[int]:
    match = _WEEKDAY_ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"{item!r} is no day of the week")

    def number(text: str) -> int:
        return int(text) if text.isdigit() else _WEEKDAYS.index(text)

    first, last, step = match["first"], match["last"], int(match["step"] or 1)
    if first == "*":
        start, end = 0, 6
    else:
        start = number(first)
        end = number(last) if last else (6 if match["step"] else start)
    if end < start:
        end += 7
    return iter(range(start, end + 1, step))


def _weekdays(crontab_field: str) -> str:
    """Return a crontab's weekday field by names.

    crontab(5) counts from Sunday; APScheduler would take the same numbers from Monday.
    """
    if crontab_field == "*":
        return "*"
    numbers = {
        number % 7 for item in crontab_field.lower().split(",") for number in _weekday_numbers(item)
    }
    return ",".join(_WEEKDAYS[number] for number in sorted(numbers))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A crontab line of five fields (crontab(5)) in a time zone."""

    cron: str
    timezone: str  #: IANA name
    trigger: CronTrigger | OrTrigger = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ValueError where the line is none."""
        minute, hour, day, month, weekday = self.cron.split()

        def trigger(day: str, weekday: str) -> CronTrigger:
            return CronTrigger(
                minute=minute,
                hour=hour,
                day=day,
                month=month.lower(),
                day_of_week=_weekdays(weekday),
                timezone=ZoneInfo(self.timezone),
            )

        # crontab(5): where both days are restricted, either is enough; a CronTrigger wants both.
        either = not day.startswith("*") and not weekday.startswith("*")
        both = trigger(day, weekday)
        found = OrTrigger([trigger(day, "*"), trigger("*", weekday)]) if either else both
        object.__setattr__(self, "trigger", found)

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first run after ``moment``, aware UTC; None where there is none to come."""
        just_after = moment + timedelta(microseconds=1)
        found: datetime | None = self.trigger.get_next_fire_time(None, just_after)
        return found.astimezone(UTC) if found else None

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last run with ``after`` < run <= ``until``, aware UTC, or None."""
        latest = None
        while (run := self.next_after(latest or after)) and run <= until:
            latest = run
        return latest


def parse_schedule(name: str, cron: str, timezone: str) -> Schedule:
    """Return a digest's schedule.

    Raises ConfigurationError, naming the key, where APScheduler does not take it, or where
    no such day ever comes.
    """
    key = f"digests.{name}.schedule"
    try:
        schedule = Schedule(cron, timezone)
    except (ValueError, KeyError) as error:
        raise ConfigurationError(
            key, cron, f"is no schedule: {error}; expected minute hour day month weekday"
        ) from error
    if schedule.next_after(utc_now()) is None:
        raise ConfigurationError(key, cron, "never comes: there is no such day")
    return schedule


class Timetable:
    """Fires a callback with a digest's name whenever its schedule says so."""

    def __init__(
        self, schedules: Mapping[str, Schedule], fire: Callable[[str], Awaitable[None]]
    ) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        for name, schedule in schedules.items():
            self._scheduler.add_job(
                fire,
                schedule.trigger,
                args=[name],
                id=name,
                # However late the loop wakes, the run is not dropped here: the daemon knows
                # by its editions whether it is due, made, or too old.
                misfire_grace_time=None,
                coalesce=True,
            )

    def start(self) -> None:
        """Begin to fire; needs a running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Fire nothing more; safe to call twice."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
