"""Schedules: crontab's meaning, in the digest's own zone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.date import DateTrigger

from digest.schedule import Schedule, Timetable

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def runs(cron: str, count: int, zone: str = "UTC", start: datetime = MONDAY) -> list[str]:
    schedule = Schedule(cron, zone)
    found = []
    moment: datetime | None = start
    for _ in range(count):
        assert moment is not None
        moment = schedule.next_after(moment)
        assert moment is not None
        found.append(f"{moment:%a %d %H:%M}")
    return found


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


async def test_the_timetable_fires_with_the_digests_name() -> None:
    fired: asyncio.Queue[str] = asyncio.Queue()
    due = Schedule("* * * * *", "UTC")
    object.__setattr__(due, "trigger", DateTrigger(datetime.now(UTC)))
    timetable = Timetable({"daily": due}, fired.put)

    timetable.start()
    async with asyncio.timeout(5):
        assert await fired.get() == "daily"
    timetable.stop()
    timetable.stop()
