"""What mailing asks of deliveries; on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from digest.articles.model import CategoryPath
from digest.editions.delivery import PROBE_AFTER, Delivery, DeliveryState, Pause
from digest.editions.model import Edition, EditionState
from digest.store.database import Store
from digest.subscribers.model import SubscriberState
from tests import stores
from tests.store.samples import (
    DAILY,
    FINANCE,
    LOANS,
    MINUTE,
    NOW,
    reading,
    someone,
)

DAY = timedelta(days=1)
LEASE = timedelta(minutes=5)
#: Of a digest whose deliveries stay worth sending.
NEVER = {"daily": timedelta(days=1000)}


def publish(store: Store, *paths: str, categories: tuple[CategoryPath, ...] = (LOANS,)) -> None:
    """Store an article for each path."""
    store.articles.record([reading(path, title=path, categories=categories) for path in paths], NOW)


def opened(store: Store, days: int = 0, latest: int | None = None) -> Edition:
    """Open the edition due some days after the first."""
    due_at = NOW + days * DAY
    edition = store.editions.open_edition(DAILY, due_at, due_at + MINUTE, latest=latest)
    assert edition is not None
    return edition


def claim(store: Store, limit: int = 100, days: int = 1) -> list[Delivery]:
    """Claim what is due some days after the first edition."""
    return store.deliveries.claim(limit, NOW + days * DAY, LEASE, NEVER)


@pytest.fixture
def started(store: Store) -> Store:
    """Give a store with an old article, a digest that began after it, and two readers."""
    publish(store, "old")
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add_many([someone("a@example.org"), someone("b@example.org", FINANCE)], NOW)
    return store


def test_claimed_deliveries_carry_what_is_needed_to_send_them(started: Store) -> None:
    publish(started, "1")
    edition = opened(started)
    assert started.deliveries.next_due_at() == NOW + MINUTE
    subscriber = started.subscribers.list()[0]
    first, second = claim(started)
    assert first == Delivery(
        id=1, edition_id=edition.id, subscriber=subscriber, attempts=0, created_at=NOW + MINUTE
    )
    assert second.subscriber.address == "b@example.org"
    assert claim(started) == []
    assert started.deliveries.next_due_at() == NOW + DAY + LEASE


def test_claim_takes_the_oldest_first_and_no_more_than_asked(started: Store) -> None:
    publish(started, "1")
    first = opened(started)
    publish(started, "2")
    second = opened(started, 1)
    claimed = [claim(started, 3, days=2), claim(started, 3, days=2)]
    assert [[one.edition_id for one in batch] for batch in claimed] == [
        [first.id, first.id, second.id],
        [second.id],
    ]


def test_more_deliveries_than_one_statement_takes(started: Store) -> None:
    many = [someone(f"reader{number}@example.org") for number in range(1100)]
    started.subscribers.add_many(many, NOW)
    publish(started, "1")
    opened(started)
    assert len(claim(started, 5000)) == 1102


def test_nothing_is_due_before_its_time(started: Store) -> None:
    publish(started, "1")
    opened(started)
    assert started.deliveries.claim(9, NOW, LEASE, NEVER) == []


@pytest.mark.parametrize(
    ("state", "attempts"),
    [(DeliveryState.SENT, 1), (DeliveryState.FAILED, 1), (DeliveryState.SUPPRESSED, 1)],
)
def test_an_edition_is_done_with_its_last_delivery(
    started: Store, state: DeliveryState, attempts: int
) -> None:
    publish(started, "1")
    edition = opened(started)
    first, second = claim(started)
    assert stores.settle(started, first.id, state, NOW, error="550 no such user") is True
    assert started.editions.edition(edition.id)[0].state is EditionState.OPEN
    assert stores.settle(started, second.id, DeliveryState.SENT, NOW) is True
    assert started.editions.edition(edition.id)[0].state is EditionState.DONE
    expected = dict.fromkeys(DeliveryState, 0)
    expected[state] += 1
    expected[DeliveryState.SENT] += 1
    assert started.deliveries.states() == expected
    by_digest = started.deliveries.present()
    assert by_digest == {("daily", each): number for each, number in expected.items() if number}
    assert started.deliveries.next_due_at() is None


@pytest.mark.parametrize("state", [state for state in DeliveryState if state != "sending"])
def test_only_a_delivery_being_sent_can_be_settled(started: Store, state: DeliveryState) -> None:
    publish(started, "1")
    opened(started)
    (one,) = claim(started, 1)
    assert stores.settle(started, one.id, DeliveryState.SENT, NOW)
    assert stores.settle(started, one.id, state, NOW, next_attempt_at=NOW) is False
    assert stores.settle(started, 99, state, NOW, next_attempt_at=NOW) is False
    queued = one.id + 1
    assert stores.settle(started, queued, state, NOW, next_attempt_at=NOW) is False
    assert started.deliveries.states()[DeliveryState.QUEUED] == 1


def test_a_deferred_delivery_waits_and_its_attempts_are_counted(started: Store) -> None:
    publish(started, "1")
    edition = opened(started)
    retry = NOW + 2 * DAY
    for one in claim(started):
        assert stores.settle(
            started, one.id, DeliveryState.DEFERRED, NOW, next_attempt_at=retry, error="451 later"
        )
    assert claim(started) == []
    assert started.deliveries.next_due_at() == retry
    assert started.editions.edition(edition.id)[0].state is EditionState.OPEN
    assert [one.attempts for one in claim(started, days=2)] == [1, 1]


def test_a_delivery_given_back_is_due_at_once_and_counts_no_attempt(started: Store) -> None:
    publish(started, "1")
    opened(started)
    first, second = claim(started)
    assert stores.settle(started, first.id, DeliveryState.QUEUED, NOW)
    later = NOW + 2 * DAY
    assert stores.settle(started, second.id, DeliveryState.QUEUED, NOW, next_attempt_at=later)
    assert claim(started) == [first]
    assert started.deliveries.next_due_at() == NOW + DAY + LEASE


def test_a_lease_that_ran_out_gives_the_delivery_to_another(started: Store) -> None:
    publish(started, "1")
    opened(started)
    first = claim(started)
    assert claim(started) == []
    assert claim(started, days=2) == first


def test_settling_needs_what_the_state_needs(store: Store) -> None:
    with pytest.raises(ValueError, match="sending"):
        stores.settle(store, 1, DeliveryState.SENDING, NOW)
    with pytest.raises(ValueError, match="next attempt"):
        stores.settle(store, 1, DeliveryState.DEFERRED, NOW)


def test_who_leaves_before_the_claim_gets_nothing(started: Store) -> None:
    publish(started, "1")
    edition = opened(started)
    gone, stays = started.subscribers.list()
    started.subscribers.unsubscribe(gone.id, NOW)
    (one,) = claim(started)
    assert one.subscriber == stays
    assert started.deliveries.states()[DeliveryState.SUPPRESSED] == 1
    stores.settle(started, one.id, DeliveryState.SENT, NOW)
    assert started.editions.edition(edition.id)[0].state is EditionState.DONE


def test_who_leaves_after_the_claim_is_not_wanted_any_more(started: Store) -> None:
    publish(started, "1")
    opened(started)
    first, second = claim(started)
    assert started.deliveries.wanted([first.id, second.id, 99]) == {first.id, second.id}
    started.subscribers.unsubscribe(first.subscriber.id, NOW)
    started.subscribers.remove(second.subscriber.address, None)
    assert started.deliveries.wanted([first.id, second.id, 99]) == set()
    assert started.deliveries.wanted([]) == set()


def test_removing_a_reader_ends_what_was_still_to_be_sent(started: Store) -> None:
    publish(started, "1")
    edition = opened(started)
    sent, waits = claim(started)
    stores.settle(started, sent.id, DeliveryState.SENT, NOW)
    for one in (sent, waits):
        assert started.subscribers.remove(one.subscriber.address, "daily") == 1
    assert started.deliveries.next_due_at() is not None
    assert claim(started, days=2) == []
    states = started.deliveries.states()
    assert (states[DeliveryState.SENT], states[DeliveryState.SUPPRESSED]) == (1, 1)
    assert started.deliveries.next_due_at() is None
    assert started.editions.edition(edition.id)[0].state is EditionState.DONE


def test_an_edition_that_is_too_old_expires_but_for_what_is_being_sent(started: Store) -> None:
    publish(started, "1")
    edition = opened(started)
    (sending,) = claim(started, 1, days=1)
    late = {"daily": timedelta(hours=24)}
    begun = NOW + MINUTE  # of the deliveries
    assert started.deliveries.claim(9, begun + DAY, timedelta(days=2), late)  # just in time
    stores.settle(started, 2, DeliveryState.DEFERRED, NOW, next_attempt_at=NOW + 9 * DAY)
    assert started.deliveries.claim(9, begun + DAY + MINUTE, LEASE, late) == []
    states = stores.states(started, edition.id)
    assert (states[DeliveryState.EXPIRED], states[DeliveryState.SENDING]) == (1, 1)
    assert started.editions.edition(edition.id)[0].state is EditionState.OPEN
    assert stores.settle(started, sending.id, DeliveryState.SENT, NOW)
    assert started.editions.edition(edition.id)[0].state is EditionState.DONE


def test_a_lease_that_ran_out_too_late_expires(started: Store) -> None:
    publish(started, "1")
    edition = opened(started)
    assert len(claim(started, days=1)) == 2
    assert started.deliveries.claim(9, NOW + 3 * DAY, LEASE, {}) == []  # a day, where none is told
    assert started.deliveries.states()[DeliveryState.EXPIRED] == 2
    assert started.editions.edition(edition.id)[0].state is EditionState.DONE
    assert started.deliveries.next_due_at() is None


def test_a_refused_address_is_suppressed_in_every_digest_with_the_reason(started: Store) -> None:
    started.subscribers.add_many([someone("A@example.org", digest="weekly")], NOW)
    publish(started, "1")
    opened(started)
    first, second = claim(started)
    error = "550 5.1.1 no such user"
    settle = partial(stores.settle, started)
    assert settle(first.id, DeliveryState.FAILED, NOW + DAY, error=error, bounced=True)
    assert not settle(first.id, DeliveryState.FAILED, NOW, error="again", bounced=True)
    assert settle(second.id, DeliveryState.FAILED, NOW, error="552 too big")
    found = {(one.address, one.digest): one for one in started.subscribers.list()}
    for key in (("a@example.org", "daily"), ("a@example.org", "weekly")):
        assert found[key].state is SubscriberState.SUPPRESSED
        assert (found[key].reason, found[key].changed_at) == (error, NOW + DAY)
    assert found["b@example.org", "daily"].state is SubscriberState.ACTIVE


def test_a_suppressed_address_can_be_restored(started: Store) -> None:
    publish(started, "1")
    opened(started)
    first, _ = claim(started)
    stores.settle(started, first.id, DeliveryState.FAILED, NOW, error="550 5.1.1", bounced=True)
    assert started.subscribers.restore("a@example.org", "weekly", NOW) == 0
    assert started.subscribers.restore("A@Example.org", "daily", NOW + DAY) == 1
    assert started.subscribers.restore("a@example.org", None, NOW) == 0
    (restored, _) = started.subscribers.list()
    assert (restored.state, restored.reason) == (SubscriberState.ACTIVE, None)
    assert restored.changed_at == NOW + DAY


def test_a_paused_digest_sends_only_its_probe(started: Store) -> None:
    publish(started, "1")
    opened(started)
    started.editions.start_digests(["weekly"], NOW - DAY)
    publish(started, "2")
    started.subscribers.add_many([someone("c@example.org", digest="weekly")], NOW)
    weekly = started.editions.open_edition(replace(DAILY, name="weekly"), NOW, NOW + 2 * MINUTE)
    assert weekly is not None
    probe_at = NOW + DAY
    assert started.deliveries.pause("daily", NOW, probe_at, "550 5.7.1 no") is True
    claimed = started.deliveries.claim(9, NOW + timedelta(hours=1), LEASE, NEVER)
    assert [one.subscriber.address for one in claimed] == ["c@example.org"]


def test_a_probe_comes_when_it_is_due_and_puts_off_the_next_one(started: Store) -> None:
    publish(started, "1")
    opened(started)
    probe_at = NOW + timedelta(hours=12)
    assert started.deliveries.pause("daily", NOW, probe_at, "550 5.7.1 no") is True
    assert started.deliveries.pause("daily", NOW + MINUTE, probe_at, "550 5.7.26 no") is False
    (pause,) = started.deliveries.pauses()
    assert pause == Pause(digest="daily", since=NOW, probe_at=probe_at, reason="550 5.7.26 no")
    assert started.deliveries.next_due_at() == probe_at
    assert started.deliveries.claim(9, probe_at - MINUTE, LEASE, NEVER) == []
    (probe,) = started.deliveries.claim(9, probe_at, LEASE, NEVER)
    assert probe.probe is True
    assert started.deliveries.claim(9, probe_at, LEASE, NEVER) == []
    assert started.deliveries.pauses()[0].probe_at == probe_at + PROBE_AFTER
    assert started.deliveries.resume("daily") is True
    assert started.deliveries.resume("daily") is False
    (other,) = started.deliveries.claim(9, probe_at, LEASE, NEVER)
    assert other.probe is False


def test_while_all_mail_is_paused_one_message_at_all_is_tried(started: Store) -> None:
    publish(started, "1")
    opened(started)
    probe_at = NOW + timedelta(hours=12)
    assert started.deliveries.pause(None, NOW, probe_at, "535 wrong password") is True
    assert started.deliveries.pause("daily", NOW, NOW, "550 5.7.1 no") is True
    assert [one.digest for one in started.deliveries.pauses()] == [None, "daily"]
    assert started.deliveries.next_due_at() == probe_at
    assert started.deliveries.claim(9, probe_at - MINUTE, LEASE, NEVER) == []
    started.deliveries.resume("daily")
    (probe,) = started.deliveries.claim(9, probe_at, LEASE, NEVER)
    assert probe.probe is True
    assert started.deliveries.claim(9, probe_at, LEASE, NEVER) == []
    assert started.deliveries.resume(None) is True
    assert len(started.deliveries.claim(9, probe_at, LEASE, NEVER)) == 1


def test_a_pause_of_an_empty_outbox_has_nothing_to_do(started: Store) -> None:
    started.deliveries.pause("daily", NOW, NOW, "550 5.7.1 no")
    started.deliveries.pause(None, NOW, NOW, "535 no")
    assert started.deliveries.next_due_at() is None


@pytest.mark.parametrize("digest", ["daily", None])
def test_a_probe_waits_for_something_to_try(started: Store, digest: str | None) -> None:
    started.deliveries.pause(digest, NOW, NOW, "550 5.7.1 no")
    assert claim(started) == []
    assert started.deliveries.pauses()[0].probe_at == NOW
    publish(started, "1")
    opened(started)
    assert [one.probe for one in claim(started)] == [True]
    assert started.deliveries.pauses()[0].probe_at == NOW + DAY + PROBE_AFTER


def test_what_a_dead_daemon_claimed_is_taken_back_at_its_next_start(started: Store) -> None:
    publish(started, "new")
    edition = opened(started)
    started.deliveries.claim(1, NOW + DAY, LEASE, NEVER, "daemon")
    started.deliveries.claim(1, NOW + DAY, LEASE, NEVER)  # by a command
    assert claim(started) == []
    assert started.deliveries.take_back("another", NOW + DAY) == 0
    assert started.deliveries.take_back("daemon", NOW + DAY) == 1
    states = stores.states(started, edition.id)
    assert (states[DeliveryState.QUEUED], states[DeliveryState.SENDING]) == (1, 1)
    assert len(claim(started)) == 1


def refuse(store: Store, day: int, *, state: DeliveryState = DeliveryState.FAILED) -> None:
    """Publish an edition of a day, and let the mail to a@example.org end in a state."""
    publish(store, f"day {day}")
    opened(store, day)
    for delivery in store.deliveries.claim(100, NOW + day * DAY + MINUTE, LEASE, NEVER):
        refused = delivery.subscriber.address.startswith("a@") and state is DeliveryState.FAILED
        stores.settle(
            store,
            delivery.id,
            state if refused else DeliveryState.SENT,
            NOW + day * DAY + MINUTE,
            error="550 5.5.0 mailbox unavailable" if refused else None,
            refused=refused,
        )


def suppressed(store: Store) -> list[str]:
    found = store.subscribers.list("daily")
    return [one.address for one in found if one.state is SubscriberState.SUPPRESSED]


def test_an_address_that_is_refused_on_three_days_in_a_row_is_suppressed(started: Store) -> None:
    for day in range(2):
        refuse(started, day)
    assert suppressed(started) == []
    refuse(started, 2)
    assert suppressed(started) == ["a@example.org"]


def test_refusals_of_one_day_count_once(started: Store) -> None:
    publish(started, "new")
    for number in range(5):
        due_at = NOW + number * MINUTE
        publish(started, f"new {number}")
        started.editions.open_edition(DAILY, due_at, due_at)
    for delivery in claim(started):
        stores.settle(
            started, delivery.id, DeliveryState.FAILED, NOW + DAY, error="550 no", refused=True
        )
    assert suppressed(started) == []


def test_an_accepted_mail_begins_the_count_of_refusals_again(started: Store) -> None:
    for day, state in enumerate(("failed", "failed", "sent", "failed", "failed")):
        refuse(started, day, state=DeliveryState(state))
    assert suppressed(started) == []
    refuse(started, 5)
    assert suppressed(started) == ["a@example.org"]


def test_who_was_restored_is_not_suppressed_at_the_next_refusal(started: Store) -> None:
    for day in range(3):
        refuse(started, day)
    started.subscribers.restore("a@example.org", None, NOW + 3 * DAY)
    refuse(started, 4)
    refuse(started, 5)
    assert suppressed(started) == []


def test_failures_of_another_kind_do_not_count_against_an_address(started: Store) -> None:
    for day in range(4):
        publish(started, f"day {day}")
        opened(started, day)
        for delivery in started.deliveries.claim(100, NOW + day * DAY + MINUTE, LEASE, NEVER):
            stores.settle(
                started, delivery.id, DeliveryState.FAILED, NOW + day * DAY, error="552 too large"
            )
    assert suppressed(started) == []


def test_whether_a_digest_has_other_domains_is_told(started: Store) -> None:
    assert not started.deliveries.other_domains("daily", "example.org")
    assert started.deliveries.other_domains("daily", "ple.org")
    assert not started.deliveries.other_domains("weekly", "example.net")
    started.subscribers.add_many([someone("c@mail.example.org")], NOW)
    assert started.deliveries.other_domains("daily", "example.org")
