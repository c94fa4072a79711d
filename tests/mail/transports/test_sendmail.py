"""A command takes the mail: what it is given, and what its exit code means."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from digest.errors import (
    AddressRefused,
    DeliveryDeferred,
    DeliveryError,
    DeliveryRefused,
    SenderBlocked,
    ServerUnavailable,
)
from digest.mail.message import Envelope
from digest.mail.transports.model import SendmailCommand
from digest.mail.transports.sendmail import SendmailTransport

MESSAGE = b"Subject: test\r\n\r\n.\r\nline\r\n"

#: Written with the interpreter of the tests, since a shell may not be there.
PROGRAM = """import os, signal, sys
folder = {folder!r}
how = open(os.path.join(folder, "how")).read()
with open(os.path.join(folder, "arguments"), "w") as file:
    file.write("\\n".join(sys.argv[1:]))
if how == "hang":
    signal.pause()
if how == "killed":
    os.kill(os.getpid(), signal.SIGTERM)
if how == "deaf":
    sys.stdin.buffer.close()
    sys.exit(75)
with open(os.path.join(folder, "message"), "wb") as file:
    file.write(sys.stdin.buffer.read())
sys.stderr.write("sendmail: <anna@example.net>... said so\\nand more\\n")
sys.exit(int(how))
"""

MINUTE = timedelta(minutes=1)


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    """Return a command that does what the file ``how`` says."""
    program = tmp_path / "sendmail.py"
    program.write_text(PROGRAM.format(folder=str(tmp_path)))
    return (sys.executable, "-I", str(program), "-i")


def tell(folder: Path, how: str) -> None:
    (folder / "how").write_text(how)


async def send(
    command: tuple[str, ...],
    seconds: float = 8,
    message: bytes = MESSAGE,
) -> None:
    transport = SendmailTransport(
        SendmailCommand(command=command, timeout=timedelta(seconds=seconds))
    )
    envelope = Envelope(
        sender="news@example.org", recipient="-anna;ls@example.net", message=message
    )
    try:
        await transport.send(envelope)
    finally:
        await transport.close()


async def test_the_command_gets_sender_recipient_and_message_and_no_shell(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    tell(tmp_path, "0")
    await send(command)
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments == ["-i", "-f", "news@example.org", "--", "-anna;ls@example.net"]
    assert (tmp_path / "message").read_bytes() == MESSAGE.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (os.EX_TEMPFAIL, DeliveryDeferred),
        (os.EX_NOUSER, AddressRefused),
        (os.EX_NOHOST, DeliveryRefused),
        (os.EX_DATAERR, DeliveryRefused),
        (os.EX_NOPERM, SenderBlocked),
        (os.EX_UNAVAILABLE, ServerUnavailable),
        (os.EX_SOFTWARE, ServerUnavailable),
        (os.EX_OSERR, ServerUnavailable),
        (os.EX_IOERR, ServerUnavailable),
        (os.EX_CONFIG, ServerUnavailable),
        (os.EX_USAGE, ServerUnavailable),
        (1, ServerUnavailable),
    ],
)
async def test_the_exit_code_says_what_became_of_it(
    command: tuple[str, ...], tmp_path: Path, code: int, kind: type[DeliveryError]
) -> None:
    tell(tmp_path, str(code))
    with pytest.raises(kind) as caught:
        await send(command)
    assert type(caught.value) is kind
    assert "said so and more" in str(caught.value)
    assert "anna@" not in str(caught.value)


@pytest.mark.parametrize(
    ("how", "kind", "problem"),
    [
        ("killed", ServerUnavailable, "ended by signal 15"),
        ("deaf", DeliveryDeferred, "ended with 75"),
    ],
)
async def test_a_command_that_does_not_read_is_no_accident_of_ours(
    command: tuple[str, ...], tmp_path: Path, how: str, kind: type[DeliveryError], problem: str
) -> None:
    tell(tmp_path, how)
    with pytest.raises(kind, match=problem):
        await send(command, message=b"x" * 1_000_000)


async def test_a_command_that_takes_too_long_is_killed(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    tell(tmp_path, "hang")
    with pytest.raises(ServerUnavailable, match="took too long"):
        await send(command, seconds=0.3)


async def test_a_cancelled_command_is_killed(command: tuple[str, ...], tmp_path: Path) -> None:
    tell(tmp_path, "hang")
    task = asyncio.create_task(send(command))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    absent = (str(tmp_path / "absent"),)
    with pytest.raises(ServerUnavailable, match="No such file"):
        await send(absent)
    with pytest.raises(ServerUnavailable, match="no such program"):
        await SendmailTransport(SendmailCommand(command=absent, timeout=MINUTE)).check()
    await SendmailTransport(SendmailCommand(command=(sys.executable,), timeout=MINUTE)).check()
