"""Dates are read in the ways that files write them; anything else is no date."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.reading import dates
from digest.articles.reading.dates import FIRST_YEAR, LAST_YEAR
from tests.effort import effort

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2023, 3, 5, 1, 2, 3, tzinfo=UTC)


def parse_date(text: str, zone: ZoneInfo) -> datetime | None:
    parsed = dates.parse_date(text, zone)
    return parsed.at if parsed else None


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
        "2023年3月5日上午9:02:03",
        "2023年03月05日 (星期日) 早上 9点02分03秒",
        "2023 年 3 月 5 日 周日 09:02:03",
        "2023年3月5號 9時2分3秒",
        "二〇二三年三月五日 9:02:03",
        "2023/3/5 9:02:03 AM",
        "2023/3/5 9:02:03 am +0800",
        "March 5, 2023 9:02:03",
        "Sunday, March 5th, 2023 at 9:02:03 am",
        "Mar. 5 2023, 01:02:03 UTC",
        "5th March 2023 09:02:03 +08:00",
        "20230305T010203Z",
        "20230305T090203",
        "20230305090203",
        "20230305090203+08:00",
        "1677978123",
        "1677978123.75",
        "1677978123999",
        "Sun Mar 05 2023 09:02:03 GMT+0800 (中国标准时间)",
        "2023-03-05 02:02:03 CET",
        "Sun, 05 Mar 2023 03:02:03 EET",
        "Sunday, 05-Mar-23 01:02:03 GMT",
        "05/Mar/2023:02:02:03 +0100",
        "Sun Mar  5 02:02:03 CET 2023",
        "Sun Mar  5 09:02:03 2023",
        "Sun  5 Mar 10:02:03 JST 2023",
        "Sun 05 Mar 2023 02:02:03 AM CET",
        "Sun Mar  5 02:02:03 AM CET 2023",
        "Sun Mar 05 06:32:03 +0530 2023",
        "05 Mar 23 01:02:03 UTC",
        "2023-03-04 18:02:03 -0700 MST",
        "2023-03-04 18:02:03.000000123 -0700 MST m=+0.000012345",
        "2023-03-05 09:02:03 +0800 +0800",
        "2023-03-04 20:02:03 -5",
        "2023-03-04 20:02:03-5",
        "2023-03-05 06:32:03 +5:30",
        "2023-03-05 06:32:03 +0530",
        "2023-03-05 10:02:03 UTC+9",
        "2023-03-05 09:02:03 GMT+8",
        "2023-03-04T20:02:03−05:00",
        "2023-03-05T09:02:03+08:00[Asia/Shanghai]",
        "2023-03-05T02:02:03[Europe/Berlin]",
        "2023-03-04 20:02:03 America/New_York",
        "2023-03-05 12:02:03 (AEDT)",
        "2023-03-05T01:02:03Z[UTC]",
        "20230305 09:02:03",
        "20230305T020203+0100",
        "March 4, 2023 8:02:03 p.m. EST",
        "5.3.2023 09:02:03",
        "05. 03. 2023 01:02:03 Z",
        "2023-03-05, 9:02:03 AM",
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
        ("2023/3/5", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("March 5, 2023", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("5 Mar 2023", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("Sun, 5 Mar 2023", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("Dec 31st 2023", datetime(2023, 12, 30, 16, tzinfo=UTC)),
        ("2023年3月5号", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("2023年3月5日 星期日", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("20230305", datetime(2023, 3, 4, 16, tzinfo=UTC)),
        ("202303050902", datetime(2023, 3, 5, 1, 2, tzinfo=UTC)),
        ("二零二三年十二月三十一日", datetime(2023, 12, 30, 16, tzinfo=UTC)),
        ("二〇二三年十月二十日", datetime(2023, 10, 19, 16, tzinfo=UTC)),
    ],
)
def test_what_is_left_out_is_zero(text: str, expected: datetime) -> None:
    assert parse_date(text, SHANGHAI) == expected


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("上午9:05", "09:05"),
        ("上午12:05", "00:05"),
        ("凌晨12:05", "00:05"),
        ("中午11:05", "11:05"),
        ("中午12:05", "12:05"),
        ("中午1:05", "13:05"),
        ("下午3:05", "15:05"),
        ("下午15:05", "15:05"),
        ("下午12:05", "12:05"),
        ("下午3点", "15:00"),
        ("下午 3 点半", "15:30"),
        ("下午3點整", "15:00"),
        ("傍晚6时05分", "18:05"),
        ("晚上8:05", "20:05"),
        ("3:05 PM", "15:05"),
        ("12:05am", "00:05"),
    ],
)
def test_a_part_of_the_day_says_which_hour(text: str, clock: str) -> None:
    moment = parse_date(f"2021年8月27日 {text}", SHANGHAI)
    assert moment is not None
    assert moment.astimezone(SHANGHAI).strftime("%d %H:%M") == f"27 {clock}"


@pytest.mark.parametrize("text", ["2021年8月27日 晚上12:05", "2021-08-27 24:05"])
def test_the_end_of_a_day_is_the_start_of_the_next(text: str) -> None:
    assert parse_date(text, SHANGHAI) == datetime(2021, 8, 27, 16, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("631152000", datetime(1990, 1, 1, tzinfo=UTC)),
        ("631152000000", datetime(1990, 1, 1, tzinfo=UTC)),
        ("4133980799", datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("631151999", None),
        ("631151999999", None),
        ("4133980800", None),
        ("4133980800000", None),
    ],
)
def test_seconds_and_milliseconds_have_the_same_bounds(
    text: str, expected: datetime | None
) -> None:
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
        "March 2023",
        "March 5",
        "March 32, 2023",
        "Marble 5, 2023",
        "5 Mar 23",
        "5 March 6 2023",
        "Mar 5, 2023 or so",
        "99 Mar 2023 01:02:03",
        "8月27日",
        "八月二十七日",
        "2021年8月",
        "十十年三月五日",
        "2021年8月27日 上午13:05",
        "2021年8月27日 25点",
        "20231301",
        "2023-03-05 09:",
        "16779781231234567",
        "-1677978123",
        "3023-03-05",
        "2023",
        "2023-03-05 and more",
        "2023-03-05 09:02:03 XYZ",
        "2023-03-05 09:02:03 [Asia/Nowhere]",
        "2023-03-05 CET CET",
        "2/3/2023",
        "9" * 5_000,
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert parse_date(text, SHANGHAI) is None


@settings(max_examples=effort(50, soak=150))
@given(
    st.text(max_size=60)
    | st.from_regex(r"[0-9]{1,5}[-/][0-9]{1,3}[-/][0-9]{1,3}.{0,20}")
    | st.text(alphabet="0123456789年月日号上下午晚点分半十一二〇: Tam", max_size=30)
)
def test_no_text_raises_and_every_result_is_a_sane_utc_moment(text: str) -> None:
    moment = parse_date(text, SHANGHAI)
    if moment is not None:
        assert moment.tzinfo is UTC
        assert FIRST_YEAR <= moment.year <= LAST_YEAR


@pytest.mark.parametrize(
    ("text", "zone", "hour", "guessed"),
    [
        ("2024-01-15 12:00 CST", "Asia/Shanghai", 4, False),
        ("2024-01-15 12:00 CST", "Asia/Taipei", 4, False),
        ("2024-01-15 12:00 CST", "America/Chicago", 18, False),
        ("2024-07-15 12:00 CST", "America/Havana", 17, False),
        ("2024-01-15 12:00 CST", "UTC", 18, True),
        ("Mon, 15 Jan 2024 12:00:00 CST", "Asia/Shanghai", 4, False),
        ("2024-07-15 12:00 IST", "Europe/Dublin", 11, False),
        ("2024-07-15 15:00 IST", "Asia/Jerusalem", 13, False),
        ("2024-07-15 15:30 IST", "Asia/Kolkata", 10, False),
        ("2024-07-15 15:30 IST", "Europe/Berlin", 10, True),
        ("2024-07-15 12:00 BST", "Asia/Dhaka", 6, False),
        ("2024-07-15 12:00 BST", "Asia/Tokyo", 11, True),
        ("2024-07-15 12:00 EST", "Australia/Sydney", 2, False),
        ("2024-07-15 12:00 EST", "America/New_York", 17, False),
        ("2024-07-15 12:00 PST", "Asia/Manila", 4, False),
        ("2024-07-15 12:00 PST", "Asia/Shanghai", 20, True),
        ("2024-07-15 12:00 AEST", "UTC", 2, False),
        ("2024-07-15 12:00 CEST", "UTC", 10, False),
    ],
)
def test_an_abbreviation_that_means_several_zones_is_read_by_the_sites(
    text: str, zone: str, hour: int, guessed: bool
) -> None:
    parsed = dates.parse_date(text, ZoneInfo(zone))
    assert parsed is not None
    assert (parsed.at.hour, bool(parsed.guess)) == (hour, guessed)
    assert not guessed or parsed.guess.startswith(f"{text[-3:]} means several time zones")


@pytest.mark.parametrize(
    "text",
    [
        "27/08/2021 15:05", "08/27/2021 3:05 PM", "27. August 2021 15:05",
        "Freitag, 27. August 2021 um 15:05 Uhr", "vendredi 27 août 2021 à 15:05",
        "27 de agosto de 2021 15:05", "agosto 27, 2021 15:05", "27 августа 2021 г. 15:05",
        "27 sierpnia 2021 15:05", "27 Ağustos 2021 15:05", "2021. 8. 27. 15:05",
        "2021년 8월 27일 오후 3:05", "2021-08-27 at 15:05", "2021-08-27（金） 15:05",
        "令和3年8月27日 15:05", "民國110年8月27日 下午3:05", "2021–08–27 15:05",
        "2021-Aug-27 15:05", "2021‑08‑27 15:05", "27 août 2021 à 15h05", "27 août 2021 15 h 05",
        "August 27, 2021 15h05",
    ],
)  # fmt: skip
def test_dates_in_other_languages(text: str) -> None:
    assert parse_date(text, ZoneInfo("UTC")) == datetime(2021, 8, 27, 15, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "1er septembre 2021", "1º de setembro de 2021", "1.º de septiembre de 2021",
        "mercredi 1er septembre 2021", "1o settembre 2021", "September 1st, 2021 12am",
    ],
)  # fmt: skip
def test_the_first_of_a_month_in_romance_languages(text: str) -> None:
    assert parse_date(text, ZoneInfo("UTC")) == datetime(2021, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("August 27, 2021 3pm", 15), ("27 Aug 2021, 10 a.m.", 10), ("27 août 2021 à 15h", 15)],
)
def test_an_hour_may_stand_alone(text: str, hour: int) -> None:
    assert parse_date(text, ZoneInfo("UTC")) == datetime(2021, 8, 27, hour, tzinfo=UTC)


def test_a_leap_second_is_the_last_of_its_minute() -> None:
    expected = datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert parse_date("Sat, 31 Dec 2016 23:59:60 GMT", ZoneInfo("UTC")) == expected
    assert parse_date("2016-12-31 23:58:60", ZoneInfo("UTC")) is None


@pytest.mark.parametrize("text", ["03/04/2021", "31/13/2021", "août", "Freitag, der 27."])
def test_what_may_mean_several_days_is_no_date(text: str) -> None:
    assert parse_date(text, ZoneInfo("UTC")) is None


@settings(max_examples=effort(50, soak=500))
@given(
    st.integers(1985, 2105),
    st.tuples(st.integers(0, 13), st.integers(0, 32), st.integers(0, 25), st.integers(0, 61)),
    st.sampled_from(["", ":00", ":59", ":60", ":61"]),
    st.sampled_from(
        ["", "Z", "+08:00", "-03:30", "+00:00", "-00:00", "+14:00", "+24:00", "+99:99"]
    ),
    st.sampled_from(["T", " ", ""]),
    st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Africa/Monrovia"]),
)
def test_the_usual_form_is_read_as_all_others_are(
    year: int, numbers: tuple[int, ...], second: str, offset: str, between: str, zone: str
) -> None:
    month, day, hour, minute = numbers
    text = f"{year}-{month:02}-{day:02}"
    if between:
        text += f"{between}{hour:02}:{minute:02}{second}{offset}"
    usual = dates.parse_date(text, ZoneInfo(zone))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dates, "_usual", lambda _text, _zone: None)
        dates._parse.cache_clear()
        assert dates.parse_date(text, ZoneInfo(zone)) == usual
    dates._parse.cache_clear()
