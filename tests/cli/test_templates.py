"""`digest templates`: what is overridden, and what has changed in the shipped ones since."""

from __future__ import annotations

import json
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


def test_changes_of_the_shipped_template_are_told_until_they_are_merged(
    program: Program, own: Path
) -> None:
    program("templates", "update", NAME)
    (own / NAME).write_text("mine", "utf-8")
    (own / ".shipped.json").write_text(json.dumps({NAME: "0" * 64}), "utf-8")
    assert state(program) == "overridden, shipped one has changed"
    refused = program("templates", "update", NAME)
    assert (refused.code, (own / NAME).read_text("utf-8")) == (1, "mine")
    assert program("templates", "update", NAME, "--merged").code == 0
    assert (state(program), (own / NAME).read_text("utf-8")) == ("overridden", "mine")


@pytest.mark.parametrize("name", ["absent.html", "../config/digest.toml", "/etc/passwd"])
def test_a_name_of_no_template_is_refused(program: Program, own: Path, name: str) -> None:
    assert program("templates", "update", name).code == 2
    assert program("templates", "diff", name).code == 2
    assert list(own.iterdir()) == []


def test_a_record_that_cannot_be_read_counts_as_none(program: Program, own: Path) -> None:
    (own / "mail").mkdir()
    (own / NAME).write_text("mine", "utf-8")
    (own / ".shipped.json").write_text("[", "utf-8")
    assert state(program) == "overridden"
