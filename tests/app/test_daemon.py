"""The daemon: start, catch-up, stop, and what keeps two of them apart."""

from __future__ import annotations

import asyncio
import mailbox
import os
import re
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from functools import partial
from itertools import pairwise

import httpx
import pytest
from structlog.testing import capture_logs

from digest.app import daemon as daemon_module
from digest.app import publish_loop as publish_loop_module
from digest.app.daemon import Daemon, Started
from digest.app.wiring import Services
from digest.articles.ingest.scan import Scan
from digest.backoff import Backoff
from digest.errors import OutputError, StoreError
from digest.feeds.publish.output_folder import OutputFolder
from digest.mail.delivery.service import DeliveryService
from digest.scheduling.timer import Timer
from digest.store.articles import ArticleStore
from digest.store.editions import EditionStore
from digest.store.meta_rows import ScanStore
from digest.subscribers.model import NewSubscriber
from digest.web.server import Server
from tests.conftest import CONFIGURATION, Workplace
from tests.waiting import PATIENCE, ThreadCalls

#: 07:00 in Shanghai, the schedule of the digest `daily`.
DUE = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


@pytest.fixture
def services(workplace: Workplace) -> Iterator[Services]:
    with workplace.open() as opened:
        yield opened


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[Started]:
    """Run a daemon until the block ends; yield what it announced."""
    announced: asyncio.Queue[Started] = asyncio.Queue()
    daemon = Daemon(services, announce=announced.put_nowait)
    task = asyncio.create_task(daemon.run())
    try:
        async with asyncio.timeout(PATIENCE):
            first = asyncio.create_task(announced.get())
            await asyncio.wait({first, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            yield await first
    finally:
        daemon.stop()
        await task


def mails(workplace: Workplace) -> list[str]:
    folder = workplace.folder / "mail"
    whole = all((folder / part).is_dir() for part in ("tmp", "new", "cur"))
    return [str(mail["To"]) for mail in mailbox.Maildir(folder)] if whole else []


def subscribe(services: Services, address: str = "reader@example.org") -> None:
    services.store.subscribers.add(NewSubscriber(address=address, digest="daily"), services.clock())


async def drained(calls: ThreadCalls, services: Services) -> None:
    """Wait until the queue has nothing more to do."""
    await calls.until(lambda: not services.store.deliveries.next_due_at())


def published_whole(services: Services) -> bool:
    """Tell whether everything is written and recorded, the lists of feeds last."""
    token = OutputFolder(services.settings.paths.output).token()
    record = services.store.feeds.output(token) if token else None
    return record is not None and record.revision is not None


async def test_it_announces_what_an_operator_wants_to_know(
    workplace: Workplace, services: Services
) -> None:
    workplace.write("a.md")
    workplace.write_text("broken.md", "---\ntitle: never closed\n")

    async with running(services) as started:
        pass

    assert (started.articles, started.categories, started.feeds) == (1, 2, 4)
    assert started.problems == 1
    assert started.url == "http://127.0.0.1:8000/"
    (daily, notes) = started.digests
    assert daily[:2] == ("daily", "每日摘要")
    assert daily[2] == DUE
    assert str(daily[2].tzinfo) == "Asia/Shanghai"
    assert notes[0] == "notes"


async def test_it_is_ready_where_every_part_does_its_work(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon, now = Daemon(services), services.clock()

    def scanned(ended_at: datetime) -> None:
        took = timedelta(minutes=1)
        daemon._publish_loop.last_scan = Scan(ended_at=ended_at, took=took, files=0)

    assert daemon._unready() == "the first scan is under way"
    scanned(now - timedelta(minutes=24))
    assert daemon._unready() == "the output folder cannot be written"
    services.publish()
    assert daemon._unready() == "the schedules are not running"
    daemon._timer.start()
    assert daemon._unready() == ""
    scanned(now - timedelta(minutes=24, seconds=1))
    assert daemon._unready() == "the last scan was too long ago"
    daemon._timer.stop()

    def fail(*_: object) -> None:
        raise OutputError(services.settings.paths.output, "is away")

    monkeypatch.setattr(OutputFolder, "token", fail)
    assert daemon._unready() == "the output folder cannot be written"
    monkeypatch.setattr(ScanStore, "last", fail_to_store)
    assert daemon._unready() == "the database does not answer"


def fail_to_store(*_: object) -> None:
    raise StoreError("locked")


async def test_first_contact_is_quiet_and_what_comes_later_is_mailed_once(
    workplace: Workplace, services: Services, calls: ThreadCalls
) -> None:
    workplace.write("old.md", "旧闻")
    subscribe(services)
    async with running(services):
        pass
    workplace.clock.now = DUE
    async with running(services):
        await drained(calls, services)
    assert mails(workplace) == []

    workplace.write("new.md", "新闻")
    workplace.clock.advance(days=1, minutes=5)
    async with running(services):
        await drained(calls, services)
    assert mails(workplace) == ["reader@example.org"]
    assert "新闻" in (await workplace.visit(services, "digests/daily/1/")).text

    # A second start in that minute, and one at the next hour, send nothing more.
    for minutes in (0, 60):
        workplace.clock.advance(minutes=minutes)
        async with running(services):
            await drained(calls, services)
    assert mails(workplace) == ["reader@example.org"]


@pytest.mark.usefixtures("processes")
async def test_a_file_that_takes_too_long_harms_neither_the_daemon_nor_other_files(
    workplace: Workplace, calls: ThreadCalls
) -> None:
    base = workplace.configuration.read_text(encoding="utf-8")
    workplace.configure(base=base.replace("workers = 1", 'workers = 1\ntimeout = "1s"'))
    with workplace.open() as services:
        async with running(services):
            workplace.write_text("a.md", "# T\n\n" + "[" * 1_000_000)
            workplace.write("b.md", "旁边")
            feed = workplace.output / "feeds" / "rss.xml"
            await calls.until(lambda: "旁边" in feed.read_text(encoding="utf-8"))
            await calls.until(lambda: services.store.articles.problems())
            workplace.write("c.md", "后来")
            await calls.until(lambda: "后来" in feed.read_text(encoding="utf-8"))
            problems = services.store.articles.problems()
    assert [(problem.path, problem.cause) for problem in problems] == [
        ("a.md", "took more than 1 s to read and was given up")
    ]


async def test_a_run_missed_too_long_ago_is_left_out_and_told(
    workplace: Workplace, services: Services, capsys: pytest.CaptureFixture[str], calls: ThreadCalls
) -> None:
    subscribe(services)
    async with running(services):
        pass
    workplace.write("new.md", "新闻")
    workplace.clock.now = DUE.replace(hour=22, day=24)

    async with running(services):
        await drained(calls, services)

    assert mails(workplace) == []
    assert "missed a run too long ago to catch up" in capsys.readouterr().out
    workplace.clock.now = DUE.replace(day=24, minute=1)
    async with running(services):
        await drained(calls, services)
    assert mails(workplace) == ["reader@example.org"]


@pytest.mark.parametrize("wrong", ["at the first start", "at an edition"])
async def test_a_clock_that_was_ahead_for_a_while_silences_no_digest(
    workplace: Workplace, services: Services, wrong: str, calls: ThreadCalls
) -> None:
    subscribe(services)
    right = workplace.clock.now
    if wrong == "at the first start":
        workplace.clock.advance(days=3000)
    async with running(services):
        pass
    workplace.clock.advance(days=3000)
    async with running(services):
        await drained(calls, services)
    workplace.clock.now = right
    async with running(services):
        pass
    workplace.write("new.md", "新闻")
    workplace.clock.now = DUE
    async with running(services):
        await drained(calls, services)
    assert mails(workplace) == ["reader@example.org"]


async def test_an_edition_waits_for_a_database_that_is_away(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch, calls: ThreadCalls
) -> None:
    monkeypatch.setattr(daemon_module, "Backoff", partial(Backoff, first=0.01))
    subscribe(services)
    async with running(services):
        pass
    workplace.write("new.md", "新闻")
    workplace.clock.now = DUE
    failures = [StoreError("locked"), StoreError("locked")]
    real = EditionStore.open_edition

    def fail_twice(store: EditionStore, *args: object, **named: object) -> object:
        if failures:
            raise failures.pop()
        return real(store, *args, **named)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(EditionStore, "open_edition", fail_twice)
    async with running(services):
        await drained(calls, services)

    assert mails(workplace) == ["reader@example.org"]


@pytest.mark.parametrize(
    ("store", "method"), [(EditionStore, "start_digests"), (ArticleStore, "counts")]
)
async def test_a_database_that_is_away_at_the_start_is_waited_for(
    services: Services, monkeypatch: pytest.MonkeyPatch, store: type, method: str
) -> None:
    monkeypatch.setattr(daemon_module, "Backoff", partial(Backoff, first=0.01))
    failures = [StoreError("locked"), StoreError("locked")]
    real = getattr(store, method)

    def fail_twice(*args: object) -> object:
        if failures:
            raise failures.pop()
        return real(*args)

    monkeypatch.setattr(store, method, fail_twice)
    async with running(services) as started:
        assert started.feeds == 1
    assert not failures


async def test_after_a_loss_of_power_no_feed_is_served_before_it_is_compared(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.md", "旧闻")
    async with running(services):
        pass
    feed = workplace.output / "feeds" / "rss.xml"
    token = OutputFolder(workplace.output).token()
    assert token is not None
    services.store.feeds.begin_writing(token, "the boot before", 1)
    content, written = feed.read_bytes(), feed.stat()
    feed.write_bytes(bytes(len(content)))
    os.utime(feed, ns=(written.st_mtime_ns, written.st_mtime_ns))

    served = []
    real = Server.serve

    async def serve(server: Server) -> None:
        served.append(feed.read_bytes())
        await real(server)

    monkeypatch.setattr(Server, "serve", serve)
    with workplace.open() as again:
        async with running(again):
            pass
    assert served == [content]


async def test_an_output_that_cannot_be_written_holds_up_no_mail(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch, calls: ThreadCalls
) -> None:
    monkeypatch.setattr(publish_loop_module, "Backoff", partial(Backoff, first=0.01))
    subscribe(services)
    async with running(services):
        pass
    workplace.write("new.md", "新闻")
    workplace.clock.now = DUE
    feed = workplace.output / "feeds" / "rss.xml"
    feed.unlink()
    feed.mkdir()

    async with running(services):
        await drained(calls, services)
        assert mails(workplace) == ["reader@example.org"]
        feed.rmdir()
        await calls.until(feed.exists)


async def test_an_output_that_cannot_be_used_at_all_holds_up_no_mail_and_heals(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch, calls: ThreadCalls
) -> None:
    monkeypatch.setattr(publish_loop_module, "Backoff", partial(Backoff, first=0.01))
    subscribe(services)
    async with running(services):
        pass
    workplace.write("new.md", "新闻")
    workplace.clock.now = DUE
    feed = workplace.output / "feeds" / "rss.xml"
    shutil.rmtree(workplace.output)
    workplace.output.write_text("a file")
    with workplace.open() as anew:
        async with running(anew):
            await drained(calls, anew)
            assert mails(workplace) == ["reader@example.org"]
            workplace.output.unlink()
            await calls.until(lambda: published_whole(anew))
        assert "新闻" in feed.read_text(encoding="utf-8")
        assert anew.publish().written == 0, "all is noted"


async def test_a_run_that_comes_due_during_the_catch_up_is_made(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    start, fire = Timer.start, Daemon._fire

    def started(timer: Timer) -> None:
        order.append("timer")
        start(timer)

    async def fired(daemon: Daemon, name: str) -> None:
        order.append(name)
        await fire(daemon, name)

    monkeypatch.setattr(Timer, "start", started)
    monkeypatch.setattr(Daemon, "_fire", fired)
    async with running(services):
        pass
    assert order == ["timer", "daily", "notes"]


async def test_feeds_status_and_metrics_are_served(workplace: Workplace) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as probe,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        port, second = probe.getsockname()[1], other.getsockname()[1]
    configuration = workplace.configuration.read_text(encoding="utf-8")
    workplace.configure(
        f"[metrics]\nport = {second}\n", base=configuration.replace("port = 0", f"port = {port}")
    )
    workplace.write("a.md", "看得见")
    with workplace.open() as services:
        async with running(services), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web:
            feed = await web.get("/feeds/金融/市场/rss.xml")
            status = await web.get("/status")
            ready = await web.get("/readyz")
            hidden = await web.get("/metrics")
            metrics = await web.get(f"http://127.0.0.1:{second}/metrics")
    assert (ready.text, hidden.status_code) == ("ready\n", 404)
    assert "\ndigest_ready 1.0\n" in metrics.text
    assert feed.status_code == 200
    assert feed.headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert "看得见" in feed.text
    assert re.fullmatch(r"up, last scan [0-9T:-]+Z\n", status.text)


async def test_templates_that_cannot_be_used_leave_the_last_good_ones(
    workplace: Workplace,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    base = workplace.configuration.read_text(encoding="utf-8")
    own = workplace.folder / "templates/web"
    own.mkdir(parents=True)
    workplace.configure(
        '[paths]\ntemplates = "templates"\n', base=base.replace("port = 0", f"port = {port}")
    )
    with workplace.open() as services:
        async with running(services), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web:
            with capture_logs() as logs:
                (own / "article.html").write_text("{% if %}", encoding="utf-8")
                async with asyncio.timeout(PATIENCE):  # who asks for a page has templates looked at
                    while not any("web/article.html" in entry.get("error", "") for entry in logs):
                        assert (await web.get("/")).status_code == 200
                        await asyncio.sleep(0.01)
            assert "web/article.html" not in (await web.get("/status")).text


async def test_withdrawn_articles_are_gone_and_renamed_categories_lead_on(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutputFolder, "wait", lambda *_: 0.0)  # twice within a second
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    configuration = workplace.configuration.read_text(encoding="utf-8")
    renamed = configuration.replace("port = 0", f"port = {port}")
    workplace.configure('\n[articles.category_map]\n"金融/市场" = "财经/股市"\n', base=renamed)
    workplace.write("a.md", "要撤的")
    workplace.write("b.md", "留下的")
    with workplace.open() as services:
        async with running(services), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as web:
            gone, kept = (
                services.store.withdrawals.find(path)[0].article for path in ("a.md", "b.md")
            )
            assert (await web.get(f"/{gone.folder}")).status_code == 200
            services.store.withdrawals.withdraw([gone.key], workplace.clock())
            await asyncio.to_thread(services.publisher.publish)
            async with asyncio.timeout(PATIENCE):  # what is kept is looked at again in a moment
                while (await web.get(f"/{gone.folder}")).status_code == 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert (await web.get(f"/{gone.folder}")).status_code == 410
            assert (await web.get(f"/{kept.folder}")).status_code == 200
            assert (await web.get("/articles/unknown/")).status_code == 404
            moved = await web.get("/feeds/金融/市场/atom.xml")
            feed = await web.get("/feeds/金融/市场/atom.xml", follow_redirects=True)
    assert moved.status_code == 301
    assert "留下的" in feed.text
    assert f'ref="{gone.id}"' in feed.text


async def test_pictures_that_nothing_refers_to_are_removed(
    services: Services, monkeypatch: pytest.MonkeyPatch, calls: ThreadCalls
) -> None:
    monkeypatch.setattr(daemon_module, "_LOOK_AT_ASSETS", 0.01)
    copy = services.settings.asset_folder() / f"{0:032x}.png"
    copy.parent.mkdir(parents=True)
    copy.touch()
    os.utime(copy, (1, 1))
    services.store.assets.unused([copy.name], datetime(2020, 1, 1, tzinfo=UTC), DUE)
    async with running(services):
        await calls.until(lambda: not copy.exists())


async def test_memory_that_work_left_free_is_given_back_but_not_again_and_again(
    services: Services, monkeypatch: pytest.MonkeyPatch, calls: ThreadCalls
) -> None:
    times: list[float] = []
    monkeypatch.setattr(daemon_module, "_TRIM_EVERY", 0.001)
    monkeypatch.setattr(daemon_module, "_TRIM_AFTER", 0.01)
    monkeypatch.setattr(daemon_module, "trim_heap", lambda: times.append(time.process_time()))
    async with running(services):
        await calls.until(lambda: len(times) > 1)
    between = [later - earlier for earlier, later in pairwise(times)]
    assert min(between) >= 0.01


async def test_without_a_web_server_everything_else_runs(workplace: Workplace) -> None:
    configuration = workplace.configuration.read_text(encoding="utf-8")
    workplace.configure(base=configuration.replace("port = 0", "enabled = false"))
    workplace.write("a.md")
    with workplace.open() as services:
        async with running(services) as started:
            assert started.url == ""
    assert (workplace.output / "feeds" / "rss.xml").exists()


async def test_a_part_that_fails_ends_the_daemon_with_its_error(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(DeliveryService, "run", fail)
    with pytest.raises(ExceptionGroup) as caught:
        await Daemon(services).run()
    assert caught.group_contains(ZeroDivisionError)


async def test_a_part_that_does_not_stop_is_cancelled(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(daemon_module, "_STOP_MAIL", 0.05)

    async def never_stop(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(DeliveryService, "run", never_stop)
    async with running(services):
        pass
    assert "did not stop in time" in capsys.readouterr().out


def _have_come(workplace: Workplace, number: int) -> bool:
    return len(mails(workplace)) >= number


async def test_each_reader_has_an_edition_at_the_hour_of_their_own_zone(
    workplace: Workplace, calls: ThreadCalls
) -> None:
    text = CONFIGURATION.replace("[digests.daily]", '[digests.daily]\ntimezone = "subscriber"')
    workplace.configure(base=text)
    with workplace.open() as services:
        zones = {"tokyo": "Asia/Tokyo", "site": None, "berlin": "Europe/Berlin"}
        for name, zone in zones.items():
            services.store.subscribers.add(
                NewSubscriber(address=f"{name}@example.org", digest="daily", timezone=zone),
                services.clock(),
            )
        workplace.clock.now = DUE - timedelta(hours=2)
        async with running(services):
            pass
        workplace.write("new.md", "新闻")
        got = []
        for hours, readers in ((-1.1, 0), (-1, 1), (0, 2), (3, 2), (7, 3), (24, 3)):
            workplace.clock.now = DUE + timedelta(hours=hours)
            async with running(services):
                await calls.until(partial(_have_come, workplace, readers))
            got.append(sorted(address.partition("@")[0] for address in mails(workplace)))
        assert (await workplace.visit(services, "digests/daily/1/")).status_code == 200
    assert got == [
        [],
        ["tokyo"],
        ["site", "tokyo"],
        ["site", "tokyo"],
        ["berlin", "site", "tokyo"],
        ["berlin", "site", "tokyo"],
    ]


async def test_whoever_subscribes_is_welcomed_by_the_running_daemon(
    workplace: Workplace, calls: ThreadCalls
) -> None:
    text = CONFIGURATION.replace("[digests.daily]", "[digests.daily]\nwelcome = 2")
    workplace.configure(base=text)
    for number in range(3):
        workplace.write(f"{number}.md", f"新闻 {number}")
    with workplace.open() as services:
        async with running(services):
            pass
        subscribe(services)
        async with running(services):
            await calls.until(lambda: mails(workplace))
        async with running(services):
            await drained(calls, services)
    (welcome,) = mailbox.Maildir(workplace.folder / "mail")
    subject = str(make_header(decode_header(welcome["Subject"])))
    assert subject == "欢迎订阅“每日摘要”"
