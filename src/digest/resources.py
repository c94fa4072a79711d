"""Resources: the shipped configuration and templates, and the versions of libraries."""

from __future__ import annotations

import functools
from importlib.metadata import version
from pathlib import Path

_PACKAGE = Path(__file__).parent
_SOURCES = _PACKAGE.parents[1]


def configuration() -> Path:
    """Return the configuration file with every option."""
    return _first(_PACKAGE / "data" / "digest.toml", _SOURCES / "config" / "digest.toml")


def templates() -> Path:
    """Return the folder of the templates."""
    return _first(_PACKAGE / "data" / "templates", _SOURCES / "templates")


@functools.cache  # each is read from a file
def library_versions(*packages: str) -> tuple[str, ...]:
    """Return the name and version of each of these installed packages, as ``lxml 6.0.0``."""
    return tuple(f"{package} {version(package)}" for package in packages)


def _first(installed: Path, source: Path) -> Path:
    # A wheel holds them in the package; a checkout runs with what its author is editing.
    return installed if installed.exists() else source
