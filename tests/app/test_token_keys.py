"""The keys of links in mails: where they come from, and what is said where one is lost."""

from __future__ import annotations

import errno
import os
import secrets
from datetime import timedelta

import pytest

from digest.app.token_keys import fingerprint, load_keys
from digest.errors import ConfigurationError
from tests.conftest import Workplace

HEX = "0123456789abcdef" * 4


def test_the_key_is_made_once_and_for_the_owner_alone(workplace: Workplace) -> None:
    (key,) = load_keys(workplace.settings())
    assert len(key) == 32
    assert load_keys(workplace.settings()) == (key,)
    path = workplace.settings().paths.data / "token.key"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_no_half_key(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(ConfigurationError, match="No space left on device"):
            load_keys(workplace.settings())
    assert len(load_keys(workplace.settings())[0]) == 32


def test_two_processes_that_begin_together_have_one_key(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[bytes] = []

    def drawn(size: int) -> bytes:
        monkeypatch.undo()
        keys.extend(load_keys(workplace.settings()))  # another process, in the middle of this one
        return b"x" * size

    monkeypatch.setattr(secrets, "token_bytes", drawn)
    assert load_keys(workplace.settings()) == tuple(keys)
    assert not list(workplace.settings().paths.data.glob(".token*"))


def test_a_file_system_without_links_holds_a_key(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    (key,) = load_keys(workplace.settings())
    assert load_keys(workplace.settings()) == (key,)
    assert not list(workplace.settings().paths.data.glob(".token*"))


@pytest.mark.parametrize("content", [b"short", b"", b"\xff" * 31, HEX[:-2].encode(), b"g" * 64])
def test_a_damaged_key_is_told(workplace: Workplace, content: bytes) -> None:
    path = workplace.settings().paths.data / "token.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"has {len(content)} bytes, expected 32"):
        load_keys(workplace.settings())


def test_a_key_of_the_configuration_signs_and_the_file_of_before_is_read(
    workplace: Workplace,
) -> None:
    (made,) = load_keys(workplace.settings())
    workplace.configure(f'[mail]\ntoken_key = "{HEX}"\n')
    assert load_keys(workplace.settings()) == (bytes.fromhex(HEX), made)
    (workplace.settings().paths.data / "token.key").unlink()
    assert load_keys(workplace.settings()) == (bytes.fromhex(HEX),)
    assert not (workplace.settings().paths.data / "token.key").exists()


def test_old_keys_are_read_from_files_in_either_form(workplace: Workplace) -> None:
    (workplace.folder / "raw.key").write_bytes(b"r" * 32)
    (workplace.folder / "hex.key").write_text(f"{HEX}\n")
    workplace.configure('[mail]\ntoken_keys = ["raw.key", "hex.key"]\n')
    _, *former = load_keys(workplace.settings())
    assert former == [b"r" * 32, bytes.fromhex(HEX)]
    workplace.configure('[mail]\ntoken_keys = ["gone.key"]\n')
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_keys(workplace.settings())


@pytest.mark.parametrize("key", ["ab", HEX[:-1] + "x", HEX + "00", "correct horse battery"])
def test_what_is_no_key_is_refused_and_not_shown(workplace: Workplace, key: str) -> None:
    workplace.configure(f'[mail]\ntoken_key = "{key}"\n')
    with pytest.raises(ConfigurationError, match="64 hexadecimal digits") as raised:
        workplace.settings()
    assert key not in str(raised.value)


def test_the_database_knows_which_keys_have_signed(workplace: Workplace) -> None:
    with workplace.open() as services:
        keys, now = services.store.keys, services.clock()
        (own,) = map(fingerprint, services.token_keys)
        assert keys.lost([own]) == []
        assert keys.lost(["other"]) == [(own, now)]
        assert keys.record(["other", own], now) == []
        later = now + timedelta(days=1)
        assert keys.record(["new"], later) == [(own, now), ("other", now)]
        assert keys.record(["new", own], later) == [("other", now)]
        keys.forget(["new"])
        assert keys.lost([]) == [("new", later)]
