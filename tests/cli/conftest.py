"""The program, called in this process as the shell would call it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from digest.cli import main
from tests.conftest import Workplace


@dataclass(frozen=True)
class Result:
    """How a call ended."""

    code: int
    out: str
    err: str


Program = Callable[..., Result]


@pytest.fixture(autouse=True)
def fresh_logs() -> Iterator[None]:
    """Undo what a command configures: its handler writes to this test's standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


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
