"""What every command starts from: the configuration, found and read when it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from digest.errors import ConfigurationError

if TYPE_CHECKING:  # imported late: they make `digest --help` slow
    from digest.assembly import Services
    from digest.mail.edition import Digest
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
        """Return the configuration; ConfigurationError names what is wrong in it."""
        from digest.settings import load

        return load(self.path(), os.environ)

    @contextmanager
    def services(self, *, log: bool = True) -> Iterator[Services]:
        """Yield everything, built from the configuration, and close it."""
        from digest.assembly import open_services
        from digest.logs import configure_logs

        settings = self.settings()
        if log:
            configure_logs(settings.log.level, settings.log.format)
        else:
            configure_logs("error", settings.log.format)
        with open_services(settings) as services:
            yield services


def digest_named(services: Services, name: str) -> Digest:
    """Return a configured digest; ConfigurationError names the others where there is none."""
    try:
        return services.digests[name]
    except KeyError:
        known = ", ".join(sorted(services.digests)) or "none"
        raise ConfigurationError("digests", name, f"is not configured; there is {known}") from None
