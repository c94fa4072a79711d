"""Work off the outbox: claim what is due, send it, say how it ended."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from digest.articles.model import Article
from digest.errors import (
    DeliveryDeferred,
    DeliveryRefused,
    ServerUnavailable,
    StoreError,
    TemplateError,
)
from digest.mail.address import masked
from digest.mail.delivery import GIVE_UP_AFTER, Delivery, DeliveryState, next_attempt
from digest.mail.edition import Digest, Edition
from digest.mail.message import Envelope
from digest.mail.press import NothingToTell, Press
from digest.mail.transport import Transport
from digest.times import Clock

#: How long a claimed delivery is ours. One that is lost with the process is claimed again then.
LEASE = timedelta(minutes=5)
#: No attempt begins later after the claim, and none lasts longer: both fit into the lease.
BEGIN_WITHIN, SEND_WITHIN = timedelta(minutes=2), timedelta(minutes=2, seconds=30)
#: Deliveries that are claimed at once, for each connection.
CLAIM_PER_CONNECTION = 25
#: How long nothing is tried after the server was found unavailable, by failures in a row.
RESTS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15, 30))

_log = structlog.get_logger(__name__)


class DeliveryStore(Protocol):
    """What the outbox needs of the store."""

    def edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        """Return an edition and its articles as they are now, in order of sequence."""
        ...

    def claim(self, limit: int, now: datetime, lease: timedelta) -> list[Delivery]:
        """Take deliveries that are due (queued, deferred until now, or with a lease that ran out).

        They become ``sending`` until ``now + lease``. Oldest first. Subscribers who are no longer
        active are not among them: their deliveries become ``suppressed``.
        """
        ...

    def still_wanted(self, delivery_id: int) -> bool:
        """Tell, right before sending, whether the subscriber is still active."""
        ...

    def settle(
        self,
        delivery_id: int,
        state: DeliveryState,
        now: datetime,
        *,
        next_attempt_at: datetime | None = None,
        error: str | None = None,
    ) -> bool:
        """Say how an attempt ended; False where the delivery was not ``sending`` any more.

        Every state but ``queued`` counts as an attempt. The edition is done with its last one.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How many deliveries ended how."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    suppressed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    """How an attempt ended; what the store is to remember."""

    delivery: Delivery
    state: DeliveryState
    next_attempt_at: datetime | None = None
    error: str | None = None


class Outbox:
    """Sends what is due, several messages at a time, but never through a server that is away."""

    def __init__(
        self,
        *,
        store: DeliveryStore,
        transport: Transport,
        press: Press,
        digests: Mapping[str, Digest],
        clock: Clock,
        jitter: Callable[[], float],
        connections: int,
    ) -> None:
        """Keep what is needed. ``jitter`` returns 0…1; ``connections`` is 1 or more."""
        self._store = store
        self._transport = transport
        self._press = press
        self._digests = digests
        self._clock = clock
        self._jitter = jitter
        self._connections = connections
        self._one_at_a_time = asyncio.Lock()
        self._pressing = asyncio.Lock()
        self._editions: dict[int, tuple[Edition, list[Article]]] = {}
        self._told: set[str] = set()  # template errors of this round
        self._unsettled: list[_Ending] = []
        self._failures = 0  # of the server, in a row
        self._resting_until: datetime | None = None

    @property
    def resting_until(self) -> datetime | None:
        """When the server is tried again, aware UTC; None where it is not known to be away."""
        return self._resting_until

    async def work_off(self, stop: asyncio.Event) -> Sent:
        """Send everything that is due now, until there is no more, or ``stop`` is set.

        What is claimed but not begun goes back. Raises StoreError where nothing can be claimed.
        """
        async with self._one_at_a_time:
            ended: Counter[DeliveryState] = Counter()
            try:
                while not stop.is_set() and not self._resting():
                    await self._settle_leftovers()
                    claimed_at = self._clock()
                    batch = await asyncio.to_thread(
                        self._store.claim, self._batch_size(), claimed_at, LEASE
                    )
                    if not batch:
                        break
                    await self._send_batch(deque(batch), claimed_at, stop, ended)
            finally:
                self._editions.clear()
                self._told.clear()
                self._press.forget()
                await self._transport.close()
            sent = Sent(
                sent=ended[DeliveryState.SENT],
                deferred=ended[DeliveryState.DEFERRED],
                failed=ended[DeliveryState.FAILED],
                suppressed=ended[DeliveryState.SUPPRESSED],
            )
            if ended:
                _log.info(
                    "outbox worked off",
                    sent=sent.sent,
                    deferred=sent.deferred,
                    failed=sent.failed,
                    suppressed=sent.suppressed,
                )
            return sent

    def _batch_size(self) -> int:
        """One probe while the server is away, else enough for all connections."""
        return 1 if self._failures else CLAIM_PER_CONNECTION * self._connections

    def _resting(self) -> bool:
        return self._resting_until is not None and self._clock() < self._resting_until

    async def _send_batch(
        self,
        waiting: deque[Delivery],
        claimed_at: datetime,
        stop: asyncio.Event,
        ended: Counter[DeliveryState],
    ) -> None:
        """Send a batch; what is not begun, for whatever reason, goes back."""

        async def work() -> None:
            while waiting and not stop.is_set() and not self._resting():
                if self._clock() > claimed_at + BEGIN_WITHIN:
                    return
                await self._deliver(waiting, ended)

        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self._connections, len(waiting))):
                    workers.create_task(work())
        finally:
            if waiting:
                await _to_the_end(asyncio.to_thread(self._give_back, tuple(waiting)))

    async def _deliver(self, waiting: deque[Delivery], ended: Counter[DeliveryState]) -> None:
        """Make one attempt. Whatever goes wrong in it does not touch the others."""
        delivery = waiting.popleft()
        try:
            try:
                prepared = await self._prepared(delivery)
            except asyncio.CancelledError:
                waiting.appendleft(delivery)
                raise
            ending = (
                prepared
                if isinstance(prepared, _Ending)
                else await self._attempted(delivery, prepared)
            )
            ended[ending.state] += 1
            await self._settle(ending)
        except StoreError as error:
            _log.error("delivery waits for its lease", delivery=delivery.id, error=str(error))
        except Exception:  # noqa: BLE001 - it waits for its lease too; the others go on
            _log.exception("delivery interrupted", delivery=delivery.id)

    async def _prepared(self, delivery: Delivery) -> Envelope | _Ending:
        """Return the message to send, or the ending where there is none to be sent."""
        if self._clock() > delivery.created_at + GIVE_UP_AFTER:
            return self._failed(delivery, "too old to be sent")
        edition, articles = await self._edition(delivery.edition_id)
        digest = self._digests.get(edition.digest)
        if digest is None:
            return self._again(delivery, f"the digest {edition.digest} is not configured")
        try:
            async with self._pressing:
                envelope = await asyncio.to_thread(
                    self._press.envelope, digest, edition, articles, delivery
                )
        except NothingToTell as error:
            return _Ending(delivery=delivery, state=DeliveryState.SUPPRESSED, error=str(error))
        except DeliveryRefused as error:
            return self._failed(delivery, str(error))
        except TemplateError as error:
            if str(error) not in self._told:
                self._told.add(str(error))
                _log.error("template broken, its mails wait", digest=digest.name, error=str(error))
            return self._again(delivery, str(error))
        if not await asyncio.to_thread(self._store.still_wanted, delivery.id):
            return _Ending(delivery=delivery, state=DeliveryState.SUPPRESSED)
        return envelope

    async def _edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        async with self._pressing:
            if edition_id not in self._editions:
                self._editions[edition_id] = await asyncio.to_thread(
                    self._store.edition, edition_id
                )
            return self._editions[edition_id]

    async def _attempted(self, delivery: Delivery, envelope: Envelope) -> _Ending:
        """Hand the message over and return how that ended."""
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await self._transport.send(envelope)
        except ServerUnavailable as error:
            self._rest(error)
            return self._again(delivery, str(error))
        except DeliveryDeferred as error:
            return self._again(delivery, str(error))
        except DeliveryRefused as error:
            return self._failed(delivery, str(error))
        except TimeoutError:
            return self._again(delivery, "the server took too long")
        self._failures, self._resting_until = 0, None
        _log.debug("sent", delivery=delivery.id, to=masked(delivery.subscriber.address))
        return _Ending(delivery=delivery, state=DeliveryState.SENT)

    def _rest(self, error: ServerUnavailable) -> None:
        """Leave the server alone for a while, longer each time that it is still away."""
        if self._resting():
            return
        rest = RESTS[min(self._failures, len(RESTS) - 1)]
        self._failures += 1
        self._resting_until = self._clock() + rest
        _log.error("mail cannot be handed over, waiting", error=str(error), wait=str(rest))

    def _again(self, delivery: Delivery, error: str) -> _Ending:
        """Return the ending of an attempt that is to be repeated, or was the last one."""
        now = self._clock()
        later = next_attempt(delivery.attempts + 1, delivery.created_at, now, self._jitter())
        if later is None:
            return self._failed(delivery, error)
        _log.warning(
            "deferred",
            delivery=delivery.id,
            to=masked(delivery.subscriber.address),
            error=error,
            until=later.isoformat(),
        )
        return _Ending(
            delivery=delivery, state=DeliveryState.DEFERRED, next_attempt_at=later, error=error
        )

    def _failed(self, delivery: Delivery, error: str) -> _Ending:
        _log.warning(
            "failed", delivery=delivery.id, to=masked(delivery.subscriber.address), error=error
        )
        return _Ending(delivery=delivery, state=DeliveryState.FAILED, error=error)

    async def _settle(self, ending: _Ending) -> None:
        """Have an ending remembered, now or, where the store is away, before the next claim."""
        try:
            await _to_the_end(asyncio.to_thread(self._remember, ending))
        except StoreError as error:
            self._unsettled.append(ending)
            _log.error("ending not stored yet", delivery=ending.delivery.id, error=str(error))

    async def _settle_leftovers(self) -> None:
        """Have what could not be stored stored: sent again is what is claimed without it."""
        while self._unsettled:
            await _to_the_end(asyncio.to_thread(self._remember, self._unsettled[0]))
            self._unsettled.pop(0)

    def _remember(self, ending: _Ending) -> None:
        known = self._store.settle(
            ending.delivery.id,
            ending.state,
            self._clock(),
            next_attempt_at=ending.next_attempt_at,
            error=ending.error,
        )
        if not known:
            _log.warning("delivery was taken over meanwhile", delivery=ending.delivery.id)

    def _give_back(self, deliveries: Iterable[Delivery]) -> None:
        """Queue deliveries again that were claimed but not begun."""
        for delivery in deliveries:
            try:
                self._store.settle(
                    delivery.id,
                    DeliveryState.QUEUED,
                    self._clock(),
                    next_attempt_at=self._resting_until,
                )
            except StoreError as error:
                _log.warning("deliveries wait for their lease to run out", error=str(error))
                return


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """Await work that must not be left half done: a cancellation waits until it has ended."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await task
        raise
