"""Requests to subscribe: their limits, and that each is confirmed once; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.store.database import Store
from digest.subscribers.model import Outcome, SubscriberState
from digest.subscribers.signup import Signup, SignupDecision, SignupLimits
from tests.store.samples import LOANS, NOW

LIMITS = SignupLimits(network=3, total=5, waiting=4)
DAY = timedelta(days=1)


def request(number: int, network: int = 0, **changes: object) -> Signup:
    signup = Signup(
        identifier=f"{number:a>16}".translate(str.maketrans("0189", "wxyz")),
        address=f"r{number}@example.org",
        digests=("daily", "weekly"),
        categories=(LOANS,),
        language="en",
        network=f"192.0.{network}.0/24",
        wording="I want “these”.",
        requested_at=NOW,
    )
    return replace(signup, **changes)  # type: ignore[arg-type]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def test_what_is_asked_is_confirmed_as_it_was_asked(store: Store) -> None:
    asked = request(1)
    assert store.signups.request(asked, LIMITS) is SignupDecision.TAKEN
    assert store.signups.waiting(NOW) == [asked]
    store.signups.mark_sent(asked.identifier, NOW)
    assert store.signups.waiting(NOW) == []
    assert store.signups.find(asked.identifier) == asked
    later = NOW + timedelta(hours=1)
    done = store.signups.confirm(asked.identifier, later, "192.0.9.0/24")
    assert done == (Outcome.ADDED, Outcome.ADDED)
    assert store.signups.find(asked.identifier) == replace(asked, confirmed_at=later)
    daily, weekly = store.subscribers.list()
    assert (daily.digest, weekly.digest) == asked.digests
    assert daily.categories == weekly.categories == (LOANS,)
    assert daily.consent == asked.consent(later, "192.0.9.0/24")
    store.subscribers.unsubscribe(daily.id, later)
    assert store.signups.confirm(asked.identifier, later, "192.0.9.0/24") == ()
    assert store.subscribers.list()[0].state is SubscriberState.UNSUBSCRIBED
    assert store.signups.confirm("b" * 16, later, "192.0.9.0/24") == ()


def test_many_requests_at_once_for_one_address_are_one(
    store: Store, threads: ThreadPoolExecutor
) -> None:
    def ask(number: int) -> SignupDecision:
        return store.signups.request(request(number, address="R@example.org"), LIMITS)

    answers = list(threads.map(ask, range(40)))
    assert answers.count(SignupDecision.TAKEN) == 1
    assert answers.count(SignupDecision.REPEATED) == 39
    assert len(store.signups.waiting(NOW)) == 1


def test_many_confirmations_at_once_are_one(store: Store, threads: ThreadPoolExecutor) -> None:
    asked = request(1)
    store.signups.request(asked, LIMITS)
    confirmed = threads.map(lambda _: store.signups.confirm(asked.identifier, NOW, ""), range(16))
    assert sum(map(bool, confirmed)) == 1


def test_limits_count_a_network_all_and_what_waits_in_a_day(store: Store) -> None:
    def ask(number: int, network: int, days: int = 0) -> SignupDecision:
        new = request(number, network, requested_at=NOW + days * DAY)
        return store.signups.request(new, LIMITS)

    assert [ask(number, 1) for number in range(4)] == [SignupDecision.TAKEN] * 3 + [
        SignupDecision.LIMITED
    ]
    assert [ask(number, 2) for number in (4, 5)] == [
        SignupDecision.TAKEN,
        SignupDecision.FULL,
    ]  # 4 wait
    for waiting in store.signups.waiting(NOW):
        store.signups.mark_sent(waiting.identifier, NOW)
    assert [ask(number, 3) for number in (5, 6)] == [SignupDecision.TAKEN, SignupDecision.FULL]
    assert ask(6, 1, days=1) is SignupDecision.TAKEN
    assert ask(1, 2, days=1) is SignupDecision.TAKEN  # in place of the older request


def test_requests_are_deleted_three_days_later(store: Store) -> None:
    asked = request(1)
    store.signups.request(asked, LIMITS)
    assert store.signups.waiting(NOW + 3 * DAY) == []
    store.signups.request(request(2, requested_at=NOW + 3 * DAY), LIMITS)
    assert store.signups.find(asked.identifier) == asked
    store.signups.request(request(3, requested_at=NOW + 4 * DAY), LIMITS)
    assert store.signups.find(asked.identifier) is None
