"""Folders and files that only their owner may read, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Make a folder with mode 0700, and those above it as usual; leave it as it is if it exists.

    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def private_opener(path: str, flags: int) -> int:
    """Open a file for ``open(opener=…)``: a new one gets the mode 0600. Raises OSError."""
    return os.open(path, flags, 0o600)
