"""Workers: processes that make drafts, so that a hostile file harms only itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime, timedelta
from pkgutil import resolve_name
from typing import Self, TypeAlias

from pebble import ProcessExpired, ProcessPool

from digest.articles.draft_options import DraftOptions
from digest.articles.model import Draft, SameText, SourceFile
from digest.errors import DigestError, SourceError
from digest.times import utc_now

#: Files that a worker is handed at once, and their bytes: so that asking for a draft and bringing
#: it back cost little beside the making, and a file at the end does not wait long.
BATCH, BATCH_BYTES = 16, 524_288
#: A worker is replaced after so many batches, which bounds what a leak in a parser can cost.
_BATCHES_PER_WORKER = 1_000
#: What makes a draft, by name: this process need not load the parsers that only workers need.
_MAKE = "digest.articles.draft:draft_rewritten"
#: How soon a wait for a draft notices that the pool was closed; seconds.
_LOOK_UP = 0.2
#: How many times its processor time a file may last by the clock: a machine may be busy, and what
#: waits without computing must end too.
_PATIENCE = 10


class WorkersError(DigestError):
    """There are no processes to read articles; the operator must look at the machine's limits."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"no processes to read articles: {self.problem}"


class TooSlow(SourceError):
    """An article file took more processor time than is allowed; it will again."""


class Stalled(SourceError):
    """An article file was not read in a long time by the clock; the machine may be why."""


#: What comes of a file: its draft unless that is as it was, or why there is none.
Result: TypeAlias = Draft | SameText | SourceError


class Workers:
    """A pool of processes that turn source files into drafts.

    A file that takes more processor time than ``timeout`` has its process killed by the system,
    however busy the machine is; the others go on. One that lasts ten times as long by the clock
    has, too.
    """

    def __init__(self, options: DraftOptions, *, count: int, timeout: timedelta) -> None:
        self.options = options
        self._count = count or os.cpu_count() or 1
        self.timeout = timeout  #: processor time
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPool:
        self._closed = False
        # forkserver starts a replacement in a few milliseconds and, other than fork, shares no
        # lock with the threads of this process.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_MAKE.partition(":")[0]])
        return ProcessPool(max_workers=self._count, max_tasks=_BATCHES_PER_WORKER, context=context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, sources: Sequence[SourceFile]) -> Future[list[Result]]:
        """Begin to make the drafts of a batch; ``results_of`` waits for them.

        Raises WorkersError where the system gives no processes.
        """
        try:
            if not self._pool.active:  # asking starts it
                self._pool = self._new_pool()
            future: Future[list[Result]] = self._pool.schedule(
                _limited,
                args=(self.timeout.total_seconds(), _MAKE, sources, self.options),
                timeout=(_PATIENCE * self.timeout).total_seconds(),
            )
        except (RuntimeError, OSError) as error:  # BrokenProcessPool says nothing itself
            raise WorkersError(str(error) or str(error.__cause__)) from error
        return future

    def results_of(
        self, sources: Sequence[SourceFile], future: Future[list[Result]]
    ) -> list[Result]:
        """Return each file's draft, or SourceError with whatever kept it from being made.

        That is TooSlow or Stalled for a file that was given up. Where a worker dies over a batch,
        each file of it is tried by itself, so that one takes no other down. Raises WorkersError
        where the pool was closed meanwhile: that says nothing of the files.
        """
        try:
            return self._finished(future)
        except (ProcessExpired, TimeoutError) as error:
            if len(sources) == 1:
                return [self._problem(sources[0], error)]
        alone = [([source], self.submit([source])) for source in sources]
        return [result for one in alone for result in self.results_of(*one)]

    def _finished(self, future: Future[list[Result]]) -> list[Result]:
        # A pool that is stopped may leave a future without an end: so the wait looks up.
        while not wait([future], timeout=_LOOK_UP).done:
            if self._closed:
                raise WorkersError("they were stopped")
        try:
            return future.result()
        except (CancelledError, BrokenProcessPool) as error:
            raise WorkersError("they were stopped") from error
        except ProcessExpired as error:
            if self._closed:
                raise WorkersError("they were stopped") from error
            raise

    def _problem(self, source: SourceFile, error: ProcessExpired | TimeoutError) -> SourceError:
        limit = self.timeout.total_seconds()
        if isinstance(error, TimeoutError):
            return Stalled(source.path, None, f"was not read in {_PATIENCE * limit:g} s")
        if error.exitcode == -signal.SIGPROF:
            return TooSlow(
                source.path, None, f"took more than {limit:g} s to read and was given up"
            )
        return SourceError(source.path, None, f"its reader died with exit code {error.exitcode}")

    def close(self) -> None:
        """Kill the processes at once; what they were making is dropped."""
        self._closed = True
        self._pool.stop()  # type: ignore[no-untyped-call]  # Pebble types most, not this
        self._pool.join()


def _limited(
    seconds: float, maker: str, sources: Sequence[SourceFile], options: DraftOptions
) -> list[Result]:
    """Make drafts in a worker, which dies of SIGPROF when one takes so much processor time.

    That is setitimer(2). No handler could do it: parsers written in C run none before they are
    done.
    """
    make: Callable[[SourceFile, DraftOptions, datetime], Draft | SameText] = resolve_name(maker)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    results: list[Result] = []
    try:
        for source in sources:
            signal.setitimer(signal.ITIMER_PROF, seconds)
            try:
                results.append(make(source, options, utc_now()))
            except SourceError as error:
                results.append(error)
            except Exception as error:  # noqa: BLE001 - a file's problem is never the next one's
                problem = f"cannot be read: {type(error).__name__}: {error}"
                results.append(SourceError(source.path, None, problem))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return results
