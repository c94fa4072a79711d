"""What every command starts from: the configuration, found and read when it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from digest.cli.terminal import complain
from digest.startup import without_collector

if TYPE_CHECKING:  # imported late: they make `digest --help` slow
    from digest.app.wiring import Services
    from digest.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """The global options of one call."""

    option: Path | None  #: of ``--config``

    def path(self) -> Path:
        """Return where the configuration is; ConfigurationError where there is none."""
        from digest.settings import find

        return find(self.option, os.environ, Path.cwd())

    def settings(self) -> Settings:
        """Return the configuration.

        Every mistake in it is told; the last one is raised as ConfigurationError.
        """
        with without_collector():
            from digest.settings import load, problems

        path = self.path()
        mistakes = problems(path, os.environ)
        for mistake in mistakes[:-1]:
            complain(str(mistake))
        if mistakes:
            raise mistakes[-1]
        return load(path, os.environ)


@contextmanager
def services_of(
    context: typer.Context, *, log: bool = True, poll: bool = False, check: bool = True
) -> Iterator[Services]:
    """Yield everything that a command works with, built from the configuration, and close it.

    Without ``log`` nothing but errors is logged: the command prints what there is to tell.
    With ``poll`` the articles are polled for changes, whatever is configured. Without
    ``check`` templates are not tried.
    """
    with without_collector():
        from digest.app.logs import configure_logs
        from digest.app.wiring import open_services

    chosen: Context = context.obj
    settings = chosen.settings()
    configure_logs(settings.log.level if log else "error", settings.log.format)
    settings = settings.polling() if poll else settings
    with open_services(settings, check=check) as services:
        yield services
