from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.delivery import (
    EXPIRES,
    FINAL,
    RETRY_AFTER,
    TRANSITIONS,
    DeliveryState,
    Settlement,
    next_attempt,
)
from tests.mail.samples import NOW


def test_every_state_has_its_row_and_only_the_ended_ones_are_final() -> None:
    assert set(TRANSITIONS) == set(DeliveryState)
    sending = {DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DEFERRED}
    assert set(DeliveryState) - sending == FINAL


def test_every_state_can_be_reached_and_left_to_an_end() -> None:
    reached = {DeliveryState.QUEUED}
    for _ in TRANSITIONS:
        reached |= {after for state in reached for after in TRANSITIONS[state]}
    assert reached == set(DeliveryState)
    assert all(TRANSITIONS[state] & (FINAL | {DeliveryState.SENDING}) for state in reached - FINAL)


@given(
    st.integers(min_value=0, max_value=100),
    st.floats(min_value=0, max_value=1),
    st.timedeltas(min_value=timedelta(), max_value=timedelta(days=2)),
)
def test_retries_wait_half_an_hour_or_more_and_end_in_time(
    attempts: int, jitter: float, age: timedelta
) -> None:
    now = NOW + age
    moment = next_attempt(attempts, NOW + EXPIRES, now, jitter)
    if moment is None:
        assert now + RETRY_AFTER[-1] * 1.1 > NOW + EXPIRES
    else:
        assert now + timedelta(minutes=30) <= moment <= NOW + EXPIRES


def test_waits_grow_and_jitter_spreads_them_over_a_tenth() -> None:
    waits = [next_attempt(attempts, NOW + EXPIRES, NOW, 0.0) for attempts in range(1, 6)]
    assert waits == [NOW + timedelta(hours=hours) for hours in (0.5, 1, 3, 6, 6)]
    assert next_attempt(1, NOW + EXPIRES, NOW, 1.0) == NOW + timedelta(minutes=33)


def test_a_settlement_has_what_its_state_needs() -> None:
    with pytest.raises(ValueError, match="does not end in sending"):
        Settlement(delivery_id=1, state=DeliveryState.SENDING)
    with pytest.raises(ValueError, match="next attempt"):
        Settlement(delivery_id=1, state=DeliveryState.DEFERRED)
    later = Settlement(delivery_id=1, state=DeliveryState.DEFERRED, next_attempt_at=NOW)
    assert later.next_attempt_at == NOW
