"""What the operator decides on editions, on every database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.editions.delivery import DeliveryState
from digest.editions.model import Approval, Edition, EditionState
from digest.store.database import Store, open_store
from tests import stores
from tests.store.conftest import LOCK_TIMEOUT
from tests.store.samples import (
    BANKS,
    DAILY,
    FINANCE,
    MINUTE,
    NOW,
    SCIENCE,
    listed,
    reading,
    someone,
)

HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=5)
ASKING = replace(DAILY, approval=Approval(within=6 * HOUR, sends=False))
NEVER = {"daily": timedelta(days=1000)}
SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
QUEUED, SUPPRESSED = DeliveryState.QUEUED, DeliveryState.SUPPRESSED


@pytest.fixture
def started(store: Store) -> Store:
    """Give a store with a digest of three readers, for two of whom there is a new article."""
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add_many(
        [
            someone("a@example.org"),
            someone("b@example.org", FINANCE),
            someone("c@example.org", SCIENCE),
        ],
        NOW,
    )
    store.articles.record([reading("1.md", categories=[BANKS])], NOW)
    return store


def made(store: Store, minutes: int = 0, *, by_hand: bool = False) -> Edition:
    due_at = NOW + minutes * MINUTE
    edition = store.editions.open_edition(ASKING, due_at, due_at, by_hand=by_hand)
    assert edition is not None
    return edition


def state(store: Store, edition: Edition) -> tuple[EditionState, bool]:
    found, _ = store.editions.edition(edition.id)
    return found.state, found.cancelled


def counts(store: Store, edition: Edition) -> dict[DeliveryState, int]:
    return {one: count for one, count in stores.states(store, edition.id).items() if count}


def test_a_draft_hstoresers_but_no_deliveries(started: Store) -> None:
    edition = made(started)
    assert edition.state is EditionState.DRAFT
    assert counts(started, edition) == {}
    assert started.editions.readers(edition.id, "daily") == 2
    assert started.editions.readers(edition.id, "weekly") == 0
    assert started.deliveries.claim(9, NOW, LEASE, NEVER) == []
    assert listed(started) == []


def test_drafts_are_told_oldest_first_with_whether_the_operator_knows(started: Store) -> None:
    first = made(started)
    started.articles.record([reading("2.md")], NOW)
    second = made(started, 1)
    assert started.editions.drafts() == [(first, False), (second, False)]
    started.editions.mark_announced(first.id, NOW)
    assert started.editions.drafts() == [(first, True), (second, False)]
    assert started.editions.approve(first.id, ASKING, NOW)
    assert started.editions.drop(second.id, NOW)
    assert started.editions.drafts() == []


def test_an_approved_draft_goes_to_those_who_are_subscribed_by_then_once(started: Store) -> None:
    edition = made(started)
    started.subscribers.add(someone("late@example.org"), NOW + HOUR)
    assert started.subscribers.unsubscribe(1, NOW + HOUR)
    assert started.editions.approve(edition.id, ASKING, NOW + 2 * HOUR)
    assert not started.editions.approve(edition.id, ASKING, NOW + 2 * HOUR)
    assert counts(started, edition) == {QUEUED: 2}
    assert state(started, edition) == (EditionState.OPEN, False)
    found = started.deliveries.claim(
        9, NOW + 2 * HOUR, LEASE, {"daily": HOUR}
    )  # its time begins now
    assert [one.subscriber.address for one in found] == ["b@example.org", "late@example.org"]


def test_an_approved_draft_for_nobody_is_done(started: Store) -> None:
    edition = made(started)
    for number in (1, 2):
        started.subscribers.unsubscribe(number, NOW)
    assert started.editions.readers(edition.id, "daily") == 0
    assert started.editions.approve(edition.id, ASKING, NOW)
    assert state(started, edition) == (EditionState.DONE, False)


def test_a_dropped_draft_reaches_nobody_and_its_articles_come_in_no_other(started: Store) -> None:
    edition = made(started)
    assert started.editions.drop(edition.id, NOW)
    assert not started.editions.drop(edition.id, NOW)
    assert not started.editions.approve(edition.id, ASKING, NOW)
    assert state(started, edition) == (EditionState.CANCELLED, True)
    assert started.deliveries.states()[QUEUED] == 0
    assert made(started, 1).state is EditionState.EMPTY


def test_dropping_leaves_alone_what_was_approved(started: Store) -> None:
    edition = made(started)
    started.editions.approve(edition.id, ASKING, NOW)
    assert not started.editions.drop(edition.id, NOW)
    assert state(started, edition) == (EditionState.OPEN, False)
    assert counts(started, edition) == {QUEUED: 2}


def test_a_draft_can_be_cancelled_too(started: Store) -> None:
    edition = made(started)
    assert started.editions.cancel(edition.id, NOW)
    assert not started.editions.cancel(edition.id, NOW)
    assert state(started, edition) == (EditionState.CANCELLED, True)


def test_there_is_nothing_to_decide_on_an_edition_that_is_none(store: Store) -> None:
    assert not store.editions.approve(9, ASKING, NOW)
    assert not store.editions.drop(9, NOW)
    assert not store.editions.cancel(9, NOW)
    assert store.editions.resend(9, NOW) == 0
    assert store.editions.readers(9, "daily") == 0


def test_cancelling_calls_back_what_is_not_sent_and_leaves_what_is_being_sent(
    started: Store,
) -> None:
    edition = made(started, by_hand=True)
    (first,) = started.deliveries.claim(1, NOW, LEASE, NEVER)
    assert started.editions.cancel(edition.id, NOW)
    assert not started.editions.cancel(edition.id, NOW)
    assert counts(started, edition) == {DeliveryState.SENDING: 1, SUPPRESSED: 1}
    assert state(started, edition) == (EditionState.OPEN, True)
    assert started.deliveries.wanted([first.id]) == set()  # asked right before the bytes go out
    assert stores.settle(started, first.id, SENT, NOW + MINUTE)
    assert counts(started, edition) == {SENT: 1, SUPPRESSED: 1}
    assert state(started, edition) == (EditionState.CANCELLED, True)
    assert started.reports.unreported(NOW) == []


@pytest.mark.parametrize("ending", [QUEUED, DeliveryState.DEFERRED])
def test_what_comes_back_to_a_cancelled_edition_is_not_sent(
    started: Store, ending: DeliveryState
) -> None:
    edition = made(started, by_hand=True)
    claimed = started.deliveries.claim(9, NOW, LEASE, NEVER)
    started.editions.cancel(edition.id, NOW)
    for one in claimed:
        stores.settle(started, one.id, ending, NOW, next_attempt_at=NOW + MINUTE)
    assert started.deliveries.claim(9, NOW + HOUR, LEASE, NEVER) == []
    assert counts(started, edition) == {SUPPRESSED: 2}
    assert state(started, edition) == (EditionState.CANCELLED, True)


def test_a_lease_that_ran_out_in_a_cancelled_edition_is_suppressed_not_sent(
    started: Store,
) -> None:
    edition = made(started, by_hand=True)
    started.deliveries.claim(1, NOW, LEASE, NEVER)  # by a process that is killed
    started.editions.cancel(edition.id, NOW)
    assert started.deliveries.claim(9, NOW + LEASE - MINUTE, LEASE, NEVER) == []
    assert state(started, edition) == (EditionState.OPEN, True)
    assert started.deliveries.claim(9, NOW + LEASE, LEASE, NEVER) == []
    assert counts(started, edition) == {SUPPRESSED: 2}
    assert state(started, edition) == (EditionState.CANCELLED, True)
    assert started.deliveries.next_due_at() is None


def test_an_edition_that_is_done_cannot_be_cancelled(started: Store) -> None:
    edition = made(started, by_hand=True)
    for one in started.deliveries.claim(9, NOW, LEASE, NEVER):
        stores.settle(started, one.id, SENT, NOW)
    assert not started.editions.cancel(edition.id, NOW)
    assert state(started, edition) == (EditionState.DONE, False)


def ended(store: Store, *states: DeliveryState) -> tuple[Edition, list[int]]:
    """Make an edition whose deliveries ended so; return it and their ids."""
    edition = made(store, by_hand=True)
    claimed = store.deliveries.claim(9, NOW, LEASE, NEVER)
    for one, ending in zip(claimed, states, strict=True):
        stores.settle(store, one.id, ending, NOW, error="550 no" if ending is FAILED else None)
    store.reports.mark_reported(edition.id, NOW)
    return edition, [one.id for one in claimed]


def test_what_failed_is_sent_again_with_new_time_and_as_the_same_message(started: Store) -> None:
    edition, (first, _) = ended(started, FAILED, SENT)
    later = NOW + timedelta(days=3)
    assert started.editions.resend(edition.id, later) == 1
    assert started.editions.resend(edition.id, later) == 0
    assert state(started, edition) == (EditionState.OPEN, False)
    (again,) = started.deliveries.claim(9, later + MINUTE, LEASE, {"daily": HOUR})
    # The Message-ID is made from the ids of the edition and the delivery.
    assert (again.id, again.edition_id) == (first, edition.id)
    assert (again.attempts, again.created_at) == (0, later)
    stores.settle(started, again.id, SENT, later + MINUTE)
    assert counts(started, edition) == {SENT: 2}
    (outcome,) = started.reports.unreported(later)
    assert (outcome.edition.id, outcome.errors) == (edition.id, [])


def test_what_expired_is_sent_again_to_those_still_subscribed(started: Store) -> None:
    edition = made(started, by_hand=True)
    later = NOW + timedelta(days=3)
    assert started.deliveries.claim(9, later, LEASE, {"daily": HOUR}) == []
    assert counts(started, edition) == {DeliveryState.EXPIRED: 2}
    started.subscribers.unsubscribe(1, later)
    assert started.editions.resend(edition.id, later) == 1
    (again,) = started.deliveries.claim(9, later, LEASE, {"daily": HOUR})
    assert again.subscriber.address == "b@example.org"


def test_an_edition_that_was_cancelled_is_not_sent_again(started: Store) -> None:
    edition = made(started, by_hand=True)
    (first,) = started.deliveries.claim(1, NOW, LEASE, NEVER)
    stores.settle(started, first.id, FAILED, NOW, error="550 no")
    started.editions.cancel(edition.id, NOW)
    assert started.editions.resend(edition.id, NOW) == 0
    assert counts(started, edition) == {FAILED: 1, SUPPRESSED: 1}


def test_a_welcome_that_is_sent_again_is_not_reported(started: Store) -> None:
    made(started, by_hand=True)
    started.subscribers.add(
        someone("new@example.org"),
        NOW,
    )
    welcoming = replace(DAILY, welcome=3)
    assert started.editions.queue_welcomes(welcoming, NOW + HOUR) >= 1
    welcome = stores.editions(started, "daily", 1)[0]
    assert welcome.welcome
    for one in started.deliveries.claim(99, NOW + HOUR, LEASE, NEVER):
        stores.settle(started, one.id, FAILED, NOW + HOUR, error="550 no")
    assert started.editions.resend(welcome.id, NOW + HOUR) >= 1
    for one in started.deliveries.claim(99, NOW + HOUR, LEASE, NEVER):
        stores.settle(started, one.id, SENT, NOW + HOUR)
    assert not any(one.edition.welcome for one in started.reports.unreported(NOW + HOUR))


def at_once(*works: Callable[[], bool]) -> list[bool]:
    """Run these in threads that begin together; return what each returned."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], bool]) -> bool:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_of_those_who_approve_and_drop_at_once_one_wins(started: Store, url: str) -> None:
    with open_store(url, lock_timeout=LOCK_TIMEOUT) as other:
        for minute in range(4):
            started.articles.record([reading(f"{minute}-new.md", categories=[BANKS])], NOW)
            edition = made(started, minute)
            approved, approved_too, dropped, dropped_too = at_once(
                lambda: started.editions.approve(edition.id, ASKING, NOW),  # noqa: B023 - at once
                lambda: other.editions.approve(edition.id, ASKING, NOW),  # noqa: B023
                lambda: started.editions.drop(edition.id, NOW),  # noqa: B023
                lambda: other.editions.drop(edition.id, NOW),  # noqa: B023
            )
            assert sorted([approved, approved_too, dropped, dropped_too]) == [False] * 3 + [True]
            went = approved or approved_too
            wanted = (EditionState.OPEN, False) if went else (EditionState.CANCELLED, True)
            assert state(started, edition) == wanted
            assert counts(started, edition) == ({QUEUED: 2} if went else {})
