from __future__ import annotations

import os
from pathlib import Path

import pytest

from digest.app.export.folder import ExportFolder, FileState, Manifest, content_hash
from digest.errors import OutputError

STATE = FileState("7.abc", content_hash(b"x"), 1, 1_700_000_000_123_456_789)
WHOLE = Manifest(
    fingerprint="f",
    files={'feeds/科技/100%/"q"/rss.xml': STATE, "404.html": FileState(None, "d", 0, 0)},
    begun=frozenset({"b", "a"}),
)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert Manifest.decode(WHOLE.encode()) == WHOLE
    assert Manifest.decode(Manifest().encode()) == Manifest()


def test_the_same_manifest_has_the_same_bytes_with_a_line_for_each_file() -> None:
    other = Manifest(
        fingerprint="f",
        files=dict(reversed(list(WHOLE.files.items()))),
        begun=frozenset({"a", "b"}),
    )
    assert other.encode() == WHOLE.encode()
    assert WHOLE.encode().count(b"\n") == len(WHOLE.files) + 2


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/passwd", "a/../../b", "a//b", "", "./a", "a/", "a\\u0000b"]
)
@pytest.mark.parametrize("place", ["files", "begun"])
def test_a_path_that_leads_out_of_the_folder_is_refused(path: str, place: str) -> None:
    text = Manifest(files={"PATH": STATE}, begun=frozenset({"PATH"})).encode().decode()
    other = "files" if place == "begun" else "begun"
    head, _, tail = text.partition('"files"')
    parts = {"begun": head, "files": tail}
    parts[place] = parts[place].replace("PATH", path)
    parts[other] = parts[other].replace("PATH", "fine")
    with pytest.raises(ValueError, match="leads out of the folder"):
        Manifest.decode(f'{parts["begun"]}"files"{parts["files"]}'.encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"format": 1}',
        b"[" * 100_000,
        WHOLE.encode().replace(b'"7.abc",', b""),
        WHOLE.encode().replace(b'"format":1', b'"format":2'),
        WHOLE.encode()[:-20],
    ],
)
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Manifest.decode(content)


def test_a_manifest_of_another_form_says_which_one_is_expected() -> None:
    with pytest.raises(ValueError, match="format 2, expected 1"):
        Manifest.decode(WHOLE.encode().replace(b'"format":1', b'"format":2'))


def test_what_is_no_file_is_told_and_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "index.html").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for name, problem in (("index.html", "is a folder"), ("pipe", "is no file")):
        with pytest.raises(OutputError, match=problem):
            ExportFolder(tmp_path).read(name)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
