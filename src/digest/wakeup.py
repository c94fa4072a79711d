"""Wake-up: how a service that waits hears that there is something to do, or that it must stop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from math import inf


class WakeUp:
    """Ends the waits of one task; ``wake`` and ``stop`` may be called from any thread.

    A wake-up that comes while the task works is not lost: its next wait returns at once.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None  # in which the task waits
        self._woken = False
        self._event = asyncio.Event()
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped.is_set()

    def wake(self) -> None:
        """End the present wait, or else the next one."""
        self._woken = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._event.set)

    def stop(self) -> None:
        """End every wait from now on."""
        self._stopped.set()
        self.wake()

    async def wait(self, seconds: float = inf) -> bool:
        """Wait until woken or stopped, for some seconds at most; return False if nothing came."""
        self._loop = asyncio.get_running_loop()  # first: a wake-up from now on sets the event
        if not (self._woken or self.stopped):
            try:
                async with asyncio.timeout(None if seconds == inf else max(seconds, 0.0)):
                    await self._event.wait()
            except TimeoutError:
                return False
        self._woken = False
        self._event.clear()
        return True

    async def rest(self, seconds: float) -> None:
        """Wait for some seconds, or until stopped; a wake-up is kept for the next ``wait``."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        woken = False
        while not self.stopped and await self.wait(until - loop.time()):
            woken = True
        self._woken = self._woken or woken
