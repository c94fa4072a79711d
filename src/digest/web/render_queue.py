"""The render queue: a bounded number of pages at a time, so that nothing else starves."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

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
        idle: asyncio.Event | None = None,
    ) -> None:
        """``idle`` is unset while work is under way that goes before pages, for a short time."""
        self._idle = idle
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="render")
        self._free = at_once  # turns
        self._turns: deque[asyncio.Future[None]] = deque()
        self._most_waiting = most_waiting
        self._timeout = timeout
        self._of_one: Counter[str] = Counter()
        self._running: set[asyncio.Future[Any]] = set()  #: their results
        self.waiting = 0  #: requests that wait for their turn
        self.refused = 0  #: requests whose turn did not come, since the start

    @property
    def running(self) -> int:
        """The number of pages that are rendered."""
        return len(self._running)

    async def run(self, work: Callable[[], T], network: str = "") -> T:
        """Run ``work`` in a thread and return its result. Raises Busy if there is too much to do.

        ``network`` is that of the client; empty if unknown.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait_for_turn(network)
        if self._idle is not None and not self._idle.is_set():
            await self._give_way(self._idle)
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._running.add(result)
        try:
            self._threads.submit(self._work, work, result)
        except RuntimeError as error:  # the system gives no thread
            self._running.discard(result)  # the pool may have the work in its queue all the same
            self.refused += 1
            self._pass_turn()
            raise Busy from error
        return await result

    def _work(self, work: Callable[[], T], result: asyncio.Future[T]) -> None:
        """Do the work, in a thread, and tell the event loop."""
        if result not in self._running:
            return
        value: T | None = None
        error: BaseException | None = None
        try:
            value = work()
        except StopIteration as raised:  # which no future takes
            error = RuntimeError("StopIteration")
            error.__cause__ = raised
        except BaseException as raised:  # noqa: BLE001 - it is raised where the result is awaited
            error = raised
        result.get_loop().call_soon_threadsafe(self._finish, result, value, error)

    def _finish(
        self, result: asyncio.Future[Any], value: object, error: BaseException | None
    ) -> None:
        if result not in self._running:  # refused while a thread began
            return
        self._running.discard(result)
        self._pass_turn()
        if result.done():  # nobody waits any more
            return
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    async def _give_way(self, idle: asyncio.Event) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_WAY):
                    await idle.wait()
        except asyncio.CancelledError:
            self._pass_turn()
            raise

    def _pass_turn(self) -> None:
        """Give a turn to the request that waits for longest."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _wait_for_turn(self, network: str) -> None:
        if self.waiting >= self._most_waiting or self._of_one[network] >= MOST_OF_ONE:
            self.refused += 1
            raise Busy
        self.waiting += 1
        if network:
            self._of_one[network] += 1
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(self._timeout, self._refuse, turn)
        self._turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and not turn.exception():  # it came in the same moment
                self._pass_turn()
            raise
        finally:
            timer.cancel()
            self.waiting -= 1
            if network:
                self._of_one[network] -= 1
                if not self._of_one[network]:
                    del self._of_one[network]

    def _refuse(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            self._turns.remove(turn)
            self.refused += 1
            turn.set_exception(Busy())
