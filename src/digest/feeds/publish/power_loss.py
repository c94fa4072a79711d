"""Loss of power: tell one boot of the machine from the next, and sync a file system."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESS_NUMBERS = Path("/proc/self/ns/pid")


def boot_id() -> str:
    """Return the id of this boot of the machine; empty if the system has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def process_space() -> str:
    """Return the namespace of process ids (pid_namespaces(7)); empty if the system has none.

    Each container has its own, so that the same process id occurs in several.
    """
    try:
        return str(_PROCESS_NUMBERS.readlink())
    except OSError:
        return ""


def sync_file_system(descriptor: int) -> None:
    """Block until the file system of an open file has everything on disk (syncfs(2)).

    On systems without that call, every file system is synced. Raises OSError.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    else:  # pragma: no cover - not what the tests run on
        os.sync()


def is_running(pid: int) -> bool:
    """Return whether a process with this id exists; True if that cannot be determined."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
