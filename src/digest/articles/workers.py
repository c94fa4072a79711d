"""Workers: processes that make drafts, so that a hostile file harms only itself."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from typing import Self

from pebble import ProcessExpired, ProcessPool

from digest.articles.draft import Recipe, make_draft
from digest.articles.model import Draft, SourceFile
from digest.errors import DigestError, SourceError

#: A worker is replaced after so many files, which bounds what a leak in a parser can cost.
_FILES_PER_WORKER = 5_000
#: How soon a wait for a draft notices that the pool was closed; seconds.
_LOOK_UP = 0.2


class WorkersError(DigestError):
    """There are no processes to read articles; the operator must look at the machine's limits."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"no processes to read articles: {self.problem}"


class Workers:
    """A pool of processes that turn source files into drafts.

    A file that takes longer than ``timeout`` has its process killed; the others go on.
    """

    def __init__(self, recipe: Recipe, *, count: int, timeout: timedelta) -> None:
        self.recipe = recipe
        self._count = count or os.cpu_count() or 1
        self._timeout = timeout
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPool:
        self._closed = False
        # forkserver starts a replacement in a few milliseconds and, other than fork, shares no
        # lock with the threads of this process.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["digest.articles.draft"])
        return ProcessPool(max_workers=self._count, max_tasks=_FILES_PER_WORKER, context=context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, source: SourceFile) -> Future[Draft]:
        """Begin to make a draft; ``result_of`` waits for it.

        Raises WorkersError where the system gives no processes.
        """
        try:
            if not self._pool.active:  # asking starts it
                self._pool = self._new_pool()
            future: Future[Draft] = self._pool.schedule(
                make_draft, args=(source, self.recipe), timeout=self._timeout.total_seconds()
            )
        except (RuntimeError, OSError) as error:  # BrokenProcessPool says nothing itself
            raise WorkersError(str(error) or str(error.__cause__)) from error
        return future

    def result_of(self, source: SourceFile, future: Future[Draft]) -> Draft:
        """Return the finished draft, or raise SourceError with whatever kept it from being made.

        Raises WorkersError where the pool was closed meanwhile: that says nothing of the file.
        """
        # A pool that is stopped may leave a future without an end: so the wait looks up.
        while not wait([future], timeout=_LOOK_UP).done:
            if self._closed:
                raise WorkersError("they were stopped")
        try:
            return future.result()
        except SourceError:
            raise
        except Exception as error:
            # Whatever a parser trips over is this file's problem, never the next one's.
            if self._closed or isinstance(error, CancelledError | BrokenProcessPool):
                raise WorkersError("they were stopped") from error
            raise SourceError(source.path, None, self._trouble(error)) from error

    def _trouble(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"took more than {self._timeout.total_seconds():g} s to read and was given up"
        if isinstance(error, ProcessExpired):
            return f"its reader died with exit code {error.exitcode}"
        return f"cannot be read: {type(error).__name__}: {error}"

    def close(self) -> None:
        """Kill the processes at once; what they were making is dropped."""
        self._closed = True
        self._pool.stop()  # type: ignore[no-untyped-call]  # Pebble types most, not this
        self._pool.join()
