"""Persons and subscriptions, in every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from digest.store.database import Store
from digest.store.subscriber_addition import SubscriberAddition
from digest.subscribers.model import (
    NewSubscriber,
    Outcome,
    PastState,
    Subscriber,
    SubscriberState,
)
from digest.subscribers.tokens import SubscriptionLink, digest_tag, is_person
from tests import stores
from tests.store.samples import BANKS, NOW, SPACE, someone

LATER = NOW + timedelta(days=1)
ACTIVE, UNSUBSCRIBED = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED
SUPPRESSED = SubscriberState.SUPPRESSED


def only(store: Store) -> Subscriber:
    """Return the one subscriber that there is."""
    (one,) = store.subscribers.list()
    return one


def link(person: str, digest: str = "daily") -> SubscriptionLink:
    return SubscriptionLink(person=person, digest_tag=digest_tag(digest))


def optout(address: str = "ada@example.org", **fields: Any) -> NewSubscriber:
    return NewSubscriber(
        **{"address": address, "digest": "daily", "state": UNSUBSCRIBED, "since": NOW, **fields}
    )


def test_a_new_subscriber_comes_back_whole(store: Store) -> None:
    new = NewSubscriber(
        address="Ada@Example.org",
        digest="daily",
        name="林 Ada",
        categories=(SPACE, BANKS),
        language="zh-Hans",
        consent="by a form",
    )
    subscriber, outcome = store.subscribers.add(new, NOW)
    assert outcome is Outcome.ADDED
    assert is_person(subscriber.person)
    assert subscriber == Subscriber(
        id=1,
        person=subscriber.person,
        address="Ada@Example.org",
        digest="daily",
        name="林 Ada",
        categories=(SPACE, BANKS),
        language="zh-Hans",
        state=ACTIVE,
        created_at=NOW,
        consent="by a form",
    )
    assert store.subscribers.of_address("ada@EXAMPLE.org") == [subscriber]
    assert store.subscribers.of_address("bob@example.org") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "ADA@EXAMPLE.ORG"),
        ("jos\u00e9@example.org", "JOSE\u0301@example.org"),
        ("stra\u00dfe@example.org", "STRASSE@example.org"),
        ("x@b\u00fccher.example", "x@xn--bcher-kva.example"),
        ("x@xn--bcher-kva.example", "X@B\u00dcCHER.example"),
    ],
)
def test_an_address_is_one_in_every_spelling(store: Store, one: str, other: str) -> None:
    store.subscribers.add(someone(one), NOW)
    subscriber, outcome = store.subscribers.add(someone(other), LATER)
    assert outcome is Outcome.UNCHANGED
    assert (subscriber.address, subscriber.created_at) == (one, NOW)
    assert store.subscribers.add(someone(other, digest="weekly"), NOW)[0].person == (
        subscriber.person
    )


def test_one_person_may_read_two_digests(store: Store) -> None:
    daily, _ = store.subscribers.add(someone(digest="daily"), NOW)
    weekly, outcome = store.subscribers.add(someone(digest="weekly"), NOW)
    assert outcome is Outcome.ADDED
    assert daily.person == weekly.person
    assert store.subscribers.count() == {"daily": 1, "weekly": 1}


@pytest.mark.parametrize("change", [{"name": "Ada"}, {"categories": (BANKS,)}, {"language": "en"}])
def test_another_wish_is_an_update(store: Store, change: dict[str, object]) -> None:
    before, _ = store.subscribers.add(someone(), NOW)
    new = NewSubscriber(**{"address": "ADA@example.org", "digest": "daily", **change})  # type: ignore[arg-type]  # one of several fields
    after, outcome = store.subscribers.add(new, LATER)
    assert outcome is Outcome.UPDATED
    assert after == replace(before, **change)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ({"name": "Kay"}, {"categories": (SPACE,), "language": "de", "timezone": "Asia/Tokyo"}),
        ({"timezone": "Europe/Paris"}, {"name": "K", "categories": (SPACE,), "language": "de"}),
        ({"language": "fr"}, {"name": "K", "timezone": "Asia/Tokyo", "consent": "by hand"}),
        ({"consent": "by a form"}, {"name": "K", "language": "de", "categories": (SPACE,)}),
        ({"categories": ()}, {"name": "K", "language": "de", "timezone": "Asia/Tokyo"}),
        ({"name": "", "language": "", "timezone": ""}, {"categories": (SPACE,)}),
    ],
)
def test_what_is_not_told_stays(
    store: Store, told: dict[str, object], left: dict[str, object]
) -> None:
    whole = replace(
        someone("k@example.org", SPACE),
        name="K",
        language="de",
        timezone="Asia/Tokyo",
        consent="by hand",
    )
    store.subscribers.add(whole, NOW)
    new = NewSubscriber(address="k@example.org", digest="daily")
    after, outcome = store.subscribers.add(replace(new, **told), LATER)  # type: ignore[arg-type]  # a table
    assert outcome is Outcome.UPDATED
    expected = {name: value or None if name in ("language", "timezone") else value
                for name, value in {**told, **left}.items()}  # fmt: skip
    assert {name: getattr(after, name) for name in expected} == expected
    assert store.subscribers.add(new, LATER)[1] is Outcome.UNCHANGED


def test_unsubscribing_takes_effect_once(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    assert store.subscribers.unsubscribe(subscriber.id, LATER, "by a mail") is True
    assert store.subscribers.unsubscribe(subscriber.id, LATER) is False
    assert store.subscribers.unsubscribe(99, LATER) is False
    one = only(store)
    assert (one.state, one.since, one.reason) == (UNSUBSCRIBED, LATER, "by a mail")
    assert store.subscribers.history(one.id) == (PastState(state=ACTIVE, since=NOW),)
    assert store.subscribers.count() == {}


def test_resubscribing_undoes_an_unsubscription_alone(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    assert store.subscribers.resubscribe(subscriber.id, LATER) is False
    store.subscribers.unsubscribe(subscriber.id, LATER)
    assert store.subscribers.resubscribe(subscriber.id, LATER) is True
    assert only(store) == subscriber
    stores.suppress(store, subscriber.id, LATER)
    assert store.subscribers.resubscribe(subscriber.id, LATER) is False
    assert only(store).state is SUPPRESSED
    states = [past.state for past in store.subscribers.history(subscriber.id)]
    assert states == [ACTIVE, UNSUBSCRIBED, ACTIVE]


def test_who_left_comes_back_only_where_that_is_said_and_the_record_keeps_both(
    store: Store,
) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.unsubscribe(subscriber.id, NOW, "by the link")
    left, outcome = store.subscribers.add(someone("ada@example.org", BANKS), LATER)
    assert (outcome, left.state) == (Outcome.NOT_REVIVED, UNSUBSCRIBED)
    assert left.categories == ()
    after, outcome = store.subscribers.add(someone("ada@example.org", BANKS), LATER, again=True)
    assert outcome is Outcome.RESUBSCRIBED
    assert after == replace(subscriber, categories=(BANKS,))
    assert store.subscribers.history(subscriber.id) == (
        PastState(state=ACTIVE, since=NOW),
        PastState(state=UNSUBSCRIBED, since=NOW, reason="by the link"),
    )


def test_adding_a_suppressed_address_does_not_mail_it_again(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    stores.suppress(store, subscriber.id, NOW)
    for again in (False, True):
        after, outcome = store.subscribers.add(someone(), LATER, again=again)
        assert (outcome, after.state) == (Outcome.NOT_REVIVED, SUPPRESSED)


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
        Outcome.ADDED,
        Outcome.UNCHANGED,
        Outcome.UPDATED,
        Outcome.UPDATED,
        Outcome.UNCHANGED,
    ]
    found = [(one.address, one.categories) for one in store.subscribers.list()]
    assert found == [("old@example.org", (BANKS,)), ("new@example.org", (SPACE,))]
    assert store.subscribers.add_many([], NOW) == []


def test_an_old_list_does_not_bring_back_those_who_left(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.unsubscribe(subscriber.id, NOW)
    again = [someone("ada@example.org", BANKS)]
    assert store.subscribers.add_many(again, LATER) == [Outcome.NOT_REVIVED]
    assert only(store).state is UNSUBSCRIBED


@pytest.mark.parametrize("order", [1, -1])
def test_an_opt_out_wins_over_a_list_whatever_comes_first(store: Store, order: int) -> None:
    rows = [someone("bob@example.org"), optout("BOB@example.org", reason="asked by phone")]
    store.subscribers.add_many(rows[::order], LATER)
    one = only(store)
    assert (one.state, one.since, one.reason) == (UNSUBSCRIBED, NOW, "asked by phone")
    assert store.subscribers.add_many([someone("bob@example.org")], LATER) == [Outcome.NOT_REVIVED]


@pytest.mark.parametrize("state", [UNSUBSCRIBED, SUPPRESSED])
def test_a_listed_opt_out_ends_an_active_subscription(store: Store, state: SubscriberState) -> None:
    store.subscribers.add(someone(), NOW)
    rows = [optout(state=state, since=None, reason="550")]
    assert store.subscribers.add_many(rows, LATER) == [Outcome.ENDED]
    one = only(store)
    assert (one.state, one.since, one.reason) == (state, LATER, "550")
    assert store.subscribers.add_many(rows, LATER) == [Outcome.UNCHANGED]
    assert store.subscribers.add_many([optout(digest="weekly")], LATER) == [Outcome.ADDED_INACTIVE]


def test_a_listed_unsubscription_is_stronger_than_a_suppression(store: Store) -> None:
    subscriber, _ = store.subscribers.add(someone(), NOW)
    stores.suppress(store, subscriber.id, NOW)
    assert store.subscribers.add_many([optout()], LATER) == [Outcome.ENDED]
    assert store.subscribers.add_many([optout(state=SUPPRESSED)], LATER) == [Outcome.UNCHANGED]
    assert store.subscribers.restore("ada@example.org", None, LATER) == 0


def test_a_trial_stores_nothing(store: Store) -> None:
    store.subscribers.add(someone(), NOW)
    rows = [someone("new@example.org"), optout()]
    assert store.subscribers.add_many(rows, LATER, dry_run=True) == [Outcome.ADDED, Outcome.ENDED]
    assert only(store).state is ACTIVE


def test_more_subscribers_than_one_statement_takes(store: Store) -> None:
    many = [someone(f"reader{number}@example.org") for number in range(1100)]
    assert set(store.subscribers.add_many(many, NOW)) == {Outcome.ADDED}
    assert set(store.subscribers.add_many(many, NOW)) == {Outcome.UNCHANGED}
    assert store.subscribers.count() == {"daily": 1100}
    assert len({one.person for one in store.subscribers.list()}) == 1100


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
    assert listed("daily", ACTIVE) == ids[:1]
    assert listed(None, UNSUBSCRIBED) == ids[1:2]


def test_whoever_leaves_while_a_list_is_imported_stays_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the import read of them is old by the time it writes."""
    there, _ = store.subscribers.add(someone("a@example.org"), NOW)
    real = SubscriberAddition._known

    def read_before(*arguments: Any) -> Any:
        found = real(*arguments)
        for one in found.values():
            one.state = ACTIVE
        return found

    store.subscribers.unsubscribe(there.id, NOW)
    monkeypatch.setattr(SubscriberAddition, "_known", read_before)
    store.subscribers.add_many([replace(someone("a@example.org"), name="Ada")], NOW)
    (found,) = store.subscribers.list("daily")
    assert (found.name, found.state) == ("Ada", UNSUBSCRIBED)


def move(store: Store) -> list[NewSubscriber]:
    """Return all there is as another database may take it, and remove it here."""
    exported = store.subscribers.exported()
    for address in {one.address for one in exported}:
        store.subscribers.remove(address, None)
    return exported


def test_a_move_keeps_everything(store: Store) -> None:
    ada, _ = store.subscribers.add(replace(someone(), name="Ada", consent="by a form"), NOW)
    store.subscribers.add(someone("ada@example.org", SPACE, digest="weekly"), NOW)
    bob, _ = store.subscribers.add(someone("bob@example.org"), NOW)
    store.subscribers.unsubscribe(bob.id, NOW, "by the link")
    store.subscribers.resubscribe(bob.id, NOW + timedelta(hours=1), "by the link")
    store.subscribers.unsubscribe(bob.id, NOW + timedelta(hours=2), "by a mail")
    stores.suppress(store, ada.id, NOW)
    before = store.subscribers.exported()
    moved = move(store)
    store.subscribers.add_many([someone("zoe@example.org")], LATER)  # other numbers of rows
    assert store.subscribers.add_many(moved, LATER) == [
        Outcome.ADDED_INACTIVE,
        Outcome.ADDED,
        Outcome.ADDED_INACTIVE,
    ]
    after = [one for one in store.subscribers.exported() if one.address != "zoe@example.org"]
    assert after == before
    subscriber, digest = store.subscribers.linked(link(bob.person))
    assert subscriber is not None
    assert (subscriber.address, digest) == ("bob@example.org", "daily")


def test_a_link_leads_to_its_digest_alone(store: Store) -> None:
    ada, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.add(someone(digest="weekly"), NOW)
    for digest in ("daily", "weekly"):
        subscriber, name = store.subscribers.linked(link(ada.person, digest))
        assert subscriber is not None
        assert (subscriber.digest, name) == (digest, digest)
    assert store.subscribers.linked(link(ada.person, "yearly")) == (None, None)
    store.subscribers.remove("ada@example.org", "daily")
    assert store.subscribers.linked(link(ada.person)) == (None, None)
    assert store.subscribers.linked(link("a" * 16)) == (None, None)


def test_a_number_in_an_old_link_is_nobodys_in_a_database_that_had_none(store: Store) -> None:
    store.subscribers.add(someone(), NOW)
    with pytest.raises(LookupError):
        store.subscribers.linked(SubscriptionLink(person="1", digest_tag=None))


def test_old_links_travel_with_their_persons(store: Store) -> None:
    listed = [
        replace(someone(), person="a" * 16, old_ids=("17",)),
        replace(someone(digest="weekly"), person="a" * 16, old_ids=("18", "b" * 16)),
        replace(someone("bob@example.org"), person="c" * 16, old_ids=("1",)),
    ]
    store.subscribers.add_many(listed, NOW)
    for identifier, address, digest in (
        ("17", "ada@example.org", "daily"),
        ("18", "ada@example.org", "weekly"),
        ("1", "bob@example.org", "daily"),
    ):
        old = SubscriptionLink(person=identifier, digest_tag=None)
        subscriber, name = store.subscribers.linked(old)
        assert subscriber is not None
        assert (subscriber.address, subscriber.digest, name) == (address, digest, digest)
    merged, _ = store.subscribers.linked(link("b" * 16))
    assert merged is not None
    assert merged.address == "ada@example.org"
    store.subscribers.remove("ada@example.org", None)
    assert store.subscribers.linked(SubscriptionLink(person="17", digest_tag=None)) == (
        None,
        "daily",
    )
    store.subscribers.add_many(listed[:1], NOW)
    subscriber, _ = store.subscribers.linked(SubscriptionLink(person="17", digest_tag=None))
    assert subscriber is not None


def test_a_list_cannot_take_over_somebody_elses_links(store: Store) -> None:
    ada, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.add_many([replace(someone("bob@example.org"), old_ids=("5",))], NOW)
    thief = replace(someone("eve@example.org"), person=ada.person, old_ids=("5", ada.person))
    store.subscribers.add_many([thief], NOW)
    for identifier, address in ((ada.person, "ada@example.org"), ("5", "bob@example.org")):
        tag = None if identifier.isdigit() else digest_tag("daily")
        subscriber, _ = store.subscribers.linked(
            SubscriptionLink(person=identifier, digest_tag=tag)
        )
        assert subscriber is not None
        assert subscriber.address == address
    eve = store.subscribers.of_address("eve@example.org")[0]
    assert eve.person != ada.person


def test_somebody_known_here_and_elsewhere_keeps_the_links_of_both(store: Store) -> None:
    here, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.add_many([replace(someone("ADA@example.org"), person="d" * 16)], NOW)
    assert only(store).person == here.person
    for identifier in (here.person, "d" * 16):
        subscriber, _ = store.subscribers.linked(link(identifier))
        assert subscriber == only(store)


def test_what_cannot_be_text_in_a_database_is_compared_all_the_same(store: Store) -> None:
    assert store.subscribers.remove("\ud800\0", None) == 0
