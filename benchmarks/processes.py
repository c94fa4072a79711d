"""Programs that are measured: time, processor and memory of a process and all that it starts.

A program leads a session of its own (setsid(2)), by which its processes are known whoever their
parents are. Memory is their proportional set size together (PSS, proc(5)): what several share is
counted once. The processor's time and the peak are sampled, so that they miss what happened in the
last moment of a process that lived shortly.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Units of the times in /proc/*/stat, in a second.
_TICKS = os.sysconf("SC_CLK_TCK")
#: Seconds between two samples. Reading the PSS costs about a millisecond for 100 MB.
_INTERVAL = 0.1
#: Seconds in which a program that is told to stop must have done so.
_STOP_WITHIN = 20.0
#: Bytes of a log that an error shows.
_TAIL = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a program took."""

    seconds: float
    processor: float  #: seconds, of all processes together
    memory: int  #: bytes of PSS at most, of all processes together


def told(usage: Usage) -> str:
    """Return times in words; on a busy machine the processor's own is the steadier one."""
    return f"{usage.seconds:.2f} s ({usage.processor:.2f} s of the processor)"


class Failure(RuntimeError):
    """A program that is measured did not do what it should."""


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat behind the name, the state first; raises OSError."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


def members(session: int) -> list[int]:
    """Return the processes of a session; not those that are dead and not yet reaped."""
    pids = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with contextlib.suppress(OSError):  # ended meanwhile
                fields = _stat(int(path.name))
                if int(fields[3]) == session and fields[0] not in "ZX":
                    pids.append(int(path.name))
    return pids


def memory(session: int) -> int:
    """Return the bytes of PSS that the processes of a session hold together."""
    total = 0
    for pid in members(session):
        with contextlib.suppress(OSError):  # ended meanwhile
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            total += sum(
                int(line.split()[1]) * 1024
                for line in rollup.splitlines()
                if line.startswith("Pss:")
            )
    return total


def processor(session: int) -> dict[int, float]:
    """Return the seconds of the processor that each process of a session has had."""
    seconds = {}
    for pid in members(session):
        with contextlib.suppress(OSError):  # ended meanwhile
            fields = _stat(pid)
            seconds[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
    return seconds


class _Sampler(threading.Thread):
    """Looks at a session again and again until told to stop."""

    def __init__(self, session: int) -> None:
        super().__init__(name="sampler", daemon=True)
        self._session = session
        self._stopped = threading.Event()
        self._processor: dict[int, float] = {}
        self.memory = 0

    @property
    def processor(self) -> float:
        """Seconds of the processor, of all processes that were seen."""
        return sum(self._processor.values())

    def run(self) -> None:
        """Sample."""
        while not self._stopped.is_set():
            self._processor |= processor(self._session)
            self.memory = max(self.memory, memory(self._session))
            self._stopped.wait(_INTERVAL)

    def stop(self) -> None:
        """Return once the last sample is taken."""
        self._stopped.set()
        self.join()


@contextlib.contextmanager
def program(
    command: Sequence[str | Path], *, folder: Path, log: Path, environment: Mapping[str, str] = {}
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a session of its own; end it, and what it has started, when done.

    What it says goes into ``log``. ``environment`` is added to this process's.
    """
    with log.open("ab") as said:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_WITHIN)
        for pid in members(process.pid):
            with contextlib.suppress(ProcessLookupError):
                _kill(pid)
        process.wait()


def _kill(pid: int) -> None:
    """Kill a process, not only a child of ours, and return when it has ended.

    Raises ProcessLookupError where there is none.
    """
    descriptor = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        select.select([descriptor], [], [])
    finally:
        os.close(descriptor)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def measure(command: Sequence[str | Path], *, folder: Path, log: Path) -> Usage:
    """Run a program to its end; return what it took.

    Raises Failure with the end of what it said where it ends with another code than 0.
    """
    began = time.perf_counter()
    with program(command, folder=folder, log=log) as process:
        sampler = _Sampler(process.pid)
        sampler.start()
        try:
            # Not wait(): the sampler needs the session's leader until the last sample is taken.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            seconds = time.perf_counter() - began
        finally:
            sampler.stop()
        own = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(own[1])
    if process.returncode:
        said = log.read_bytes()[-_TAIL:].decode("utf-8", "replace")
        raise Failure(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{said}")
    waited_for = own[2].ru_utime + own[2].ru_stime
    return Usage(
        seconds=seconds, processor=max(sampler.processor, waited_for), memory=sampler.memory
    )
