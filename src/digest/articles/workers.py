"""Workers: processes that make drafts, so that a hostile file harms only itself."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import Future
from datetime import timedelta
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from digest.articles.draft import Recipe, make_draft
from digest.articles.model import Draft, SourceFile
from digest.errors import SourceError

#: A worker is replaced after so many files, which bounds what a leak in a parser can cost.
_FILES_PER_WORKER = 5_000


class Workers:
    """A pool of processes that turn source files into drafts.

    A file that takes longer than ``timeout`` has its process killed; the others go on.
    """

    def __init__(self, recipe: Recipe, *, count: int, timeout: timedelta) -> None:
        self.recipe = recipe
        self._timeout = timeout
        # forkserver starts a replacement in a few milliseconds and, other than fork, shares no
        # lock with the threads of this process.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["digest.articles.draft"])
        self._pool = ProcessPool(
            max_workers=count or os.cpu_count() or 1, max_tasks=_FILES_PER_WORKER, context=context
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def submit(self, source: SourceFile) -> Future[Draft]:
        """Begin to make a draft; ``result_of`` waits for it."""
        future: Future[Draft] = self._pool.schedule(
            make_draft, args=(source, self.recipe), timeout=self._timeout.total_seconds()
        )
        return future

    def result_of(self, source: SourceFile, future: Future[Draft]) -> Draft:
        """Return the finished draft, or raise SourceError with whatever kept it from being made."""
        try:
            return future.result()
        except SourceError:
            raise
        except TimeoutError as error:
            seconds = self._timeout.total_seconds()
            raise SourceError(
                source.path, None, f"took more than {seconds:g} s to read and was given up"
            ) from error
        except ProcessExpired as error:
            raise SourceError(
                source.path, None, f"its reader died with exit code {error.exitcode}"
            ) from error
        except Exception as error:
            # Whatever a parser trips over is this file's problem, never the next one's.
            raise SourceError(
                source.path, None, f"cannot be read: {type(error).__name__}: {error}"
            ) from error

    def close(self) -> None:
        """Kill the processes at once; what they were making is dropped."""
        self._pool.stop()  # type: ignore[no-untyped-call]  # Pebble types most, not this
        self._pool.join()
