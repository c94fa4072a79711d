"""Moments are aware UTC inside, and written as feeds want them at the edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from digest.times import require_utc, rfc822, rfc3339, utc_now

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2024, 2, 29, 20, 0, 5, 999_999, tzinfo=SHANGHAI)


def test_now_is_aware_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("UTC"), timezone(timedelta(0))])
def test_utc_passes_under_any_of_its_names(zone: timezone | ZoneInfo) -> None:
    require_utc("seen_at", datetime(2024, 1, 1, tzinfo=zone))


@pytest.mark.parametrize("moment", [datetime(2024, 1, 1), NOON])  # noqa: DTZ001 - what is refused
def test_a_naive_or_local_moment_is_refused_by_name(moment: datetime) -> None:
    with pytest.raises(ValueError, match="seen_at must be aware UTC"):
        require_utc("seen_at", moment)


def test_rfc822_is_english_gmt_with_a_four_digit_year() -> None:
    assert rfc822(NOON) == "Thu, 29 Feb 2024 12:00:05 GMT"


def test_rfc3339_has_seconds_and_z() -> None:
    assert rfc3339(NOON) == "2024-02-29T12:00:05Z"
