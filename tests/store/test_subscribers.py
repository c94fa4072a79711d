"""What the commands and the web pages ask of subscribers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from digest.store import subscribers as subscribers_module
from digest.store.database import Store
from digest.store.subscribers import Added, folded
from digest.subscribers.model import NewSubscriber, Subscriber, SubscriberState
from tests.store.samples import BANKS, NOW, SPACE, someone

LATER = NOW + timedelta(days=1)


def only(store: Store) -> Subscriber:
    """Return the one subscriber that there is."""
    (one,) = store.subscribers.list()
    return one


def test_a_new_subscriber_comes_back_whole(store: Store) -> None:
    new = NewSubscriber(
        address="Ada@Example.org",
        digest="daily",
        name="林 Ada",
        categories=(SPACE, BANKS),
        language="zh-Hans",
    )
    subscriber, added = store.subscribers.add(new, NOW)
    assert added is Added.ADDED
    assert subscriber == Subscriber(
        id=1,
        address="Ada@Example.org",
        digest="daily",
        name="林 Ada",
        categories=(SPACE, BANKS),
        language="zh-Hans",
        state=SubscriberState.ACTIVE,
        created_at=NOW,
    )
    assert store.subscribers.subscriber(1) == subscriber
    assert store.subscribers.subscriber(2) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "ADA@EXAMPLE.ORG"),
        ("jos\u00e9@example.org", "JOSE\u0301@example.org"),
        ("stra\u00dfe@example.org", "STRASSE@example.org"),
    ],
)
def test_an_address_is_one_in_every_spelling(store: Store, one: str, other: str) -> None:
    assert folded(one) == folded(other)
    store.subscribers.add(someone(one), NOW)
    subscriber, added = store.subscribers.add(someone(other), LATER)
    assert added is Added.UNCHANGED
    assert (subscriber.address, subscriber.created_at) == (one, NOW)


def test_one_address_may_read_two_digests(store: Store) -> None:
    store.subscribers.add(someone(digest="daily"), NOW)
    assert store.subscribers.add(someone(digest="weekly"), NOW)[1] is Added.ADDED
    assert store.subscribers.count() == {"daily": 1, "weekly": 1}


@pytest.mark.parametrize("change", [{"name": "Ada"}, {"categories": (BANKS,)}, {"language": "en"}])
def test_another_wish_is_an_update(store: Store, change: dict[str, object]) -> None:
    before, _ = store.subscribers.add(someone(), NOW)
    new = NewSubscriber(**{"address": "ADA@example.org", "digest": "daily", **change})  # type: ignore[arg-type]  # one of several fields
    after, added = store.subscribers.add(new, LATER)
    assert added is Added.UPDATED
    assert after == replace(before, **change)  # type: ignore[arg-type]  # as above


def test_unsubscribing_takes_effect_once(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    assert store.subscribers.unsubscribe(subscriber.id, LATER) is True
    assert store.subscribers.unsubscribe(subscriber.id, LATER) is False
    assert store.subscribers.unsubscribe(99, LATER) is False
    assert only(store).state is SubscriberState.UNSUBSCRIBED
    assert store.subscribers.count() == {}


def test_resubscribing_undoes_an_unsubscription_alone(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    assert store.subscribers.resubscribe(subscriber.id, LATER) is False
    store.subscribers.unsubscribe(subscriber.id, LATER)
    assert store.subscribers.resubscribe(subscriber.id, LATER) is True
    assert only(store) == subscriber
    assert store.subscribers.suppress(subscriber.id, LATER) is True
    assert store.subscribers.resubscribe(subscriber.id, LATER) is False
    assert only(store).state is SubscriberState.SUPPRESSED


def test_adding_one_who_had_left_brings_them_back_with_their_new_wishes(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.unsubscribe(subscriber.id, NOW)
    after, added = store.subscribers.add(someone("ada@example.org", BANKS), LATER)
    assert added is Added.RESUBSCRIBED
    assert after == replace(subscriber, categories=(BANKS,))


def test_adding_a_suppressed_address_does_not_mail_it_again(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.suppress(subscriber.id, NOW)
    assert store.subscribers.add(someone(), LATER)[1] is Added.UNCHANGED
    after, added = store.subscribers.add(someone("ada@example.org", BANKS), LATER)
    assert added is Added.UPDATED
    assert after.state is SubscriberState.SUPPRESSED


def test_many_are_added_in_order_and_twice_in_one_list_is_once(store: Store) -> None:
    store.subscribers.add(someone("old@example.org"), NOW)
    outcomes = store.subscribers.add_many(
        [
            someone("new@example.org"),
            someone("OLD@example.org"),
            someone("old@example.org", BANKS),
            someone("NEW@example.org", SPACE),
            someone("new@example.org", SPACE),
        ],
        LATER,
    )
    assert outcomes == [
        Added.ADDED,
        Added.UNCHANGED,
        Added.UPDATED,
        Added.UPDATED,
        Added.UNCHANGED,
    ]
    found = [(one.address, one.categories) for one in store.subscribers.list()]
    assert found == [("old@example.org", (BANKS,)), ("new@example.org", (SPACE,))]
    assert store.subscribers.add_many([], NOW) == []


def test_an_old_list_does_not_bring_back_those_who_left(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.unsubscribe(subscriber.id, NOW)
    again = [someone("ada@example.org", BANKS)]
    assert store.subscribers.add_many(again, LATER) == [Added.UNCHANGED]
    assert only(store).state is SubscriberState.UNSUBSCRIBED
    assert store.subscribers.add_many(again, LATER, resubscribe=True) == [Added.RESUBSCRIBED]
    assert only(store).state is SubscriberState.ACTIVE


def test_more_subscribers_than_one_statement_takes(store: Store) -> None:
    many = [someone(f"reader{number}@example.org") for number in range(1100)]
    assert set(store.subscribers.add_many(many, NOW)) == {Added.ADDED}
    assert set(store.subscribers.add_many(many, NOW)) == {Added.UNCHANGED}
    assert store.subscribers.count() == {"daily": 1100}


def test_removing_forgets_the_address_in_one_digest_or_in_all(store: Store) -> None:
    for digest in ("daily", "weekly", "yearly"):
        store.subscribers.add(someone(digest=digest), NOW)
    store.subscribers.add(someone("other@example.org"), NOW)
    assert store.subscribers.remove("ADA@example.org", "daily") == 1
    assert store.subscribers.remove("ada@example.org", "daily") == 0
    assert store.subscribers.remove("ada@example.org", None) == 2
    assert only(store).address == "other@example.org"


def test_the_list_is_by_digest_and_state(store: Store) -> None:
    ids = [
        store.subscribers.add(someone(f"{name}@example.org", digest=digest), NOW)[0].id
        for name, digest in (("a", "daily"), ("b", "daily"), ("c", "weekly"))
    ]
    store.subscribers.unsubscribe(ids[1], NOW)

    def listed(digest: str | None, state: SubscriberState | None) -> list[int]:
        return [one.id for one in store.subscribers.list(digest, state)]

    assert listed(None, None) == ids
    assert listed("daily", None) == ids[:2]
    assert listed("daily", SubscriberState.ACTIVE) == ids[:1]
    assert listed(None, SubscriberState.UNSUBSCRIBED) == ids[1:2]


def test_whoever_leaves_while_a_list_is_imported_stays_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the import read of them is old by the time it writes."""
    there, _ = store.subscribers.add(someone("a@example.org"), NOW)
    real = subscribers_module._known

    def read_before(*arguments: Any) -> Any:
        return {
            key: replace(one, state=SubscriberState.ACTIVE) for key, one in real(*arguments).items()
        }

    store.subscribers.unsubscribe(there.id, NOW)
    monkeypatch.setattr(subscribers_module, "_known", read_before)
    store.subscribers.add_many([replace(someone("a@example.org"), name="Ada")], NOW)
    (found,) = store.subscribers.list("daily")
    assert (found.name, found.state) == ("Ada", SubscriberState.UNSUBSCRIBED)


def test_what_a_list_does_not_tell_stays(store: Store) -> None:
    known = replace(someone("a@example.org", SPACE), name="Ada", timezone="Asia/Tokyo")
    store.subscribers.add(known, NOW)
    told = [replace(someone("a@example.org"), name="Ada Field")]
    keep = {"categories", "language", "timezone"}
    assert store.subscribers.add_many(told, NOW, keep=keep) == ["updated"]
    assert store.subscribers.add_many(told, NOW, keep=keep) == ["unchanged"]
    (found,) = store.subscribers.list("daily")
    assert (found.name, found.categories, found.timezone) == ("Ada Field", (SPACE,), "Asia/Tokyo")
