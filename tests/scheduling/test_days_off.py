"""Days off: what is read, what is refused, and whether anything is left."""

from datetime import date

import pytest

from digest.scheduling import words


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
