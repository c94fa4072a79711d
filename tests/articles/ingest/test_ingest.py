"""Ingest: files of a real tree, through real worker processes, into a real store."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.app.builders import make_ingest_options
from digest.app.wiring import Services
from digest.articles.ingest import ingest as ingest_module
from digest.articles.ingest import workers as workers_module
from digest.articles.ingest.ingest import Ingest, IngestResult
from digest.articles.ingest.tree import FileContent, Tree, Unread
from digest.articles.ingest.worker_process import Result
from digest.articles.ingest.workers import BATCH, GivenUp, Stalled, Workers
from digest.articles.model import Changes, SourceFile, article_key
from digest.errors import SourceError, StoreError
from digest.store.articles import ArticleStore
from digest.store.meta_rows import ScanStore
from tests import stores
from tests.conftest import Workplace


@pytest.fixture
def services(workplace: Workplace) -> Iterator[Services]:
    with workplace.open() as opened:
        yield opened


@pytest.fixture
def ingest(services: Services) -> Iterator[Ingest]:
    with services.workers() as workers:
        yield services.ingest(workers)


def titles(services: Services) -> list[str]:
    return [article.title for article in stores.newest(services.store, None, 100)]


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Let this process open no more files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
        with suppress(OSError):
            while True:
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield


def told(taken: IngestResult) -> tuple[int, int, int, int]:
    changes = taken.changes
    return changes.new, changes.updated, changes.unchanged, changes.problems


def test_a_scan_takes_every_article_and_tells_what_is_none(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("金融/一.md", "一")
    workplace.write("金融/市场/二.md", "二")
    workplace.write_text("broken.md", "---\ntitle: never closed\n")

    taken = ingest.scan()

    assert told(taken) == (2, 0, 0, 1)
    assert taken.files == 3
    assert taken.complete
    assert sorted(titles(services)) == ["一", "二"]
    (problem,) = services.store.articles.problems()
    assert problem.path == "broken.md"
    assert problem.cause


def test_a_second_scan_opens_no_file(
    workplace: Workplace, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.md")
    workplace.write_text("broken.md", "---\ntitle: never closed\n")
    ingest.scan()

    def refuse(path: Path, flags: int, **options: int) -> int:
        assert flags & os.O_DIRECTORY or Path(path).is_dir(), "an unchanged file was opened"
        return real(path, flags, **options)

    real = os.open
    monkeypatch.setattr(os, "open", refuse)

    assert told(ingest.scan()) == (0, 0, 0, 0)


@contextmanager
def all_given_up(error: type[SourceError]) -> Iterator[None]:
    """Have every file given up for time."""

    def give_up(_: Workers, sources: Sequence[SourceFile]) -> Future[list[Result]]:
        future: Future[list[Result]] = Future()
        future.set_result([error(source.path, None, "took more than 2 s") for source in sources])
        return future

    with pytest.MonkeyPatch.context() as slow:
        slow.setattr(Workers, "submit", give_up)
        yield


def test_a_file_that_took_too_long_is_tried_again_when_it_is_written_again(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    file = workplace.write("a.md", "慢")
    with all_given_up(GivenUp):
        assert told(ingest.scan()) == (0, 0, 0, 1)
    assert told(ingest.scan()) == (0, 0, 0, 0)

    os.utime(file)
    assert told(ingest.scan()) == (1, 0, 0, 0)
    assert services.store.articles.problems() == []


def test_a_file_that_took_too_long_is_tried_again_when_it_may_take_longer(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md", "慢")
    workplace.write("b.md", "快")
    with all_given_up(GivenUp):
        ingest.take(["a.md"])
    ingest.scan()
    options = services.settings.draft_options()
    for seconds, expected in ((2, 0), (5, 1), (5, 0)):
        with Workers(options, count=1, timeout=timedelta(seconds=seconds)) as workers:
            assert told(services.ingest(workers).scan()) == (expected, 0, 0, 0)
    assert services.store.articles.problems() == []


def test_a_file_that_a_busy_machine_did_not_get_to_is_tried_again_at_the_next_scan(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md", "慢")
    with all_given_up(Stalled):
        assert told(ingest.scan()) == (0, 0, 0, 1)
        assert told(ingest.scan()) == (0, 0, 0, 1)
    assert told(ingest.scan()) == (1, 0, 0, 0)
    assert told(ingest.scan()) == (0, 0, 0, 0)
    assert services.store.articles.problems() == []


def refuse_to_open(patch: pytest.MonkeyPatch, name: str, error: int) -> None:
    """Make the system refuse to open whatever has this name."""
    real = os.open

    def refuse(path: str | Path, *args: int, **options: int) -> int:
        if path == name:
            raise OSError(error, os.strerror(error))
        return real(path, *args, **options)

    patch.setattr(os, "open", refuse)


@pytest.mark.parametrize(
    ("error", "name", "whole"),
    [
        (errno.EMFILE, "a.md", True),
        (errno.EMFILE, "folder", False),
        (errno.ENFILE, "folder", True),
        (errno.ENOMEM, "a.md", False),
        (errno.EIO, "folder", False),
        (errno.ENOSPC, "a.md", True),
        (errno.ESTALE, "folder", True),
        (errno.ETIMEDOUT, "a.md", False),
        (errno.EAGAIN, "folder", False),
    ],
)
def test_a_file_that_cannot_be_read_just_now_is_no_problem_and_not_gone(
    workplace: Workplace,
    ingest: Ingest,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    error: int,
    name: str,
    whole: bool,
) -> None:
    workplace.write("folder/a.md", "旧")
    ingest.scan()
    workplace.write("folder/a.md", "新")
    workplace.write("b.md", "别的")

    with monkeypatch.context() as starved:
        refuse_to_open(starved, name, error)
        taken = ingest.scan() if whole else ingest.take(["folder", "b.md"])
        path = "folder/a.md" if name == "a.md" else name
        assert taken.unread == {path: os.strerror(error)}
        assert told(taken) == (1, 0, 0, 0)
    assert services.store.articles.problems() == []
    assert not services.store.articles.files()["folder/a.md"].missing

    assert told(ingest.take(taken.unread)) == (0, 1, 0, 0)
    assert sorted(titles(services)) == ["别的", "新"]


def test_without_a_descriptor_left_a_scan_fails_and_nothing_is_gone(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md", "一")
    ingest.scan()
    workplace.write("b.md", "二")
    with no_descriptors_left(), pytest.raises(OSError, match="Too many open files"):
        ingest.scan()
    assert told(ingest.scan()) == (1, 0, 0, 0)
    assert not any(record.missing for record in services.store.articles.files().values())


@pytest.mark.parametrize("whole", [True, False])
def test_a_folder_that_is_closed_is_a_problem_and_keeps_its_articles(
    workplace: Workplace,
    ingest: Ingest,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    workplace.write("open/a.md", "开")
    workplace.write("closed/b.md", "关")
    ingest.scan()
    workplace.write("open/c.md", "新")
    with monkeypatch.context() as locked:
        refuse_to_open(locked, "closed", errno.EACCES)
        taken = ingest.scan() if whole else ingest.take(["closed", "open"])
        assert told(taken) == (1, 0, 0, 1)
        (problem,) = services.store.articles.problems()
        assert (problem.path, problem.cause) == ("closed", "Permission denied")
        assert not services.store.articles.files()["closed/b.md"].missing

    assert told(ingest.scan()) == (0, 0, 0, 0)
    assert services.store.articles.problems() == []
    assert sorted(titles(services)) == ["关", "开", "新"]


def test_a_path_in_a_folder_that_is_closed_does_not_stop_the_others(
    workplace: Workplace, ingest: Ingest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("open/a.md", "开")
    real = Path.stat
    errors = {"closed": errno.EACCES, "broken": errno.EIO}

    def refuse(path: Path, **options: bool) -> os.stat_result:
        if error := errors.get(path.parent.name):
            raise OSError(error, os.strerror(error), str(path))
        return real(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    taken = ingest.take(["closed/b.md", "broken/c.md", "open/a.md"])
    assert titles(services) == ["开"]
    assert taken.unread == {"broken/c.md": "Input/output error"}


@pytest.mark.parametrize("whole", [True, False])
def test_what_was_stored_before_a_failure_is_told_by_the_next_call(
    workplace: Workplace, ingest: Ingest, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    monkeypatch.setattr(ingest_module, "_BATCH", 2)
    paths = [workplace.write(f"{number}.md", str(number)).name for number in range(5)]
    real = ArticleStore.record
    calls = 0

    def fail_once(store: ArticleStore, *args: object) -> Changes:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StoreError("locked")
        return real(store, *args)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(ArticleStore, "record", fail_once)

    def take() -> IngestResult:
        return ingest.scan() if whole else ingest.take(paths)

    with pytest.raises(StoreError):
        take()
    changes = take().changes

    assert (changes.new, len(changes.articles)) == (5, 5)
    assert not take().changes


def test_a_rewritten_file_with_the_same_bytes_changes_nothing(
    workplace: Workplace, ingest: Ingest
) -> None:
    file = workplace.write("a.md")
    ingest.scan()
    os.utime(file, (1, 1))

    assert told(ingest.scan()) == (0, 0, 0, 0)
    assert not ingest.take(["a.md"]).changes


def test_a_file_with_another_date_and_placeholder_is_given_to_no_worker(
    workplace: Workplace, ingest: Ingest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "---\ntitle: 标题\ndate: 2021-08-{day}\nheadimg: https://picsum.photos/{day}\n---\ntext"
    workplace.write_text("a.md", text.format(day=26))
    ingest.scan()
    workplace.write_text("a.md", text.format(day=27))
    with monkeypatch.context() as patch:
        patch.setattr(Workers, "submit", None)
        assert told(ingest.scan()) == (0, 0, 1, 0)
        assert told(ingest.scan()) == (0, 0, 0, 0)
    (record,) = services.store.articles.files(["a.md"]).values()
    assert record.text_hash
    assert record.raw_hash
    workplace.write_text("a.md", text.format(day=27) + " and more")
    assert told(ingest.scan()) == (0, 1, 0, 0)


@pytest.mark.parametrize("head", ["", "+++\ntitle = '标题'\n+++\n"])
def test_a_changed_file_whose_lines_are_not_examined_updates_its_article(
    workplace: Workplace, ingest: Ingest, services: Services, head: str
) -> None:
    workplace.write_text("a.md", f"{head}text")
    ingest.scan()
    (record,) = services.store.articles.files(["a.md"]).values()
    assert (bool(record.text_hash), record.raw_hash) == (True, "")
    workplace.write_text("a.md", f"{head}text and more")
    assert told(ingest.scan()) == (0, 1, 0, 0)


def test_a_date_that_is_moved_to_the_future_is_told(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    text = "---\ntitle: 标题\ndate: {year}-08-26\n---\ntext"
    workplace.write_text("a.md", text.format(year=2021))
    ingest.scan()
    assert services.store.articles.problems(noted=True) == []
    workplace.write_text("a.md", text.format(year=2099))
    assert told(ingest.scan()) == (0, 0, 1, 0)
    (remark,) = services.store.articles.problems(noted=True)
    assert "2099" in remark.cause


def test_a_changed_file_updates_its_article(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md", "旧题")
    ingest.scan()
    workplace.write("a.md", "新题")

    assert told(ingest.take(["a.md"])) == (0, 1, 0, 0)
    assert titles(services) == ["新题"]


def test_a_broken_file_keeps_its_last_good_version_published(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md", "好")
    ingest.scan()
    workplace.write_text("a.md", "---\ntitle: cut off\n")

    assert told(ingest.take(["a.md"])) == (0, 0, 0, 1)
    assert titles(services) == ["好"]

    workplace.write("a.md", "好")
    ingest.take(["a.md"])
    assert services.store.articles.problems() == []


def test_a_vanished_file_stays_published_and_comes_back_as_itself(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    file = workplace.write("a/b.md", "留下")
    ingest.scan()
    (before,) = stores.newest(services.store, None, 10)
    file.unlink()
    assert told(ingest.scan()) == (0, 0, 0, 0)
    assert titles(services) == ["留下"]

    workplace.write("a/b.md", "留下")

    assert told(ingest.scan()) == (0, 0, 0, 0)
    assert stores.newest(services.store, None, 10) == [before]


def test_a_moved_file_keeps_its_id(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    file = workplace.write("old/name.md")
    ingest.scan()
    (before,) = stores.newest(services.store, None, 10)
    target = workplace.articles / "new" / "other.md"
    target.parent.mkdir()
    file.rename(target)

    ingest.take(["old/name.md", "new/other.md"])

    (after,) = stores.newest(services.store, None, 10)
    assert after.id == before.id
    assert told(ingest.scan()) == (0, 0, 0, 0)


def test_a_hint_about_a_folder_takes_all_below_it(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("in/a.md", "一")
    workplace.write("in/deeper/b.md", "二")
    workplace.write("elsewhere.md", "三")

    assert told(ingest.take(["in"])) == (2, 0, 0, 0)
    assert sorted(titles(services)) == ["一", "二"]


def test_hints_about_files_that_are_no_articles_are_nothing(
    workplace: Workplace, ingest: Ingest
) -> None:
    workplace.write_text("picture.png", "no text")
    workplace.write(".git/a.md")

    assert ingest.take(["picture.png", ".git/a.md", "gone.md", "gone"]) == IngestResult()


def test_a_file_being_written_waits(workplace: Workplace, ingest: Ingest) -> None:
    workplace.write("a.md")
    with (workplace.articles / "a.md").open("a"):
        taken = ingest.take(["a.md"])
        assert taken.waiting == {"a.md"}
        assert not taken.changes
        assert ingest.scan().waiting == {"a.md"}
    assert told(ingest.take(["a.md"])) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02" * 100, "binary"),
        (b"x" * 5_000_000, "5,000,000 bytes; at most 4,194,304"),
    ],
    ids=["empty", "binary", "too large"],
)
def test_what_is_no_article_becomes_a_problem_and_the_rest_goes_on(
    workplace: Workplace, ingest: Ingest, services: Services, content: bytes, cause: str
) -> None:
    (workplace.articles / "bad.md").write_bytes(content)
    workplace.write("good.md", "好")

    assert told(ingest.scan()) == (1, 0, 0, 1)
    (problem,) = services.store.articles.problems()
    assert cause in problem.cause
    assert titles(services) == ["好"]


def test_a_name_that_is_no_utf8_is_taken(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("good.md")
    os.rename(workplace.articles / "good.md", os.fsencode(workplace.articles) + b"/\xff.md")  # noqa: PTH104 - bytes

    assert told(ingest.scan()) == (1, 0, 0, 0)
    assert told(ingest.scan()) == (0, 0, 0, 0)


@pytest.fixture
def roots(workplace: Workplace) -> Iterator[tuple[Path, Services, Ingest]]:
    """Two roots, of which the second came later."""
    workplace.write("a.md", "一")
    with workplace.open() as one, one.workers() as workers:
        one.ingest(workers).scan()
    blog = workplace.two_roots()
    workplace.write("../blog/a.md", "二")
    with workplace.open() as both, both.workers() as workers:
        yield blog, both, both.ingest(workers)


def present(services: Services) -> list[str]:
    records = services.store.articles.files().values()
    return sorted(record.path for record in records if not record.missing)


def test_a_second_root_changes_no_identity_of_the_first(
    roots: tuple[Path, Services, Ingest],
) -> None:
    _, services, ingest = roots
    (before,) = stores.newest(services.store, None, 10)

    assert told(ingest.scan()) == (1, 0, 0, 0)

    articles = {one.title: one for one in stores.newest(services.store, None, 10)}
    assert articles["一"] == before
    assert present(services) == ["a.md", "blog/a.md"]


@pytest.mark.parametrize("emptied", [False, True], ids=["gone", "an empty mount point"])
def test_a_root_that_is_away_keeps_its_files_and_the_others_go_on(
    workplace: Workplace, roots: tuple[Path, Services, Ingest], emptied: bool
) -> None:
    blog, services, ingest = roots
    ingest.scan()
    blog.rename(workplace.folder / "unmounted")
    if emptied:
        blog.mkdir()
    workplace.write("b.md", "三")
    (workplace.articles / "a.md").unlink()

    for _ in range(2):
        taken = ingest.scan()
        assert taken.scan is not None
        assert list(taken.scan.unseen) == ["blog"]
        assert ingest.take(["blog/a.md", "blog/", "blog"]).changes.problems == 0
    assert not services.store.articles.files()["blog/a.md"].missing
    assert services.store.articles.files()["a.md"].missing
    assert [one.path for one in services.store.articles.problems()] == ([] if emptied else ["blog"])

    if emptied:
        blog.rmdir()
    (workplace.folder / "unmounted").rename(blog)
    (blog / "a.md").unlink()
    workplace.write("../blog/c.md", "四")
    taken = ingest.scan()
    assert told(taken) == (1, 0, 0, 0)
    assert taken.scan is not None
    assert not taken.scan.unseen
    assert present(services) == ["b.md", "blog/c.md"]
    assert services.store.articles.problems() == []


def test_the_top_that_is_away_keeps_its_files_and_a_named_root_goes_on(
    workplace: Workplace, roots: tuple[Path, Services, Ingest]
) -> None:
    blog, services, ingest = roots
    ingest.scan()
    workplace.articles.rename(workplace.folder / "unmounted")
    (blog / "a.md").unlink()

    assert told(ingest.scan()) == (0, 0, 0, 1)
    assert [one.path for one in services.store.articles.problems()] == ["."]
    assert present(services) == [".", "a.md"]

    (workplace.folder / "unmounted").rename(workplace.articles)
    assert told(ingest.scan()) == (0, 0, 0, 0)
    assert present(services) == ["a.md"]


def test_an_emptied_root_is_not_believed_after_a_restart_either(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md")
    ingest.scan()
    workplace.articles.rename(workplace.folder / "unmounted")
    workplace.articles.mkdir()

    with services.workers() as workers:
        taken = services.ingest(workers).scan()
    assert taken.scan is not None
    assert "empty" in taken.scan.unseen["."]
    assert present(services) == ["a.md"]
    ingest.take(["a.md"])
    assert present(services) == ["a.md"]


def test_a_root_that_is_unmounted_while_it_is_walked_keeps_its_files(
    workplace: Workplace, ingest: Ingest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.md", "一")
    workplace.write("below/b.md", "二")
    ingest.scan()
    real = os.open

    def unmount(path: str | Path, *args: int, **options: int) -> int:
        if path == "below":
            workplace.articles.rename(workplace.folder / "unmounted")
            workplace.articles.mkdir()
        return real(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", unmount)
        ingest.scan()
    assert present(services) == ["a.md", "below/b.md"]


def test_all_deleted_in_a_root_is_believed(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    file = workplace.write("a.md")
    ingest.scan()
    file.unlink()
    ingest.scan()
    assert present(services) == []


def test_a_scan_that_cannot_be_remembered_loses_no_change(
    workplace: Workplace, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.md")

    def fail(*_: object) -> None:
        raise StoreError("locked")

    with monkeypatch.context() as locked:
        locked.setattr(ScanStore, "remember", fail)
        with pytest.raises(StoreError):
            ingest.scan()
    assert ingest.scan().changes.new == 1


def test_a_file_that_became_a_folder_and_back(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    file = workplace.write("a.md", "一")
    ingest.scan()
    file.unlink()
    workplace.write("a.md/b.md", "二")
    ingest.take(["a.md", "a.md/b.md"])
    assert present(services) == ["a.md/b.md"]

    shutil.rmtree(file)
    workplace.write("a.md", "三")
    assert ingest.take(["a.md/b.md", "a.md"]).unsure is False
    assert present(services) == ["a.md"]


def test_a_file_in_the_place_of_a_folder_that_moved_away_asks_for_a_scan(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md/b.md", "二")
    ingest.scan()
    (workplace.articles / "a.md").rename(workplace.folder / "away")
    workplace.write("a.md", "三")

    assert ingest.take(["a.md/", "a.md"]).unsure
    ingest.scan()
    assert present(services) == ["a.md"]


def test_a_folder_that_is_hinted_is_walked_once_and_its_known_files_are_not_opened(
    workplace: Workplace, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("x/y/a.md", "一")
    workplace.write("x/b.md", "二")
    ingest.scan()
    workplace.write("x/y/c.md", "三")
    read, walked = [], []
    real_read, real_walk = Tree.read, Tree.walk

    def note_read(tree: Tree, path: str, *args: Any) -> object:
        read.append(path)
        return real_read(tree, path, *args)

    def note_walk(tree: Tree, *args: Any) -> object:
        walked.append(args[0])
        return real_walk(tree, *args)

    monkeypatch.setattr(Tree, "read", note_read)
    monkeypatch.setattr(Tree, "walk", note_walk)
    assert told(ingest.take(["x", "x/y", "x/y/c.md"])) == (1, 0, 0, 0)
    assert (read, walked) == (["x/y/c.md"], ["x"])


def test_a_missing_root_raises_and_takes_nothing_for_vanished(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md")
    ingest.scan()
    workplace.articles.rename(workplace.folder / "away")

    with pytest.raises(FileNotFoundError):
        ingest.scan()
    assert not any(record.missing for record in services.store.articles.files().values())


def test_changed_options_read_everything_again(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write("a.md", body="<p>正文。</p><p class='ad'>广告</p>")
    ingest.scan()
    workplace.configure('[[rules]]\ndrop = [".ad"]\n')
    with workplace.open() as again, again.workers() as workers:
        assert told(again.ingest(workers).scan()) == (0, 1, 0, 0)
        (article,) = stores.newest(again.store, None, 10)
    assert "广告" not in article.body


def test_a_stopped_scan_says_that_it_is_not_complete(workplace: Workplace, ingest: Ingest) -> None:
    workplace.write("a.md")
    ingest.stop()

    taken = ingest.scan()

    assert not taken.complete
    assert not taken.changes


def test_progress_reaches_the_number_of_files(workplace: Workplace, ingest: Ingest) -> None:
    for number in range(3):
        workplace.write(f"{number}.md", str(number))
    heard: list[tuple[int, int]] = []

    ingest.scan(lambda done, total: heard.append((done, total)))

    assert heard[-1] == (3, 3)


def test_two_threads_may_write_the_tree_while_it_is_scanned(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    """Files that come and go during a scan are taken, waiting, or gone: never an error."""
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            number = (number + 1) % 20
            path: Path = workplace.write(f"churn/{number}.md", f"{number}")
            if number % 3 == 0:
                path.unlink()

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        for _ in range(5):
            ingest.scan()
    finally:
        stop.set()
        writer.join()
    ingest.scan()
    assert services.store.articles.problems() == []


PNG = b"\x89PNG\r\n\x1a\n"


def bodies(services: Services) -> str:
    return "".join(article.body for article in stores.newest(services.store, None, 100))


def test_an_article_is_read_again_when_its_picture_comes_changes_or_goes(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write_text("a/post.md", "---\ntitle: Holiday\n---\n![The beach](beach.png)\n")
    ingest.scan()
    assert "<img" not in bodies(services)
    (problem,) = services.store.articles.problems(noted=True)
    assert "beach.png" in problem.cause
    assert problem.line == 4

    picture = workplace.folder / "articles/a/beach.png"
    picture.write_bytes(PNG + b"first")
    ingest.take(["a/beach.png"])
    first = bodies(services)
    assert "/assets/" in first
    assert services.store.articles.problems(noted=True) == []

    picture.write_bytes(PNG + b"second one")
    ingest.scan()
    assert "/assets/" in bodies(services)
    assert bodies(services) != first
    assert told(ingest.scan()) == (0, 0, 0, 0)

    picture.unlink()
    ingest.take(["a/beach.png"])
    assert "<img" not in bodies(services)


def test_pictures_that_articles_no_longer_refer_to_are_not_looked_for(
    workplace: Workplace, ingest: Ingest, services: Services
) -> None:
    workplace.write_text("post.md", "---\ntitle: Holiday\n---\n![](beach.png)\n")
    ingest.scan()
    assert len(list(services.store.scans.assets())) == 2
    workplace.write_text("post.md", "---\ntitle: Holiday\n---\nNo picture.\n")
    ingest.scan()
    assert list(services.store.scans.assets()) == []


@pytest.mark.parametrize("reference", ["[[Note|words]]", "[words](deep/Note.md)"])
def test_an_article_is_read_again_when_one_that_it_links_to_comes_changes_or_goes(
    workplace: Workplace, ingest: Ingest, services: Services, reference: str
) -> None:
    workplace.write_text("post.md", f"---\ntitle: Post\n---\n{reference}\n")
    ingest.scan()
    assert "<a" not in bodies(services)
    (problem,) = services.store.articles.problems(noted=True)
    assert "is no article of the tree" in problem.cause
    assert problem.line == 4

    workplace.write_text("deep/Note.md", "---\ntitle: Note\n---\nText\n")
    ingest.take(["deep/Note.md"])
    first = bodies(services)
    assert f"/articles/{article_key('deep/Note')}/" in first
    assert services.store.articles.problems(noted=True) == []

    workplace.write_text("deep/Note.md", "---\ntitle: Note\nlink: https://a.example/n\n---\nText\n")
    ingest.scan()
    assert 'href="https://a.example/n"' in bodies(services)
    assert told(ingest.scan()) == (0, 0, 0, 0)

    (workplace.folder / "articles/deep/Note.md").unlink()
    ingest.scan()
    assert "words</a>" not in bodies(services)
    workplace.write_text("deep/Note.md", "---\ntitle: Note\n---\nText\n")
    ingest.scan()
    assert "words</a>" in bodies(services)


def test_what_is_read_ahead_of_the_workers_is_bounded(
    workplace: Workplace, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "_AHEAD_BYTES", 100_000)
    read, made, most = 0, 0, 0
    real = Tree.read

    def counted(tree: Tree, path: str, *args: Any) -> FileContent | Unread:
        nonlocal read, most
        read += 1
        most = max(most, read - made)
        return real(tree, path, *args)

    def submit(_: Workers, sources: Sequence[SourceFile]) -> Future[list[Result]]:
        future: Future[list[Result]] = Future()
        future.set_result([SourceError(source.path, None, "no article") for source in sources])
        return future

    def results_of(_: Workers, future: Future[list[Result]]) -> list[Result]:
        nonlocal made
        made += len(future.result())
        return future.result()

    monkeypatch.setattr(Tree, "read", counted)
    monkeypatch.setattr(Workers, "submit", submit)
    monkeypatch.setattr(Workers, "results_of", results_of)
    for number in range(64):
        workplace.write_text(f"{number}.md", "x" * 10_000)
    ingest.scan()
    assert (read, made) == (64, 64)
    assert most <= 10 + 2 * BATCH


def test_a_source_kept_from_the_public_is_known_before_its_files_are(
    workplace: Workplace, services: Services
) -> None:
    workplace.write("sources/port/a.html", "of the port")
    workplace.write("sources/harbour/a.html", "of the harbour")
    now = make_ingest_options(services.settings)
    with services.workers() as workers:
        ingest = services.ingest(workers, lambda: now)
        held = replace(now.policy, mail_only=("sources/harbour/",))
        now = replace(now, policy=held)
        ingest.take(["sources"])
        assert titles(services) == ["of the port"]
        assert (ingest.renew(), ingest.renew()) == (True, False)
        now = replace(now, policy=replace(held, mail_only=(), republished=("sources/harbour/",)))
        ingest.scan()
    assert sorted(titles(services)) == ["of the harbour", "of the port"]


def test_another_root_is_taken_up_by_the_next_scan(
    workplace: Workplace, services: Services
) -> None:
    workplace.write("a.md", "own")
    (workplace.articles / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    now = make_ingest_options(services.settings)
    with services.workers() as workers:
        ingest = services.ingest(workers, lambda: now)
        ingest.scan()
        folder = workplace.folder / "data" / "sources" / "harbour"
        folder.mkdir(parents=True)
        (folder / "b.html").write_text('<title>b</title><img src="/p.png">', encoding="utf-8")
        now = make_ingest_options(workplace.settings())
        taken = ingest.scan()
        assert told(taken) == (1, 0, 0, 0), "of the others nothing is read again"
    assert sorted(titles(services)) == ["b", "own"]
    assert list((workplace.folder / "data" / "assets").rglob("*.png")) == []
