"""From a file in a folder to a subscriber by push: a daemon, a hub and a subscriber on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import feedparser
import httpx
import pytest

from digest.app.daemon import Daemon
from digest.app.wiring import Services
from digest.feeds.publish.model import Published
from digest.feeds.publish.publisher import Publisher
from digest.feeds.websub import queue as queue_module
from tests.conftest import CONFIGURATION, Workplace
from tests.hub import Hub, Reply, Subscriber, serving
from tests.waiting import PATIENCE, ThreadCalls

#: The categories of a file that names none are 金融 / 市场: three feeds in three formats.
TOPICS = {
    f"feeds/{folder}{name}"
    for folder in ("", "金融/", "金融/市场/", "@authors/记者/")
    for name in ("rss.xml", "atom.xml", "feed.json")
}


@pytest.fixture(name="port")
def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(name="hub")
def _hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(queue_module, "FIRST_PAUSE", 0.1)
    hub = Hub()
    with serving(hub.server):
        yield hub


@pytest.fixture(name="site")
def _site(workplace: Workplace, hub: Hub, port: int) -> str:
    """Configure the hub; return the site's address."""
    address = f"http://127.0.0.1:{port}"
    base = CONFIGURATION.replace("port = 0", f"port = {port}")
    workplace.configure(
        f"[feeds]\nhubs = ['{hub.address}']\n",
        base=base.replace("http://127.0.0.1:8000", address),
    )
    return address


class Runs:
    """Counts publishing runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        monkeypatch.setattr(Publisher, "publish", self._counted(Publisher.publish))

    def _counted(self, real: object) -> object:
        def publish(publisher: Publisher, *args: object) -> Published:
            self.begun += 1
            published: Published = real(publisher, *args)  # type: ignore[operator]  # as it came
            return published

        return publish


@asynccontextmanager
async def daemon(services: Services) -> AsyncIterator[None]:
    started = asyncio.Event()
    running = Daemon(services, announce=lambda _: started.set())
    task = asyncio.create_task(running.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await started.wait()
        yield
    finally:
        running.stop()
        await task


@contextmanager
def subscribed(hub: Hub, topic: str) -> Iterator[Subscriber]:
    """Have a subscriber registered with a hub, which verifies that it meant it."""
    subscriber = Subscriber()
    with serving(subscriber.server):
        answer = httpx.post(
            hub.address,
            data={
                "hub.mode": "subscribe",
                "hub.topic": topic,
                "hub.callback": subscriber.callback,
                "hub.secret": subscriber.secret,
            },
            trust_env=False,
        )
        assert answer.status_code == 202
        hub.verified.wait(lambda: topic in hub.verified.all)
        yield subscriber


async def told(hub: Hub, count: int) -> None:
    await asyncio.to_thread(hub.told.wait, lambda: len(hub.told.all) >= count)


async def fetched(hub: Hub) -> None:
    """Wait until the hub has fetched all that it was told of."""
    await asyncio.to_thread(hub.wait_until_idle)


async def in_feed(workplace: Workplace, calls: ThreadCalls, title: str) -> None:
    """Wait until an article is published."""
    feed = workplace.output / "feeds/rss.xml"
    await calls.until(lambda: title in feed.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
async def test_an_article_reaches_a_subscriber_by_push(
    workplace: Workplace, hub: Hub, site: str, name: str
) -> None:
    workplace.write("old.md", "旧闻")
    topic = f"{site}/feeds/%E9%87%91%E8%9E%8D/%E5%B8%82%E5%9C%BA/{name}"
    with workplace.open() as services:
        async with daemon(services):
            await told(hub, len(TOPICS))
            await fetched(hub)
            assert set(hub.told.all) == {services.site.link(path) for path in TOPICS}
            with subscribed(hub, topic) as subscriber:
                workplace.write("new.md", "新闻：市场开盘")
                await asyncio.to_thread(
                    subscriber.pushed.wait,
                    lambda: any("新闻：市场开盘" in body for body in subscriber.pushed.all),
                )
                await fetched(hub)
                published = (workplace.output / "feeds/金融/市场" / name).read_text("utf-8")
    assert subscriber.pushed.all == [published]
    assert subscriber.links == [{"hub": [hub.address], "self": [topic]}]
    assert subscriber.asked == [topic]
    assert subscriber.forged == 0
    assert hub.complaints + hub.failures == []
    if name != "feed.json":
        parsed = feedparser.parse(published)
        assert [entry.title for entry in parsed.entries] == ["新闻：市场开盘", "旧闻"]


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(status=429, headers={"Retry-After": "1"}),
        Reply(status=503),
        Reply(status=500, body=b"x" * 10_000_000),
        None,
    ],
    ids=["429", "503", "500", "slow"],
)
async def test_a_hub_in_trouble_delays_nothing_and_is_told_later(
    workplace: Workplace,
    hub: Hub,
    site: str,
    trouble: Reply | None,
    calls: ThreadCalls,
) -> None:
    release = threading.Event()
    hub.always = trouble or Reply(until=release)
    with workplace.open() as services:
        async with daemon(services):
            workplace.write("a.md", "照样发表")
            await in_feed(workplace, calls, "照样发表")  # while the trouble lasts
            hub.always = None
            release.set()
            topics = {services.site.link(path) for path in TOPICS}
            await asyncio.to_thread(hub.taken.wait, lambda: topics <= set(hub.taken.all))
            await fetched(hub)
    assert hub.complaints == []


async def test_a_hub_that_was_away_over_a_restart_is_told_then(
    workplace: Workplace, hub: Hub, site: str
) -> None:
    workplace.write("a.md", "先发表")
    port = hub.server.server_port
    hub.server.shutdown()
    hub.server.server_close()
    with workplace.open() as services:
        async with daemon(services):
            pass
        assert {one.topic for one in services.store.hub_notifications.stored()} == {
            services.site.link(path) for path in TOPICS
        }
    back = Hub(port)
    with serving(back.server), workplace.open() as services:
        async with daemon(services):
            await told(back, len(TOPICS))
            await fetched(back)
        assert services.store.hub_notifications.stored() == []
    assert len(back.told.all) == len(TOPICS)
    assert back.complaints == []


async def test_a_slow_hub_does_not_delay_the_stop(
    workplace: Workplace, hub: Hub, site: str
) -> None:
    release = threading.Event()
    hub.always = Reply(until=release)
    workplace.write("a.md", "文章")
    with workplace.open() as services:
        async with daemon(services):
            await told(hub, 1)
            began = time.monotonic()
        assert time.monotonic() - began < 5
        release.set()
        assert len(services.store.hub_notifications.stored()) == len(TOPICS)


async def test_a_burst_of_files_is_one_notice_for_each_feed_and_run_at_most(
    workplace: Workplace,
    hub: Hub,
    site: str,
    calls: ThreadCalls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with workplace.open() as services:
        async with daemon(services):
            await told(hub, 3)
            await fetched(hub)
            runs = Runs(monkeypatch)
            for number in range(100):
                workplace.write(f"{number}.md", f"第{number}篇。", body=f"<p>{number}</p>" * 9)
            page = services.site.link("feeds/金融/市场/rss.xml")
            await calls.until(lambda: services.store.articles.counts().articles == 100)
            await asyncio.to_thread(hub.told.wait, lambda: page in hub.told.all[3:])
    counted = Counter(hub.told.all[3:])
    assert max(counted.values()) <= runs.begun < 100
    assert hub.complaints == []


def test_a_command_tells_hubs_too(workplace: Workplace, hub: Hub, site: str) -> None:
    workplace.write("a.md", "文章")
    with workplace.open() as services:
        workplace.build(services)
        services.notify_hubs()
        assert set(hub.told.all) == {services.site.link(path) for path in TOPICS}
        services.notify_hubs()
    assert len(hub.told.all) == len(TOPICS)
