"""`digest export`: what is said, and how it ends."""

from __future__ import annotations

import json
import re

import pytest

from digest.cli import terminal
from tests.cli.conftest import Program
from tests.conftest import Workplace


@pytest.fixture
def built(program: Program, workplace: Workplace) -> Program:
    workplace.write("a.md", "一篇")
    program("build")
    return program


def test_export_says_what_it_did(built: Program, workplace: Workplace) -> None:
    done = built("export", "site")
    assert done.code == 0
    match = re.fullmatch(
        r"(\d+) files written \([\d.]+ kB\), 0 unchanged, 0 removed in site: "
        r"[\d.]+ kB for http://127\.0\.0\.1:8000/ \([\d.]+ s\)\.\n",
        done.out,
    )
    assert match, done.out
    files = [one for one in (workplace.folder / "site").rglob("*") if one.is_file()]
    assert int(match[1]) == len(files) - 1, "and the manifest"
    assert "addresses are for this machine alone" in done.err
    again = built("export", "site")
    assert again.out.startswith(
        f"0 files written (0.0 kB), {match[1]} unchanged, 0 removed in site"
    )


def test_export_tells_a_script(built: Program) -> None:
    done = json.loads(built("export", "site", "--json", "--url", "https://u.example/b/").out)
    assert done["url"] == "https://u.example/b"
    assert done["written"] > 0
    assert done["total_bytes"] == done["written_bytes"] > 0
    assert done["edited"] == done["kept"] == done["in_the_way"] == []


def test_no_word_of_this_machine_where_the_address_is_another(built: Program) -> None:
    assert built("export", "site", "--url", "https://u.example").err == ""


@pytest.mark.parametrize("url", ["ftp://u.example", "u.example", "https://u.example/?q", ""])
def test_an_address_that_is_none_is_misuse(built: Program, workplace: Workplace, url: str) -> None:
    done = built("export", "site", "--url", url)
    assert done.code == 2
    assert "must be an address" in " ".join(done.err.replace("│", " ").split())
    assert not (workplace.folder / "site").exists()


@pytest.mark.parametrize("folder", ["public", "articles/x", "data", "."])
def test_a_folder_of_another_use_is_misuse(built: Program, folder: str) -> None:
    done = built("export", folder)
    assert done.code == 2
    assert f"export to = {folder}: " in done.err
    assert "expected one apart from it" in done.err


def test_archives_that_there_are_none_of_are_misuse(program: Program, workplace: Workplace) -> None:
    workplace.configure("\n[feeds]\narchives = false\n")
    done = program("export", "site", "--archives")
    assert (done.code, "feeds.archives = false: is needed for --archives" in done.err) == (2, True)


def test_files_of_others_are_told(built: Program, workplace: Workplace) -> None:
    built("export", "site")
    (workplace.folder / "site/index.html").write_text("edited")
    done = built("export", "site")
    assert done.code == 0
    assert "site/index.html: was changed by somebody else, and was written anew" in done.err

    key = json.loads(built("articles", "show", "a.md", "--json").out)[0]["key"]
    (workplace.folder / f"site/articles/{key}/index.html").write_text("edited")
    built("articles", "withdraw", "a.md")
    done = built("export", "site")
    assert done.code == 0
    assert f"site/articles/{key}/index.html: is of no use any more" in done.err

    built("articles", "restore", "a.md")
    done = built("export", "site")
    assert done.code == 1
    assert (
        f"site/articles/{key}/index.html: was not written by `digest export`; "
        "expected nothing there" in done.err
    )


def test_many_files_of_others_are_counted(built: Program, workplace: Workplace) -> None:
    built("export", "site")
    count = 0
    for path in sorted((workplace.folder / "site").rglob("*.xml")):
        path.write_text("edited")
        count += 1
    done = built("export", "site")
    assert f"note: {count - 10} more such files" in done.err


def test_what_cannot_be_written_is_named(built: Program, workplace: Workplace) -> None:
    site = workplace.folder / "site"
    site.write_text("x")
    done = built("export", "site")
    assert done.code == 1
    assert "cannot write site: is a file; expected a folder or nothing" in done.err


def test_sizes_are_for_people() -> None:
    from digest.cli.build import _bytes

    assert [_bytes(size) for size in (0, 99_999, 100_000, 2_500_000_000)] == [
        "0.0 kB",
        "100.0 kB",
        "0.1 MB",
        "2,500.0 MB",
    ]


def test_progress_is_drawn_where_somebody_watches(
    built: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []

    class Bar:
        def __enter__(self) -> object:
            return lambda *now: told.append(now)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("digest.cli.build.progress_bar", lambda _what: Bar())
    assert built("export", "site").code == 0
    assert told[-1][0] == told[-1][1] > 0
    assert terminal.progress_bar is not None
