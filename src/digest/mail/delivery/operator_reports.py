"""Send mails to the operator: a report of each edition that is done, and pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from digest.editions.delivery import Pause
from digest.editions.progress import EditionResult
from digest.errors import DeliveryDeferred, DeliveryError
from digest.mail.delivery.attempt import SEND_WITHIN, Transport
from digest.mail.delivery.retry import DELIVERY_WAITS
from digest.mail.message import Envelope
from digest.mail.operator_mail import pause_message, report_message
from digest.mail.transports.model import Sender
from digest.times import Clock

_log = structlog.get_logger(__name__)


class ReportStore(Protocol):
    """The part of the store that reports use. Every method raises StoreError."""

    def unreported(self, now: datetime) -> list[EditionResult]:
        """Return the results of editions that are done but not reported, oldest first."""

    def mark_reported(self, edition_id: int, now: datetime) -> None:
        """Record that an edition was reported."""


class OperatorReports:
    """Sends mails to the operator, which have no rows in the store."""

    def __init__(
        self,
        *,
        store: ReportStore,
        transport: Transport,
        sender: Sender,
        to: str,
        titles: Mapping[str, str],
        clock: Clock,
    ) -> None:
        """``to`` is the operator's address, or empty; ``titles`` has those of digests, by name."""
        self._store = store
        self._transport = transport
        self._sender = sender
        self._to = to
        self._titles = titles
        self._clock = clock
        self._retry_at: datetime | None = None
        self._sent: set[int] = set()  # editions whose report is not marked yet
        # Pauses, since this program started.
        self._reported: set[tuple[str | None, datetime]] = set()

    async def send(self, message: Envelope) -> None:
        """Send a message to the operator. Raises DeliveryError."""
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await self._transport.send(message)
        except TimeoutError as error:
            raise DeliveryDeferred(None, "the server took too long") from error

    async def report_done(self) -> None:
        """Report the editions that are done. Raises StoreError.

        A report that cannot be sent is tried again after a while, one that is refused never.
        """
        now = self._clock()
        if self._retry_at and now < self._retry_at <= now + DELIVERY_WAITS[0]:
            return
        for result in await asyncio.to_thread(self._store.unreported, now):
            edition = result.edition
            try:
                if self._to and edition.id not in self._sent:
                    title = self._titles.get(edition.digest, edition.digest)
                    await self.send(report_message(result, title, self._sender, self._to, now))
                    _log.info("edition reported", edition=edition.id, digest=edition.digest)
            except DeliveryDeferred as error:
                self._retry_at = now + DELIVERY_WAITS[0]
                _log.warning("report not sent yet", edition=edition.id, error=str(error))
                return
            except DeliveryError as error:
                _log.error("report refused", edition=edition.id, error=str(error))
            self._sent.add(edition.id)  # it is sent once, even if it cannot be marked
            await asyncio.to_thread(self._store.mark_reported, edition.id, now)
            self._sent.discard(edition.id)

    async def report_pauses(self, pauses: Iterable[Pause]) -> None:
        """Report each pause once; a mail that the server does not take is logged.

        A pause that outlasts a restart of the program is reported again, in the same message.
        """
        now = self._clock()
        present = {(pause.digest, pause.since): pause for pause in pauses}
        self._reported &= present.keys()
        if not self._to or (self._retry_at and now < self._retry_at <= now + DELIVERY_WAITS[0]):
            return
        for key, pause in present.items():
            if key in self._reported:
                continue
            title = self._titles.get(pause.digest, pause.digest) if pause.digest else None
            try:
                await self.send(pause_message(pause, title, self._sender, self._to, now))
                _log.info("operator told of a pause", digest=pause.digest)
            except DeliveryDeferred as error:
                self._retry_at = now + DELIVERY_WAITS[0]
                _log.warning("operator not told of a pause yet", error=str(error))
                return
            except DeliveryError as error:
                _log.error("mail to the operator refused", error=str(error))
            self._reported.add(key)
