"""Write results of deliveries into the store, together where they come together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

import structlog

from digest.editions.delivery import DeliveryResult
from digest.errors import StoreError
from digest.times import Clock

#: Seconds for which a result waits for others: about as long as a disk takes to write it. A
#: transaction for ten results takes as long as for one.
_GATHER_WITHIN = 0.0005

_log = structlog.get_logger(__name__)


class ResultStore(Protocol):
    """The part of the store that the writer uses. Every method raises StoreError."""

    def record_results(self, results: Sequence[DeliveryResult], now: datetime) -> set[int]:
        """Record results, all or none; return which of their deliveries were ``sending``.

        The others stay as they are. An edition is done with its last delivery.
        """


class ResultWriter:
    """Writes results in the order they come. Keeps those that cannot be written yet."""

    def __init__(self, store: ResultStore, clock: Clock, *, most: int = 1) -> None:
        """``most`` is how many messages are under way at the same time."""
        self._store = store
        self._clock = clock
        self._most = most
        self._gathering: asyncio.Future[None] | None = None
        self._pending: list[tuple[Sequence[DeliveryResult], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None  # that writes
        self._leftovers: list[DeliveryResult] = []

    @property
    def has_leftovers(self) -> bool:
        """Whether there are results that could not be written."""
        return bool(self._leftovers)

    def add(self, results: Sequence[DeliveryResult]) -> asyncio.Future[None]:
        """Queue results for writing; the future is done when they and all before them are written.

        Results that come while others are written form the next transaction. If the store is away
        they are kept, and the future raises StoreError.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.add_done_callback(_retrieve)
        self._pending.append((results, written))
        if len(self._pending) >= self._most:
            self._gathered()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())
        return written

    async def _write(self) -> None:
        """Write results until none is pending."""
        while self._pending:
            await self._gather()
            batch, self._pending = self._pending, []
            results = [*self._leftovers, *(result for added, _ in batch for result in added)]
            problem: BaseException | None = None
            try:
                await asyncio.to_thread(self._record, results)
            except StoreError as error:
                self._leftovers = results
                problem = error
                _log.error("results not stored yet", number=len(results), error=str(error))
            except BaseException as error:
                problem = error
                self._leftovers = results
                _log.exception("results not stored", number=len(results))
                if not isinstance(error, Exception):
                    batch, self._pending = batch + self._pending, []  # nobody writes any more
                    if isinstance(error, asyncio.CancelledError):
                        raise
                    return  # the futures raise it
            else:
                self._leftovers.clear()
            finally:
                for _, written in batch:
                    if not written.done():
                        if problem is None:
                            written.set_result(None)
                        else:
                            written.set_exception(problem)

    async def _gather(self) -> None:
        """Wait a moment for the results of other messages under way."""
        if len(self._pending) < self._most:
            loop = asyncio.get_running_loop()
            self._gathering = loop.create_future()
            timer = loop.call_later(_GATHER_WITHIN, self._gathered)
            try:
                await self._gathering
            finally:
                timer.cancel()
                self._gathering = None

    def _gathered(self) -> None:
        if self._gathering is not None and not self._gathering.done():
            self._gathering.set_result(None)

    async def write_leftovers(self) -> None:
        """Write the results that could not be written before, so that nothing is sent again.

        Raises StoreError. After another failure than that they are dropped, and the deliveries wait
        for their lease.
        """
        if not self._leftovers:
            return
        writing = asyncio.to_thread(self._record, tuple(self._leftovers))
        try:
            await finish(asyncio.ensure_future(writing))
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - a mistake of ours must not end all mail
            _log.exception("results given up", number=len(self._leftovers))
        self._leftovers.clear()

    def _record(self, results: Sequence[DeliveryResult]) -> None:
        known = self._store.record_results(results, self._clock())
        for result in results:
            if result.delivery_id not in known:
                _log.warning("delivery was taken over meanwhile", delivery=result.delivery_id)


def _retrieve(written: asyncio.Future[None]) -> None:
    """Retrieve an exception that is logged already, so that asyncio does not report it."""
    if not written.cancelled():
        written.exception()


async def finish(work: asyncio.Future[None]) -> None:
    """Await work to its end, even if cancelled meanwhile."""
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        with suppress(Exception):
            await work
        raise
