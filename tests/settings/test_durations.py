"""Durations are read in the units that people write, and printed so that they read back."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.settings import durations


@pytest.mark.parametrize(
    ("text", "duration"),
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
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    assert durations.parse(text) == duration


@pytest.mark.parametrize(
    "text", ["", " ", "10", "ten", "-5m", "5m1h", "1.5h", "P", "PT", "-PT5M", "1000000000w", "5 x"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=36), "36h"),
        (timedelta(weeks=1), "7d"),
        (timedelta(milliseconds=1500), "1500ms"),
    ],
)
def test_a_duration_is_printed_in_its_largest_unit(duration: timedelta, text: str) -> None:
    assert durations.text(duration) == text


def test_less_than_a_millisecond_has_no_text() -> None:
    with pytest.raises(ValueError, match="not whole milliseconds"):
        durations.text(timedelta(microseconds=1))


@given(st.integers(min_value=0, max_value=99_999_999))
@settings(max_examples=100)
def test_what_is_printed_reads_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert durations.parse(durations.text(duration)) == duration
