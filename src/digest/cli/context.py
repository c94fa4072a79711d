"""The start of every command: find and read the configuration, build the services."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from digest.cli.terminal import complain
from digest.errors import ConfigurationError
from digest.startup import without_collector

if TYPE_CHECKING:  # imported late: they make `digest --help` slow
    from digest.app.wiring import Services
    from digest.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """The global options of one call."""

    option: Path | None  #: of ``--config``

    def path(self) -> Path:
        """Return the configuration file. Raises ConfigurationError if there is none."""
        from digest.settings import find

        return find(self.option, os.environ, Path.cwd())

    def settings(self) -> Settings:
        """Return the configuration.

        Every mistake in it is printed; the last one is raised as ConfigurationError.
        """
        with without_collector():
            from digest.settings import load, problems

        path = self.path()
        try:
            return load(path, os.environ)
        except ConfigurationError:
            *others, last = problems(path, os.environ)
            for mistake in others:
                complain(str(mistake))
            raise last from None


@contextmanager
def services_of(
    context: typer.Context, *, log: bool = True, poll: bool = False, check: bool = True
) -> Iterator[Services]:
    """Yield all services, built from the configuration; close them at the end.

    Without ``log`` only errors are logged: the command prints its results itself. With ``poll``
    the articles are polled for changes, whatever is configured. Without ``check`` templates are
    not tried.
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
