from __future__ import annotations

import os
from pathlib import Path

import pytest

from digest.web.memory import Memory, PublishedFile


def read(path: Path, content: bytes = b"x") -> PublishedFile:
    path.write_bytes(content)
    file = PublishedFile.read(path)
    assert file is not None
    return file


def test_a_file_is_kept_while_it_is_the_same_on_disk(tmp_path: Path) -> None:
    memory, path = Memory(), tmp_path / "a.html"
    file = read(path, b"one")
    memory.keep("a", file)
    assert memory.recall("a") is file
    assert memory.recall("b") is None
    other = tmp_path / "b.html"
    other.write_bytes(b"two")  # as long, and of the same time
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert memory.recall("a") is None


def test_a_file_that_is_removed_is_forgotten(tmp_path: Path) -> None:
    memory, path = Memory(), tmp_path / "a.html"
    memory.keep("a", read(path))
    path.unlink()
    assert memory.recall("a") is None


def test_a_folder_that_becomes_a_link_is_looked_at_again(tmp_path: Path) -> None:
    memory = Memory()
    (tmp_path / "public").mkdir()
    (tmp_path / "outside").mkdir()
    memory.keep("a", read(tmp_path / "public/a.html", b"mine"))
    (tmp_path / "outside/a.html").write_bytes(b"else")
    (tmp_path / "public").rename(tmp_path / "old")
    (tmp_path / "public").symlink_to(tmp_path / "outside")
    assert memory.recall("a") is None


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    files = [read(tmp_path / f"{n}.html", bytes(10_000)) for n in range(4)]
    memory = Memory(capacity=3 * files[0].weight)
    for number in (0, 1, 2):
        memory.keep(str(number), files[number])
    memory.recall("0")
    memory.keep("3", files[3])
    assert [memory.recall(str(number)) is not None for number in range(4)] == [
        True, False, True, True,
    ]  # fmt: skip


def test_variants_count_too(tmp_path: Path) -> None:
    first, second = (read(tmp_path / f"{n}.html", os.urandom(10_000)) for n in range(2))
    memory = Memory(capacity=first.weight + second.weight + 5_000)
    memory.keep("1", first)
    memory.keep("2", second)
    assert first.ready("gzip") is None
    second.variant("gzip")
    assert second.ready("gzip") is not None
    memory.keep("2", second)
    assert memory.recall("1") is None
    assert memory.recall("2") is second


def test_a_file_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    memory = Memory(largest=10_000)
    memory.keep("a", read(tmp_path / "a.html", bytes(10_000)))
    assert memory.recall("a") is None


@pytest.mark.parametrize("name", ["none.html", "folder"])
def test_what_is_no_file_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert PublishedFile.read(tmp_path / name) is None
