"""Encryption, certificates and logins, against real servers."""

from __future__ import annotations

import asyncio
import hmac
import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import AuthResult

from digest.errors import AccessDenied, ServerUnavailable
from tests.mail.servers import (
    Handler,
    authenticate,
    make_envelope,
    scripted,
    serving,
    smtpd,
    transport,
)

SECRET = "geheim-密"


class LoginHandler(Handler):
    """Takes CRAM-MD5 logins (RFC 2195) beside those that aiosmtpd knows."""

    def __init__(self) -> None:
        super().__init__()
        self.mechanisms: list[str] = []

    async def auth_CRAM__MD5(self, server: Any, args: list[str]) -> AuthResult:  # noqa: N802
        challenge = b"<1896.697170952@mx.example.org>"
        answer = await server.challenge_auth(challenge)
        wanted = hmac.new(SECRET.encode(), challenge, "md5").hexdigest().encode()
        self.mechanisms.append("CRAM-MD5")
        return AuthResult(success=answer == b"user " + wanted, handled=False)


def client_only(context: ssl.SSLContext, authority: trustme.CA) -> ssl.SSLContext:
    """Return the server's context, made to ask clients for a certificate."""
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("password", [SECRET, "wrong"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_every_login_works_through_tls(
    mechanism: str, password: str, certified: ssl.SSLContext, ca_file: Path
) -> None:
    handler = LoginHandler()
    mechanisms: list[str] = []

    def watched(*arguments: Any) -> AuthResult:
        mechanisms.append(arguments[3])
        return authenticate(*arguments)

    make = smtpd(
        handler,
        authenticator=watched,
        auth_required=True,
        auth_exclude_mechanism={"PLAIN", "LOGIN", "CRAM-MD5"} - {mechanism},
        tls_context=certified,
        require_starttls=True,
    )
    login = {"username": "user", "password": password, "ca": ca_file}
    async with serving(make) as port, transport(port, tls="starttls", **login) as smtp:
        if password == SECRET:
            await smtp.send(make_envelope())
        else:
            with pytest.raises(AccessDenied, match="refuses the login"):
                await smtp.send(make_envelope())
    assert set(mechanisms + handler.mechanisms) == {mechanism}
    assert len(handler.taken) == (password == SECRET)


@pytest.mark.parametrize("offered", [True, False])
async def test_opportunistic_tls_is_used_where_it_is_offered(
    offered: bool, certified: ssl.SSLContext, ca_file: Path
) -> None:
    handler = Handler()
    make = smtpd(handler, **({"tls_context": certified} if offered else {}))
    async with (
        serving(make) as port,
        transport(port, tls="opportunistic", ca=ca_file) as smtp,
    ):
        await smtp.send(make_envelope())
        used = smtp._idle[0].session.connection.transport.get_extra_info("sslcontext")
    assert (used is not None) == offered
    assert len(handler.taken) == 1


async def test_opportunistic_tls_does_not_take_a_bad_certificate(
    certified: ssl.SSLContext,
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the server's side
    make = smtpd(Handler(), tls_context=certified)
    async with serving(make) as port, transport(port, tls="opportunistic") as smtp:
        with pytest.raises(ServerUnavailable, match="certificate verify failed"):
            await smtp.send(make_envelope())


@pytest.mark.parametrize("mode", ["tls", "starttls"])
async def test_a_bad_certificate_is_taken_where_the_operator_says_so(
    mode: str, certified: ssl.SSLContext
) -> None:
    handler = Handler()
    make = smtpd(handler, **({"tls_context": certified} if mode == "starttls" else {}))
    async with (
        serving(make, certified if mode == "tls" else None) as port,
        transport(port, tls=mode, verify=False) as smtp,
    ):
        await smtp.send(make_envelope())
    assert len(handler.taken) == 1


async def test_a_certificate_for_another_host_is_refused(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the server's side
    async with (
        serving(smtpd(Handler()), context) as port,
        transport(port, tls="tls", ca=ca_file) as smtp,
    ):
        with pytest.raises(ServerUnavailable, match=r"IP address mismatch|does not match"):
            await smtp.send(make_envelope())


@pytest.mark.parametrize("files", [0, 1, 2])
async def test_a_server_that_asks_for_a_certificate_gets_ours(
    files: int, authority: trustme.CA, certified: ssl.SSLContext, ca_file: Path, tmp_path: Path
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the server's side
    mine = authority.issue_cert("client.example.org")
    both, certificate, key = (tmp_path / name for name in ("both.pem", "cert.pem", "key.pem"))
    mine.private_key_and_cert_chain_pem.write_to_path(both)
    mine.cert_chain_pems[0].write_to_path(certificate)
    mine.private_key_pem.write_to_path(key)
    given: list[dict[str, Path]] = [
        {},
        {"certificate": both},
        {"certificate": certificate, "key": key},
    ]
    handler = Handler()
    async with (
        serving(smtpd(handler), client_only(certified, authority)) as port,
        transport(port, tls="tls", ca=ca_file, **given[files]) as smtp,
    ):
        if files:
            await smtp.send(make_envelope())
        else:
            with pytest.raises(ServerUnavailable):
                await smtp.send(make_envelope())
    assert len(handler.taken) == (files > 0)


@pytest.mark.parametrize("broken", ["absent", "nonsense"])
async def test_a_certificate_of_ours_that_cannot_be_used_is_told(
    broken: str, tmp_path: Path
) -> None:
    file = tmp_path / "cert.pem"
    if broken == "nonsense":
        file.write_text("no certificate")
    async with transport(1, tls="tls", certificate=file) as smtp:
        with pytest.raises(ServerUnavailable):
            await smtp.check()


@pytest.mark.parametrize(
    "answer", [b"220 go on\r\nthis is no TLS at all, not even nearly\r\n", b"454 4.7.0 not now\r\n"]
)
async def test_starttls_that_fails_sends_nothing(answer: bytes) -> None:
    said: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        while line := await reader.readline():
            said.append(line)
            starts = line.startswith(b"STARTTLS")
            writer.write(answer if starts else b"250-mx\r\n250 STARTTLS\r\n")

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    for mode in ("starttls", "opportunistic"):
        async with scripted(script) as port, transport(port, tls=mode) as smtp:
            with pytest.raises(ServerUnavailable):
                await smtp.send(make_envelope())
    assert not any(line.startswith((b"MAIL", b"AUTH")) for line in said)


async def test_no_password_is_shown_to_a_server_that_only_seems_to_encrypt() -> None:
    said: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        while line := await reader.readline():
            said.append(line)
            writer.write(b"250-mx\r\n250 AUTH PLAIN LOGIN\r\n")

    login = {"username": "user", "password": SECRET}
    async with scripted(script) as port, transport(port, tls="starttls", **login) as smtp:
        with pytest.raises(ServerUnavailable, match="STARTTLS"):
            await smtp.check()
    assert b64encode(SECRET.encode()) not in b"".join(said)
    assert not any(line.startswith(b"AUTH") for line in said)


async def test_a_server_without_tls_from_the_first_byte_is_named_as_the_cause() -> None:
    async with serving(smtpd(Handler())) as port, transport(port, tls="tls") as smtp:
        with pytest.raises(ServerUnavailable, match=r'speaks no TLS at once: tls = "starttls"\?'):
            await smtp.send(make_envelope())


@pytest.mark.parametrize("mode", ["none", "starttls", "opportunistic"])
async def test_a_server_that_waits_for_tls_is_named_as_the_cause(
    mode: str, certified: ssl.SSLContext
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the server's side
    short = timedelta(milliseconds=300)
    async with (
        serving(smtpd(Handler()), tls=certified) as port,
        transport(port, tls=mode, timeout=short) as smtp,
    ):
        with pytest.raises(ServerUnavailable, match=r'speak TLS at once: tls = "tls"\?'):
            await smtp.check()


async def test_a_server_without_starttls_is_named_as_the_cause() -> None:
    async with serving(smtpd(Handler())) as port, transport(port, tls="starttls") as smtp:
        with pytest.raises(ServerUnavailable, match="offers no STARTTLS"):
            await smtp.send(make_envelope())


@pytest.mark.parametrize(
    ("days", "host", "known", "hint"),
    [
        (-1, "127.0.0.1", True, "has expired"),
        (9, "elsewhere.example", True, r"another host: is mail\.smtp\.host"),
        (9, "localhost", False, r"mail\.smtp\.ca_file says whom to trust"),
    ],
)
@pytest.mark.parametrize("mode", ["tls", "starttls"])
async def test_what_is_wrong_with_a_certificate_is_told(
    mode: str, days: int, host: str, known: bool, hint: str, authority: trustme.CA, ca_file: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    until = datetime.now(UTC) + timedelta(days=days)
    authority.issue_cert(host, not_after=until).configure_cert(context)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the server's side
    make = smtpd(Handler(), **({"tls_context": context} if mode == "starttls" else {}))
    trust = {"ca": ca_file} if known else {}
    async with (
        serving(make, context if mode == "tls" else None) as port,
        transport(port, tls=mode, **trust) as smtp,
    ):
        with pytest.raises(ServerUnavailable, match=hint):
            await smtp.check()


@pytest.mark.parametrize(
    "greeting",
    ["+OK POP3 ready", "* OK IMAP4rev1", "SSH-2.0-OpenSSH_9", "HTTP/1.1 400 Bad", "hello"],
)
async def test_a_server_of_another_protocol_is_named_as_the_cause(greeting: str) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{greeting}\r\n".encode())
        await reader.read()

    async with scripted(script) as port, transport(port, tls="starttls") as smtp:
        with pytest.raises(ServerUnavailable, match="no SMTP server, look at the port"):
            await smtp.check()


async def test_a_network_that_fails_is_not_taken_for_a_wrong_kind_of_tls() -> None:
    async with serving(smtpd(Handler())) as port:
        pass
    for mode in ("tls", "starttls"):
        async with transport(port, tls=mode) as smtp:
            with pytest.raises(ServerUnavailable) as caught:
                await smtp.send(make_envelope())
        assert "tls =" not in str(caught.value)
