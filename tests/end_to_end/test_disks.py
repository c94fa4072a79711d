"""Disks that are full, read-only or locked, and clocks that jump: nothing is lost, it is told."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from digest.app import publish_loop
from digest.app.wiring import open_services
from digest.backoff import Backoff
from digest.store.connection import Database
from tests import stores
from tests.conftest import Workplace
from tests.end_to_end.test_watching import running
from tests.waiting import ThreadCalls


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon, and wait for no lock."""
    monkeypatch.setattr(publish_loop, "Backoff", partial(Backoff, first=0.02, longest=0.02))
    monkeypatch.setattr(Database, "_seconds", 0.02)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], check=False).returncode:
        pytest.skip("only root, where it may, mounts a disk of its own")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    yield
    filler.unlink()


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    while subprocess.run(["mount", "-o", "remount,ro", str(disk)]).returncode:
        pass  # it is busy while a file of it is being written
    yield
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(folder / "digest.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def told(logs: list[Any], words: str) -> bool:
    return any(words in f"{log.get('error')}" for log in logs if log["log_level"] == "error")


async def carry_on(
    workplace: Workplace, calls: ThreadCalls, trouble: Callable[[], Any], words: str
) -> None:
    """Have articles come before, during and after some trouble; each is to be in the feed."""
    feed = workplace.settings().paths.output / "feeds" / "rss.xml"

    def published() -> set[str]:
        text = feed.read_text(encoding="utf-8") if feed.exists() else ""
        return {title for title in ("之前", "期间", "之后") if title in text}

    with open_services(workplace.settings(), workplace.clock) as services, capture_logs() as logs:
        async with running(services):
            workplace.write("before.md", "之前")
            await calls.until(lambda: published() == {"之前"})
            with trouble():
                workplace.write("during.md", "期间")
                await calls.until(lambda: told(logs, words))
            workplace.write("after.md", "之后")
            await calls.until(lambda: published() == {"之前", "期间", "之后"})
        assert services.store.articles.problems() == []
        assert len(stores.newest(services.store, None, 10)) == 3


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(full, "No space left on device"), (read_only, "Read-only file system")],
)
async def test_an_output_on_a_disk_in_trouble_is_complete_once_that_is_over(
    workplace: Workplace,
    calls: ThreadCalls,
    disk: Path,
    trouble: Callable[[Path], Any],
    words: str,
) -> None:
    workplace.configure('[paths]\noutput = "disk/public"\n')
    await carry_on(workplace, calls, lambda: trouble(disk), words)


async def test_a_database_on_a_full_disk_loses_nothing(
    workplace: Workplace, calls: ThreadCalls, disk: Path
) -> None:
    workplace.configure('[paths]\ndata = "disk/data"\n')
    await carry_on(workplace, calls, lambda: full(disk), "disk full")


async def test_a_database_that_is_locked_for_long_loses_nothing(
    workplace: Workplace, calls: ThreadCalls
) -> None:
    data = workplace.folder / "data"
    await carry_on(workplace, calls, lambda: locked(data), "locked for more than")


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps_by_a_day_loses_no_article_and_keeps_their_order(
    workplace: Workplace, days: int
) -> None:
    with workplace.open() as services:
        for number, title in enumerate(("之前", "期间", "之后")):
            workplace.write(f"{number}.md", title, date=None)
            workplace.build(services)
            workplace.clock.advance(days=days if number == 0 else -days)
        arrived = [article.title for article in stores.since(services.store)]
        assert arrived == ["之前", "期间", "之后"]
        feed = workplace.published()["feeds/rss.xml"].decode()
    assert all(title in feed for title in ("之前", "期间", "之后"))
