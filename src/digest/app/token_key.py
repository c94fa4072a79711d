"""The key that links in mails are signed with: made at first need, kept in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from digest.errors import ConfigurationError
from digest.private_files import make_private_folder

#: RFC 2104 section 3: as long as the hash's output.
_KEY_BYTES = 32


def token_key(folder: Path) -> bytes:
    """Return the key of the links in mails, made at first need and kept in a file.

    Raises ConfigurationError where the file cannot be read or made.
    """
    path = folder / "token.key"
    try:
        make_private_folder(folder)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = secrets.token_bytes(_KEY_BYTES)
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(key)
                    file.flush()
                    os.fsync(fd)
            except BaseException:
                path.unlink(missing_ok=True)  # half a key would be in the way for ever
                raise
    except OSError as error:
        raise ConfigurationError(
            "paths.data", str(folder), f"cannot hold {path.name}: {error.strerror}"
        ) from error
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(
            "paths.data",
            str(path),
            f"has {len(key)} bytes, expected {_KEY_BYTES}; restore it from a backup, or delete it "
            "(links in mails already sent will then no longer work)",
        )
    return key
