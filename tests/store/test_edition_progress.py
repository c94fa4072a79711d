"""How far editions have come, and which of them the operator was told of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.editions.delivery import DeliveryState
from digest.editions.model import Edition
from digest.store.database import Store
from tests import stores
from tests.store.samples import DAILY, MINUTE, NOW, reading, someone

SECOND = timedelta(seconds=1)


@pytest.fixture
def edition(store: Store) -> Edition:
    """Give an edition with six deliveries that are being sent."""
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add_many([someone(f"r{number}@example.org") for number in range(6)], NOW)
    store.articles.record([reading("a.md")], NOW)
    made = store.editions.open_edition(DAILY, NOW, NOW)
    assert made is not None
    assert len(store.deliveries.claim(9, NOW, MINUTE, {})) == 6
    return made


def test_progress_counts_and_times_what_was_sent_lately(store: Store, edition: Edition) -> None:
    now = NOW + 5 * MINUTE
    stores.settle(store, 1, DeliveryState.SENT, NOW + MINUTE)  # long ago
    for number, seconds in ((2, 20), (3, 10), (4, 1)):
        stores.settle(store, number, DeliveryState.SENT, now - seconds * SECOND)
    stores.settle(store, 5, DeliveryState.FAILED, now, error="550 no")
    ((found, progress),) = store.reports.open(now)
    assert found == edition
    assert progress == store.reports.progress(edition.id, now)
    assert (progress.lately, progress.since) == (3, 20 * SECOND)
    assert progress.states[DeliveryState.SENT] == 4
    assert progress.waiting == 1
    assert progress.ended_at == now
    assert store.reports.unreported(now) == []


def test_a_clock_that_went_back_makes_no_negative_time(store: Store, edition: Edition) -> None:
    stores.settle(store, 1, DeliveryState.SENT, NOW + MINUTE)
    assert store.reports.progress(edition.id, NOW).since == timedelta()


def test_an_edition_that_is_done_is_reported_once_with_its_errors(
    store: Store, edition: Edition
) -> None:
    for number in (1, 2):
        stores.settle(store, number, DeliveryState.FAILED, NOW, error="550 no")
    stores.settle(store, 3, DeliveryState.EXPIRED, NOW, error="451 later")
    stores.settle(store, 4, DeliveryState.FAILED, NOW)
    stores.settle(store, 5, DeliveryState.SUPPRESSED, NOW, error="nothing for them")
    stores.settle(store, 6, DeliveryState.SENT, NOW + MINUTE)
    assert store.reports.open(NOW) == []
    (outcome,) = store.reports.unreported(NOW + MINUTE)
    assert outcome.edition.id == edition.id
    assert outcome.errors == [("550 no", 2), ("451 later", 1)]
    assert outcome.progress.states[DeliveryState.FAILED] == 3
    store.reports.mark_reported(edition.id, NOW)
    assert store.reports.unreported(NOW) == []


def test_attempts_are_told_since_a_moment(store: Store, edition: Edition) -> None:
    later = NOW + timedelta(hours=1)
    stores.settle(store, 1, DeliveryState.SENT, NOW)
    stores.settle(store, 2, DeliveryState.SENT, later)
    stores.settle(store, 3, DeliveryState.FAILED, later + MINUTE, error="550 no")
    stores.settle(store, 4, DeliveryState.SUPPRESSED, later)
    stores.settle(store, 5, DeliveryState.DEFERRED, later, next_attempt_at=later + MINUTE)
    assert sorted(store.deliveries.tried_since(later)) == [later, later, later + MINUTE]


def test_an_edition_that_nobody_was_written_for_is_not_reported(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    assert store.editions.open_edition(DAILY, NOW, NOW)
    assert store.reports.unreported(NOW) == []
    assert store.reports.progress(1, NOW).ended_at is None


def test_how_editions_stand_is_told_whatever_their_state(store: Store, edition: Edition) -> None:
    stores.settle(store, 1, DeliveryState.SENT, NOW)
    stores.settle(store, 2, DeliveryState.FAILED, NOW, error="550 no")
    empty = store.editions.open_edition(DAILY, NOW + MINUTE, NOW + MINUTE)
    newest, first = store.reports.listed("daily", 9)
    assert (newest.edition, newest.articles, sum(newest.states.values())) == (empty, 0, 0)
    assert (first.edition, first.articles, first.errors) == (edition, 1, [("550 no", 1)])
    assert (first.states[DeliveryState.SENT], first.states[DeliveryState.SENDING]) == (1, 4)
    assert store.reports.listed(None, 1) == [newest]
    assert store.reports.listed("weekly", 9) == []
    assert store.reports.status(edition.id) == first
    assert store.reports.status(99) is None


def test_deliveries_are_listed_with_what_servers_said(store: Store, edition: Edition) -> None:
    stores.settle(store, 1, DeliveryState.SENT, NOW)
    stores.settle(store, 2, DeliveryState.FAILED, NOW + MINUTE, error="550 no")
    first, *others = store.reports.deliveries(edition.id, None, 99)
    assert (first.id, first.error, first.attempts, first.due_at) == (2, "550 no", 1, None)
    assert len(others) == sum(stores.states(store, edition.id).values()) - 1
    (failed,) = store.reports.deliveries(edition.id, DeliveryState.FAILED, 99)
    assert failed == first
    assert len(store.reports.deliveries(edition.id, None, 2)) == 2
    assert store.reports.deliveries(edition.id + 1, None, 2) == []
    assert failed.address is not None
    store.subscribers.remove(failed.address, None)
    (failed,) = store.reports.deliveries(edition.id, DeliveryState.FAILED, 99)
    assert failed.address is None
