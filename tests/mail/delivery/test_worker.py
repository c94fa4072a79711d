from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from digest.articles.model import Article
from digest.editions.delivery import EXPIRES, PROBE_AFTER, Delivery, DeliveryResult, DeliveryState
from digest.editions.model import Digest
from digest.errors import (
    AccessDenied,
    AddressRefused,
    DeliveryDeferred,
    DeliveryRefused,
    SenderBlocked,
    ServerUnavailable,
    StoreError,
)
from digest.mail.composer import Composer
from digest.mail.delivery import attempt as attempt_module
from digest.mail.delivery import messages as messages_module
from digest.mail.delivery.attempt import SEND_WITHIN
from digest.mail.delivery.rate_limit import Limits
from digest.mail.delivery.retry import SERVER_WAITS
from digest.mail.delivery.worker import (
    BEGIN_WITHIN,
    CLAIM_PER_CONNECTION,
    LEASE,
    DeliverySettings,
    DeliveryWorker,
)
from digest.mail.message import Envelope
from digest.mail.render import MailTemplates
from digest.wakeup import WakeUp
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
    """A worker with a store and a transport in memory."""

    def __init__(
        self,
        deliveries: Iterable[Delivery] | int = 3,
        *,
        connections: int = 2,
        articles: Iterable[Article] | None = None,
        digests: dict[str, Digest] | None = None,
        templates: Path = TEMPLATES,
        limits: Limits | None = None,
        owner: str | None = None,
    ) -> None:
        if isinstance(deliveries, int):
            deliveries = [make_delivery(number) for number in range(1, deliveries + 1)]
        self.clock = FakeClock(NOW)
        self.store = FakeStore(deliveries, [make_article(1)] if articles is None else articles)
        self.transport = FakeTransport()
        self.wakeup = WakeUp()
        self.seconds = 0.0
        self.worker = DeliveryWorker(
            store=self.store,
            editions=self.store,
            transport=self.transport,
            composer=Composer(
                templates=MailTemplates(templates=templates, site=SITE),
                site=SITE,
                sender=SENDER,
                token_key=KEY,
            ),
            settings=DeliverySettings(
                digests={"daily": make_digest()} if digests is None else digests,
                connections=connections,
                limits=limits or Limits(),
                owner=owner,
            ),
            clock=self.clock,
            jitter=lambda: 0.5,
            timer=self.timer,
        )

    def timer(self) -> float:
        """Return the seconds of the clock that limits count; each look takes one of a thousand."""
        self.seconds += 0.001
        return self.seconds

    async def send_due(self) -> Counter[str]:
        """Send what is due; return how many deliveries ended in which state."""
        before = self.worker.totals.copy()
        await self.worker.send_due(self.wakeup)
        counts = Counter[str](self.worker.totals - before)
        del counts[DeliveryState.QUEUED]  # they have not ended
        return counts

    def recipients(self) -> list[str]:
        return sorted(envelope.recipient for envelope in self.transport.taken)


def everyone(number: int) -> list[str]:
    return sorted(f"reader{n}@example.net" for n in range(1, number + 1))


def test_no_attempt_outlives_the_lease() -> None:
    assert BEGIN_WITHIN + SEND_WITHIN < LEASE


async def test_everyone_gets_one_message() -> None:
    room = Room(120)
    with capture_logs() as logs:
        assert await room.send_due() == Counter(sent=120)
    assert room.recipients() == everyone(120)
    assert set(room.store.states()) == {DeliveryState.SENT}
    assert room.transport.most_at_once <= 2
    assert room.store.claims[0] == 2 * CLAIM_PER_CONNECTION
    assert await room.send_due() == Counter()
    assert "deliveries sent" in [entry["event"] for entry in logs]
    assert "reader1@" not in str(logs)
    assert not room.transport.closed  # its connections are kept for what comes next


async def test_one_refusal_does_not_touch_the_others() -> None:
    room = Room(4)
    room.transport.errors = {
        "reader1@example.net": [DeliveryRefused(550, "no such user")],
        "reader2@example.net": [DeliveryDeferred(451, "greylisted")],
    }
    assert await room.send_due() == Counter(sent=2, deferred=1, failed=1)
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
        await room.send_due()
        attempts += 1
    assert room.store.rows[1].state is DeliveryState.EXPIRED
    assert room.store.rows[1].error == "451 greylisted"
    assert 4 <= attempts < 10
    assert room.clock.now <= NOW + EXPIRES


async def test_what_is_stale_is_not_sent() -> None:
    room = Room(2)
    room.clock.advance(hours=25)
    assert await room.send_due() == Counter(expired=2)
    assert room.store.rows[1].error == "too old to be sent"
    assert not room.transport.taken


async def test_who_left_meanwhile_gets_nothing() -> None:
    room = Room(3)
    room.store.gone = {2}
    assert await room.send_due() == Counter(sent=2, suppressed=1)
    assert "reader2@example.net" not in room.recipients()


async def test_an_edition_without_an_article_for_a_reader_is_not_sent() -> None:
    reader = make_subscriber(1, categories=(CITY,))
    room = Room([make_delivery(1, subscriber=reader), make_delivery(2)])
    assert await room.send_due() == Counter(sent=1, suppressed=1)
    assert "no article" in str(room.store.rows[1].error)


async def test_an_address_that_cannot_be_written_to_fails_alone() -> None:
    reader = make_subscriber(1, address="no address")
    room = Room([make_delivery(1, subscriber=reader), make_delivery(2)])
    assert await room.send_due() == Counter(sent=1, failed=1)
    assert "not an address" in str(room.store.rows[1].error)


async def test_a_broken_template_defers_all_and_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "digest.html").write_text("{{ nonsense }}")
    room = Room(3, templates=tmp_path)
    with capture_logs() as logs:
        assert await room.send_due() == Counter(deferred=3)
    told = [entry for entry in logs if entry["event"] == "template broken, its mails wait"]
    assert len(told) == 1
    assert "mail/digest.html:1" in told[0]["error"]
    (tmp_path / "mail" / "digest.html").write_text("<p>mended</p>")
    (tmp_path / "mail" / "digest.txt").write_text("mended")
    room.clock.advance(hours=1)
    assert await room.send_due() == Counter(sent=3)


async def test_a_digest_that_is_not_configured_waits() -> None:
    room = Room(1, digests={})
    assert await room.send_due() == Counter(deferred=1)
    assert room.store.rows[1].error == "the digest daily is not configured"


async def test_a_server_that_is_away_is_left_alone_and_then_probed() -> None:
    room = Room(40, connections=2)
    room.transport.errors[""] = [AWAY] * 4
    with capture_logs() as logs:
        first = await room.send_due()
    assert first == Counter()
    rows = room.store.rows.values()
    assert {row.state for row in rows} == {DeliveryState.QUEUED}
    assert all(row.delivery.attempts == 0 for row in rows)  # unharmed, those on their way too
    tried = [row for row in rows if row.error]
    assert 1 <= len(tried) <= 2
    assert {row.due_at for row in rows if not row.error} == {NOW + SERVER_WAITS[0]}
    assert all(row.due_at and row.due_at > NOW + SERVER_WAITS[0] for row in tried)  # others first
    assert [entry["event"] for entry in logs].count("mail cannot be handed over, waiting") == 1

    assert await room.send_due() == Counter()  # the server is not asked yet
    room.clock.now = NOW + SERVER_WAITS[0]
    room.transport.errors[""] = [AWAY]
    assert await room.send_due() == Counter()
    assert room.store.claims[-1] == 1  # one probe
    assert room.worker.backoff_until == room.clock.now + SERVER_WAITS[1]

    room.clock.advance(hours=1)
    everything = await room.send_due()
    assert everything["sent"] == 40
    assert room.recipients() == everyone(40)
    assert room.worker.backoff_until is None


async def test_rests_grow_up_to_half_an_hour() -> None:
    room = Room(20, connections=1)
    room.transport.errors[""] = [AWAY] * 10
    waits = []
    for _ in range(8):
        await room.send_due()
        assert room.worker.backoff_until is not None
        waits.append(room.worker.backoff_until - room.clock.now)
        room.clock.now = room.worker.backoff_until
    assert waits == [*SERVER_WAITS, SERVER_WAITS[-1], SERVER_WAITS[-1]]


async def test_an_unexpected_error_leaves_its_delivery_to_the_lease() -> None:
    room = Room(3)
    room.transport.errors["reader1@example.net"] = [RuntimeError("a mistake of ours")]
    with capture_logs() as logs:
        assert await room.send_due() == Counter(sent=2)
    assert room.store.rows[1].state is DeliveryState.SENDING
    assert any(entry["event"] == "delivery interrupted" for entry in logs)
    room.clock.now = NOW + LEASE
    assert await room.send_due() == Counter(sent=1)
    assert room.recipients() == everyone(3)


@pytest.mark.parametrize("method", ["edition", "wanted"])
async def test_a_store_that_fails_in_between_leaves_its_delivery_to_the_lease(method: str) -> None:
    room = Room(3, connections=1)
    room.store.failing[method] = 1
    assert await room.send_due() == Counter(sent=2)
    room.clock.now = NOW + LEASE
    assert await room.send_due() == Counter(sent=1)
    assert room.recipients() == everyone(3)


async def test_what_was_sent_but_not_stored_is_not_sent_again() -> None:
    room = Room(1)
    room.store.failing["settle"] = 1
    assert await room.send_due() == Counter(sent=1)
    # The ending is stored before anything else is claimed, in the same call already.
    assert room.store.rows[1].state is DeliveryState.SENT
    assert room.recipients() == everyone(1)


async def test_nothing_is_claimed_while_endings_cannot_be_stored() -> None:
    room = Room(1)
    room.store.failing["settle"] = 2
    with pytest.raises(Exception, match="database is locked"):
        await room.send_due()
    room.clock.now = NOW + LEASE * 2  # its lease ran out: only our memory knows that it was sent
    assert await room.send_due() == Counter()
    assert room.store.rows[1].state is DeliveryState.SENT
    assert room.recipients() == everyone(1)


async def test_a_delivery_that_another_took_over_is_told() -> None:
    room = Room(1)
    room.transport.gate = asyncio.Event()
    with capture_logs() as logs:
        task = asyncio.create_task(room.send_due())
        await room.transport.arrived.wait()
        room.store.rows[1].state = DeliveryState.SENT
        room.store.rows[1].due_at = None
        room.transport.gate.set()
        await task
    assert any(entry["event"] == "delivery was taken over meanwhile" for entry in logs)


async def test_a_slow_batch_gives_back_what_it_cannot_begin_in_time() -> None:
    room = Room(4, connections=1)
    real, sent_at = room.transport.send, []

    async def slow(envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        sent_at.append(room.clock.now)
        room.clock.advance(seconds=90)
        await real(envelope, after)

    room.transport.send = slow  # type: ignore[method-assign]
    assert await room.send_due() == Counter(sent=4)
    assert room.recipients() == everyone(4)
    assert DeliveryState.QUEUED in room.store.rows[4].history
    assert len(room.store.claims) > 2


async def test_a_message_that_takes_too_long_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_module, "SEND_WITHIN", timedelta(milliseconds=20))
    room = Room(1)
    room.transport.gate = asyncio.Event()
    assert await room.send_due() == Counter()
    assert room.store.rows[1].error == "the server took too long"
    assert room.store.rows[1].state is DeliveryState.QUEUED
    assert room.worker.backoff_until == NOW + SERVER_WAITS[0]


@pytest.mark.parametrize("connections", [1, 3])
async def test_no_connection_has_two_messages_that_the_store_does_not_know_of(
    connections: int,
) -> None:
    room = Room(12, connections=connections)
    unknown: list[int] = []
    real = room.transport.send

    async def send(envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        await real(envelope, after)
        marked = room.store.states().count(DeliveryState.SENT)
        unknown.append(len(room.transport.taken) - marked)

    room.transport.send = send  # type: ignore[method-assign]
    assert await room.send_due() == Counter(sent=12)
    assert max(unknown) <= connections


async def test_a_message_waits_until_the_last_one_of_its_connection_is_stored() -> None:
    room = Room(2, connections=1)
    held = Held(room.store.settle)
    room.store.settle = held  # type: ignore[method-assign]
    task = asyncio.create_task(room.send_due())
    await held.entered.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(room.transport.taken) == 1
    held.release.set()
    assert await task == Counter(sent=2)


async def test_nothing_more_is_sent_while_endings_cannot_be_stored() -> None:
    room = Room(20, connections=2)
    room.store.failing["settle"] = 1000
    with pytest.raises(Exception, match="database is locked"):
        await room.send_due()
    assert len(room.transport.taken) <= 2  # one for each connection
    room.store.failing.clear()
    room.clock.now = NOW + LEASE
    await room.send_due()
    assert room.recipients() == everyone(20)


async def test_stop_ends_what_is_in_flight_and_gives_the_rest_back() -> None:
    room = Room(10)
    room.transport.gate = asyncio.Event()
    task = asyncio.create_task(room.send_due())
    await room.transport.arrived.wait()
    room.wakeup.stop()
    room.transport.gate.set()
    sent = await task
    assert 1 <= sent["sent"] <= 2
    assert room.store.states().count(DeliveryState.QUEUED) == 10 - sent["sent"]
    assert DeliveryState.SENDING not in room.store.states()
    assert await room.send_due() == Counter()  # stopped


async def test_cancelling_gives_back_what_was_not_begun() -> None:
    room = Room(10)
    room.transport.gate = asyncio.Event()
    task = asyncio.create_task(room.send_due())
    await room.transport.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    states = room.store.states()
    assert 1 <= states.count(DeliveryState.SENDING) <= 2  # nobody knows whether they were taken
    assert states.count(DeliveryState.QUEUED) == 10 - states.count(DeliveryState.SENDING)
    room.transport.gate.set()
    room.clock.now = NOW + LEASE
    assert (await room.send_due())["sent"] == 10
    assert room.recipients() == everyone(10)


class Held:
    """A method of the store whose call ends only when a test lets it."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real
        self._loop = asyncio.get_running_loop()
        self.entered = asyncio.Event()
        self.release = threading.Event()

    def __call__(self, *args: object, **options: object) -> Any:
        self._loop.call_soon_threadsafe(self.entered.set)
        assert self.release.wait(5)
        return self._real(*args, **options)


async def test_cancelling_while_an_ending_is_stored_waits_for_it() -> None:
    room = Room(1)
    held = Held(room.store.settle)
    room.store.settle = held  # type: ignore[method-assign]
    task = asyncio.create_task(room.send_due())
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
    held = Held(room.store.wanted)
    room.store.wanted = held  # type: ignore[method-assign]
    task = asyncio.create_task(room.send_due())
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
        if calls.count(DeliveryState.QUEUED) == 2:  # the first one is the probe, put back
            room.store.failing["settle"] = 1
        return real(delivery_id, state, *args, **options)  # type: ignore[arg-type]

    room.store.settle = settle  # type: ignore[method-assign]
    with capture_logs() as logs:
        assert await room.send_due() == Counter()
    assert calls == [DeliveryState.QUEUED, DeliveryState.QUEUED]
    assert room.store.states().count(DeliveryState.SENDING) == 2
    assert "deliveries wait for their lease to run out" in [entry["event"] for entry in logs]


async def test_two_calls_at_once_take_turns() -> None:
    room = Room(5, connections=1)
    await asyncio.gather(room.send_due(), room.send_due())
    assert room.worker.totals == Counter(sent=5)
    assert room.transport.most_at_once == 1
    assert room.recipients() == everyone(5)


async def test_an_edition_that_is_missing_stops_no_other() -> None:
    lost = replace(make_delivery(1), edition_id=99)
    room = Room([lost, make_delivery(2)])
    room.store.editions[7] = (make_edition(), [make_article(1)])
    with capture_logs() as logs:
        assert await room.send_due() == Counter(sent=1)
    assert any(entry["event"] == "delivery interrupted" for entry in logs)


async def test_a_refused_address_is_suppressed_with_what_the_server_said() -> None:
    room = Room(3)
    room.transport.errors = {
        "reader1@example.net": [AddressRefused(550, "5.1.1 no such user")],
        "reader2@example.net": [DeliveryRefused(550, "for whatever reason")],
    }
    assert await room.send_due() == Counter(sent=1, failed=2)
    assert room.store.bounced == {"reader1@example.net": "550 5.1.1 no such user"}


async def test_a_policy_refusal_pauses_the_digest_and_blames_nobody() -> None:
    room = Room(40, connections=2)
    room.transport.errors[""] = [SenderBlocked(550, "5.7.26 no DMARC")] * 2
    with capture_logs() as logs:
        assert await room.send_due() == Counter()
    assert set(room.store.states()) == {DeliveryState.QUEUED}
    assert not room.store.bounced
    assert room.store.paused == {"daily": NOW + PROBE_AFTER}
    assert len(room.transport.taken) == 0
    (told,) = [entry for entry in logs if entry["event"] == "digest paused"]
    assert (told["digest"], told["log_level"]) == ("daily", "error")
    assert "5.7.26" in told["error"]
    assert room.worker.backoff_until is None  # the server is there


async def test_a_pause_ends_when_its_probe_is_taken() -> None:
    room = Room(5)
    room.transport.errors[""] = [SenderBlocked(550, "5.7.1 no")] * 3
    await room.send_due()
    room.clock.advance(minutes=59)
    assert await room.send_due() == Counter()
    room.transport.errors[""] = [SenderBlocked(550, "5.7.1 still no")]
    room.clock.advance(minutes=1)
    assert await room.send_due() == Counter()
    assert room.store.paused == {"daily": room.clock.now + PROBE_AFTER}
    room.clock.now += PROBE_AFTER
    with capture_logs() as logs:
        assert await room.send_due() == Counter(sent=5)
    assert not room.store.paused
    assert any(entry["event"].startswith("pause ended") for entry in logs)
    assert room.recipients() == everyone(5)


async def test_a_refused_login_pauses_all_mail_and_is_told_once() -> None:
    room = Room(9, connections=2)
    room.transport.errors[""] = [AccessDenied(535, "5.7.8 wrong password")] * 2
    with capture_logs() as logs:
        assert await room.send_due() == Counter()
    assert room.store.paused == {None: NOW + PROBE_AFTER}
    assert set(room.store.states()) == {DeliveryState.QUEUED}
    assert all(row.delivery.attempts == 0 for row in room.store.rows.values())
    assert [entry["event"] for entry in logs].count("all mail paused") == 1
    room.clock.now += PROBE_AFTER
    assert await room.send_due() == Counter(sent=9)
    assert not room.store.paused


@pytest.mark.parametrize("method", ["pause", "resume"])
async def test_a_pause_that_cannot_be_stored_loses_no_delivery(method: str) -> None:
    room = Room(3)
    room.store.failing[method] = 5
    room.transport.errors[""] = [SenderBlocked(550, "5.7.1 no")] * 2
    await room.send_due()
    room.store.failing.clear()
    room.clock.advance(hours=2)
    await room.send_due()
    assert room.recipients() == everyone(3)


async def test_a_message_that_the_server_breaks_off_at_is_no_probe_for_ever() -> None:
    room = Room(20, connections=1)
    room.transport.errors["reader1@example.net"] = [AWAY] * 1000
    for _ in range(12):
        await room.send_due()
        room.clock.advance(minutes=1)
    assert len(room.transport.taken) == 19  # everybody else has theirs
    assert room.store.rows[1].state is DeliveryState.QUEUED
    assert room.store.rows[1].delivery.attempts == 0
    room.clock.advance(hours=24)
    assert await room.send_due() == Counter(expired=1)


async def test_deliveries_expire_when_their_digest_says_so() -> None:
    short = replace(make_digest(), expires=timedelta(hours=2))
    room = Room(2, digests={"daily": short})
    room.transport.errors["reader1@example.net"] = [DeliveryDeferred(451, "later")] * 9
    assert await room.send_due() == Counter(sent=1, deferred=1)
    assert room.store.expires == {"daily": timedelta(hours=2)}
    room.clock.now = room.store.rows[1].due_at or NOW
    await room.send_due()  # 95 minutes: the next one would come too late? an hour later, yes
    assert room.store.rows[1].state is DeliveryState.DEFERRED
    room.clock.now = room.store.rows[1].due_at or NOW
    assert await room.send_due() == Counter(expired=1)
    assert room.clock.now <= NOW + timedelta(hours=2)


async def test_one_domain_never_has_more_under_way_than_allowed() -> None:
    readers = [
        make_subscriber(number, address=f"r{number}@{'gmail.com' if number % 5 else 'b.example'}")
        for number in range(1, 31)
    ]
    deliveries = [make_delivery(one.id, subscriber=one) for one in readers]
    room = Room(deliveries, connections=6, limits=Limits(per_domain=2))
    under_way: dict[str, int] = {}
    most: dict[str, int] = {}
    all_there = asyncio.Event()
    real = room.transport.send

    async def watched(envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        domain = envelope.recipient.partition("@")[2]
        under_way[domain] = under_way.get(domain, 0) + 1
        most[domain] = max(most.get(domain, 0), under_way[domain])
        if sum(under_way.values()) == 4:
            all_there.set()
        await all_there.wait()
        await real(envelope, after)
        under_way[domain] -= 1

    room.transport.send = watched  # type: ignore[method-assign]
    assert await room.send_due() == Counter(sent=30)
    assert most == {"gmail.com": 2, "b.example": 2}


async def test_an_hour_has_no_more_messages_than_allowed() -> None:
    room = Room(10, limits=Limits(per_hour=4))
    with capture_logs() as logs:
        assert await room.send_due() == Counter(sent=4)
    assert room.store.claims == [4]
    assert any(entry["event"] == "as many mails as allowed, waiting" for entry in logs)
    assert room.worker.backoff_until is not None
    assert timedelta(minutes=59) < room.worker.backoff_until - NOW <= timedelta(hours=1)
    assert await room.send_due() == Counter()
    room.clock.advance(hours=1)
    room.seconds += 3600
    assert await room.send_due() == Counter(sent=4)


async def test_an_hour_counts_on_over_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []

    def tried_since(_: FakeStore, moment: datetime) -> list[datetime]:
        asked.append(moment)
        if len(asked) == 1:
            raise StoreError("locked")
        return [NOW - timedelta(minutes=10), NOW - timedelta(minutes=50)]

    monkeypatch.setattr(FakeStore, "tried_since", tried_since)
    room = Room(6, limits=Limits(per_hour=4))
    with pytest.raises(StoreError):
        await room.send_due()
    assert await room.send_due() == Counter(sent=2)
    room.clock.advance(minutes=11)
    room.seconds += 660
    assert await room.send_due() == Counter(sent=1)
    assert asked == [NOW - timedelta(hours=1)] * 2
    assert await Room(1).send_due() == Counter(sent=1)
    assert len(asked) == 2  # nobody counts hours there


async def test_what_is_not_sent_takes_no_share_of_the_hour() -> None:
    room = Room(4, limits=Limits(per_hour=2))
    room.store.gone = {1, 2}
    assert await room.send_due() == Counter(sent=2, suppressed=2)


async def test_a_rate_is_waited_for_between_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(6, connections=3, limits=Limits(per_second=2))
    waits: list[float] = []

    async def rest(_: WakeUp, seconds: float) -> None:
        waits.append(seconds)
        room.seconds += seconds
        await asyncio.sleep(0)

    monkeypatch.setattr(WakeUp, "rest", rest)
    assert await room.send_due() == Counter(sent=6)
    assert 2 <= room.seconds < 3
    assert all(0 < wait <= 1 for wait in waits)


async def test_endings_that_come_while_one_is_written_are_written_together() -> None:
    room = Room(8, connections=4)
    held = Held(room.store.record_results)
    sizes: list[int] = []
    first_call = True

    def record_results(results: Sequence[DeliveryResult], now: datetime) -> set[int]:
        nonlocal first_call
        sizes.append(len(results))
        if first_call:
            first_call = False
            return cast("set[int]", held(results, now))
        return FakeStore.record_results(room.store, results, now)

    room.store.record_results = record_results  # type: ignore[method-assign]
    four = asyncio.Event()
    real = room.transport.send

    async def send(envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        await real(envelope, after)
        if len(room.transport.taken) == 4:
            four.set()

    room.transport.send = send  # type: ignore[method-assign]
    task = asyncio.create_task(room.send_due())
    await held.entered.wait()
    await four.wait()  # the others go on to where theirs is to be written
    held.release.set()
    assert await task == Counter(sent=8)
    assert sum(sizes) == 8
    assert len(sizes) < 8


async def test_who_leaves_after_messages_were_composed_is_looked_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages_module, "_LOOKUP_HOLDS", -1.0)
    room = Room(3, connections=1)
    real = room.transport.send

    async def send(envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        room.store.gone = {2}
        await real(envelope, after)

    room.transport.send = send  # type: ignore[method-assign]
    assert await room.send_due() == Counter(sent=2, suppressed=1)
    assert "reader2@example.net" not in room.recipients()


async def test_subscribers_are_looked_up_once_for_all_of_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Room(CLAIM_PER_CONNECTION * 2 + 1, connections=2)
    asked: list[int] = []
    real = room.store.wanted

    def wanted(numbers: Collection[int]) -> set[int]:
        asked.append(len(numbers))
        return real(numbers)

    monkeypatch.setattr(messages_module, "_LOOKUP_HOLDS", 60.0)
    monkeypatch.setattr(room.store, "wanted", wanted)
    assert (await room.send_due())["sent"] == CLAIM_PER_CONNECTION * 2 + 1
    assert asked == [CLAIM_PER_CONNECTION * 2, 1]


async def test_a_daemon_takes_back_once_what_it_claimed_before_it_died(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def take_back(_: FakeStore, owner: str, now: datetime) -> int:
        asked.append(owner)
        if len(asked) == 1:
            raise StoreError("locked")
        return 3

    monkeypatch.setattr(FakeStore, "take_back", take_back)
    room = Room(1, owner="this daemon")
    with pytest.raises(StoreError):
        await room.send_due()
    with capture_logs() as logs:
        assert await room.send_due() == Counter(sent=1)
        await room.send_due()
    assert asked == ["this daemon"] * 2
    assert room.store.owners == {"this daemon"}
    assert "deliveries of a daemon that died queued again" in [one["event"] for one in logs]
