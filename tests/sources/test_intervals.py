"""When a source is asked next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.intervals import (
    LONGEST,
    SHORTEST,
    max_age,
    next_interval,
    retry_after,
    retry_interval,
    spread,
)
from tests.sources.samples import NOW

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changed", "pause", "every", "interval"),
    [
        (True, None, None, 40 * MINUTE),
        (False, None, None, 75 * MINUTE),
        (True, 2 * HOUR, None, 2 * HOUR),
        (True, timedelta(days=9), None, LONGEST),
        (False, None, 30 * MINUTE, 30 * MINUTE),
        (False, 2 * HOUR, 30 * MINUTE, 2 * HOUR),
        (False, timedelta(days=9), 30 * MINUTE, LONGEST),
    ],
)
def test_a_feed_is_asked_as_often_as_it_changes_but_not_before_its_pause(
    changed: bool, pause: timedelta | None, every: timedelta | None, interval: timedelta
) -> None:
    assert next_interval(HOUR, changed=changed, pause=pause, every=every) == interval


@given(st.lists(st.booleans()), st.one_of(st.none(), st.timedeltas(min_value=timedelta(0))))
def test_intervals_stay_within_their_bounds(changes: list[bool], pause: timedelta | None) -> None:
    interval = HOUR
    for changed in changes:
        interval = next_interval(interval, changed=changed, pause=pause, every=None)
        assert SHORTEST <= interval <= LONGEST


@pytest.mark.parametrize(
    ("failures", "rest", "wait"),
    [
        (1, None, 10 * MINUTE),
        (3, None, 40 * MINUTE),
        (99, None, 12 * HOUR),
        (1, HOUR, HOUR),
        (1, MINUTE, 10 * MINUTE),
        (1, timedelta(days=30), timedelta(days=2)),
    ],
)
def test_failures_are_tried_again_ever_later(
    failures: int, rest: timedelta | None, wait: timedelta
) -> None:
    assert retry_interval(failures, rest) == wait


def test_intervals_are_spread_by_a_tenth() -> None:
    assert (spread(HOUR, 0), spread(HOUR, 1)) == (HOUR, 66 * MINUTE)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (None, None),
        ("", None),
        ("120", 2 * MINUTE),
        ("99999999999999", timedelta(seconds=10**8)),
        ("Sat, 28 Nov 2026 13:00:00 GMT", HOUR),
        ("Sat, 28 Nov 2026 13:00:00 -0000", HOUR),
        ("Sat, 28 Nov 2020 13:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Fri, 31 Dec 2027 23:59:59 +99999999999999999999", None),
    ],
)
def test_retry_after_is_read(text: str | None, rest: timedelta | None) -> None:
    assert retry_after(text, NOW) == rest


@pytest.mark.parametrize(
    ("text", "age"),
    [
        (None, None),
        ("no-cache", None),
        ("public, Max-Age=60", MINUTE),
        ('max-age="60"', MINUTE),
        ("max-age=x", None),
        ("max-age=99999999999", timedelta(seconds=10**8)),
    ],
)
def test_max_age_is_read(text: str | None, age: timedelta | None) -> None:
    assert max_age(text) == age
