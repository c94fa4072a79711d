"""Schedules in words: what they mean, and what is said of those that are wrong."""

from datetime import date, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.scheduling import words
from digest.scheduling.cron import Cron
from digest.scheduling.words import Recurrence
from tests.effort import effort

_WORDS = st.sampled_from(
    [
        "daily",
        "weekly",
        "monthly",
        "last",
        "mon,thu",
        "fri-mon",
        "mon-",
        "-",
        ",",
        "07:00",
        "7:5",
        "23:59",
        "24:00",
        "0",
        "31",
        "32",
        "1,15",
        "*",
        "@",
        "ß",
    ]
)


def days(text: str, year: int, month: int) -> list[int]:
    """Return the days of a month on which a schedule comes."""
    found = words.parse(text)
    day, fits = date(year, month, 1), []
    while day.month == month:
        if found.comes_on(day):
            fits.append(day.day)
        day += timedelta(days=1)
    return fits


def test_spaces_and_case_do_not_matter() -> None:
    found = words.parse("  Weekly  Mon,THU 7:00   06:30 ")
    assert isinstance(found, Recurrence)
    assert str(found) == "Weekly Mon,THU 7:00 06:30"
    assert found.weekdays == (1, 4)
    assert found.times == (time(6, 30), time(7))
    assert words.parse(found.text) == found


def test_a_time_that_is_there_twice_counts_once() -> None:
    assert words.parse("daily 07:00 7:00").times == (time(7),)


def test_a_line_of_cron_stays_one() -> None:
    found = words.parse("*/30 7,18 31 * *")
    assert isinstance(found, Cron)
    assert found.times == (time(7), time(7, 30), time(18), time(18, 30))
    assert days("0 7 31 * *", 2026, 2) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon", (1,)),
        ("mon-fri", (1, 2, 3, 4, 5)),
        ("fri-mon", (0, 1, 5, 6)),
        ("sun-sat", (0, 1, 2, 3, 4, 5, 6)),
        ("sat-sun", (0, 6)),
        ("mon-mon", (1,)),
        ("thu,mon,mon-tue", (1, 2, 4)),
    ],
)
def test_weekdays_are_lists_and_ranges_over_the_end_of_the_week_too(
    text: str, expected: tuple[int, ...]
) -> None:
    assert words.weekdays(text) == expected


@pytest.mark.parametrize(
    ("text", "month", "expected"),
    [
        ("daily 07:00", 2, list(range(1, 29))),
        ("weekly mon,thu 07:00", 11, [2, 5, 9, 12, 16, 19, 23, 26, 30]),
        ("monthly 1 07:00", 2, [1]),
        ("monthly 15,1 07:00", 2, [1, 15]),
        ("monthly 31 07:00", 1, [31]),
        ("monthly 31 07:00", 4, [30]),
        ("monthly 31 07:00", 2, [28]),
        ("monthly last 07:00", 2, [28]),
        ("monthly 30,31 07:00", 1, [30, 31]),
        ("monthly 30,31 07:00", 4, [30]),
        ("monthly 30,31 07:00", 2, [28]),
        ("monthly 28,last 07:00", 2, [28]),
        ("monthly 5,29 07:00", 2, [5, 28]),
    ],
)
def test_a_month_that_lacks_a_day_has_its_last_one_once(
    text: str, month: int, expected: list[int]
) -> None:
    assert days(text, 2026, month) == expected


def test_the_29th_is_the_29th_in_a_leap_year() -> None:
    assert days("monthly 29 07:00", 2028, 2) == [29]
    assert days("monthly 30 07:00", 2028, 2) == [29]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("07:00", "must say on which days; did you mean 'daily 07:00'?"),
        ("7:00 18:30", "must say on which days; did you mean 'daily 7:00 18:30'?"),
        (
            "dayly 08:00",
            (
                "'dayly' must be 'daily', 'weekly' or 'monthly', as in 'weekly mon,thu 07:00', or "
                "the minute of five fields of cron, as in '0 7 * * mon-fri'; did you mean "
                "'daily 08:00'?"
            ),
        ),
        ("@monthly", "did you mean 'monthly 1,15 07:00'?"),
        ("x", "must be 'daily', 'weekly' or 'monthly'"),
        ("daily", "must end with a time of day, as in 'daily 07:00'"),
        ("weekly mon", "must end with a time of day, as in 'weekly mon,thu 07:00'"),
        ("daily 24:00", "time '24:00': must be from 00:00 to 23:59, one or more with spaces"),
        ("daily 07:00,18:30", "time '07:00,18:30': must be from 00:00 to 23:59"),
        ("daily 7", "time '7': must be from 00:00 to 23:59"),
        ("daily ٠٧:٠٠", "time '٠٧:٠٠': must be"),
        ("weekly mon thu 07:00", "time 'thu': must be"),
        ("weekly", "weekday '': must be mon, tue, wed, thu, fri, sat, sun, a list (mon,thu) or a"),
        ("weekly monday 07:00", "weekday 'monday': must be mon, tue, wed, thu, fri, sat, sun, a"),
        ("weekly wednesday-friday 07:00", "did you mean 'wed-fri'?"),
        ("weekly mo 07:00", "did you mean 'mon'?"),
        ("weekly mon-wed-fri 07:00", "weekday 'mon-wed-fri': must be"),
        ("weekly 1 07:00", "weekday '1': must be"),
        ("weekly mon, 07:00", "weekday '': must be"),
        ("monthly 07:00", "day '07:00': must be 1-31, last or a list (1,15), as in 'monthly 1,15"),
        ("monthly 0 07:00", "day '0': must be"),
        ("monthly 32 07:00", "day '32': must be"),
        ("monthly lst 07:00", "did you mean 'last'?"),
        ("", "must have five fields (minute hour day month weekday)"),
        ("0 7 * *", "must have five fields (minute hour day month weekday)"),
    ],
)
def test_an_error_names_the_part_and_what_it_may_be(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        words.parse(text)
    assert told in str(caught.value)


@given(st.one_of(st.text(max_size=30), st.lists(_WORDS, max_size=6).map(" ".join)))
@settings(max_examples=effort(100, soak=300))
def test_any_text_gives_a_schedule_or_an_error(text: str) -> None:
    try:
        found = words.parse(text)
    except ValueError:
        return
    assert found.times == tuple(sorted(set(found.times)))
    assert words.parse(found.text) == found


@pytest.mark.parametrize(
    ("text", "on", "off"),
    [
        ("sat", ["2026-10-02", "2026-10-04"], ["2026-10-03"]),
        ("sat-sun", ["2026-10-02", "2026-10-05"], ["2026-10-03", "2026-10-04"]),
        ("Sun", ["2026-10-03"], ["2026-10-04"]),
        ("2026-10-01", ["2026-09-30", "2026-10-02", "2027-10-01"], ["2026-10-01"]),
        (
            "2026-10-01..2026-10-07",
            ["2026-09-30", "2026-10-08"],
            ["2026-10-01", "2026-10-04", "2026-10-07"],
        ),
        (" 2026-12-24 .. 2027-01-02 ", ["2026-12-23", "2027-12-25"], ["2026-12-24", "2027-01-02"]),
        ("2026-10-01..2026-10-01", ["2026-10-02"], ["2026-10-01"]),
        ("12-25", ["2026-12-24", "2026-12-26"], ["2026-12-25", "2031-12-25"]),
        ("02-29", ["2026-02-28", "2026-03-01"], ["2028-02-29"]),
    ],
)
def test_days_are_off(text: str, on: list[str], off: list[str]) -> None:
    found = words.parse_days_off([text])
    assert [day for day in on if date.fromisoformat(day) in found] == []
    assert [day for day in off if date.fromisoformat(day) not in found] == []


def test_all_of_a_list_are_off() -> None:
    found = words.parse_days_off(["sat", "12-25", "2026-10-01", "2026-11-01..2026-11-02"])
    for day in ("2026-10-03", "2026-12-25", "2026-10-01", "2026-11-02"):
        assert date.fromisoformat(day) in found
    assert date(2026, 10, 2) not in found
    assert date(2026, 10, 3) not in words.parse_days_off([])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("satt", "weekday 'satt': must be mon, tue"),
        ("", "'' must be a weekday ('sat', 'sat-sun'), a date ('2026-10-01'), a range of"),
        ("2026-1-1", "'2026-1-1' must be a weekday"),
        ("20261001", "'20261001' must be a weekday"),
        ("2026-W40-1", "'2026-w40-1' must be a weekday"),
        ("12-24..12-26", "'12-24..12-26' must be a weekday"),
        ("2026-10-01..", "'2026-10-01..' must be"),
        ("2026-10-01..2026-10-02..2026-10-03", "must be a weekday"),
        ("2026-02-29", "'2026-02-29': there is no such day"),
        ("0000-01-01", "'0000-01-01': there is no such day"),
        ("02-30", "'02-30': there is no such day"),
        ("13-01", "'13-01': there is no such day"),
        ("2026-10-07..2026-10-01", "'2026-10-07..2026-10-01': the range ends before it starts"),
    ],
)
def test_an_error_names_the_text_and_what_it_may_be(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        words.parse_days_off([text])
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("schedule", "skip", "left"),
    [
        ("daily 07:00", ["mon-sat"], True),
        ("daily 07:00", ["mon-sun"], False),
        ("weekly sat 07:00", ["sat"], False),
        ("weekly fri,sat 07:00", ["sat"], True),
        ("0 7 * * sat", ["sat"], False),
        ("0 7 25 12 *", ["12-25"], False),
        ("0 7 25 12 *", ["2026-12-25..2099-12-25"], True),
        # in one year of 28 the 29th of February is a Sunday
        ("0 7 29 2 *", ["mon-sat"], True),
        ("0 7 29 2 *", ["mon-sat", "02-29"], False),
        ("monthly last 07:00", ["mon-sat"], True),
    ],
)
def test_it_is_told_where_no_run_is_left(schedule: str, skip: list[str], left: bool) -> None:
    assert words.parse_days_off(skip).leave([words.parse(schedule)]) is left


def test_one_of_several_schedules_is_enough() -> None:
    both = [words.parse("weekly sat 07:00"), words.parse("weekly mon 07:00")]
    assert words.parse_days_off(["sat"]).leave(both)
    assert not words.parse_days_off(["sat", "mon"]).leave(both)
