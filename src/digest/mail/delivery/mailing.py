"""Mailing: open editions when they are due, and work off the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from digest.articles.model import Article
from digest.editions.delivery import RETRY_AFTER
from digest.editions.model import Digest, Edition
from digest.editions.progress import Outcome
from digest.errors import DeliveryDeferred, DeliveryError, StoreError
from digest.mail.composer import Press, Preview
from digest.mail.delivery.attempt import SEND_WITHIN
from digest.mail.delivery.rate_limit import Limits
from digest.mail.delivery.worker import DeliveryStore, Outbox, Sent
from digest.mail.message import Envelope
from digest.mail.render import MailTemplates
from digest.mail.report import report
from digest.mail.transports.model import Sender
from digest.mail.transports.transport import Transport
from digest.site import Site
from digest.subscribers.model import Subscriber
from digest.times import Clock

#: Seconds at most between two looks at the outbox, and at least, so that nothing spins.
_LONGEST_WAIT, _SHORTEST_WAIT = 30.0, 1.0

_log = structlog.get_logger(__name__)


class MailStore(DeliveryStore, Protocol):
    """What mailing needs of the store."""

    def open_edition(
        self,
        digest: Digest,
        due_at: datetime,
        now: datetime,
        *,
        latest: int | None = None,
        by_hand: bool = False,
    ) -> Edition | None:
        """Make the edition due at a moment, with its deliveries, all or nothing.

        It takes the articles after the digest's last edition that the digest selects (with
        ``latest``, that many newest ones instead), and a delivery for every active subscriber
        whose categories hold one of them. It is a draft without deliveries where the digest
        wants approval, and empty where there is too little to tell, but ``by_hand``. None where
        ``(digest, due_at)`` was made before.
        """

    def next_due_at(self) -> datetime | None:
        """Return when the outbox next has something to do; None where it is empty."""


class WelcomeStore(Protocol):
    """What welcoming new subscribers needs of the store."""

    def open(self, digest: Digest, now: datetime) -> int:
        """Queue the digest's welcome for each new subscriber; return how many there are."""


class ReportStore(Protocol):
    """What the report to the operator needs of the store."""

    def unreported(self, now: datetime) -> list[Outcome]:
        """Return how the editions ended that the operator was not told of, oldest first."""

    def tried_since(self, moment: datetime) -> list[datetime]:
        """Return when deliveries were last tried since a moment; aware UTC, in any order."""

    def mark_reported(self, edition_id: int, now: datetime) -> None:
        """Remember that the operator was told."""


class Mailing:
    """Opens editions, sends them, and shows what one would look like."""

    def __init__(
        self,
        *,
        store: MailStore,
        transport: Transport,
        templates: MailTemplates,
        site: Site,
        sender: Sender,
        digests: Mapping[str, Digest],
        token_key: bytes,
        clock: Clock,
        jitter: Callable[[], float],
        connections: int = 10,
        limits: Limits | None = None,
        welcomes: WelcomeStore | None = None,
        reports: ReportStore | None = None,
        report_to: str = "",
    ) -> None:
        """``digests`` is by name, ``token_key`` signs unsubscribe links, ``jitter`` returns 0…1,
        ``connections`` messages are sent at the same time, no faster than ``limits``. Editions
        that are done are reported to the address ``report_to``, or just remembered as told.
        """
        self._store = store
        self._transport = transport
        self._clock = clock
        self._press = Press(templates=templates, site=site, sender=sender, token_key=token_key)
        self._outbox = Outbox(
            store=store,
            transport=transport,
            press=self._press,
            digests=digests,
            clock=clock,
            jitter=jitter,
            connections=connections,
            limits=limits,
            history=reports.tried_since if reports else None,
        )
        self._digests = digests
        self._sender = sender
        self._welcomes = welcomes
        self._reports = reports
        self._report_to = report_to
        self._report_again_at: datetime | None = None
        self._reported: set[int] = set()  # editions, not written down yet
        self._woken = asyncio.Event()

    async def issue(
        self,
        digest: Digest,
        due_at: datetime,
        *,
        latest: int | None = None,
        by_hand: bool = False,
    ) -> Edition | None:
        """Make the edition due at a moment (aware UTC); None where it was made before.

        One made ``by_hand`` waits neither for approval nor for more articles. Raises StoreError.
        """
        edition = await asyncio.to_thread(
            self._store.open_edition,
            digest,
            due_at,
            self._clock(),
            latest=latest,
            by_hand=by_hand,
        )
        if edition is None:
            _log.info("edition was made before", digest=digest.name, due_at=due_at.isoformat())
            return None
        _log.info(
            "edition made",
            digest=digest.name,
            due_at=due_at.isoformat(),
            edition=edition.id,
            number=edition.number,
            state=edition.state.value,
        )
        return edition

    async def send_due(self) -> Sent:
        """Send everything that is due now; return how many deliveries ended how.

        Ends early where the server is away: then what is left is tried again after a rest.
        Raises StoreError.
        """
        sent = await self._outbox.work_off(asyncio.Event())
        await self._report()
        return sent

    async def run(self, stop: asyncio.Event) -> None:
        """Send whatever becomes due, until ``stop`` is set; then end what is in flight."""
        try:
            while not stop.is_set():
                self._woken.clear()
                try:
                    await self._welcome()
                    await self._outbox.work_off(stop)
                    await self._report()
                    wait = await self._wait()
                except StoreError as error:
                    _log.error("outbox out of reach", error=str(error))
                    wait = _LONGEST_WAIT
                await _first_of(stop, self._woken, seconds=wait)
        finally:
            await self.close()

    def wake(self) -> None:
        """Have ``run`` look at the outbox at once."""
        self._woken.set()

    async def close(self) -> None:
        """End all connections."""
        await self._transport.close()

    def preview(
        self,
        digest: Digest,
        articles: Sequence[Article],
        *,
        subscriber: Subscriber | None = None,
        now: datetime,
        as_delivered: bool = False,
        welcome: bool = False,
    ) -> Preview:
        """Return what an edition of these articles would look like, to anyone or to a subscriber.

        Its links to unsubscribe lead nowhere; ``as_delivered`` says what a delivery's fields say.
        Raises NothingToTell, TemplateError, DeliveryRefused.
        """
        return self._press.preview(
            digest,
            articles,
            subscriber=subscriber,
            now=now,
            as_delivered=as_delivered,
            welcome=welcome,
        )

    async def send_copies(
        self, digest: Digest, articles: Sequence[Article], addresses: Sequence[str]
    ) -> dict[str, DeliveryError | None]:
        """Send an edition of these articles to some addresses, without any row.

        Returns by address why it was not taken, None where it was. Raises NothingToTell,
        TemplateError.
        """
        outcomes: dict[str, DeliveryError | None] = {}
        try:
            for address in addresses:
                try:
                    copy = self._press.preview(digest, articles, address=address, now=self._clock())
                    await self._transport.send(copy.envelope)
                except DeliveryError as error:
                    outcomes[address] = error
                else:
                    outcomes[address] = None
        finally:
            await self._transport.close()
        return outcomes

    async def carry(self, memo: Envelope) -> None:
        """Send a memo to the operator, without any row. Raises DeliveryError."""
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await self._transport.send(memo)
        except TimeoutError as error:
            raise DeliveryDeferred(None, "the server took too long") from error

    async def _welcome(self) -> None:
        """Queue the welcomes of those who subscribed since the last look. Raises StoreError."""
        if self._welcomes is None:
            return
        for digest in self._digests.values():
            queued = await asyncio.to_thread(self._welcomes.open, digest, self._clock())
            if queued:
                _log.info("new subscribers welcomed", digest=digest.name, subscribers=queued)

    async def _report(self) -> None:
        """Tell the operator how the editions ended that are done. Raises StoreError.

        A report that could not be sent is tried again after a while.
        """
        now = self._clock()
        again = self._report_again_at
        if self._reports is None or (again and now < again <= now + RETRY_AFTER[0]):
            return
        for outcome in await asyncio.to_thread(self._reports.unreported, now):
            try:
                if self._report_to and outcome.edition.id not in self._reported:
                    await self._send_report(outcome, now)
            except DeliveryDeferred as error:
                self._report_again_at = now + RETRY_AFTER[0]
                _log.warning("report not sent yet", edition=outcome.edition.id, error=str(error))
                return
            except DeliveryError as error:
                _log.error("report refused", edition=outcome.edition.id, error=str(error))
            self._reported.add(outcome.edition.id)  # once, though it cannot be written down
            await asyncio.to_thread(self._reports.mark_reported, outcome.edition.id, now)
            self._reported.discard(outcome.edition.id)

    async def _send_report(self, outcome: Outcome, now: datetime) -> None:
        """Send the report of an edition. Raises DeliveryError."""
        digest = self._digests.get(outcome.edition.digest)
        title = digest.title if digest else outcome.edition.digest
        await self.carry(report(outcome, title, self._sender, self._report_to, now))
        _log.info("edition reported", edition=outcome.edition.id, digest=outcome.edition.digest)

    async def _wait(self) -> float:
        """Return how many seconds there is nothing to do."""
        due_at = await asyncio.to_thread(self._store.next_due_at)
        resting_until = self._outbox.resting_until
        if due_at is None:
            return _LONGEST_WAIT
        begin_at = max(due_at, resting_until) if resting_until else due_at
        seconds = (begin_at - self._clock()).total_seconds()
        return min(max(seconds, _SHORTEST_WAIT), _LONGEST_WAIT)


async def _first_of(*events: asyncio.Event, seconds: float) -> None:
    """Wait until one of the events is set, or the time is over."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
