"""The daemon follows sources: from an upstream feed to a feed of ours, and to an edition."""

from __future__ import annotations

import asyncio

from digest.app.daemon import Daemon
from tests.conftest import Workplace
from tests.sources.samples import rss
from tests.sources.server import answer, scripted_server
from tests.waiting import PATIENCE, ThreadCalls


async def test_entries_of_a_source_are_published_and_the_first_are_no_news(
    workplace: Workplace, calls: ThreadCalls
) -> None:
    async with scripted_server() as server:
        server.on("/feed", answer(rss("<title>Cranes</title><guid>1</guid>")))
        workplace.configure(f'[sources.harbour]\nurl = "{server.url()}"\nallow_private = true\n')
        feed = workplace.output / "feeds" / "harbour" / "rss.xml"
        with workplace.open() as services:
            daemon = Daemon(services)
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
                tasks.create_task(daemon.run())
                await calls.until(lambda: feed.exists() and "Cranes" in feed.read_text("utf-8"))
                daemon.stop()
            with services.store.pages.snapshot() as source:
                assert [one.title for one in source.latest((), 5)] == ["Cranes"]
                assert source.since(0, ()) == []
