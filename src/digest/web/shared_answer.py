"""The result of a blocking function, shared by all who wait for it and cached for a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

#: How long an answer is kept, and how long those who ask wait for it; seconds.
KEEP, TIMEOUT = 1.0, 2.0


class SharedAnswer(Generic[T]):
    """Calls a blocking function in one thread, however many wait. For one event loop."""

    def __init__(self, work: Callable[[], T], *, timeout: float = TIMEOUT) -> None:
        self._work = work
        self._timeout = timeout
        self._task: asyncio.Task[T] | None = None
        self._fresh_until = 0.0  # of the loop's clock

    async def get(self) -> T:
        """Return the result; raise TimeoutError if it takes too long, or what the function raised.

        A late result is returned to later callers.
        """
        loop = asyncio.get_running_loop()
        if self._task is None or (self._task.done() and loop.time() >= self._fresh_until):
            self._task = loop.create_task(asyncio.to_thread(self._work))
            self._task.add_done_callback(self._done)
        async with asyncio.timeout(self._timeout):
            return await asyncio.shield(self._task)

    def _done(self, task: asyncio.Task[T]) -> None:
        self._fresh_until = task.get_loop().time() + KEEP
        if not task.cancelled():
            task.exception()  # also where nobody waits any more, asyncio has nothing to complain of
