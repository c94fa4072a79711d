"""Opening below a folder: no link leads out, whenever it was made."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from digest.open_beneath import ABSENT, LastFolder, open_beneath

SECRET = b"a secret"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.md").write_bytes(SECRET)
    folder = tmp_path / "root"
    (folder / "in" / "deeper").mkdir(parents=True)
    (folder / "in" / "a.md").write_bytes(b"harmless")
    return folder


def descriptors() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def read(root: Path, path: str, *, links: bool = True) -> bytes:
    descriptor = open_beneath(root, path, links=links)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def make_deep(root: Path, name: str, count: int) -> None:
    """Make so many folders of a name, each in the one before."""
    below = os.open(root, os.O_RDONLY)
    for _ in range(count):
        os.mkdir(name, dir_fd=below)
        below, above = os.open(name, os.O_RDONLY, dir_fd=below), below
        os.close(above)
    os.close(below)


def attempt(root: Path, path: str) -> bytes | None:
    """Return what a path holds; None where there is nothing to be opened."""
    try:
        return read(root, path)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def code(root: Path, path: str, *, links: bool = True) -> str:
    """Return the name of the error that opening a path ends with."""
    with pytest.raises(OSError, match=r".") as error:
        os.close(open_beneath(root, path, links=links))
    assert error.value.errno is not None
    return errno.errorcode[error.value.errno]


def test_what_is_there_is_opened_and_nothing_is_left_open(root: Path) -> None:
    before = descriptors()
    assert read(root, "in/a.md") == b"harmless"
    for folder in ("", "in", "in/deeper"):
        descriptor = open_beneath(root, folder)
        assert os.path.samestat(os.fstat(descriptor), (root / folder).stat())
        os.close(descriptor)
    assert code(root, "in/gone.md") == code(root, "gone/a.md") == "ENOENT"
    assert code(root, "in/a.md/b.md") == "ENOTDIR"
    assert descriptors() == before


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("../outside/a.md", "EXDEV"),
        ("in/../../outside/a.md", "EXDEV"),
        ("in/a.md\0.png", "EXDEV"),
        ("/etc/passwd", "ENOENT"),
        ("in//a.md", "ENOENT"),
        ("/".join(["a"] * 129), "ENAMETOOLONG"),
        ("/".join(["长" * 80] * 20), "ENAMETOOLONG"),
    ],
)
def test_a_path_that_is_none_below_the_root_opens_nothing(
    root: Path, path: str, expected: str
) -> None:
    assert code(root, path) == expected


def test_links_are_followed_within_the_root_alone_and_only_where_they_may_be(root: Path) -> None:
    (root / "file.md").symlink_to("in/a.md")
    (root / "folder").symlink_to(root / "in")
    (root / "again.md").symlink_to("folder/a.md")
    for path in ("file.md", "folder/a.md", "again.md"):
        assert read(root, path) == b"harmless"
        assert code(root, path, links=False) in ("ELOOP", "ENOTDIR")
    (root / "out.md").symlink_to("../outside/a.md")
    (root / "outside").symlink_to(root.parent / "outside")
    (root / "itself.md").symlink_to("itself.md")
    (root / "nowhere.md").symlink_to("gone.md")
    assert code(root, "out.md") == code(root, "outside/a.md") == "EXDEV"
    assert code(root, "itself.md") == "ELOOP"
    assert code(root, "nowhere.md") == "ENOENT"


@pytest.mark.parametrize(
    "target", [".git/config", "in/.draft.md", "in/../.git/config", "folder/config"]
)
def test_no_link_leads_to_a_hidden_name(root: Path, target: str) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(SECRET)
    (root / "in" / ".draft.md").write_bytes(SECRET)
    (root / "folder").symlink_to(".git")
    (root / "shown.md").symlink_to(target)
    with pytest.raises(OSError, match="cross-device") as raised:
        read(root, "shown.md")
    assert raised.value.errno in ABSENT


def test_files_that_kubernetes_mounts_are_read(root: Path) -> None:
    (root / "..2026_11_28").mkdir()
    (root / "..2026_11_28" / "a.md").write_bytes(b"mounted")
    (root / "..data").symlink_to("..2026_11_28")
    (root / "a.md").symlink_to("..data/a.md")
    assert read(root, "a.md") == b"mounted"


def test_a_root_that_is_a_link_itself_is_the_folder_it_leads_to(root: Path) -> None:
    (root.parent / "link").symlink_to(root)
    (root / "file.md").symlink_to("in/a.md")
    assert read(root.parent / "link", "file.md") == b"harmless"


def test_a_pipe_holds_nobody(root: Path) -> None:
    os.mkfifo(root / "pipe")
    os.close(open_beneath(root, "pipe"))


def file_for_link(root: Path) -> None:
    (root / "new").symlink_to(root.parent / "outside" / "a.md")
    (root / "new").replace(root / "in" / "a.md")


def folder_for_link(root: Path) -> None:
    (root / "in").rename(root.parent / "away")
    (root / "in").symlink_to(root.parent / "outside")


@pytest.mark.parametrize("swap", [file_for_link, folder_for_link])
@pytest.mark.parametrize("call", range(4))
def test_a_link_that_takes_a_place_before_any_call_opens_nothing_outside(
    root: Path, monkeypatch: pytest.MonkeyPatch, swap: Callable[[Path], None], call: int
) -> None:
    real, calls = os.open, iter(range(100))

    def swapped(*args: object, **options: object) -> int:
        if next(calls) == call:
            swap(root)
        return real(*args, **options)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(os, "open", swapped)
    assert attempt(root, "in/a.md") in (b"harmless", None)


#: Puts a file and a link to the secret in one place, and a folder and a link in another, by turns.
_SWAP = """
import os, sys
root = sys.argv[1]
def turn(name, target):
    os.rename(os.path.join(root, name), os.path.join(root, "spare"))
    os.rename(os.path.join(root, target), os.path.join(root, name))
    os.rename(os.path.join(root, "spare"), os.path.join(root, target))
print(flush=True)
while True:
    turn("in/a.md", "file link")
    turn("in", "folder link")
    turn("in", "folder link")
"""


@pytest.fixture
def swapping(root: Path) -> Iterator[None]:
    (root / "file link").symlink_to(root.parent / "outside" / "a.md")
    (root / "folder link").symlink_to(root.parent / "outside")
    command = [sys.executable, "-c", _SWAP, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.kill()


@pytest.mark.usefixtures("swapping")
def test_an_author_who_swaps_files_and_links_never_shows_what_is_outside(root: Path) -> None:
    seen = {attempt(root, "in/a.md") for _ in range(20_000)}
    assert seen <= {b"harmless", None}


def test_files_that_are_opened_in_turn_are_those_that_are_opened_alone(root: Path) -> None:
    (root / "in" / "b.md").write_bytes(b"beside")
    (root / "in" / "deeper" / "c.md").write_bytes(b"below")
    (root / "a.md").write_bytes(b"above")
    (root / "link.md").symlink_to("in/b.md")
    (root / "out.md").symlink_to("../outside/a.md")
    (root / "to").symlink_to("in")
    (root / "away").symlink_to("../outside")
    paths = [
        *("in/a.md", "in/b.md", "in/gone.md", "in/b.md", "in/deeper/c.md", "in/deeper", "in"),
        *(
            "",
            "a.md",
            "link.md",
            "out.md",
            "to/a.md",
            "to/b.md",
            "away/a.md",
            "in/../a.md",
            "a.md/",
        ),
        *("..", "../outside/a.md", "in/a\0.md", "no/a.md", "no/a.md", "in//a.md", "x" * 300),
    ]
    before = descriptors()

    def result(open_file: Callable[[Path, str], int], path: str) -> object:
        try:
            descriptor = open_file(root, path)
        except OSError as error:
            return error.errno
        try:
            return os.read(descriptor, 100)
        except IsADirectoryError:
            return "a folder"
        finally:
            os.close(descriptor)

    alone = [result(open_beneath, path) for path in paths]
    with LastFolder() as folder:
        assert [result(folder.open, path) for path in paths] == alone
        assert [result(folder.open, path) for path in reversed(paths)] == alone[::-1]
    assert descriptors() == before


def test_folders_of_one_name_in_two_roots_are_two(root: Path) -> None:
    other = root.parent / "other"
    (other / "in").mkdir(parents=True)
    (other / "in" / "a.md").write_bytes(b"of the other")
    (root / "a.md").write_bytes(b"above")
    (other / "a.md").write_bytes(b"above, of the other")
    with LastFolder() as folder:
        for path, expected in (
            ("in/a.md", (b"harmless", b"of the other")),
            ("a.md", (b"above", b"above, of the other")),
        ):
            for place, content in zip((root, other), expected, strict=True):
                descriptor = folder.open(place, path)
                assert os.read(descriptor, 100) == content
                os.close(descriptor)


def test_a_folder_that_is_kept_is_no_deeper_than_another(root: Path) -> None:
    make_deep(root, "d", 130)
    make_deep(root, "x" * 240, 18)
    for names in (127, 128, 129):
        (root / "/".join(["d"] * (names - 1)) / "a.md").write_bytes(b"deep")
    with LastFolder() as folder:
        for names, errors in ((127, False), (128, False), (129, True)):
            path = "/".join([*["d"] * (names - 1), "a.md"])
            for open_file in (open_beneath, folder.open):
                if errors:
                    with pytest.raises(OSError, match="too long"):
                        open_file(root, path)
                else:
                    os.close(open_file(root, path))
        with pytest.raises(OSError, match="too long"):
            folder.open(root, "/".join(["x" * 240] * 18))


@pytest.mark.usefixtures("swapping")
def test_nor_does_who_swaps_them_while_the_folder_is_kept(root: Path) -> None:
    seen = set()
    with LastFolder() as folder:
        for _ in range(20_000):
            try:
                descriptor = folder.open(root, "in/a.md")
            except OSError as error:
                if error.errno in ABSENT:
                    continue
                raise
            seen.add(os.read(descriptor, 100))
            os.close(descriptor)
    assert seen == {b"harmless"}


def test_a_folder_that_was_replaced_shows_its_files_to_who_comes_next(root: Path) -> None:
    with LastFolder() as folder:
        os.close(folder.open(root, "in/a.md"))
        (root / "in").rename(root / "old")
        (root / "in").mkdir()
        (root / "in" / "new.md").write_bytes(b"new")
        descriptor = folder.open(root, "in/new.md")
        assert os.read(descriptor, 100) == b"new"
        os.close(descriptor)
