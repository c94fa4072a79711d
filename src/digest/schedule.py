"""Schedules: when a digest is due. The one module that knows APScheduler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from digest.settings.cron import Cron, parse

_HOURS = 24
#: How long it may take until a changed clock is noticed; seconds. Timers stand still while a
#: computer sleeps, and know nothing of a clock that was set.
_LOOK_AT_CLOCK = 30.0
#: The longest way to a day that fits: 29 February, over a year such as 2100.
_FARTHEST = timedelta(days=366 * 9)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A crontab line in a time zone. Raises ValueError where the line is none.

    When clocks are set forward, a time that they leave out comes as much later; when they are set
    back, one that comes twice counts once, unless the line says every hour.
    """

    cron: str
    timezone: str  #: IANA name
    _cron: Cron = field(init=False, repr=False, compare=False)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cron", parse(self.cron))
        object.__setattr__(self, "_zone", ZoneInfo(self.timezone))

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first run after ``moment``, aware UTC; None where there is none to come."""
        # From the day before: a time that was left out may come only after midnight.
        day = moment.astimezone(self._zone).date() - timedelta(days=1)
        last = day + _FARTHEST
        while day <= last:
            if self._comes_on(day) and (runs := [run for run in self._on(day) if run > moment]):
                return min(runs)
            day += timedelta(days=1)
        return None

    def next_shown(self, moment: datetime) -> datetime | None:
        """Return the first run after ``moment`` as people read it: in the schedule's own zone."""
        run = self.next_after(moment)
        return run.astimezone(self._zone) if run else None

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last run with ``after`` < run <= ``until``, aware UTC, or None."""
        day = until.astimezone(self._zone).date() + timedelta(days=1)
        first = after.astimezone(self._zone).date() - timedelta(days=1)
        while day >= first:
            if self._comes_on(day) and (
                runs := [run for run in self._on(day) if after < run <= until]
            ):
                return max(runs)
            day -= timedelta(days=1)
        return None

    def _comes_on(self, day: date) -> bool:
        cron = self._cron
        fits = (day.day in cron.days, day.isoweekday() % 7 in cron.weekdays)
        return day.month in cron.months and (any(fits) if cron.either else all(fits))

    def _on(self, day: date) -> Iterator[datetime]:
        """Yield the runs of a day that fits, aware UTC."""
        every_hour = len(self._cron.hours) == _HOURS
        for hour in self._cron.hours:
            for minute in self._cron.minutes:
                first = datetime.combine(day, time(hour, minute), self._zone)
                yield first.astimezone(UTC)
                again = first.replace(fold=1).astimezone(UTC)
                if every_hour and again > first.astimezone(UTC):  # earlier: it is left out
                    yield again


class _Trigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """APScheduler's view of a schedule.

    Its own CronTrigger leaves out the midnight after the day on which clocks are set forward.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the next run; those that were missed are the daemon's to find."""
        return self._schedule.next_after(max(previous or now, now))


class Timetable:
    """Fires a callback with a digest's name whenever its schedule says so."""

    def __init__(
        self, schedules: Mapping[str, Schedule], fire: Callable[[str], Awaitable[None]]
    ) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._timer: asyncio.TimerHandle | None = None
        for name, schedule in schedules.items():
            self._scheduler.add_job(
                fire,
                _Trigger(schedule),
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
        self._look()

    def _look(self) -> None:
        """Have the scheduler compare its next run with the clock, again and again."""
        self._scheduler.wakeup()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_AT_CLOCK, self._look)

    def stop(self) -> None:
        """Fire nothing more; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
