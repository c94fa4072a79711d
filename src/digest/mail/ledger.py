"""The ledger: has endings of deliveries remembered, together where they come together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

import structlog

from digest.errors import StoreError
from digest.mail.delivery import Settlement
from digest.times import Clock

_log = structlog.get_logger(__name__)


class LedgerStore(Protocol):
    """What the ledger needs of the store."""

    def settle_all(self, settlements: Sequence[Settlement], now: datetime) -> set[int]:
        """Say how attempts ended, all or nothing; return which deliveries were ``sending``.

        The others stay as they are. An edition is done with its last delivery.
        """
        ...


class Ledger:
    """Writes endings into the store. What it cannot write it keeps until it can."""

    def __init__(self, store: LedgerStore, clock: Clock) -> None:
        """Begin with nothing to write."""
        self._store = store
        self._clock = clock
        self._endings: list[tuple[Settlement, asyncio.Future[None]]] = []  # to be written
        self._clerk: asyncio.Task[None] | None = None  # who writes them
        self._unsettled: list[Settlement] = []

    async def settle(self, settlement: Settlement) -> None:
        """Return when an ending is remembered, or, where the store is away, kept for later.

        Endings that come while others are written are written together: a disk takes about as
        long for many as for one.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._endings.append((settlement, written))
        if self._clerk is None or self._clerk.done():
            self._clerk = asyncio.create_task(self._write_down())
        await to_the_end(written)

    async def _write_down(self) -> None:
        """Write what has ended, until there is nothing more."""
        while self._endings:
            batch, self._endings = self._endings, []
            settlements = [settlement for settlement, _ in batch]
            try:
                await asyncio.to_thread(self._remember, settlements)
            except StoreError as error:
                self._unsettled += settlements
                _log.error("endings not stored yet", number=len(batch), error=str(error))
            except BaseException as error:
                for _, written in batch:
                    if not written.done():
                        written.set_exception(error)
                if not isinstance(error, Exception):
                    raise
                continue
            for _, written in batch:
                if not written.done():
                    written.set_result(None)

    async def settle_leftovers(self) -> None:
        """Have what could not be stored stored: sent again is what is claimed without it."""
        if self._unsettled:
            await to_the_end(
                asyncio.ensure_future(asyncio.to_thread(self._remember, tuple(self._unsettled)))
            )
            self._unsettled.clear()

    def _remember(self, settlements: Sequence[Settlement]) -> None:
        known = self._store.settle_all(settlements, self._clock())
        for one in settlements:
            if one.delivery_id not in known:
                _log.warning("delivery was taken over meanwhile", delivery=one.delivery_id)


async def to_the_end(work: asyncio.Future[None]) -> None:
    """Await work that must not be left half done: a cancellation waits until it has ended."""
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        with suppress(Exception):
            await work
        raise
