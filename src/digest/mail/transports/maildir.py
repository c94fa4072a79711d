"""Delivery into a Maildir, for those who have no server, or one that takes it from there."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from digest.errors import ServerUnavailable
from digest.mail.message import Envelope
from digest.private_files import make_private_folder, private_opener


class MaildirTransport:
    """Writes every message as a file of its own into ``new`` of a Maildir.

    A file appears there whole, and is on the disk with its name when ``send`` returns. The standard
    library's ``mailbox`` makes no name durable, and leaks its file where a disk is full.
    """

    def __init__(self, path: Path) -> None:
        """Deliver into ``path``, which is made when the first message comes."""
        self._path = path

    async def send(self, envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        """Write a message; return when it is on the disk. Raises ServerUnavailable."""
        if after is not None:
            await asyncio.shield(after)
        await asyncio.to_thread(self._write, envelope)

    async def check(self) -> None:
        """Create the Maildir; raise ServerUnavailable if no file can be created in it."""
        await asyncio.to_thread(self._probe)

    async def close(self) -> None:
        """Do nothing: no file stays open."""

    def _write(self, envelope: Envelope) -> None:
        # Unique as https://cr.yp.to/proto/maildir.html asks: time, what cannot repeat, host.
        host = socket.gethostname().replace("/", r"\057").replace(":", r"\072")
        name = f"{int(time.time())}.{uuid4().hex}.{host}"
        written, delivered = self._path / "tmp" / name, self._path / "new" / name
        with self._troubles():
            self._make()
            try:
                with open(written, "xb", opener=private_opener) as file:
                    file.write(envelope.message.replace(b"\r\n", b"\n"))
                    file.flush()
                    os.fsync(file.fileno())
                written.rename(delivered)
            except OSError:
                written.unlink(missing_ok=True)
                raise
            _sync(delivered.parent)

    def _probe(self) -> None:
        with self._troubles():
            self._make()
            tempfile.TemporaryFile(dir=self._path / "tmp").close()

    def _make(self) -> None:
        for folder in ("", "tmp", "new", "cur"):
            make_private_folder(self._path / folder)

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            problem = f"cannot write into the Maildir {self._path}: {error.strerror or error}"
            raise ServerUnavailable(None, problem) from error


def _sync(folder: Path) -> None:
    """Sync a folder, so that its names survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
