"""Workers: processes that make drafts, so that a hostile file harms only itself."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Self

from digest.articles.draft_options import DraftOptions
from digest.articles.ingest import worker_process
from digest.articles.ingest.records import FileRecord
from digest.articles.ingest.worker_process import (
    ANSWER,
    FORK,
    OUT_OF_MEMORY,
    REQUEST,
    WAIT,
    Job,
    Result,
)
from digest.articles.model import SourceFile
from digest.errors import DigestError, SourceError

#: Files that a worker is handed at once, and their bytes: so that asking for a draft and bringing
#: it back cost little beside the making, and a file at the end does not wait long.
BATCH, _BATCH_BYTES = 16, 524_288
#: Files read ahead of the worker processes, and their bytes: enough that these have something to
#: do while a batch is stored.
_AHEAD, _AHEAD_BYTES = 512, 16_777_216
#: What makes a draft, by name: this process need not load the parsers that only workers need.
_MAKE = "digest.articles.draft:draft_rewritten"
#: How many times its processor time a file may last by the clock: a machine may be busy, and what
#: waits without computing must end too.
_CLOCK_FACTOR = 10
#: Bytes of data that a worker may hold. It starts with 28 MB, and a plain text of 4 MB, about the
#: largest that is read by default, takes it to 171 MB; hostile ones of half that size took 800 MB.
_MEMORY = 512 * 2**20


class WorkersError(DigestError):
    """There are no processes to read articles; the operator must look at the machine's limits."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"no processes to read articles: {self.problem}"


class GivenUp(SourceError):
    """An article file took more processor time or memory than is allowed; it will again."""


class Stalled(SourceError):
    """An article file was not read in a long time by the clock; the machine may be why."""


class Workers:
    """A pool of processes that turn source files into drafts.

    A file that takes more processor time than ``timeout``, or too much memory, has its process
    killed by the system, however busy the machine is; the others go on. So has a file that lasts
    ten times as long by the clock. Processes start when there is something to do, and end when
    there was nothing for a minute.
    """

    def __init__(self, options: DraftOptions, *, count: int, timeout: timedelta) -> None:
        self.options = options
        self.timeout = timeout  #: processor time
        self._count = count or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._open()

    def _open(self) -> None:
        self._closed = False
        # A thread waits for each process that is busy.
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="worker")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def use(self, options: DraftOptions) -> None:
        """Make drafts by other options from now on; to be called while none is being made."""
        if options != self.options:
            self.close()
            self.options = options

    def submit(self, sources: Sequence[SourceFile]) -> Future[list[Result]]:
        """Begin to make the drafts of a batch; ``results_of`` waits for them."""
        if self._closed:
            self._open()
        try:
            return self._threads.submit(self._results, sources)
        except RuntimeError as error:  # no thread is to be had
            raise WorkersError(str(error)) from error

    def results_of(self, future: Future[list[Result]]) -> list[Result]:
        """Return the draft of each file, or the SourceError that prevented it.

        The error is GivenUp or Stalled for a file over the limits. A file at which a worker dies
        for another reason is tried once more by itself. Raises WorkersError if the system gives no
        processes or the pool was closed: that is not the fault of any file.
        """
        try:
            return future.result()
        except CancelledError as error:
            raise WorkersError("they were stopped") from error
        except OSError as error:
            raise WorkersError(str(error)) from error

    def close(self) -> None:
        """Kill the processes at once and drop their work."""
        with self._lock:
            self._closed = True
            server, self._server = self._server, None
            for worker in (*self._idle, *self._busy):
                if server is not None:
                    server.kill(worker)
        self._threads.shutdown(cancel_futures=True)
        for worker in self._idle:
            worker.connection.close()
        self._idle.clear()
        if server is not None:
            server.close()

    def _results(self, sources: Sequence[SourceFile]) -> list[Result]:
        """Return the drafts of a batch, made by a worker. Runs in a thread of the pool."""
        results: list[Result] = []
        while left := sources[len(results) :]:
            try:
                results += self._ask(left)
            except _Died as died:
                results += died.results
                source = left[len(died.results)]
                # Time is each file's own. For anything else, files before it may be why.
                if len(left) == 1 or died.stalled or died.code == -signal.SIGPROF:
                    results.append(self._problem(source, died))
                else:
                    results += self._results([source])
        return results

    def _ask(self, sources: Sequence[SourceFile]) -> list[Result]:
        """Return a worker's answer; raise _Died, OSError where the system gives no process."""
        while True:
            server, worker = self._worker()
            stalled, timeout = False, _CLOCK_FACTOR * self.timeout.total_seconds()
            results: list[Result] = []
            try:
                worker.connection.send(sources)
                while len(results) < len(sources):
                    if stalled := not worker.connection.poll(timeout):
                        break
                    results.append(worker.connection.recv())
                else:
                    self._release(worker)
                    return results
            except (EOFError, ConnectionError):
                pass
            code = self._end(server, worker)
            if stalled or code != 0:  # else it had ended by itself before it was asked
                raise _Died(results=results, code=code, stalled=stalled)

    def _worker(self) -> tuple[_Server, _Worker]:
        """Return an idle worker, or a new one."""
        with self._lock:
            if self._closed:
                raise CancelledError
            if self._server is None or not self._server.alive():
                for worker in self._idle:
                    worker.connection.close()
                self._idle.clear()
                if self._server is not None:
                    self._server.close()
                    self._server = None
                self._server = _Server(
                    Job(
                        make=_MAKE,
                        options=self.options,
                        seconds=self.timeout.total_seconds(),
                        memory=_MEMORY,
                    )
                )
            worker = self._waiting(self._server) or self._server.fork()
            self._busy.add(worker)
            return self._server, worker

    def _waiting(self, server: _Server) -> _Worker | None:
        """Return an idle worker, if any; reap those that have ended."""
        while self._idle:
            worker = self._idle.pop()
            if not worker.connection.poll():
                return worker
            server.end(worker)
        return None

    def _release(self, worker: _Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            self._idle.append(worker)

    def _end(self, server: _Server, worker: _Worker) -> int:
        """Kill a worker if it is alive; return its exit code."""
        with self._lock:
            self._busy.discard(worker)
            if self._closed:
                worker.connection.close()
                raise CancelledError
            return server.end(worker)

    def _problem(self, source: SourceFile, died: _Died) -> SourceError:
        limit = self.timeout.total_seconds()
        if died.stalled:
            return Stalled(source.path, None, f"was not read in {_CLOCK_FACTOR * limit:g} s")
        if died.code == -signal.SIGPROF:
            return GivenUp(
                source.path, None, f"took more than {limit:g} s to read and was given up"
            )
        if died.code in (OUT_OF_MEMORY, -signal.SIGABRT):  # nh3 aborts where memory ends
            return GivenUp(
                source.path,
                None,
                f"took more than {_MEMORY // 2**20} MiB of memory to read and was given up",
            )
        return SourceError(source.path, None, f"its reader died with exit code {died.code}")


class Pipeline:
    """A queue of files that the workers are processing, in batches, in order."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._next: list[tuple[FileRecord, SourceFile]] = []
        self._next_bytes = 0
        self._made: deque[tuple[list[tuple[FileRecord, SourceFile]], Future[list[Result]]]]
        self._made = deque()
        self._files = 0
        self._bytes = 0

    @property
    def busy(self) -> bool:
        """Whether any batch is being processed."""
        return bool(self._made)

    @property
    def full(self) -> bool:
        """Whether the limits of files or bytes are reached."""
        return self.busy and (self._files >= _AHEAD or self._bytes >= _AHEAD_BYTES)

    def add(self, record: FileRecord, source: SourceFile) -> None:
        """Add a file to the next batch; submit the batch once it is full."""
        self._next.append((record, source))
        self._next_bytes += len(source.content)
        if len(self._next) >= BATCH or self._next_bytes >= _BATCH_BYTES:
            self.submit()

    def submit(self) -> None:
        """Submit the next batch, unless it is empty."""
        if self._next:
            future = self._workers.submit([source for _, source in self._next])
            self._made.append((self._next, future))
            self._files += len(self._next)
            self._bytes += self._next_bytes
            self._next, self._next_bytes = [], 0

    def first(self) -> Iterator[tuple[FileRecord, Result]]:
        """Wait for the first batch; yield its files with their results."""
        batch, future = self._made.popleft()
        self._files -= len(batch)
        self._bytes -= sum(len(source.content) for _, source in batch)
        results = self._workers.results_of(future)
        return zip((record for record, _ in batch), results, strict=True)


class _Died(Exception):
    """A worker died during a batch."""

    def __init__(self, *, results: list[Result], code: int, stalled: bool) -> None:
        super().__init__(code)
        self.results = results  #: of the files before the one that it died over
        self.code = code  #: of its end; negative: the signal that killed it
        self.stalled = stalled  #: it was killed because it did not answer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Worker:
    """A process that makes drafts."""

    process: int
    connection: Connection


class _Server:
    """The process that forks workers (``worker_process``). Raises OSError if it has ended."""

    def __init__(self, job: Job) -> None:
        self._control, theirs = socket.socketpair()
        try:
            # -P: no module is loaded from the folder that the program happens to run in.
            self._program = subprocess.Popen(  # noqa: S603 this program's own module
                [sys.executable, "-P", "-m", worker_process.__name__, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except BaseException:
            self._control.close()
            raise
        finally:
            theirs.close()
        assert self._program.stdin is not None  # noqa: S101 it is a pipe
        with self._program.stdin as pipe:
            pickle.dump(job, pipe)

    def alive(self) -> bool:
        """Return whether it runs."""
        return self._program.poll() is None

    def fork(self) -> _Worker:
        """Start a worker."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            socket.send_fds(self._control, [REQUEST.pack(FORK, 0)], [theirs.fileno()])
            process = self._answer()
            if process < 0:
                raise OSError(-process, os.strerror(-process))
            return _Worker(process=process, connection=Connection(ours.detach()))

    def kill(self, worker: _Worker) -> None:
        """Kill a worker. Its number is its own until ``end``, while the server is there."""
        if self.alive():
            os.kill(worker.process, signal.SIGKILL)

    def end(self, worker: _Worker) -> int:
        """Kill a worker if it has not ended, and return its exit code."""
        self.kill(worker)
        worker.connection.close()
        self._control.sendall(REQUEST.pack(WAIT, worker.process))
        return self._answer()

    def _answer(self) -> int:
        raw = self._control.recv(ANSWER.size, socket.MSG_WAITALL)
        if len(raw) < ANSWER.size:
            raise ConnectionResetError("the server of worker processes ended")
        answer: int = ANSWER.unpack(raw)[0]
        return answer

    def close(self) -> None:
        """End it and wait for its end; its workers must have been killed before."""
        self._control.close()
        self._program.wait()
