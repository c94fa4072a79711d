"""A real feed reader against the real daemon: newsboat, as Debian brings it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import CONFIGURATION, Workplace

NEWSBOAT = shutil.which("newsboat")
pytestmark = [
    pytest.mark.skipif(not NEWSBOAT, reason="newsboat is not installed: apt-get install newsboat"),
]

DATE = "Fri, 27 Aug 2021 12:49:08 GMT"
PUBLISHED_AT = int(datetime(2021, 8, 27, 12, 49, 8, tzinfo=UTC).timestamp())


@dataclass
class Wire:
    """Passes on what a reader and a server say, and notes requests and answers."""

    port: int  #: the server's
    asked: list[str] = field(default_factory=list)  #: heads of requests
    answered: list[int] = field(default_factory=list)  #: status codes

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the reader's."""
        upstream, onward = await asyncio.open_connection("127.0.0.1", self.port)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pass(reader, onward, answer=False))
            tasks.create_task(self._pass(upstream, writer, answer=True))

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answer: bool
    ) -> None:
        while data := await source.read(1 << 20):
            if answer:
                self.answered += [int(code) for code in re.findall(rb"HTTP/1.1 (\d{3}) ", data)]
            else:
                self.asked.append(data.decode("latin-1"))
            target.write(data)
            await target.drain()
        target.close()


@pytest.fixture(name="daemon")
def _daemon(workplace: Workplace) -> Iterator[int]:
    """Run the daemon over two articles, and return its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    workplace.configure(
        base=CONFIGURATION.replace("port = 0", f"port = {port}").replace(":8000", f":{port}")
    )
    workplace.write("a.md", "潮水 & <码头>", date=DATE, body="<p>" + "潮水涨了。" * 500 + "</p>")
    workplace.write("b.md", "第二篇", date="Sat, 28 Aug 2021 00:00:00 GMT")
    process = subprocess.Popen(
        [sys.executable, "-m", "digest", "run"],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any("Ctrl-C" in line for line in process.stdout), "it did not start"
        yield port
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture(name="wire")
async def _wire(daemon: int) -> AsyncIterator[tuple[Wire, int]]:
    wire = Wire(port=daemon)
    async with await asyncio.start_server(wire.connect, "127.0.0.1", 0) as server:
        yield wire, server.sockets[0].getsockname()[1]


def subscribe(home: Path, feed: str) -> None:
    """Make a home for newsboat with one feed."""
    home.mkdir()
    (home / "urls").write_text(f"{feed}\n", "utf-8")
    (home / "config").write_text("", "utf-8")


async def newsboat(home: Path) -> dict[str, int]:
    """Have newsboat fetch its feed, and return the articles that it lists: dates by title."""
    process = await asyncio.create_subprocess_exec(
        str(NEWSBOAT), "-u", "urls", "-c", "cache.db", "-C", "config", "-x", "reload",
        cwd=home,
        env={"HOME": str(home), "LC_ALL": "C.UTF-8", "TERM": "dumb", "PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    with closing(sqlite3.connect(home / "cache.db")) as cache:
        query = "SELECT title, pubDate FROM rss_item WHERE deleted = 0"
        return dict(cache.execute(query).fetchall())


async def until_published(workplace: Workplace, mark: str) -> None:
    feeds = [workplace.output / "feeds" / name for name in ("rss.xml", "atom.xml")]
    # The daemon is another process: nothing else tells.
    while not all(mark in feed.read_text("utf-8") for feed in feeds):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml"])
async def test_newsboat_lists_articles_and_follows_them(
    workplace: Workplace, wire: tuple[Wire, int], tmp_path: Path, name: str
) -> None:
    seen, port = wire
    feed, home = f"http://127.0.0.1:{port}/feeds/{name}", tmp_path / "home"

    subscribe(home, feed)

    listed = await newsboat(home)
    assert listed == {"潮水 & <码头>": PUBLISHED_AT, "第二篇": PUBLISHED_AT + 40_252}
    assert seen.answered == [200]

    # It notes validators only for a feed that it has a row for, so not at the first fetch of all.
    assert await newsboat(home) == listed
    assert await newsboat(home) == listed
    assert seen.answered == [200, 200, 304]

    workplace.write("c.md", "第三篇", date="Sun, 29 Aug 2021 00:00:00 GMT")
    workplace.write("b.md", "第二篇，更正", date="Sat, 28 Aug 2021 00:00:00 GMT")
    await until_published(workplace, "第二篇，更正")
    await until_published(workplace, "第三篇")
    assert await newsboat(home) == {
        "潮水 & <码头>": PUBLISHED_AT,
        "第二篇，更正": PUBLISHED_AT + 40_252,
        "第三篇": PUBLISHED_AT + 40_252 + 86_400,
    }
    assert "a-im: feed" in seen.asked[-1].lower(), "it asks for news alone"
    assert seen.answered == [200, 200, 304, 226]
    assert await newsboat(home)
    assert seen.answered == [200, 200, 304, 226, 304]
