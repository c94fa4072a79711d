"""What older versions have left in the output folder is removed, and nothing else."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from digest.errors import OutputError
from digest.feeds.publish.older_layout import remove_older_layout
from digest.feeds.publish.output_folder import OutputFolder
from tests.feeds.publish.conftest import everything

OLDER = {
    "index.html",
    "feeds/index.html",
    "feeds/生活/茶/index.html",
    "feeds/生活/茶/archive.d/1/atom.xml",
    "feeds/archive.d/12/feed.json",
    "articles/abcdefghijkl2345/index.html",
    "digests/daily/index.html",
    "digests/daily/atom.xml",
    "digests/daily/7/index.html",
    "assets/style.css",
    "assets/feed.css",
}
KEPT = {
    "robots.txt",
    "about/index.html",
    "feeds/rss.xml",
    "feeds/rss.xml.gz",
    "feeds/.rss.xml.history",
    "feeds/notes.txt",
    "feeds/notes.txt.zst",
    "feeds/生活/茶/atom.xml",
    "feeds/生活/茶/picture.png",
    "articles/abcdefghijkl2345/picture.png",
    "articles/of-mine/index.html",
    "digests/readme.txt",
    "assets/logo.svg",
    ".git/HEAD",
}


def lay(root: Path) -> set[str]:
    """Lay what an older version wrote into a folder, and what others did; return the former."""
    older = OLDER | {f"{path}{suffix}" for path in OLDER for suffix in (".gz", ".br", ".zst")}
    older |= {"feeds/rss.xml.zst", "feeds/opml.xml.zst", "feeds/生活/茶/feed.json.zst"}
    for path in older | KEPT:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")
    (root / ".git/refs/tags").mkdir(parents=True)
    (root / "of-mine").mkdir()
    return older


def test_an_older_layout_is_removed_and_nothing_else(tmp_path: Path) -> None:
    older = lay(tmp_path)
    folder = OutputFolder(tmp_path)
    assert remove_older_layout(tmp_path) == len(older)
    folder.make_token()
    assert everything(tmp_path) == KEPT | {".digest-output"}
    assert (tmp_path / ".git/refs/tags").is_dir(), "it was empty before"
    assert (tmp_path / "of-mine").is_dir()
    for emptied in ("digests/daily", "feeds/archive.d", "feeds/生活/茶/archive.d"):
        assert not (tmp_path / emptied).exists()
    assert remove_older_layout(tmp_path) == 0


def test_nothing_is_removed_from_the_folder_of_another_program(tmp_path: Path) -> None:
    for path in OLDER - {"assets/feed.css"}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    assert remove_older_layout(tmp_path) == 0
    assert everything(tmp_path) == OLDER - {"assets/feed.css"}
    assert remove_older_layout(tmp_path / "none") == 0


@pytest.mark.parametrize("after", [0, 1, 7, 20, 35, 46])
def test_a_removal_that_was_killed_is_brought_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    older = lay(tmp_path)
    unlink, count = Path.unlink, iter(range(after))

    def killed(self: Path, missing_ok: bool = False) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt
        unlink(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_older_layout(tmp_path)
    folder = OutputFolder(tmp_path)
    assert folder.token() is None
    assert remove_older_layout(tmp_path) == len(older) - after
    folder.make_token()
    assert everything(tmp_path) == KEPT | {".digest-output"}


def test_a_page_that_cannot_be_removed_is_told_and_removed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path)
    unlink = Path.unlink

    def refused(self: Path, missing_ok: bool = False) -> None:
        if self.name == "index.html":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        unlink(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        with pytest.raises(OutputError, match="Permission denied"):
            remove_older_layout(tmp_path)
    remove_older_layout(tmp_path)
    assert everything(tmp_path) == KEPT | {".digest-output"}


def test_a_page_that_somebody_else_removes_meanwhile_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = lay(tmp_path)
    walk = os.walk

    def overtaken(*args: Any, **more: Any) -> Any:
        for folder, folders, files in walk(*args, **more):
            if Path(folder) == tmp_path / "digests/daily":
                (tmp_path / "digests/daily/atom.xml").unlink()
            yield folder, folders, files

    monkeypatch.setattr(os, "walk", overtaken)
    assert remove_older_layout(tmp_path) == len(older) - 1
