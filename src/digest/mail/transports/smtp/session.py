"""Sessions: connected, encrypted and logged in by aiosmtplib, then handed over to a dialogue."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiosmtplib

from digest.errors import ServerUnavailable
from digest.mail.transports.model import SmtpServer
from digest.mail.transports.smtp.connection import Wire
from digest.mail.transports.smtp.protocol import Dialogue, excerpt
from digest.mail.transports.smtp.reply_codes import Stage, error_of

#: A session is made of up to so many waits (connect, TLS, EHLO twice, login).
_WAITS_OF_A_SESSION = 6


class _Lmtp(aiosmtplib.SMTP):
    """LMTP as far as it is not SMTP (RFC 2033 section 4): LHLO, and a reply for each recipient.

    A message of ours has one recipient, so that there is one reply after the final dot too.
    """

    async def ehlo(self, **_: Any) -> aiosmtplib.SMTPResponse:
        """Say LHLO, as the name and with the patience that the connection was made with."""
        name = self.local_hostname or "localhost"
        response = await self.execute_command(b"LHLO", name.encode("ascii"))
        if response.code != aiosmtplib.SMTPStatus.completed:
            raise aiosmtplib.SMTPHeloError(response.code, response.message)
        self.last_ehlo_response = response
        return response

    async def helo(self, **_: Any) -> aiosmtplib.SMTPResponse:
        """Repeat LHLO: there is no HELO (RFC 2033 section 4.1)."""
        return await self.ehlo()


class Sessions:
    """Sets sessions up with one server."""

    def __init__(self, server: SmtpServer) -> None:
        """Connect to nothing yet."""
        self._server = server
        self._timeout = server.timeout.total_seconds()
        self.hostname: str | None = None  #: ours, as we greet; found at the first session
        self._context: ssl.SSLContext | None = None

    async def begin(self) -> Dialogue:
        """Return a session that is ready for a message. Raises ServerUnavailable."""
        server = self._server
        async with _session_errors(server):
            client = await self._client()
            if not isinstance(client.transport, asyncio.Transport):
                raise aiosmtplib.SMTPServerDisconnected("the connection was lost")
            wire = Wire(client.transport)
        self.hostname = client.local_hostname
        return Dialogue(
            wire=wire,
            server=server.address,
            timeout=self._timeout,
            utf8=client.supports_extension("smtputf8"),
            pipelining=client.supports_extension("pipelining"),  # RFC 2920
            lmtp=server.lmtp,
        )

    async def _client(self) -> aiosmtplib.SMTP:
        """Return a client that is connected, and logged in where it has to be."""
        server = self._server
        context = None if server.tls == "none" else await self._tls()
        client = (_Lmtp if server.lmtp else aiosmtplib.SMTP)(
            hostname=None if server.socket else server.host,
            port=None if server.socket else server.port,
            socket_path=server.socket,
            username=server.username,
            password=server.password,
            local_hostname=self.hostname,
            timeout=self._timeout,
            use_tls=server.tls == "tls",
            start_tls={"starttls": True, "opportunistic": None}.get(server.tls, False),
            tls_context=context,
        )
        async with asyncio.timeout(self._timeout * _WAITS_OF_A_SESSION):
            await client.connect()
            try:
                if client.is_ehlo_or_helo_needed:
                    await _greet(client)
            except BaseException:
                client.close()
                raise
        return client

    async def _tls(self) -> ssl.SSLContext:
        """Return the context. Reading the authorities takes a while."""
        if self._context is None:
            self._context = await asyncio.to_thread(_make_context, self._server)
        return self._context


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Say EHLO, or to a server that does not know it HELO (RFC 5321 section 3.2)."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _make_context(server: SmtpServer) -> ssl.SSLContext:
    """Return how TLS is spoken with a server. Raises OSError, ValueError."""
    context = ssl.create_default_context(cafile=server.ca)
    if server.certificate is not None:
        context.load_cert_chain(server.certificate, server.key, password="")
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def _session_errors(server: SmtpServer) -> AsyncIterator[None]:
    """Turn what a server says, and what can go wrong in between, into our errors."""
    where = server.address
    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as error:
        problem = f"{where} refuses the login, look at user name and password: {_told(error)}"
        raise error_of(Stage.LOGIN, error.code, error.message, problem) from error
    except aiosmtplib.SMTPResponseException as error:
        said = f"{where} cannot connect: {_told(error)}"
        raise error_of(Stage.SESSION, error.code, error.message, said) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise ServerUnavailable(None, f"{where}: {_told(error)}") from error


def _told(error: Exception) -> str:
    text = error.message if isinstance(error, aiosmtplib.SMTPException) else str(error)
    return excerpt(str(text)) or type(error).__name__
