"""What programs take is measured with all that they start, and nothing of them stays behind."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from benchmarks.processes import Failure, measure, members, memory, processor, program

NOBODY = 2**22 + 1  # more than Linux has processes
#: Holds 30 MB itself and 30 MB in a child that outlives it, then says so and waits.
FAMILY = """
import os, time
held = b'x' * 30_000_000
if not os.fork():
    own = b'y' * 30_000_000
    print("ready", flush=True)
    time.sleep(600)
time.sleep(600)
"""


def test_memory_and_processor_are_those_of_all_processes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with program([sys.executable, "-c", FAMILY], folder=tmp_path, log=log) as process:
        while "ready" not in log.read_text("utf-8"):
            assert process.poll() is None
        assert len(members(process.pid)) == 2
        # What the child has taken over is counted once.
        assert 60_000_000 < memory(process.pid) < 85_000_000
        assert sum(processor(process.pid).values()) > 0
    assert members(process.pid) == []
    assert process.returncode == -signal.SIGTERM


def test_a_program_is_measured_to_its_end(tmp_path: Path) -> None:
    text = "held = b'x' * 40_000_000; end = __import__('time').process_time() + 0.5\n"
    text += "while __import__('time').process_time() < end: pass"
    usage = measure([sys.executable, "-c", text], folder=tmp_path, log=tmp_path / "log")
    assert usage.seconds >= usage.processor >= 0.5
    assert usage.memory > 40_000_000


def test_a_program_that_fails_tells_what_it_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('the disk is full')"]
    with pytest.raises(Failure, match=r"ended with 1:\nthe disk is full"):
        measure(command, folder=tmp_path, log=tmp_path / "log")


def test_a_session_that_has_ended_holds_nothing() -> None:
    assert members(NOBODY) == []
    assert memory(NOBODY) == 0
    assert processor(NOBODY) == {}
