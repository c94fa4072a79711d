"""Watching: events of a real file system tell which paths to look at, whatever the roots do."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digest.articles.ingest.watch import Watch, Watches
from tests.waiting import PATIENCE


class Heard:
    """Collects hints until the ones that a test waits for have come."""

    def __init__(self) -> None:
        self._hints: queue.Queue[str] = queue.Queue()
        self.add = self._hints.put
        self.lost = threading.Event()
        self.lose = self.lost.set

    def until(self, *wanted: str) -> set[str]:
        missing, heard = set(wanted), set()
        while missing:
            heard.add(self._hints.get(timeout=PATIENCE))
            missing -= heard
        return heard


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, Heard, Watch]]:
    root = tmp_path / "articles"
    (root / "old").mkdir(parents=True)
    (root / "old" / "a.md").write_text("a")
    heard = Heard()
    watch = Watch(root, heard)
    watch.start()
    yield root, heard, watch
    watch.stop()


Change = Callable[[Path], object]


@pytest.mark.parametrize(
    ("change", "hints"),
    [
        (lambda root: (root / "new.md").write_text("x"), {"new.md"}),
        (lambda root: (root / "old" / "a.md").write_text("b"), {"old/a.md"}),
        (lambda root: (root / "old" / "a.md").unlink(), {"old/a.md"}),
        (lambda root: (root / "old/a.md").rename(root / "b.md"), {"old/a.md", "b.md"}),
        (lambda root: (root / "old").rename(root / "younger"), {"old/", "younger"}),
        (lambda root: (root / "old/a.md").rename(root.parent / "out.md"), {"old/a.md"}),
        (lambda root: (root / "linked.md").hardlink_to(root / "old/a.md"), {"linked.md"}),
    ],
    ids=["created", "rewritten", "deleted", "moved", "folder moved", "moved out", "linked"],
)
def test_a_change_is_hinted(
    watched: tuple[Path, Heard, Watch], change: Change, hints: set[str]
) -> None:
    root, heard, _ = watched
    change(root)
    assert heard.until(*hints) >= hints


def test_a_file_moved_in_from_outside_is_hinted(
    watched: tuple[Path, Heard, Watch], tmp_path: Path
) -> None:
    root, heard, _ = watched
    outside = tmp_path / "written elsewhere.md"
    outside.write_text("x")
    outside.rename(root / "old" / "新.md")
    assert "old/新.md" in heard.until("old/新.md")


def test_files_in_folders_made_a_moment_before_are_not_missed(
    watched: tuple[Path, Heard, Watch],
) -> None:
    root, heard, _ = watched
    wanted = []
    for number in range(20):
        folder = root / f"new {number}" / "deeper"
        folder.mkdir(parents=True)
        (folder / "a.md").write_text("x")
        wanted.append(f"new {number}/deeper/a.md")
    heard.until(*wanted)


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_a_link_that_takes_a_new_folders_place_is_not_walked_nor_watched(
    watched: tuple[Path, Heard, Watch], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An author could have every folder of the machine watched, until no watch is left."""
    from watchdog.observers.inotify_c import InotifyFD

    root, heard, watch = watched
    (tmp_path / "outside" / "deeper").mkdir(parents=True)
    (tmp_path / "outside" / "secret.md").touch()
    release = threading.Event()
    read_events = InotifyFD.read_events

    def held(descriptor: InotifyFD) -> object:
        events = read_events(descriptor)
        assert release.wait(PATIENCE)
        return events

    monkeypatch.setattr(InotifyFD, "read_events", held)
    (root / "first.md").touch()  # read before it was held, perhaps
    for number in range(3):
        (root / f"new {number}").mkdir()
        (root / f"new {number}").rmdir()
        (root / f"new {number}").symlink_to(tmp_path / "outside")
    (root / "last.md").touch()
    release.set()

    reported = heard.until("last.md")
    assert not any("secret" in path or "deeper" in path for path in reported)
    assert watch._observer is not None
    (emitter,) = watch._observer.emitters
    known = emitter._inotify._active_callbacks_by_path  # type: ignore[attr-defined]  # Linux's
    assert not any(b"deeper" in path for path in known)


def test_a_watch_knows_when_its_root_was_replaced(watched: tuple[Path, Heard, Watch]) -> None:
    root, _, watch = watched
    assert watch.alive()
    root.rename(root.parent / "away")
    assert not watch.alive()
    root.mkdir()
    assert not watch.alive()


def test_a_missing_root_raises_and_stop_is_harmless(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "gone", Heard())
    with pytest.raises(FileNotFoundError):
        watch.start()
    watch.stop()


def test_a_root_that_is_closed_asks_for_nothing_until_it_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every look at the roots would be followed by a scan of all of them."""
    watches = Watches({".": tmp_path}, Heard())
    assert not watches.alive()
    with monkeypatch.context() as closed:
        closed.setattr(os, "access", lambda *_: False)
        assert watches.alive()
    assert not watches.alive()
    watches.renew()
    assert watches.alive()
    watches.stop()


def test_a_root_on_a_disk_that_fails_asks_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> os.stat_result:
        raise OSError(5, "Input/output error")

    watches = Watches({".": tmp_path}, Heard())
    with monkeypatch.context() as broken:
        broken.setattr(os, "stat", fail)
        watches.renew()
        assert watches.alive()
    watches.stop()


@pytest.mark.parametrize("started", range(3))
def test_without_a_thread_a_root_is_left_to_scans_and_watched_later(
    started: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, left = threading.Thread.start, iter(range(started))

    def some_threads(thread: threading.Thread) -> None:
        if next(left, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    heard = Heard()
    watches = Watches({".": tmp_path}, heard)
    before = set(Path("/proc/self/fd").iterdir())
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(threading.Thread, "start", some_threads)
        watches.renew()
    assert [log["error"] for log in logs] == ["can't start new thread"]
    assert watches.alive()
    assert set(Path("/proc/self/fd").iterdir()) <= before
    watches.renew()
    (tmp_path / "a.md").write_text("a")
    heard.until("a.md")
    watches.stop()


def test_each_root_has_hints_with_its_name(tmp_path: Path) -> None:
    top, blog = tmp_path / "top", tmp_path / "blog"
    top.mkdir()
    blog.mkdir()
    heard = Heard()
    watches = Watches({".": top, "blog": blog, "away": tmp_path / "away"}, heard)
    watches.renew()
    (top / "a.md").write_text("a")
    (blog / "b.md").write_text("b")
    blog.chmod(0o700)
    heard.until("a.md", "blog/b.md", "blog")
    assert watches.alive()
    (tmp_path / "away").mkdir()
    assert not watches.alive()
    watches.renew()
    (tmp_path / "away" / "c.md").write_text("c")
    heard.until("away/c.md")
    watches.stop()
