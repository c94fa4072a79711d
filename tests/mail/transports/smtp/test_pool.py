"""The transport against real servers on the loopback interface."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.errors import (
    AccessDenied,
    AddressRefused,
    DeliveryDeferred,
    DeliveryRefused,
    MessageBlocked,
    RecipientRefused,
    SenderBlocked,
    ServerUnavailable,
)
from tests.mail.servers import (
    MESSAGE,
    Handler,
    authenticate,
    make_envelope,
    scripted,
    serving,
    smtpd,
    transport,
)


async def test_a_message_arrives_byte_for_byte() -> None:
    handler = Handler()
    async with serving(smtpd(handler)) as port, transport(port) as smtp:
        await smtp.send(make_envelope())
    (taken,) = handler.taken
    assert taken.mail_from == "news@example.org"
    assert taken.rcpt_tos == ["anna@example.net"]
    assert taken.original_content == MESSAGE


async def test_a_connection_is_used_again_and_replaced_after_its_share() -> None:
    handler = Handler()
    async with (
        serving(smtpd(handler)) as port,
        transport(port, messages_per_connection=2) as smtp,
    ):
        for _ in range(4):
            await smtp.send(make_envelope())
    assert len(handler.taken) == 4
    assert len(handler.sessions) == 2


async def test_no_more_connections_are_open_than_allowed() -> None:
    handler = Handler()
    async with serving(smtpd(handler)) as port, transport(port, connections=3) as smtp:
        async with asyncio.TaskGroup() as tasks:
            for number in range(20):
                tasks.create_task(smtp.send(make_envelope(f"r{number}@example.net")))
        assert len(smtp._idle) <= 3
    assert len(handler.taken) == 20
    assert len(handler.sessions) <= 3


@pytest.mark.parametrize("mode", ["tls", "starttls"])
async def test_tls_is_verified_and_the_login_goes_through_it(
    mode: str, certified: ssl.SSLContext, ca_file: Path
) -> None:
    handler = Handler()
    options: dict[str, Any] = {"authenticator": authenticate, "auth_required": True}
    if mode == "starttls":
        options |= {"tls_context": certified, "require_starttls": True}
    else:
        options |= {"auth_require_tls": False}
    make = smtpd(handler, **options)
    login = {"username": "user", "password": "geheim-密"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aiosmtpd.smtp.warn", lambda *_: None)  # it warns of auth_require_tls=False
        async with (
            serving(make, certified if mode == "tls" else None) as port,
            transport(port, tls=mode, ca=ca_file, **login) as smtp,
        ):
            await smtp.check()
            await smtp.send(make_envelope())
    assert len(handler.taken) == 1


@pytest.mark.parametrize("mode", ["tls", "starttls"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    mode: str, certified: ssl.SSLContext
) -> None:
    handler = Handler()
    options = {"tls_context": certified} if mode == "starttls" else {}
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the server's side
    async with (
        serving(smtpd(handler, **options), certified if mode == "tls" else None) as port,
        transport(port, tls=mode) as smtp,
    ):
        with pytest.raises(ServerUnavailable, match="certificate verify failed"):
            await smtp.send(make_envelope())
    assert not handler.taken


async def test_starttls_never_goes_on_without_tls() -> None:
    handler = Handler()
    async with serving(smtpd(handler)) as port, transport(port, tls="starttls") as smtp:
        with pytest.raises(ServerUnavailable, match="STARTTLS"):
            await smtp.send(make_envelope())
    assert not handler.sessions


async def test_authorities_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    async with transport(1, tls="tls", ca=tmp_path / "absent.pem") as smtp:
        with pytest.raises(ServerUnavailable, match="No such file"):
            await smtp.check()


async def test_a_refused_login_is_the_operators_matter_and_keeps_the_password(
    certified: ssl.SSLContext, ca_file: Path
) -> None:
    make = smtpd(Handler(), authenticator=authenticate, auth_required=True, tls_context=certified)
    server = {"username": "user", "password": "wrong-secret", "ca": ca_file, "tls": "starttls"}
    async with serving(make) as port, transport(port, **server) as smtp:
        with pytest.raises(ServerUnavailable, match="refuses the login") as caught:
            await smtp.check()
    assert caught.value.code == 535
    assert "wrong-secret" not in str(caught.value)
    assert "wrong-secret" not in repr(smtp._server)


async def test_a_server_without_login_is_told() -> None:
    async with serving(smtpd(Handler())) as port, transport(port, username="user") as smtp:
        with pytest.raises(ServerUnavailable, match=r'offers no login: tls = "starttls"\?'):
            await smtp.check()


@pytest.mark.parametrize(
    ("command", "reply", "kind", "code"),
    [
        ("RCPT", "550 5.1.1 <anna@example.net>: no such user", AddressRefused, 550),
        ("RCPT", "550 mailbox unavailable", RecipientRefused, 550),
        ("RCPT", "550 5.7.1 relaying denied", MessageBlocked, 550),
        ("RCPT", "530 5.7.0 log in first", AccessDenied, 530),
        ("RCPT", "451 4.7.1 greylisted, come back", DeliveryDeferred, 451),
        ("DATA", "554 5.7.1 we do not like it", DeliveryRefused, 554),
        ("DATA", "550 5.1.1 no such user", AddressRefused, 550),
        ("DATA", "421 4.3.2 going down", ServerUnavailable, 421),
        ("DATA", "452 4.3.1 no room", DeliveryDeferred, 452),
        ("MAIL", "550 5.7.1 not from you", SenderBlocked, 550),
        ("MAIL", "451 4.3.0 later", ServerUnavailable, 451),
        ("RCPT", "421 4.7.0 too many messages", ServerUnavailable, 421),
    ],
)
async def test_a_reply_says_who_must_act(
    command: str, reply: str, kind: type[DeliveryDeferred], code: int
) -> None:
    handler = Handler()
    handler.replies[command] = [reply]
    async with serving(smtpd(handler)) as port, transport(port) as smtp:
        with pytest.raises(kind) as caught:
            await smtp.send(make_envelope())
        await smtp.send(make_envelope("next@example.net"))  # the next one is not touched
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert "anna@" not in str(caught.value)
    (taken,) = handler.taken
    assert taken.rcpt_tos == ["next@example.net"]


async def test_a_refusal_leaves_the_connection_in_use() -> None:
    handler = Handler()
    handler.replies["RCPT"] = ["550 no"]
    async with serving(smtpd(handler)) as port, transport(port) as smtp:
        with pytest.raises(DeliveryRefused):
            await smtp.send(make_envelope())
        await smtp.send(make_envelope())
    assert len(handler.sessions) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
async def test_a_kept_connection_that_says_goodbye_is_replaced_at_once(command: str) -> None:
    handler = Handler()
    async with serving(smtpd(handler)) as port, transport(port) as smtp:
        await smtp.send(make_envelope())
        handler.replies[command] = ["421 4.4.2 bye"]
        await smtp.send(make_envelope())
    assert len(handler.taken) == 2
    assert len(handler.sessions) == 2


async def test_a_kept_connection_that_was_closed_is_replaced_at_once() -> None:
    handler = Handler()
    async with serving(smtpd(handler)) as port, transport(port) as smtp:
        await smtp.send(make_envelope())
        smtp._idle[0].session.connection.close()
        await smtp.send(make_envelope())
    assert len(handler.taken) == 2


async def test_a_server_that_hangs_up_between_messages_is_met_again() -> None:
    visits: list[asyncio.StreamWriter] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(writer)
        await dialogue(reader, writer, {b"DATA": b"354 go\r\n", b"MAIL": b"250 ok\r\n"}, once=True)

    async with scripted(script) as port, transport(port) as smtp:
        for _ in range(3):
            await smtp.send(make_envelope())
    assert len(visits) == 3


async def dialogue(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    replies: dict[bytes, bytes | None],
    *,
    once: bool = False,
) -> None:
    """Answer by command; None hangs up, an empty reply never comes; ``once`` takes one message."""
    writer.write(replies.get(b"", b"220 mx\r\n") or b"")
    while line := await reader.readline():
        reply = replies.get(line[:4].strip().upper(), b"250 ok\r\n")
        if reply is None:
            return
        writer.write(reply)
        if reply.startswith(b"354"):
            await reader.readuntil(b"\r\n.\r\n")
            last = replies.get(b".", b"250 ok\r\n")
            if last is None:
                return
            writer.write(last)
            if once:
                return


@pytest.mark.parametrize(
    ("replies", "kind", "problem"),
    [
        ({b"": b"554 go away\r\n"}, ServerUnavailable, "go away"),
        ({b"": b"nonsense\r\n"}, ServerUnavailable, "Malformed"),
        ({b"EHLO": None}, ServerUnavailable, "EOF|lost"),
        (
            {b"EHLO": b"502 what\r\n", b"HELO": b"504 no\r\n"},
            ServerUnavailable,
            "cannot connect: no|504",
        ),
        ({b"MAIL": None}, ServerUnavailable, "EOF|lost"),
        ({b"RCPT": None}, ServerUnavailable, "EOF|lost"),
        ({b"DATA": None}, ServerUnavailable, "broke off"),
        ({b"DATA": b"354 go\r\n", b".": None}, ServerUnavailable, "broke off"),
        ({b"DATA": b"354 go\r\n", b".": b"rubbish\r\n"}, ServerUnavailable, "rubbish"),
        ({b"DATA": b"554 no\r\n", b"RSET": None}, DeliveryRefused, "554 no"),
        ({b"RCPT": b"550 no\r\n", b"RSET": b"500 what\r\n"}, RecipientRefused, "550 no"),
    ],
)
async def test_a_server_that_breaks_off_or_babbles_leaves_the_message_for_later(
    replies: dict[bytes, bytes | None], kind: type[DeliveryDeferred], problem: str
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await dialogue(reader, writer, replies)

    async with scripted(script) as port, transport(port) as smtp:
        with pytest.raises(kind, match=problem) as caught:
            await smtp.send(make_envelope())
        assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ({b"": b""}, ServerUnavailable),
        ({b"EHLO": b""}, ServerUnavailable),
        ({b"MAIL": b""}, ServerUnavailable),
        ({b"DATA": b"354 go\r\n", b".": b""}, ServerUnavailable),
    ],
)
async def test_a_silent_server_is_not_waited_for(
    replies: dict[bytes, bytes | None], kind: type[DeliveryDeferred]
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await dialogue(reader, writer, replies)

    async with (
        scripted(script) as port,
        transport(port, timeout=timedelta(milliseconds=50)) as smtp,
    ):
        with pytest.raises(kind, match="Timed out") as caught:
            await smtp.send(make_envelope())
        assert caught.value.code is None
        assert not smtp._idle


async def test_check_needs_a_server_that_works() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await dialogue(reader, writer, {b"NOOP": b"450 not today\r\n"})

    async with scripted(script) as port, transport(port) as smtp:
        with pytest.raises(ServerUnavailable, match="refuses to work: not today"):
            await smtp.check()
        assert not smtp._idle


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with scripted(lambda *_: asyncio.sleep(0)) as port:
        pass
    async with transport(port) as smtp:
        with pytest.raises(ServerUnavailable, match=f"127.0.0.1:{port}"):
            await smtp.send(make_envelope())


@pytest.mark.parametrize("command", [b"MAIL", b"DATA", b"RSET"])
async def test_a_cancelled_message_takes_its_connection_with_it(command: bytes) -> None:
    waiting = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        while line := await reader.readline():
            if line[:4] == command:
                waiting.set()
                await reader.read()  # until the client hangs up
                return
            refused = command == b"RSET" and line[:4] == b"RCPT"
            writer.write(b"550 no\r\n" if refused else b"250 ok\r\n")

    async with scripted(script) as port, transport(port) as smtp:
        task = asyncio.create_task(smtp.send(make_envelope()))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not smtp._idle
        assert not smtp._limit._free.locked()


async def test_closing_hangs_up_on_a_server_that_does_not_answer_quit() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await dialogue(reader, writer, {b"DATA": b"354 go\r\n", b"QUIT": b""})

    async with (
        scripted(script) as port,
        transport(port, timeout=timedelta(milliseconds=100)) as smtp,
    ):
        await smtp.send(make_envelope())
        await smtp.close()
        assert not smtp._idle
