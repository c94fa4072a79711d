from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.delivery import EXPIRES
from digest.errors import (
    AddressRefused,
    DeliveryDeferred,
    DeliveryError,
    DeliveryRefused,
    MessageBlocked,
    RecipientRefused,
    RecipientUnknown,
    ServerUnavailable,
)
from digest.mail.delivery.retry import (
    DELIVERY_WAITS,
    SERVER_WAITS,
    UNKNOWN_RECIPIENTS,
    Refusal,
    RefusalStreak,
    ServerBackoff,
    UnknownRecipientStreak,
    next_attempt,
    same_answer,
)
from tests.mail.samples import NOW, make_delivery, make_subscriber


@given(
    st.integers(min_value=0, max_value=100),
    st.floats(min_value=0, max_value=1),
    st.timedeltas(min_value=timedelta(), max_value=timedelta(days=2)),
)
def test_retries_wait_half_an_hour_or_more_and_end_in_time(
    attempts: int, jitter: float, age: timedelta
) -> None:
    now = NOW + age
    moment = next_attempt(attempts, NOW + EXPIRES, now, jitter)
    if moment is None:
        assert now + DELIVERY_WAITS[-1] * 1.1 > NOW + EXPIRES
    else:
        assert now + timedelta(minutes=30) <= moment <= NOW + EXPIRES


def test_waits_grow_and_jitter_spreads_them_over_a_tenth() -> None:
    waits = [next_attempt(attempts, NOW + EXPIRES, NOW, 0.0) for attempts in range(1, 6)]
    assert waits == [NOW + timedelta(hours=hours) for hours in (0.5, 1, 3, 6, 6)]
    assert next_attempt(1, NOW + EXPIRES, NOW, 1.0) == NOW + timedelta(minutes=33)


def test_rests_of_the_server_grow_and_end_with_an_answer() -> None:
    backoff = ServerBackoff()
    assert backoff.failed(NOW) == SERVER_WAITS[0]
    assert backoff.failed(NOW) is None  # another connection that failed at the same time
    waits = []
    for _ in range(7):
        assert backoff.until is not None
        waits.append(backoff.failed(backoff.until))
    assert waits == [*SERVER_WAITS[1:], SERVER_WAITS[-1], SERVER_WAITS[-1]]
    backoff.answered()
    assert (backoff.failures, backoff.until) == (0, None)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "5.7.1 <a@b.example>: Recipient address rejected",
            "5.7.1 <c@d>: Recipient address rejected",
        ),
        ("b…@b.example relaying denied (id 4f2a)", "c…@other.example Relaying denied (id 99zz)"),
        ("mx1.example.net says no, [192.0.2.7]", "mx2.example.net says no, [2001:db8::1]"),
        ("拒收 a@qq.com (#1)", "拒收 b@163.com (#22)"),
        ("no mail for anna today [aBxYz]", "no mail for bob today [q]"),
        ("refused https://e.org/help?c=qwe", "refused https://e.org/help?c=asd"),
        ("rejected, id kLmNoPq-Rs", "rejected, id xYzAbC-Dd"),
    ],
)
def test_answers_are_the_same_without_addresses_hosts_and_numbers(first: str, second: str) -> None:
    answer = same_answer(DeliveryRefused(550, first), "anna@b.example")
    assert answer == same_answer(DeliveryRefused(550, second), "bob@c.example")
    assert answer != same_answer(DeliveryRefused(554, second), "bob@c.example")
    assert answer != same_answer(DeliveryRefused(550, "no"), "bob@c.example")


def test_whatever_refuses_the_sender_is_alike() -> None:
    first, second = MessageBlocked(550, "no relaying"), MessageBlocked(554, "5.7.26 DMARC")
    assert same_answer(first, "a@b.example") == same_answer(second, "c@d.example")
    assert same_answer(first, "a@b.example") != same_answer(DeliveryRefused(550, "no"), "a@b")


@pytest.mark.parametrize(
    ("error", "unclear"),
    [
        (DeliveryRefused(554, "no"), True),
        (RecipientRefused(550, "no such user"), True),
        (RecipientUnknown(550, "no such user"), False),
        (MessageBlocked(550, "spam"), True),
        (AddressRefused(550, "5.1.1 no such user"), False),
        (DeliveryRefused(None, "no address for a server"), False),
        (DeliveryDeferred(451, "later"), False),
        (ServerUnavailable(421, "later"), False),
    ],
)
def test_only_permanent_answers_leave_open_whom_they_concern(
    error: DeliveryError, unclear: bool
) -> None:
    assert RefusalStreak.concerns(error) == unclear


def refusal(number: int, domain: str = "example.net", text: str = "no") -> Refusal:
    reader = make_subscriber(number, address=f"Reader{number}@{domain}")
    return Refusal(
        delivery=make_delivery(number, subscriber=reader),
        digest="daily",
        error=DeliveryRefused(550, text),
    )


def test_a_streak_counts_recipients_and_their_domains() -> None:
    streak = RefusalStreak()
    assert streak.add(refusal(1)) == []
    again = refusal(1)
    assert streak.add(replace(again, digest="weekly")) == []
    long = []
    for other in (refusal(2), refusal(3, "example.org")):
        streak.add(other)
        long.append(streak.long)
    assert long == [False, True]
    assert streak.domains == {"example.net", "example.org"}
    assert len(streak.end()) == 4
    assert (streak.long, streak.held, streak.domains) == (False, [], set())


def test_another_answer_ends_a_streak() -> None:
    streak = RefusalStreak()
    first, second = refusal(1), refusal(2)
    streak.add(first)
    streak.add(second)
    assert streak.add(refusal(3, text="otherwise")) == [first, second]
    assert len(streak.held) == 1


def test_a_streak_goes_on_after_what_it_held_was_released() -> None:
    streak = RefusalStreak()
    for number in range(3):
        streak.add(refusal(number))
    assert len(streak.release()) == 3
    assert streak.add(refusal(4, "example.org")) == []
    assert streak.long
    assert len(streak.domains) == 2


def test_recipients_whom_nobody_knows_are_counted_while_the_answer_is_the_same() -> None:
    streak = UnknownRecipientStreak()
    few = [streak.add(refusal(number, text="unknown")) for number in range(UNKNOWN_RECIPIENTS - 1)]
    assert not any(few)
    assert not streak.add(refusal(0, text="unknown"))  # again, and so no other
    assert streak.add(refusal(UNKNOWN_RECIPIENTS, text="unknown"))
    assert not streak.add(refusal(1, text="otherwise"))
