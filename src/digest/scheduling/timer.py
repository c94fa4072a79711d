"""Call back when a digest may be due. The only module that uses APScheduler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from digest.scheduling.schedule import Schedule
from digest.times import Clock, utc_now

#: How long it may take until a changed clock is noticed; seconds. Timers do not run while a
#: computer sleeps, and do not follow a clock that is set.
_LOOK_AT_CLOCK = 30.0


class _Trigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A schedule as a trigger of APScheduler, whose CronTrigger misses runs after clocks change."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the next moment at which a run may be due; missed runs are found by ``due``."""
        return self._schedule.next_look(max(previous or now, now))


class Timer:
    """Calls back with a digest's name whenever a run of its schedule may come due."""

    def __init__(
        self,
        schedules: Mapping[str, Schedule],
        fire: Callable[[str], Awaitable[None]],
        clock: Clock = utc_now,
    ) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._schedules = schedules
        self._timer: asyncio.TimerHandle | None = None
        self._clock = clock
        for name, schedule in schedules.items():
            self._scheduler.add_job(
                fire,
                _Trigger(schedule),
                args=[name],
                id=name,
                # However late the loop wakes, the run is not dropped here: the editions that
                # were made tell whether it is due.
                misfire_grace_time=None,
                coalesce=True,
            )

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return bool(self._scheduler.running)

    def start(self) -> None:
        """Start; needs a running event loop."""
        self._scheduler.start()
        self._look()

    def _look(self) -> None:
        """Make the scheduler compare its next run with the clock, and repeat that later."""
        self._go_back()
        self._scheduler.wakeup()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_AT_CLOCK, self._look)

    def _go_back(self) -> None:
        """Correct the next runs after the clock was set back."""
        now = self._clock()
        for job in self._scheduler.get_jobs():
            look = self._schedules[job.id].next_look(now)
            if look and (job.next_run_time is None or look < job.next_run_time):
                job.modify(next_run_time=look)

    def stop(self) -> None:
        """Stop calling back; may be called twice."""
        if self._timer is not None:
            self._timer.cancel()
        if self.running:
            self._scheduler.shutdown(wait=False)
