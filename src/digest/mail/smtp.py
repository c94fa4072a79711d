"""Sending over SMTP, through connections that are kept and used again."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import aiosmtplib

from digest.errors import DeliveryDeferred, DeliveryError, DeliveryRefused, ServerUnavailable
from digest.mail.address import without_addresses
from digest.mail.columns import cut, one_line
from digest.mail.message import Envelope

#: "Service not available, closing transmission channel" (RFC 5321 section 4.2.3).
_CLOSING = 421
#: The answer to the final dot takes longest, and who gives up on it sends twice
#: (RFC 5321 section 4.5.3.2.6 allows it ten minutes, the other commands five or less).
_PATIENCE_AFTER_DATA = 4
#: Seconds; who does not answer QUIT by then is hung up on.
_GOODBYE = 2.0
#: Columns of a server's reply that are kept.
_MAX_REPLY = 300
#: A session is made of up to so many waits (connect, TLS, EHLO twice, login).
_WAITS_OF_A_SESSION = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """The server that takes our mail, and how to talk to it."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"] = "starttls"  #: ``starttls`` goes on only with TLS
    username: str | None = None  #: None sends without a login
    password: str | None = field(default=None, repr=False)
    connections: int = 4  #: at the same time, 1 or more
    timeout: timedelta = timedelta(seconds=30)  #: for each answer of the server
    ca: Path | None = None  #: PEM of the only authorities to trust; None means the system's
    messages_per_connection: int = 100  #: then a new one is made; 1 or more


@dataclass(slots=True, kw_only=True)
class _Connection:
    client: aiosmtplib.SMTP
    messages: int = 0  #: handed over or refused so far


class SmtpTransport:
    """A pool of connections to one server. Safe to use from any number of tasks."""

    def __init__(self, server: SmtpServer) -> None:
        """Connect to nothing yet: connections are made when they are needed."""
        self._server = server
        self._timeout = server.timeout.total_seconds()
        self._slots = asyncio.Semaphore(server.connections)
        self._idle: list[_Connection] = []
        self._hostname: str | None = None  # of ours; found at the first connection
        self._context: ssl.SSLContext | None = None

    async def send(self, envelope: Envelope) -> None:
        """Hand a message over; return when the server took it.

        Raises ServerUnavailable where no session can be had, DeliveryRefused where the server will
        not have this message (5yz at RCPT or DATA), DeliveryDeferred where it may later.
        """
        async with self._slots:
            while self._idle:
                kept = self._idle.pop()
                if not kept.client.is_connected:
                    continue
                if await self._begun(kept, envelope):
                    await self._finish(kept, envelope)
                    return
            fresh = await self._connect()
            await self._begin(fresh, envelope)
            await self._finish(fresh, envelope)

    async def check(self) -> None:
        """Connect, log in and leave again. Raises ServerUnavailable."""
        async with self._slots:
            connection = await self._connect()
            try:
                async with _session_errors(self._server, "refuses to work"):
                    await connection.client.noop()
            finally:
                await self._leave(connection)

    async def close(self) -> None:
        """Say goodbye on all idle connections; those in use end when their message does."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(self._leave(connection) for connection in idle))

    async def _connect(self) -> _Connection:
        """Return a connection that is ready for a message, or raise ServerUnavailable."""
        server = self._server
        async with _session_errors(server, "cannot connect"):
            context = None if server.tls == "none" else await self._tls()
            client = aiosmtplib.SMTP(
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password,
                local_hostname=self._hostname,
                timeout=self._timeout,
                use_tls=server.tls == "tls",
                start_tls=server.tls == "starttls",
                tls_context=context,
            )
            async with asyncio.timeout(self._timeout * _WAITS_OF_A_SESSION):
                await client.connect()
        self._hostname = client.local_hostname
        return _Connection(client=client)

    async def _tls(self) -> ssl.SSLContext:
        """Return the context: certificates are verified. Reading the authorities takes a while."""
        if self._context is None:
            self._context = await asyncio.to_thread(
                ssl.create_default_context, cafile=self._server.ca
            )
        return self._context

    async def _begun(self, kept: _Connection, envelope: Envelope) -> bool:
        """Begin on a kept connection; False where the server has gone or goes away."""
        try:
            await self._begin(kept, envelope)
        except ServerUnavailable:
            return False
        return True

    async def _begin(self, connection: _Connection, envelope: Envelope) -> None:
        """Send MAIL and RCPT. A server that refuses the sender would refuse it for everyone."""
        client = connection.client
        try:
            async with _session_errors(self._server, "refuses the sender"):
                await client.mail(envelope.sender)
                try:
                    await client.rcpt(envelope.recipient)
                except aiosmtplib.SMTPRecipientRefused as error:
                    if error.code == _CLOSING:
                        raise
                    await self._reset(connection)
                    raise _of_reply(error) from error
        except DeliveryError as error:
            if isinstance(error, ServerUnavailable):
                client.close()
            raise
        except BaseException:
            client.close()
            raise

    async def _finish(self, connection: _Connection, envelope: Envelope) -> None:
        """Send DATA and the message; keep the connection for the next one if it is sound."""
        client = connection.client
        try:
            await client.data(envelope.message, timeout=self._timeout * _PATIENCE_AFTER_DATA)
        except aiosmtplib.SMTPResponseException as error:
            await self._reset(connection)
            raise _of_reply(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            problem = f"the connection broke off while a message was sent: {_said(error)}"
            raise DeliveryDeferred(None, problem) from error
        except BaseException:
            client.close()  # in the middle of a message: of no use to anyone
            raise
        await self._keep(connection)

    async def _reset(self, connection: _Connection) -> None:
        """Make a connection usable after a refusal, or drop it."""
        try:
            await connection.client.rset()
        except (aiosmtplib.SMTPException, OSError):
            connection.client.close()
        except BaseException:
            connection.client.close()
            raise
        else:
            await self._keep(connection)

    async def _keep(self, connection: _Connection) -> None:
        connection.messages += 1
        if connection.messages < self._server.messages_per_connection:
            self._idle.append(connection)
        else:
            await self._leave(connection)

    async def _leave(self, connection: _Connection) -> None:
        """Say QUIT, and hang up whatever the answer is."""
        try:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await connection.client.quit(timeout=min(self._timeout, _GOODBYE))
        finally:
            connection.client.close()


@asynccontextmanager
async def _session_errors(server: SmtpServer, doing: str) -> AsyncIterator[None]:
    """Turn what can go wrong before a message is begun into ServerUnavailable."""
    where = f"{server.host}:{server.port}"
    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as error:
        raise ServerUnavailable(
            error.code, f"{where} refuses the login, look at user name and password: {_said(error)}"
        ) from error
    except aiosmtplib.SMTPResponseException as error:
        raise ServerUnavailable(error.code, f"{where} {doing}: {_said(error)}") from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise ServerUnavailable(None, f"{where}: {_said(error)}") from error


def _of_reply(error: aiosmtplib.SMTPResponseException) -> DeliveryError:
    """Return what a reply to RCPT or DATA means (RFC 5321 section 4.2.1)."""
    kind = DeliveryRefused if 500 <= error.code < 600 else DeliveryDeferred
    return kind(error.code if error.code > 0 else None, _said(error))


def _said(error: Exception) -> str:
    """Return what an error says, on one line, without addresses."""
    text = error.message if isinstance(error, aiosmtplib.SMTPException) else str(error)
    return cut(one_line(without_addresses(str(text))), _MAX_REPLY) or type(error).__name__
