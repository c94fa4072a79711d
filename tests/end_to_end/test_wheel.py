"""The wheel: installed elsewhere and run from another folder, it brings all that it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that the wheel was unpacked into."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_carries_templates_configuration_and_migrations(installed: Path) -> None:
    for path in (
        "digest/data/templates/mail/digest.html",
        "digest/data/templates/web/index.html",
        "digest/data/templates/feed.css",
        "digest/data/digest.toml",
        "digest/py.typed",
    ):
        assert (installed / path).is_file(), path
    assert list((installed / "digest/store/migrations").rglob("0001*.py"))


def test_it_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    def digest(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "digest", *arguments],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(installed),
                "DIGEST_WEB__PORT": "0",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    digest("init", "mine", "--templates")
    configuration = str(tmp_path / "mine" / "digest.toml")
    assert "1 new" in digest("--config", configuration, "build")
    checked = digest("--config", configuration, "check")
    assert str(tmp_path / "mine" / "templates") in checked
