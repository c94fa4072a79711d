"""The delivery service: open editions, welcome new subscribers, and send what is due."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from digest.articles.model import Article
from digest.editions.delivery import DeliveryState, Pause
from digest.editions.model import Digest, Edition
from digest.errors import DeliveryError, StoreError
from digest.mail.composer import Composer
from digest.mail.delivery.attempt import Transport
from digest.mail.delivery.operator_reports import OperatorReports
from digest.mail.delivery.worker import DeliveryWorker
from digest.times import Clock
from digest.wakeup import WakeUp

#: Seconds at most and at least between two looks at the queue.
_MAX_POLL, _MIN_POLL = 30.0, 1.0
#: While mail is paused, the log tells so at this interval.
_REMIND_EVERY = timedelta(hours=1)

_log = structlog.get_logger(__name__)


class EditionStore(Protocol):
    """The part of the store that makes editions. Every method raises StoreError."""

    def open_edition(
        self,
        digest: Digest,
        due_at: datetime,
        now: datetime,
        *,
        latest: int | None = None,
        by_hand: bool = False,
    ) -> Edition | None:
        """Make the edition due at a moment, with its deliveries, in one transaction.

        It takes the articles after the digest's last edition that the digest selects (with
        ``latest``, that many newest ones), and a delivery for every active subscriber with one of
        them in their categories. It is a draft without deliveries where the digest wants approval,
        and empty where there are too few articles, except ``by_hand``. None if ``(digest, due_at)``
        was made before.
        """

    def queue_welcomes(self, digest: Digest, now: datetime) -> int:
        """Queue a digest's welcome for each of its new subscribers; return their number."""


class QueueStore(Protocol):
    """The queue of deliveries as the service uses it. Every method raises StoreError."""

    def next_due_at(self) -> datetime | None:
        """Return when the next delivery is due (aware UTC); None if the queue is empty."""

    def pauses(self) -> list[Pause]:
        """Return the pauses of digests, and of all mail."""


class DeliveryService:
    """Runs the delivery worker whenever something is due."""

    def __init__(
        self,
        *,
        worker: DeliveryWorker,
        editions: EditionStore,
        queue: QueueStore,
        reports: OperatorReports,
        transport: Transport,
        digests: Mapping[str, Digest],
        clock: Clock,
    ) -> None:
        """``digests`` is by name; ``transport`` is closed when the service stops."""
        self._worker = worker
        self._editions = editions
        self._queue = queue
        self._transport = transport
        self._digests = digests
        self._clock = clock
        self._wakeup = WakeUp()
        self._remind_at: datetime | None = None
        self.reports = reports
        self.totals: Mapping[DeliveryState, int] = worker.totals  #: how attempts ended so far

    async def open_edition(
        self,
        digest: Digest,
        due_at: datetime,
        *,
        latest: int | None = None,
        by_hand: bool = False,
    ) -> Edition | None:
        """Make the edition due at a moment (aware UTC); return None if it was made before.

        With ``by_hand`` it waits neither for approval nor for more articles. Raises StoreError.
        """
        edition = await asyncio.to_thread(
            self._editions.open_edition,
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

    async def send_due(self) -> None:
        """Send everything that is due now, and report editions that are done. Raises StoreError.

        Ends early while the server is away.
        """
        await self._worker.send_due(self._wakeup)
        await self.reports.report_done()

    async def run(self) -> None:
        """Send whatever becomes due until stopped, then finish what is under way."""
        try:
            while not self._wakeup.stopped:
                try:
                    await self._queue_welcomes()
                    await self._worker.send_due(self._wakeup)
                    await self.reports.report_done()
                    pauses = await asyncio.to_thread(self._queue.pauses)
                    await self.reports.report_pauses(pauses)
                    self._remind(pauses)
                    wait = await self._wait()
                except StoreError as error:
                    _log.error("delivery queue out of reach", error=str(error))
                    wait = _MAX_POLL
                await self._wakeup.wait(wait)
        finally:
            await self.close()

    def wake(self) -> None:
        """Make ``run`` look at the queue at once."""
        self._wakeup.wake()

    def stop(self) -> None:
        """Make ``run`` return once the messages under way are sent."""
        self._wakeup.stop()

    async def close(self) -> None:
        """End all connections."""
        await self._transport.close()

    async def _queue_welcomes(self) -> None:
        """Queue the welcomes of new subscribers. Raises StoreError."""
        for digest in self._digests.values():
            queued = await asyncio.to_thread(self._editions.queue_welcomes, digest, self._clock())
            if queued:
                _log.info("new subscribers welcomed", digest=digest.name, subscribers=queued)

    def _remind(self, pauses: Iterable[Pause]) -> None:
        """Log what is paused, once an hour."""
        now = self._clock()
        if self._remind_at and now < self._remind_at <= now + _REMIND_EVERY:
            return
        for pause in pauses:
            self._remind_at = now + _REMIND_EVERY
            if now - pause.since >= _REMIND_EVERY:
                _log.error(
                    "still paused",
                    digest=pause.digest,
                    since=pause.since.isoformat(),
                    error=pause.reason,
                    hint="fix the cause, then `digest resume`",
                )

    async def _wait(self) -> float:
        """Return the seconds until there may be something to do."""
        due_at = await asyncio.to_thread(self._queue.next_due_at)
        if due_at is None:
            return _MAX_POLL
        begin_at = max(due_at, self._worker.backoff_until or due_at)
        seconds = (begin_at - self._clock()).total_seconds()
        return min(max(seconds, _MIN_POLL), _MAX_POLL)


async def send_copies(
    composer: Composer,
    transport: Transport,
    digest: Digest,
    articles: Sequence[Article],
    addresses: Iterable[str],
    now: datetime,
) -> dict[str, DeliveryError | None]:
    """Send an edition of these articles to some addresses as a test, then close the transport.

    Returns, by address, the error, or None where the message was accepted. Raises NoArticles,
    TemplateError.
    """
    errors: dict[str, DeliveryError | None] = {}
    try:
        for address in addresses:
            try:
                copy = composer.preview(digest, articles, address=address, now=now)
                await transport.send(copy.envelope)
            except DeliveryError as error:
                errors[address] = error
            else:
                errors[address] = None
    finally:
        await transport.close()
    return errors
