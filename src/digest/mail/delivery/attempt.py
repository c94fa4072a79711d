"""The courier: takes one delivery to the server, and says how that ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from digest.articles.model import Article
from digest.editions.delivery import (
    EXPIRES,
    PROBE_AFTER,
    Delivery,
    DeliveryState,
    Settlement,
    next_attempt,
)
from digest.editions.model import Digest, Edition
from digest.errors import (
    AccountRefused,
    AddressRefused,
    DeliveryDeferred,
    DeliveryRefused,
    PolicyRefused,
    ServerUnavailable,
    StoreError,
    TemplateError,
)
from digest.mail.composer import NothingToTell, Press
from digest.mail.message import Envelope
from digest.mail.transports.transport import Transport
from digest.subscribers.address import masked
from digest.times import Clock

#: No attempt lasts longer.
SEND_WITHIN = timedelta(minutes=2, seconds=30)
#: How long nothing is tried after the server was found unavailable, by failures in a row.
RESTS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15, 30))

#: Seconds for which it holds that subscribers were active; then the store is asked again.
_CHECK_HOLDS = 1.0

_log = structlog.get_logger(__name__)
_chatty = logging.getLogger(__name__)


class CourierStore(Protocol):
    """What the courier needs of the store."""

    def edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        """Return an edition and its articles as they are now, in order of sequence."""

    def wanted(self, delivery_ids: Collection[int]) -> set[int]:
        """Return, right before sending, those whose subscribers are still active."""

    def pause(self, digest: str | None, now: datetime, probe_at: datetime, reason: str) -> bool:
        """Send nothing for a digest (None: at all) but a probe at times; False: it was paused."""

    def resume(self, digest: str | None) -> bool:
        """End a pause; False where there is none."""


class Courier:
    """Composes a delivery's message, hands it over, and reads the server's answer.

    It knows whether the server is away, and which digests it refuses.
    """

    def __init__(
        self,
        *,
        store: CourierStore,
        transport: Transport,
        press: Press,
        digests: Mapping[str, Digest],
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """``jitter`` returns 0…1."""
        self._store = store
        self._transport = transport
        self._press = press
        self._digests = digests
        self._clock = clock
        self._jitter = jitter
        self._pressing = asyncio.Lock()
        self._editions: dict[int, tuple[Edition, list[Article]]] = {}
        self._looking = asyncio.Lock()
        self._open: set[int] = set()  # deliveries of the batch that are still to be prepared
        self._looked_up: frozenset[int] = frozenset()  # deliveries
        self._wanted: set[int] = set()  # those of them whose subscribers were active
        self._looked_at = 0.0  # when that was; seconds, monotonic
        self._told: set[str] = set()  # template errors of this round
        self._refused: set[str] = set()  # digests that were paused during this batch
        self._losses: Counter[int] = (
            Counter()
        )  # by delivery: of the connection, in the middle of it
        self._failures = 0  # of the server, in a row
        self._resting_until: datetime | None = None

    @property
    def resting_until(self) -> datetime | None:
        """When the server is tried again, aware UTC; None where it is not known to be away."""
        return self._resting_until

    @property
    def probing(self) -> bool:
        """Whether the server was away when it was last tried."""
        return self._failures > 0

    def begin(self, batch: Iterable[Delivery]) -> None:
        """Begin another batch: the store knows by now what is paused."""
        self._refused.clear()
        self._looked_up = frozenset()
        self._open = {delivery.id for delivery in batch}

    def forget(self) -> None:
        """Forget editions and renditions: articles may have changed since."""
        self._editions.clear()
        self._told.clear()
        self._press.forget()

    def refused(self, delivery: Delivery) -> bool:
        """Tell whether a delivery's digest was paused during this batch."""
        edition = self._editions.get(delivery.edition_id)
        return edition is not None and edition[0].digest in self._refused

    async def prepared(self, delivery: Delivery) -> Envelope | Settlement:
        """Return the message to send, or the ending where there is none to be sent."""
        edition, articles = await self._edition(delivery.edition_id)
        if self._clock() > self._expires_at(delivery):
            return self._expired(delivery, "too old to be sent")
        digest = self._digests.get(edition.digest)
        if digest is None:
            return self._again(delivery, f"the digest {edition.digest} is not configured")
        try:
            await self._engrave(digest, edition, articles, delivery)
        except Exception as error:  # noqa: BLE001 - what is no matter of the mail is raised again
            return self._not_composed(delivery, digest, error)
        if not await self._still_wanted(delivery):
            return Settlement(delivery_id=delivery.id, state=DeliveryState.SUPPRESSED)
        try:
            return self._press.envelope(digest, edition, articles, delivery)
        except Exception as error:  # noqa: BLE001 - likewise
            return self._not_composed(delivery, digest, error)

    async def _engrave(
        self, digest: Digest, edition: Edition, articles: list[Article], delivery: Delivery
    ) -> None:
        """Have the plate made that messages are printed from: that takes long, printing not."""
        reader = delivery.subscriber
        if self._press.has_plate(digest, edition, reader):
            return
        async with self._pressing:
            if not self._press.has_plate(digest, edition, reader):
                engrave = self._press.engrave
                self._press.keep(
                    await asyncio.to_thread(engrave, digest, edition, articles, reader)
                )

    async def _still_wanted(self, delivery: Delivery) -> bool:
        """Tell whether a subscriber is active, as the store had it a second ago at most.

        Those of the whole batch are looked up together.
        """
        if not self._known(delivery):
            async with self._looking:
                if not self._known(delivery):
                    numbers = frozenset(self._open | {delivery.id})
                    now = time.monotonic()
                    self._wanted = await asyncio.to_thread(self._store.wanted, numbers)
                    self._looked_up, self._looked_at = numbers, now
        self._open.discard(delivery.id)
        return delivery.id in self._wanted

    def _known(self, delivery: Delivery) -> bool:
        fresh = time.monotonic() - self._looked_at <= _CHECK_HOLDS
        return fresh and delivery.id in self._looked_up

    def _not_composed(self, delivery: Delivery, digest: Digest, error: Exception) -> Settlement:
        """Return the ending of a delivery whose message cannot be made."""
        if isinstance(error, NothingToTell):
            return Settlement(
                delivery_id=delivery.id, state=DeliveryState.SUPPRESSED, error=str(error)
            )
        if isinstance(error, DeliveryRefused):
            return self._failed(delivery, str(error))
        if isinstance(error, TemplateError):
            if str(error) not in self._told:
                self._told.add(str(error))
                _log.error("template broken, its mails wait", digest=digest.name, error=str(error))
            return self._again(delivery, str(error))
        raise error

    async def _edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        if edition_id not in self._editions:
            async with self._pressing:
                if edition_id not in self._editions:
                    self._editions[edition_id] = await asyncio.to_thread(
                        self._store.edition, edition_id
                    )
        return self._editions[edition_id]

    def _expires_at(self, delivery: Delivery) -> datetime:
        """Return when a delivery of an edition that is known is not sent any more."""
        edition, _ = self._editions[delivery.edition_id]
        digest = self._digests.get(edition.digest)
        return delivery.created_at + (digest.expires if digest else EXPIRES)

    async def attempted(
        self, delivery: Delivery, envelope: Envelope, after: asyncio.Future[None] | None = None
    ) -> Settlement:
        """Hand the message over, not before ``after`` is done, and return how that ended.

        Raises what ``after`` raises.
        """
        digest = self._editions[delivery.edition_id][0].digest
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await self._transport.send(envelope, after)
        except AccountRefused as error:
            await self._pause(None, error)
            self._rest(error)
            return self._unharmed(delivery, error)
        except ServerUnavailable as error:
            self._rest(error)
            return self._unharmed(delivery, error)
        except PolicyRefused as error:
            await self._pause(digest, error)
            self._answered(delivery)
            return self._unharmed(delivery, error)
        except TimeoutError:
            late = ServerUnavailable(None, "the server took too long")
            self._rest(late)
            return self._unharmed(delivery, late)
        except DeliveryDeferred as error:
            self._answered(delivery)
            return self._again(delivery, str(error))
        except DeliveryRefused as error:
            self._answered(delivery)
            return self._failed(delivery, str(error), bounced=isinstance(error, AddressRefused))
        self._answered(delivery)
        if delivery.probe:
            await self._resume(digest)
        if _chatty.isEnabledFor(logging.DEBUG):  # what nobody reads takes its time too
            _log.debug("sent", delivery=delivery.id, to=masked(delivery.subscriber.address))
        return Settlement(delivery_id=delivery.id, state=DeliveryState.SENT)

    def _answered(self, delivery: Delivery) -> None:
        """Remember that the server is there: it answered, whatever it said."""
        self._losses.pop(delivery.id, None)
        self._failures, self._resting_until = 0, None

    async def _pause(self, digest: str | None, error: DeliveryDeferred) -> None:
        """Pause a digest, or all mail, and tell the operator, who alone can mend it."""
        now = self._clock()
        if digest is not None:
            self._refused.add(digest)
        paused = asyncio.to_thread(self._store.pause, digest, now, now + PROBE_AFTER, str(error))
        try:
            new = await paused
        except StoreError as problem:
            _log.error("pause not stored", error=str(problem))
            new = True
        if new:
            what = "all mail paused" if digest is None else "digest paused"
            _log.error(
                what,
                digest=digest,
                error=str(error),
                hint="mend the cause, then `digest resume`",
                probe_at=(now + PROBE_AFTER).isoformat(),
            )

    async def _resume(self, digest: str) -> None:
        """End the pauses that a probe was tried for."""
        for subject in (None, digest):
            try:
                if await asyncio.to_thread(self._store.resume, subject):
                    _log.info("pause ended: the probe was taken", digest=subject)
            except StoreError as error:
                _log.warning("pause not ended yet", digest=subject, error=str(error))

    def _unharmed(self, delivery: Delivery, error: DeliveryDeferred) -> Settlement:
        """Return the ending that leaves a delivery as it was, but behind the others.

        Else one message that a server breaks off at would be every probe.
        """
        self._losses[delivery.id] += 1
        rest = RESTS[min(self._losses[delivery.id], len(RESTS)) - 1]
        wait = rest * (1 + self._jitter() / 10)
        _log.info(
            "put back",
            delivery=delivery.id,
            to=masked(delivery.subscriber.address),
            error=str(error),
        )
        return Settlement(
            delivery_id=delivery.id,
            state=DeliveryState.QUEUED,
            next_attempt_at=self._clock() + wait,
            error=str(error),
        )

    def _rest(self, error: ServerUnavailable) -> None:
        """Leave the server alone for a while, longer each time that it is still away."""
        if self._resting_until is not None and self._clock() < self._resting_until:
            return
        rest = RESTS[min(self._failures, len(RESTS) - 1)]
        self._failures += 1
        self._resting_until = self._clock() + rest
        _log.error("mail cannot be handed over, waiting", error=str(error), wait=str(rest))

    def _again(self, delivery: Delivery, error: str) -> Settlement:
        """Return the ending of an attempt that is to be repeated, or was the last one."""
        now = self._clock()
        expires_at = self._expires_at(delivery)
        later = next_attempt(delivery.attempts + 1, expires_at, now, self._jitter())
        if later is None:
            return self._expired(delivery, error)
        _log.warning(
            "deferred",
            delivery=delivery.id,
            to=masked(delivery.subscriber.address),
            error=error,
            until=later.isoformat(),
        )
        return Settlement(
            delivery_id=delivery.id,
            state=DeliveryState.DEFERRED,
            next_attempt_at=later,
            error=error,
        )

    def _expired(self, delivery: Delivery, error: str) -> Settlement:
        _log.warning(
            "expired", delivery=delivery.id, to=masked(delivery.subscriber.address), error=error
        )
        return Settlement(delivery_id=delivery.id, state=DeliveryState.EXPIRED, error=error)

    def _failed(self, delivery: Delivery, error: str, *, bounced: bool = False) -> Settlement:
        _log.warning(
            "failed",
            delivery=delivery.id,
            to=masked(delivery.subscriber.address),
            error=error,
            suppressed=bounced,
        )
        return Settlement(
            delivery_id=delivery.id, state=DeliveryState.FAILED, error=error, bounced=bounced
        )
