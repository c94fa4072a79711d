"""Hand messages to a command such as ``sendmail``, which every Unix mail server has."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from digest.errors import (
    AddressRefused,
    DeliveryDeferred,
    DeliveryError,
    DeliveryRefused,
    SenderBlocked,
    ServerUnavailable,
)
from digest.mail.message import Envelope
from digest.mail.text_layout import cut, one_line
from digest.mail.transports.model import SendmailCommand
from digest.subscribers.address import without_addresses

#: What the exit codes of sysexits.h mean for a message. All others: that the command is broken.
EXITS: dict[int, type[DeliveryError]] = {
    os.EX_DATAERR: DeliveryRefused,  # the message is wrong
    os.EX_NOUSER: AddressRefused,
    os.EX_NOHOST: DeliveryRefused,  # a name server may be wrong today: nobody is blamed
    os.EX_TEMPFAIL: DeliveryDeferred,
    os.EX_NOPERM: SenderBlocked,
}
#: Columns of what the command said that are kept.
_MAX_OUTPUT = 300


class SendmailTransport:
    """Runs the command once for each message: ``-f SENDER -- RECIPIENT``, message on its input."""

    def __init__(self, command: SendmailCommand) -> None:
        self._command = command

    async def send(self, envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        """Hand a message over; return when the command has taken it.

        Raises DeliveryError as ``EXITS`` says, ServerUnavailable where the command cannot be run.
        """
        if after is not None:
            await asyncio.shield(after)
        arguments = (*self._command.command, "-f", envelope.sender, "--", envelope.recipient)
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C for us is none for it
            )
        except OSError as error:
            raise self._broken(error.strerror or str(error)) from error
        try:
            async with asyncio.timeout(self._command.timeout.total_seconds()):
                # Unix has no CR at the end of a line.
                _, output = await process.communicate(envelope.message.replace(b"\r\n", b"\n"))
        except TimeoutError as error:
            raise self._broken("took too long") from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        code = process.returncode
        if code:
            self._raise(code, output.decode("utf-8", "replace"), envelope.recipient)

    async def check(self) -> None:
        """Raise ServerUnavailable if the command does not exist or may not be run."""
        if not await asyncio.to_thread(os.access, self._command.command[0], os.X_OK):
            raise self._broken("there is no such program, or it may not be run")

    async def close(self) -> None:
        """Do nothing: every message has a process of its own."""

    def _raise(self, code: int, output: str, recipient: str) -> None:
        words = cut(one_line(without_addresses(output, recipient)), _MAX_OUTPUT)
        kind = EXITS.get(code)
        if kind is None:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
            raise self._broken(f"{how}: {words}" if words else how)
        raise kind(None, words or f"{self._command.command[0]} ended with {code}")

    def _broken(self, problem: str) -> ServerUnavailable:
        return ServerUnavailable(None, f"{self._command.command[0]}: {problem}")
