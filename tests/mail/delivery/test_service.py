from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from email import message_from_bytes

import pytest
from structlog.testing import capture_logs

from digest.editions.delivery import Delivery, DeliveryState, Pause
from digest.editions.progress import EditionResult, Progress
from digest.errors import DeliveryDeferred, DeliveryRefused, ServerUnavailable, StoreError
from digest.mail.composer import Composer, NoArticles
from digest.mail.delivery import operator_reports as reports_module
from digest.mail.delivery import service as service_module
from digest.mail.delivery.operator_reports import OperatorReports
from digest.mail.delivery.rate_limit import Limits
from digest.mail.delivery.service import DeliveryService, send_copies
from digest.mail.delivery.worker import DeliverySettings, DeliveryWorker
from digest.mail.render import MailTemplates
from tests.conftest import FakeClock
from tests.mail.fakes import FakeStore, FakeTransport, Row
from tests.mail.samples import (
    KEY,
    NOW,
    SENDER,
    SITE,
    TEMPLATES,
    make_article,
    make_delivery,
    make_digest,
    make_edition,
)


class Room:
    """The service with a store and a transport in memory."""

    def __init__(
        self, deliveries: list[Delivery] | None = None, *, report_to: str = "ops@example.org"
    ) -> None:
        self.clock = FakeClock(NOW)
        self.store = FakeStore(deliveries or [], [make_article(1)])
        self.transport = FakeTransport()
        digests = {"daily": make_digest()}
        templates = MailTemplates(templates=TEMPLATES, site=SITE)
        self.composer = Composer(templates=templates, site=SITE, sender=SENDER, token_key=KEY)
        worker = DeliveryWorker(
            store=self.store,
            editions=self.store,
            composer=self.composer,
            transport=self.transport,
            settings=DeliverySettings(digests=digests, connections=10, limits=Limits()),
            clock=self.clock,
            jitter=lambda: 0.0,
        )
        reports = OperatorReports(
            store=self,
            transport=self.transport,
            sender=SENDER,
            to=report_to,
            titles={"daily": "晨间摘要"},
            clock=self.clock,
        )
        self.service = DeliveryService(
            worker=worker,
            editions=self.store,
            queue=self.store,
            reports=reports,
            transport=self.transport,
            digests=digests,
            clock=self.clock,
        )
        self.outcomes: list[EditionResult] = []
        self.reported: list[int] = []

    def unreported(self, now: datetime) -> list[EditionResult]:
        return [one for one in self.outcomes if one.edition.id not in self.reported]

    def mark_reported(self, edition_id: int, now: datetime) -> None:
        self.reported.append(edition_id)


async def until(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for an event, or for the task's own failure."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if not event.is_set():
        waiting.cancel()
        task.result()


async def test_an_edition_is_made_once() -> None:
    room = Room()
    with capture_logs() as logs:
        edition = await room.service.open_edition(make_digest(), NOW)
        assert await room.service.open_edition(make_digest(), NOW, latest=3) is None
    assert edition is not None
    assert [entry["event"] for entry in logs] == ["edition made", "edition was made before"]
    assert logs[0]["number"] == 12


async def test_a_store_that_fails_is_told_to_the_caller() -> None:
    room = Room([make_delivery(1)])
    room.store.failing = {"open_edition": 1, "claim": 1}
    with pytest.raises(StoreError):
        await room.service.open_edition(make_digest(), NOW)
    with pytest.raises(StoreError):
        await room.service.send_due()
    await room.service.send_due()
    assert room.service.totals == Counter(sent=1)


async def test_run_sends_what_is_due_and_wakes_for_what_comes() -> None:
    room = Room([make_delivery(5)])
    running = asyncio.create_task(room.service.run())
    await until(running, room.transport.arrived)
    room.transport.arrived.clear()
    await room.service.open_edition(make_digest(), NOW)
    room.service.wake()
    await until(running, room.transport.arrived)
    room.service.stop()
    await running
    assert [envelope.recipient for envelope in room.transport.taken] == [
        "reader5@example.net",
        "reader1@example.net",
    ]
    assert room.transport.closed
    assert set(room.store.states()) == {DeliveryState.SENT}


async def test_run_goes_on_after_the_store_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "_MAX_POLL", 0.01)
    monkeypatch.setattr(service_module, "_MIN_POLL", 0.01)
    room = Room([make_delivery(1)])
    room.store.failing = {"claim": 2, "next_due_at": 1}
    with capture_logs() as logs:
        running = asyncio.create_task(room.service.run())
        await until(running, room.transport.arrived)
        room.service.stop()
        await running
    assert [entry["event"] for entry in logs].count("delivery queue out of reach") >= 2
    assert len(room.transport.taken) == 1


async def test_run_that_is_stopped_already_only_closes() -> None:
    room = Room([make_delivery(1)])
    room.service.stop()
    await room.service.run()
    assert room.transport.closed == 1
    assert not room.transport.taken


async def test_cancelled_run_closes_the_transport() -> None:
    room = Room([make_delivery(1)])
    room.transport.gate = asyncio.Event()
    running = asyncio.create_task(room.service.run())
    await until(running, room.transport.arrived)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert room.transport.closed >= 1


async def test_run_waits_until_something_is_due_but_never_long_nor_not_at_all() -> None:
    room = Room()
    service = room.service
    assert await service._wait() == 30
    room.store.rows[1] = Row(make_delivery(1))
    assert await service._wait() == 1
    room.store.rows[1].due_at = NOW + timedelta(seconds=12)
    assert await service._wait() == 12
    room.store.rows[1].due_at = NOW + timedelta(hours=2)
    assert await service._wait() == 30


async def test_run_waits_while_the_server_rests() -> None:
    room = Room([make_delivery(1), make_delivery(2)])
    room.transport.errors[""] = [ServerUnavailable(None, "away")] * 4
    await room.service.send_due()
    room.store.rows[1].due_at = NOW
    assert await room.service._wait() == 30
    room.clock.advance(seconds=50)
    assert await room.service._wait() == 10


async def test_copies_go_to_addresses_without_any_row() -> None:
    room = Room()
    refusal = DeliveryRefused(550, "no such user")
    room.transport.errors["bo@example.net"] = [refusal]
    to = ["anna@example.net", "bo@example.net", "no address"]
    outcomes = await send_copies(
        room.composer, room.transport, make_digest(), [make_article(1)], to, NOW
    )
    assert outcomes["anna@example.net"] is None
    assert outcomes["bo@example.net"] is refusal
    assert "not an address" in str(outcomes["no address"])
    (copy,) = room.transport.taken
    assert copy.recipient == "anna@example.net"
    assert b"To: anna@example.net\r\n" in copy.message
    assert not room.store.rows
    assert room.transport.closed
    with pytest.raises(NoArticles):
        await send_copies(room.composer, room.transport, make_digest(), [], to, NOW)


def ended(edition_id: int = 7, digest: str = "daily") -> EditionResult:
    states = dict.fromkeys(DeliveryState, 0) | {DeliveryState.SENT: 5}
    edition = make_edition(edition_id=edition_id, digest=digest)
    progress = Progress(states=states, lately=0, since=timedelta(), ended_at=NOW)
    return EditionResult(edition=edition, progress=progress, errors=[])


async def test_an_edition_that_is_done_is_reported_to_the_operator_once() -> None:
    room = Room()
    room.outcomes = [ended(7), ended(8, digest="gone")]
    await room.service.send_due()
    await room.service.send_due()
    assert [envelope.recipient for envelope in room.transport.taken] == ["ops@example.org"] * 2
    assert b"<daily.7." in room.transport.taken[0].message
    assert room.reported == [7, 8]


async def test_a_report_that_could_not_be_noted_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Room()
    room.outcomes = [ended(7)]
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise StoreError("disk full")

        patched.setattr(room, "mark_reported", fail)
        for _ in range(2):
            with pytest.raises(StoreError):
                await room.service.send_due()
    await room.service.send_due()
    assert (len(room.transport.taken), room.reported) == (1, [7])


async def test_a_clock_that_was_ahead_holds_up_no_report() -> None:
    room = Room()
    room.outcomes = [ended(7)]
    room.clock.advance(days=900)
    room.transport.errors["ops@example.org"] = [DeliveryDeferred(451, "later")]
    await room.service.send_due()
    room.clock.advance(days=-900)
    await room.service.send_due()
    assert room.reported == [7]


async def test_without_an_operators_address_editions_just_count_as_told() -> None:
    room = Room(report_to="")
    room.outcomes = [ended()]
    await room.service.send_due()
    assert room.reported == [7]
    assert not room.transport.taken


async def test_a_report_that_cannot_be_sent_is_tried_again_later() -> None:
    room = Room()
    room.outcomes = [ended()]
    room.transport.errors[""] = [DeliveryDeferred(451, "greylisted")]
    await room.service.send_due()
    room.clock.advance(minutes=29)
    await room.service.send_due()
    assert not room.reported
    room.clock.advance(minutes=1)
    await room.service.send_due()
    assert room.reported == [7]


async def test_a_report_that_takes_too_long_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reports_module, "SEND_WITHIN", timedelta(milliseconds=10))
    room = Room()
    room.outcomes = [ended()]
    room.transport.gate = asyncio.Event()
    await room.service.send_due()
    assert not room.reported


async def test_a_report_that_is_refused_is_told_and_not_repeated() -> None:
    room = Room()
    room.outcomes = [ended()]
    room.transport.errors[""] = [DeliveryRefused(550, "no such user")]
    with capture_logs() as logs:
        await room.service.send_due()
    assert room.reported == [7]
    assert "report refused" in [entry["event"] for entry in logs]


async def test_new_subscribers_are_welcomed_before_anything_else_is_sent() -> None:
    room = Room([make_delivery(2)])
    room.store.new = [make_delivery(1)]
    task = asyncio.create_task(room.service.run())
    with capture_logs() as logs:
        await until(task, room.transport.arrived)
    room.service.stop()
    await task
    assert set(room.store.rows) == {1, 2}
    assert {"event": "new subscribers welcomed", "digest": "daily", "subscribers": 1} in [
        {key: value for key, value in one.items() if key != "log_level"} for one in logs
    ]


async def test_the_operator_is_told_once_of_each_pause() -> None:
    room = Room()
    daily = Pause(digest="daily", since=NOW, probe_at=NOW, reason="550 relay not\r\npermitted")
    everything = Pause(digest=None, since=NOW, probe_at=NOW, reason="535 no")
    room.transport.errors["ops@example.org"] = [DeliveryDeferred(451, "later")]
    told = room.service.reports.report_pauses
    await told([daily])
    await told([daily])
    assert not room.transport.taken  # it waits
    room.clock.advance(hours=1)
    await told([daily])
    room.transport.errors["ops@example.org"] = [DeliveryRefused(550, "no")]
    await told([everything, daily])
    await told([everything, daily])
    await told([])
    await told([everything, daily])  # as if paused again
    texts = [message_from_bytes(taken.message) for taken in room.transport.taken]
    assert [text["Message-ID"].split("@")[0] for text in texts] == [
        f"<daily.{int(NOW.timestamp())}.pause",
        f"<all.{int(NOW.timestamp())}.pause",
        f"<daily.{int(NOW.timestamp())}.pause",
    ]
    first, second = (bytes(text.get_payload(decode=True)).decode() for text in texts[:2])
    assert "晨间摘要 (daily) is paused since 2026-11-23 00:00 UTC" in first
    assert "  550 relay not permitted\n" in first
    assert first.endswith("\ndigest resume daily\n")
    assert second.startswith("All mail is paused")
    assert second.endswith("\ndigest resume\n")


async def test_nobody_is_told_of_a_pause_without_an_operators_address() -> None:
    room = Room(report_to="")
    await room.service.reports.report_pauses(
        [Pause(digest="daily", since=NOW, probe_at=NOW, reason="550 no")]
    )
    assert not room.transport.taken
