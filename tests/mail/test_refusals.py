"""A refusal of one recipient stops nobody else; one that all get stops before it costs mail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from digest.editions.delivery import PROBE_AFTER, DeliveryState
from digest.mail.delivery.retry import UNKNOWN_RECIPIENTS
from digest.mail.message import Envelope
from digest.wakeup import WakeUp
from tests.mail.faults import FaultyServer
from tests.mail.samples import NOW
from tests.mail.test_faults import Room

pytestmark = pytest.mark.full_speed  # the tests of each package cover what this repeats

QUEUED, DEFERRED = DeliveryState.QUEUED, DeliveryState.DEFERRED
SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED

#: Refusals of a sender that everybody gets.
GENERAL = [
    "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
    "550 relay not permitted",
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "554 5.7.1 <{address}>: Relay access denied",
    "550 5.7.26 This mail from news@example.org has been blocked, id {number}",
    "550 not today, {address} ({number})",
    "550 5.7.1 {address} not wanted from 192.0.2.{number}",
    "554 5.6.0 message content rejected",
]


def addresses(number: int, *domains: str) -> list[str]:
    return [f"r{one}@{domains[one % len(domains)]}" for one in range(1, number + 1)]


def refusing(readers: Sequence[str], text: str) -> dict[str, list[str]]:
    return {
        address: [text.format(address=address, number=number)]
        for number, address in enumerate(readers)
    }


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("554 5.7.1 <{address}>: Recipient address rejected: Access denied", FAILED),
        ("550 5.7.1 {address} is not allowed here", FAILED),
        ("550 5.7.0 local policy violation", FAILED),
        ("571 5.7.1 delivery not authorized, message refused", FAILED),
        ("550 no", FAILED),
        ("550 5.7.26 DMARC", DEFERRED),
    ],
)
async def test_a_refusal_of_one_recipient_is_about_that_one(
    text: str, state: DeliveryState, connections: int
) -> None:
    readers = ["b@example.org", "a@example.org", "c@example.org", "d@example.org"]
    server = FaultyServer(recipients=refusing(readers[:1], text))
    async with server.serving() as port:
        room = Room(server, port, connections=connections, readers=readers)
        assert await room.send_due() == [state, SENT, SENT, SENT]
        assert not room.store.paused
        assert room.store.rows[1].delivery.attempts == 1
        await room.smtp.close()


async def test_the_last_recipients_refusal_is_about_that_one_too() -> None:
    readers = ["a@example.org", "b@example.org"]
    server = FaultyServer(recipients=refusing(readers[1:], "550 5.7.1 not you"))
    async with server.serving() as port:
        room = Room(server, port, readers=readers)
        assert await room.send_due() == [SENT, FAILED]
        assert not room.store.paused
        await room.smtp.close()


@pytest.mark.parametrize("connections", [1, 5])
@pytest.mark.parametrize("domains", [("example.org",), ("example.org", "example.net", "a.example")])
@pytest.mark.parametrize("text", GENERAL)
async def test_what_everybody_is_refused_with_costs_nobody_their_mail(
    text: str, domains: tuple[str, ...], connections: int
) -> None:
    readers = addresses(40, *domains)
    server = FaultyServer(recipients=refusing(readers, text), extensions=("PIPELINING",))
    async with server.serving() as port:
        room = Room(server, port, connections=connections, readers=readers)
        with capture_logs() as logs:
            assert set(await room.send_due()) == {QUEUED}
        assert all(row.delivery.attempts == 0 for row in room.store.rows.values())
        assert list(room.store.paused) == ["daily"]
        assert server.commands["RCPT"] <= 3 + connections
        assert [entry["event"] for entry in logs].count("digest paused") == 1
        for _ in range(3):  # a probe an hour, which blames nobody either
            room.clock.now += PROBE_AFTER
            assert set(await room.send_due()) == {QUEUED}
        assert list(room.store.paused) == ["daily"]
        server.recipients.clear()
        assert set(await room.to_the_end()) == {SENT}
        await room.smtp.close()
    assert sorted(taken.recipient for taken in server.taken) == sorted(readers)


async def test_a_domain_that_refuses_everybody_is_not_the_whole_world() -> None:
    readers = [*addresses(9, "strict.example"), *addresses(4, "example.org")]
    text = "550 5.7.1 {address} not wanted"
    server = FaultyServer(recipients=refusing(readers[:9], text))
    async with server.serving() as port:
        room = Room(server, port, readers=readers)
        states = await room.send_due()
        assert states[9:] == [SENT] * 4
        assert set(states[:9]) <= {FAILED, DEFERRED}
        assert states[:9].count(DEFERRED) >= 3  # the last ones, of whom no other could tell
        assert not room.store.paused
        await room.smtp.close()


async def test_other_domains_are_asked_before_one_domain_stops_an_edition() -> None:
    readers = [*addresses(60, "gmail.example"), "last@example.org"]
    server = FaultyServer(recipients=refusing(readers[:60], "550 5.7.1 not wanted, {number}"))
    async with server.serving() as port:
        room = Room(server, port, readers=readers)
        states = await room.send_due()
        assert states[60] is SENT
        assert not room.store.paused
        await room.smtp.close()


async def test_dead_addresses_between_them_do_not_hide_a_general_refusal() -> None:
    readers = addresses(12, "example.org", "example.net")
    answers = refusing(readers, "550 relay not permitted")
    answers |= refusing(readers[::3], "550 5.1.1 no such user")
    server = FaultyServer(recipients=answers)
    async with server.serving() as port:
        room = Room(server, port, readers=readers)
        states = await room.send_due()
        assert set(states[1::3] + states[2::3]) == {QUEUED}
        assert states[0] is FAILED
        assert list(room.store.paused) == ["daily"]
        await room.smtp.close()


@pytest.mark.parametrize(
    "text",
    [
        "550 No such user here",
        "550 5.7.1 user {number} unknown",
        "550 Invalid recipient",
        "550 用户不存在",
        "554 delivery error: This user doesn't have an account here, id {number}",
        "550 <{address}>: Recipient address rejected: Address does not exist",
    ],
)
@pytest.mark.parametrize("domains", [("example.org",), ("example.org", "example.net")])
async def test_many_dead_addresses_stop_nobody(domains: tuple[str, ...], text: str) -> None:
    readers = addresses(9, *domains)
    server = FaultyServer(recipients=refusing(readers[:8], text))
    async with server.serving() as port:
        room = Room(server, port, readers=readers)
        assert await room.send_due() == [FAILED] * 8 + [SENT]
        assert not room.store.paused
        await room.smtp.close()


@pytest.mark.parametrize("text", ["550 5.1.1 {address}: user unknown", "550 No such user {number}"])
async def test_a_server_that_knows_nobody_does_not_cost_a_whole_list(text: str) -> None:
    readers = addresses(60, "example.org", "example.net")
    server = FaultyServer(recipients=refusing(readers, text))
    async with server.serving() as port:
        room = Room(server, port, connections=4, readers=readers)
        states = await room.send_due()
        assert UNKNOWN_RECIPIENTS <= states.count(FAILED) <= UNKNOWN_RECIPIENTS + 4
        assert states.count(QUEUED) == 60 - states.count(FAILED)
        assert list(room.store.paused) == ["daily"]
        room.clock.now += PROBE_AFTER
        server.recipients.clear()
        states = await room.to_the_end()
        assert states.count(SENT) == 60 - states.count(FAILED)
        await room.smtp.close()


async def test_who_resumes_a_list_of_dead_addresses_gets_through_it() -> None:
    readers = addresses(3 * UNKNOWN_RECIPIENTS + 5, "example.org", "example.net")
    server = FaultyServer(recipients=refusing(readers[:-1], "550 5.1.1 {address}: user unknown"))
    async with server.serving() as port:
        room = Room(server, port, readers=readers)
        for resumed in range(1, 4):
            assert (await room.send_due()).count(FAILED) == resumed * UNKNOWN_RECIPIENTS
            assert list(room.store.paused) == ["daily"]
            room.store.resume("daily")
        assert (await room.send_due()).count(SENT) == 1
        await room.smtp.close()


async def test_a_sender_refused_in_many_words_costs_nobody_their_mail() -> None:
    readers = addresses(12, "example.org", "example.net")
    answers = refusing(readers, "550 relay not permitted")
    answers |= refusing(readers[::2], "550 5.7.26 DMARC, id {number}")
    answers |= refusing(readers[::3], "554 5.7.1 Client host [192.0.2.1] blocked using a list")
    server = FaultyServer(recipients=answers)
    async with server.serving() as port:
        room = Room(server, port, readers=readers)
        assert set(await room.send_due()) == {QUEUED}
        assert list(room.store.paused) == ["daily"]
        await room.smtp.close()


async def test_an_interrupted_run_blames_nobody() -> None:
    readers = addresses(3, "example.org")
    server = FaultyServer(recipients=refusing(readers[:1], "550 5.7.1 no"))
    async with server.serving() as port:
        room = Room(server, port, readers=readers)
        wakeup, real = WakeUp(), room.smtp.send

        async def send(envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
            wakeup.stop()
            await real(envelope, after)

        room.smtp.send = send  # type: ignore[method-assign]
        await room.worker.send_due(wakeup)
        assert room.store.rows[1].state is QUEUED
        assert room.store.rows[1].delivery.attempts == 0
        assert (room.store.rows[1].due_at or NOW) >= NOW + timedelta(minutes=1)
        await room.smtp.close()
