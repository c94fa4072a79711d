"""The processes that make drafts: a server that forks them, and what each of them does.

``workers`` runs this module as a program of its own. The server loads the parsers once; the
processes that it forks share their memory and are ready in a millisecond. It has one thread,
so that no lock is held when it forks.
"""

from __future__ import annotations

import errno
import gc
import os
import pickle
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pkgutil import resolve_name
from typing import TypeAlias

from digest.articles.draft_options import DraftOptions
from digest.articles.ingest.assets import ArticleAssets, asset_folder
from digest.articles.model import Draft, SourceFile, UnchangedText
from digest.errors import SourceError
from digest.times import utc_now

#: A request to the server: what to do, and with which process.
REQUEST = struct.Struct("!ci")
#: Its answer: a process, an exit code (negative: a signal), or a negative error number.
ANSWER = struct.Struct("!i")
FORK, WAIT = b"f", b"w"
#: The exit code of a process that met its limit of memory.
OUT_OF_MEMORY = 77
#: A process that has had nothing to do for so long ends; seconds. Another starts in a millisecond.
_IDLE = 60.0
#: A process is replaced after so many files, which bounds what a leak in a parser can cost.
_FILES = 2_000

#: What comes of a file: its draft unless that is as it was, or why there is none.
Result: TypeAlias = Draft | UnchangedText | SourceError
Make: TypeAlias = Callable[
    [SourceFile, DraftOptions, datetime, ArticleAssets | None], Draft | UnchangedText
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The parameters of all processes of a server."""

    make: str  #: the function that makes a draft, as ``module:name``; its module is loaded first
    options: DraftOptions
    seconds: float  #: of processor time that a file may take
    memory: int  #: bytes of data that a process may hold (RLIMIT_DATA of setrlimit(2))


def main() -> None:
    """Fork a process for each request, until the requesting program has ended.

    The argument is the descriptor of the socket that requests come by; a pickled ``Job`` is on
    standard input. Signals that end the program are left to it: here the end of the socket counts.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 from the program that runs this one
    resolve_name(job.make)
    gc.collect()
    gc.freeze()  # what is loaded stays shared: the collector would write to each object
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 1)
        if not request:
            return
        command, process = REQUEST.unpack(request)
        if command == WAIT:
            answer = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        else:
            answer = _fork(control, descriptors[0], job)
        control.sendall(ANSWER.pack(answer))


def _fork(control: socket.socket, descriptor: int, job: Job) -> int:
    """Return the id of a new process that serves a descriptor, or a negative errno."""
    try:
        process = os.fork()
    except OSError as error:
        os.close(descriptor)
        return -(error.errno or errno.EAGAIN)
    if process == 0:
        code = 1
        try:
            control.close()
            # Held until the end: its closing tells the program that this process has ended.
            connection = Connection(descriptor)
            work(connection, job)
            code = 0
        except MemoryError:
            code = OUT_OF_MEMORY
        finally:
            os._exit(code)
    os.close(descriptor)
    return process


def work(connection: Connection, job: Job) -> None:
    """Make the drafts of each batch that arrives.

    Return when the connection is closed or idle, or after so many files that it should start anew.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (job.memory, job.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    files = 0
    while files < _FILES and connection.poll(_IDLE):
        try:
            sources = connection.recv()
        except EOFError:
            return
        for result in results_of(sources, job):
            connection.send(result)
        files += len(sources)


def results_of(sources: Sequence[SourceFile], job: Job) -> Iterator[Result]:
    """Yield the draft of each file, so that the parent knows at which file the process dies.

    The system kills it by SIGPROF when one takes too much processor time: that is setitimer(2). No
    handler could do it: parsers written in C run none before they are done. Raises MemoryError.
    """
    make: Make = resolve_name(job.make)
    folder = asset_folder(job.options.assets) if job.options.assets else None
    for source in sources:
        result: Result
        signal.setitimer(signal.ITIMER_PROF, job.seconds)
        try:
            now = utc_now()
            serves = folder and folder.serves(source.path)
            files = folder.of(source.path, now) if folder and serves else None
            result = make(source, job.options, now, files)
        except SourceError as error:
            result = error
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a file's problem is never the next one's
            problem = f"cannot be read: {type(error).__name__}: {error}"
            result = SourceError(source.path, None, problem)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        yield result


if __name__ == "__main__":
    main()
