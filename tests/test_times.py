"""Moments are aware UTC inside, and written as feeds want them at the edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from digest.times import local_moment, require_utc, retry_after, rfc822, rfc3339, utc_now

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
    assert rfc3339(datetime(77, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) == "0077-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("due_at", "zone", "expected"),
    [
        # 07:00 in Berlin is 07:00 elsewhere
        ("2026-01-15T06:00", "Europe/Berlin", "2026-01-15T06:00"),
        ("2026-01-15T06:00", "America/New_York", "2026-01-15T12:00"),
        ("2026-07-15T05:00", "America/New_York", "2026-07-15T11:00"),
        ("2026-01-15T06:00", "Asia/Kathmandu", "2026-01-15T01:15"),
        ("2026-01-15T06:00", "Pacific/Kiritimati", "2026-01-14T17:00"),
        ("2026-01-15T06:00", "UTC", "2026-01-15T07:00"),
        # New York goes from 02:00 to 03:00 on the 8th of March: 02:30 comes as 03:30
        ("2026-03-08T01:30", "America/New_York", "2026-03-08T07:30"),
        # and from 02:00 to 01:00 on the 1st of November: 01:30 comes first before that
        ("2026-11-01T00:30", "America/New_York", "2026-11-01T05:30"),
        # Berlin's own 02:30 comes twice on the 25th of October; either means the first
        ("2026-10-25T00:30", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25T01:30", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25T01:30", "America/New_York", "2026-10-25T06:30"),
        # Samoa had no 30th of December in 2011
        ("2011-12-30T06:00", "Pacific/Apia", "2011-12-30T17:00"),
    ],
)
def test_a_wall_time_comes_in_another_zone(due_at: str, zone: str, expected: str) -> None:
    moment = datetime.fromisoformat(due_at).replace(tzinfo=UTC)
    found = local_moment(moment, ZoneInfo("Europe/Berlin"), ZoneInfo(zone))
    assert found.isoformat() == f"{expected}:00+00:00"
    require_utc("found", found)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("-3", None),
        ("soon", None),
        ("９", None),
        ("9" * 400, 10**8),
        ("Mon, 23 Nov 2026 08:01:00 GMT", 60),
        ("Mon, 23 Nov 2026 08:01:00", 60),
        ("Mon, 23 Nov 2026 08:01:00 -0000", 60),
        ("Mon, 23 Nov 2026 07:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 08:01:00 +9999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Fri, 31 Dec 2027 23:59:59 +99999999999999999999", None),
    ],
)
def test_retry_after_is_read(text: str | None, seconds: int | None) -> None:
    wait = retry_after(text, datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    assert wait == (None if seconds is None else timedelta(seconds=seconds))
