"""Loss of power: tell one boot of the machine from the next, and sync a file system."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESS_NUMBERS = Path("/proc/self/ns/pid")


def boot_id() -> str:
    """Return the id of this boot of the machine; empty where the system tells none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def process_space() -> str:
    """Return whose process numbers these are; empty where the system tells nothing.

    A container has its own (pid_namespaces(7)), and its first process is 1 as that of another.
    """
    try:
        return str(_PROCESS_NUMBERS.readlink())
    except OSError:
        return ""


def sync_file_system(descriptor: int) -> None:
    """Block until the file system of an open file has everything on disk (syncfs(2)).

    Where there is no such call, every file system is synced. Raises OSError.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    else:  # pragma: no cover - not what the tests run on
        os.sync()


def is_running(pid: int) -> bool:
    """Return whether there is a process of this number; True where that cannot be known."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
