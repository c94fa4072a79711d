"""The ledger: has endings of deliveries remembered, together where they come together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

import structlog

from digest.editions.delivery import Settlement
from digest.errors import StoreError
from digest.times import Clock

#: Seconds for which an ending waits for others: about what a disk takes to write it. A transaction
#: costs as much for ten of them as for one.
_LINGER = 0.0005

_log = structlog.get_logger(__name__)


class LedgerStore(Protocol):
    """What the ledger needs of the store."""

    def settle_all(self, settlements: Sequence[Settlement], now: datetime) -> set[int]:
        """Say how attempts ended, all or nothing; return which deliveries were ``sending``.

        The others stay as they are. An edition is done with its last delivery.
        """


class Ledger:
    """Writes endings into the store. What it cannot write it keeps until it can."""

    def __init__(self, store: LedgerStore, clock: Clock, *, most: int = 1) -> None:
        """Begin with nothing to write. No more than ``most`` endings come at the same time."""
        self._store = store
        self._clock = clock
        self._most = most
        self._gathering: asyncio.Future[None] | None = None
        self._endings: list[tuple[Settlement, asyncio.Future[None]]] = []  # to be written
        self._clerk: asyncio.Task[None] | None = None  # who writes them
        self._unsettled: list[Settlement] = []

    @property
    def owing(self) -> bool:
        """Whether there are endings that could not be written."""
        return bool(self._unsettled)

    async def settle(self, settlement: Settlement) -> None:
        """Return when an ending is remembered, or, where the store is away, kept for later."""
        with suppress(StoreError):
            await to_the_end(self.enter(settlement))

    def enter(self, settlement: Settlement) -> asyncio.Future[None]:
        """Have an ending remembered; return what is done when it is, and all before it.

        Endings that come while others are written are written together: a disk takes about as
        long for many as for one. Where the store is away they are kept for later, and what is
        returned raises StoreError.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.add_done_callback(_heard)
        self._endings.append((settlement, written))
        if len(self._endings) >= self._most:
            self._gathered()
        if self._clerk is None or self._clerk.done():
            self._clerk = asyncio.create_task(self._write_down())
        return written

    async def _write_down(self) -> None:
        """Write what has ended, until there is nothing more."""
        while self._endings:
            await self._gather()
            batch, self._endings = self._endings, []
            settlements = [*self._unsettled, *(settlement for settlement, _ in batch)]
            problem: BaseException | None = None
            try:
                await asyncio.to_thread(self._remember, settlements)
            except StoreError as error:
                self._unsettled = settlements
                problem = error
                _log.error("endings not stored yet", number=len(batch), error=str(error))
            except BaseException as error:
                problem = error
                self._unsettled = settlements
                _log.exception("endings not stored", number=len(batch))
                if not isinstance(error, Exception):
                    # Nobody writes any more: nobody is to wait for it.
                    batch, self._endings = batch + self._endings, []
                    if isinstance(error, asyncio.CancelledError):
                        raise
                    return  # those who wait raise it
            else:
                self._unsettled.clear()
            finally:
                for _, written in batch:
                    if not written.done():
                        if problem is None:
                            written.set_result(None)
                        else:
                            written.set_exception(problem)

    async def _gather(self) -> None:
        """Wait for the endings that will come at once; nobody is held up by that for long."""
        if len(self._endings) < self._most:
            loop = asyncio.get_running_loop()
            self._gathering = loop.create_future()
            timer = loop.call_later(_LINGER, self._gathered)
            try:
                await self._gathering
            finally:
                timer.cancel()
                self._gathering = None

    def _gathered(self) -> None:
        if self._gathering is not None and not self._gathering.done():
            self._gathering.set_result(None)

    async def settle_leftovers(self) -> None:
        """Have what could not be stored stored: sent again is what is claimed without it.

        Raises StoreError. What fails otherwise a second time waits for its lease.
        """
        if not self._unsettled:
            return
        storing = asyncio.to_thread(self._remember, tuple(self._unsettled))
        try:
            await to_the_end(asyncio.ensure_future(storing))
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - a mistake of ours must not end all mail
            _log.exception("endings given up", number=len(self._unsettled))
        self._unsettled.clear()

    def _remember(self, settlements: Sequence[Settlement]) -> None:
        known = self._store.settle_all(settlements, self._clock())
        for one in settlements:
            if one.delivery_id not in known:
                _log.warning("delivery was taken over meanwhile", delivery=one.delivery_id)


def _heard(written: asyncio.Future[None]) -> None:
    """Take note of what went wrong, which the log has, even where nobody awaits it."""
    if not written.cancelled():
        written.exception()


async def to_the_end(work: asyncio.Future[None]) -> None:
    """Await work that must not be left half done: a cancellation waits until it has ended."""
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        with suppress(Exception):
            await work
        raise
