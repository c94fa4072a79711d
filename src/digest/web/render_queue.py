"""The render queue: a bounded number of pages at a time, so that nothing else starves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

#: Pages rendered at once. More would only take turns: Python computes on one core.
AT_ONCE = 2
#: Requests that wait for their turn, and how long they do; seconds.
MOST_WAITING, TIMEOUT = 256, 2.0
#: How long a page waits while articles are on their way to the feeds, which are asked for by more;
#: seconds. Under a flood of articles pages are rendered still, twenty a second for each thread.
_GIVE_WAY = 0.05
#: Requests of one network that wait: whoever asks for more at once leaves the others their turns.
MOST_OF_ONE = 16
#: Seconds after which a client whose turn did not come may try again.
RETRY_WHEN_BUSY = 5


class Busy(Exception):
    """Too many pages are waiting; the client is to try again later."""


class RenderQueue:
    """Runs work that renders pages in a few threads of its own. For one event loop."""

    def __init__(
        self,
        at_once: int = AT_ONCE,
        *,
        most_waiting: int = MOST_WAITING,
        timeout: float = TIMEOUT,
        calm: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``calm`` waits while work is under way that goes before pages, for a short time."""
        self._calm = calm
        self._turns = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="render")
        self._most_waiting = most_waiting
        self._timeout = timeout
        self._of_one: Counter[str] = Counter()
        self.waiting = 0  #: requests that wait for their turn
        self.running = 0  #: pages that are rendered
        self.refused = 0  #: requests whose turn did not come, since the start

    async def run(self, work: Callable[[], T], network: str = "") -> T:
        """Run ``work`` in a thread and return its result. Raises Busy if there is too much to do.

        ``network`` is that of the client; empty if unknown.
        """
        try:
            await self._take_turn(network)
        except Busy:
            self.refused += 1
            raise
        loop = asyncio.get_running_loop()
        try:
            await self._give_way()
        except asyncio.CancelledError:
            self._turns.release()
            raise
        self.running += 1
        running = loop.run_in_executor(self._threads, work)
        # Also where nobody waits any more: the thread goes on to the end.
        running.add_done_callback(self._end_turn)
        return await asyncio.shield(running)

    async def _give_way(self) -> None:
        if self._calm is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_WAY):
                    await self._calm()

    def _end_turn(self, _: asyncio.Future[T]) -> None:
        self.running -= 1
        self._turns.release()

    async def _take_turn(self, network: str) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        if self.waiting >= self._most_waiting or self._of_one[network] >= MOST_OF_ONE:
            raise Busy
        self.waiting += 1
        if network:
            self._of_one[network] += 1
        try:
            async with asyncio.timeout(self._timeout):
                await self._turns.acquire()
        except TimeoutError as error:
            raise Busy from error
        finally:
            self.waiting -= 1
            if network:
                self._of_one[network] -= 1
                self._of_one += Counter()  # drops those that are 0
