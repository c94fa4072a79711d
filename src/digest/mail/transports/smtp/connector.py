"""Connect to a mail server, encrypt and log in, with aiosmtplib."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiosmtplib

from digest.errors import ServerUnavailable
from digest.mail.transports.model import SmtpServer
from digest.mail.transports.smtp.protocol import Connection, Session, excerpt
from digest.mail.transports.smtp.reply_codes import Stage, error_of

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
        problem = f"{where} refuses the login, look at user name and password: {_excerpt(error)}"
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
