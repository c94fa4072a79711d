"""The configuration and the templates are found, installed or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest import shipped


def test_a_checkout_uses_its_own() -> None:
    assert shipped.configuration().is_file()
    assert (shipped.templates() / "mail").is_dir()


def test_what_is_installed_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data" / "templates").mkdir(parents=True)
    (tmp_path / "data" / "digest.toml").touch()
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path)
    assert shipped.configuration() == tmp_path / "data" / "digest.toml"
    assert shipped.templates() == tmp_path / "data" / "templates"
