"""Schedules: crontab's meaning, in the digest's own zone."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers import base

from digest import schedule as schedule_module
from digest.schedule import Schedule, Timetable

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def upcoming(cron: str, zone: str, start: datetime, count: int) -> Iterator[datetime]:
    """Yield the next runs, aware UTC."""
    schedule = Schedule(cron, zone)
    for _ in range(count):
        run = schedule.next_after(start)
        assert run is not None
        yield run
        start = run


def runs(cron: str, count: int, zone: str = "UTC", start: datetime = MONDAY) -> list[str]:
    return [f"{run:%a %d %H:%M}" for run in upcoming(cron, zone, start, count)]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 7 * * *", ["Tue 24 07:30", "Wed 25 07:30"]),
        (
            "0 7 * * 1-5",
            ["Tue 24 07:00", "Wed 25 07:00", "Thu 26 07:00", "Fri 27 07:00", "Mon 30 07:00"],
        ),
        ("0 7 * * 0", ["Sun 29 07:00"]),
        ("0 7 * * 7", ["Sun 29 07:00"]),
        ("0 7 * * sun", ["Sun 29 07:00"]),
        ("0 7 * * MON,Fri", ["Fri 27 07:00", "Mon 30 07:00"]),
        ("0 7 * * 5-7", ["Fri 27 07:00", "Sat 28 07:00", "Sun 29 07:00", "Fri 04 07:00"]),
        ("0 7 * * fri-sun", ["Fri 27 07:00", "Sat 28 07:00", "Sun 29 07:00"]),
        ("0 7 * * */3", ["Wed 25 07:00", "Sat 28 07:00", "Sun 29 07:00"]),
        ("0 7 * * 1/2", ["Wed 25 07:00", "Fri 27 07:00", "Mon 30 07:00"]),
        ("*/20 13 * * *", ["Mon 23 13:00", "Mon 23 13:20", "Mon 23 13:40"]),
        ("0 7 1 * *", ["Tue 01 07:00"]),
    ],
)
def test_weekdays_count_from_sunday_as_crontab_has_them(cron: str, expected: list[str]) -> None:
    assert runs(cron, len(expected)) == expected


def test_either_day_is_enough_where_both_are_restricted() -> None:
    assert runs("0 7 26 * 1", 3) == ["Thu 26 07:00", "Mon 30 07:00", "Mon 07 07:00"]


def test_times_are_in_the_digests_zone() -> None:
    assert runs("0 7 * * *", 1, "Asia/Shanghai") == ["Mon 23 23:00"]
    assert runs("0 7 * * *", 1, "America/New_York") == ["Tue 24 12:00"]


def test_the_next_run_is_shown_in_the_zone_of_the_schedule() -> None:
    shown = Schedule("0 7 * * *", "Asia/Shanghai").next_shown(MONDAY)
    assert shown is not None
    assert shown.isoformat() == "2026-11-24T07:00:00+08:00"
    assert str(shown.tzinfo) == "Asia/Shanghai"


def local(cron: str, zone: str, start: datetime, count: int) -> list[str]:
    """Return the next runs as the clocks of the zone show them."""
    clocks = ZoneInfo(zone)
    return [f"{run.astimezone(clocks):%d %H:%M %z}" for run in upcoming(cron, zone, start, count)]


@pytest.mark.parametrize(
    ("cron", "zone", "expected"),
    [
        # Clocks go from 02:00 to 03:00 on the 29th.
        ("0 0 * * *", "Europe/Berlin", ["29 00:00 +0100", "30 00:00 +0200", "31 00:00 +0200"]),
        ("0 0 * * mon", "Europe/Berlin", ["30 00:00 +0200", "06 00:00 +0200"]),
        ("30 2 * * *", "Europe/Berlin", ["29 03:30 +0200", "30 02:30 +0200"]),
        ("0 * * * *", "Europe/Berlin", ["29 00:00 +0100", "29 01:00 +0100", "29 03:00 +0200"]),
        ("0 7 * * *", "Europe/Berlin", ["29 07:00 +0200", "30 07:00 +0200"]),
        # From 24:00 to 01:00 on the same night: there is no midnight.
        ("0 0 * * *", "Asia/Beirut", ["29 01:00 +0300", "30 00:00 +0300"]),
    ],
)
def test_clocks_set_forward_leave_no_run_out(cron: str, zone: str, expected: list[str]) -> None:
    start = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    if zone == "Asia/Beirut":
        start = start.replace(hour=21)
    assert local(cron, zone, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        # Clocks go from 03:00 to 02:00 on the 25th.
        ("30 2 * * *", ["25 02:30 +0200", "26 02:30 +0100"]),
        ("0 * * * *", ["25 01:00 +0200", "25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100"]),
        ("0 3 1 * *", ["01 03:00 +0100", "01 03:00 +0100"]),
    ],
)
def test_clocks_set_back_repeat_only_what_comes_every_hour(cron: str, expected: list[str]) -> None:
    start = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert local(cron, "Europe/Berlin", start, len(expected)) == expected


@pytest.mark.parametrize(
    "cron", ["0 0 * * *", "30 2 * * *", "15 * * * *", "0 0 1 * *", "0 0 * * 1"]
)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "UTC"])
def test_latest_is_the_last_of_those_that_next_after_tells(cron: str, zone: str) -> None:
    schedule = Schedule(cron, zone)
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    runs = [begin]
    while runs[-1] < begin + timedelta(days=45):
        following = schedule.next_after(runs[-1])
        assert following is not None
        assert following > runs[-1]
        runs.append(following)
    for before, run in itertools.pairwise(runs[1:]):
        assert schedule.latest(begin, run) == run
        assert schedule.latest(begin, run - timedelta(seconds=1)) == before


def test_a_day_that_comes_every_four_years_is_found() -> None:
    schedule = Schedule("0 7 29 2 *", "UTC")
    found = schedule.next_after(datetime(2096, 3, 1, tzinfo=UTC))
    assert found == datetime(2104, 2, 29, 7, 0, tzinfo=UTC)


def test_next_after_excludes_the_moment_itself() -> None:
    schedule = Schedule("0 7 * * *", "UTC")
    first = schedule.next_after(MONDAY)
    assert first is not None
    assert schedule.next_after(first) == first + timedelta(days=1)


def test_latest_includes_the_end_and_excludes_the_start() -> None:
    schedule = Schedule("0 7 * * *", "UTC")
    tuesday = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)

    assert schedule.latest(MONDAY, tuesday) == tuesday
    assert schedule.latest(tuesday, tuesday) is None
    assert schedule.latest(tuesday, tuesday + timedelta(days=2)) == tuesday + timedelta(days=2)
    assert schedule.latest(MONDAY, tuesday - timedelta(seconds=1)) is None


def test_a_line_that_is_no_schedule_raises() -> None:
    with pytest.raises(ValueError, match="weekday '8'"):
        Schedule("0 7 * * 8", "UTC")


async def test_the_timetable_fires_with_the_digests_name(monkeypatch: pytest.MonkeyPatch) -> None:
    fired: asyncio.Queue[str] = asyncio.Queue()
    runs = iter([datetime.now(UTC)])
    monkeypatch.setattr(Schedule, "next_after", lambda *_: next(runs, None))
    timetable = Timetable({"daily": Schedule("* * * * *", "UTC")}, fired.put)

    timetable.start()
    async with asyncio.timeout(5):
        assert await fired.get() == "daily"
    timetable.stop()
    timetable.stop()


async def test_a_clock_that_was_set_forward_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        ahead = timedelta()

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + cls.ahead

    monkeypatch.setattr(base, "datetime", Clock)
    monkeypatch.setattr(schedule_module, "_LOOK_AT_CLOCK", 0.01)
    fired: asyncio.Queue[str] = asyncio.Queue()
    timetable = Timetable({"daily": Schedule("0 7 * * *", "UTC")}, fired.put)

    timetable.start()
    Clock.ahead = timedelta(days=1)
    async with asyncio.timeout(5):
        assert await fired.get() == "daily"
    timetable.stop()
