"""Files beside an article are published by content; nothing outside the trees ever is."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from unittest.mock import Mock

import pytest

from digest.articles.draft_options import AssetOptions
from digest.articles.ingest.assets import ArticleAssets, AssetFolder, changed
from digest.articles.ingest.worker_process import Job, results_of
from digest.articles.model import Draft, SourceFile
from digest.assets import NO_ROOM
from tests.defaults import default_options

PNG = b"\x89PNG\r\n\x1a\n" + b"beach" * 20
OTHER = b"\x89PNG\r\n\x1a\n" + b"hills" * 20
URL = "https://news.example/assets/"
NOW = datetime(2026, 11, 28, tzinfo=UTC)


class Status:
    """The status of a file, as it was when it was smaller."""

    def __init__(self, status: os.stat_result, size: int) -> None:
        self._status, self.st_size = status, size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._status, name)


class Trees:
    """A root, a second one, a folder for site-root paths, and what lies outside."""

    def __init__(self, folder: Path) -> None:
        self.root, self.second = folder / "posts", folder / "notes"
        self.static, self.target = folder / "static", folder / "assets"
        self.outside = folder / "outside"
        for path in (self.root, self.second, self.static, self.outside):
            path.mkdir()

    def write(self, path: Path, content: bytes = PNG) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def options(self, hidden: str = "", **options: int) -> AssetOptions:
        return AssetOptions(
            url=URL,
            roots=((".", str(self.root)), ("notes", str(self.second))),
            folders=(str(self.static),),
            hidden=(hidden or str(self.static / "data"),),
            target=str(self.target),
            linked=("pdf", "zip"),
            max_bytes=options.get("max_bytes", 10_000),
            max_folder_bytes=options.get("max_folder_bytes", 1_000_000),
            foreign=("sources",),
        )

    def of(self, article: str, hidden: str = "", **options: int) -> ArticleAssets:
        folder = AssetFolder(self.options(hidden, **options))
        return folder.of(PurePosixPath(article), NOW)

    def published(self) -> list[str]:
        return sorted(path.name for path in self.target.glob("[!.]*"))


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path)


@pytest.mark.parametrize(
    ("file", "article", "reference"),
    [
        ("posts/a/beach.png", "a/index.md", "beach.png"),
        ("posts/a/beach.png", "a/index.md", "./beach.png"),
        ("posts/a/beach.png", "a/index.md", "beach.png?raw=true#top"),
        ("posts/a/the beach.png", "a/index.md", "the%20beach.png"),
        ("posts/a/海滩.png", "a/index.md", "海滩.png"),
        ("posts/img/beach.png", "a/b/post.md", "../../img/beach.png"),
        ("posts/img/beach.png", "a/post.md", r"..\img\beach.png"),
        ("posts/a/post/beach.png", "a/post.md", "beach.png"),  # Hexo's asset folder
        ("posts/a/beach.png", "a/post.md", "../beach.png"),  # as its page is a folder
        ("posts/img/beach.png", "a/post.md", "/img/beach.png"),
        ("static/img/beach.png", "a/post.md", "/img/beach.png"),
        ("static/img/beach.png", "a/post.md", "img/beach.png"),
        ("static/img/beach.png", "a/post.md", "../../img/beach.png"),
        ("static/img/beach.png", "a/post.md", "./../img/beach.png"),
        ("static/beach.png", "a/post.md", "attachments/beach.png"),
        ("static/img/beach.png", "a/post.md", "{static}/img/beach.png"),
        ("notes/x/beach.png", "notes/x/post.md", "beach.png"),
    ],
)
def test_a_picture_is_found_where_generators_look(
    trees: Trees, tmp_path: Path, file: str, article: str, reference: str
) -> None:
    trees.write(tmp_path / file)
    assets = trees.of(article)
    address = assets.address(reference, picture=True)
    (name,) = trees.published()
    assert address == URL + name
    assert (trees.target / name).read_bytes() == PNG
    assert assets.problems == {}
    assert not changed(assets.states)


@pytest.mark.parametrize(
    "reference",
    ["https://x.example/a.png", "//x.example/a.png", "data:image/png;base64,x", "mailto:a@b", "#a",
     "?a", "", " ", "a\0.png"],
)  # fmt: skip
def test_other_addresses_are_left_alone(trees: Trees, reference: str) -> None:
    assets = trees.of("a/post.md")
    assert assets.address(reference, picture=True) is None
    assert (assets.problems, assets.states) == ({}, ())


@pytest.mark.parametrize(
    "reference",
    ["../../outside/secret.png", "/../outside/secret.png", "%2e%2e/%2e%2e/outside/secret.png",
     "/data/secret.png", "data/secret.png", "link.png", "folder/secret.png", ".git/secret.png",
     "/etc/hostname"],
)  # fmt: skip
def test_nothing_outside_the_trees_is_published(trees: Trees, reference: str) -> None:
    secret = trees.write(trees.outside / "secret.png")
    trees.write(trees.root / ".git/secret.png")
    trees.write(trees.static / "data/secret.png")
    (trees.root / "a").mkdir()
    (trees.root / "a/link.png").symlink_to(secret)
    (trees.root / "a/folder").symlink_to(trees.outside)
    assets = trees.of("a/post.md")
    assert assets.address(reference, picture=True) is None
    assert trees.published() == []


def test_a_link_within_the_trees_is_followed(trees: Trees) -> None:
    (trees.root / "link.png").symlink_to(trees.write(trees.root / "img/beach.png"))
    assert trees.of("post.md").address("link.png", picture=True)


def test_a_link_to_a_hidden_picture_publishes_nothing(trees: Trees) -> None:
    trees.write(trees.root / ".drafts" / "next.png")
    (trees.root / "a.png").symlink_to(".drafts/next.png")
    assert trees.of("post.md").address("a.png", picture=True) is None
    assert trees.published() == []


def test_the_same_content_is_published_once(trees: Trees) -> None:
    trees.write(trees.root / "a.png")
    trees.write(trees.root / "b.png")
    assets = trees.of("post.md")
    assert assets.address("a.png", picture=True) == assets.address("b.png", picture=True)
    assert len(trees.published()) == 1


@pytest.mark.parametrize(
    ("reference", "content", "problem"),
    [
        ("a.png", b"ssh-ed25519 AAAA", "is no picture"),
        ("a.png", PNG * 100, "at most 10,000"),
        ("missing.png", None, "is not there"),
        ("a.exe", b"MZ", "is no picture"),
        ("doc.pdf", b"%PDF-1.7", "is no picture that browsers show"),
    ],
)
def test_what_cannot_be_shown_is_told(
    trees: Trees, reference: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        trees.write(trees.root / reference, content)
    assets = trees.of("post.md")
    assert assets.address(reference, picture=True) is None
    assert problem in assets.problems[reference]


def test_a_link_publishes_only_types_that_the_operator_names(trees: Trees) -> None:
    trees.write(trees.root / "map.pdf", b"%PDF-1.7")
    trees.write(trees.root / "key.pem", b"-----BEGIN")
    trees.write(trees.root / "big.png")
    assets = trees.of("post.md")
    address = assets.address("map.pdf", picture=False)
    assert address is not None
    assert address.endswith(".pdf")
    assert assets.address("key.pem", picture=False) is None
    assert assets.address("big.png", picture=False)
    assert assets.address("post2.md", picture=False) is None
    assert "key.pem" in assets.problems
    assert "post2.md" not in assets.problems  # it may be a page


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(OTHER + b"x"),
        lambda path: path.unlink(),
        lambda path: os.utime(path, ns=(1, 1)),
    ],
)
def test_a_change_of_a_picture_is_seen(trees: Trees, change: Callable[[Path], None]) -> None:
    path = trees.write(trees.root / "a.png")
    assets = trees.of("post.md")
    assets.address("a.png", picture=True)
    assert not changed(assets.states)
    change(path)
    assert changed(assets.states)


def test_a_picture_that_comes_later_is_seen(trees: Trees) -> None:
    assets = trees.of("a/post.md")
    assets.address("a.png", picture=True)
    assert not changed(assets.states)
    trees.write(trees.root / "a/post/a.png")
    assert changed(assets.states)


def test_an_asset_that_was_deleted_is_copied_again(trees: Trees) -> None:
    trees.write(trees.root / "a.png")
    folder = trees.of("post.md")
    folder.address("a.png", picture=True)
    (name,) = trees.published()
    (trees.target / name).unlink()
    trees.of("post.md").address("a.png", picture=True)
    assert trees.published() == [name]


def test_the_references_of_an_article_are_bounded(trees: Trees) -> None:
    assets = trees.of("post.md")
    for number in range(1_000):
        assets.address(f"{number}.png", picture=True)
    assert len(assets.problems) <= 500
    assert len(assets.states) <= 500


def test_a_folder_that_cannot_be_written_is_told_and_leaves_nothing(trees: Trees) -> None:
    trees.write(trees.root / "a.png")
    trees.target.write_bytes(b"in the way")
    assets = trees.of("post.md")
    assert assets.address("a.png", picture=True) is None
    assert assets.problems["a.png"].startswith("cannot be copied into the folder of assets: ")
    assert changed(assets.states)


def test_the_bytes_of_an_article_are_bounded(trees: Trees) -> None:
    for number in range(12):
        trees.write(trees.root / f"{number}.png", PNG + bytes(900) + bytes([number]))
    assets = trees.of("post.md", max_bytes=1_100)
    given = [assets.address(f"{number}.png", picture=True) for number in range(12)]
    assert sum(address is not None for address in given) == 10
    assert "of one article" in assets.problems["11.png"]


def test_the_bytes_of_the_folder_are_bounded_for_all_processes(trees: Trees) -> None:
    for number in range(4):
        trees.write(trees.root / f"{number}.png", PNG + bytes([number]))
    assets = trees.of("post.md", max_folder_bytes=2 * 4_096)
    assert assets.address("0.png", picture=True)
    assert assets.address("0.png", picture=False)  # the same copy
    other = trees.of("other.md", max_folder_bytes=2 * 4_096)
    assert other.address("1.png", picture=True)
    for late in (assets, other):
        assert late.address("2.png", picture=True) is None
        assert late.problems["2.png"].startswith("has no room in the 8,192 bytes")
        assert [state.name for state in late.states][-1] == NO_ROOM
        assert not changed(late.states)
    (trees.target / ".bytes").write_bytes(b"\0")  # as after a loss of power
    assert trees.of("a.md", max_folder_bytes=2 * 4_096).address("2.png", picture=True) is None
    assert trees.of("a.md", max_folder_bytes=3 * 4_096).address("2.png", picture=True)


def test_a_copy_that_fails_takes_no_room(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.write(trees.root / "a.png")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assets = trees.of("post.md", max_folder_bytes=4_096)
        assert assets.address("a.png", picture=True) is None
    assert assets.problems["a.png"] == (
        "cannot be copied into the folder of assets: No space left on device; it is left out"
    )
    assert changed(assets.states)  # the next scan tries again
    assert trees.of("post.md", max_folder_bytes=4_096).address("a.png", picture=True)


def test_a_file_that_grows_without_an_end_is_not_copied(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.write(trees.root / "a.png", PNG + bytes(1_000_000))
    size, fstat = len(PNG), os.fstat
    monkeypatch.setattr(os, "fstat", lambda fd: Status(fstat(fd), size))
    name = (trees.of("a.md").address("a.png", picture=True) or "").removeprefix(URL)
    assert (trees.target / name).stat().st_size == size


def test_a_copy_that_is_referred_to_again_is_marked_as_used(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.write(trees.root / "a.png")
    trees.of("a.md").address("a.png", picture=True)
    (copy,) = (trees.target / name for name in trees.published())
    os.utime(copy, (1, 1))
    trees.of("b.md").address("a.png", picture=True)
    assert copy.stat().st_mtime > 1
    os.utime(copy, (1, 1))

    for error, there in ((errno.EPERM, 1), (errno.EROFS, 1), (errno.ENOENT, 0)):
        failing = OSError(error, os.strerror(error))
        monkeypatch.setattr(os, "utime", Mock(side_effect=failing))
        assert trees.of("b.md").address("a.png", picture=True)
        assert (copy.stat().st_mtime == 1) == there  # else it was copied again


def test_copies_that_were_never_finished_are_removed(trees: Trees) -> None:
    trees.target.mkdir()
    old, new, counter = (trees.target / name for name in (".a.png.1", ".b.png.2", ".bytes"))
    for part in (old, new, counter):
        part.write_bytes(PNG)
    os.utime(old, (1, 1))
    os.utime(counter, (1, 1))
    trees.of("post.md")
    assert [part.exists() for part in (old, new, counter)] == [False, True, True]


@pytest.mark.parametrize("link", ["static/d", "static/a.zip", "static/b.zip", "posts/c.zip"])
def test_no_link_publishes_what_is_hidden(trees: Trees, tmp_path: Path, link: str) -> None:
    secret = trees.write(trees.static / "data" / "digest.zip", b"PK")
    (tmp_path / "elsewhere").symlink_to(trees.static / "data")  # the folder as it is configured
    targets = {"d": "data", "a.zip": "data/digest.zip", "b.zip": f"{secret}", "c.zip": f"{secret}"}
    path = tmp_path / link
    path.symlink_to(targets[path.name])
    reference = f"/{path.name}" if path.suffix else "/d/digest.zip"
    for hidden in (trees.static / "data", tmp_path / "elsewhere", secret):
        assets = trees.of("post.md", hidden=str(hidden))
        assert assets.address(reference, picture=False) is None
    assert trees.published() == []


@pytest.mark.parametrize("reference", ["/data/digest.zip", "img", "../", "page.php", "out.zip"])
def test_what_is_there_and_may_not_be_published_is_not_looked_at_again_and_again(
    trees: Trees, reference: str
) -> None:
    for file in ("data/digest.zip", "img/a.png", "page.php"):
        trees.write(trees.static / file, b"PK")
    trees.write(trees.root / "a" / "page.php", b"<?php")
    (trees.root / "a" / "out.zip").symlink_to(trees.outside)
    assets = trees.of("a/post.md")
    assert assets.address(reference, picture=False) is None
    assert assets.states
    assert not changed(assets.states)


def test_what_an_upstream_feed_writes_publishes_no_file_of_the_site(trees: Trees) -> None:
    trees.write(trees.static / "a.png")
    options = default_options(assets=trees.options())
    job = Job(make="digest.articles.draft:draft_rewritten", options=options, seconds=0, memory=0)
    content = b"<p>Look: <img src=/a.png> <a href='/a.png'>here</a></p>"
    for path, shown in (("sources/harbour/a.html", 0), ("sources.html", 1)):
        source = SourceFile(path=PurePosixPath(path), content=content)
        (result,) = results_of([source], job)
        assert isinstance(result, Draft)
        assert len(trees.published()) == result.body.count("<img") == shown
