"""What readers decide themselves: pauses, erasure, another address; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.store.database import Store
from digest.subscribers.model import AddressErased, Outcome, Subscriber, SubscriberState
from digest.subscribers.signup import Signup, SignupDecision, SignupLimits
from digest.subscribers.tokens import SubscriptionLink, digest_tag
from tests import stores
from tests.store.samples import DAILY, LOANS, NOW, reading, someone

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEYS = (b"n" * 32, b"o" * 32)
LIMITS = SignupLimits(network=9, total=9)
LEASE = timedelta(minutes=5)
EXPIRES = {"daily": timedelta(days=1000)}


def pause(store: Store, reader: Subscriber, until: datetime | None) -> None:
    store.subscribers.prefer(replace(reader, paused_until=until), NOW)


def ask(store: Store, person: str, address: str, letter: str = "a") -> Signup:
    request = Signup(
        identifier=letter * 16,
        address=address,
        digests=(),
        categories=(),
        language="en",
        network="192.0.2.0/24",
        wording="",
        requested_at=NOW,
        person=person,
    )
    assert store.signups.request(request, LIMITS) is SignupDecision.TAKEN
    assert store.signups.find(request.identifier) == request
    return request


def link(person: str, digest: str = "daily") -> SubscriptionLink:
    return SubscriptionLink(person=person, digest_tag=digest_tag(digest))


def test_what_a_reader_chooses_is_stored(store: Store) -> None:
    reader, _ = store.subscribers.add(someone(), NOW)
    wanted = replace(reader, categories=(LOANS,), language="de", timezone="Asia/Tokyo")
    store.subscribers.prefer(wanted, NOW)
    (chosen,) = store.subscribers.list()
    assert chosen == wanted


def test_what_is_due_in_a_pause_is_delivered_neither_then_nor_later(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    reader, _ = store.subscribers.add(someone(), NOW)
    store.subscribers.add(someone("b@example.org"), NOW)
    asked = []
    for day in range(4):
        at = NOW + day * DAY
        store.articles.record([reading(f"{day}.md", title=f"{day}")], at)
        edition = store.editions.open_edition(DAILY, at, at)
        assert edition is not None
        asked.append(store.editions.readers(edition.id, "daily"))
        if day == 0:  # the first is queued already, and not sent any more
            pause(store, reader, NOW + 2 * DAY)
            store.deliveries.pause("daily", at, at, "")
            assert len(store.deliveries.claim(9, at, LEASE, EXPIRES)) == 1
            store.deliveries.resume("daily")
        if day == 3:
            pause(store, reader, None)
        readers = [one.subscriber.address for one in store.deliveries.claim(9, at, LEASE, EXPIRES)]
        assert (reader.address in readers) == (day > 1)
    assert asked == [2, 1, 2, 2]


def test_a_pause_ends_by_the_clock_of_the_reader(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    local = replace(DAILY, local=True, timezone="Asia/Shanghai")
    due_at = datetime(2024, 3, 4, 0, tzinfo=UTC)  # eight in the morning in Shanghai
    for name, zone in (("tokyo", "Asia/Tokyo"), ("berlin", "Europe/Berlin")):
        new = replace(someone(f"{name}@example.org"), timezone=zone)
        reader, _ = store.subscribers.add(new, NOW)
        pause(store, reader, due_at)
    store.articles.record([reading("a.md")], NOW)
    store.editions.open_edition(local, due_at, due_at - 3 * HOUR)
    (mail,) = store.deliveries.claim(9, due_at + DAY, LEASE, EXPIRES)
    assert mail.subscriber.address == "berlin@example.org"
    assert mail.created_at == datetime(2024, 3, 4, 7, tzinfo=UTC)


def test_who_pauses_is_not_welcomed(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW)
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add(replace(someone(), paused_until=NOW + DAY), NOW)
    assert store.editions.queue_welcomes(replace(DAILY, welcome=2), NOW) == 0


def test_no_list_brings_back_who_had_everything_erased(store: Store) -> None:
    reader, _ = store.subscribers.add(someone("Ada@Example.org"), NOW)
    ask(store, reader.person, "new@example.org")
    for key in KEYS[1], KEYS[1], KEYS[0]:
        store.subscribers.erase("ada@example.org", NOW, key)
    assert store.subscribers.list() == []
    assert store.signups.find("a" * 16) is None
    assert store.subscribers.linked(link(reader.person)) == (None, None)
    new = [someone("b@example.org"), someone(), someone("c@example.org")]
    for keys in KEYS, KEYS[:1], KEYS[1:]:
        outcomes = store.subscribers.add_many(new, NOW, dry_run=True, keys=keys)
        assert outcomes == [Outcome.ADDED, Outcome.ERASED, Outcome.ADDED]
    with pytest.raises(AddressErased, match="--again"):
        store.subscribers.add(someone(), NOW, keys=KEYS)
    assert store.subscribers.list() == []
    assert store.subscribers.add(someone(), NOW, again=True, keys=KEYS)[1] is Outcome.ADDED
    assert store.subscribers.add_many(new, NOW, keys=KEYS)[1] is Outcome.UNCHANGED


def test_who_was_erased_may_subscribe_again(store: Store) -> None:
    store.subscribers.erase("ada@example.org", NOW, KEYS[1])
    request = replace(ask(store, "p" * 16, "x@example.org"), identifier="b" * 16, person=None)
    request = replace(request, address="ada@example.org", digests=("daily",))
    store.signups.request(request, LIMITS)
    assert store.signups.confirm("b" * 16, NOW, "", KEYS) == (Outcome.ADDED,)
    assert store.subscribers.add_many([someone()], NOW, keys=KEYS) == [Outcome.UNCHANGED]


def test_a_person_takes_another_address_once_and_all_links_work_on(store: Store) -> None:
    store.subscribers.erase("New@Example.org", NOW, KEYS[0])
    reader, _ = store.subscribers.add(replace(someone(), consent="a form"), NOW)
    store.subscribers.add(someone(digest="weekly"), NOW)
    request = ask(store, reader.person, "New@example.org")
    assert store.signups.confirm(request.identifier, NOW, "192.0.2.0/24", KEYS) == (
        Outcome.UPDATED,
    )
    assert store.signups.confirm(request.identifier, NOW, "") == ()
    daily, weekly = store.subscribers.of_address("new@example.org")
    assert (daily.person, daily.address) == (reader.person, "New@example.org")
    assert daily.consent == "a form; address changed 2024-03-01T08:00:00Z from 192.0.2.0/24"
    assert store.subscribers.of_address(reader.address) == []
    assert store.subscribers.linked(link(reader.person, "weekly"))[0] == weekly
    assert store.subscribers.add_many([someone("new@example.org")], NOW, keys=KEYS) == [
        Outcome.UNCHANGED
    ]


def test_two_addresses_of_a_person_become_one(store: Store) -> None:
    left = SubscriberState.UNSUBSCRIBED
    mine = [replace(someone(digest=name), name="mine") for name in "abc"]
    theirs = [replace(someone("b@example.org", digest=name), name="theirs") for name in "bcd"]
    mine[1], theirs[1] = replace(mine[1], state=left), replace(theirs[1], state=left)
    store.subscribers.add_many([*mine, *theirs], NOW)
    me, other = (
        store.subscribers.of_address(one)[0].person for one in ("ada@example.org", "b@example.org")
    )
    request = ask(store, me, "b@example.org")
    assert store.signups.confirm(request.identifier, NOW, "") == (Outcome.UPDATED,)
    stay = [("a", "mine"), ("b", "theirs"), ("c", "mine"), ("d", "theirs")]
    merged = sorted((one.digest, one.name) for one in store.subscribers.of_address("b@example.org"))
    assert merged == stay
    for person, digest in ((me, "a"), (other, "d"), (other, "a")):
        reader, _ = store.subscribers.linked(link(person, digest))
        assert reader is not None
        assert (reader.person, reader.digest) == (me, digest)


def test_an_address_that_mail_is_not_sent_to_is_nobodys_new_one(store: Store) -> None:
    reader, _ = store.subscribers.add(someone(), NOW)
    request = ask(store, reader.person, "b@example.org")
    other, _ = store.subscribers.add(someone("b@example.org"), NOW)
    stores.suppress(store, other.id, NOW)
    assert store.signups.confirm(request.identifier, NOW, "") == (Outcome.NOT_REVIVED,)
    assert len(store.subscribers.of_address("ada@example.org")) == 1


def test_mail_that_came_back_from_one_address_keeps_none_from_another(store: Store) -> None:
    left = replace(someone(digest="weekly"), state=SubscriberState.UNSUBSCRIBED)
    store.subscribers.add_many([someone(), left], NOW)
    reader, _ = store.subscribers.of_address("ada@example.org")
    stores.suppress(store, reader.id, NOW)
    for address, state in (
        ("Ada@example.org", SubscriberState.SUPPRESSED),  # the same
        ("b@example.org", SubscriberState.ACTIVE),
    ):
        request = ask(store, reader.person, address, address[0].lower())
        assert store.signups.confirm(request.identifier, NOW, "") == (Outcome.UPDATED,)
        daily, weekly = store.subscribers.of_address(address)
        assert (daily.state, weekly.state) == (state, SubscriberState.UNSUBSCRIBED)
    assert daily.reason == "at another address"
    assert store.subscribers.history(reader.id)[-1].state is SubscriberState.SUPPRESSED


def test_nobody_who_was_removed_takes_an_address(store: Store) -> None:
    request = ask(store, "p" * 16, "b@example.org")
    assert store.signups.confirm(request.identifier, NOW, "") == ()
