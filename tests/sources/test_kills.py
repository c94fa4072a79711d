"""Processes that are killed in the middle of a refresh: the next ones repeat, and lose nothing."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Any

import pytest

from digest.sources import entry_pages
from digest.store.database import open_store
from tests.effort import effort
from tests.sources.samples import rss
from tests.sources.server import Script, ScriptedServer, answer, scripted_server
from tests.sources.test_full_text import PAGE

#: Entries of the feed: each has a page, so that a kill can be timed by what is asked for.
ENTRIES = 12
REFRESH = """
import asyncio, sys
from pathlib import Path
from digest.sources import entry_pages
from digest.sources.fetching import Fetcher
from digest.sources.follower import Follower
from digest.sources.model import Source
from digest.store.database import open_store
from digest.times import utc_now

async def refresh(url, folder):
    with open_store(f"sqlite:///{folder}/digest.db") as store:
        follower = Follower(
            sources=list, folder=Path(folder) / "sources", store=store.sources, fetcher=Fetcher(),
            site_url="https://site.example", clock=utc_now, jitter=lambda: 0.0,
        )
        source = Source(name="harbour", url=url, full_text=True, allow_private=True)
        await follower.refresh(source)
        await follower.close()

entry_pages.PAUSE = 0
asyncio.run(refresh(*sys.argv[1:]))
"""


def feed(server: ScriptedServer, edition: int) -> bytes:
    """Return a feed whose last entry says something else in each edition."""
    return rss(
        *(
            f"<title>Entry {number}</title><guid>{number}</guid>"
            f"<link>{server.url(f'/{number}')}</link>"
            f"<description>Text {edition if number == ENTRIES else 1}</description>"
            for number in range(1, ENTRIES + 1)
        )
    )


async def refreshing(server: ScriptedServer, folder: Path) -> Process:
    arguments = ("-P", "-c", REFRESH, server.url(), str(folder))
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=DEVNULL)


def known(folder: Path) -> int:
    with open_store(f"sqlite:///{folder}/digest.db") as store:
        return store.sources.counts().get("harbour", 0)


def fatal_page(process: Process, after: int) -> Script:
    """Return a script that answers with a page; the process is killed before it has the last."""
    left = after

    async def send(writer: asyncio.StreamWriter) -> None:
        nonlocal left
        left -= 1
        if not left:
            process.kill()
        await answer(PAGE.encode(), Content_Type="text/html")(writer)

    return send


def texts(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in folder.glob("sources/**/*.html")]


async def test_a_kill_in_the_middle_of_a_refresh_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry_pages, "PAUSE", 0)
    chance = random.Random(7)
    async with scripted_server() as server:
        for edition in range(effort(1, 10)):
            server.on("/feed", answer(feed(server, edition)))
            process = await refreshing(server, tmp_path)
            page = fatal_page(process, chance.randrange(2, ENTRIES))
            for number in range(1, ENTRIES + 1):
                server.on(f"/{number}", page)
            assert await process.wait() == -signal.SIGKILL
            assert known(tmp_path) == 0
        scope: dict[str, Any] = {}
        exec(REFRESH.rpartition("asyncio.run")[0], scope)
        await scope["refresh"](server.url(), str(tmp_path))
    assert known(tmp_path) == ENTRIES
    files = texts(tmp_path)
    assert len(files) == ENTRIES
    assert all("The 0. crane" in text and "</p>" in text for text in files)
