"""PublishLoop: the published folder follows the tree, by real events and by scans."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from digest.app import publish_loop as publish_loop_module
from digest.app.publish_loop import PendingPaths, PublishLoop
from digest.app.wiring import Services
from digest.articles.ingest.ingest import Ingest, IngestResult
from digest.articles.ingest.watch import Watch
from digest.backoff import Backoff
from digest.errors import OutputError, StoreError
from digest.feeds.encodings import plain_name
from digest.feeds.publish import publisher as publisher_module
from digest.feeds.publish.documents import FeedContents
from digest.feeds.publish.model import Published
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.publish.publisher import Publisher
from digest.store.articles import ArticleStore
from digest.store.feeds import FeedStore
from digest.wakeup import WakeUp
from tests import stores
from tests.conftest import Workplace
from tests.waiting import PATIENCE

Change = Callable[[], object]


@pytest.fixture(autouse=True)
def every_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let feeds change as often as they want to, as if the clock had gone back."""
    monkeypatch.setattr(OutputFolder, "wait", lambda *_: 0.0)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what failed be tried again at once."""
    monkeypatch.setattr(publish_loop_module, "Backoff", partial(Backoff, first=0.01))


@pytest.fixture
def services(workplace: Workplace) -> Iterator[Services]:
    with workplace.open() as opened:
        yield opened


class Presses:
    """Tells a test when something was published (or packed), and how often."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, what: str = "publish") -> None:
        self.times = 0
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Condition()
        real = getattr(Publisher, what)

        def publish(publisher: Publisher, *args: object) -> object:
            result = real(publisher, *args)
            asyncio.run_coroutine_threadsafe(self._note(), self._loop)
            return result

        monkeypatch.setattr(Publisher, what, publish)

    async def _note(self) -> None:
        async with self._changed:
            self.times += 1
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something was published and a condition holds."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(condition)


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[PublishLoop]:
    """Run a publish loop after its first scan."""
    services.publisher.start()
    with services.workers() as workers:
        publishing = services.publish_loop(workers)
        await publishing.first_scan()
        task = asyncio.create_task(publishing.run())
        try:
            yield publishing
        finally:
            publishing.stop()
            await task


def in_feed(workplace: Workplace, title: str, folder: str = "") -> bool:
    feed = workplace.output / "feeds" / folder / "rss.xml"
    return feed.exists() and title in feed.read_text(encoding="utf-8")


async def test_the_first_scan_publishes_what_is_there(
    workplace: Workplace, services: Services
) -> None:
    workplace.write("a.md", "早就在")
    async with running(services) as publishing:
        assert in_feed(workplace, "早就在", "金融/市场")
        assert publishing.last_scan is not None
        assert publishing.last_scan.files == 1


async def test_a_new_file_is_in_its_feeds(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Presses(monkeypatch)
    async with running(services):
        workplace.write("新/a.md", "刚到")
        await published.until(lambda: in_feed(workplace, "刚到"))
    assert in_feed(workplace, "刚到", "金融")
    assert in_feed(workplace, "刚到", "金融/市场")


async def test_there_is_no_calm_while_a_file_is_on_its_way_to_the_feeds(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, waited = asyncio.get_running_loop(), list[bool]()
    async with running(services) as publishing:
        real = Publisher.publish

        def publish(publisher: Publisher, *args: Any) -> object:
            idle = asyncio.run_coroutine_threadsafe(publishing.idle.wait(), loop)
            result = real(publisher, *args)
            waited.append(not idle.done())
            return result

        monkeypatch.setattr(Publisher, "publish", publish)
        published = Presses(monkeypatch)
        await publishing.idle.wait()
        workplace.write("a.md", "刚到")
        await published.until(lambda: in_feed(workplace, "刚到"))
        await publishing.idle.wait()
    assert waited[0]


async def test_a_file_moved_in_and_a_change_show(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Presses(monkeypatch)
    outside = workplace.write("../elsewhere.md", "搬来的")
    async with running(services):
        outside.rename(workplace.articles / "in.md")
        await published.until(lambda: in_feed(workplace, "搬来的"))
        workplace.write("in.md", "改过的")
        await published.until(lambda: in_feed(workplace, "改过的"))
    assert not in_feed(workplace, "搬来的")


async def test_a_burst_leaves_nothing_out_and_is_published_together(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Presses(monkeypatch)
    async with running(services):

        def burst() -> None:
            for number in range(60):
                workplace.write(f"来源 {number % 5}/{number}.md", f"第{number}篇")

        await asyncio.to_thread(burst)
        await published.until(lambda: services.store.articles.counts().articles == 60)
        feed = workplace.output / "feeds" / "rss.xml"
        await published.until(lambda: feed.read_text(encoding="utf-8").count("<item>") == 50)
    assert published.times < 10


async def test_a_writer_that_pauses_publishes_no_half_article(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Presses(monkeypatch)
    text = workplace.write("../whole.md", "整篇").read_text(encoding="utf-8")
    async with running(services):
        with (workplace.articles / "a.md").open("w", encoding="utf-8") as writer:
            writer.write(text[: len(text) // 2])
            writer.flush()
            # Something else lands meanwhile, so that the half file was seen and left alone.
            workplace.write("b.md", "别的")
            await published.until(lambda: in_feed(workplace, "别的"))
            assert services.store.articles.counts().articles == 1
            assert services.store.articles.problems() == []
            writer.write(text[len(text) // 2 :])
        await published.until(lambda: in_feed(workplace, "整篇"))


async def test_what_events_missed_a_scan_finds(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watch, "on_any_event", lambda *_: None)
    published = Presses(monkeypatch)
    services.publisher.start()
    with services.workers() as workers:
        publishing = services.publish_loop(workers)
        await publishing.first_scan()
        workplace.write("missed.md", "漏掉的")
        monkeypatch.setattr(publishing, "_next_scan", 0.0)
        task = asyncio.create_task(publishing.run())
        await published.until(lambda: in_feed(workplace, "漏掉的"))
        publishing.stop()
        await task


async def test_an_output_folder_that_was_deleted_is_written_anew_after_the_next_scan(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Presses(monkeypatch)
    workplace.write("a.md", "渡口")
    services.publisher.start()
    with services.workers() as workers:
        publishing = services.publish_loop(workers)
        await publishing.first_scan()
        shutil.rmtree(workplace.output)
        monkeypatch.setattr(publishing, "_next_scan", 0.0)
        task = asyncio.create_task(publishing.run())
        await published.until(lambda: in_feed(workplace, "渡口"))
        publishing.stop()
        await task


async def test_a_crawl_written_over_another_under_a_running_daemon_changes_nothing(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crawl(hour: int) -> None:
        image = f"https://picsum.photos/400/300?random={hour * 1_237}"
        workplace.write_text(
            "编程/研习社/首页/今日待译 _ 字幕组更新.md",
            f"\n---\ntitle: '今日待译 _ 字幕组更新'\ncategories: \n - 编程\n - 研习社\n"
            f" - 首页\nheadimg: '{image}'\nauthor: 研习社\ndate: 2026-11-2{hour} 0{hour}:06:15\n"
            f"thumbnail: '{image}'\n---\n\n<div>   \n<p>今天又有一批视频等着译。</p>  \n</div>\n",
        )

    read = asyncio.Queue[int]()
    real = ArticleStore.record
    loop = asyncio.get_running_loop()

    def record(store: ArticleStore, *args: object) -> object:
        changes = real(store, *args)  # type: ignore[arg-type]  # handed on as it came
        loop.call_soon_threadsafe(read.put_nowait, changes.unchanged)
        return changes

    def feeds() -> dict[str, bytes]:
        # Packed variants are laid beside them whenever there is time.
        files = workplace.published()
        return {path: content for path, content in files.items() if not plain_name(path)}

    published = Presses(monkeypatch)
    async with running(services):
        crawl(1)
        await published.until(lambda: in_feed(workplace, "今日待译", "编程/研习社"))
        services.store.editions.start_digests(["daily"], workplace.clock())
        before = feeds()
        monkeypatch.setattr(ArticleStore, "record", record)
        crawl(2)
        async with asyncio.timeout(PATIENCE):
            while not await read.get():
                pass
    assert feeds() == before
    daily, now = services.digests["daily"], workplace.clock()
    edition = services.store.editions.open_edition(daily, now, now)
    assert edition is not None
    assert edition.state == "empty"


async def test_an_article_with_a_date_to_come_appears_by_itself_then(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_loop_module, "_LOOK_AT_ROOT", 0.05)
    published = Presses(monkeypatch)
    async with running(services):
        workplace.write("later.md", "以后", date="Tue, 24 Nov 2026 06:00:00 GMT")
        workplace.write("now.md", "现在")
        await published.until(lambda: in_feed(workplace, "现在"))
        assert not in_feed(workplace, "以后")
        assert services.store.articles.counts().embargoed == 1
        workplace.clock.advance(hours=22)
        await published.until(lambda: in_feed(workplace, "以后", "金融/市场"))
    assert [one.title for one in stores.since(services.store)] == ["现在", "以后"]


async def test_an_embargo_that_ended_while_nothing_ran_is_noticed_at_the_start(
    workplace: Workplace, services: Services
) -> None:
    workplace.write("later.md", "以后", date="Tue, 24 Nov 2026 06:00:00 GMT")
    async with running(services) as publishing:
        assert not in_feed(workplace, "以后")
        assert publishing._ingest.next_release_at is not None
    workplace.clock.advance(hours=22)
    async with running(services):
        assert in_feed(workplace, "以后")


async def test_an_embargoed_file_that_was_deleted_never_appears(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_loop_module, "_LOOK_AT_ROOT", 0.05)
    published = Presses(monkeypatch)
    file = workplace.write("later.md", "以后", date="Tue, 24 Nov 2026 06:00:00 GMT")
    async with running(services):
        file.unlink()
        workplace.clock.advance(hours=22)
        workplace.write("now.md", "现在")
        await published.until(lambda: in_feed(workplace, "现在"))
        assert not in_feed(workplace, "以后")
        assert services.store.articles.counts().embargoed == 0


async def test_a_root_that_is_a_link_is_followed_where_it_leads_by_now(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_loop_module, "_LOOK_AT_ROOT", 0.05)
    published = Presses(monkeypatch)
    workplace.articles.rename(workplace.folder / "one")
    workplace.articles.symlink_to("one")
    workplace.write("../two/b.md", "二")
    with workplace.open() as services:
        async with running(services):
            workplace.write("a.md", "一")
            await published.until(lambda: in_feed(workplace, "一"))
            (workplace.folder / "link").symlink_to("two")
            (workplace.folder / "link").rename(workplace.articles)
            await published.until(lambda: in_feed(workplace, "二"))
            workplace.write("c.md", "三")
            await published.until(lambda: in_feed(workplace, "三"))


@pytest.mark.parametrize("deleted", [True, False])
async def test_a_replaced_root_is_watched_anew(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    monkeypatch.setattr(publish_loop_module, "_LOOK_AT_ROOT", 0.05)
    published = Presses(monkeypatch)
    async with running(services):
        if deleted:
            workplace.articles.rmdir()
            workplace.articles.mkdir()
        else:
            workplace.articles.rename(workplace.folder / "away")
        workplace.write("a.md", "新根")
        await published.until(lambda: in_feed(workplace, "新根"))
        workplace.write("b.md", "又一篇")
        await published.until(lambda: in_feed(workplace, "又一篇"))


@pytest.mark.parametrize("error", [StoreError("locked"), OSError(28, "No space left on device")])
async def test_whatever_fails_is_tried_again_and_loses_nothing(
    workplace: Workplace,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    quick_retries: None,
    error: Exception,
) -> None:
    published = Presses(monkeypatch)
    failures = [error, error]
    real = ArticleStore.record

    def fail_twice(store: ArticleStore, *args: object) -> object:
        if failures:
            raise failures.pop()
        return real(store, *args)  # type: ignore[arg-type]  # handed on as it came

    async with running(services):
        monkeypatch.setattr(ArticleStore, "record", fail_twice)
        workplace.write("a.md", "终于")
        await published.until(lambda: in_feed(workplace, "终于"))
    assert not failures


async def test_there_is_calm_while_what_failed_waits_to_be_tried_again(
    workplace: Workplace,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    quick_retries: None,
) -> None:
    calm = list[bool]()
    published = Presses(monkeypatch)
    record, rest = ArticleStore.record, WakeUp.rest

    def fail_once(store: ArticleStore, *args: object) -> object:
        if not calm:
            raise StoreError("locked")
        return record(store, *args)  # type: ignore[arg-type]  # handed on as it came

    async with running(services) as publishing:

        async def note(wakeup: WakeUp, seconds: float) -> None:
            calm.append(publishing.idle.is_set())
            await rest(wakeup, seconds)

        monkeypatch.setattr(WakeUp, "rest", note)
        monkeypatch.setattr(ArticleStore, "record", fail_once)
        workplace.write("a.md", "终于")
        await published.until(lambda: in_feed(workplace, "终于"))
    assert calm == [True]


async def test_what_was_taken_is_published_while_scans_fail(
    workplace: Workplace,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    quick_retries: None,
) -> None:
    published = Presses(monkeypatch)

    def away(*_: object) -> IngestResult:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))

    async with running(services) as publishing:
        monkeypatch.setattr(Ingest, "scan", away)
        publishing._next_scan = 0.0
        workplace.write("a.md", "先到的")
        await published.until(lambda: in_feed(workplace, "先到的"))


async def test_an_output_that_cannot_be_written_is_tried_again(
    workplace: Workplace,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    quick_retries: None,
) -> None:
    published = Presses(monkeypatch)
    real = Publisher.publish
    failures = [
        OutputError(Path("rss.xml"), "No space left on device"),
        StoreError("locked"),
        OutputError(Path("rss.xml"), "No space left on device"),
    ]

    def fail_once(publisher: Publisher, *args: object) -> Published:
        if failures:
            raise failures.pop()
        return real(publisher, *args)  # type: ignore[arg-type]  # handed on as it came

    async with running(services):
        monkeypatch.setattr(Publisher, "publish", fail_once)
        workplace.write("a.md", "腾出地方了")
        await published.until(lambda: in_feed(workplace, "腾出地方了"))


async def test_what_cannot_be_written_at_the_start_holds_up_nothing(
    workplace: Workplace,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    quick_retries: None,
) -> None:
    workplace.write("a.md", "腾出地方了")
    published = Presses(monkeypatch)
    replace = Path.replace

    def full(file: Path, target: Path) -> Path:
        if target.name == "rss.xml" and not published.times:
            raise OSError(28, "No space left on device")
        return replace(file, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        async with running(services) as publishing:
            assert publishing.last_scan is not None
            published.times += 1
            await published.until(lambda: in_feed(workplace, "腾出地方了"))


async def test_a_feed_that_changed_a_moment_ago_is_written_when_it_may_change_again(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Presses(monkeypatch)
    monkeypatch.setattr(OutputFolder, "wait", lambda *_: 0.0 if published.times > 2 else 0.01)
    workplace.write("a.md", "早就在")
    async with running(services):
        workplace.write("b.md", "刚到")
        await published.until(lambda: in_feed(workplace, "刚到"))
    assert published.times > 2


async def test_a_stop_ends_a_long_publication(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "BATCH", 1)
    looked: list[object] = []
    began = asyncio.Event()
    stopped = threading.Event()
    loop = asyncio.get_running_loop()
    real = FeedStore.contents

    def contents(store: FeedStore, feeds: object, *args: Any, **more: Any) -> list[FeedContents]:
        looked.append(feeds)
        loop.call_soon_threadsafe(began.set)
        assert stopped.wait(PATIENCE)
        return real(store, feeds, *args, **more)  # type: ignore[arg-type]  # handed on as it came

    async with running(services) as publishing:
        monkeypatch.setattr(FeedStore, "contents", contents)
        workplace.write("a.md")
        async with asyncio.timeout(PATIENCE):
            await began.wait()
        publishing.stop()
        stopped.set()

    assert len(looked) == 1


async def test_a_stop_ends_the_wait_for_another_process_that_publishes(
    workplace: Workplace, services: Services
) -> None:
    with services.workers() as workers, OutputFolder(workplace.output).locked(lambda: None):
        publishing = services.publish_loop(workers)
        publishing.go_on()
        publishing.stop()
        with pytest.raises(InterruptedError):
            await asyncio.to_thread(services.publisher.start, publishing.go_on)


async def test_a_scan_that_is_due_does_not_wait_for_ever_for_silence(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_loop_module, "_LONGEST_DELAY", 0.0)
    scanned = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with running(services) as publishing:
        take, scan = Ingest.take, Ingest.scan

        def take_and_hint(ingest: Ingest, paths: Iterable[str]) -> IngestResult:
            publishing._pending.add("never ending")
            return take(ingest, paths)

        def tell(ingest: Ingest, *args: object) -> IngestResult:
            loop.call_soon_threadsafe(scanned.set)
            return scan(ingest, *args)  # type: ignore[arg-type]  # handed on as it came

        monkeypatch.setattr(Ingest, "take", take_and_hint)
        monkeypatch.setattr(Ingest, "scan", tell)
        publishing._next_scan = 0.0
        workplace.write("a.md")
        async with asyncio.timeout(PATIENCE):
            await scanned.wait()


async def test_a_large_burst_is_followed_by_a_scan_also_where_it_is_taken_in_pieces(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_loop_module, "_LARGE_BURST", 3)
    scanned = asyncio.Event()
    loop = asyncio.get_running_loop()
    taken: list[set[str]] = []
    async with running(services) as publishing:
        take, scan = Ingest.take, Ingest.scan

        def take_and_hint(ingest: Ingest, paths: Iterable[str]) -> IngestResult:
            taken.append(set(paths))
            if len(taken) < 3:
                publishing._pending.add(f"{len(taken)}.md")
            return take(ingest, paths)

        def tell(ingest: Ingest, *args: object) -> IngestResult:
            loop.call_soon_threadsafe(scanned.set)
            return scan(ingest, *args)  # type: ignore[arg-type]  # handed on as it came

        monkeypatch.setattr(Ingest, "take", take_and_hint)
        monkeypatch.setattr(Ingest, "scan", tell)
        publishing._pending.add("0.md")
        async with asyncio.timeout(PATIENCE):
            await scanned.wait()
    assert taken == [{"0.md"}, {"1.md"}, {"2.md"}]


async def test_hints_come_from_any_thread_and_each_path_once() -> None:
    wakeup = WakeUp()
    pending = PendingPaths(wakeup)

    def tell() -> None:
        for number in range(100):
            pending.add(str(number))

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert await wakeup.wait(5)
    paths, overflowed = pending.drain()
    assert paths == {str(number) for number in range(100)}
    assert not overflowed
    assert not await wakeup.wait(0)


async def test_too_many_hints_become_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_loop_module, "_MOST_HINTS", 10)
    wakeup = WakeUp()
    pending = PendingPaths(wakeup)
    for number in range(12):
        pending.add(str(number))

    assert await wakeup.wait(5)
    assert pending.drain() == (set(), True)
    pending.add("next")
    assert pending.drain() == ({"next"}, False)


async def test_what_is_published_is_packed_once_nothing_else_is_to_be_done(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = Presses(monkeypatch, "pack")
    workplace.write("a.md", body="<p>" + "潮水。" * 1000 + "</p>")
    variant = workplace.output / "feeds/rss.xml.br"
    async with running(services):
        await packed.until(variant.exists)
        workplace.write("b.md", "刚到")
        await packed.until(lambda: in_feed(workplace, "刚到") and variant.exists())
    assert not services.publisher.unpacked


async def test_packing_stops_when_a_file_comes(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, began = asyncio.get_running_loop(), asyncio.Event()
    urgent: list[bool] = []
    real = Publisher.pack

    def pack(publisher: Publisher, is_urgent: Callable[[], bool]) -> None:
        loop.call_soon_threadsafe(began.set)
        while not urgent and not is_urgent():
            told.wait(0.01)
        urgent.append(True)
        real(publisher, is_urgent)

    told = threading.Event()  # nobody sets it: it is there to be waited for
    monkeypatch.setattr(Publisher, "pack", pack)
    published = Presses(monkeypatch)
    workplace.write("a.md")
    async with running(services):
        await began.wait()
        workplace.write("b.md", "刚到")
        await published.until(lambda: in_feed(workplace, "刚到"))
    assert urgent


async def test_pages_need_not_wait_while_feeds_are_packed(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, idle = asyncio.get_running_loop(), list[bool]()
    async with running(services) as publishing:
        real = Publisher.pack

        def pack(publisher: Publisher, urgent: Callable[[], bool]) -> None:
            asyncio.run_coroutine_threadsafe(publishing.idle.wait(), loop).result(PATIENCE)
            idle.append(True)
            real(publisher, urgent)

        monkeypatch.setattr(Publisher, "pack", pack)
        packed = Presses(monkeypatch, "pack")
        workplace.write("a.md", "刚到")
        await packed.until(lambda: packed.times > 0)
    assert idle


async def test_what_cannot_be_packed_holds_up_nothing(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: OutputFolder, path: str) -> None:
        raise OutputError(Path(path), "No space left on device")

    monkeypatch.setattr(OutputFolder, "pack", full)
    published = Presses(monkeypatch)
    workplace.write("a.md")
    async with running(services):
        workplace.write("b.md", "刚到")
        await published.until(lambda: in_feed(workplace, "刚到"))


async def test_packing_that_fails_is_not_tried_again_at_once(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    published = Presses(monkeypatch)

    def away(publisher: Publisher, _: object) -> None:
        tries.append(0)
        raise OutputError(workplace.output, "Input/output error")

    monkeypatch.setattr(Publisher, "pack", away)
    workplace.write("a.md")
    async with running(services):
        for number in range(5):
            workplace.write(f"b{number}.md", f"刚到 {number}")
            await published.until(lambda number=number: in_feed(workplace, f"刚到 {number}"))  # type: ignore[misc]  # no annotations in a lambda
    assert len(tries) <= 2, "one, and one more a second later"
