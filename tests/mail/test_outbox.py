from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digest.articles.model import Article
from digest.errors import DeliveryDeferred, DeliveryRefused, ServerUnavailable
from digest.mail import outbox as outbox_module
from digest.mail.delivery import GIVE_UP_AFTER, Delivery, DeliveryState
from digest.mail.edition import Digest
from digest.mail.outbox import (
    BEGIN_WITHIN,
    CLAIM_PER_CONNECTION,
    LEASE,
    RESTS,
    SEND_WITHIN,
    Outbox,
    Sent,
)
from digest.mail.press import Press
from digest.mail.render import MailTemplates
from tests.conftest import FakeClock
from tests.mail.fakes import FakeStore, FakeTransport
from tests.mail.samples import (
    CITY,
    KEY,
    NOW,
    SENDER,
    SITE,
    TEMPLATES,
    make_article,
    make_delivery,
    make_digest,
    make_edition,
    make_subscriber,
)

AWAY = ServerUnavailable(None, "mx.example.org: connection refused")


class Room:
    """An outbox with a store and a transport in memory."""

    def __init__(
        self,
        deliveries: Iterable[Delivery] | int = 3,
        *,
        connections: int = 2,
        articles: Iterable[Article] | None = None,
        digests: dict[str, Digest] | None = None,
        templates: Path = TEMPLATES,
    ) -> None:
        if isinstance(deliveries, int):
            deliveries = [make_delivery(number) for number in range(1, deliveries + 1)]
        self.clock = FakeClock(NOW)
        self.store = FakeStore(deliveries, [make_article(1)] if articles is None else articles)
        self.transport = FakeTransport()
        self.stop = asyncio.Event()
        self.outbox = Outbox(
            store=self.store,
            transport=self.transport,
            press=Press(
                templates=MailTemplates(templates=templates, site=SITE),
                site=SITE,
                sender=SENDER,
                token_key=KEY,
            ),
            digests={"daily": make_digest()} if digests is None else digests,
            clock=self.clock,
            jitter=lambda: 0.5,
            connections=connections,
        )

    async def work_off(self) -> Sent:
        return await self.outbox.work_off(self.stop)

    def recipients(self) -> list[str]:
        return sorted(envelope.recipient for envelope in self.transport.taken)


def everyone(number: int) -> list[str]:
    return sorted(f"reader{n}@example.net" for n in range(1, number + 1))


def test_no_attempt_outlives_the_lease() -> None:
    assert BEGIN_WITHIN + SEND_WITHIN < LEASE


async def test_everyone_gets_one_message() -> None:
    room = Room(120)
    with capture_logs() as logs:
        assert await room.work_off() == Sent(sent=120)
    assert room.recipients() == everyone(120)
    assert set(room.store.states()) == {DeliveryState.SENT}
    assert room.transport.most_at_once <= 2
    assert room.store.claims[0] == 2 * CLAIM_PER_CONNECTION
    assert await room.work_off() == Sent()
    assert "outbox worked off" in [entry["event"] for entry in logs]
    assert "reader1@" not in str(logs)
    assert room.transport.closed


async def test_one_refusal_does_not_touch_the_others() -> None:
    room = Room(4)
    room.transport.errors = {
        "reader1@example.net": [DeliveryRefused(550, "no such user")],
        "reader2@example.net": [DeliveryDeferred(451, "greylisted")],
    }
    assert await room.work_off() == Sent(sent=2, deferred=1, failed=1)
    failed, deferred = room.store.rows[1], room.store.rows[2]
    assert (failed.state, failed.error) == (DeliveryState.FAILED, "550 no such user")
    assert (deferred.state, deferred.error) == (DeliveryState.DEFERRED, "451 greylisted")
    assert deferred.due_at == NOW + timedelta(minutes=31.5)


async def test_a_deferred_message_is_tried_again_until_it_is_stale() -> None:
    room = Room(1)
    room.transport.errors[""] = [DeliveryDeferred(451, "greylisted")] * 100
    attempts = 0
    while (due_at := room.store.rows[1].due_at) is not None:
        room.clock.now = due_at
        await room.work_off()
        attempts += 1
    assert room.store.rows[1].state is DeliveryState.FAILED
    assert 4 <= attempts < 10
    assert room.clock.now <= NOW + GIVE_UP_AFTER


async def test_what_is_stale_is_not_sent() -> None:
    room = Room(2)
    room.clock.advance(hours=25)
    assert await room.work_off() == Sent(failed=2)
    assert room.store.rows[1].error == "too old to be sent"
    assert not room.transport.taken


async def test_who_left_meanwhile_gets_nothing() -> None:
    room = Room(3)
    room.store.gone = {2}
    assert await room.work_off() == Sent(sent=2, suppressed=1)
    assert "reader2@example.net" not in room.recipients()


async def test_an_edition_without_an_article_for_a_reader_is_not_sent() -> None:
    reader = make_subscriber(1, categories=(CITY,))
    room = Room([make_delivery(1, subscriber=reader), make_delivery(2)])
    assert await room.work_off() == Sent(sent=1, suppressed=1)
    assert "no article" in str(room.store.rows[1].error)


async def test_an_address_that_cannot_be_written_to_fails_alone() -> None:
    reader = make_subscriber(1, address="李雷@example.net")
    room = Room([make_delivery(1, subscriber=reader), make_delivery(2)])
    assert await room.work_off() == Sent(sent=1, failed=1)
    assert "SMTPUTF8" in str(room.store.rows[1].error)


async def test_a_broken_template_defers_all_and_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "digest.html").write_text("{{ nonsense }}")
    room = Room(3, templates=tmp_path)
    with capture_logs() as logs:
        assert await room.work_off() == Sent(deferred=3)
    told = [entry for entry in logs if entry["event"] == "template broken, its mails wait"]
    assert len(told) == 1
    assert "mail/digest.html:1" in told[0]["error"]
    (tmp_path / "mail" / "digest.html").write_text("<p>mended</p>")
    (tmp_path / "mail" / "digest.txt").write_text("mended")
    room.clock.advance(hours=1)
    assert await room.work_off() == Sent(sent=3)


async def test_a_digest_that_is_not_configured_waits() -> None:
    room = Room(1, digests={})
    assert await room.work_off() == Sent(deferred=1)
    assert room.store.rows[1].error == "the digest daily is not configured"


async def test_a_server_that_is_away_is_left_alone_and_then_probed() -> None:
    room = Room(40, connections=2)
    room.transport.errors[""] = [AWAY] * 4
    with capture_logs() as logs:
        first = await room.work_off()
    assert 1 <= first.deferred <= 2  # what was on its way
    assert first.sent == 0
    waiting = [row for row in room.store.rows.values() if row.state is DeliveryState.QUEUED]
    assert len(waiting) == 40 - first.deferred
    assert {row.due_at for row in waiting} == {NOW + RESTS[0]}
    assert all(row.delivery.attempts == 0 for row in waiting)
    assert [entry["event"] for entry in logs].count("mail cannot be handed over, waiting") == 1

    assert await room.work_off() == Sent()  # resting
    room.clock.now = NOW + RESTS[0]
    room.transport.errors[""] = [AWAY]
    assert await room.work_off() == Sent(deferred=1)
    assert room.store.claims[-1] == 1  # one probe
    assert room.outbox.resting_until == room.clock.now + RESTS[1]

    room.clock.advance(hours=1)
    everything = await room.work_off()
    assert everything.sent == 40
    assert room.recipients() == everyone(40)
    assert room.outbox.resting_until is None


async def test_rests_grow_up_to_half_an_hour() -> None:
    room = Room(20, connections=1)
    room.transport.errors[""] = [AWAY] * 10
    rests = []
    for _ in range(8):
        await room.work_off()
        assert room.outbox.resting_until is not None
        rests.append(room.outbox.resting_until - room.clock.now)
        room.clock.now = room.outbox.resting_until
    assert rests == [*RESTS, RESTS[-1], RESTS[-1]]


async def test_an_unexpected_error_leaves_its_delivery_to_the_lease() -> None:
    room = Room(3)
    room.transport.errors["reader1@example.net"] = [RuntimeError("a mistake of ours")]
    with capture_logs() as logs:
        assert await room.work_off() == Sent(sent=2)
    assert room.store.rows[1].state is DeliveryState.SENDING
    assert any(entry["event"] == "delivery interrupted" for entry in logs)
    room.clock.now = NOW + LEASE
    assert await room.work_off() == Sent(sent=1)
    assert room.recipients() == everyone(3)


@pytest.mark.parametrize("method", ["edition", "still_wanted"])
async def test_a_store_that_fails_in_between_leaves_its_delivery_to_the_lease(method: str) -> None:
    room = Room(3, connections=1)
    room.store.failing[method] = 1
    assert await room.work_off() == Sent(sent=2)
    room.clock.now = NOW + LEASE
    assert await room.work_off() == Sent(sent=1)
    assert room.recipients() == everyone(3)


async def test_what_was_sent_but_not_stored_is_not_sent_again() -> None:
    room = Room(1)
    room.store.failing["settle"] = 1
    assert await room.work_off() == Sent(sent=1)
    # The ending is stored before anything else is claimed, in the same call already.
    assert room.store.rows[1].state is DeliveryState.SENT
    assert room.recipients() == everyone(1)


async def test_nothing_is_claimed_while_endings_cannot_be_stored() -> None:
    room = Room(1)
    room.store.failing["settle"] = 2
    with pytest.raises(Exception, match="database is locked"):
        await room.work_off()
    room.clock.now = NOW + LEASE * 2  # its lease ran out: only our memory knows that it was sent
    assert await room.work_off() == Sent()
    assert room.store.rows[1].state is DeliveryState.SENT
    assert room.recipients() == everyone(1)


async def test_a_delivery_that_another_took_over_is_told() -> None:
    room = Room(1)
    room.transport.gate = asyncio.Event()
    with capture_logs() as logs:
        task = asyncio.create_task(room.work_off())
        await room.transport.arrived.wait()
        room.store.rows[1].state = DeliveryState.SENT
        room.store.rows[1].due_at = None
        room.transport.gate.set()
        await task
    assert any(entry["event"] == "delivery was taken over meanwhile" for entry in logs)


async def test_a_slow_batch_gives_back_what_it_cannot_begin_in_time() -> None:
    room = Room(4, connections=1)
    real, sent_at = room.transport.send, []

    async def slow(envelope: object) -> None:
        sent_at.append(room.clock.now)
        room.clock.advance(seconds=90)
        await real(envelope)  # type: ignore[arg-type]  # handed on as it came

    room.transport.send = slow  # type: ignore[method-assign]
    assert await room.work_off() == Sent(sent=4)
    assert room.recipients() == everyone(4)
    assert DeliveryState.QUEUED in room.store.rows[4].history
    assert len(room.store.claims) > 2


async def test_a_message_that_takes_too_long_is_deferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "SEND_WITHIN", timedelta(milliseconds=20))
    room = Room(1)
    room.transport.gate = asyncio.Event()
    assert await room.work_off() == Sent(deferred=1)
    assert room.store.rows[1].error == "the server took too long"


async def test_stop_ends_what_is_in_flight_and_gives_the_rest_back() -> None:
    room = Room(10)
    room.transport.gate = asyncio.Event()
    task = asyncio.create_task(room.work_off())
    await room.transport.arrived.wait()
    room.stop.set()
    room.transport.gate.set()
    sent = await task
    assert 1 <= sent.sent <= 2
    assert room.store.states().count(DeliveryState.QUEUED) == 10 - sent.sent
    assert DeliveryState.SENDING not in room.store.states()
    assert await room.work_off() == Sent()  # stopped


async def test_cancelling_gives_back_what_was_not_begun() -> None:
    room = Room(10)
    room.transport.gate = asyncio.Event()
    task = asyncio.create_task(room.work_off())
    await room.transport.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    states = room.store.states()
    assert 1 <= states.count(DeliveryState.SENDING) <= 2  # nobody knows whether they were taken
    assert states.count(DeliveryState.QUEUED) == 10 - states.count(DeliveryState.SENDING)
    room.transport.gate.set()
    room.clock.now = NOW + LEASE
    assert (await room.work_off()).sent == 10
    assert room.recipients() == everyone(10)


class Held:
    """A method of the store whose call ends only when a test lets it."""

    def __init__(self, real: Callable[..., bool]) -> None:
        self._real = real
        self._loop = asyncio.get_running_loop()
        self.entered = asyncio.Event()
        self.release = threading.Event()

    def __call__(self, *args: object, **options: object) -> bool:
        self._loop.call_soon_threadsafe(self.entered.set)
        assert self.release.wait(5)
        return self._real(*args, **options)


async def test_cancelling_while_an_ending_is_stored_waits_for_it() -> None:
    room = Room(1)
    held = Held(room.store.settle)
    room.store.settle = held  # type: ignore[method-assign]
    task = asyncio.create_task(room.work_off())
    await held.entered.wait()
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    held.release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert room.store.rows[1].state is DeliveryState.SENT


async def test_cancelling_before_a_message_is_begun_gives_it_back() -> None:
    room = Room(1)
    held = Held(room.store.still_wanted)
    room.store.still_wanted = held  # type: ignore[method-assign]
    task = asyncio.create_task(room.work_off())
    await held.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    held.release.set()
    assert room.store.rows[1].state is DeliveryState.QUEUED
    assert not room.transport.taken


async def test_a_store_that_fails_while_giving_back_leaves_them_to_the_lease() -> None:
    room = Room(3, connections=1)
    room.transport.errors[""] = [AWAY]
    real, calls = room.store.settle, []

    def settle(delivery_id: int, state: DeliveryState, *args: object, **options: object) -> bool:
        calls.append(state)
        if state is DeliveryState.QUEUED:
            room.store.failing["settle"] = 1
        return real(delivery_id, state, *args, **options)  # type: ignore[arg-type]

    room.store.settle = settle  # type: ignore[method-assign]
    with capture_logs() as logs:
        assert await room.work_off() == Sent(deferred=1)
    assert calls == [DeliveryState.DEFERRED, DeliveryState.QUEUED]
    assert room.store.states().count(DeliveryState.SENDING) == 2
    assert "deliveries wait for their lease to run out" in [entry["event"] for entry in logs]


async def test_two_calls_at_once_take_turns() -> None:
    room = Room(5, connections=1)
    first, second = await asyncio.gather(room.work_off(), room.work_off())
    assert first.sent + second.sent == 5
    assert room.transport.most_at_once == 1
    assert room.recipients() == everyone(5)


async def test_an_edition_that_is_missing_stops_no_other() -> None:
    lost = replace(make_delivery(1), edition_id=99)
    room = Room([lost, make_delivery(2)])
    room.store.editions[7] = (make_edition(), [make_article(1)])
    with capture_logs() as logs:
        assert await room.work_off() == Sent(sent=1)
    assert any(entry["event"] == "delivery interrupted" for entry in logs)
