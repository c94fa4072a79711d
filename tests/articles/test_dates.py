"""Dates are read in the ways that files write them; anything else is no date."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.dates import FIRST_YEAR, LAST_YEAR, parse_date

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2023, 3, 5, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 05 Mar 2023 01:02:03 GMT",
        "Sun, 05 Mar 2023 01:02:03 -0000",
        "Sun, 5 Mar 2023 09:02:03 +0800",
        "5 Mar 2023 09:02:03",
        "5 Mar 23 01:02:03 UT",
        "Sat, 04 Mar 2023 20:02:03 EST",
        "2023-03-05T01:02:03Z",
        "2023-03-05t01:02:03.123456z",
        "2023-03-05T09:02:03+08:00",
        "2023-03-05T09:02:03+08",
        "2023-03-04T20:02:03-0500",
        "2023-03-05 09:02:03 +0800",
        "2023-03-05 09:02:03",
        " 2023/3/5 9:02:03 ",
        "2023.03.05 09:02:03,5",
        "2023年3月5日 09:02:03",
        "2023年3月5日9时02分03秒",
        "２０２３－０３－０５　０９：０２：０３",
        "Sun Mar 05 2023 09:02:03 GMT+0800 (中国标准时间)",
    ],
)
def test_one_moment_in_all_the_ways_it_is_written(text: str) -> None:
    assert parse_date(text, SHANGHAI) == MORNING


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-03-05", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("2023年3月5日", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("2023-03-05T09:02", datetime(2023, 3, 5, 1, 2, tzinfo=UTC)),
        ("2023年3月5日 09:02", datetime(2023, 3, 5, 1, 2, tzinfo=UTC)),
        ("5 Mar 2023 01:02 GMT", datetime(2023, 3, 5, 1, 2, tzinfo=UTC)),
    ],
)
def test_what_is_left_out_is_zero(text: str, expected: datetime) -> None:
    assert parse_date(text, SHANGHAI) == expected


def test_a_naive_date_follows_the_zone_through_summer_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_date("2023-07-01 12:00", berlin) == datetime(2023, 7, 1, 10, tzinfo=UTC)
    assert parse_date("2023-01-01 12:00", berlin) == datetime(2023, 1, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Invalid Date",
        "昨天",
        "1989-12-31",
        "2101-02-01",
        "1990-01-01 00:00:00",  # still 1989 in UTC
        "0001-01-01",
        "9999-12-31 23:59:59 -2359",
        "2023-02-30",
        "2023-03-05 25:00",
        "2023-03-05T09:02+99:99",
        "5 Foo 2023 01:02:03",
        "99 Mar 2023 01:02:03",
        "1678000000",
        "2023",
        "2023-03-05 and more",
        "9" * 5_000,
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert parse_date(text, SHANGHAI) is None


@settings(max_examples=150)
@given(st.text(max_size=60) | st.from_regex(r"[0-9]{1,5}[-/][0-9]{1,3}[-/][0-9]{1,3}.{0,20}"))
def test_no_text_raises_and_every_result_is_a_sane_utc_moment(text: str) -> None:
    moment = parse_date(text, SHANGHAI)
    if moment is not None:
        assert moment.tzinfo is UTC
        assert FIRST_YEAR <= moment.year <= LAST_YEAR
