"""The render queue: a bounded number of pages at a time, so that nothing else starves."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

#: Pages rendered at once. More would only take turns: Python computes on one core.
AT_ONCE = 2
#: Pages handed over to the threads before these have time for them.
AHEAD = 14
#: Seconds between two looks at what is done while a thread works, and without anything done after
#: which another thread begins.
_COLLECT_EVERY, _SLOW = 0.003, 0.02
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


@dataclass(frozen=True, slots=True)
class _Job:
    """Work that was handed over to the threads."""

    work: Callable[[], Any]
    result: asyncio.Future[Any]
    begin_until: float  #: seconds of the monotonic clock


class RenderQueue:
    """Runs work that renders pages in a few threads of its own. For one event loop.

    Python computes on one core. A thread and the event loop that wake each other for each page
    spend a third of the time on that; so a thread takes one page after the other from those handed
    over, and the loop fetches what is done a few hundred times a second.
    """

    def __init__(
        self,
        at_once: int = AT_ONCE,
        *,
        ahead: int = AHEAD,
        most_waiting: int = MOST_WAITING,
        timeout: float = TIMEOUT,
        idle: asyncio.Event | None = None,
    ) -> None:
        """``idle`` is unset while work is under way that goes before pages, for a short time."""
        self._idle = idle
        self._giving_way = asyncio.Semaphore(at_once)
        self._at_once = at_once
        self._free = at_once + ahead  # turns
        self._turns: deque[asyncio.Future[None]] = deque()
        self._most_waiting = most_waiting
        self._timeout = timeout
        self._of_one: Counter[str] = Counter()
        self._jobs: deque[_Job] = deque()  # that no thread has begun
        self._done: deque[tuple[_Job, Any, BaseException | None]] = deque()
        self._working = 0  # threads
        self._progress_at = 0.0  # when a thread began, or work was done; of the monotonic clock
        self._collector: asyncio.TimerHandle | None = None
        self.running = 0  #: pages that were handed over to the threads
        self.waiting = 0  #: requests that wait for their turn
        self.refused = 0  #: requests whose turn did not come, since the start

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
        job = _Job(work, result, monotonic() + self._timeout)
        self.running += 1
        self._jobs.append(job)
        if not self._working:
            self._start_thread()
        return await result

    def _start_thread(self) -> None:
        """Have one more thread work; what is handed over is refused if the system gives none."""
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._work, args=(loop,), name="render")
        try:
            thread.start()
        except RuntimeError:
            if not self._working:
                self._done += [(job, None, Busy()) for job in self._jobs]
                self._jobs.clear()
                self._collect()
            return
        self._working += 1
        self._progress_at = monotonic()
        if self._collector is None:
            self._collector = loop.call_later(_COLLECT_EVERY, self._collect)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do the work that was handed over until none is left. Runs in a thread."""
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:
                break
            self._done.append((job, *_outcome(job)))
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._end_thread)

    def _end_thread(self) -> None:
        self._working -= 1
        self._collect()
        if self._jobs and not self._working:  # handed over just as the thread ended
            self._start_thread()

    def _collect(self) -> None:
        """Tell requests the results that there are."""
        if self._collector is not None:
            self._collector.cancel()
            self._collector = None
        now = monotonic()
        while self._done:
            self._progress_at = now
            self._finish(*self._done.popleft())
        if not self._working:
            return
        self._refuse_late(now)
        if self._jobs and self._working < self._at_once and now - self._progress_at > _SLOW:
            self._start_thread()  # a page takes long: others need not wait for it
        if self._collector is None:
            loop = asyncio.get_running_loop()
            self._collector = loop.call_later(_COLLECT_EVERY, self._collect)

    def _refuse_late(self, now: float) -> None:
        """Refuse what no thread began in time, as where the disk or the database hangs."""
        with suppress(IndexError):  # none is left, or a thread has just taken the last one
            while self._jobs[0].begin_until < now:
                job = self._jobs.popleft()
                if job.begin_until >= now:  # a thread has just taken the one before it
                    self._jobs.appendleft(job)
                    break
                self._finish(job, None, Busy())

    def _finish(self, job: _Job, value: object, error: BaseException | None) -> None:
        self.running -= 1
        self._pass_turn()
        if isinstance(error, Busy):
            self.refused += 1
        if job.result.done():  # nobody waits any more
            return
        if error is None:
            job.result.set_result(value)
        else:
            job.result.set_exception(error)

    async def _give_way(self, idle: asyncio.Event) -> None:
        try:
            async with self._giving_way:  # the others wait until these have
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


def _outcome(job: _Job) -> tuple[Any, BaseException | None]:
    """Do the work of a job; return its result and its error."""
    if job.result.done():  # nobody waits any more
        return None, None
    if monotonic() > job.begin_until:
        return None, Busy()
    try:
        return job.work(), None
    except StopIteration as raised:  # which no future takes
        error = RuntimeError("StopIteration")
        error.__cause__ = raised
        return None, error
    except BaseException as raised:  # noqa: BLE001 - it is raised where the result is awaited
        return None, raised
