"""The operator is asked about drafts once, and what is decided, or not in time, is done."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from digest.app import approval as approval_module
from digest.app.approval import ApprovalService, OperatorMail
from digest.app.wiring import Services
from digest.articles.model import CategoryPath
from digest.editions.delivery import DeliveryState
from digest.editions.model import Edition, EditionState
from digest.errors import DeliveryDeferred, DeliveryError, DeliveryRefused, StoreError
from digest.mail.message import Envelope
from digest.store.editions import EditionStore
from digest.subscribers.model import NewSubscriber
from digest.subscribers.tokens import read_approval_token, read_unsubscribe_token
from tests import stores
from tests.conftest import CONFIGURATION, Workplace
from tests.store.samples import reading
from tests.waiting import ThreadCalls

ASKING = CONFIGURATION.replace(
    'schedule = "0 7 * * *"', 'schedule = "0 7 * * *"\napprove = true\napprove_within = "2h"'
)


@dataclass
class Desk:
    """An approval service with a real store; what it sends and wakes is noted."""

    services: Services
    workplace: Workplace
    letters: list[Envelope] = field(default_factory=list)
    errors: list[DeliveryError] = field(default_factory=list)
    woken: int = 0

    async def send(self, letter: Envelope) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.letters.append(letter)

    def wake(self) -> None:
        self.woken += 1

    async def page(self, number: int = 1) -> httpx.Response:
        """Return the page of an edition."""
        return await self.workplace.visit(self.services, f"digests/daily/{number}/")

    def approval(self, *, report_to: str = "ops@example.org") -> ApprovalService:
        services = self.services
        operator = OperatorMail(
            to=report_to,
            sender=services.settings.sender(),
            send=self.send,
            link=services.approval_link,
        )
        return ApprovalService(
            store=services.store.editions,
            digests=services.digests,
            clock=services.clock,
            wake=self.wake,
            operator=operator if report_to else None,
        )

    def issue(self, title: str = "新闻") -> Edition:
        """Make an edition with one new article."""
        store, now = self.services.store, self.services.clock()
        one = reading(f"{title}.md", title=title, categories=[CategoryPath(("金融",))])
        store.articles.record([one], now)
        made = store.editions.open_edition(self.services.digests["daily"], now, now)
        assert made is not None
        self.workplace.clock.advance(seconds=1)
        return made

    def state(self, edition: Edition) -> EditionState:
        return self.services.store.editions.edition(edition.id)[0].state

    def queued(self) -> int:
        return self.services.store.deliveries.states()[DeliveryState.QUEUED]


@contextmanager
def desk(workplace: Workplace, base: str = ASKING) -> Iterator[Desk]:
    workplace.configure(base=base)
    with workplace.open() as services:
        services.store.editions.start_digests(list(services.digests), services.clock())
        reader = NewSubscriber(address="reader@example.org", digest="daily")
        services.store.subscribers.add(reader, services.clock())
        yield Desk(services, workplace)


def text_of(letter: Envelope) -> str:
    message = email.message_from_bytes(letter.message, policy=email.policy.default)
    return str(message.get_content())


async def test_the_operator_is_asked_once_also_after_a_restart(workplace: Workplace) -> None:
    with desk(workplace) as room:
        edition = room.issue("标题 <b>")
        service = room.approval()
        await service._check_drafts()
        await service._check_drafts()
        await room.approval()._check_drafts()
        (letter,) = room.letters
        assert letter.recipient == "ops@example.org"
        text = text_of(letter)
        assert "1 article for 1 reader" in text
        assert "标题 <b>" in text
        assert "dropped without you Mon 23 Nov 2026 18:00 Asia/Shanghai" in text
        (link,) = (line for line in text.splitlines() if line.startswith("http"))
        token = link.rpartition("/approve/")[2]
        keys = room.services.token_keys
        content = read_approval_token(keys, token)
        assert content is not None
        assert content[0] == edition.id
        assert read_unsubscribe_token(keys, token) is None
        assert room.state(edition) is EditionState.DRAFT


async def test_every_draft_is_asked_about(workplace: Workplace) -> None:
    with desk(workplace) as room:
        room.issue("一")
        room.issue("二")
        await room.approval()._check_drafts()
        assert len(room.letters) == 2


async def test_a_server_that_is_away_is_tried_again_later_and_longer(workplace: Workplace) -> None:
    with desk(workplace) as room:
        room.issue()
        service = room.approval()
        room.errors = [DeliveryDeferred(None, "away")] * 2
        await service._check_drafts()
        room.workplace.clock.advance(seconds=29)
        await service._check_drafts()
        assert len(room.errors) == 1
        room.workplace.clock.advance(seconds=1)
        await service._check_drafts()
        assert not room.errors
        room.workplace.clock.advance(seconds=59)
        await service._check_drafts()
        assert room.letters == []
        room.workplace.clock.advance(seconds=1)
        await service._check_drafts()
        assert len(room.letters) == 1


async def test_a_clock_that_was_ahead_delays_no_question(workplace: Workplace) -> None:
    with desk(workplace) as room:
        room.issue()
        service = room.approval()
        room.errors = [DeliveryDeferred(None, "away")]
        right = workplace.clock.now
        workplace.clock.advance(hours=1)
        await service._check_drafts()
        workplace.clock.now = right
        await service._check_drafts()
        assert len(room.letters) == 1


async def test_a_refusal_is_told_and_not_repeated(workplace: Workplace) -> None:
    with desk(workplace) as room:
        edition = room.issue()
        room.errors = [DeliveryRefused(550, "no such user")]
        with capture_logs() as logs:
            service = room.approval()
            await service._check_drafts()
            await service._check_drafts()
        assert [entry["event"] for entry in logs] == ["mail to the operator refused"]
        assert room.letters == []
        assert room.state(edition) is EditionState.DRAFT


async def test_without_an_address_the_log_says_once_that_a_draft_waits(
    workplace: Workplace,
) -> None:
    with desk(workplace) as room:
        room.issue()
        service = room.approval(report_to="")
        with capture_logs() as logs:
            await service._check_drafts()
            await service._check_drafts()
        assert len(logs) == 1
        assert "report_to" in logs[0]["event"]
        await room.approval()._check_drafts()  # once there is an address, it is written to
        assert len(room.letters) == 1


@pytest.mark.parametrize("unapproved", ["send", "drop"])
async def test_what_nobody_decides_on_is_sent_or_dropped_as_configured(
    workplace: Workplace, unapproved: str
) -> None:
    base = ASKING.replace("approve = true", f'approve = true\nunapproved = "{unapproved}"')
    with desk(workplace, base) as room:
        edition = room.issue()
        service = room.approval()
        await service._check_drafts()
        workplace.clock.advance(hours=2, seconds=-1)
        await service._check_drafts()
        assert room.state(edition) is EditionState.DRAFT
        workplace.clock.advance(seconds=1)
        with capture_logs() as logs:
            await service._check_drafts()
        assert logs[0]["event"] == "nobody decided in time"
        sent = unapproved == "send"
        assert room.state(edition) is (EditionState.OPEN if sent else EditionState.CANCELLED)
        assert (room.queued(), room.woken) == (int(sent), int(sent))
        assert (await room.page()).status_code == (200 if sent else 404)
        assert len(room.letters) == 1
        await service._check_drafts()
        assert room.queued() == int(sent)


async def test_a_deadline_that_passed_while_nothing_ran_is_kept_at_the_start(
    workplace: Workplace,
) -> None:
    with desk(workplace) as room:
        edition = room.issue()
        await room.approval()._check_drafts()
        workplace.clock.advance(days=3)
        await room.approval()._check_drafts()
        assert len(room.letters) == 1
        assert room.state(edition) is EditionState.CANCELLED


async def test_nothing_is_decided_before_the_operator_could_be_asked(workplace: Workplace) -> None:
    with desk(workplace) as room:
        edition = room.issue()
        room.errors = [DeliveryDeferred(None, "away")]
        workplace.clock.advance(days=3)
        service = room.approval()
        await service._check_drafts()
        assert room.state(edition) is EditionState.DRAFT
        workplace.clock.advance(hours=1)
        await service._check_drafts()
        (letter,) = room.letters
        assert "dropped without you Thu 26 Nov 2026 19:00" in text_of(letter)
        workplace.clock.advance(hours=2, seconds=-1)
        await service._check_drafts()
        assert room.state(edition) is EditionState.DRAFT
        workplace.clock.advance(seconds=1)
        await service._check_drafts()
        assert room.state(edition) is EditionState.CANCELLED


async def test_an_operator_who_was_asked_is_not_asked_again_though_it_could_not_be_noted(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk(workplace) as room:
        room.issue()
        service = room.approval()
        with monkeypatch.context() as patched:

            def fail(*_: object) -> None:
                raise StoreError("disk full")

            patched.setattr(type(room.services.store.editions), "mark_announced", fail)
            for _ in range(3):
                await service._check_drafts()
        await service._check_drafts()
        await room.approval()._check_drafts()
        assert len(room.letters) == 1


async def test_what_nobody_would_send_is_not_queued_again(workplace: Workplace) -> None:
    with desk(workplace) as room:
        edition = room.issue()
        assert await room.approval().approve(edition.id)
        (delivery,) = room.services.store.deliveries.claim(
            9, workplace.clock(), timedelta(hours=1), {}
        )
        stores.settle(room.services.store, delivery.id, DeliveryState.FAILED, workplace.clock())
    workplace.configure(base=ASKING.replace("[digests.daily]", "[digests.other]"))
    with workplace.open() as services:
        room = Desk(services, workplace)
        assert await room.approval().resend(edition.id) == 0
        assert room.queued() == 0


@pytest.mark.parametrize("changed", ["approve = false", "gone"])
async def test_a_draft_whose_digest_asks_no_more_waits_for_a_command(
    workplace: Workplace, changed: str
) -> None:
    with desk(workplace) as room:
        edition = room.issue()
    gone = changed == "gone"
    base = ASKING.replace("[digests.daily]", "[digests.other]") if gone else CONFIGURATION
    workplace.configure(base=base)
    with workplace.open() as services:
        room = Desk(services, workplace)
        workplace.clock.advance(days=9)
        service = room.approval()
        with capture_logs() as logs:
            await service._check_drafts()
            await service._check_drafts()
        assert len(logs) == 1
        assert room.letters == []
        assert room.state(edition) is EditionState.DRAFT
        proposal = await service.proposal(edition.id)
        assert proposal is not None
        assert (proposal.configured, proposal.decided_at) == (not gone, None)
        assert await service.approve(edition.id) is not gone
        assert await service.cancel(edition.id)
        assert room.state(edition) is EditionState.CANCELLED


async def test_approving_opens_and_wakes_once(workplace: Workplace) -> None:
    with desk(workplace) as room:
        edition = room.issue()
        service = room.approval()
        assert (await room.page()).status_code == 404
        assert await service.approve(edition.id)
        assert not await service.approve(edition.id)
        assert not await service.drop(edition.id)
        assert (room.queued(), room.woken) == (1, 1)
        assert "新闻" in (await room.page()).text
        proposal = await service.proposal(edition.id)
        assert proposal is not None
        assert not proposal.waits


async def test_cancelling_takes_the_page_away_unless_somebody_has_the_mail(
    workplace: Workplace,
) -> None:
    with desk(workplace, CONFIGURATION) as room:
        service, store = room.approval(), room.services.store
        first, second = room.issue("一"), room.issue("二")
        (delivery,) = store.deliveries.claim(1, workplace.clock.now, timedelta(minutes=5), {})
        stores.settle(store, delivery.id, DeliveryState.QUEUED, workplace.clock.now)
        assert await service.cancel(first.id)
        assert [(await room.page(number)).status_code for number in (1, 2)] == [404, 200]
        listed = await workplace.visit(room.services, "digests/daily/")
        assert "/digests/daily/1/" not in listed.text
        store.subscribers.add(
            NewSubscriber(address="b@example.org", digest="daily"), workplace.clock.now
        )
        third = room.issue("三")
        (delivery, *_) = store.deliveries.claim(9, workplace.clock.now, timedelta(minutes=5), {})
        assert delivery.edition_id == second.id
        stores.settle(store, delivery.id, DeliveryState.SENT, workplace.clock.now)
        assert not await service.cancel(second.id)  # it is done
        assert await service.cancel(third.id)  # it is being sent at this moment
        assert (await room.page(2)).status_code == 200


async def test_what_failed_is_queued_and_sent(workplace: Workplace) -> None:
    with desk(workplace, CONFIGURATION) as room:
        edition = room.issue()
        deliveries = room.services.store.deliveries
        (delivery,) = deliveries.claim(1, workplace.clock.now, timedelta(minutes=5), {})
        stores.settle(room.services.store, delivery.id, DeliveryState.FAILED, workplace.clock.now)
        service = room.approval()
        assert (await service.resend(edition.id), room.woken) == (1, 1)
        assert (await service.resend(edition.id), room.woken) == (0, 1)
        assert room.queued() == 1


async def test_there_is_nothing_to_decide_on_what_is_no_edition(workplace: Workplace) -> None:
    with desk(workplace) as room:
        service = room.approval()
        assert await service.proposal(99) is None
        assert not await service.approve(99)
        assert not await service.drop(99)
        assert not await service.cancel(99)
        assert not await service.resend(99)


class Away(EditionStore):
    """Drafts of a database that fails a number of times."""

    def __init__(self, room: Desk, failures: int) -> None:
        super().__init__(room.services.store.editions._database)
        self.failures = failures
        self.looked = asyncio.Event()

    def _perhaps_fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("locked")

    def drafts(self) -> list[tuple[Edition, bool]]:
        self._perhaps_fail()
        return super().drafts()

    def mark_announced(self, edition_id: int, now: datetime) -> None:
        self._perhaps_fail()
        self.looked.set()


async def test_it_goes_on_after_the_database_was_away(
    workplace: Workplace, calls: ThreadCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval_module, "LOOK_EVERY", 0.01)
    with desk(workplace) as room:
        room.issue()
        service = room.approval()
        service._store = away = Away(room, 2)
        with capture_logs() as logs:
            task = asyncio.create_task(service.run())
            await calls.until(lambda: room.letters)
            service.stop()
            await task
        assert not away.failures
        assert [entry["event"] for entry in logs].count("drafts out of reach") == 2


async def test_a_draft_that_fails_holds_up_no_other(workplace: Workplace) -> None:
    with desk(workplace) as room:
        first, second = room.issue("一"), room.issue("二")
        service = room.approval()
        service._store = away = Away(room, 0)
        away.failures = 0
        real = away.mark_announced

        def fail_first(edition_id: int, now: datetime) -> None:
            if edition_id == first.id:
                raise StoreError("locked")
            real(edition_id, now)

        away.mark_announced = fail_first  # type: ignore[method-assign]  # for this test
        with capture_logs() as logs:
            await service._check_drafts()
        assert [entry["edition"] for entry in logs if entry["log_level"] == "error"] == [first.id]
        assert len(room.letters) == 2
        assert text_of(room.letters[1]).count(f"approve {second.id}") == 1


async def test_it_looks_when_it_is_woken_and_stops_at_once(
    workplace: Workplace, calls: ThreadCalls
) -> None:
    with desk(workplace) as room:
        service = room.approval()
        task = asyncio.create_task(service.run())
        await asyncio.sleep(0)
        room.issue()
        service.wake()
        await calls.until(lambda: room.letters)
        service.stop()
        await task


async def test_one_that_is_stopped_already_asks_nobody(workplace: Workplace) -> None:
    with desk(workplace) as room:
        room.issue()
        service = room.approval()
        service.stop()
        await service.run()
        assert room.letters == []


async def test_a_draft_decided_while_it_is_looked_at_is_not_asked_about(
    workplace: Workplace,
) -> None:
    with desk(workplace) as room:
        edition = room.issue()
        room.services.store.editions.drop(edition.id, workplace.clock.now)
        await room.approval()._decide(replace(edition, state=EditionState.DRAFT), announced=False)
        assert room.letters == []
