"""The keys that sign the links in mails: read or created, and checked for lost ones."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import structlog

from digest.errors import ConfigurationError
from digest.private_files import make_private_folder, private_opener
from digest.settings import Settings

#: RFC 2104 section 3.
KEY_BYTES = 32
#: What file systems without hard links answer.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)

_log = structlog.get_logger(__name__)


def load_keys(settings: Settings) -> tuple[bytes, ...]:
    """Return the keys of links in mails: the first signs, all are valid.

    Without ``mail.token_key`` the first is the one in the data folder, made when it is first
    needed. Raises ConfigurationError if a file cannot be read or made.
    """
    mail = settings.mail
    former = [_read(path, "mail.token_keys") for path in mail.token_keys]
    path = settings.paths.data / "token.key"
    key = bytes.fromhex(mail.token_key.get_secret_value())
    if not key:
        return (_read_or_make(path), *former)
    if path.exists():  # from before the configuration had one
        former.append(_read(path, "paths.data"))
    return (key, *former)


def fingerprint(key: bytes) -> str:
    """Return a hash of a key, which does not reveal it."""
    return blake2b(key, digest_size=8, person=b"token.key").hexdigest()


def lost_keys_problem(lost: Iterable[tuple[str, datetime]]) -> str:
    """Return the message about lost keys; ``lost`` is (fingerprint, first use), oldest first."""
    marks = ", ".join(f"{mark} (in use since {since:%Y-%m-%d})" for mark, since in lost)
    return (
        "links in mails sent before do not work any more, as the key that signed them is lost: "
        f"fingerprint {marks}. Restore it from a backup of token.key, as the file itself or as one "
        "of mail.token_keys; if it is lost for good: `digest check --forget-lost-keys`"
    )


def log_lost_keys(lost: list[tuple[str, datetime]]) -> None:
    """Log which keys are lost."""
    if lost:
        _log.error(lost_keys_problem(lost))


def _read_or_make(path: Path) -> bytes:
    try:
        make_private_folder(path.parent)
        if not os.path.lexists(path):
            with suppress(FileExistsError):  # another process was faster
                _make(path)
    except OSError as error:
        raise ConfigurationError(
            "paths.data", str(path.parent), f"cannot hold {path.name}: {error.strerror}"
        ) from error
    return _read(path, "paths.data")


def _make(path: Path) -> None:
    """Write a new key, whole or not at all, whatever interrupts it: half a one stays in the way.

    Raises OSError, FileExistsError where there is a key by now.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(draft, "xb", opener=private_opener) as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path, option: str) -> bytes:
    """Return the key of a file: its bytes, or these in hexadecimal digits."""
    try:
        content = path.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise ConfigurationError(option, str(path), problem) from error
    if len(content) == KEY_BYTES:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            option,
            str(path),
            f"has {len(content)} bytes, expected {KEY_BYTES}, or {2 * KEY_BYTES} hexadecimal "
            "digits; restore it from a backup, or delete it (links in mails already sent will then "
            "no longer work)",
        )
    return key
