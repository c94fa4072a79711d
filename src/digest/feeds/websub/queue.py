"""A desk: what waits for one hub, between the threads that publish and the task that tells."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

import structlog

from digest.feeds.websub.notifications import HubQueue, Notice
from digest.feeds.websub.protocol import batch_size

_log = structlog.get_logger(__name__)


class Desk:
    """What waits for one hub. Topics may be added from any thread, all else is for one task."""

    def __init__(self, hub: str) -> None:
        self.hub = hub
        self.host = urlsplit(hub).hostname or ""  #: for the log: a query may hold a key
        self.batch = batch_size(hub)
        self.kept: dict[str, datetime] = {}  #: what the store holds
        self._queue = HubQueue()
        self._lock = threading.Lock()
        self._overflowed = False
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, changes: Mapping[str, datetime]) -> None:
        """Note topics and when they changed; from any thread."""
        with self._lock:
            left_out = self._queue.add(changes)
            told, self._overflowed = self._overflowed, left_out > 0
        if left_out and not told:
            _log.warning("too many feeds wait for a hub", hub=self.host, left_out=left_out)
        self.wake()

    def attach(self) -> None:
        """Remember the loop in which the hub is told."""
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """End a wait; from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has closed: nobody is left to tell anything
                self._loop.call_soon_threadsafe(self._news.set)

    async def wait(self) -> None:
        """Wait until there may be something to tell."""
        with self._lock:
            seconds = self._queue.wait(_now())
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == float("inf") else seconds):
                await self._news.wait()
        self._news.clear()

    def next(self) -> dict[str, datetime]:
        """Take out what to tell the hub now, in one request; nothing while it rests."""
        with self._lock:
            return self._queue.next(_now(), self.batch)

    def waiting(self) -> dict[str, datetime]:
        """Return what waits, and when it changed last."""
        with self._lock:
            return self._queue.waiting()

    def give_up(self, at: datetime) -> tuple[str, ...]:
        """Take out and return what has waited for too long at a moment."""
        with self._lock:
            return self._queue.give_up(at)

    def taken(self) -> None:
        """Note that the hub answered as it should."""
        with self._lock:
            self._queue.taken()

    def failed(self, jitter: float, asked: float) -> float:
        """Leave the hub alone for a while; return the seconds."""
        with self._lock:
            return self._queue.failed(_now(), jitter, asked)

    def notices(self, changes: Mapping[str, datetime]) -> list[Notice]:
        """Return topics as the store keeps them."""
        return [
            Notice(hub=self.hub, topic=topic, changed_at=changed_at)
            for topic, changed_at in changes.items()
        ]


def _now() -> float:
    return asyncio.get_running_loop().time()
