"""Real servers on the loopback interface, and a transport to them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from digest.mail.message import Envelope
from digest.mail.transports.smtp.pool import SmtpTransport
from tests.defaults import default_smtp_server

HELO = "client.example.org"
MESSAGE = b"Subject: test\r\n\r\n.dot\r\nline\r\n"


def make_envelope(recipient: str = "anna@example.net") -> Envelope:
    return Envelope(sender="news@example.org", recipient=recipient, message=MESSAGE)


class Handler:
    """Takes messages, and answers as a test wishes."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.sessions: set[int] = set()
        self.replies: dict[str, list[str]] = {}  # by command: what comes before 250

    def reply(self, command: str, otherwise: str) -> str:
        waiting = self.replies.get(command)
        return waiting.pop(0) if waiting else otherwise

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.sessions.add(id(session))
        envelope.mail_from = address
        return self.reply("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        reply = self.reply("RCPT", "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        reply = self.reply("DATA", "250 taken")
        if reply.startswith("250"):
            self.taken.append(envelope)
        return reply


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (b"user", "geheim-密".encode())
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def serving(
    make: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve on a free port, and end with all connections."""
    protocols: list[asyncio.Protocol] = []

    def factory() -> asyncio.Protocol:
        protocols.append(make())
        return protocols[-1]

    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for protocol in protocols:
            transport = getattr(protocol, "transport", None)
            if transport is not None:
                transport.abort()


def smtpd(handler: Handler, **options: Any) -> Callable[[], SMTP]:
    loop = asyncio.get_running_loop()
    return lambda: SMTP(handler, hostname="mx.example.org", loop=loop, **options)


@asynccontextmanager
async def scripted(script: Callable[..., Awaitable[None]]) -> AsyncIterator[int]:
    """Serve with a function that reads and writes by itself."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def transport(port: int, **options: Any) -> AsyncIterator[SmtpTransport]:
    given = {
        "tls": "none",
        "host": "127.0.0.1",
        "helo_name": HELO,
        "timeout": timedelta(seconds=5),
        **options,
    }
    made = SmtpTransport(default_smtp_server(port=port, **given))
    try:
        yield made
    finally:
        await made.close()
