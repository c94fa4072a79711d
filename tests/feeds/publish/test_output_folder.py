from __future__ import annotations

import errno
import fcntl
import gzip
import os
import stat
from pathlib import Path

import brotli
import pytest

from digest.errors import OutputError
from digest.feeds.encodings import SUFFIXES
from digest.feeds.history import content_tag
from digest.feeds.publish.output_folder import OutputFolder, history_of
from tests.feeds.samples import held


def everything(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_file_is_written_once_and_again_only_when_it_changes(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    assert folder.write("feeds/金融/rss.xml", b"one")
    file = tmp_path / "out/feeds/金融/rss.xml"
    before = file.stat()
    assert not folder.write("feeds/金融/rss.xml", b"one")
    assert file.stat().st_ino == before.st_ino
    assert folder.write("feeds/金融/rss.xml", b"two")  # of the same length
    assert file.read_bytes() == b"two"
    assert everything(tmp_path) == {"out/feeds/金融/rss.xml"}


def test_files_and_folders_can_be_read_by_a_web_server(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        OutputFolder(tmp_path).write("a/b/x", b"x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a/b/x").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o755


def test_the_umask_is_respected(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        OutputFolder(tmp_path).write("a/x", b"x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a/x").stat().st_mode) == 0o600


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("x", b"old")
    seen: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append((tmp_path / "x").read_bytes()))
    folder.write("x", b"new and longer")
    assert seen == [b"old"]
    assert (tmp_path / "x").read_bytes() == b"new and longer"


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("a/x", b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError) as caught:
        folder.write("a/x", b"new")
    assert caught.value.path == tmp_path / "a/x"
    assert caught.value.problem == "No space left on device"
    assert isinstance(caught.value.__cause__, OSError)
    assert (tmp_path / "a/x").read_bytes() == b"old"
    assert everything(tmp_path) == {"a/x"}


def test_an_interrupt_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        OutputFolder(tmp_path).write("x", b"new")
    assert everything(tmp_path) == set()


def test_a_file_where_a_folder_should_be_is_told_and_stays(tmp_path: Path) -> None:
    (tmp_path / "feeds").write_text("mine")
    folder = OutputFolder(tmp_path)
    for path in ("feeds/rss.xml", "feeds/a/rss.xml"):
        with pytest.raises(OutputError, match="a file where a folder should be"):
            folder.write(path, b"x")
    assert (tmp_path / "feeds").read_text() == "mine"


def test_a_folder_where_a_file_should_be_is_told_and_stays(tmp_path: Path) -> None:
    (tmp_path / "rss.xml/inside").mkdir(parents=True)
    folder = OutputFolder(tmp_path)
    with pytest.raises(OutputError, match="a folder where a file should be"):
        folder.write("rss.xml", b"x")
    with pytest.raises(OutputError):
        folder.remove("rss.xml")
    assert (tmp_path / "rss.xml/inside").is_dir()
    assert everything(tmp_path) == set()


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="too long"):
        OutputFolder(tmp_path).write("a" * 300 + "/x", b"x")


def test_removing_takes_empty_folders_along_but_not_the_first(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for path in ("feeds/a/b/rss.xml", "feeds/c/rss.xml", "feeds/c/notes.txt"):
        folder.write(path, b"x")
    assert folder.remove("feeds/a/b/rss.xml")
    assert folder.remove("feeds/c/rss.xml")
    assert not folder.remove("feeds/c/rss.xml")
    assert not folder.remove("feeds/c/notes.txt/rss.xml")
    assert {path.name for path in (tmp_path / "feeds").iterdir()} == {"c"}
    assert folder.remove("feeds/c/notes.txt")
    assert (tmp_path / "feeds").is_dir()


def test_leftovers_are_what_is_stale_and_what_a_dead_writer_left(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for path in ("feeds/a/rss.xml", "feeds/rss.xml", ".digest-00.tmp", "feeds/a/.digest-0f.tmp"):
        folder.write(path, b"x")
    for path in (".digest-00.tmp", "feeds/a/.digest-0f.tmp"):
        os.utime(tmp_path / path, (0, 0))
    folder.write("feeds/.digest-ff.tmp", b"another process writes it now")
    found = set(folder.leftovers(lambda path: path == "feeds/a/rss.xml"))
    assert found == {"feeds/a/rss.xml", ".digest-00.tmp", "feeds/a/.digest-0f.tmp"}
    for path in found:
        assert folder.remove(path)
    assert everything(tmp_path) == {"feeds/rss.xml", "feeds/.digest-ff.tmp"}
    assert not (tmp_path / "feeds/a").exists()


TEXT = "潮水".encode() * 1000


def test_packed_variants_are_of_the_time_of_their_file(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("feeds/rss.xml", TEXT)
    folder.pack("feeds/rss.xml")
    names = {"feeds/rss.xml", *(f"feeds/rss.xml{suffix}" for suffix in SUFFIXES.values())}
    assert everything(tmp_path) == names
    written = (tmp_path / "feeds/rss.xml").stat().st_mtime_ns
    assert {(tmp_path / name).stat().st_mtime_ns for name in names} == {written}
    inodes = {name: (tmp_path / name).stat().st_ino for name in names}
    folder.pack("feeds/rss.xml")
    assert {name: (tmp_path / name).stat().st_ino for name in names} == inodes


def test_a_variant_of_another_time_is_packed_anew(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("a.html", TEXT)
    folder.pack("a.html")
    for suffix in (".br", ".gz"):
        (tmp_path / f"a.html{suffix}").write_bytes(b"by somebody else")
    folder.pack("a.html")
    assert gzip.decompress((tmp_path / "a.html.gz").read_bytes()) == TEXT
    assert brotli.decompress((tmp_path / "a.html.br").read_bytes()) == TEXT


def test_no_variant_outlives_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("a.html", TEXT)
    folder.pack("a.html")
    seen: list[set[str]] = []
    move = Path.replace

    def noted(self: Path, target: Path) -> Path:
        seen.append(everything(tmp_path) - {self.name})
        return move(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    assert folder.write("a.html", TEXT * 2)
    assert seen == [{"a.html"}]
    folder.pack("a.html")
    assert folder.write("a.html", b"short")
    folder.pack("a.html")
    assert everything(tmp_path) == {"a.html"}


def test_what_is_short_or_no_text_or_gone_is_not_packed(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for path, content in (("short.html", b"x" * 1023), ("photo.png", TEXT), ("file", TEXT)):
        folder.write(path, content)
        folder.pack(path)
    for path in ("none.html", "file/none.html"):
        folder.pack(path)
        folder.record(path)
    assert everything(tmp_path) == {"short.html", "photo.png", "file"}


def test_a_variant_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("a.html", TEXT)
    (tmp_path / "a.html.br/inside").mkdir(parents=True)
    with pytest.raises(OutputError, match="a folder where a file should be"):
        folder.pack("a.html")
    history_of(tmp_path / "a.html").mkdir()
    with pytest.raises(OutputError, match="a folder where a file should be"):
        folder.record("a.html")


def test_a_history_is_kept_beside_its_feed_and_goes_with_it(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    feeds = [f"<rss><channel><item>{n}</item></channel></rss>".encode() for n in range(3)]
    for feed in feeds:
        folder.write("feeds/a/rss.xml", feed)
        folder.record("feeds/a/rss.xml")
        folder.record("feeds/a/rss.xml")
    log = (tmp_path / "feeds/a/.rss.xml.history").read_bytes()
    assert all(held(log, content_tag(feed)) for feed in feeds)
    assert folder.remove("feeds/a/rss.xml")
    assert everything(tmp_path) == set()
    assert not (tmp_path / "feeds/a").exists()


def test_each_version_is_of_another_second(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    seconds = []
    for number in range(3):
        folder.write("x", str(number).encode())
        seconds.append(int((tmp_path / "x").stat().st_mtime))
    assert len(set(seconds)) == 3
    os.utime(tmp_path / "x", (4_000_000_000, 4_000_000_000))  # written while the clock was wrong
    folder.write("x", b"new")
    assert (tmp_path / "x").stat().st_mtime == 4_000_000_001


def test_companions_are_leftovers_when_they_lost_their_file(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for path in ("a/x.html", "a/x.html.gz", "b/x.html.gz", "b/.x.html.history", "b/.history"):
        folder.write(path, b"x")
    asked: list[str] = []

    def stale(path: str) -> bool:
        asked.append(path)
        return path == "b/x.html"

    assert set(folder.leftovers(stale)) == {"b/x.html.gz", "b/.x.html.history"}
    assert sorted(asked) == ["a/x.html", "b/.history", "b/x.html", "b/x.html"]


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path: Path) -> None:
    assert list(OutputFolder(tmp_path / "none").leftovers(lambda _: True)) == []


def test_two_publishers_do_not_write_at_once(tmp_path: Path) -> None:
    class Enough(Exception):
        """Ends the wait."""

    looked = 0

    def look() -> None:
        nonlocal looked
        looked += 1
        if looked == 2:
            raise Enough

    first, second = OutputFolder(tmp_path / "out"), OutputFolder(tmp_path / "out")
    with first.alone(look):
        with pytest.raises(Enough), second.alone(look):
            raise AssertionError("both were let in")
        assert looked == 2
    with second.alone(look):
        pass
    assert looked == 2


def test_a_file_system_without_locks_is_published_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with OutputFolder(tmp_path).alone(lambda: None):
        pass


def test_an_output_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with (
        pytest.raises(OutputError, match="a file where a folder should be"),
        OutputFolder(tmp_path / "out").alone(lambda: None),
    ):
        pass
