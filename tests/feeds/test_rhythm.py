from __future__ import annotations

from datetime import timedelta

import pytest

from digest.feeds.rhythm import minutes, period
from digest.settings.durations import parse


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("0s", ("hourly", 60)),
        ("1m", ("hourly", 60)),
        ("15m", ("hourly", 4)),
        ("1h", ("hourly", 1)),
        ("3h", ("daily", 8)),
        ("1d", ("daily", 1)),
        ("2d", ("weekly", 4)),
        ("7d", ("weekly", 1)),
        ("30d", ("weekly", 1)),
    ],
)
def test_the_period_is_the_shortest_that_holds_a_look(every: str, expected: object) -> None:
    assert period(parse(every)) == expected


def test_minutes_are_whole_and_at_least_one() -> None:
    assert minutes(timedelta(seconds=1)) == 1
    assert minutes(timedelta(seconds=100)) == 2
    assert minutes(timedelta(hours=1)) == 60
