from __future__ import annotations

import pytest

from digest.editions.delivery import FINAL, TRANSITIONS, DeliveryResult, DeliveryState
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


def test_a_result_has_what_its_state_needs() -> None:
    with pytest.raises(ValueError, match="does not end in sending"):
        DeliveryResult(delivery_id=1, state=DeliveryState.SENDING)
    with pytest.raises(ValueError, match="next attempt"):
        DeliveryResult(delivery_id=1, state=DeliveryState.DEFERRED)
    later = DeliveryResult(delivery_id=1, state=DeliveryState.DEFERRED, next_attempt_at=NOW)
    assert later.next_attempt_at == NOW
