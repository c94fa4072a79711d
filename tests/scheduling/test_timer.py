"""The timer fires when a run may be due, whatever becomes of the clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from apscheduler.schedulers import base

from digest.scheduling import timer as timer_module
from digest.scheduling.schedule import Schedule
from digest.scheduling.timer import Timer
from tests.waiting import PATIENCE


async def test_the_timer_fires_with_the_digests_name(monkeypatch: pytest.MonkeyPatch) -> None:
    fired: asyncio.Queue[str] = asyncio.Queue()
    runs = iter([datetime.now(UTC)])
    monkeypatch.setattr(Schedule, "next_after", lambda *_: next(runs, None))
    timer = Timer({"daily": Schedule("* * * * *", "UTC")}, fired.put)

    timer.start()
    async with asyncio.timeout(PATIENCE):
        assert await fired.get() == "daily"
    timer.stop()
    timer.stop()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    """Return the clock that the scheduler and the timer go by, looked at all the time."""
    Clock.ahead = timedelta()
    monkeypatch.setattr(base, "datetime", Clock)
    monkeypatch.setattr(timer_module, "_LOOK_AT_CLOCK", 0.01)
    return Clock


class Clock(datetime):
    """Real time, and what a test adds."""

    ahead = timedelta()
    asked = 0

    @classmethod
    def now(cls, tz: tzinfo | None = UTC) -> datetime:  # type: ignore[override]
        cls.asked += 1
        return datetime.now(tz) + cls.ahead


async def test_a_clock_that_was_set_forward_is_noticed(clock: type[Clock]) -> None:
    fired: asyncio.Queue[str] = asyncio.Queue()
    timer = Timer({"daily": Schedule("0 7 * * *", "UTC")}, fired.put, clock.now)

    timer.start()
    clock.ahead = timedelta(days=1)
    async with asyncio.timeout(PATIENCE):
        assert await fired.get() == "daily"
    timer.stop()


async def test_a_clock_that_was_ahead_and_is_set_back_holds_up_no_run(clock: type[Clock]) -> None:
    fired: asyncio.Queue[str] = asyncio.Queue()
    ended = Schedule("daily 07:00", "UTC", skip=("2000-01-01..9999-12-31",))
    schedules = {"daily": Schedule("0 7 * * *", "UTC"), "ended": ended}
    timer = Timer(schedules, fired.put, clock.now)

    timer.start()
    async with asyncio.timeout(PATIENCE):
        clock.ahead = timedelta(days=3000)
        assert await fired.get() == "daily"
        clock.ahead = timedelta()
        clock.asked = 0
        while clock.asked < 5:  # noqa: ASYNC110 - until the timer has looked
            await asyncio.sleep(0)
        assert fired.empty()
        clock.ahead = timedelta(days=1)
        assert await fired.get() == "daily"
    timer.stop()


async def test_readers_everywhere_are_looked_after_every_quarter_of_an_hour(
    clock: type[Clock],
) -> None:
    fired: asyncio.Queue[str] = asyncio.Queue()
    local = Schedule("weekly mon 07:00", "UTC", local=True)
    timer = Timer({"local": local}, fired.put, clock.now)

    timer.start()
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            clock.ahead += timedelta(minutes=15)
            assert await fired.get() == "local"
    timer.stop()
