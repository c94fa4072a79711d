"""Notices to former addresses, and limits that no change nor erasure evades; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.store.database import Store, open_store
from digest.subscribers.model import Outcome, Subscriber, SubscriberState
from digest.subscribers.signup import Signup, SignupDecision, SignupLimits
from tests import stores
from tests.store.samples import NOW, someone

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEYS = (b"n" * 32, b"o" * 32)
LIMITS = SignupLimits(network=9, total=9)
OLD, NEW = "ada@example.org", "new@example.org"
NETWORK = "192.0.2.0/24"
IDENTIFIERS = iter(
    f"{number:a>16}".translate(str.maketrans("0189", "wxyz")) for number in range(999)
)


def request(address: str, person: str | None = None, **changes: object) -> Signup:
    asked = Signup(
        identifier=next(IDENTIFIERS),
        address=address,
        digests=() if person else ("daily",),
        categories=(),
        language="fr",
        network=NETWORK,
        wording="",
        requested_at=NOW,
        person=person,
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


def ask(store: Store, address: str, person: str | None = None, **changes: object) -> SignupDecision:
    return store.signups.request(request(address, person, **changes), LIMITS, KEYS)


def move(store: Store, reader: Subscriber, address: str = NEW, hours: int = 0) -> None:
    """Have a reader take an address, and the mail that asks them to confirm it be sent."""
    at = NOW + hours * HOUR
    asked = request(address, reader.person, requested_at=at)
    assert store.signups.request(asked, LIMITS, KEYS) is SignupDecision.TAKEN
    store.signups.mark_sent(asked.identifier, at)
    assert store.signups.confirm(asked.identifier, at, NETWORK, KEYS) == (Outcome.UPDATED,)
    assert store.signups.confirm(asked.identifier, at, NETWORK, KEYS) == ()


def waiting(store: Store, hours: int = 0) -> list[str]:
    return [mail.address for mail in store.signups.waiting(NOW + hours * HOUR)]


def test_the_former_address_is_told_once(bare_url: str) -> None:
    with open_store(bare_url) as store:
        reader, _ = store.subscribers.add(someone("Ada@Example.org"), NOW)
        store.subscribers.add(replace(someone(OLD, digest="weekly"), language="de"), NOW)
        left = replace(someone(OLD, digest="left"), state=SubscriberState.UNSUBSCRIBED)
        store.subscribers.add(left, NOW)
        move(store, reader)
    with open_store(bare_url) as store:
        (notice,) = store.signups.waiting(NOW)
        assert (notice.address, notice.notice, notice.person) == (
            "Ada@Example.org", True, reader.person,
        )  # fmt: skip
        assert (notice.digests, notice.language) == (("daily", "weekly"), "de")
        assert notice.expires_at == NOW + 3 * DAY
        store.signups.mark_sent(notice.identifier, NOW)
    with open_store(bare_url) as store:
        assert waiting(store) == waiting(store, 48) == []
        told = store.signups.of_person(NEW, reader.person)
        assert sorted(asked.address for asked in told) == ["Ada@Example.org", NEW]


def test_who_gets_the_notice_takes_the_address_back(store: Store) -> None:
    reader, _ = store.subscribers.add(someone(OLD), NOW)
    move(store, reader)
    (notice,) = store.signups.waiting(NOW)
    store.signups.mark_sent(notice.identifier, NOW)
    later = NOW + HOUR
    assert store.signups.confirm(notice.identifier, later, NETWORK, KEYS) == (Outcome.UPDATED,)
    assert store.signups.confirm(notice.identifier, later, NETWORK, KEYS) == ()
    assert [one.person for one in store.subscribers.of_address(OLD)] == [reader.person]
    assert waiting(store, 23) == []  # the other address had a mail today
    assert waiting(store, 24) == [NEW]


def test_no_form_makes_the_link_of_a_notice_useless(store: Store) -> None:
    reader, _ = store.subscribers.add(someone(OLD), NOW)
    move(store, reader)
    (notice,) = store.signups.waiting(NOW)
    store.signups.mark_sent(notice.identifier, NOW)
    for hours, person in (25, None), (50, reader.person):
        assert ask(store, OLD, person, requested_at=NOW + hours * HOUR) is SignupDecision.REPEATED
    later = NOW + 60 * HOUR
    assert store.signups.confirm(notice.identifier, later, NETWORK, KEYS) == (Outcome.UPDATED,)
    (back,) = store.subscribers.of_address(OLD)
    assert back.person == reader.person
    assert ask(store, OLD, requested_at=later) is SignupDecision.TAKEN


def test_an_address_gets_a_notice_a_day_after_another_mail(store: Store) -> None:
    asked = request(OLD)
    store.signups.request(asked, LIMITS, KEYS)
    store.signups.confirm(asked.identifier, NOW, NETWORK, KEYS)
    store.signups.mark_sent(asked.identifier, NOW + 2 * HOUR)
    (reader,) = store.subscribers.of_address(OLD)
    move(store, reader, hours=3)
    assert waiting(store, 25) == []
    assert ask(store, OLD, requested_at=NOW + 25 * HOUR) is SignupDecision.REPEATED
    (notice,) = store.signups.waiting(NOW + 26 * HOUR)
    assert notice.expires_at == NOW + 26 * HOUR + 3 * DAY
    assert (
        ask(store, OLD, requested_at=NOW + 60 * HOUR) is SignupDecision.REPEATED
    )  # it is not lost
    store.signups.mark_sent(notice.identifier, NOW + 61 * HOUR)
    assert ask(store, OLD, requested_at=NOW + 97 * HOUR) is SignupDecision.REPEATED
    assert ask(store, OLD, requested_at=NOW + 98 * HOUR) is SignupDecision.TAKEN


def test_notices_count_in_the_limits_and_none_is_refused(store: Store) -> None:
    limits = replace(LIMITS, network=2)
    reader, _ = store.subscribers.add(someone(OLD), NOW)
    asked = request(NEW, reader.person)
    assert store.signups.request(asked, limits) is SignupDecision.TAKEN
    store.signups.confirm(asked.identifier, NOW, NETWORK)
    assert OLD in waiting(store)
    assert store.signups.request(request("b@example.org"), limits) is SignupDecision.LIMITED
    assert (
        store.signups.request(request("b@example.org", network=""), LIMITS) is SignupDecision.TAKEN
    )


def test_a_notice_of_tomorrow_waits_for_no_server(store: Store) -> None:
    limits = replace(LIMITS, waiting=1)
    first = request(OLD)
    store.signups.request(first, limits)
    store.signups.mark_sent(first.identifier, NOW)
    reader, _ = store.subscribers.add(someone(OLD), NOW)
    move(store, reader)
    assert store.signups.request(request("b@example.org"), limits) is SignupDecision.TAKEN


@pytest.mark.parametrize("address", ["ADA@example.org", "ada@EXAMPLE.org"])
def test_another_spelling_is_no_other_address(store: Store, address: str) -> None:
    reader, _ = store.subscribers.add(someone(OLD), NOW)
    move(store, reader, address)
    assert (
        store.subscribers.of_address(OLD)[0].address.partition("@")[0] == address.partition("@")[0]
    )
    assert waiting(store) == []


def test_a_suppressed_address_is_not_told(store: Store) -> None:
    reader, _ = store.subscribers.add(someone(OLD), NOW)
    other, _ = store.subscribers.add(someone(OLD, digest="weekly"), NOW)
    stores.suppress(store, other.id, NOW)
    move(store, reader)
    assert waiting(store, 24) == []


def test_of_a_change_that_is_none_nobody_is_told(store: Store) -> None:
    reader, _ = store.subscribers.add(someone(OLD), NOW)
    other, _ = store.subscribers.add(someone(NEW), NOW)
    asked = request(NEW, reader.person)
    store.signups.request(asked, LIMITS, KEYS)
    store.signups.mark_sent(asked.identifier, NOW)
    stores.suppress(store, other.id, NOW)
    assert store.signups.confirm(asked.identifier, NOW, "", KEYS) == (Outcome.NOT_REVIVED,)
    assert waiting(store, 24) == []


@pytest.mark.parametrize("erased", [OLD, NEW])
def test_an_erased_address_is_not_told(store: Store, erased: str) -> None:
    reader, _ = store.subscribers.add(someone(OLD), NOW)
    move(store, reader)
    (notice,) = store.signups.waiting(NOW)
    store.subscribers.erase(erased, NOW, KEYS[0])
    assert waiting(store, 24) == []
    assert store.signups.find(notice.identifier) is None


def test_who_erases_everything_has_no_more_mails_sent_to_others(store: Store) -> None:
    for number, key in enumerate((KEYS[0], KEYS[1], KEYS[0])):
        reader, _ = store.subscribers.add(someone(), NOW, again=True, keys=KEYS)
        expected = SignupDecision.REPEATED if number else SignupDecision.TAKEN
        assert ask(store, "Victim@example.org", reader.person, network=f"{number}") is expected
        store.subscribers.erase(reader.address, NOW, key)
        assert waiting(store) == []
        assert store.signups.of_person("victim@example.org", reader.person) == []
    victim, _ = store.subscribers.add(someone("victim@example.org"), NOW)
    move(store, victim)
    assert waiting(store, 23) == []
    assert waiting(store, 24) == ["victim@example.org"]


def test_what_was_erased_counts_in_the_limits(store: Store) -> None:
    limits = replace(LIMITS, network=2)
    reader, _ = store.subscribers.add(someone(), NOW)
    for name in "bc":
        asked = request(f"{name}@example.org", reader.person)
        assert store.signups.request(asked, limits, KEYS) is SignupDecision.TAKEN
    store.subscribers.erase(reader.address, NOW, KEYS[0])
    assert store.signups.request(request("d@example.org"), limits, KEYS) is SignupDecision.LIMITED
    tomorrow = request("b@example.org", requested_at=NOW + DAY)
    assert store.signups.request(tomorrow, limits, KEYS) is SignupDecision.TAKEN
    assert waiting(store, 24) == ["b@example.org"]
