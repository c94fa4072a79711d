from __future__ import annotations

import asyncio
import mailbox
import os
from pathlib import Path

import pytest

from digest.errors import ServerUnavailable
from digest.mail.message import Envelope, compose
from digest.mail.transports.maildir import MaildirTransport
from tests.mail.samples import SENDER
from tests.mail.test_message import LETTER, SLIP

ENVELOPE = compose(LETTER, SLIP, SENDER)


async def test_messages_become_files_of_their_own(tmp_path: Path) -> None:
    transport = MaildirTransport(tmp_path / "deep" / "mail")
    async with asyncio.TaskGroup() as tasks:
        for _ in range(10):
            tasks.create_task(transport.send(ENVELOPE))
    await transport.close()
    box = mailbox.Maildir(tmp_path / "deep" / "mail", create=False)
    messages = list(box)
    assert len(messages) == 10
    assert messages[0]["List-Id"] == "<daily.digest.example.org>"
    (new, *_) = (tmp_path / "deep" / "mail" / "new").iterdir()
    assert new.read_bytes() == ENVELOPE.message.replace(b"\r\n", b"\n")
    assert not list((tmp_path / "deep" / "mail" / "tmp").iterdir())


async def test_both_the_file_and_its_name_are_made_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    await MaildirTransport(tmp_path / "mail").send(ENVELOPE)
    assert any("/mail/tmp/" in path for path in synced)
    assert synced[-1].endswith("/mail/new")


async def test_a_folder_that_cannot_be_written_defers_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    transport = MaildirTransport(tmp_path / "file" / "mail")
    with pytest.raises(ServerUnavailable, match=r"file/mail: Not a directory|File exists"):
        await transport.send(ENVELOPE)
    with pytest.raises(ServerUnavailable, match="cannot write into the Maildir"):
        await transport.check()


async def test_a_full_disk_defers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ServerUnavailable, match="No space left on device"):
        await MaildirTransport(tmp_path / "mail").send(ENVELOPE)
    assert not list((tmp_path / "mail" / "new").iterdir())
    assert not list((tmp_path / "mail" / "tmp").iterdir())


async def test_check_makes_the_maildir_and_leaves_no_file(tmp_path: Path) -> None:
    await MaildirTransport(tmp_path / "mail").check()
    folders = sorted(path.name for path in (tmp_path / "mail").iterdir())
    assert folders == ["cur", "new", "tmp"]
    assert not list((tmp_path / "mail" / "tmp").iterdir())
    assert isinstance(ENVELOPE, Envelope)
