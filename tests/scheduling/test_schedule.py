"""Schedules: what lines of crontab and words mean, in the digest's own zone or in each reader's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.scheduling.schedule import Schedule

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def upcoming(
    cron: str | tuple[str, ...], zone: str, start: datetime, count: int
) -> Iterator[datetime]:
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


@pytest.mark.full_speed
@pytest.mark.sampled
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
        assert schedule.latest_open(begin, run, ()) == run
        assert schedule.latest_open(begin, run - timedelta(seconds=1), ()) == before


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

    assert schedule.latest_open(MONDAY, tuesday, ()) == tuesday
    assert schedule.latest_open(tuesday, tuesday, ()) is None
    thursday = tuesday + timedelta(days=2)
    assert schedule.latest_open(tuesday, thursday, ()) == thursday
    assert schedule.latest_open(MONDAY, tuesday - timedelta(seconds=1), ()) is None


def test_a_line_that_is_no_schedule_raises() -> None:
    with pytest.raises(ValueError, match="weekday '8'"):
        Schedule("0 7 * * 8", "UTC")


def shown(schedule: Schedule, count: int, start: datetime = MONDAY) -> list[str]:
    """Return the next runs as the clocks of the schedule's zone show them."""
    found: list[str] = []
    for _ in range(count):
        run = schedule.next_shown(start)
        assert run is not None
        found.append(f"{run:%a %d %b %H:%M}")
        start = run.astimezone(UTC)
    return found


def test_words_mean_what_they_say() -> None:
    assert shown(Schedule("daily 07:00 18:30", "Asia/Shanghai"), 3) == [
        "Tue 24 Nov 07:00",
        "Tue 24 Nov 18:30",
        "Wed 25 Nov 07:00",
    ]
    assert shown(Schedule("weekly mon,thu 07:00", "UTC"), 3) == [
        "Thu 26 Nov 07:00",
        "Mon 30 Nov 07:00",
        "Thu 03 Dec 07:00",
    ]
    assert shown(Schedule("monthly 30,31 07:00", "UTC"), 6) == [
        "Mon 30 Nov 07:00",
        "Wed 30 Dec 07:00",
        "Thu 31 Dec 07:00",
        "Sat 30 Jan 07:00",
        "Sun 31 Jan 07:00",
        "Sun 28 Feb 07:00",
    ]


def test_cron_leaves_out_what_a_month_lacks() -> None:
    assert shown(Schedule("0 7 31 * *", "UTC"), 3) == [
        "Thu 31 Dec 07:00",
        "Sun 31 Jan 07:00",
        "Wed 31 Mar 07:00",
    ]


def test_several_are_one_and_a_moment_comes_once() -> None:
    lines = ("weekly mon-fri 07:00", "weekly sat 09:30", "0 7 * * fri", "daily 07:00")
    assert shown(Schedule(lines, "UTC"), 6, MONDAY + timedelta(days=2)) == [
        "Thu 26 Nov 07:00",
        "Fri 27 Nov 07:00",
        "Sat 28 Nov 07:00",
        "Sat 28 Nov 09:30",
        "Sun 29 Nov 07:00",
        "Mon 30 Nov 07:00",
    ]


def test_a_day_off_has_no_run_and_the_next_day_has() -> None:
    schedule = Schedule(
        "daily 07:00", "Asia/Tokyo", skip=("sat", "2026-12-01..2026-12-03", "11-25")
    )
    assert shown(schedule, 6) == [
        "Tue 24 Nov 07:00",
        "Thu 26 Nov 07:00",
        "Fri 27 Nov 07:00",
        "Sun 29 Nov 07:00",
        "Mon 30 Nov 07:00",
        "Fri 04 Dec 07:00",
    ]
    third = datetime(2026, 12, 3, 7, 0, tzinfo=UTC)
    assert schedule.latest_open(third - timedelta(days=2), third, ()) is None
    assert schedule.latest_open(third - timedelta(days=4), third, ()) == datetime(
        2026, 11, 29, 22, 0, tzinfo=UTC
    )


def test_a_day_off_is_that_of_the_zone() -> None:
    # 07:00 on Saturday in Tokyo is 22:00 on Friday in Greenwich.
    assert shown(Schedule("weekly fri,sat 07:00", "Asia/Tokyo", skip=("fri",)), 1) == [
        "Sat 28 Nov 07:00"
    ]


def test_a_day_off_is_the_one_on_which_a_run_is_due_though_the_clocks_move_it_on() -> None:
    # In Nuuk clocks go from 23:00 on Saturday, the 28th, to midnight.
    friday = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
    every = Schedule("daily 23:30", "America/Nuuk")
    assert shown(every, 3, friday) == ["Fri 27 Mar 23:30", "Sun 29 Mar 00:30", "Sun 29 Mar 23:30"]
    no_saturday = Schedule("daily 23:30", "America/Nuuk", skip=("sat",))
    assert shown(no_saturday, 2, friday) == ["Fri 27 Mar 23:30", "Sun 29 Mar 23:30"]
    no_sunday = Schedule("daily 23:30", "America/Nuuk", skip=("2026-03-29",))
    assert shown(no_sunday, 3, friday) == [
        "Fri 27 Mar 23:30",
        "Sun 29 Mar 00:30",
        "Mon 30 Mar 23:30",
    ]


def test_a_schedule_may_end() -> None:
    schedule = Schedule("0 7 29 2 *", "UTC", skip=("2020-01-01..2099-12-31",))
    assert schedule.next_after(MONDAY) is None
    assert schedule.next_shown(MONDAY) is None
    assert schedule.next_look(MONDAY) is None


def test_a_day_off_that_is_none_raises() -> None:
    with pytest.raises(ValueError, match="weekday 'satt'"):
        Schedule("daily 07:00", "UTC", skip=("satt",))


ZONES = ("Pacific/Kiritimati", "Asia/Kathmandu", "Europe/Berlin", "America/New_York")


class TestLocal:
    """A run that comes at the same wall time in the zone of each reader."""

    BERLIN = Schedule("daily 07:00", "Europe/Berlin", local=True)
    RUN = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)

    def test_a_run_opens_where_its_hour_comes_first(self) -> None:
        assert self.BERLIN.opens_at(self.RUN, ZONES) == datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
        assert self.BERLIN.opens_at(self.RUN, ["Asia/Kathmandu", "America/New_York"]) == datetime(
            2026, 11, 24, 1, 15, tzinfo=UTC
        )

    def test_without_readers_it_opens_at_its_own(self) -> None:
        assert self.BERLIN.opens_at(self.RUN, ()) == self.RUN

    def test_a_digest_of_one_zone_opens_there_wherever_its_readers_are(self) -> None:
        schedule = Schedule("daily 07:00", "Europe/Berlin")
        assert schedule.opens_at(self.RUN, ZONES) == self.RUN
        assert schedule.next_look(self.RUN) == schedule.next_after(self.RUN)

    def test_the_latest_that_is_open_is_found(self) -> None:
        long_ago = self.RUN - timedelta(days=9)
        opens = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
        second = timedelta(seconds=1)
        assert self.BERLIN.latest_open(long_ago, opens, ZONES) == self.RUN
        assert self.BERLIN.latest_open(long_ago, opens - second, ZONES) == self.RUN - timedelta(1)
        assert self.BERLIN.latest_open(self.RUN - second, opens, ZONES) == self.RUN
        assert self.BERLIN.latest_open(self.RUN, opens, ZONES) is None
        west = self.BERLIN.latest_open(long_ago, self.RUN, ["Pacific/Pago_Pago"])
        assert west == self.RUN - timedelta(days=1)

    def test_an_hour_that_comes_twice_counts_once_even_where_every_hour_does(self) -> None:
        start = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
        hourly = Schedule("0 * * * *", "Europe/Berlin", local=True)
        assert shown(hourly, 3, start) == [
            "Sun 25 Oct 02:00",
            "Sun 25 Oct 03:00",
            "Sun 25 Oct 04:00",
        ]

    @given(
        minutes=st.integers(-3000, 3000),
        span=st.integers(0, 5000),
        zones=st.sets(st.sampled_from([*ZONES, "Pacific/Pago_Pago", "Australia/Lord_Howe"])),
        line=st.sampled_from(["daily 07:00 23:50", "0 * * * *", "weekly sun 02:30", "30 0 * * *"]),
    )
    def test_the_latest_open_is_the_last_of_all_that_are(
        self, minutes: int, span: int, zones: set[str], line: str
    ) -> None:
        schedule = Schedule(line, "Europe/Berlin", local=True)
        until = datetime(2026, 10, 25, tzinfo=UTC) + timedelta(minutes=minutes)
        after = until - timedelta(minutes=span)
        runs: list[datetime] = []
        run = schedule.next_after(after)
        while run is not None and run <= until + timedelta(days=3):
            runs.append(run)
            run = schedule.next_after(run)
        opened = [run for run in runs if schedule.opens_at(run, zones) <= until]
        assert schedule.latest_open(after, until, zones) == max(opened, default=None)

    @pytest.mark.parametrize("wall", ["07:00", "02:30", "23:59", "00:07"])
    def test_it_is_looked_whenever_a_run_comes_in_any_zone_there_is(self, wall: str) -> None:
        schedule = Schedule(f"daily {wall}", "Europe/Berlin", local=True)
        second = timedelta(seconds=1)
        missed = []
        for start in ("2026-03-29", "2026-10-04", "2026-07-15"):
            run = schedule.next_after(datetime.fromisoformat(start).replace(tzinfo=UTC))
            assert run is not None
            for zone in sorted(available_timezones()):
                opens = schedule.opens_at(run, [zone])
                if schedule.next_look(opens - second) != opens:
                    missed.append((zone, opens))
        assert missed == []

    def test_a_look_is_never_far(self) -> None:
        schedule = Schedule(("daily 07:00", "weekly mon 09:05"), "UTC", local=True)
        looks: list[datetime] = [self.RUN + timedelta(seconds=5)]
        for _ in range(4):
            look = schedule.next_look(looks[-1])
            assert look is not None
            looks.append(look)
        assert [f"{look:%H:%M:%S}" for look in looks[1:]] == [
            "06:05:00",
            "06:15:00",
            "06:20:00",
            "06:30:00",
        ]
