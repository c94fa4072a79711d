"""Events are pending: whatever happens to a tree while it is watched, nothing is missed."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from watchdog.observers.inotify_c import InotifyFD

from digest.app import publish_loop as publish_loop_module
from digest.app.publish_loop import PendingPaths, PublishLoop
from digest.app.wiring import Services
from digest.articles.ingest.ingest import Ingest, IngestResult
from digest.articles.ingest.ingest_options import IngestOptions
from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.ingest.records import Embargoes, FileRecord, Reading
from digest.articles.ingest.scan import Scan
from digest.articles.ingest.tree import Tree
from digest.articles.ingest.watch import Watches
from digest.articles.ingest.worker_process import Result
from digest.articles.ingest.workers import Workers
from digest.articles.model import AssetState, Changes, Draft, SafeHtml, SourceFile
from digest.articles.revision import IngestPolicy
from digest.backoff import Backoff
from digest.feeds.publish.model import Published
from digest.feeds.publish.publisher import Publisher
from digest.times import utc_now
from digest.wakeup import WakeUp
from tests import stores
from tests.articles.ingest.test_ingest import refuse_to_open
from tests.conftest import CONFIGURATION, Workplace
from tests.defaults import default_options
from tests.effort import effort


class Looks:
    """Tells a test whenever the publishing has looked at something."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Condition()
        self.scans = 0
        take, scan = Ingest.take, Ingest.scan

        def told_take(ingest: Ingest, paths: Iterable[str]) -> IngestResult:
            taken = take(ingest, paths)
            asyncio.run_coroutine_threadsafe(self._note(), self._loop)
            return taken

        def told_scan(ingest: Ingest, *args: Any) -> IngestResult:
            try:
                return scan(ingest, *args)
            finally:
                self.scans += 1
                asyncio.run_coroutine_threadsafe(self._note(), self._loop)

        monkeypatch.setattr(Ingest, "take", told_take)
        monkeypatch.setattr(Ingest, "scan", told_scan)

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something was looked at and a condition holds."""
        async with self._changed:
            await self._changed.wait_for(condition)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the roots often, and try again soon."""
    monkeypatch.setattr(publish_loop_module, "_LOOK_AT_ROOT", 0.05)
    monkeypatch.setattr(publish_loop_module, "Backoff", partial(Backoff, first=0.05, longest=0.05))


@pytest.fixture
def services(workplace: Workplace) -> Iterator[Services]:
    with workplace.open() as opened:
        yield opened


@asynccontextmanager
async def running(
    services: Services, *, scan_every: float | None = None
) -> AsyncIterator[PublishLoop]:
    """Run a publish loop after its first scan."""
    services.publisher.start()
    with services.workers() as workers:
        publishing = services.publish_loop(workers)
        if scan_every is not None:
            publishing._scan_every = scan_every  # the configuration allows no less than 5 s
        await publishing.first_scan()
        task = asyncio.create_task(publishing.run())
        try:
            yield publishing
        finally:
            publishing.stop()
            await task


def present(services: Services) -> set[str]:
    """Return the paths of the files that are known and not missing."""
    records = services.store.articles.files().values()
    return {record.path for record in records if not record.missing}


def titles(services: Services) -> set[str]:
    return {article.title for article in stores.newest(services.store, None, 1_000)}


def unseen(services: Services) -> set[str]:
    """Return the roots that the last scan did not see."""
    scan = services.store.scans.last()
    return set(scan.unseen) if scan else set()


def problems(services: Services) -> dict[str, str]:
    return {problem.path: problem.cause for problem in services.store.articles.problems()}


# ---- Bursts -------------------------------------------------------------------------------------


class Memory:
    """A store in memory, so that a burst is not about the database."""

    def __init__(self) -> None:
        self.records: dict[str, FileRecord] = {}
        self.scan: Scan | None = None

    def files(self, paths: Collection[str] | None = None) -> dict[str, FileRecord]:
        wanted = self.records.keys() if paths is None else paths
        return {path: self.records[path] for path in wanted if path in self.records}

    def states(self, options_hashes: Collection[str]) -> Iterator[tuple[str, int, int, bool, bool]]:
        for one in list(self.records.values()):
            yield one.path, one.size, one.mtime_ns, one.missing, one.options_hash in options_hashes

    def record(self, readings: Sequence[Reading], now: datetime, policy: IngestPolicy) -> Changes:
        self.records.update((reading.record.path, reading.record) for reading in readings)
        return Changes()

    def record_unchanged(self, records: Sequence[FileRecord]) -> None:
        self.records.update((record.path, record) for record in records)

    def mark_missing(self, paths: Collection[str], _now: datetime) -> None:
        for path in paths:
            self.records.pop(path, None)

    def referring_files(self, _assets: Collection[str]) -> set[str]:
        return set()

    def assets(self) -> Iterable[tuple[str, AssetState]]:
        return ()

    def embargoes(self, _now: datetime) -> Embargoes:
        return Embargoes()

    def update_withdrawals(
        self, _now: datetime, _grace: timedelta | None, _policy: IngestPolicy | None = None
    ) -> Changes:
        return Changes()

    def last(self) -> Scan | None:
        return self.scan

    def remember(self, scan: Scan) -> None:
        self.scan = scan


class NoWorkers(Workers):
    """Every file is the same article at once."""

    draft = Draft(
        identity="same",
        title="same",
        authors=(),
        categories=(),
        published_at=None,
        link=None,
        image=None,
        language=None,
        summary="",
        body=SafeHtml(""),
        fingerprint="same",
    )

    def submit(self, sources: Sequence[SourceFile]) -> Future[list[Result]]:
        future: Future[list[Result]] = Future()
        future.set_result([self.draft for _ in sources])
        return future


class NoPublisher(Publisher):
    """Publishes nothing."""

    def __init__(self) -> None: ...

    @property
    def unpacked(self) -> bool:
        return False

    def replaced(self) -> bool:
        return False

    def publish(self, *_: Any) -> Published:
        return Published()


@pytest.mark.soak
async def test_a_burst_of_files_in_new_nested_folders_is_taken_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "articles"
    root.mkdir()
    seed = tmp_path / "seed.md"
    seed.write_text("---\ntitle: one of many\n---\n")
    tree = Tree(
        roots={".": root},
        files=PathFilter(("**/*.md",)),
        max_bytes=1_000,
        settle=timedelta(),
    )
    looks, memory = Looks(monkeypatch), Memory()
    wanted = {
        f"a{number // 5_000}/b{number // 500}/c{number // 50}/{number}.md"
        for number in range(effort(2_000, soak=5_000))
    }

    def burst() -> None:
        for path in sorted(wanted):
            file = root / path
            if not file.parent.exists():
                file.parent.mkdir(parents=True)
            file.hardlink_to(seed)  # quicker than any crawler writes

    with NoWorkers(default_options(), count=1, timeout=timedelta(seconds=1)) as workers:
        options = IngestOptions(tree=tree, drafts=workers.options, policy=IngestPolicy())
        publishing = PublishLoop(
            ingest=Ingest(
                store=memory,
                memory=memory,
                workers=workers,
                clock=utc_now,
                options=lambda: options,
            ),
            publisher=NoPublisher(),
            watch=lambda pending: Watches(tree.roots, pending),
            scan_every=timedelta(hours=1),
            settle=timedelta(),
            clock=utc_now,
        )
        await publishing.first_scan()
        task = asyncio.create_task(publishing.run())
        await asyncio.to_thread(burst)
        await looks.until(lambda: len(memory.records) == len(wanted))
        publishing.stop()
        await task

    assert memory.records.keys() == wanted


#: How many events the kernel keeps for one who does not read them (inotify(7)).
_MAX_QUEUED = Path("/proc/sys/fs/inotify/max_queued_events")


class Tap:
    """Holds the thread that reads the kernel's queue, so that the queue runs full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.open.set()
        read = InotifyFD.read_events

        def held(descriptor: InotifyFD) -> Any:
            events = read(descriptor)
            assert self.open.wait(8)
            return events

        monkeypatch.setattr(InotifyFD, "read_events", held)


async def test_what_the_kernel_dropped_is_found_all_the_same(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, tap = Looks(monkeypatch), Tap(monkeypatch)
    noise = [workplace.write_text(f"{name}.tmp", "") for name in "ab"]

    def overflow() -> None:
        # Two in turn: the same event twice over is one. Two files do not look like a burst.
        for number in range(2 * int(_MAX_QUEUED.read_text())):
            os.utime(noise[number % 2])

    async with running(services):
        tap.open.clear()
        await asyncio.to_thread(overflow)
        workplace.write("dropped.md", "丢了事件的")
        workplace.write("new/folder/dropped.md", "新文件夹里的")
        tap.open.set()
        await looks.until(lambda: {"丢了事件的", "新文件夹里的"} <= titles(services))
        scans = looks.scans
        workplace.write("new/folder/later.md", "后来的")
        await looks.until(lambda: "后来的" in titles(services))
        assert looks.scans == scans, "the new folder is watched"


# ---- The tree itself ----------------------------------------------------------------------------


async def test_a_tree_that_is_deleted_and_written_again_changes_no_article(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    paths = {f"来源 {number % 3}/栏目/{number}.md" for number in range(30)}

    def write() -> None:
        for path in paths:
            workplace.write(path, path)

    await asyncio.to_thread(write)
    async with running(services):
        before = {one.id: one for one in stores.newest(services.store, None, 100)}
        for folder in list(workplace.articles.iterdir()):
            shutil.rmtree(folder)
        await asyncio.to_thread(write)
        workplace.write("last.md", "最后")
        await looks.until(lambda: present(services) == {*paths, "last.md"})
    after = {one.id: one for one in stores.newest(services.store, None, 100)}
    assert before.items() <= after.items()
    assert len(after) == 31


@pytest.mark.usefixtures("quick")
async def test_a_root_that_is_unmounted_and_comes_back_is_watched_again(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    away = workplace.folder / "unmounted"
    workplace.write("a.md", "一")
    async with running(services):
        workplace.articles.rename(away)
        workplace.articles.mkdir()  # the mount point
        await looks.until(lambda: unseen(services) == {"."})
        assert present(services) == {"a.md"}

        workplace.write("../unmounted/b.md", "二")
        workplace.articles.rmdir()
        away.rename(workplace.articles)
        await looks.until(lambda: present(services) == {"a.md", "b.md"})
        workplace.write("c.md", "三")
        await looks.until(lambda: "三" in titles(services))
    assert problems(services) == {}


@pytest.mark.usefixtures("quick")
async def test_one_root_of_two_goes_away_and_comes_back_while_the_other_goes_on(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    blog = workplace.two_roots()
    away = workplace.folder / "unmounted"
    workplace.write("a.md", "一")
    workplace.write("../blog/a.md", "二")
    with workplace.open() as services, capture_logs() as logs:
        async with running(services):
            blog.rename(away)
            await looks.until(lambda: "blog" in problems(services))
            workplace.write("b.md", "三")
            await looks.until(lambda: "三" in titles(services))
            assert present(services) == {"a.md", "b.md", "blog", "blog/a.md"}

            away.rename(blog)
            await looks.until(lambda: present(services) == {"a.md", "b.md", "blog/a.md"})
            workplace.write("../blog/b.md", "四")
            await looks.until(lambda: "四" in titles(services))
            assert unseen(services) == set()
    told = [log["event"] for log in logs if log.get("root") == "blog"]
    assert told == [
        "the articles folder was replaced; watching it anew",
        "an articles folder is away; its articles stay",
        "an articles folder is back",
    ]


# ---- Links --------------------------------------------------------------------------------------


async def test_links_are_followed_to_files_inside_and_nowhere_else(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    outside = workplace.write("../outside/secret.md", "外面的")
    inside = workplace.write("real/a.md", "里面的")
    async with running(services):
        for name, target in {
            "escape.md": outside,
            "../articles/relative-escape.md": Path("../outside/secret.md"),
            "folder-escape": outside.parent,
            "itself.md": Path("itself.md"),
            "loop": Path(),
            "nowhere.md": Path("gone.md"),
            "real/up": Path(".."),
            "inside.md": inside,
        }.items():
            (workplace.articles / name).symlink_to(target)
        await looks.until(lambda: "inside.md" in present(services))
        workplace.write("last.md", "最后")
        await looks.until(lambda: "最后" in titles(services))
        assert present(services) == {"real/a.md", "inside.md", "last.md"}
        assert "外面的" not in titles(services)
    assert problems(services) == {}


# ---- Permissions --------------------------------------------------------------------------------


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names that the system refuses to open; root, who may run this, may open anything."""
    names: set[str] = set()
    real_open, real_scandir = os.open, os.scandir

    def refuse(path: Any) -> None:
        if not isinstance(path, int) and names & set(Path(os.fsdecode(path)).parts):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    def guarded_open(path: Any, *args: Any, **kwargs: Any) -> int:
        refuse(path)
        return real_open(path, *args, **kwargs)

    def guarded_scandir(path: Any = ".") -> Any:
        refuse(path)
        return real_scandir(path)

    monkeypatch.setattr(os, "open", guarded_open)
    monkeypatch.setattr(os, "scandir", guarded_scandir)
    return names


async def test_a_file_that_may_not_be_read_is_a_problem_until_its_permissions_change(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch, closed: set[str]
) -> None:
    looks = Looks(monkeypatch)
    async with running(services):
        closed.add("a.md")
        file = workplace.write("a.md", "读不了")
        file.chmod(0)
        await looks.until(lambda: problems(services) == {"a.md": "Permission denied"})
        closed.clear()
        file.chmod(0o644)
        await looks.until(lambda: "读不了" in titles(services))
    assert problems(services) == {}


@pytest.mark.usefixtures("quick")
async def test_a_file_that_cannot_be_read_just_now_is_read_soon_though_nothing_tells(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    starved = monkeypatch.context()
    async with running(services):
        with starved as patch, capture_logs() as logs:
            refuse_to_open(patch, "a.md", errno.EMFILE)
            workplace.write("a.md", "读得晚")
            workplace.write("b.md", "读得早")
            await looks.until(lambda: "读得早" in titles(services) and told_unread(logs))
        await looks.until(lambda: "读得晚" in titles(services))
    assert problems(services) == {}


def told_unread(logs: Sequence[Any]) -> bool:
    """Tell whether a file was told that cannot be read, and why."""
    return any(log.get("error") == os.strerror(errno.EMFILE) for log in logs)


async def test_a_folder_that_is_closed_keeps_its_articles_until_it_opens(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch, closed: set[str]
) -> None:
    looks = Looks(monkeypatch)
    folder = workplace.write("closed/a.md", "一").parent
    async with running(services):
        closed.add("closed")
        folder.chmod(0)
        await looks.until(lambda: problems(services) == {"closed": "Permission denied"})
        assert "closed/a.md" in present(services)
        closed.clear()
        workplace.write("closed/b.md", "二")
        folder.chmod(0o755)
        await looks.until(lambda: present(services) == {"closed/a.md", "closed/b.md"})
    assert problems(services) == {}


async def test_a_folder_that_was_closed_from_the_first_is_watched_once_it_opens(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch, closed: set[str]
) -> None:
    looks = Looks(monkeypatch)
    folder = workplace.write("closed/a.md", "一").parent
    workplace.write("also closed/b.md", "也")
    closed.update({"closed", "also closed"})
    real = InotifyFD._get_or_create_watch

    def refuse(descriptor: InotifyFD, path: bytes, mask: Any) -> Any:
        if Path(os.fsdecode(path)).name in closed:
            return real(descriptor, b"/proc/1/nothing here", mask)
        return real(descriptor, path, mask)

    def raise_nothing(**_: Any) -> None:
        """As it does where a folder is closed to us."""

    with monkeypatch.context() as patch:
        patch.setattr(InotifyFD, "_get_or_create_watch", refuse)
        patch.setattr(InotifyFD, "_raise_error", raise_nothing)
        async with running(services):
            assert problems(services).keys() == {"closed", "also closed"}
            closed.remove("closed")
            folder.chmod(0o755)
            await looks.until(lambda: "一" in titles(services))
            scans = looks.scans
            workplace.write("closed/deeper/c.md", "深处")
            await looks.until(lambda: "深处" in titles(services))
            assert looks.scans == scans
    assert problems(services).keys() == {"also closed"}


# ---- Kinds and names ----------------------------------------------------------------------------


async def test_files_become_folders_and_folders_become_files(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    file = workplace.write("a.md", "一")
    async with running(services):
        file.unlink()
        workplace.write("a.md/b.md", "二")
        await looks.until(lambda: present(services) == {"a.md/b.md"})

        file.rename(workplace.folder / "away")
        workplace.write("../new.md", "三").rename(file)
        await looks.until(lambda: present(services) == {"a.md"})
        assert "三" in titles(services)

        file.unlink()
        (workplace.folder / "away").rename(file)
        await looks.until(lambda: present(services) == {"a.md/b.md"})
        workplace.write("a.md/c.md", "四")
        await looks.until(lambda: "四" in titles(services))
    assert problems(services) == {}


async def test_a_folder_that_left_and_came_back_under_another_name_is_still_watched(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    folder = workplace.write("old/deeper/a.md", "一").parents[1]
    async with running(services):
        folder.rename(workplace.folder / "away")
        await looks.until(lambda: present(services) == set())
        (workplace.folder / "away").rename(workplace.articles / "new")
        await looks.until(lambda: present(services) == {"new/deeper/a.md"})
        workplace.write("new/deeper/b.md", "二")
        await looks.until(lambda: present(services) == {"new/deeper/a.md", "new/deeper/b.md"})
        assert len(stores.newest(services.store, None, 10)) == 2


async def test_a_rename_of_case_alone_keeps_the_article(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    file = workplace.write("Notes/readme.md", "一")
    async with running(services):
        (before,) = stores.newest(services.store, None, 10)
        file.rename(file.with_name("README.md"))
        await looks.until(lambda: present(services) == {"Notes/README.md"})
        file.parent.rename(workplace.articles / "notes")
        await looks.until(lambda: present(services) == {"notes/README.md"})
    assert [one.id for one in stores.newest(services.store, None, 10)] == [before.id]


ODD_NAMES = {
    "newline": b"line\nbreak.md",
    "quotes": b'it\'s "quoted" `so`.md',
    "backslash and spaces": b" back\\slash .md",
    "no UTF-8": b"\xff\xfe\xe4.md",
    "decomposed": "e\u0301.md".encode(),
    "255 bytes": "长".encode() * 84 + b".md",
    "control": b"\x01\x7f\x1b[31m.md",
    "options": b"-rf.md",
    "glob": b"[a]*?.md",
}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES.keys())
async def test_an_odd_name_is_taken_moved_and_let_go_by_events_and_by_scans(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    looks = Looks(monkeypatch)
    folder = os.fsencode(workplace.articles)
    os.mkdir(os.path.join(folder, name))  # noqa: PTH102, PTH118 - bytes
    plain = workplace.write("plain.md", "怪名字")
    odd = os.path.join(folder, name, name)  # noqa: PTH118 - bytes
    async with running(services):
        os.rename(plain, odd)  # noqa: PTH104 - bytes
        await looks.until(lambda: "plain.md" not in present(services) and bool(present(services)))
        (path,) = present(services)
        with services.workers() as workers:
            assert not services.ingest(workers).scan().changes
        assert present(services) == {path}
        os.rename(odd, plain)  # noqa: PTH104 - bytes
        await looks.until(lambda: present(services) == {"plain.md"})
    assert len(stores.newest(services.store, None, 10)) == 1
    assert problems(services) == {}


async def test_a_path_near_the_systems_limit_is_taken_and_one_beyond_is_told(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    text = workplace.write("../a.md", "深").read_bytes()
    name = "d" * 200

    def go_down(levels: int) -> int:
        """Return a descriptor of a folder so many levels down; they are made by the way."""
        at = os.open(workplace.articles, os.O_RDONLY | os.O_DIRECTORY)
        for _ in range(levels):
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=at)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
            os.close(at)
            at = below
        return at

    def write_below(levels: int) -> None:
        at = go_down(levels)
        with os.fdopen(os.open("a.md", os.O_WRONLY | os.O_CREAT, dir_fd=at), "wb") as file:
            file.write(text)
        os.close(at)

    most = (4_095 - len(os.fsencode(workplace.articles)) - len("/a.md")) // (len(name) + 1)
    async with running(services) as publishing:
        await asyncio.to_thread(write_below, most)
        await looks.until(lambda: "深" in titles(services))
        await asyncio.to_thread(write_below, most + 3)
        workplace.write("last.md", "最后")
        await looks.until(lambda: "最后" in titles(services))
        publishing._next_scan = 0.0
        await looks.until(lambda: bool(problems(services)))
    assert set(problems(services).values()) == {"File name too long"}
    shutil.rmtree(workplace.articles / name)


async def test_what_is_no_file_is_left_alone(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    async with running(services):
        os.mkfifo(workplace.articles / "fifo.md")
        monkeypatch.chdir(workplace.articles)  # the address of a socket has 107 bytes at most
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.md")
            with suppress(PermissionError):  # only root makes devices
                os.mknod(workplace.articles / "device.md", 0o020666, os.makedev(1, 3))
            workplace.write("last.md", "最后")
            await looks.until(lambda: "最后" in titles(services))
        with services.workers() as workers:
            assert services.ingest(workers).scan().files == 1
    assert present(services) == {"last.md"}
    assert problems(services) == {}


async def test_include_and_exclude_hold_for_events_as_for_scans(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    workplace.configure(
        base=CONFIGURATION.replace(
            "workers = 1", 'workers = 1\ninclude = ["**/*.md"]\nexclude = ["drafts", "**/_*"]'
        )
    )
    with workplace.open() as services:
        async with running(services):
            for path in ("drafts/a.md", "x/_y/b.md", "x/_c.md", "x/d.txt", "x/e.md"):
                workplace.write(path, path)
            workplace.write("../ready/f.md", "f").parent.rename(workplace.articles / "_ready")
            workplace.write("last.md", "最后")
            await looks.until(lambda: "最后" in titles(services))
            assert present(services) == {"x/e.md", "last.md"}
            with services.workers() as workers:
                assert services.ingest(workers).scan().files == 2


# ---- Where events fail --------------------------------------------------------------------------


async def test_folders_beyond_the_systems_limit_of_watches_are_found_by_scans_and_told(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    real = InotifyFD._get_or_create_watch
    limited = True

    def refuse(descriptor: InotifyFD, path: bytes, mask: Any) -> Any:
        if limited and path.endswith(b"unwatched"):
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return real(descriptor, path, mask)

    monkeypatch.setattr(InotifyFD, "_get_or_create_watch", refuse)
    workplace.write("unwatched/a.md", "一")
    with capture_logs() as logs:
        async with running(services, scan_every=0.2):
            for number in range(3):
                workplace.write(f"unwatched/{number}.md", f"第{number}篇")
                wanted = f"第{number}篇"
                await looks.until(lambda wanted=wanted: wanted in titles(services))  # type: ignore[misc]
        told = [log for log in logs if log["log_level"] == "error"]
        assert [log["event"] for log in told] == ["cannot watch, only scans will find changes"]
    limited = False
    async with running(services):
        scans = looks.scans
        workplace.write("unwatched/b.md", "又能看了")
        await looks.until(lambda: "又能看了" in titles(services))
        assert looks.scans == scans


async def test_without_any_watch_scans_find_what_changes(
    workplace: Workplace, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)

    def refuse(*_: Any) -> Any:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(InotifyFD, "_create_inotify_fd", refuse)
    async with running(services, scan_every=0.2):
        workplace.write("a.md", "扫到的")
        await looks.until(lambda: "扫到的" in titles(services))


async def test_polling_finds_what_no_event_tells(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)

    def refuse(*_: Any) -> Any:
        raise AssertionError("events were asked for")

    monkeypatch.setattr(InotifyFD, "_create_inotify_fd", refuse)
    workplace.configure(base=CONFIGURATION.replace("workers = 1", 'workers = 1\nwatch = "poll"'))
    with workplace.open() as services:
        async with running(services, scan_every=0.05):
            file = workplace.write("a/b.md", "新的")
            await looks.until(lambda: "新的" in titles(services))
            workplace.write("a/b.md", "改过的标题")
            await looks.until(lambda: "改过的标题" in titles(services))
            file.unlink()
            await looks.until(lambda: present(services) == set())
            workplace.articles.rename(workplace.folder / "away")
            (workplace.folder / "away").rename(workplace.articles)
            workplace.write("c.md", "又来")
            await looks.until(lambda: "又来" in titles(services))


def test_hints_that_were_lost_ask_for_a_scan_and_keep_what_was_heard() -> None:
    async def tell() -> tuple[bool, tuple[set[str], bool]]:
        wakeup = WakeUp()
        pending = PendingPaths(wakeup)
        pending.lose()
        waited = await wakeup.wait(5)
        pending.drain()
        pending.add("a.md")
        pending.lose()
        return waited, pending.drain()

    assert asyncio.run(tell()) == (True, ({"a.md"}, True))
