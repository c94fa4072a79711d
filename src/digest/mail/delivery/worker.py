"""Work off the outbox: claim what is due, send it, say how it ended."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

import structlog

from digest.editions.delivery import Delivery, DeliveryState, Settlement
from digest.editions.model import Digest
from digest.errors import StoreError
from digest.mail.composer import Press
from digest.mail.delivery.attempt import SEND_WITHIN, Courier, CourierStore
from digest.mail.delivery.rate_limit import Limits, Pace
from digest.mail.delivery.results import Ledger, LedgerStore, to_the_end
from digest.mail.transports.transport import Transport
from digest.times import Clock

#: How long a claimed delivery is ours. One that is lost with the process is claimed again then.
LEASE = timedelta(minutes=5)
#: No attempt begins later after the claim; with the time that one may last it fits the lease.
BEGIN_WITHIN = LEASE - SEND_WITHIN - timedelta(seconds=30)
#: Deliveries that are claimed at once, for each connection.
CLAIM_PER_CONNECTION = 50
#: A wait for the pace that is longer gives the claim back; seconds.
_LONGEST_HOLD = 15.0
_HOUR = timedelta(hours=1)

#: Returns when attempts were made since a moment; all aware UTC.
History: TypeAlias = Callable[[datetime], Sequence[datetime]]

#: Done when the last message of a worker is marked; None before the first one.
_Marked: TypeAlias = asyncio.Future[None] | None

_log = structlog.get_logger(__name__)


class DeliveryStore(CourierStore, LedgerStore, Protocol):
    """What the outbox needs of the store."""

    def claim(
        self, limit: int, now: datetime, lease: timedelta, expires: Mapping[str, timedelta]
    ) -> list[Delivery]:
        """Take deliveries that are due (queued, deferred until now, or with a lease that ran out).

        They become ``sending`` until ``now + lease``. Oldest first. Subscribers who are no longer
        active are not among them: their deliveries become ``suppressed``. Deliveries older than
        ``expires`` says of their digest become ``expired``. Of what is paused there is a probe
        when it is due.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How many deliveries ended how."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    expired: int = 0
    suppressed: int = 0


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
        limits: Limits | None = None,
        timer: Callable[[], float] = time.monotonic,
        history: History | None = None,
    ) -> None:
        """``jitter`` returns 0…1; ``connections`` is 1 or more; ``timer`` tells the seconds that
        ``limits`` count; ``history`` tells what an earlier process has sent within their hour.
        """
        self._store = store
        self._courier = Courier(
            store=store,
            transport=transport,
            press=press,
            digests=digests,
            clock=clock,
            jitter=jitter,
        )
        self._clock = clock
        self._connections = connections
        self._one_at_a_time = asyncio.Lock()
        self._pace = Pace(limits or Limits())
        self._timer = timer
        self._history = history if limits and limits.per_hour else None
        self._expires = {name: digest.expires for name, digest in digests.items()}
        self._held_until: datetime | None = None
        self._ledger = Ledger(store, clock, most=connections)

    @property
    def resting_until(self) -> datetime | None:
        """When anything is tried again, aware UTC; None where nothing is in the way.

        The server may be away, or have had as many messages as it bears in an hour.
        """
        known = [moment for moment in (self._courier.resting_until, self._held_until) if moment]
        return max(known, default=None)

    async def work_off(self, stop: asyncio.Event) -> Sent:
        """Send everything that is due now, until there is no more, or ``stop`` is set.

        What is claimed but not begun goes back. Raises StoreError where nothing can be claimed.
        """
        async with self._one_at_a_time:
            ended: Counter[DeliveryState] = Counter()
            try:
                await self._recall()
                while not stop.is_set() and not self._resting():
                    await self._ledger.settle_leftovers()
                    if self._hold(self._pace.wait(self._timer())):
                        break
                    claimed_at = self._clock()
                    batch = await asyncio.to_thread(
                        self._store.claim, self._batch_size(), claimed_at, LEASE, self._expires
                    )
                    if not batch:
                        break
                    self._courier.begin(batch)
                    await self._send_batch(deque(batch), claimed_at, stop, ended)
            finally:
                self._courier.forget()
            sent = Sent(
                sent=ended[DeliveryState.SENT],
                deferred=ended[DeliveryState.DEFERRED],
                failed=ended[DeliveryState.FAILED],
                expired=ended[DeliveryState.EXPIRED],
                suppressed=ended[DeliveryState.SUPPRESSED],
            )
            if ended:
                _log.info(
                    "outbox worked off",
                    sent=sent.sent,
                    deferred=sent.deferred,
                    failed=sent.failed,
                    expired=sent.expired,
                    suppressed=sent.suppressed,
                )
            return sent

    async def _recall(self) -> None:
        """Count what an earlier process has sent within the hour, once. Raises StoreError."""
        if self._history is not None:
            now = self._clock()
            tried = await asyncio.to_thread(self._history, now - _HOUR)
            timer = self._timer()
            self._pace.recall(sorted(timer - (now - moment).total_seconds() for moment in tried))
            self._history = None

    def _batch_size(self) -> int:
        """One probe while the server is away, else enough for all connections."""
        if self._courier.probing:
            return 1
        most = CLAIM_PER_CONNECTION * self._connections
        room = self._pace.room(self._timer(), BEGIN_WITHIN.total_seconds() / 2)
        return most if room is None else max(1, min(most, room))

    def _resting(self) -> bool:
        until = self.resting_until
        return until is not None and self._clock() < until

    def _hold(self, seconds: float) -> bool:
        """Tell whether the pace asks for so long a wait that nothing is claimed meanwhile."""
        if seconds <= _LONGEST_HOLD:
            return False
        self._held_until = self._clock() + timedelta(seconds=seconds)
        _log.info("as many mails as allowed, waiting", until=self._held_until.isoformat())
        return True

    async def _send_batch(
        self,
        waiting: deque[Delivery],
        claimed_at: datetime,
        stop: asyncio.Event,
        ended: Counter[DeliveryState],
    ) -> None:
        """Send a batch; what is not begun, for whatever reason, goes back."""

        async def work() -> None:
            marked: _Marked = None
            try:
                while waiting and not (stop.is_set() or self._resting() or self._ledger.owing):
                    if self._clock() > claimed_at + BEGIN_WITHIN:
                        return
                    if wait := self._pace.wait(self._timer()):
                        if self._hold(wait):
                            return
                        with suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), wait)
                        continue
                    delivery = self._next(waiting)
                    if delivery is None:
                        return
                    marked = await self._paced(delivery, waiting, ended, marked)
            finally:
                if marked is not None:
                    with suppress(Exception):  # the ledger has told it
                        await to_the_end(marked)

        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self._connections, len(waiting))):
                    workers.create_task(work())
        finally:
            if waiting:
                give_back = asyncio.to_thread(self._give_back, tuple(waiting))
                await to_the_end(asyncio.ensure_future(give_back))

    def _next(self, waiting: deque[Delivery]) -> Delivery | None:
        """Take the first delivery whose domain is free; None where there is none.

        Then all of these domains have their workers, who take what follows.
        """
        for number, delivery in enumerate(waiting):
            if self._courier.refused(delivery):
                continue  # it goes back with the batch
            if self._pace.free(_domain(delivery)):
                del waiting[number]
                return delivery
        return None

    async def _paced(
        self,
        delivery: Delivery,
        waiting: deque[Delivery],
        ended: Counter[DeliveryState],
        after: _Marked,
    ) -> _Marked:
        """Make one attempt that the pace counts, if it comes to one; return when it is marked.

        Whatever goes wrong in it does not touch the others. No server has the message before
        ``after``, the mark of this worker's last one, is stored: so a kill leaves each worker, and
        each connection, at most one message that its server knows of and the store does not.
        """
        domain, begun = _domain(delivery), self._timer()
        self._pace.begin(domain, begun)
        tried = False
        try:
            prepared = await self._courier.prepared(delivery)
            tried = not isinstance(prepared, Settlement)
            if isinstance(prepared, Settlement):
                ending = prepared
            else:
                ending = await self._courier.attempted(delivery, prepared, after)
            ended[ending.state] += 1
            return self._ledger.enter(ending)
        except asyncio.CancelledError:
            if not tried:
                waiting.appendleft(delivery)
            raise
        except StoreError as error:
            _log.error("delivery waits for its lease", delivery=delivery.id, error=str(error))
        except Exception:  # noqa: BLE001 - it waits for its lease too; the others go on
            _log.exception("delivery interrupted", delivery=delivery.id)
        finally:
            self._pace.end(domain, begun, tried=tried)
        return after

    def _give_back(self, deliveries: Iterable[Delivery]) -> None:
        """Queue deliveries again that were claimed but not begun."""
        settlements = [
            Settlement(
                delivery_id=delivery.id,
                state=DeliveryState.QUEUED,
                next_attempt_at=self.resting_until,
            )
            for delivery in deliveries
        ]
        try:
            self._store.settle_all(settlements, self._clock())
        except StoreError as error:
            _log.warning("deliveries wait for their lease to run out", error=str(error))


def _domain(delivery: Delivery) -> str:
    return delivery.subscriber.address.rpartition("@")[2].lower()
