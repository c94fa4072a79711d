"""The daemon follows sources: from an upstream feed to a feed of ours, and to an edition."""

from __future__ import annotations

import asyncio

import pytest

from digest.app import daemon as daemon_module
from digest.app import publish_loop as publish_loop_module
from digest.app.daemon import Daemon
from digest.app.live_settings import LiveSettings
from digest.feeds.publish.output_folder import OutputFolder
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


async def test_the_first_source_is_followed_and_republish_changed_without_a_restart(
    workplace: Workplace, calls: ThreadCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon_module, "_LOOK_FOR_SOURCES", 0.01)
    monkeypatch.setattr(publish_loop_module, "_LOOK_AT_ROOT", 0.02)
    monkeypatch.setattr(OutputFolder, "wait", lambda *_: 0.0)
    plain = workplace.configuration.read_text(encoding="utf-8")
    workplace.write("own.md", "Own")
    shown = workplace.output / "feeds" / "rss.xml"

    def in_feed(title: str) -> bool:
        return shown.exists() and title in shown.read_text("utf-8")

    async with scripted_server() as server:
        server.on("/feed", answer(rss("<title>Cranes</title><guid>1</guid>")))
        source = f'[sources.harbour]\nurl = "{server.url()}"\nallow_private = true\n'
        with workplace.open() as services:
            live = LiveSettings(services.settings, workplace.configuration, {})
            daemon = Daemon(services, live=live)
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
                running = tasks.create_task(daemon.run())
                await calls.until(lambda: in_feed("Own"))
                workplace.configuration.write_text(plain + source, encoding="utf-8")
                await calls.until(lambda: in_feed("Cranes"))
                held = f"{plain}{source}republish = false\n"
                workplace.configuration.write_text(held, encoding="utf-8")
                await calls.until(lambda: not in_feed("Cranes"))
                with services.store.pages.snapshot() as snapshot:
                    mailed = [one.title for one in snapshot.latest((), 5, mailed=True)]
                assert sorted(mailed) == ["Cranes", "Own"]
                workplace.configuration.write_text(plain + source, encoding="utf-8")
                await calls.until(lambda: in_feed("Cranes"))
                assert not running.done()
                daemon.stop()
