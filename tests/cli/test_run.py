"""`digest run`: what it prints when all is up. The daemon itself is tested elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from digest.app.daemon import Started
from digest.app.wiring import Services
from digest.cli import run
from tests.cli.conftest import Program
from tests.conftest import Workplace


@pytest.fixture(autouse=True)
def stops_when_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the daemon told to stop, as an operator would, once it has announced itself."""
    real = run._announce

    def announce(started: Started, services: Services) -> None:
        real(started, services)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(run, "_announce", announce)


def test_it_says_what_it_watches_and_when_the_digests_are_due(
    program: Program, workplace: Workplace
) -> None:
    workplace.write("a.md")
    workplace.write_text("bad.md", "---\ntitle: never closed\n")

    ran = program("run")

    assert ran.code == 0
    lines = [line.strip() for line in ran.out.splitlines()]
    assert f"Reading {workplace.articles} …" in lines
    for start in (
        f"Watching  {workplace.articles}",
        "Articles  1 in 2 categories, 4 feeds",
        "Problems  1 file;",
        "Open      http://127.0.0.1:8000/",
        f"Mail      into the Maildir {workplace.folder / 'mail'}",
        "Digest    每日摘要 (daily): next ",
        "Stop      Ctrl-C",
    ):
        assert [line for line in lines if line.startswith(start)], start
    (daily,) = [line for line in lines if "(daily)" in line]
    assert daily.endswith("07:00 Asia/Shanghai")


def test_it_says_which_roots_it_polls(program: Program, workplace: Workplace) -> None:
    blog = workplace.two_roots()

    ran = program("run", "--poll")

    lines = [line.strip() for line in ran.out.splitlines()]
    assert f"Polling   {workplace.articles}" in lines
    assert f"Polling   {blog} (as blog)" in lines


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


async def test_what_blocks_needs_no_thread_more_once_it_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None:
        go = threading.Event()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_thread)
            waiting = [asyncio.create_task(asyncio.to_thread(go.wait, 5)) for _ in range(40)]
            await asyncio.sleep(0)
            go.set()
            assert await asyncio.gather(*waiting) == [True] * 40

    await run._in_started_threads(work())


async def test_with_fewer_threads_than_there_may_be_it_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, left, done = threading.Thread.start, iter(range(2)), asyncio.Event()

    def two_threads(thread: threading.Thread) -> None:
        if next(left, None) is None:
            no_thread(thread)
        start(thread)

    async def work() -> None:
        done.set()

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", two_threads)
        await run._in_started_threads(work())
    assert done.is_set()
