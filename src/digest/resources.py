"""Resources: the shipped configuration and templates, in the package or the source tree."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_SOURCES = _PACKAGE.parents[1]


def configuration() -> Path:
    """Return the configuration file with every option."""
    return _first(_PACKAGE / "data" / "digest.toml", _SOURCES / "config" / "digest.toml")


def templates() -> Path:
    """Return the folder of the templates."""
    return _first(_PACKAGE / "data" / "templates", _SOURCES / "templates")


def _first(installed: Path, source: Path) -> Path:
    # A wheel holds them in the package; a checkout runs with what its author is editing.
    return installed if installed.exists() else source
