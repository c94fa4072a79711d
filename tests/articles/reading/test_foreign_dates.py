"""Dates in other languages and with other marks are those that they are in English."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from digest.articles.reading.dates import parse_date

UTC_ZONE = ZoneInfo("UTC")
DAY = datetime(2024, 7, 1, tzinfo=UTC)
MORNING = datetime(2024, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "1-Jul-24", "Jul-01-2024", "2024 July 1", "2024, July 1", "1.7.24", "2024-183",
        "2024-W27-1", "2024W271", "1. heinäkuuta 2024", "2024. július 1.", "1 iulie 2024",
        "1 Ιουλίου 2024",
        "1 ביולי 2024", "1 יולי 2024", "1 يوليو 2024", "١ يوليو ٢٠٢٤", "2024년 7월 1일 월요일",
        "ngày 1 tháng 7 năm 2024", "<2024-07-01 Mon>", "[2024-07-01 Mo]", "[[2024-07-01]]",
        "Published: 2024-07-01", "date: July 1, 2024",
    ],
)  # fmt: skip
def test_a_day(text: str) -> None:
    parsed = parse_date(text, UTC_ZONE)
    assert parsed is not None
    assert parsed.at == DAY


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-01 10.00", "1 Juli 2024 10.00", "1 Juli 2024 pukul 10.00", "2024-07-01T10Z",
        "2024-07-01 10", "2024-07-01T10-00-00", "2024-07-01_10-00", "<2024-07-01 Mon 10:00>",
        "1 de julho de 2024 às 10h", "1 июля 2024 г., 10:00", "2024년 7월 1일 월요일 오전 10:00",
        "1719828000000000",
    ],
)  # fmt: skip
def test_a_day_and_an_hour(text: str) -> None:
    parsed = parse_date(text, UTC_ZONE)
    assert parsed is not None
    assert parsed.at == MORNING


@pytest.mark.parametrize(
    "text",
    [
        "2024-W60-1", "2024-367", "2023-366", "2024-000", "1-Jul-99", "24-07-01", "7. July", "now",
        "x: y",
    ],
)  # fmt: skip
def test_what_is_none_in_any_language(text: str) -> None:
    assert parse_date(text, UTC_ZONE) is None
