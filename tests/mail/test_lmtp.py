"""LMTP against a real server, over TCP and a socket of this machine."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.lmtp import LMTP

from digest.errors import AddressRefused, DeliveryDeferred, ServerUnavailable
from digest.mail.transports.smtp.pool import SmtpTransport
from tests.defaults import default_smtp_server
from tests.mail.servers import Handler, make_envelope, serving, smtpd, transport


def lmtpd(handler: Handler) -> LMTP:
    return LMTP(handler, hostname="mx.example.org", loop=asyncio.get_running_loop())


async def test_lmtp_greets_with_its_own_word_and_delivers() -> None:
    handler = Handler()
    async with serving(lambda: lmtpd(handler)) as port, transport(port, lmtp=True) as smtp:
        await smtp.check()
        for _ in range(2):
            await smtp.send(make_envelope())
    assert len(handler.taken) == 2
    assert len(handler.sessions) == 1


async def test_the_answer_after_the_dot_is_about_the_recipient() -> None:
    handler = Handler()
    handler.replies["DATA"] = ["550 5.1.1 no such mailbox", "452 4.2.2 over quota"]
    async with serving(lambda: lmtpd(handler)) as port, transport(port, lmtp=True) as smtp:
        with pytest.raises(AddressRefused):
            await smtp.send(make_envelope())
        with pytest.raises(DeliveryDeferred):
            await smtp.send(make_envelope())
        await smtp.send(make_envelope())
    assert len(handler.taken) == 1


async def test_a_server_of_smtp_is_no_server_of_lmtp() -> None:
    handler = Handler()
    async with serving(smtpd(handler)) as port, transport(port, lmtp=True) as smtp:
        with pytest.raises(ServerUnavailable, match="LHLO"):
            await smtp.send(make_envelope())
    assert not handler.taken


async def test_a_socket_of_this_machine_is_as_good_as_a_port(tmp_path: Path) -> None:
    handler = Handler()
    path = tmp_path / "lmtp"
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: lmtpd(handler), str(path))
    target = default_smtp_server(
        port=24,
        helo_name="client.example.org",
        socket=path,
        lmtp=True,
        tls="none",
        timeout=timedelta(seconds=5),
    )
    smtp = SmtpTransport(target)
    try:
        await smtp.send(make_envelope())
    finally:
        await smtp.close()
        server.close()
    assert len(handler.taken) == 1
    assert target.address == str(path)
