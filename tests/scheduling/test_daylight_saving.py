"""Whatever clocks do, a wall time comes once a day: in every zone there is, in every form."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from digest.scheduling import words
from digest.scheduling.schedule import Schedule
from tests.effort import effort

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
#: Half an hour.
LORD_HOWE = "Australia/Lord_Howe"
#: At midnight, so that there is none, or two.
SANTIAGO, BEIRUT = "America/Santiago", "Asia/Beirut"
#: Over midnight.
NUUK = "America/Nuuk"


def every(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the runs with ``after`` < run <= ``until``, aware UTC."""
    run = schedule.next_after(after)
    while run is not None and run <= until:
        yield run
        run = schedule.next_after(run)


def forms(wall: str, day: date) -> dict[str, str | tuple[str, ...]]:
    """Return schedules that have a run at a wall time of a day, and no other within a day."""
    hour, minute = map(int, wall.split(":"))
    weekday = f"{day:%a}".lower()
    return {
        "cron, every day": f"{minute} {hour} * * *",
        "cron, a weekday": f"{minute} {hour} * * {weekday}",
        "cron, a day": f"{minute} {hour} {day.day} {day.month} *",
        "daily": f"daily {wall}",
        "weekly": f"weekly {weekday} {wall}",
        "monthly": f"monthly {day.day} {wall}",
        "a list": (f"daily {wall}", f"{minute} {hour} * * *", f"weekly mon-sun {wall}"),
    }


@pytest.mark.parametrize(
    ("zone", "day", "wall", "expected"),
    [
        # Berlin: from 02:00 to 03:00, and from 03:00 to 02:00
        (BERLIN, "2026-03-29", "01:59", "29 01:59 +0100"),
        (BERLIN, "2026-03-29", "02:00", "29 03:00 +0200"),
        (BERLIN, "2026-03-29", "02:30", "29 03:30 +0200"),
        (BERLIN, "2026-03-29", "03:00", "29 03:00 +0200"),
        (BERLIN, "2026-10-25", "02:00", "25 02:00 +0200"),
        (BERLIN, "2026-10-25", "02:30", "25 02:30 +0200"),
        (BERLIN, "2026-10-25", "03:00", "25 03:00 +0100"),
        # New York: the same an hour earlier, on other days
        (NEW_YORK, "2026-03-08", "02:30", "08 03:30 -0400"),
        (NEW_YORK, "2026-11-01", "01:30", "01 01:30 -0400"),
        (NEW_YORK, "2026-11-01", "02:00", "01 02:00 -0500"),
        # Lord Howe: from 02:00 to 02:30, and from 02:00 to 01:30
        (LORD_HOWE, "2026-10-04", "02:00", "04 02:30 +1100"),
        (LORD_HOWE, "2026-10-04", "02:15", "04 02:45 +1100"),
        (LORD_HOWE, "2026-10-04", "02:30", "04 02:30 +1100"),
        (LORD_HOWE, "2026-04-05", "01:29", "05 01:29 +1100"),
        (LORD_HOWE, "2026-04-05", "01:45", "05 01:45 +1100"),
        (LORD_HOWE, "2026-04-05", "02:00", "05 02:00 +1030"),
        # Santiago: from 24:00 to 01:00, and from 24:00 to 23:00
        (SANTIAGO, "2026-09-06", "00:00", "06 01:00 -0300"),
        (SANTIAGO, "2026-09-06", "00:30", "06 01:30 -0300"),
        (SANTIAGO, "2026-09-05", "23:59", "05 23:59 -0400"),
        (SANTIAGO, "2026-04-04", "23:30", "04 23:30 -0300"),
        (SANTIAGO, "2026-04-05", "00:00", "05 00:00 -0400"),
        # Beirut: the same on other days
        (BEIRUT, "2026-03-29", "00:00", "29 01:00 +0300"),
        (BEIRUT, "2026-10-24", "23:00", "24 23:00 +0300"),
        # Nuuk: from 23:00 to 24:00, and back
        (NUUK, "2026-03-28", "23:30", "29 00:30 -0100"),
        (NUUK, "2026-10-24", "23:30", "24 23:30 -0100"),
    ],
)
def test_an_hour_that_is_left_out_or_comes_twice_gives_one_run(
    zone: str, day: str, wall: str, expected: str
) -> None:
    nominal = datetime.fromisoformat(f"{day}T{wall}").replace(tzinfo=ZoneInfo(zone))
    around = timedelta(hours=20)
    found = {
        form: [
            f"{run.astimezone(ZoneInfo(zone)):%d %H:%M %z}"
            for run in every(Schedule(text, zone), nominal - around, nominal + around)
        ]
        for form, text in forms(wall, nominal.date()).items()
    }
    assert found == {form: [expected] for form in found}


def test_two_wall_times_that_a_change_makes_one_are_one_run() -> None:
    schedule = Schedule("daily 02:30 03:15 03:30", BERLIN)
    night = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
    runs = list(every(schedule, night, night + timedelta(hours=12)))
    assert [f"{run.astimezone(ZoneInfo(BERLIN)):%H:%M}" for run in runs] == ["03:15", "03:30"]


def test_a_run_that_is_moved_over_midnight_comes_after_those_before_it() -> None:
    # 23:30 on Saturday comes at 00:30 on Sunday.
    schedule = Schedule("daily 23:30 00:15", NUUK)
    friday = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    runs = list(every(schedule, friday, friday + DAY))
    shown = [f"{run.astimezone(ZoneInfo(NUUK)):%d %H:%M}" for run in runs]
    assert shown == ["29 00:15", "29 00:30"]
    assert schedule.latest_open(friday, runs[0], ()) == runs[0]
    assert schedule.latest_open(friday, runs[1] - SECOND, ()) == runs[0]
    assert schedule.latest_open(friday, runs[1], ()) == runs[1]


def test_a_midnight_is_known_when_clocks_have_gone_back_behind_it() -> None:
    # In St John's, clocks went from 00:01 on the 1st of November to 23:01 on the 31st of October.
    schedule = Schedule("daily 00:00", "America/St_Johns")
    midnight = datetime(2009, 11, 1, 2, 30, tzinfo=UTC)
    half_past_eleven = midnight + timedelta(minutes=30)
    assert f"{half_past_eleven.astimezone(ZoneInfo('America/St_Johns')):%d %H:%M}" == "31 23:30"
    assert schedule.latest_open(midnight - DAY, half_past_eleven, ()) == midnight
    assert schedule.next_after(midnight) == midnight + timedelta(hours=25)


@cache
def changes(first: int, last: int) -> dict[str, list[date]]:
    """Return by zone the days after which clocks were changed within a week; zones alike once."""
    weeks = [datetime(first, 1, 1, tzinfo=UTC)]
    while weeks[-1].year <= last:
        weeks.append(weeks[-1] + 7 * DAY)
    found: dict[tuple[timedelta | None, ...], str] = {}
    for zone in sorted(available_timezones()):
        clocks = ZoneInfo(zone)
        found.setdefault(tuple(week.astimezone(clocks).utcoffset() for week in weeks), zone)
    return {
        zone: [
            week.date()
            for week, (before, after) in zip(weeks, itertools.pairwise(offsets), strict=False)
            if before != after
        ]
        for offsets, zone in found.items()
    }


def shows(zone: ZoneInfo, wall: datetime) -> datetime | None:
    """Return when clocks show a wall time first, aware UTC; None where they leave it out."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == wall else None


def wrong(zone: str, wall: time, first: date, count: int) -> list[str]:
    """Return where the runs of ``daily`` on some days are not what the days' clocks say."""
    clocks, expected = ZoneInfo(zone), set()
    for number in range(count):
        nominal = datetime.combine(first + number * DAY, wall)
        moment = shows(clocks, nominal)
        if moment is None:  # later by as much as the clocks were moved
            before, after = (
                (nominal + side * DAY).replace(tzinfo=clocks).utcoffset() for side in (-1, 1)
            )
            assert before is not None
            assert after is not None
            moment = shows(clocks, nominal + (after - before))
        assert moment is not None, (zone, nominal)
        expected.add(moment)
    low, high = min(expected), max(expected)
    schedule = Schedule(f"daily {wall:%H:%M}", zone)
    found = list(every(schedule, low - SECOND, high))
    return [] if found == sorted(expected) else [f"{zone} {first}: {found} {sorted(expected)}"]


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize("wall", ["02:30", "00:00", "23:30"])
def test_every_change_of_clocks_in_every_zone_leaves_one_run_a_day(wall: str) -> None:
    found: list[str] = []
    for zone, days in changes(2007, 2030).items():
        for day in days:
            found += wrong(zone, time.fromisoformat(wall), day - 2 * DAY, 12)
    assert found == []


def test_a_day_that_a_zone_never_had_has_no_run_of_its_own() -> None:
    # Samoa went from the 29th to the 31st of December in 2011.
    schedule = Schedule("daily 07:00", "Pacific/Apia")
    start = datetime(2011, 12, 28, 0, 0, tzinfo=UTC)
    runs = list(every(schedule, start, start + 4 * DAY))
    assert [f"{run.astimezone(ZoneInfo('Pacific/Apia')):%d %H:%M}" for run in runs] == [
        "28 07:00",
        "29 07:00",
        "31 07:00",
        "01 07:00",
    ]


# What schedules there may be: lines, zones, days off and moments, at will.

_ZONES = st.sampled_from(sorted(available_timezones()))
_TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
_AT = st.lists(_TIMES, min_size=1, max_size=3).map(" ".join)
_WEEKDAYS = st.lists(
    st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun", "fri-mon", "tue-wed"]),
    min_size=1,
    max_size=3,
).map(",".join)
_DAYS = st.lists(
    st.one_of(st.integers(1, 31).map(str), st.just("last")), min_size=1, max_size=3
).map(",".join)
_LINES = st.one_of(
    st.builds("daily {}".format, _AT),
    st.builds("weekly {} {}".format, _WEEKDAYS, _AT),
    st.builds("monthly {} {}".format, _DAYS, _AT),
    st.builds("{} {} * * {}".format, st.integers(0, 59), st.integers(0, 23), _WEEKDAYS)
    .filter(lambda line: "fri-mon" not in line)
    .map(str),
    st.builds("{} */6 {} * *".format, st.integers(0, 59), st.integers(1, 31)),
    st.sampled_from(["0 * * * *", "*/30 * * * *"]),
)
_SCHEDULES = st.lists(_LINES, min_size=1, max_size=3).map(tuple)
_MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2037, 12, 1)).map(  # noqa: DTZ001 - made UTC
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
_SKIPS = st.lists(
    st.one_of(
        st.sampled_from(["sat", "sun", "mon-wed"]),
        st.dates(date(2000, 1, 1), date(2000, 12, 31)).map("{:%m-%d}".format),
    ),
    max_size=2,
).map(tuple)


@given(zone=_ZONES, wall=st.times(), start=st.dates(date(1975, 1, 1), date(2037, 1, 1)))
def test_a_daily_digest_comes_once_a_day_in_any_zone_and_year(
    zone: str, wall: time, start: date
) -> None:
    assert wrong(zone, wall.replace(second=0, microsecond=0, fold=0), start, 100) == []


@given(lines=_SCHEDULES, zone=_ZONES, skip=_SKIPS, moment=_MOMENTS)
def test_the_next_and_the_latest_run_agree(
    lines: tuple[str, ...], zone: str, skip: tuple[str, ...], moment: datetime
) -> None:
    schedule = Schedule(lines, zone, skip=skip)
    run = schedule.next_after(moment)
    assert (run is not None) == words.parse_days_off(skip).leave(map(words.parse, lines))
    assume(run is not None)
    assert run is not None
    assert run > moment
    assert schedule.latest_open(moment, run, ()) == run
    assert schedule.latest_open(moment, run - SECOND, ()) is None
    assert schedule.next_after(run - SECOND) == run
    before = schedule.latest_open(moment - 20 * DAY, moment, ())
    if before is not None:
        assert before <= moment
        assert schedule.next_after(before) == run


@given(lines=_SCHEDULES, zone=_ZONES, skip=_SKIPS, moment=_MOMENTS)
@settings(max_examples=effort(20, soak=60))
def test_runs_ascend_and_those_of_a_list_are_those_of_its_lines(
    lines: tuple[str, ...], zone: str, skip: tuple[str, ...], moment: datetime
) -> None:
    until = moment + 3 * DAY
    runs = list(every(Schedule(lines, zone, skip=skip), moment, until))
    assert all(earlier < later for earlier, later in itertools.pairwise(runs))
    apart = {run for line in lines for run in every(Schedule(line, zone, skip), moment, until)}
    assert runs == sorted(apart)


@given(lines=_SCHEDULES, zone=_ZONES, moment=_MOMENTS, off=st.integers(0, 2))
@settings(max_examples=effort(20, soak=60))
def test_a_day_off_takes_its_own_runs_and_no_others(
    lines: tuple[str, ...], zone: str, moment: datetime, off: int
) -> None:
    clocks, until = ZoneInfo(zone), moment + 3 * DAY
    day = moment.astimezone(clocks).date() + off * DAY
    others = tuple(f"{day + first * DAY}..{day + last * DAY}" for first, last in ((-9, -1), (1, 9)))
    all_of_them, without, alone = (
        set(every(Schedule(lines, zone, skip=skip), moment, until))
        for skip in ((), (str(day),), others)
    )
    assert all_of_them == without | alone
    midnights = (datetime.combine(day + side * DAY, time(), clocks) for side in (-1, 0, 1, 2))
    if len({midnight.utcoffset() for midnight in midnights}) == 1:
        assert alone == {run for run in all_of_them if run.astimezone(clocks).date() == day}
        assert not without & alone


@given(
    days=st.lists(st.integers(1, 31), min_size=1, max_size=3),
    wall=_TIMES,
    zone=_ZONES,
    year=st.integers(1975, 2036),
)
@settings(max_examples=effort(20, soak=60))
def test_a_monthly_digest_comes_on_each_of_its_days_once_every_month(
    days: list[int], wall: str, zone: str, year: int
) -> None:
    start = datetime(year, 1, 1, tzinfo=ZoneInfo(zone))
    line = f"monthly {','.join(map(str, days))} {wall}"
    runs = list(every(Schedule(line, zone), start - SECOND, start.replace(year=year + 1) - SECOND))
    expected = []
    for month in range(1, 13):
        following = date(year + month // 12, month % 12 + 1, 1)
        length = (following - DAY).day
        for day in sorted({min(day, length) for day in days}):
            nominal = datetime.combine(date(year, month, day), time.fromisoformat(wall))
            expected.append(nominal.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
    assert runs == sorted(set(expected))
    assert len(runs) >= 12
