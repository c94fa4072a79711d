"""A pool of SMTP connections that are used for one message after the other.

aiosmtplib connects, encrypts and logs in.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiosmtplib
import structlog

from digest.errors import DeliveryError, ServerUnavailable
from digest.mail.message import Envelope
from digest.mail.transports.model import SmtpServer
from digest.mail.transports.smtp.protocol import Connection, Session, excerpt
from digest.mail.transports.smtp.reply_codes import Stage, error_of

#: Seconds to wait for the answer to QUIT before the connection is aborted.
_QUIT_WITHIN = 2.0
#: Seconds; a connection that was idle for longer is checked (NOOP) before it is used.
_CHECK_AFTER = 5.0
#: Seconds by which a timer may be early.
_TICK = 0.01

#: Steps with a timeout each: connect, greeting, EHLO, STARTTLS, EHLO again, login.
_STEPS = 6
#: Submission with TLS from the first byte (RFC 8314 section 7.3).
_TLS_PORT = 465
#: Errors of OpenSSL about a server that does not answer with TLS.
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH")
#: What is wrong with a certificate by the words of OpenSSL; the first that fits.
_CERTIFICATE = (
    ("mismatch", "the certificate is for another host: is mail.smtp.host the name in it?"),
    ("expired", "the certificate of the server has expired"),
    ("not yet valid", "the certificate of the server is not valid yet: is this clock right?"),
    ("", "nobody known here vouches for the certificate: mail.smtp.ca_file says whom to trust"),
)

_log = structlog.get_logger(__name__)


class ConnectionLimit:
    """How many connections the server accepts at the same time, as far as is known.

    It begins with the configured number, and shrinks when the server refuses another one.
    ``async with`` waits for a free connection and reserves it.
    """

    def __init__(self, number: int) -> None:
        """``number`` is 1 or more."""
        self._number = number
        self._free = asyncio.Semaphore(number)
        self._given_up = 0
        self._active = 0  # tasks that hold a connection and do not wait for another one
        self._answers = 0  # of the server, to messages

    async def __aenter__(self) -> None:
        await self._free.acquire()
        self._active += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._active -= 1
        self._free.release()

    @property
    def known(self) -> int:
        """The present limit."""
        return self._number - self._given_up

    def answered(self) -> None:
        """Count an answer to a message, whatever it says."""
        self._answers += 1

    async def shrink(self, error: ServerUnavailable) -> None:
        """Give up the caller's connection for good; return when another task's is free for it.

        ``error`` is the refusal of one connection more. It is raised if it means that the server
        does not work at all: if it came without a reply, no other task is active, or the server
        has answered none of them meanwhile.
        """
        if error.code is None or type(error) is not ServerUnavailable:
            raise error
        before, taken = self._answers, 0
        self._active -= 1
        try:
            while self._answers == before and self._active:
                await self._free.acquire()  # at once where a connection is unused
                self._given_up += 1
                taken += 1
        finally:
            self._active += 1
            if self._answers == before:
                self._restore(taken)
        if self._answers == before:
            raise error
        _log.warning("server takes no more connections", connections=self.known, said=str(error))

    def reset(self) -> None:
        """Return to the configured number: after an idle time the server may accept more."""
        self._restore(self._given_up)

    def _restore(self, number: int) -> None:
        back = min(number, self._given_up)  # less if a reset came meanwhile
        self._given_up -= back
        for _ in range(back):
            self._free.release()


@dataclass(slots=True, kw_only=True)
class _Pooled:
    """A session in the pool."""

    session: Session
    messages: int = 0  #: accepted or refused so far
    idle_since: float = 0.0  #: seconds of the event loop's clock

    def abort(self) -> None:
        self.session.connection.close()


class SmtpTransport:
    """A pool of connections to one server, for any number of tasks."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._timeout = server.timeout.total_seconds()
        self._limit = ConnectionLimit(server.connections)
        self._idle: list[_Pooled] = []
        self._connector = Connector(server)
        self._reaper: asyncio.TimerHandle | None = None
        self._quitting: set[asyncio.Task[None]] = set()

    async def send(self, envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        """Hand a message over; return when the server has accepted it.

        MAIL, RCPT and DATA are sent while ``after`` is awaited. Raises the DeliveryError of the
        server's reply (``reply_codes``), ServerUnavailable if there is no session or it breaks.
        """
        async with self._limit:
            try:
                while (pooled := await self._begun_on_idle(envelope)) is None:
                    try:
                        fresh = await self._connect()
                    except ServerUnavailable as error:
                        if not self._idle:  # else another task has returned one
                            await self._limit.shrink(error)
                    else:
                        await self._run(fresh, fresh.session.begin(envelope))
                        pooled = fresh
                        break
                await self._run(pooled, pooled.session.finish(envelope, after))
                self._keep(pooled)
            except ServerUnavailable:
                raise
            except DeliveryError:
                self._limit.answered()
                raise
            self._limit.answered()

    async def check(self) -> None:
        """Connect, log in and quit. Raises ServerUnavailable."""
        async with self._limit:
            pooled = await self._connect()
            try:
                reply = await pooled.session.ask(b"NOOP", self._timeout)
                if reply.code != aiosmtplib.SMTPStatus.completed:
                    problem = f"{self._server.address} refuses to work: {excerpt(reply.text)}"
                    raise error_of(Stage.SESSION, reply.code, reply.text, problem)
            finally:
                await self._quit(pooled)

    async def close(self) -> None:
        """Quit all idle connections; those in use return to the pool after their message."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        idle, self._idle = self._idle, []
        self._limit.reset()
        await asyncio.gather(*map(self._quit, idle), *self._quitting)

    async def _connect(self) -> _Pooled:
        """Return a new connection that is ready for a message. Raises ServerUnavailable."""
        if self._quitting:  # the server may still count them
            await asyncio.wait(self._quitting)
        return _Pooled(session=await self._connector.connect())

    async def _begun_on_idle(self, envelope: Envelope) -> _Pooled | None:
        """Begin a message on an idle connection; return None if none works.

        If one breaks, nothing of the message was sent, so that another one can be used.
        """
        while self._idle:
            pooled = self._idle.pop()
            if await self._usable(pooled):
                try:
                    await self._run(pooled, pooled.session.begin(envelope))
                except ServerUnavailable:
                    continue
                return pooled
        return None

    async def _usable(self, pooled: _Pooled) -> bool:
        """Return whether an idle connection works; NOOP asks after ``_CHECK_AFTER``."""
        if pooled.session.connection.problem is not None:
            return False
        if asyncio.get_running_loop().time() - pooled.idle_since < _CHECK_AFTER:
            return True
        try:
            await pooled.session.ask(b"NOOP", self._timeout)
        except ServerUnavailable:
            return False
        except BaseException:
            pooled.abort()
            raise
        return True

    async def _run(self, pooled: _Pooled, commands: Awaitable[None]) -> None:
        """Run commands; return the connection to the pool if a message was refused."""
        try:
            await commands
        except DeliveryError as error:
            if isinstance(error, ServerUnavailable):
                pooled.abort()
            else:
                self._keep(pooled)
            raise
        except BaseException:
            pooled.abort()  # in the middle of a message
            raise

    def _keep(self, pooled: _Pooled) -> None:
        pooled.messages += 1
        if pooled.messages >= self._server.messages_per_connection:
            self._quit_soon(pooled)  # a message's result must not wait for QUIT
            return
        pooled.idle_since = asyncio.get_running_loop().time()
        self._idle.append(pooled)
        self._reap_later()

    def _reap_later(self) -> None:
        """Schedule ``_reap`` for when the longest idle connection has been idle too long."""
        if self._reaper is None and self._idle:
            oldest = min(pooled.idle_since for pooled in self._idle)
            loop = asyncio.get_running_loop()
            self._reaper = loop.call_at(oldest + self._server.idle.total_seconds(), self._reap)

    def _reap(self) -> None:
        """Quit the connections that were idle for too long."""
        self._reaper = None
        loop = asyncio.get_running_loop()
        until = loop.time() - self._server.idle.total_seconds() + _TICK
        for pooled in [pooled for pooled in self._idle if pooled.idle_since <= until]:
            self._idle.remove(pooled)
            self._quit_soon(pooled)
        if not self._idle:
            self._limit.reset()
        self._reap_later()

    def _quit_soon(self, pooled: _Pooled) -> None:
        task = asyncio.get_running_loop().create_task(self._quit(pooled))
        self._quitting.add(task)
        task.add_done_callback(self._quitting.discard)

    async def _quit(self, pooled: _Pooled) -> None:
        """Send QUIT, and close the connection whatever the answer is."""
        try:
            await pooled.session.ask(b"QUIT", min(self._timeout, _QUIT_WITHIN))
            pooled.session.connection.transport.close()  # in order, as TLS wants it
        except ServerUnavailable:
            pooled.abort()
        except BaseException:
            pooled.abort()
            raise


class _Lmtp(aiosmtplib.SMTP):
    """LMTP (RFC 2033 section 4): LHLO in place of EHLO.

    It has a reply per recipient after the final dot, which is one here.
    """

    async def ehlo(self, **_: Any) -> aiosmtplib.SMTPResponse:
        """Send LHLO."""
        name = self.local_hostname or ""
        response = await self.execute_command(b"LHLO", name.encode("ascii"))
        if response.code != aiosmtplib.SMTPStatus.completed:
            raise aiosmtplib.SMTPHeloError(response.code, response.message)
        self.last_ehlo_response = response
        return response

    async def helo(self, **_: Any) -> aiosmtplib.SMTPResponse:
        """Send LHLO: there is no HELO (RFC 2033 section 4.1)."""
        return await self.ehlo()


class Connector:
    """Sets up sessions with one server."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._context: ssl.SSLContext | None = None

    async def connect(self) -> Session:
        """Return a session that is ready for a message. Raises ServerUnavailable."""
        server = self._server
        async with _session_errors(server):
            client = await self._client()
            if not isinstance(client.transport, asyncio.Transport):
                raise aiosmtplib.SMTPServerDisconnected("the connection was lost")
            connection = Connection(client.transport)
        return Session(
            connection=connection,
            server=server.address,
            timeout=server.timeout.total_seconds(),
            utf8=client.supports_extension("smtputf8"),
            pipelining=client.supports_extension("pipelining"),  # RFC 2920
            lmtp=server.lmtp,
        )

    async def _client(self) -> aiosmtplib.SMTP:
        """Return a client that is connected, encrypted and logged in as configured."""
        server, timeout = self._server, self._server.timeout.total_seconds()
        context = None if server.tls == "none" else await self._tls()
        client = (_Lmtp if server.lmtp else aiosmtplib.SMTP)(
            hostname=None if server.socket else server.host,
            port=None if server.socket else server.port,
            socket_path=server.socket,
            username=server.username,
            password=server.password,
            local_hostname=server.helo_name,
            timeout=timeout,
            use_tls=server.tls == "tls",
            start_tls={"starttls": True, "opportunistic": None}.get(server.tls, False),
            tls_context=context,
        )
        async with asyncio.timeout(timeout * _STEPS):
            await client.connect()
            try:
                if client.is_ehlo_or_helo_needed:
                    await _greet(client)
            except BaseException:
                client.close()
                raise
        return client

    async def _tls(self) -> ssl.SSLContext:
        """Return the TLS context, made in a thread at first: it reads many certificates."""
        if self._context is None:
            self._context = await asyncio.to_thread(_make_context, self._server)
        return self._context


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Send EHLO, or HELO to a server that does not know EHLO (RFC 5321 section 3.2)."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _make_context(server: SmtpServer) -> ssl.SSLContext:
    """Return the TLS context for a server. Raises OSError, ValueError."""
    context = ssl.create_default_context(cafile=server.ca)
    if server.certificate is not None:
        context.load_cert_chain(server.certificate, server.key, password="")
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def _session_errors(server: SmtpServer) -> AsyncIterator[None]:
    """Raise the error that ``reply_codes`` gives for a reply, and ServerUnavailable else."""
    where = server.address
    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as error:
        problem = (
            f"{where} refuses the login, see mail.smtp.username and password: {_excerpt(error)}"
        )
        raise error_of(Stage.LOGIN, error.code, error.message, problem) from error
    except aiosmtplib.SMTPResponseException as error:
        hint = ": this is no SMTP server, look at the port" if "Malformed" in error.message else ""
        problem = f"{where} cannot connect: {_excerpt(error)}{hint}"
        raise error_of(Stage.SESSION, error.code, error.message, problem) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        problem = _tls_problem(server, error) or _excerpt(error)
        raise ServerUnavailable(None, f"{where}: {problem}") from error


def _tls_problem(server: SmtpServer, error: Exception) -> str:
    """Return the mistake in the options of TLS that explains an error; empty if none does."""
    text = f"{error} {error.__cause__ or ''}"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        hint = next(hint for words, hint in _CERTIFICATE if words in text)
        return f"{hint} ({_excerpt(error)})"
    if server.tls == "tls":
        if any(reason in text for reason in _NOT_TLS):
            return f'the server speaks no TLS at once: tls = "starttls"? ({_excerpt(error)})'
    elif "AUTH extension" in text:
        hint = "no mail.smtp.username" if server.tls == "starttls" else 'tls = "starttls"'
        return f"the server offers no login: {hint}? ({_excerpt(error)})"
    elif "STARTTLS" in text and "not supported" in text:
        return f'the server offers no STARTTLS: tls = "tls", on its port? ({_excerpt(error)})'
    elif "ready message" in text or (
        server.port == _TLS_PORT and isinstance(error, aiosmtplib.SMTPServerDisconnected)
    ):
        return f'the server seems to speak TLS at once: tls = "tls"? ({_excerpt(error)})'
    return ""


def _excerpt(error: Exception) -> str:
    text = error.message if isinstance(error, aiosmtplib.SMTPException) else str(error)
    return excerpt(str(text)) or type(error).__name__
