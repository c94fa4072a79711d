"""Schedules are taken exactly as crontab(5) has them, and errors name the field."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.scheduling import cron
from tests.effort import effort


def test_every_field_is_read() -> None:
    schedule = cron.parse(" 30  7 1-10/3  JAN,jul-sep * ")
    assert schedule.minutes == (30,)
    assert schedule.hours == (7,)
    assert schedule.days == (1, 4, 7, 10)
    assert schedule.months == (1, 7, 8, 9)
    assert schedule.weekdays == (0, 1, 2, 3, 4, 5, 6)
    assert not schedule.either
    assert str(schedule) == "30 7 1-10/3 JAN,jul-sep *"


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [
        ("0", (0,)),
        ("7", (0,)),
        ("mon-fri", (1, 2, 3, 4, 5)),
        ("fri-sun", (0, 5, 6)),
        ("sun", (0,)),
        ("sun-tue", (0, 1, 2)),
        ("5-7", (0, 5, 6)),
        ("*/2", (0, 2, 4, 6)),
        ("2/2", (2, 4, 6)),
        ("sat,SUN", (0, 6)),
    ],
)
def test_weekdays_count_from_sunday_by_number_and_by_name(
    text: str, weekdays: tuple[int, ...]
) -> None:
    assert cron.parse(f"0 7 * * {text}").weekdays == weekdays


def test_an_open_step_goes_on_to_the_end() -> None:
    assert cron.parse("5/15 * * * *").minutes == (5, 20, 35, 50)
    assert cron.parse("*/20 */12 * * *").minutes == (0, 20, 40)


@pytest.mark.parametrize(
    ("text", "either"),
    [("0 0 1 * mon", True), ("0 0 1 * *", False), ("0 0 * * mon", False), ("0 0 */2 * mon", False)],
)
def test_a_day_and_a_weekday_are_alternatives_only_where_both_are_narrowed(
    text: str, either: bool
) -> None:
    assert cron.parse(text).either is either


def test_the_29th_of_february_comes() -> None:
    assert cron.parse("0 7 29 2 *").days == (29,)


def test_a_day_that_never_comes_is_fine_where_a_weekday_is_enough() -> None:
    assert cron.parse("0 7 31 2 mon").either


_ALLOWED_MINUTE = "must be 0-59, *, a list (1,2), a range (1-5) or a step (*/2)"
_ALLOWED_MONTH = "must be 1-12 or jan-dec, *, a list (1,2), a range (1-5) or a step (*/2)"
_ALLOWED_WEEKDAY = "must be 0-7 or sun-sat, *, a list (1,2), a range (1-5) or a step (*/2)"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "",
            (
                "must have five fields (minute hour day month weekday), such as '0 7 * * mon-fri', "
                "not 0"
            ),
        ),
        (
            "0 0 7 * * *",
            (
                "must have five fields (minute hour day month weekday), such as '0 7 * * mon-fri', "
                "not 6"
            ),
        ),
        ("60 7 * * *", f"minute '60': {_ALLOWED_MINUTE}"),
        ("-1 7 * * *", f"minute '-1': {_ALLOWED_MINUTE}"),
        ("1, 7 * * *", f"minute '': {_ALLOWED_MINUTE}"),
        ("*-5 7 * * *", f"minute '*-5': {_ALLOWED_MINUTE}"),
        ("١ 7 * * *", f"minute '١': {_ALLOWED_MINUTE}"),
        ("1-60 7 * * *", f"minute '1-60': {_ALLOWED_MINUTE}"),
        ("0 7 * 0 *", f"month '0': {_ALLOWED_MONTH}"),
        ("0 7 * january *", f"month 'january': {_ALLOWED_MONTH}"),
        ("0 7 * jan-mar/2 *", f"month 'jan-mar/2': {_ALLOWED_MONTH}"),
        ("0 7 * jan-3 *", f"month 'jan-3': {_ALLOWED_MONTH}"),
        ("0 7 * * 8", f"weekday '8': {_ALLOWED_WEEKDAY}"),
        ("0 7 * * l", f"weekday 'l': {_ALLOWED_WEEKDAY}"),
        ("0 7 * * fri-mon", "weekday 'fri-mon': the range ends before it starts"),
        ("0 9-7 * * *", "hour '9-7': the range ends before it starts"),
        ("*/0 7 * * *", "minute '*/0': the step must be from 1 to 59"),
        ("*/60 7 * * *", "minute '*/60': the step must be from 1 to 59"),
        ("0 8-10/3 * * *", "hour '8-10/3': the step must be from 1 to 2"),
        ("0 7 31 feb,apr *", "never comes: no month of 'feb,apr' has a day 31"),
        ("0 7 30-31 2 *", "never comes: no month of '2' has a day 30"),
    ],
)
def test_a_mistake_names_its_field_and_what_is_allowed(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        cron.parse(text)
    assert str(caught.value) == problem


@given(st.text(alphabet="0123456789*,-/ monjafeb", max_size=30))
@settings(max_examples=effort(66, soak=200))
def test_any_text_gives_a_schedule_or_an_error(text: str) -> None:
    try:
        schedule = cron.parse(text)
    except ValueError:
        return
    assert schedule.minutes
    assert schedule.weekdays
    assert set(schedule.weekdays) <= set(range(7))
    assert cron.parse(schedule.text) == schedule
