"""New subscribers are welcomed once, with nothing that an edition will bring them; everywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from digest.articles.model import CategoryPath
from digest.editions.delivery import Delivery, DeliveryState
from digest.editions.model import Approval, Digest, Edition, EditionState
from digest.store.database import Store
from digest.store.schema import subscriber
from tests import stores
from tests.store.samples import (
    DAILY,
    FINANCE,
    LOANS,
    MINUTE,
    NOW,
    SCIENCE,
    SPACE,
    listed,
    reading,
    someone,
)

DAY = timedelta(days=1)
LEASE = timedelta(minutes=5)
NEVER = {"daily": timedelta(days=1000)}
WELCOMING = replace(DAILY, welcome=2)
GARDENS = CategoryPath(("Gardens",))


def publish(store: Store, *titles: str, category: CategoryPath = LOANS) -> None:
    found = [reading(f"{one}.md", title=one, categories=(category,)) for one in titles]
    store.articles.record(found, NOW)


@pytest.fixture
def started(store: Store) -> Store:
    """Give a store whose digest has begun behind three articles."""
    publish(store, "one", "two", "three")
    store.editions.start_digests(["daily"], NOW)
    return store


def claim(store: Store, days: int = 0) -> list[Delivery]:
    return store.deliveries.claim(9, NOW + days * DAY, LEASE, NEVER)


def held(store: Store, delivery: Delivery) -> tuple[Edition, list[str]]:
    edition, articles = store.editions.edition(delivery.edition_id)
    return edition, [article.title for article in articles]


def test_a_new_subscriber_is_sent_the_latest_articles_once(started: Store) -> None:
    publish(started, "four")  # of the next edition
    started.subscribers.add(someone("a@example.org"), NOW)
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 1
    (delivery,) = claim(started)
    edition, titles = held(started, delivery)
    assert titles == ["two", "three"]
    assert edition.welcome
    assert (edition.number, edition.state) == (0, EditionState.OPEN)
    stores.settle(started, delivery.id, DeliveryState.SENT, NOW)
    started.subscribers.add(someone("a@example.org"), NOW)
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 0
    assert started.reports.unreported(NOW) == []
    assert listed(started) == []


def test_a_welcome_moves_no_checkpoint_and_takes_no_runs_place(started: Store) -> None:
    run = NOW.replace(microsecond=0) + MINUTE
    publish(started, "four")
    started.subscribers.add(someone("a@example.org"), NOW)
    assert started.editions.queue_welcomes(WELCOMING, run) == 1
    assert started.editions.last_due_at("daily", NOW + DAY) is None
    assert stores.taken_upto(started, "daily") == 3
    edition = started.editions.open_edition(WELCOMING, run, run)
    assert edition is not None
    assert edition.number == 1
    assert [one.title for one in started.editions.edition(edition.id)[1]] == ["four"]


def test_two_welcomes_at_the_same_moment_are_two(started: Store) -> None:
    for name in ("a", "b"):
        started.subscribers.add(someone(f"{name}@example.org"), NOW)
        assert started.editions.queue_welcomes(WELCOMING, NOW) == 1
    first, second = claim(started, 1)
    assert first.edition_id != second.edition_id


def test_nobody_is_welcomed_with_what_a_draft_may_bring_them(started: Store) -> None:
    drafting = replace(WELCOMING, approval=Approval(within=DAY, sends=False))
    publish(started, "four")
    draft = started.editions.open_edition(drafting, NOW, NOW)
    assert draft is not None
    started.subscribers.add(someone("a@example.org"), NOW)
    assert started.editions.queue_welcomes(drafting, NOW) == 1
    (welcome,) = claim(started)
    assert held(started, welcome)[1] == ["two", "three"]
    assert started.editions.approve(draft.id, drafting, NOW)
    (delivery,) = claim(started)
    assert held(started, delivery)[1] == ["four"]


def test_who_had_an_edition_is_welcomed_no_more(started: Store) -> None:
    publish(started, "comet", category=SPACE)
    assert started.editions.open_edition(WELCOMING, NOW - DAY, NOW) is not None
    started.subscribers.add(someone("a@example.org"), NOW)
    started.subscribers.add(someone("b@example.org", SPACE), NOW)  # reads nothing of the next
    publish(started, "four")
    assert started.editions.open_edition(WELCOMING, NOW, NOW) is not None
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 1
    assert {(one.subscriber.address, held(started, one)[0].welcome) for one in claim(started)} == {
        ("a@example.org", False),
        ("b@example.org", True),
    }


def test_each_is_welcomed_with_the_latest_that_they_read(started: Store) -> None:
    publish(started, "comet", category=SPACE)
    publish(started, "four", "five")
    assert started.editions.open_edition(WELCOMING, NOW, NOW) is not None
    for name, path in {"a": LOANS, "b": SPACE, "c": FINANCE, "d": GARDENS}.items():
        started.subscribers.add(someone(f"{name}@example.org", path), NOW)
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 3
    assert {one.subscriber.address[0]: held(started, one)[1] for one in claim(started)} == {
        "a": ["four", "five"],
        "b": ["comet"],
        "c": ["four", "five"],
    }
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 0  # nor is the fourth owed one later


def test_nobody_is_welcomed_with_what_was_cancelled_or_is_too_old(started: Store) -> None:
    publish(started, "wrong")
    drafting = replace(WELCOMING, approval=Approval(within=DAY, sends=False))
    edition = started.editions.open_edition(drafting, NOW, NOW)
    assert edition is not None
    assert started.editions.cancel(edition.id, NOW)
    started.subscribers.add(someone("a@example.org"), NOW)
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 1
    (delivery,) = claim(started)
    assert held(started, delivery)[1] == ["two", "three"]
    started.subscribers.add(someone("b@example.org"), NOW)
    later = NOW + 9 * DAY
    assert started.editions.queue_welcomes(replace(WELCOMING, max_age=8 * DAY), later) == 0


def test_looking_for_who_is_owed_a_welcome_reads_no_others(store: Store) -> None:
    database = store.editions._database
    if not database.sqlite:
        pytest.skip("PostgreSQL plans by what a table holds")
    query = select(subscriber.c.id).where(subscriber.c.welcome, subscriber.c.digest == "daily")
    text = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with database.read() as connection:
        plan = "".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))
    assert "ix_subscriber_welcome" in plan


def test_who_was_imported_or_had_left_is_welcomed_only_if_asked(started: Store) -> None:
    listed = [someone("a@example.org"), someone("b@example.org")]
    started.subscribers.add_many(listed[:1], NOW)
    started.subscribers.add_many(listed, NOW, welcome=True)
    gone, _ = started.subscribers.add(someone("c@example.org"), NOW)
    started.subscribers.unsubscribe(gone.id, NOW)
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 1
    assert [one.subscriber.address for one in claim(started)] == ["b@example.org"]
    started.subscribers.add(someone("c@example.org"), NOW)  # knows the digest
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 0


@pytest.mark.parametrize(
    "digest",
    [
        DAILY,
        replace(WELCOMING, categories=(SCIENCE,)),  # there is no such article
    ],
)
def test_where_there_is_nothing_to_welcome_with_nobody_is_owed_it_later(
    started: Store, digest: Digest
) -> None:
    started.subscribers.add(someone("a@example.org"), NOW)
    assert started.editions.queue_welcomes(digest, NOW) == 0
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 0


def test_a_digest_that_has_not_begun_welcomes_nobody(store: Store) -> None:
    publish(store, "one")
    store.subscribers.add(someone("a@example.org"), NOW)
    assert store.editions.queue_welcomes(WELCOMING, NOW) == 0


def test_many_are_welcomed_in_one_go(started: Store) -> None:
    many = [someone(f"reader{number}@example.org") for number in range(1200)]
    started.subscribers.add_many(many, NOW, welcome=True)
    assert started.editions.queue_welcomes(WELCOMING, NOW) == 1200
    assert sum(started.deliveries.states().values()) == 1200
