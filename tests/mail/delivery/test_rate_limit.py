"""Limits hold in every second and every hour, and per domain, whatever comes when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.mail.delivery.rate_limit import Limits, RateLimit

PAUSES = st.lists(st.floats(min_value=0, max_value=900), min_size=1, max_size=60)


def starts(limits: Limits, pauses: list[float]) -> list[float]:
    """Return when messages begin that come after pauses and wait for the pace."""
    pace, now, begun = RateLimit(limits), 0.0, []
    for pause in pauses:
        now += pause
        while wait := pace.wait(now):
            now += wait
        pace.begin("example.net", now)
        pace.end("example.net", now, tried=True)
        begun.append(now)
    return begun


@given(st.integers(min_value=1, max_value=5), st.integers(min_value=1, max_value=20), PAUSES)
def test_no_second_and_no_hour_sees_more_than_allowed(
    per_second: int, per_hour: int, pauses: list[float]
) -> None:
    begun = starts(Limits(per_second=per_second, per_hour=per_hour), pauses)
    for length, most in ((1.0, per_second), (3600.0, per_hour)):
        for first in begun:
            # A millionth: what floating point loses in adding.
            assert sum(first <= one < first + length - 1e-6 for one in begun) <= most


@given(st.integers(min_value=1, max_value=5), PAUSES)
def test_nothing_waits_longer_than_it_has_to(per_second: int, pauses: list[float]) -> None:
    begun = starts(Limits(per_second=per_second), pauses)
    due: list[float] = []
    now = 0.0
    for number, pause in enumerate(pauses):
        now += pause
        if number >= per_second:
            now = max(now, due[number - per_second] + 1.0)
        due.append(now)
    assert begun == pytest.approx(due)


def test_without_limits_nothing_waits() -> None:
    pace = RateLimit(Limits())
    for number in range(1000):
        assert pace.wait(0.0) == 0
        pace.begin(f"{number % 2}.example", 0.0)
    assert pace.room(0.0, 60) is None
    assert pace.free("0.example")


def test_an_hour_gives_its_shares_back_one_by_one() -> None:
    pace = RateLimit(Limits(per_hour=2))
    pace.begin("a.example", 0.0)
    pace.begin("a.example", 600.0)
    assert pace.wait(600.0) == 3000.0
    assert pace.room(600.0, 60) == 0
    assert pace.wait(3600.0) == 0
    assert pace.room(3600.0, 60) == 1


def test_room_is_what_rate_and_hour_leave() -> None:
    assert RateLimit(Limits(per_second=3)).room(0.0, 60) == 180
    assert RateLimit(Limits(per_second=3, per_hour=100)).room(0.0, 60) == 100
    assert RateLimit(Limits(per_second=1)).room(0.0, 0.1) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=80))
def test_a_domain_never_has_more_under_way_than_allowed(steps: list[tuple[str, bool]]) -> None:
    pace = RateLimit(Limits(per_domain=2))
    under_way = dict.fromkeys("abc", 0)
    for domain, begins in steps:
        assert pace.free(domain) == (under_way[domain] < 2)
        if begins and pace.free(domain):
            pace.begin(domain, 0.0)
            under_way[domain] += 1
        elif under_way[domain]:
            pace.end(domain, 0.0, tried=True)
            under_way[domain] -= 1


def test_what_was_not_tried_takes_no_share() -> None:
    pace = RateLimit(Limits(per_hour=1))
    pace.begin("a.example", 5.0)
    pace.end("a.example", 5.0, tried=False)
    assert pace.wait(6.0) == 0
    pace.begin("a.example", 6.0)
    pace.end("a.example", 5.0, tried=False)  # long forgotten
    assert pace.wait(7.0) > 0


def test_what_began_before_takes_its_share_of_the_hour_until_it_is_over() -> None:
    pace = RateLimit(Limits(per_hour=3, per_second=1))
    pace.recall([-3000.0, -100.0, -50.0, -40.0])  # one more than allowed
    assert pace.room(0.0, 60.0) == 0
    assert pace.wait(0.0) == 3500.0
    assert pace.wait(3500.0) == 0
    unlimited = RateLimit(Limits(per_second=1))
    unlimited.recall([-0.5])
    assert unlimited.wait(0.0) == 0


@pytest.mark.parametrize("name", ["per_second", "per_hour", "per_domain"])
def test_a_limit_of_nothing_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Limits(**{name: 0})
