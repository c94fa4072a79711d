"""Loss of power: boots are told apart, processes are looked for, disks are waited for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from digest.feeds.publish import power_loss
from digest.feeds.publish.power_loss import boot_id, is_running, process_space, sync_file_system


def test_a_boot_is_told_from_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert boot_id() == boot_id()
    monkeypatch.setattr(power_loss, "_BOOT_ID", tmp_path / "boot_id")
    assert boot_id() == "", "a system that tells none"
    (tmp_path / "boot_id").write_text("another\n")
    assert boot_id() == "another"


def test_whose_process_numbers_count_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert process_space() == process_space()
    monkeypatch.setattr(power_loss, "_PROCESS_NUMBERS", tmp_path / "pid")
    assert process_space() == "", "a system that tells nothing"
    (tmp_path / "pid").symlink_to("pid:[4026531836]")
    assert process_space() == "pid:[4026531836]"


def test_the_disk_is_waited_for(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    sync_file_system(descriptor)
    os.close(descriptor)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        sync_file_system(descriptor)


def test_a_process_is_running_until_it_is_known_to_be_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_running(os.getpid())
    assert not is_running(2**22 + 1), "no process has this number"

    def refused(*_: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "kill", refused)
    assert is_running(1)
