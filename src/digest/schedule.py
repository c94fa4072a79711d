"""Schedules: when a digest is due. The one module that knows APScheduler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from digest.settings.cron import parse

#: As APScheduler names them; the first is crontab's 0.
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A crontab line in a time zone. Raises ValueError where the line is none."""

    cron: str
    timezone: str  #: IANA name
    trigger: BaseTrigger = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        cron = parse(self.cron)

        def trigger(days: Iterable[int] | None, weekdays: Iterable[int] | None) -> CronTrigger:
            return CronTrigger(
                minute=_list(cron.minutes),
                hour=_list(cron.hours),
                day="*" if days is None else _list(days),
                month=_list(cron.months),
                # By name: APScheduler would take crontab's numbers from Monday.
                day_of_week="*"
                if weekdays is None
                else ",".join(_WEEKDAYS[number] for number in weekdays),
                timezone=ZoneInfo(self.timezone),
            )

        # A CronTrigger wants both days; crontab is content with either.
        found = (
            OrTrigger([trigger(cron.days, None), trigger(None, cron.weekdays)])
            if cron.either
            else trigger(cron.days, cron.weekdays)
        )
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


def _list(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


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
