"""Exposure: secrets that others could read, in the output folder or in the configuration file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from digest.articles.ingest.tree import TOP
from digest.errors import ConfigurationError

if TYPE_CHECKING:
    from digest.settings.model import Settings


def published_secrets(
    settings: Settings, path: Path, secret_files: Mapping[str, Path]
) -> list[ConfigurationError]:
    """Return an error for each secret that lies in the output folder, links resolved.

    Neither the output nor the data may lie among the articles: links there could lead into them.
    ``path`` is the configuration file; ``secret_files`` hold secrets, by environment variable.
    """
    output = settings.paths.output
    real = Path(os.path.realpath(output))
    errors = []
    for key, secret in (
        *private_paths(settings),
        ("configuration file", path),
        *secret_files.items(),
    ):
        if Path(os.path.realpath(secret)).is_relative_to(real):
            where = f"{output}" if real == output else f"{output}, which is {real}"
            problem = f"must not lie in the folder of paths.output ({where}): everybody may read it"
            errors.append(ConfigurationError(key, str(secret), problem))
    for key, root in _roots(settings):
        folder = Path(os.path.realpath(root))
        for own, place in (("paths.output", output), ("paths.data", settings.paths.data)):
            if Path(os.path.realpath(place)).is_relative_to(folder):
                problem = f"must not lie in the folder of {key} ({folder})"
                errors.append(ConfigurationError(own, str(place), problem))
    return errors


def private_paths(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the files and folders that are not for everybody, with their keys."""
    yield from _roots(settings)
    yield from secret_paths(settings)


def secret_paths(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the files and folders that nobody but the operator may read, with their keys."""
    yield "paths.data", settings.paths.data
    if settings.database.url is not None:
        url = make_url(settings.database_url())
        if url.drivername.startswith("sqlite") and url.database:
            yield "database.url", Path(url.database)
    mail = settings.mail
    if mail.transport == "maildir" or mail.maildir.exists():
        yield "mail.maildir", mail.maildir
    for name in ("cert_file", "key_file"):
        if file := getattr(mail.smtp, name):
            yield f"mail.smtp.{name}", file
    for path in mail.token_keys:
        yield "mail.token_keys", path


def _roots(settings: Settings) -> Iterator[tuple[str, Path]]:
    for name, root in settings.roots().items():
        yield "paths.articles" if name == TOP else f"paths.articles.{name}", root


def readable_by_all(path: Path) -> bool:
    """Return whether everybody on this machine may read a file, as far as its own mode tells."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def changeable_by_all(path: Path) -> bool:
    """Return whether everybody on this machine may replace the files in a folder."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
