"""The program as a process: what the operator starts, stops and starts again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.conftest import CONFIGURATION, Workplace
from tests.waiting import PATIENCE

Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start(workplace: Workplace) -> Iterator[Start]:
    """Return what starts `digest run` and waits until it has announced itself."""
    workplace.configure(base=CONFIGURATION)
    processes: list[subprocess.Popen[str]] = []
    environment = {name: value for name, value in os.environ.items() if "COV" not in name}

    def begin() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "digest", "run"],
            cwd=workplace.folder,
            env=environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly_within_five_seconds(
    start: Start, number: signal.Signals
) -> None:
    process = start()
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=PATIENCE) == 0
    assert time.monotonic() - began < 5


def test_a_locked_database_does_not_keep_it_from_stopping(
    workplace: Workplace, start: Start
) -> None:
    process = start()
    with closing(sqlite3.connect(workplace.folder / "data" / "digest.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        workplace.write("a.md")
        time.sleep(1)  # by now a thread waits for the lock, and it would for ten seconds
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) in (0, 1)
        assert time.monotonic() - began < 6
        other.rollback()


def test_a_second_signal_ends_it_at_once(workplace: Workplace, start: Start) -> None:
    process = start()
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE) in (0, 128 + signal.SIGTERM, 128 + signal.SIGINT)


def test_a_second_daemon_is_refused_and_a_killed_one_leaves_no_lock(start: Start) -> None:
    first = start()
    second = start()
    assert second.wait(timeout=PATIENCE) == 1
    first.kill()
    first.wait(timeout=PATIENCE)
    third = start()
    assert third.poll() is None


def test_killed_while_publishing_it_mends_the_folder_at_the_next_start(
    workplace: Workplace, start: Start
) -> None:
    for number in range(30):
        workplace.write(f"{number}.md", f"第{number}篇")
    first = start()
    workplace.write("last.md", "最后一篇")
    first.kill()
    first.wait(timeout=PATIENCE)

    start()

    feed = (workplace.output / "feeds" / "rss.xml").read_text(encoding="utf-8")
    assert "最后一篇" in feed
    assert feed.count("<item>") == 31
