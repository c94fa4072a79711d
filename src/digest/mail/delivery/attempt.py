"""Attempts: hand one message over and turn the server's answer into a result."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from digest.editions.delivery import PROBE_AFTER, Delivery, DeliveryResult, DeliveryState
from digest.errors import (
    AccessDenied,
    AddressRefused,
    DeliveryDeferred,
    DeliveryError,
    RecipientRefused,
    RecipientUnknown,
    SenderBlocked,
    ServerUnavailable,
    StoreError,
)
from digest.mail.delivery.retry import (
    Refusal,
    RefusalStreak,
    ServerBackoff,
    UnknownRecipientStreak,
    next_attempt,
    server_wait,
)
from digest.mail.message import Envelope
from digest.subscribers.address import masked
from digest.times import Clock

#: No attempt lasts longer.
SEND_WITHIN = timedelta(minutes=2, seconds=30)

_log = structlog.get_logger(__name__)
_debug = logging.getLogger(__name__)


class Transport(Protocol):
    """A way for messages to leave: SMTP, a command, a Maildir."""

    async def send(self, envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        """Hand a message over; return when it was accepted.

        No server gets it before ``after`` is done, nor if ``after`` fails: its exception is raised.
        Raises DeliveryDeferred or DeliveryRefused.
        """

    async def close(self) -> None:
        """End all connections."""


class PauseStore(Protocol):
    """The part of the store that attempts use. Every method raises StoreError."""

    def pause(self, digest: str | None, now: datetime, probe_at: datetime, reason: str) -> bool:
        """Pause a digest or (None) all mail, except for probes; return False if paused already."""

    def resume(self, digest: str | None) -> bool:
        """End a pause; return False if there is none."""

    def other_domains(self, digest: str, domain: str) -> bool:
        """Return whether a digest has active subscribers at other domains."""


class Attempts:
    """Hands messages to a transport, and knows what its answers mean for the next ones.

    After ServerUnavailable nothing is sent until ``backoff_until``. A refusal of the sender pauses
    its digest; a refused login pauses all mail. Refusals of recipients are held back until the
    next answers show whether they concern the recipient or the sender.
    """

    def __init__(
        self,
        *,
        store: PauseStore,
        transport: Transport,
        expires: Callable[[str], timedelta],
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """``expires`` returns the longest age of a digest's deliveries; ``jitter`` returns 0…1."""
        self._store = store
        self._transport = transport
        self._expires = expires
        self._clock = clock
        self._jitter = jitter
        self._backoff = ServerBackoff()
        self._streak = RefusalStreak()
        self._unknown_recipients = UnknownRecipientStreak()
        self._requeued: Counter[int] = Counter()  # by delivery: put back without being refused
        self.paused: set[str] = set()  #: digests that were paused since ``begin``

    @property
    def backoff_until(self) -> datetime | None:
        """When the server is tried again (aware UTC); None while it is not known to be away."""
        return self._backoff.until

    @property
    def probing(self) -> bool:
        """Whether the server was away when it was last tried."""
        return self._backoff.failures > 0

    @property
    def doubtful(self) -> frozenset[str]:
        """Domains whose refusals are held: a recipient at another one would settle them."""
        return frozenset(self._streak.domains if self._streak.held else ())

    def begin(self) -> None:
        """Begin a batch: the store has claimed nothing that is paused."""
        self.paused.clear()

    async def send(
        self,
        delivery: Delivery,
        digest: str,
        envelope: Envelope,
        after: asyncio.Future[None] | None = None,
    ) -> list[DeliveryResult]:
        """Hand a message over, not before ``after`` is done; return the results known by then.

        These may be results of earlier deliveries, and that of this one may come later, from
        another call or ``settle``. Raises what ``after`` raises.
        """
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await self._transport.send(envelope, after)
        except TimeoutError:
            late = ServerUnavailable(None, "the server took too long")
            return [self._unavailable(delivery, late)]
        except AccessDenied as error:
            await self._pause(None, error)
            return [self._unavailable(delivery, error)]
        except ServerUnavailable as error:
            return [self._unavailable(delivery, error)]
        except DeliveryError as error:
            self._answered(delivery)
            return await self._refused(delivery, digest, error)
        self._answered(delivery)
        if delivery.probe:
            await self._resume(digest)
        if _debug.isEnabledFor(logging.DEBUG):  # structlog would take time even unheard
            _log.debug("sent", delivery=delivery.id, to=masked(delivery.subscriber.address))
        self._unknown_recipients.recipients.clear()
        sent = DeliveryResult(delivery_id=delivery.id, state=DeliveryState.SENT)
        return [*map(self._own, self._streak.end()), sent]

    def settle(self) -> list[DeliveryResult]:
        """Return results for all refusals that are held, since no other recipient follows.

        Where many recipients of one domain were refused alike, others are not asked to judge: these
        are deferred.
        """
        if not self._streak.long:
            return [*map(self._own, self._streak.end())]
        return [
            self.deferred(refusal.delivery, refusal.digest, str(refusal.error))
            for refusal in self._streak.release()
        ]

    def put_back(self) -> list[DeliveryResult]:
        """Return results that queue again what is held, when sending is interrupted."""
        return [self._requeue(held.delivery, held.error) for held in self._streak.end()]

    def deferred(self, delivery: Delivery, digest: str, error: str) -> DeliveryResult:
        """Return the result of an attempt that is repeated, or was the last one."""
        now = self._clock()
        expires_at = delivery.created_at + self._expires(digest)
        later = next_attempt(delivery.attempts + 1, expires_at, now, self._jitter())
        if later is None:
            return ended(delivery, DeliveryState.EXPIRED, error)
        _log_failure("deferred", delivery, error, until=later.isoformat())
        return DeliveryResult(
            delivery_id=delivery.id,
            state=DeliveryState.DEFERRED,
            next_attempt_at=later,
            error=error,
        )

    async def _refused(
        self, delivery: Delivery, digest: str, error: DeliveryError
    ) -> list[DeliveryResult]:
        """Return the results that a refusal leads to."""
        if isinstance(error, SenderBlocked):
            await self._pause(digest, error)
            return [self._requeue(delivery, error)]
        if not RefusalStreak.concerns(error):
            refusal = Refusal(delivery=delivery, digest=digest, error=error)
            if isinstance(error, RecipientUnknown) and self._unknown_recipients.add(refusal):
                await self._pause(digest, error)
            return [self._own(refusal)]
        if delivery.probe or digest in self.paused:
            await self._pause(digest, error)
            return [self._requeue(delivery, error)]
        others = self._streak.add(Refusal(delivery=delivery, digest=digest, error=error))
        if await self._concerns_sender(digest):
            held = self._streak.end()
            for name in {refusal.digest for refusal in held} | {digest}:
                await self._pause(name, error)
            back = [self._requeue(refusal.delivery, refusal.error) for refusal in held]
            return [*map(self._own, others), *back]
        return [*map(self._own, others)]

    async def _concerns_sender(self, digest: str) -> bool:
        """Return whether the refusals that are held concern the sender, not their recipients."""
        streak = self._streak
        if not streak.long or len(streak.domains) > 1:
            return streak.long
        (domain,) = streak.domains
        return not await asyncio.to_thread(self._store.other_domains, digest, domain)

    def _own(self, refusal: Refusal) -> DeliveryResult:
        """Return the result of a refusal that concerns its own delivery."""
        delivery, error = refusal.delivery, refusal.error
        if isinstance(error, DeliveryDeferred):
            return self.deferred(delivery, refusal.digest, str(error))
        return ended(
            delivery,
            DeliveryState.FAILED,
            str(error),
            bounced=isinstance(error, AddressRefused),
            refused=isinstance(error, RecipientRefused),
        )

    def _answered(self, delivery: Delivery) -> None:
        """Record that the server answers, whatever the answer is."""
        self._requeued.pop(delivery.id, None)
        self._backoff.answered()

    def _unavailable(self, delivery: Delivery, error: ServerUnavailable) -> DeliveryResult:
        """Send nothing for a while; return the result that queues the delivery again."""
        wait = self._backoff.failed(self._clock())
        if wait is not None:
            _log.error("mail cannot be handed over, waiting", error=str(error), wait=str(wait))
        return self._requeue(delivery, error)

    def _requeue(self, delivery: Delivery, error: DeliveryError) -> DeliveryResult:
        """Return the result that queues a delivery again, behind the others.

        The wait grows each time. Otherwise a message at which the server breaks off, or a recipient
        that it refuses, would be every probe.
        """
        self._requeued[delivery.id] += 1
        wait = server_wait(self._requeued[delivery.id]) * (1 + self._jitter() / 10)
        _log.info(
            "put back",
            delivery=delivery.id,
            to=masked(delivery.subscriber.address),
            error=str(error),
        )
        return DeliveryResult(
            delivery_id=delivery.id,
            state=DeliveryState.QUEUED,
            next_attempt_at=self._clock() + wait,
            error=str(error),
        )

    async def _pause(self, digest: str | None, error: DeliveryError) -> None:
        """Pause a digest, or all mail, and report that to the operator."""
        now = self._clock()
        if digest is not None:
            self.paused.add(digest)
        try:
            new = await asyncio.to_thread(
                self._store.pause, digest, now, now + PROBE_AFTER, str(error)
            )
        except StoreError as problem:
            _log.error("pause not stored", error=str(problem))
            new = True
        if new:
            _log.error(
                "all mail paused" if digest is None else "digest paused",
                digest=digest,
                error=str(error),
                hint="fix the cause, then `digest resume`",
                probe_at=(now + PROBE_AFTER).isoformat(),
            )

    async def _resume(self, digest: str) -> None:
        """End the pauses that a probe was sent for."""
        for subject in (None, digest):
            try:
                if await asyncio.to_thread(self._store.resume, subject):
                    _log.info("pause ended: the probe was accepted", digest=subject)
            except StoreError as error:
                _log.warning("pause not ended yet", digest=subject, error=str(error))


def ended(
    delivery: Delivery,
    state: DeliveryState,
    error: str,
    *,
    bounced: bool = False,
    refused: bool = False,
) -> DeliveryResult:
    """Return the result of a delivery that failed or expired, and log it."""
    _log_failure(state.value, delivery, error, **({"suppressed": True} if bounced else {}))
    return DeliveryResult(
        delivery_id=delivery.id, state=state, error=error, bounced=bounced, refused=refused
    )


def _log_failure(event: str, delivery: Delivery, error: str, **details: object) -> None:
    to = masked(delivery.subscriber.address)
    _log.warning(event, delivery=delivery.id, to=to, error=error, **details)
