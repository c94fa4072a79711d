"""What runs for every message takes the short way, on both databases, and says when it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, select, update

from digest.editions.delivery import Delivery, DeliveryResult, DeliveryState
from digest.editions.model import EditionState
from digest.store import delivery_rows
from digest.store.connection import Database, Lock
from digest.store.database import Store
from digest.store.schema import delivery
from digest.store.statements import Prepared
from digest.store.types import microseconds
from tests import stores
from tests.store.samples import DAILY, MINUTE, NOW, reading, someone

LEASE = timedelta(minutes=5)
READERS = 6


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Give the database of the store, to look into."""
    made = Database(url)
    yield made
    made.close()


@pytest.fixture
def sending(store: Store) -> list[Delivery]:
    """Give the deliveries of an edition, all of them being sent."""
    store.editions.start_digests(["daily"], NOW)
    readers = [someone(f"r{number}@example.org") for number in range(READERS)]
    store.subscribers.add_many(readers, NOW)
    store.articles.record([reading("new.md")], NOW)
    assert store.editions.open_edition(DAILY, NOW, NOW)
    found = store.deliveries.claim(100, NOW, LEASE, {})
    assert len(found) == READERS
    return found


def sent(*deliveries: Delivery) -> list[DeliveryResult]:
    return [DeliveryResult(delivery_id=one.id, state=DeliveryState.SENT) for one in deliveries]


def test_messages_sent_together_are_marked_in_one_go(
    store: Store, sending: list[Delivery], database: Database
) -> None:
    with database.write(Lock.DELIVERIES) as connection:
        assert delivery_rows.mark_sent(connection, [one.id for one in sending], NOW + MINUTE)
    with database.read() as connection:
        rows = connection.execute(select(delivery)).all()
    assert {(row.state, row.attempts, row.due_at, row.changed_at) for row in rows} == {
        (DeliveryState.SENT, 1, None, NOW + MINUTE)
    }


def test_an_edition_is_done_with_the_last_ones_that_were_sent_together(
    store: Store, sending: list[Delivery]
) -> None:
    assert len(store.deliveries.record_results(sent(*sending[1:]), NOW)) == READERS - 1
    assert stores.editions(store, "daily", 1)[0].state is EditionState.OPEN
    assert store.deliveries.record_results(sent(sending[0]), NOW) == {sending[0].id}
    assert stores.editions(store, "daily", 1)[0].state is EditionState.DONE


def test_one_that_another_took_over_does_not_keep_the_others_from_being_marked(
    store: Store, sending: list[Delivery]
) -> None:
    first, *others = sending
    store.deliveries.record_results(sent(first), NOW)
    assert store.deliveries.record_results(sent(*sending), NOW + MINUTE) == {
        one.id for one in others
    }
    assert store.deliveries.states()[DeliveryState.SENT] == READERS


def test_the_same_ending_twice_counts_once(store: Store, sending: list[Delivery]) -> None:
    first = sending[0]
    assert store.deliveries.record_results(sent(first, first), NOW) == {first.id}
    assert store.deliveries.states()[DeliveryState.SENT] == 1


def test_those_who_left_are_passed_over_however_few_are_asked_for(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    readers = [someone(f"r{number}@example.org") for number in range(READERS)]
    store.subscribers.add_many(readers, NOW)
    store.articles.record([reading("new.md")], NOW)
    assert store.editions.open_edition(DAILY, NOW, NOW)
    for number in (1, 2, 4):
        assert store.subscribers.unsubscribe(number, NOW)
    assert store.subscribers.remove("r4@example.org", None) == 1
    taken = [store.deliveries.claim(1, NOW, LEASE, {}) for _ in range(4)]
    addresses = [one.subscriber.address for batch in taken for one in batch]
    assert addresses == ["r2@example.org", "r5@example.org"]
    assert store.deliveries.states()[DeliveryState.SUPPRESSED] == 4


def test_nobody_left_is_nothing_to_claim(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add_many([someone("r@example.org")], NOW)
    store.articles.record([reading("new.md")], NOW)
    assert store.editions.open_edition(DAILY, NOW, NOW)
    store.subscribers.unsubscribe(1, NOW)
    assert store.deliveries.claim(1, NOW, LEASE, {}) == []
    assert store.deliveries.states()[DeliveryState.SUPPRESSED] == 1
    assert stores.editions(store, "daily", 1)[0].state is EditionState.DONE


def test_a_prepared_statement_says_how_many_rows_it_changed(
    sending: list[Delivery], database: Database
) -> None:
    later = Prepared(
        update(delivery)
        .where(delivery.c.id == bindparam("number"), delivery.c.state == "sending")
        .values(due_at=bindparam("until"), attempts=delivery.c.attempts + 3)
    )
    until = microseconds(NOW + MINUTE)
    with database.write() as connection:
        assert later.run(connection, []) == 0
        for _ in range(2):
            rows = [{"number": one.id, "until": until} for one in sending[:2]]
            assert later.run(connection, [*rows, {"number": -1, "until": until}]) == 2
    with database.read() as connection:
        found = connection.execute(select(delivery).order_by(delivery.c.id)).all()
    assert [row.attempts for row in found] == [6, 6, 0, 0, 0, 0]
    assert found[0].due_at == NOW + MINUTE
