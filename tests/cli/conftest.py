"""The program, called in this process as the shell would call it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main

from digest.cli import main
from tests.conftest import Workplace


@dataclass(frozen=True)
class Result:
    """How a call ended."""

    code: int
    out: str
    err: str


Program = Callable[..., Result]


@pytest.fixture(scope="session", autouse=True)
def commands_once() -> Iterator[None]:
    """Build the commands and their options once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture
def program(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    """Return what calls `digest` in the workplace's folder."""
    monkeypatch.chdir(workplace.folder)
    for name in ("DIGEST_CONFIG", "COLUMNS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["digest", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return Result(int(left.value.code or 0), said.out, said.err)

    return call
