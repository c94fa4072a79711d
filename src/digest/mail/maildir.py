"""Delivery into a Maildir, for those who have no server, or one that takes it from there."""

from __future__ import annotations

import asyncio
import mailbox
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from digest.errors import ServerUnavailable
from digest.mail.message import Envelope


class MaildirTransport:
    """Writes every message as a file of its own into ``new`` of a Maildir."""

    def __init__(self, path: Path) -> None:
        """Deliver into ``path``, which is made when the first message comes."""
        self._path = path
        self._one_at_a_time = asyncio.Lock()  # the standard library's counter is not thread-safe

    async def send(self, envelope: Envelope) -> None:
        """Write a message; return when it is on the disk. Raises ServerUnavailable."""
        async with self._one_at_a_time:
            await asyncio.to_thread(self._write, envelope)

    async def check(self) -> None:
        """Make the Maildir and see whether a file can be made in it. Raises ServerUnavailable."""
        await asyncio.to_thread(self._probe)

    async def close(self) -> None:
        """Do nothing: no file stays open."""

    def _write(self, envelope: Envelope) -> None:
        with self._troubles():
            # Maildir files end their lines as the system does; add() sees to it, and to fsync.
            self._maildir().add(envelope.message)
            _sync(self._path / "new")

    def _probe(self) -> None:
        with self._troubles():
            self._maildir()
            tempfile.TemporaryFile(dir=self._path / "tmp").close()

    def _maildir(self) -> mailbox.Maildir:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return mailbox.Maildir(self._path, create=True)

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except (OSError, mailbox.Error) as error:
            cause = error.strerror if isinstance(error, OSError) else None
            raise ServerUnavailable(
                None, f"cannot write into the Maildir {self._path}: {cause or error}"
            ) from error


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
