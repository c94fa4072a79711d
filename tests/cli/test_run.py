"""`digest run`: what it prints when all is up. The daemon itself is tested elsewhere."""

from __future__ import annotations

import os
import signal

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
