"""Locks: only one daemon may use a data folder or an address."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from digest.errors import ConfigurationError, DigestError
from digest.private_files import private_opener


class AlreadyRunningError(DigestError):
    """Another daemon works on the same data folder; the operator must stop one of them."""

    def __init__(self, pid: str) -> None:
        super().__init__(pid)
        self.pid = pid  #: digits, or empty where unknown

    def __str__(self) -> str:
        return f"another `digest run` (process {self.pid or 'unknown'}) uses this data folder"


def daemon_id(folder: Path) -> str:
    """Return the id of the daemon of a data folder, created at first use and stored in a file.

    It marks the daemon's claims in a database that other daemons may share. Raises
    ConfigurationError if the file cannot be read or written.
    """
    path = folder / "daemon.id"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = path.read_text("ascii", "replace").strip() if path.exists() else ""
        if not known:
            known = secrets.token_hex(8)
            path.write_text(known + "\n", "ascii")
    except OSError as error:
        problem = f"cannot be used: {error.strerror or error}"
        raise ConfigurationError("paths.data", str(path), problem) from error
    return known


def daemon_runs(folder: Path) -> bool:
    """Return whether a daemon holds the data folder's lock."""
    try:
        with (folder / "run.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def only_daemon(folder: Path) -> Iterator[None]:
    """Hold the data folder's lock, which also ends with the process.

    Raises AlreadyRunningError, ConfigurationError if the lock file cannot be written.
    """
    path = folder / "run.lock"
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(
                open(path, "a+", encoding="ascii", errors="replace", opener=private_opener)
            )
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        except BlockingIOError as error:
            file.seek(0)
            raise AlreadyRunningError(file.read(20).strip()) from error
        except OSError as error:
            problem = f"cannot be locked: {error.strerror or error}"
            raise ConfigurationError("paths.data", str(path), problem) from error
        yield


def listen(host: str, port: int, option: str = "web.port") -> socket.socket:
    """Return a listening socket with TCP_NODELAY.

    Without TCP_NODELAY the body of an answer waits for the acknowledgement of its head, which
    clients delay by 40 ms; asyncio sets it only for sockets that name their protocol, which
    `create_server` does not. Raises ConfigurationError, which names ``option``, if the address
    cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        # Python adds the address to the system's words.
        reason = (error.strerror or str(error)).partition(" (while ")[0]
        problem = f"cannot listen there: {reason}"
        raise ConfigurationError(option, f"{host}:{port}", problem) from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
