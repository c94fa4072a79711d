"""The configuration and the templates are found, installed or not."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from digest import resources


def test_a_checkout_uses_its_own() -> None:
    assert resources.configuration().is_file()
    assert (resources.templates() / "mail").is_dir()


def test_what_is_installed_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data" / "templates").mkdir(parents=True)
    (tmp_path / "data" / "digest.toml").touch()
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path)
    assert resources.configuration() == tmp_path / "data" / "digest.toml"
    assert resources.templates() == tmp_path / "data" / "templates"


def test_versions_of_libraries_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = (f"lxml {version('lxml')}",)
    assert resources.library_versions("lxml") == told
    monkeypatch.setattr(resources, "version", None)
    assert resources.library_versions("lxml") == told, "a process may lose its rights later"
