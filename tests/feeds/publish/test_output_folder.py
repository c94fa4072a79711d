from __future__ import annotations

import errno
import fcntl
import gzip
import os
import stat
from pathlib import Path
from typing import Any

import brotli
import pytest

from digest.errors import OutputError
from digest.feeds.encodings import SUFFIXES
from digest.feeds.publish import output_folder as output_folder_module
from digest.feeds.publish.older_layout import remove_older_layout
from digest.feeds.publish.output_folder import OutputFolder, Written, history_of
from digest.feeds.versions import content_tag
from tests.feeds.publish.conftest import Seconds, everything
from tests.feeds.samples import held


def test_a_file_is_written_once_and_again_only_when_it_changes(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    assert folder.write("feeds/金融/rss.xml", b"one").changed
    file = tmp_path / "out/feeds/金融/rss.xml"
    before = file.stat()
    assert folder.write("feeds/金融/rss.xml", b"one") == Written(
        path="feeds/金融/rss.xml",
        changed=False,
        previous=b"one",
        size=3,
        mtime_ns=before.st_mtime_ns,
    )
    assert file.stat().st_ino == before.st_ino
    written = folder.write("feeds/金融/rss.xml", b"two")  # of the same length
    assert (written.changed, written.previous) == (True, b"one")
    assert folder.stamp("feeds/金融/rss.xml") == (written.size, written.mtime_ns)
    assert folder.stamp("feeds/rss.xml") is None
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


def test_files_are_for_everybody_whatever_the_umask_folders_as_it_says(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        OutputFolder(tmp_path).write("a/x", b"x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a/x").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_a_file_that_others_may_not_read_is_written_again(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("x", b"same")
    (tmp_path / "x").chmod(0o600)
    assert folder.stamp("x") is None
    assert not folder.write("x", b"same").changed
    assert folder.stamp("x") is not None
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("x", b"old")
    seen: list[bytes] = []
    move = Path.replace

    def look(self: Path, target: Path) -> Path:
        seen.extend((target.read_bytes(), self.read_bytes()))
        return move(self, target)

    monkeypatch.setattr(Path, "replace", look)
    folder.write("x", b"new and longer")
    assert seen == [b"old", b"new and longer"]
    assert (tmp_path / "x").read_bytes() == b"new and longer"


def test_what_a_batch_replaces_is_freed_at_its_end(tmp_path: Path) -> None:
    def kept() -> list[str]:
        opened = [file for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
        targets = [file.readlink() for file in opened]
        return sorted(target.name for target in targets if target.parent == tmp_path)

    folder = OutputFolder(tmp_path)
    for number in range(output_folder_module.MAX_OPEN):
        folder.write(f"x{number:03}.xml", b"old " * 1_000)
        folder.pack(f"x{number:03}.xml")
    with folder.locked(lambda: None):
        folder.write("x000.xml", b"new")
        assert kept() == [f"x000.xml{suffix} (deleted)" for suffix in ("", ".br", ".gz")]
        for number in range(output_folder_module.MAX_OPEN):
            folder.write(f"x{number:03}.xml", b"newer")
        assert len(kept()) == output_folder_module.MAX_OPEN
    assert kept() == []
    folder.write("x000.xml", b"newest")
    assert kept() == []


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("a/x", b"old")

    def full(*_: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "utime", full)
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
    def interrupt(*_: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "utime", interrupt)
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
    dead = f".digest-{2**22 + 1}-00ff.tmp"  # no process has this number
    old = f"feeds/a/.digest-{os.getpid()}-0f.tmp"
    for path in ("feeds/a/rss.xml", "feeds/rss.xml", dead, old, ".digest-0a.tmp"):
        folder.write(path, b"x")
    for path in (old, ".digest-0a.tmp"):
        os.utime(tmp_path / path, (0, 0))
    mine = {f"feeds/.digest-{os.getpid()}-ff.tmp", ".digest-of-mine.tmp", ".digest-1-.tmp"}
    for path in mine:
        (tmp_path / path).write_bytes(b"another thread writes it now, or it is of somebody else")
    found = set(folder.leftovers("feeds", lambda path: path == "feeds/a/rss.xml"))
    assert found == {"feeds/a/rss.xml", dead, old, ".digest-0a.tmp"}
    for path in found:
        assert folder.remove(path)
    assert everything(tmp_path) == {"feeds/rss.xml"} | mine
    assert not (tmp_path / "feeds/a").exists()


def test_a_temporary_file_that_is_moved_into_place_just_now_is_no_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f".digest-{os.getpid()}-0f.tmp"
    walk = os.walk

    def late(*args: Any, **more: Any) -> Any:
        yield from walk(*args, **more)
        yield str(tmp_path), [], [name]

    monkeypatch.setattr(os, "walk", late)
    assert list(OutputFolder(tmp_path).leftovers("feeds", lambda _: False)) == []


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
    assert folder.write("a.html", TEXT * 2).changed
    assert seen == [{"a.html"}]
    folder.pack("a.html")
    assert folder.write("a.html", b"short").changed
    folder.pack("a.html")
    assert everything(tmp_path) == {"a.html"}


def test_what_is_short_or_no_text_or_gone_is_not_packed(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for path, content in (("short.html", b"x" * 1023), ("photo.png", TEXT), ("file", TEXT)):
        folder.write(path, content)
        folder.pack(path)
    for path in ("none.html", "file/none.html"):
        folder.pack(path)
        folder.unpack(path)
        assert folder.packed(path)
    folder.record("file/none.html", b"<rss/>")
    assert everything(tmp_path) == {"short.html", "photo.png", "file"}


def test_a_variant_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    folder.write("a.html", TEXT)
    (tmp_path / "a.html.br/inside").mkdir(parents=True)
    with pytest.raises(OutputError, match="a folder where a file should be"):
        folder.pack("a.html")
    history_of(tmp_path / "a.html").mkdir()
    with pytest.raises(OutputError, match="a folder where a file should be"):
        folder.record("a.html", b"<rss/>")
    with pytest.raises(OutputError):
        folder.unpack("a.html")


def test_a_history_is_kept_beside_its_feed_and_goes_with_it(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    feeds = [f"<rss><channel><item>{n}</item></channel></rss>".encode() for n in range(3)]
    for feed in feeds:
        folder.write("feeds/a/rss.xml", feed)
        folder.record("feeds/a/rss.xml", feed)
        folder.record("feeds/a/rss.xml", feed)
    log = (tmp_path / "feeds/a/.rss.xml.history").read_bytes()
    assert all(held(log, content_tag(feed)) for feed in feeds)
    assert folder.remove("feeds/a/rss.xml")
    assert everything(tmp_path) == set()
    assert not (tmp_path / "feeds/a").exists()


SECOND = 1_000_000_000


def test_each_version_is_of_another_second_and_of_none_to_come(tmp_path: Path) -> None:
    clock = Seconds()
    folder = OutputFolder(tmp_path, time_ns=clock)
    seconds = []
    for number in range(3):
        assert folder.wait("x") == 0
        assert folder.write("x", str(number).encode()).mtime_ns == clock()
        assert folder.wait("x") == 0.75, "a quarter of the second is over"
        seconds.append(int((tmp_path / "x").stat().st_mtime))
        clock.pass_(folder.wait("x"))
        clock.pass_(0.25)
    assert len(set(seconds)) == 3


def test_a_file_of_the_future_is_replaced_at_once_by_one_of_the_next_second(
    tmp_path: Path,
) -> None:
    clock = Seconds()
    folder = OutputFolder(tmp_path, time_ns=clock)
    folder.write("x", b"old")
    os.utime(tmp_path / "x", (4_000_000_000, 4_000_000_000))  # written while the clock was wrong
    assert folder.wait("x") == 0
    assert folder.write("x", b"new").mtime_ns == 4_000_000_001 * SECOND


@pytest.mark.parametrize("path", ["feeds/x/rss.xml", "很" * 300, "feeds/\0"[:6] + "很" * 300])
def test_a_place_that_cannot_be_looked_at_keeps_nobody_waiting(tmp_path: Path, path: str) -> None:
    folder = OutputFolder(tmp_path)
    (tmp_path / "feeds").write_text("a file")
    assert folder.wait(path) == 0
    assert folder.stamp(path) is None
    assert not folder.token()


def test_a_folder_is_told_from_others_by_its_token(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out")
    assert folder.token() is None
    token = folder.make_token()
    assert folder.token() == OutputFolder(tmp_path / "out").token() == token
    assert folder.make_token() != token
    for damaged in (b"", b"no token", b"\xff" * 32):
        (tmp_path / "out/.digest-output").write_bytes(damaged)
        assert folder.token() is None
    (tmp_path / "out/.digest-output").unlink()
    (tmp_path / "out/.digest-output").mkdir()
    with pytest.raises(OutputError, match="a folder where a file should be"):
        folder.token()
    with pytest.raises(OutputError):
        folder.make_token()
    with pytest.raises(OutputError):
        remove_older_layout(folder.root)
    (tmp_path / "file").write_text("")
    assert OutputFolder(tmp_path / "file").token() is None


def test_what_was_written_is_synced_and_a_disk_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OutputFolder(tmp_path)
    folder.sync()
    synced: list[Path] = []

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(output_folder_module, "sync_file_system", note)
    folder.sync()
    assert synced == [tmp_path]

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(output_folder_module, "sync_file_system", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        folder.sync()
    with pytest.raises(OutputError):
        OutputFolder(tmp_path / "none").sync()


def test_companions_are_leftovers_when_they_lost_their_file(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for path in ("a/x.html", "a/x.html.gz", "a/b/x.html.gz", "a/b/.x.html.history",
                 "a/b/.history", "of-others/x.html.gz"):  # fmt: skip
        folder.write(path, b"x")
    asked: list[str] = []

    def stale(path: str) -> bool:
        asked.append(path)
        return path == "a/b/x.html"

    assert set(folder.leftovers("a", stale)) == {"a/b/x.html.gz", "a/b/.x.html.history"}
    assert sorted(asked) == ["a/b/.history", "a/b/x.html", "a/b/x.html", "a/x.html"]


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path: Path) -> None:
    assert list(OutputFolder(tmp_path / "none").leftovers("feeds", lambda _: True)) == []


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
    with first.locked(look):
        with pytest.raises(Enough), second.locked(look):
            raise AssertionError("both were let in")
        assert looked == 2
    with second.locked(look):
        pass
    assert looked == 2


def test_a_file_system_without_locks_is_published_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with OutputFolder(tmp_path).locked(lambda: None):
        pass


def test_an_output_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with (
        pytest.raises(OutputError, match="a file where a folder should be"),
        OutputFolder(tmp_path / "out").locked(lambda: None),
    ):
        pass
