"""The key of links in mails is made once, whole, for its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from digest.app.token_key import token_key
from digest.errors import ConfigurationError


def test_the_key_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    key = token_key(tmp_path / "data")
    assert len(key) == 32
    assert token_key(tmp_path / "data") == key
    assert (tmp_path / "data" / "token.key").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(ConfigurationError, match="No space left on device"):
            token_key(tmp_path)
    assert len(token_key(tmp_path)) == 32


def test_a_damaged_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "token.key").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="has 5 bytes, expected 32"):
        token_key(tmp_path)
