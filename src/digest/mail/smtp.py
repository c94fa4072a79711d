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
from typing import Any, Literal

import aiosmtplib

from digest.errors import DeliveryError, DeliveryRefused, ServerUnavailable
from digest.mail.address import without_addresses
from digest.mail.columns import cut, one_line
from digest.mail.message import Envelope
from digest.mail.replies import Stage, error_of

#: How messages are encrypted on their way: not at all, with STARTTLS or not at all, with STARTTLS
#: where the server has it, from the first byte (RFC 8314 section 3).
Tls = Literal["none", "starttls", "opportunistic", "tls"]
#: The answer to the final dot takes longest, and who gives up on it sends twice
#: (RFC 5321 section 4.5.3.2.6 allows it ten minutes, the other commands five or less).
_PATIENCE_AFTER_DATA = 4
#: Seconds; who does not answer QUIT by then is hung up on.
_GOODBYE = 2.0
#: Columns of a server's reply that are kept.
_MAX_REPLY = 300
_NO_UTF8 = "the part before the @ is not ASCII, and the server has no SMTPUTF8 (RFC 6531)"
#: A session is made of up to so many waits (connect, TLS, EHLO twice, login).
_WAITS_OF_A_SESSION = 6
#: Seconds; a connection that waited longer is asked whether it is there before it is used.
_ASK_AFTER = 5.0
#: Seconds by which a timer may be early.
_TICK = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """The server that takes our mail, and how to talk to it."""

    host: str = "localhost"
    port: int
    socket: Path | None = None  #: of a server on this machine; then host and port do not count
    lmtp: bool = False  #: LMTP (RFC 2033) in place of SMTP
    tls: Tls = "starttls"
    username: str | None = None  #: None sends without a login
    password: str | None = field(default=None, repr=False)
    connections: int = 4  #: at the same time, 1 or more
    timeout: timedelta = timedelta(seconds=30)  #: for each answer of the server
    ca: Path | None = None  #: PEM of the only authorities to trust; None means the system's
    certificate: Path | None = None  #: PEM of ours, where the server asks for one
    key: Path | None = None  #: PEM of its key; None where the certificate's file holds it
    verify: bool = True  #: whether the server's certificate has to be good
    messages_per_connection: int = 100  #: then a new one is made; 1 or more
    idle: timedelta = timedelta(seconds=20)  #: then a connection that nobody needs is closed

    @property
    def address(self) -> str:
        """Where it is, as errors name it."""
        return str(self.socket) if self.socket else f"{self.host}:{self.port}"


@dataclass(slots=True, kw_only=True)
class _Connection:
    client: aiosmtplib.SMTP
    messages: int = 0  #: handed over or refused so far
    idle_since: float = 0.0  #: seconds of the event loop's clock


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
        self._reaper: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, envelope: Envelope) -> None:
        """Hand a message over; return when the server took it.

        Raises what ``mail.replies`` makes of the server's answer, ServerUnavailable where no
        session can be had or the connection is lost.
        """
        async with self._slots:
            while self._idle:
                kept = self._idle.pop()
                if await self._alive(kept) and await self._begun(kept, envelope):
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
                async with _session_errors(self._server, "refuses to work", Stage.SESSION):
                    await connection.client.noop()
            finally:
                await self._leave(connection)

    async def close(self) -> None:
        """Say goodbye on all idle connections; those in use are kept when their message ends."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        idle, self._idle = self._idle, []
        await asyncio.gather(*(self._leave(connection) for connection in idle), *self._leaving)

    async def _connect(self) -> _Connection:
        """Return a connection that is ready for a message, or raise ServerUnavailable."""
        server = self._server
        async with _session_errors(server, "cannot connect", Stage.SESSION):
            context = None if server.tls == "none" else await self._tls()
            client = (_Lmtp if server.lmtp else aiosmtplib.SMTP)(
                hostname=None if server.socket else server.host,
                port=None if server.socket else server.port,
                socket_path=server.socket,
                username=server.username,
                password=server.password,
                local_hostname=self._hostname,
                timeout=self._timeout,
                use_tls=server.tls == "tls",
                start_tls={"starttls": True, "opportunistic": None}.get(server.tls, False),
                tls_context=context,
            )
            async with asyncio.timeout(self._timeout * _WAITS_OF_A_SESSION):
                await client.connect()
                if client.is_ehlo_or_helo_needed:
                    await _greet(client)
        self._hostname = client.local_hostname
        return _Connection(client=client)

    async def _tls(self) -> ssl.SSLContext:
        """Return the context. Reading the authorities takes a while."""
        if self._context is None:
            self._context = await asyncio.to_thread(_make_context, self._server)
        return self._context

    async def _alive(self, kept: _Connection) -> bool:
        """Tell whether a kept connection is of use; one that waited is asked (NOOP)."""
        if not kept.client.is_connected:
            return False
        if asyncio.get_running_loop().time() - kept.idle_since < _ASK_AFTER:
            return True
        try:
            await kept.client.noop()
        except (aiosmtplib.SMTPException, OSError):
            kept.client.close()
            return False
        except BaseException:
            kept.client.close()
            raise
        return True

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
        options: tuple[str, ...] = ()
        if envelope.utf8:
            if not client.supports_extension("smtputf8"):
                await self._keep(connection)
                raise DeliveryRefused(None, _NO_UTF8)
            options = ("BODY=8BITMIME", "SMTPUTF8")
        try:
            async with _session_errors(self._server, "refuses the sender", Stage.SENDER):
                await client.mail(envelope.sender, options=options)
            async with _session_errors(self._server, "", Stage.RECIPIENT):
                await client.rcpt(envelope.recipient, encoding="utf-8")
        except ServerUnavailable:
            client.close()
            raise
        except DeliveryError:
            await self._reset(connection)
            raise
        except BaseException:
            client.close()
            raise

    async def _finish(self, connection: _Connection, envelope: Envelope) -> None:
        """Send DATA and the message; keep the connection for the next one if it is sound."""
        client = connection.client
        patience = self._timeout * _PATIENCE_AFTER_DATA
        try:
            async with _session_errors(self._server, "", Stage.MESSAGE):
                await client.data(envelope.message, timeout=patience)
        except ServerUnavailable:
            client.close()
            raise
        except DeliveryError:
            await self._reset(connection)
            raise
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
        if connection.messages >= self._server.messages_per_connection:
            await self._leave(connection)
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)
        self._reap_later()

    def _reap_later(self) -> None:
        """Have the connection that is idle for longest closed when nobody needs it by then."""
        if self._reaper is None and self._idle:
            oldest = min(kept.idle_since for kept in self._idle)
            loop = asyncio.get_running_loop()
            self._reaper = loop.call_at(oldest + self._server.idle.total_seconds(), self._reap)

    def _reap(self) -> None:
        """Say goodbye on the connections that nobody has needed for a while."""
        self._reaper = None
        loop = asyncio.get_running_loop()
        until = loop.time() - self._server.idle.total_seconds() + _TICK
        for kept in [kept for kept in self._idle if kept.idle_since <= until]:
            self._idle.remove(kept)
            task = loop.create_task(self._leave(kept))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        self._reap_later()

    async def _leave(self, connection: _Connection) -> None:
        """Say QUIT, and hang up whatever the answer is."""
        try:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await connection.client.quit(timeout=min(self._timeout, _GOODBYE))
        finally:
            connection.client.close()


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
async def _session_errors(server: SmtpServer, doing: str, stage: Stage) -> AsyncIterator[None]:
    """Turn what a server says, and what can go wrong in between, into our errors."""
    where = server.address
    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as error:
        problem = f"{where} refuses the login, look at user name and password: {_said(error)}"
        raise error_of(Stage.LOGIN, error.code, error.message, problem) from error
    except aiosmtplib.SMTPResponseException as error:
        said = f"{where} {doing}: {_said(error)}" if doing else _said(error)
        raise error_of(stage, error.code, error.message, said) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        lost = "the connection broke off while a message was sent: "
        doing = lost if stage is Stage.MESSAGE else ""
        raise ServerUnavailable(None, f"{where}: {doing}{_said(error)}") from error


def _said(error: Exception) -> str:
    """Return what an error says, on one line, without addresses."""
    text = error.message if isinstance(error, aiosmtplib.SMTPException) else str(error)
    return cut(one_line(without_addresses(str(text))), _MAX_REPLY) or type(error).__name__
