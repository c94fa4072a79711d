"""`digest templates`: what is overridden, and what has changed in the shipped ones since."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from digest import resources
from tests.cli.conftest import Program
from tests.conftest import Workplace

NAME = "mail/digest.css"


@pytest.fixture
def own(workplace: Workplace) -> Path:
    """Return a configured folder of templates, still empty."""
    folder = workplace.folder / "own"
    folder.mkdir()
    workplace.configure(f'[paths]\ntemplates = "{folder}"\n')
    return folder


def state(program: Program) -> str:
    rows = dict(line.split("\t") for line in program("templates", "list").out.splitlines())
    return rows[NAME]


def test_a_template_is_shipped_until_it_is_overridden(program: Program, own: Path) -> None:
    assert state(program) == "shipped"
    assert program("templates", "update", NAME).code == 0
    assert state(program) == "overridden, same as shipped"
    assert (own / NAME).read_bytes() == (resources.templates() / NAME).read_bytes()
    (own / NAME).write_text("h1 { color: #000 }\n", "utf-8")
    assert state(program) == "overridden"
    assert "+h1 { color: #000 }" in program("templates", "diff", NAME).out.splitlines()


def test_changes_of_the_shipped_template_are_merged_or_told(program: Program, own: Path) -> None:
    shipped = (resources.templates() / NAME).read_text("utf-8")
    program("templates", "update", NAME)
    older = shipped.replace(".end {", ".finish {").replace("body {", "main {", 1)
    (own / ".shipped" / NAME).write_text(older, "utf-8")
    mine = older + "h1 { color: #000 }\n"
    (own / NAME).write_text(mine, "utf-8")
    assert state(program) == "overridden, shipped one has changed"
    assert program("templates", "update").code == 0
    assert (own / NAME).read_text("utf-8") == shipped + "h1 { color: #000 }\n"
    assert (own / ".before" / NAME).read_text("utf-8") == mine
    assert state(program) == "overridden"
    assert "has not changed" in program("templates", "update", NAME).out
    torn = older.replace(".finish {", ".stop {")
    (own / ".shipped" / NAME).write_text(older, "utf-8")
    (own / NAME).write_text(torn, "utf-8")
    refused = program("templates", "update", NAME)
    assert (refused.code, (own / NAME).read_text("utf-8")) == (1, torn)
    both = (own / ".merge" / NAME).read_text("utf-8")
    assert all(
        word in both for word in ("<<<<<<< yours", ".stop {", ".end {", ">>>>>>> shipped now")
    )
    assert program("templates", "update", NAME, "--merged").code == 0
    assert state(program) == "overridden"
    assert not (own / ".merge" / NAME).exists()


@pytest.mark.parametrize("name", ["absent.html", "../config/digest.toml", "/etc/passwd"])
def test_a_name_of_no_template_is_refused(program: Program, own: Path, name: str) -> None:
    assert program("templates", "update", name).code == 2
    assert program("templates", "diff", name).code == 2
    assert list(own.iterdir()) == []


def test_a_template_of_unknown_origin_is_left_to_its_author(program: Program, own: Path) -> None:
    (own / "mail").mkdir()
    (own / NAME).write_text("mine", "utf-8")
    assert state(program) == "overridden"
    refused = program("templates", "update")
    assert (refused.code, (own / NAME).read_text("utf-8")) == (1, "mine")
    assert "--merged" in refused.err


def test_line_ends_of_windows_stay_and_are_no_change(program: Program, own: Path) -> None:
    shipped = (resources.templates() / NAME).read_bytes()
    program("templates", "update", NAME)
    older = shipped.replace(b".end {", b".finish {")
    (own / ".shipped" / NAME).write_bytes(older)
    (own / NAME).write_bytes(older.replace(b"\n", b"\r\n") + b"h1 { color: #000 }\r\n")
    assert program("templates", "update").code == 0
    made = shipped.replace(b"\n", b"\r\n") + b"h1 { color: #000 }\r\n"
    assert (own / NAME).read_bytes() == made


def test_a_link_to_a_template_stays_a_link_and_its_mode_stays(program: Program, own: Path) -> None:
    shipped = (resources.templates() / NAME).read_bytes()
    older = shipped.replace(b".end {", b".finish {")
    elsewhere = own.parent / "kept.css"
    elsewhere.write_bytes(older)
    elsewhere.chmod(0o640)
    program("templates", "update", NAME)
    (own / ".shipped" / NAME).write_bytes(older)
    (own / NAME).unlink()
    (own / NAME).symlink_to(elsewhere)
    assert program("templates", "update").code == 0
    assert (own / NAME).is_symlink()
    assert elsewhere.read_bytes() == shipped
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o640
