"""Backoff: waits that double, up to a longest one, until something works."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from digest.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(first=1, longest=5)
    assert [backoff.failed() for _ in range(5)] == [1, 2, 4, 5, 5]


def test_what_works_once_fails_for_the_first_time_again() -> None:
    backoff = Backoff(first=0.5)
    assert [backoff.failed(), backoff.failed()] == [0.5, 1.0]
    backoff.succeeded()
    assert backoff.failed() == 0.5


@given(st.floats(0.001, 10), st.floats(0.001, 100), st.integers(1, 80))
def test_waits_never_shrink_nor_exceed_the_longest(
    first: float, longest: float, failures: int
) -> None:
    backoff = Backoff(first=first, longest=longest)
    waits = [backoff.failed() for _ in range(failures)]
    assert all(before <= after for before, after in pairwise(waits))
    assert max(waits) <= longest
