from __future__ import annotations

from datetime import timedelta

import pytest

from digest.editions.delivery import DeliveryState
from digest.editions.progress import Progress


def progress(*, lately: int = 0, seconds: float = 0, **states: int) -> Progress:
    counts = {state: states.get(state, 0) for state in DeliveryState}
    return Progress(states=counts, lately=lately, since=timedelta(seconds=seconds))


def test_what_has_ended_and_what_waits() -> None:
    some = progress(queued=5, sending=2, deferred=3, sent=10, failed=1, expired=1, suppressed=1)
    assert (some.total, some.ended, some.waiting) == (23, 13, 7)


@pytest.mark.parametrize(
    ("lately", "seconds", "queued", "rate", "left"),
    [
        (120, 60, 240, 2.0, timedelta(minutes=2)),
        (30, 10, 1, 3.0, timedelta()),
        (30, 10, 0, 3.0, None),
        (1, 0.5, 9, None, None),  # one message tells no rate
        (9, 0, 9, None, None),
        (0, 0, 9, None, None),
    ],
)
def test_rate_and_time_left_follow_the_last_minute(
    lately: int, seconds: float, queued: int, rate: float | None, left: timedelta | None
) -> None:
    one = progress(lately=lately, seconds=seconds, queued=queued)
    assert (one.rate, one.left) == (rate, left)


def test_what_is_for_a_later_hour_takes_no_time_now() -> None:
    counts = dict.fromkeys(DeliveryState, 0) | {DeliveryState.QUEUED: 1060}
    one = Progress(states=counts, lately=120, since=timedelta(minutes=1), later=1000)
    assert (one.waiting, one.ended, one.left) == (60, 0, timedelta(seconds=30))
    assert (
        one.summary() == "1,060 queued, 0 sent; 1,000 for a later hour; 2.0 a second; 0:00:30 left"
    )


def test_it_is_told_in_a_line() -> None:
    summary = progress(lately=120, seconds=60, queued=240, sent=1200, failed=2).summary()
    assert summary == "240 queued, 1,200 sent, 2 failed; 2.0 a second; 0:02:00 left"
    assert progress().summary() == "0 sent"
