"""The tree: walking real folders, reading real files, never a half-written one."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from digest.articles.ingest.path_patterns import PathFilter
from digest.articles.ingest.tree import (
    TRANSIENT,
    FileContent,
    TooLargeError,
    Tree,
    Unread,
    open_for_writing,
    printable,
    tree_path,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    return folder


@pytest.fixture
def tree(root: Path) -> Tree:
    return Tree(
        roots={".": root},
        files=PathFilter(("**/*.md",), ("**/.*",)),
        max_bytes=1_000,
        settle=timedelta(seconds=3),
    )


def write(path: Path, text: str = "text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_walk_finds_articles_at_every_level_and_nothing_else(root: Path, tree: Tree) -> None:
    write(root / "a.md", "four")
    write(root / "金融" / "新浪财经" / "题.md")
    write(root / "a.png")
    write(root / ".git" / "b.md")
    write(root / "c" / ".hidden.md")
    os.mkfifo(root / "pipe.md")

    found = dict(tree.walk())

    assert sorted(found) == ["a.md", "金融/新浪财经/题.md"]
    assert found["a.md"].size == 4


def test_walk_below_a_folder_tells_paths_from_the_root(root: Path, tree: Tree) -> None:
    write(root / "a" / "b" / "c.md")
    write(root / "d.md")

    assert [path for path, _ in tree.walk("a")] == ["a/b/c.md"]
    assert list(tree.walk("gone")) == []


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    folder = tmp_path / "blog"
    folder.mkdir()
    return folder


@pytest.fixture
def two(tree: Tree, blog: Path) -> Tree:
    return replace(tree, roots={**tree.roots, "blog": blog})


def test_each_named_root_is_a_folder_at_the_top_and_hides_one_of_its_name(
    root: Path, blog: Path, two: Tree
) -> None:
    write(root / "a.md")
    write(root / "deeper" / "blog" / "b.md")
    write(root / "blog" / "hidden.md")
    write(blog / "c" / "d.md", "four")

    assert sorted(path for path, _ in two.walk()) == ["a.md", "blog/c/d.md", "deeper/blog/b.md"]
    assert [path for path, _ in two.walk("blog/c")] == ["blog/c/d.md"]
    assert isinstance(two.read("blog/c/d.md"), FileContent)
    assert two.read("blog/hidden.md") is Unread.GONE
    assert two.root_of("blog/c/d.md") == two.root_of("blog") == "blog"
    assert two.root_of("blogs/c.md") == "."


def test_a_tree_without_a_top_holds_its_named_roots_only(tree: Tree, blog: Path) -> None:
    named = replace(tree, roots={"blog": blog})
    write(blog / "a.md")

    assert [path for path, _ in named.walk()] == ["blog/a.md"]
    assert named.read("a.md") is Unread.GONE
    assert list(named.walk("elsewhere")) == []


def test_a_link_from_one_root_into_another_is_refused(root: Path, blog: Path, two: Tree) -> None:
    target = write(root / "a.md")
    (blog / "link.md").symlink_to(target)

    assert [path for path, _ in two.walk()] == ["a.md"]
    assert two.read("blog/link.md") is Unread.GONE


def test_an_excluded_root_is_not_entered(tree: Tree, root: Path, blog: Path) -> None:
    write(root / "a.md")
    write(blog / "b.md")
    files = PathFilter(("**/*.md",), ("blog",))
    two = replace(tree, roots={**tree.roots, "blog": blog}, files=files)

    assert [path for path, _ in two.walk()] == ["a.md"]
    assert not two.takes("blog/b.md")


@pytest.mark.parametrize("away", ["root", "blog"])
def test_one_root_of_several_that_is_away_is_told_as_closed(
    root: Path, blog: Path, two: Tree, away: str
) -> None:
    write(root / "a.md")
    write(blog / "b.md")
    gone, left = (root, "blog/b.md") if away == "root" else (blog, "a.md")
    gone.rename(gone.with_name("unmounted"))
    closed: dict[str, OSError] = {}

    assert [path for path, _ in two.walk(closed=closed)] == [left]
    assert closed.keys() == {"." if away == "root" else "blog"}
    assert two.marks().keys() == ({"blog"} if away == "root" else {"."})
    with pytest.raises(FileNotFoundError):
        list(two.walk())


def test_all_roots_away_raise_so_that_nothing_counts_as_deleted(
    root: Path, blog: Path, two: Tree
) -> None:
    root.rmdir()
    blog.rmdir()

    with pytest.raises(FileNotFoundError):
        list(two.walk(closed={}))


def test_marks_tell_a_folder_from_another_one_and_an_empty_one(root: Path, tree: Tree) -> None:
    before = tree.marks()["."]
    assert before.empty
    write(root / ".hidden")
    after = tree.marks()["."]
    assert not after.empty
    assert after.same_folder(before)
    root.rename(root.with_name("away"))
    root.mkdir()
    assert not tree.marks()["."].same_folder(before)


def test_a_file_on_disk_has_a_path_in_the_tree_by_its_root(root: Path, blog: Path) -> None:
    roots = {".": root, "blog": blog}
    assert tree_path(roots, root / "a" / "b.md") == "a/b.md"
    assert tree_path(roots, blog / "a.md") == "blog/a.md"
    assert tree_path(roots, root.parent / "a.md") is None


def test_walk_of_a_missing_root_raises_so_that_nothing_counts_as_deleted(
    root: Path, tree: Tree
) -> None:
    root.rmdir()

    with pytest.raises(FileNotFoundError):
        list(tree.walk())


def test_links_are_followed_to_files_inside_the_root_only(
    root: Path, tree: Tree, tmp_path: Path
) -> None:
    outside = write(tmp_path / "secret.md")
    write(root / "real.md")
    (root / "inside.md").symlink_to(root / "real.md")
    (root / "outside.md").symlink_to(outside)
    (root / "nowhere.md").symlink_to(root / "gone")
    (root / "loop").symlink_to(root)
    (root / "itself.md").symlink_to("itself.md")
    (root / "folder.md").symlink_to(root)

    assert sorted(path for path, _ in tree.walk()) == ["inside.md", "real.md"]
    assert tree.read("outside.md") is Unread.GONE
    assert tree.read("itself.md") is Unread.GONE
    assert isinstance(tree.read("inside.md"), FileContent)


def test_read_gives_content_state_and_checksum(root: Path, tree: Tree) -> None:
    write(root / "a.md", "text")
    write(root / "same.md", "text")
    write(root / "other.md", "Text")

    first, same, other = (tree.read(name) for name in ("a.md", "same.md", "other.md"))

    assert isinstance(first, FileContent)
    assert isinstance(same, FileContent)
    assert isinstance(other, FileContent)
    assert first.content == b"text"
    assert first.stamp.size == 4
    assert first.checksum == same.checksum != other.checksum


def test_a_file_that_is_gone_or_became_a_folder_is_told(root: Path, tree: Tree) -> None:
    (root / "folder.md").mkdir()

    assert tree.read("gone.md") is Unread.GONE
    assert tree.read("folder.md") is Unread.FOLDER


def test_a_pipe_does_not_hold_the_reader(root: Path, tree: Tree) -> None:
    os.mkfifo(root / "pipe.md")

    with pytest.raises(OSError, match="no regular file"):
        tree.read("pipe.md")


def test_a_file_over_the_limit_is_not_read(root: Path, tree: Tree) -> None:
    write(root / "at.md", "x" * 1_000)
    write(root / "over.md", "x" * 1_001)

    assert isinstance(tree.read("at.md"), FileContent)
    with pytest.raises(TooLargeError, match="1,001 bytes; at most 1,000"):
        tree.read("over.md")


def test_a_file_open_for_writing_is_left_until_it_is_closed(root: Path, tree: Tree) -> None:
    path = root / "a.md"
    with path.open("w", encoding="utf-8") as writer:
        writer.write("the first half")
        writer.flush()
        assert tree.read("a.md") is Unread.WRITING
    assert isinstance(tree.read("a.md"), FileContent)


@pytest.fixture
def no_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the system refuse leases, as network file systems do."""
    real = fcntl.fcntl

    def refuse(fd: int, command: int, argument: int = 0) -> int:
        if command == fcntl.F_SETLEASE:
            raise PermissionError(13, "no leases here")
        return real(fd, command, argument)

    monkeypatch.setattr(fcntl, "fcntl", refuse)


@pytest.mark.usefixtures("no_leases")
def test_where_nobody_can_tell_a_file_must_be_quiet_for_a_while(root: Path, tree: Tree) -> None:
    path = write(root / "a.md")

    with path.open() as file:
        assert open_for_writing(file.fileno()) is None
    assert tree.read("a.md") is Unread.WRITING
    for moment in (0, 4_102_444_800):  # 1970 and 2100
        os.utime(path, (moment, moment))
        assert isinstance(tree.read("a.md"), FileContent)


def test_a_writer_that_comes_while_a_lease_is_held_kills_nobody(root: Path) -> None:
    path = write(root / "a.md")
    with path.open() as file:
        assert open_for_writing(file.fileno()) is False
    with path.open("a", encoding="utf-8") as writer:
        writer.write("more")


def test_a_file_that_changes_while_it_is_read_is_left_for_later(
    root: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(root / "a.md")
    real = os.read

    def read_and_touch(fd: int, size: int) -> bytes:
        os.utime(path, (1, 1))
        return real(fd, size)

    monkeypatch.setattr(os, "read", read_and_touch)

    assert tree.read("a.md") is Unread.WRITING


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of somebody who is not root, and whose permissions hold in this test.

    Not below pytest's own folder, which is closed to others.
    """
    with tempfile.TemporaryDirectory(prefix="digest-nobody-") as name:
        if os.geteuid() != 0:
            yield Path(name)
            return
        os.chown(name, 65_534, 65_534)
        os.seteuid(65_534)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o444, 0o111], ids=oct)
def test_a_folder_without_permissions_is_closed_and_none_of_its_files_gone(
    tree: Tree, nobody: Path, mode: int
) -> None:
    write(nobody / "open" / "a.md")
    closed_folder = write(nobody / "closed" / "b.md").parent
    own = replace(tree, roots={".": nobody})
    closed_folder.chmod(mode)
    closed: dict[str, OSError] = {}
    try:
        assert [path for path, _ in own.walk(closed=closed)] == ["open/a.md"]
    finally:
        closed_folder.chmod(0o700)
    assert closed.keys() == {"closed"}
    assert isinstance(closed["closed"], PermissionError)


def test_a_file_without_permissions_raises_when_it_is_read(tree: Tree, nobody: Path) -> None:
    write(nobody / "a.md").chmod(0)
    own = replace(tree, roots={".": nobody})

    assert [path for path, _ in own.walk()] == ["a.md"]
    with pytest.raises(PermissionError):
        own.read("a.md")


def test_a_file_that_is_swapped_for_a_link_while_it_is_read_gives_nothing_from_outside(
    root: Path, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An author who wins every race: the link is there whenever something is opened."""
    secret = write(tmp_path / "secret.md", "a secret")
    write(root / "a" / "b.md")
    real = os.open

    def swap_first(path: str | Path, *args: int, **options: int) -> int:
        link = root / "link"
        link.symlink_to(secret)
        link.replace(root / "a" / "b.md")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", swap_first)
    assert tree.read("a/b.md") is Unread.GONE


def test_a_folder_that_is_swapped_for_a_link_is_not_walked(
    root: Path, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "outside" / "secret.md")
    write(root / "a.md")
    write(root / "folder" / "b.md")
    real = Tree._files_in

    def swap_first(self: Tree, folder: str, folders: list[str]) -> object:
        if folder == "folder":
            (root / "folder").rename(tmp_path / "away")
            (root / "folder").symlink_to(tmp_path / "outside")
        return real(self, folder, folders)

    monkeypatch.setattr(Tree, "_files_in", swap_first)
    assert [path for path, _ in tree.walk()] == ["a.md"]


def test_a_link_to_a_file_that_may_not_be_read_is_told_when_it_is_read(
    tree: Tree, nobody: Path
) -> None:
    write(nobody / "a.txt").chmod(0)
    (nobody / "a.md").symlink_to("a.txt")
    own = replace(tree, roots={".": nobody})

    assert [path for path, _ in own.walk()] == ["a.md"]
    with pytest.raises(PermissionError):
        own.read("a.md")


def test_a_file_that_grows_without_end_is_not_read_without_end(
    root: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(root / "a.md")
    real = os.read
    total = 0

    def read_and_append(fd: int, size: int) -> bytes:
        nonlocal total
        with path.open("a", encoding="utf-8") as file:
            file.write("more")
        content = real(fd, size)
        total += len(content)
        return content

    monkeypatch.setattr(os, "read", read_and_append)
    assert tree.read("a.md") is Unread.WRITING
    assert total == 5


@pytest.mark.parametrize("error", sorted(TRANSIENT))
def test_a_root_that_cannot_be_looked_at_for_want_of_descriptors_is_not_away(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def refuse(_: object) -> object:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "scandir", refuse)
    if error in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        with pytest.raises(OSError, match=os.strerror(error)):
            tree.marks()
    else:
        assert tree.marks() == {}


def test_kind_tells_files_folders_and_links_to_files(root: Path, tree: Tree) -> None:
    write(root / "folder" / "a.md")
    (root / "link.md").symlink_to("folder/a.md")
    (root / "linked folder").symlink_to("folder")
    os.mkfifo(root / "pipe.md")

    assert tree.kind("") == tree.kind("folder") == "folder"
    assert tree.kind("folder/a.md") == tree.kind("link.md") == "file"
    for path in ("gone", "folder/a.md/b", "linked folder", "pipe.md"):
        assert tree.kind(path) is None


def test_takes_tells_what_a_scan_would_find(tree: Tree) -> None:
    assert tree.takes("a/b.md")
    assert not tree.takes("a/b.png")
    assert not tree.takes(".git/b.md")
    assert not tree.takes("a/.git/c/b.md")


def test_names_that_are_no_utf8_become_printable() -> None:
    assert printable("题\udcff.md") == "题\\xff.md"
