"""The notifier, against a real hub: one that takes, and one that fails in every way it can."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest
import structlog
import trustme
from structlog.testing import capture_logs
from structlog.typing import EventDict

from digest import __version__
from digest.errors import StoreError
from digest.feeds.websub import notifier as notifier_module
from digest.feeds.websub import queue as queue_module
from digest.feeds.websub.notifier import HubNotifier
from digest.feeds.websub.protocol import Notification
from digest.feeds.websub.queue import GIVE_UP_AFTER
from tests.conftest import NOW, FakeClock
from tests.feeds.samples import SITE
from tests.hub import Hub, Reply, serving
from tests.waiting import PATIENCE


@dataclass
class MemoryStore:
    """Stores notifications in memory."""

    kept: dict[tuple[str, str], Notification] = field(default_factory=dict)
    broken: bool = False

    def stored(self) -> list[Notification]:
        self._check()
        return list(self.kept.values())

    def keep(self, notifications: Collection[Notification]) -> None:
        self._check()
        self.kept |= {(one.hub, one.topic): one for one in notifications}

    def drop(self, notifications: Collection[Notification]) -> None:
        self._check()
        for one in notifications:
            if self.kept.get((one.hub, one.topic)) == one:
                del self.kept[one.hub, one.topic]

    def _check(self) -> None:
        if self.broken:
            raise StoreError("locked")


@pytest.fixture(name="hub")
def _hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(queue_module, "FIRST_PAUSE", 0.05)
    hub = Hub(fetches=False)  # nobody serves these topics
    with serving(hub.server):
        yield hub


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="logs", autouse=True)
def _logs() -> Iterator[list[EventDict]]:
    structlog.reset_defaults()
    with capture_logs() as logs:
        yield logs


def make_notifier(
    clock: FakeClock, store: MemoryStore, *hubs: str, trust: ssl.SSLContext | None = None
) -> HubNotifier:
    return HubNotifier(
        site=replace(SITE, hubs=hubs), store=store, clock=clock, jitter=lambda: 0.0, trust=trust
    )


@asynccontextmanager
async def running(one: HubNotifier) -> AsyncIterator[None]:
    task = asyncio.create_task(one.run())
    try:
        yield
    finally:
        one.stop()
        await task


async def told(hub: Hub, count: int) -> None:
    """Wait until the hub has been told so often."""
    await asyncio.to_thread(hub.told.wait, lambda: len(hub.told.all) >= count)


async def idle(one: HubNotifier) -> None:
    """Wait until nothing waits for any hub and everything is remembered."""
    async with asyncio.timeout(PATIENCE):
        while any(queue.waiting() or queue.stored for queue in one._queues):  # noqa: ASYNC110 - other's
            await asyncio.sleep(0.005)


RSS = SITE.link("feeds/rss.xml")
ATOM = SITE.link("feeds/商业/atom.xml")


async def test_each_changed_feed_is_told_once_in_one_connection(
    hub: Hub, clock: FakeClock, logs: list[EventDict]
) -> None:
    store = MemoryStore()
    one = make_notifier(clock, store, hub.address)
    async with running(one):
        one.changed(
            [
                "feeds/rss.xml",
                "index.html",
                "feeds/商业/atom.xml",
                "feeds/opml.xml",
                "feeds/index.html",
            ]
        )
        await told(hub, 2)
        await idle(one)
        one.changed(["feeds/rss.xml"])
        await told(hub, 3)
        await idle(one)
    assert hub.requests == [[RSS], [ATOM], [RSS]]
    assert len(hub.connections) == 1
    assert hub.agents == {f"Digest/{__version__}"}
    assert store.kept == {}
    assert {entry["event"] for entry in logs} == {"hub told"}


async def test_what_changes_before_the_start_and_in_other_threads_is_told(
    hub: Hub, clock: FakeClock
) -> None:
    one = make_notifier(clock, MemoryStore(), hub.address)
    one.changed(["feeds/rss.xml"])
    async with running(one):
        await told(hub, 1)
        await asyncio.to_thread(one.changed, ["feeds/atom.xml"])
        await told(hub, 2)
    assert hub.told.all == [RSS, SITE.link("feeds/atom.xml")]


async def test_a_burst_is_coalesced_while_the_hub_is_slow(hub: Hub, clock: FakeClock) -> None:
    release = threading.Event()
    hub.replies.append(Reply(until=release))
    one = make_notifier(clock, MemoryStore(), hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml"])
        await told(hub, 1)
        began = time.monotonic()
        for _ in range(100):
            one.changed(["feeds/rss.xml", "feeds/atom.xml"])
        assert time.monotonic() - began < 1
        release.set()
        await told(hub, 3)
        await idle(one)
    assert hub.told.all == [RSS, SITE.link("feeds/atom.xml"), RSS]


async def test_what_changes_again_while_the_hub_is_told_stays_kept(
    hub: Hub, clock: FakeClock
) -> None:
    release = threading.Event()
    hub.replies.append(Reply(until=release))
    store = MemoryStore()
    one = make_notifier(clock, store, hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml"])
        await told(hub, 1)
        clock.advance(seconds=1)
        one.changed(["feeds/rss.xml"])
        hub.replies.append(Reply(status=503))
        release.set()
        await told(hub, 2)
    assert [notification.changed_at for notification in store.kept.values()] == [clock.now]


@pytest.mark.parametrize("status", [301, 307, 404, 408, 429, 500, 502, 503])
async def test_a_hub_that_cannot_now_is_told_later(
    hub: Hub, clock: FakeClock, logs: list[EventDict], status: int
) -> None:
    elsewhere = Hub(fetches=False)
    with serving(elsewhere.server):
        hub.replies += [Reply(status=status, headers={"Location": elsewhere.address})] * 2
        store = MemoryStore()
        one = make_notifier(clock, store, hub.address)
        async with running(one):
            one.changed(["feeds/rss.xml"])
            await told(hub, 3)
            await idle(one)
    assert hub.requests == [[RSS]] * 3
    assert hub.told.at[1] - hub.told.at[0] >= 0.05
    assert hub.told.at[2] - hub.told.at[1] >= 0.1
    assert elsewhere.requests == []
    assert store.kept == {}
    assert [entry["event"] for entry in logs] == ["hub not told, will try again"] * 2 + ["hub told"]
    assert logs[0]["problem"] == f"it answered {status}"


async def test_a_hub_is_left_alone_for_as_long_as_it_asks(hub: Hub, clock: FakeClock) -> None:
    hub.replies.append(Reply(status=429, headers={"Retry-After": "1"}))
    one = make_notifier(clock, MemoryStore(), hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml"])
        await told(hub, 1)
        one.changed(["feeds/atom.xml"])  # is no reason to try sooner
        await told(hub, 3)
    assert hub.told.at[1] - hub.told.at[0] >= 1
    assert sorted(hub.told.all[1:]) == [SITE.link("feeds/atom.xml"), RSS]


async def test_a_hub_that_is_away_is_told_once_it_is_back(
    hub: Hub, clock: FakeClock, logs: list[EventDict]
) -> None:
    port = hub.server.server_port
    store = MemoryStore()
    one = make_notifier(clock, store, hub.address)
    hub.server.shutdown()
    hub.server.server_close()
    async with running(one):
        one.changed(["feeds/rss.xml"])
        assert list(store.kept) == [(hub.address, RSS)], "kept at once: it may be killed now"
        async with asyncio.timeout(PATIENCE):
            while not logs:  # noqa: ASYNC110 - another task's
                await asyncio.sleep(0.005)
        back = Hub(port, fetches=False)
        with serving(back.server):
            await told(back, 1)
            await idle(one)
    assert back.requests == [[RSS]]
    assert store.kept == {}
    assert logs[0]["problem"]


async def test_one_hub_that_is_slow_holds_up_no_other(hub: Hub, clock: FakeClock) -> None:
    release = threading.Event()
    hub.always = Reply(until=release)
    other = Hub(fetches=False)
    with serving(other.server):
        one = make_notifier(clock, MemoryStore(), hub.address, other.address)
        async with running(one):
            one.changed(["feeds/rss.xml", "feeds/atom.xml", "feeds/feed.json"])
            await told(other, 3)
            assert len(hub.told.all) == 1
            release.set()


async def test_a_hub_that_never_answers_is_given_up_on_in_time(
    hub: Hub, clock: FakeClock, logs: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier_module, "_WHOLE_EXCHANGE", 0.2)
    release = threading.Event()
    hub.replies.append(Reply(until=release))
    one = make_notifier(clock, MemoryStore(), hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml"])
        await told(hub, 2)
        await idle(one)
    release.set()
    assert logs[0]["problem"] == "it took too long"


async def test_of_a_long_answer_only_the_beginning_is_read(hub: Hub, clock: FakeClock) -> None:
    hub.replies.append(Reply(body=b"x" * 50_000_000))
    hub.replies.append(Reply(body=b"short"))
    one = make_notifier(clock, MemoryStore(), hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml", "feeds/atom.xml", "feeds/feed.json"])
        await told(hub, 3)
        await idle(one)
    assert len(hub.connections) == 2


async def test_an_answer_that_breaks_off_after_its_head_counts(
    hub: Hub, clock: FakeClock, logs: list[EventDict]
) -> None:
    hub.replies.append(Reply(headers={"Content-Length": "10", "Connection": "close"}))
    one = make_notifier(clock, MemoryStore(), hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml"])
        await told(hub, 1)
        await idle(one)
    assert hub.requests == [[RSS]]
    assert [entry["event"] for entry in logs] == ["hub told"]


@pytest.mark.parametrize("status", [400, 403, 422])
async def test_what_a_hub_refuses_is_told_in_the_log_and_not_repeated(
    hub: Hub, clock: FakeClock, logs: list[EventDict], status: int
) -> None:
    hub.replies.append(Reply(status=status))
    one = make_notifier(clock, MemoryStore(), hub.address)
    async with running(one):
        one.changed(["feeds/atom.xml", "feeds/rss.xml"])
        await told(hub, 2)
        await idle(one)
    assert hub.requests == [[SITE.link("feeds/atom.xml")], [RSS]]
    assert logs[0]["event"] == "hub refuses"
    assert logs[0]["topics"] == [SITE.link("feeds/atom.xml")]


async def test_a_hub_known_to_take_several_topics_gets_them_together(
    hub: Hub, clock: FakeClock
) -> None:
    one = make_notifier(clock, MemoryStore(), hub.address)
    one._queues[0].batch = 2
    async with running(one):
        one.changed(["feeds/rss.xml", "feeds/atom.xml", "feeds/feed.json"])
        await told(hub, 3)
        await idle(one)
    assert [len(topics) for topics in hub.requests] == [2, 1]


async def test_and_one_by_one_where_it_does_not_take_them_after_all(
    hub: Hub, clock: FakeClock
) -> None:
    hub.replies.append(Reply(status=400))
    one = make_notifier(clock, MemoryStore(), hub.address)
    one._queues[0].batch = 20
    async with running(one):
        one.changed(["feeds/rss.xml", "feeds/atom.xml"])
        await told(hub, 4)
        await idle(one)
    assert [len(topics) for topics in hub.requests] == [2, 1, 1]


async def test_what_a_hub_did_not_take_is_told_after_the_next_start(
    hub: Hub, clock: FakeClock
) -> None:
    hub.always = Reply(status=503)
    store = MemoryStore()
    one = make_notifier(clock, store, hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml", "feeds/atom.xml"])
        await told(hub, 1)
    assert {notification.topic for notification in store.stored()} == {
        RSS,
        SITE.link("feeds/atom.xml"),
    }
    hub.always = None
    before = len(hub.requests)
    one = make_notifier(clock, store, hub.address)
    async with running(one):
        await told(hub, before + 2)
        await idle(one)
    assert store.kept == {}


async def test_what_is_on_its_way_at_the_stop_is_kept_and_the_stop_is_quick(
    hub: Hub, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier_module, "_STOP_TIMEOUT", 0.1)
    release = threading.Event()
    hub.always = Reply(until=release)
    store = MemoryStore()
    one = make_notifier(clock, store, hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml"])
        await told(hub, 1)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    release.set()
    assert [notification.topic for notification in store.stored()] == [RSS]


async def test_one_under_way_may_end_at_the_stop(hub: Hub, clock: FakeClock) -> None:
    release = threading.Event()
    hub.replies.append(Reply(until=release))
    store = MemoryStore()
    one = make_notifier(clock, store, hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml"])
        await told(hub, 1)
        asyncio.get_running_loop().call_later(0.05, release.set)
    assert store.kept == {}
    assert hub.requests == [[RSS]]


async def test_notifications_for_others_than_the_hubs_of_now_are_dropped(
    hub: Hub, clock: FakeClock
) -> None:
    store = MemoryStore()
    store.keep(
        [
            Notification(hub="https://old.example/", topic=RSS, changed_at=NOW),
            Notification(
                hub=hub.address, topic="https://moved.example/feeds/rss.xml", changed_at=NOW
            ),
        ]
    )
    async with running(make_notifier(clock, store, hub.address)):
        pass
    assert store.kept == {}
    assert hub.requests == []


async def test_a_change_of_yesterday_is_given_up(
    hub: Hub, clock: FakeClock, logs: list[EventDict]
) -> None:
    store = MemoryStore()
    old = NOW - GIVE_UP_AFTER - timedelta(seconds=1)
    store.keep([Notification(hub=hub.address, topic=RSS, changed_at=old)])
    one = make_notifier(clock, store, hub.address)
    async with running(one), asyncio.timeout(PATIENCE):
        while store.kept:  # noqa: ASYNC110 - another task's
            await asyncio.sleep(0.005)
    assert hub.requests == []
    assert [entry["event"] for entry in logs] == ["hub not told, given up"]


async def test_a_store_that_is_away_keeps_no_hub_waiting(
    hub: Hub, clock: FakeClock, logs: list[EventDict]
) -> None:
    store = MemoryStore(broken=True)
    hub.replies.append(Reply(status=503))
    one = make_notifier(clock, store, hub.address)
    async with running(one):
        one.changed(["feeds/rss.xml"])
        await told(hub, 2)
        await idle(one)
        store.broken = False
        clock.advance(seconds=1)
        hub.replies.append(Reply(status=503))
        one.changed(["feeds/rss.xml"])
        assert store.kept
        store.broken = True
        await told(hub, 3)
        await told(hub, 4)
        await idle(one)
    problems = [entry["event"] for entry in logs if "notifications" in entry["event"]]
    assert "notifications for hubs cannot be read" in problems
    assert problems[-1] == "notifications for hubs cannot be dropped"
    assert set(problems[:-1]) == {
        "notifications for hubs cannot be read",
        "notifications for hubs cannot be kept",
    }


async def test_no_more_wait_than_there_is_room_for(
    clock: FakeClock, logs: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "MOST_WAITING", 2)
    one = make_notifier(clock, MemoryStore(), "https://hub.example/?key=hunter2")
    for _ in range(3):
        one.changed([f"feeds/{number}/rss.xml" for number in range(5)])
    assert len(one._queues[0].waiting()) == 2
    assert logs == [
        {
            "event": "too many feeds wait for a hub",
            "hub": "hub.example",
            "left_out": 3,
            "log_level": "warning",
        }
    ]


async def test_without_hubs_there_is_nothing_to_do(clock: FakeClock) -> None:
    one = make_notifier(clock, MemoryStore(broken=True))
    one.changed(["feeds/rss.xml"])
    await one.run()
    assert await one.run_once(1) == 0


async def test_a_loop_that_has_closed_is_no_trouble(hub: Hub, clock: FakeClock) -> None:
    one = make_notifier(clock, MemoryStore(), hub.address)
    await asyncio.to_thread(asyncio.run, one.run_once(5))
    one.changed(["feeds/rss.xml"])
    assert await one.run_once(5) == 0
    assert hub.requests == [[RSS]]


async def test_once_tells_what_it_can_and_keeps_the_rest(hub: Hub, clock: FakeClock) -> None:
    hub.replies += [Reply(), Reply(status=503)]
    store = MemoryStore()
    one = make_notifier(clock, store, hub.address)
    one.changed(["feeds/atom.xml", "feeds/feed.json", "feeds/rss.xml"])
    assert await one.run_once(5) == 2
    assert len(hub.requests) == 2
    assert len(store.kept) == 2


async def test_once_ends_in_time(hub: Hub, clock: FakeClock, logs: list[EventDict]) -> None:
    release = threading.Event()
    hub.always = Reply(until=release)
    store = MemoryStore()
    one = make_notifier(clock, store, hub.address)
    one.changed(["feeds/rss.xml"])
    assert await one.run_once(0.1) == 1
    release.set()
    assert len(store.kept) == 1
    assert logs[-1]["event"] == "hubs took too long, the rest is told later"


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_hub_must_show_a_certificate_that_is_trusted(
    hub: Hub, clock: FakeClock, logs: list[EventDict], trusted: bool
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    secure = Hub(fetches=False)
    secure.server.socket = context.wrap_socket(secure.server.socket, server_side=True)
    trust = ssl.create_default_context()
    if trusted:
        authority.configure_trust(trust)
    store = MemoryStore()
    with serving(secure.server):
        address = f"https://127.0.0.1:{secure.server.server_port}/"
        one = make_notifier(clock, store, address, trust=trust if trusted else None)
        one.changed(["feeds/rss.xml"])
        assert await one.run_once(5) == (0 if trusted else 1)
    assert secure.requests == ([[RSS]] if trusted else [])
    if not trusted:
        assert "CERTIFICATE_VERIFY_FAILED" in logs[0]["problem"]


async def test_a_proxy_of_the_environment_is_not_asked_for_what_is_on_this_machine(
    hub: Hub, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    one = make_notifier(clock, MemoryStore(), hub.address)
    one.changed(["feeds/rss.xml"])
    assert await one.run_once(5) == 0


def test_a_cause_without_words_is_named_by_its_kind() -> None:
    assert notifier_module._cause(httpx.ReadError("")) == "ReadError"
