"""Send what is due: claim deliveries, compose their messages, hand them over, record results."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

import structlog

from digest.editions.delivery import EXPIRES, Delivery, DeliveryResult, DeliveryState
from digest.editions.model import Digest
from digest.errors import StoreError
from digest.mail.composer import Composer
from digest.mail.delivery.attempt import SEND_WITHIN, Attempts, PauseStore, Transport
from digest.mail.delivery.messages import DeliveryReader, EditionReader, Messages
from digest.mail.delivery.rate_limit import Limits, RateLimit
from digest.mail.delivery.results import ResultStore, ResultWriter, finish
from digest.times import Clock
from digest.wakeup import WakeUp

#: How long a claimed delivery is ours. If the process dies, it can be claimed again after that.
LEASE = timedelta(minutes=5)
#: No attempt begins later after the claim, so that none outlasts the lease: two minutes, as an
#: attempt takes at most ``SEND_WITHIN`` and its result 30 s. With a lease of 3 minutes or less,
#: nothing would be begun at all.
BEGIN_WITHIN = LEASE - SEND_WITHIN - timedelta(seconds=30)
#: Deliveries claimed at once, for each connection.
CLAIM_PER_CONNECTION = 50
#: Seconds; where the rate limit asks for a longer wait, the claim is given back.
_MAX_RATE_WAIT = 15.0
_HOUR = timedelta(hours=1)
#: The states whose numbers the log tells.
_LOGGED = (
    DeliveryState.SENT,
    DeliveryState.DEFERRED,
    DeliveryState.FAILED,
    DeliveryState.EXPIRED,
    DeliveryState.SUPPRESSED,
)

#: Done when the result of a connection's last message is stored; None before the first one.
_Recorded: TypeAlias = asyncio.Future[None] | None

_log = structlog.get_logger(__name__)


class DeliveryStore(DeliveryReader, PauseStore, ResultStore, Protocol):
    """The part of the store that the worker uses. Every method raises StoreError."""

    def claim(
        self,
        limit: int,
        now: datetime,
        lease: timedelta,
        expires: Mapping[str, timedelta],
        owner: str | None = None,
    ) -> list[Delivery]:
        """Claim deliveries that are due: queued, deferred until now, or with an expired lease.

        They become ``sending`` until ``now + lease``, oldest first. Deliveries of inactive
        subscribers become ``suppressed``, those older than ``expires`` says of their digest
        ``expired``. Of what is paused, a probe is claimed when it is due. ``owner`` is the id
        of the daemon that claims.
        """

    def take_back(self, owner: str, now: datetime) -> int:
        """Queue again the deliveries claimed by a daemon that died; return their number."""

    def tried_since(self, moment: datetime) -> list[datetime]:
        """Return the times of last attempts since a moment; aware UTC, in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """How mail is sent."""

    digests: Mapping[str, Digest]  #: by name
    connections: int  #: messages under way at the same time, 1 or more
    limits: Limits
    owner: str | None = None  #: id of this daemon, which no other running one has


class DeliveryWorker:
    """Sends what is due, several messages at a time."""

    def __init__(
        self,
        *,
        store: DeliveryStore,
        editions: EditionReader,
        composer: Composer,
        transport: Transport,
        settings: DeliverySettings,
        clock: Clock,
        jitter: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """``jitter`` returns 0…1; ``timer`` returns the seconds that rate limits count."""
        self._store = store
        self._connections = settings.connections
        self._clock = clock
        self._timer = timer
        self._expires = {name: digest.expires for name, digest in settings.digests.items()}
        self._attempts = Attempts(
            store=store,
            transport=transport,
            expires=lambda digest: self._expires.get(digest, EXPIRES),
            clock=clock,
            jitter=jitter,
        )
        self._messages = Messages(
            editions=editions,
            deliveries=store,
            composer=composer,
            digests=settings.digests,
            clock=clock,
            deferred=self._attempts.deferred,
        )
        self._results = ResultWriter(store, clock, most=settings.connections)
        self._rate = RateLimit(settings.limits)
        self._owner = settings.owner
        self._count_past = settings.limits.per_hour is not None
        self._take_back = settings.owner is not None
        self._limited_until: datetime | None = None  # by the rate limit
        self._one_at_a_time = asyncio.Lock()
        self.totals: Counter[DeliveryState] = Counter()  #: how attempts ended since the start

    @property
    def backoff_until(self) -> datetime | None:
        """When sending goes on after the server was away, or after an hour's limit; aware UTC."""
        known = [moment for moment in (self._attempts.backoff_until, self._limited_until) if moment]
        return max(known, default=None)

    async def send_due(self, wakeup: WakeUp) -> None:
        """Send all deliveries that are due, or until ``wakeup`` is stopped.

        Ends early while the server is away. What is claimed but not begun goes back to the queue.
        Raises StoreError where nothing can be claimed.
        """
        async with self._one_at_a_time:
            before = self.totals.copy()
            try:
                await self._resume()
                while not wakeup.stopped and not self._is_backing_off():
                    await self._results.write_leftovers()
                    if self._back_off(self._rate.wait(self._timer())):
                        break
                    claimed_at = self._clock()
                    batch = await asyncio.to_thread(
                        self._store.claim,
                        self._batch_size(),
                        claimed_at,
                        LEASE,
                        self._expires,
                        self._owner,
                    )
                    if not batch:
                        break
                    self._messages.begin(batch)
                    self._attempts.begin()
                    await self._send_batch(deque(batch), claimed_at, wakeup)
            finally:
                self._messages.forget()
            if states := self.totals - before:
                _log.info("deliveries sent", **{state.value: states[state] for state in _LOGGED})

    async def _resume(self) -> None:
        """At the first call, take over the work of an earlier process. Raises StoreError.

        Its claims are queued again, and its messages of the last hour count for the rate limit.
        """
        now = self._clock()
        if self._take_back and self._owner is not None:
            queued = await asyncio.to_thread(self._store.take_back, self._owner, now)
            if queued:
                _log.warning("deliveries of a daemon that died queued again", number=queued)
            self._take_back = False
        if self._count_past:
            tried = await asyncio.to_thread(self._store.tried_since, now - _HOUR)
            timer = self._timer()
            self._rate.recall(sorted(timer - (now - moment).total_seconds() for moment in tried))
            self._count_past = False

    def _batch_size(self) -> int:
        """Return the number of deliveries to claim: 1 (a probe) while the server is away."""
        if self._attempts.probing:
            return 1
        most = CLAIM_PER_CONNECTION * self._connections
        room = self._rate.room(self._timer(), BEGIN_WITHIN.total_seconds() / 2)
        return most if room is None else max(1, min(most, room))

    def _is_backing_off(self) -> bool:
        until = self.backoff_until
        return until is not None and self._clock() < until

    def _back_off(self, seconds: float) -> bool:
        """Return whether the rate limit's wait is long; then nothing is sent until it is over."""
        if seconds <= _MAX_RATE_WAIT:
            return False
        self._limited_until = self._clock() + timedelta(seconds=seconds)
        _log.info("as many mails as allowed, waiting", until=self._limited_until.isoformat())
        return True

    async def _send_batch(
        self,
        waiting: deque[Delivery],
        claimed_at: datetime,
        wakeup: WakeUp,
    ) -> None:
        """Send a batch; deliveries that are not begun, for whatever reason, are given back."""

        async def work() -> None:
            recorded: _Recorded = None
            try:
                while waiting and not (
                    wakeup.stopped or self._is_backing_off() or self._results.has_leftovers
                ):
                    if self._clock() > claimed_at + BEGIN_WITHIN:
                        return
                    if wait := self._rate.wait(self._timer()):
                        if self._back_off(wait):
                            return
                        await wakeup.rest(wait)
                        continue
                    delivery = self._next(waiting)
                    if delivery is None:
                        return
                    recorded = await self._deliver(delivery, waiting, recorded)
            finally:
                if recorded is not None:
                    with suppress(Exception):  # the writer has logged it
                        await finish(recorded)

        undecided = self._attempts.put_back
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self._connections, len(waiting))):
                    workers.create_task(work())
            if not waiting:
                undecided = self._attempts.settle
        finally:
            results = undecided()
            self.totals.update(result.state for result in results)
            results += [
                DeliveryResult(
                    delivery_id=delivery.id,
                    state=DeliveryState.QUEUED,
                    next_attempt_at=self.backoff_until,
                )
                for delivery in waiting
            ]
            if results:
                await finish(asyncio.ensure_future(asyncio.to_thread(self._give_back, results)))

    def _next(self, waiting: deque[Delivery]) -> Delivery | None:
        """Remove and return the next delivery whose domain is free and whose digest is not paused.

        While refusals are held, another domain goes first. None where no delivery is free: each
        of these domains has as many connections as it may, which take what follows.
        """
        doubtful = self._attempts.doubtful
        chosen = None
        for number, delivery in enumerate(waiting):
            if self._messages.digest_of(delivery) in self._attempts.paused:
                continue
            if self._rate.free(delivery.domain):
                if chosen is None:
                    chosen = number
                if delivery.domain not in doubtful:
                    chosen = number
                    break
        if chosen is None:
            return None
        delivery = waiting[chosen]
        del waiting[chosen]
        return delivery

    async def _deliver(
        self,
        delivery: Delivery,
        waiting: deque[Delivery],
        recorded: _Recorded,
    ) -> _Recorded:
        """Compose, send and record one delivery; return when its result is stored.

        Whatever goes wrong does not touch the others. No server gets the message before
        ``recorded``, the result of this connection's last one, is stored: so a kill leaves at most
        one message per connection that its server has and the store does not know of.
        """
        domain, begun = delivery.domain, self._timer()
        self._rate.begin(domain, begun)
        tried = False
        try:
            message = await self._messages.compose(delivery)
            if isinstance(message, DeliveryResult):
                results = [message]
            else:
                tried = True
                digest = self._messages.digest_of(delivery) or ""
                results = await self._attempts.send(delivery, digest, message, recorded)
            self.totals.update(result.state for result in results)
            return self._results.add(results) if results else recorded
        except asyncio.CancelledError:
            if not tried:
                waiting.appendleft(delivery)
            raise
        except StoreError as error:
            _log.error("delivery waits for its lease", delivery=delivery.id, error=str(error))
        except Exception:  # noqa: BLE001 - it waits for its lease too; the others go on
            _log.exception("delivery interrupted", delivery=delivery.id)
        finally:
            self._rate.end(domain, begun, tried=tried)
        return recorded

    def _give_back(self, results: Sequence[DeliveryResult]) -> None:
        """Record deliveries that were claimed but not begun, and what became of held ones."""
        try:
            self._store.record_results(results, self._clock())
        except StoreError as error:
            _log.warning("deliveries wait for their lease to run out", error=str(error))
