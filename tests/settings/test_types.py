"""Durations are read in the units that people write."""

from datetime import timedelta

import pytest

from digest.settings.types import duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("12h", timedelta(hours=12)),
        ("1d", timedelta(days=1)),
        ("2w", timedelta(weeks=2)),
        ("500ms", timedelta(milliseconds=500)),
        (" 1h30m ", timedelta(minutes=90)),
        ("1 d 12 h", timedelta(hours=36)),
        ("0s", timedelta()),
        ("PT10M", timedelta(minutes=10)),
        ("P1DT12H", timedelta(hours=36)),
        ("pt1.5s", timedelta(milliseconds=1500)),
    ],
)
def test_a_duration_is_read(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "10", "ten", "-5m", "5m1h", "1.5h", "P", "PT", "-PT5M", "1000000000w", "5 x"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        duration(text)
