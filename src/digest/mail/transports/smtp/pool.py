"""Sending over SMTP, through connections that are kept and used again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

import aiosmtplib

from digest.errors import DeliveryError, ServerUnavailable
from digest.mail.message import Envelope
from digest.mail.transports.model import SmtpServer
from digest.mail.transports.smtp.connection_limit import Places
from digest.mail.transports.smtp.protocol import Dialogue, excerpt
from digest.mail.transports.smtp.reply_codes import Stage, error_of
from digest.mail.transports.smtp.session import Sessions

#: Seconds; who does not answer QUIT by then is hung up on.
_GOODBYE = 2.0
#: Seconds; a connection that waited longer is asked whether it is there before it is used.
_ASK_AFTER = 5.0
#: Seconds by which a timer may be early.
_TICK = 0.01


@dataclass(slots=True, kw_only=True)
class _Connection:
    dialogue: Dialogue
    messages: int = 0  #: handed over or refused so far
    idle_since: float = 0.0  #: seconds of the event loop's clock


class SmtpTransport:
    """A pool of connections to one server. Safe to use from any number of tasks."""

    def __init__(self, server: SmtpServer) -> None:
        """Connect to nothing yet: connections are made when they are needed."""
        self._server = server
        self._timeout = server.timeout.total_seconds()
        self._slots = Places(server.connections)
        self._idle: list[_Connection] = []
        self._sessions = Sessions(server)
        self._reaper: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        """Hand a message over; return when the server took it.

        The server is brought to where it waits for the message while ``after`` is awaited.
        Raises what ``mail.replies`` makes of the server's answer, ServerUnavailable where no
        session can be had or the connection is lost.
        """
        async with self._slots:
            try:
                while (connection := await self._begun_on_kept(envelope)) is None:
                    try:
                        fresh = await self._connect()
                    except ServerUnavailable as error:
                        if not self._idle:  # else one came free meanwhile
                            await self._slots.do_with_fewer(error)
                    else:
                        await self._begin(fresh, envelope)
                        connection = fresh
                        break
                await self._finish(connection, envelope, after)
            except ServerUnavailable:
                raise
            except DeliveryError:
                self._slots.answered()
                raise
            self._slots.answered()

    async def check(self) -> None:
        """Connect, log in and leave again. Raises ServerUnavailable."""
        async with self._slots:
            connection = await self._connect()
            try:
                reply = await connection.dialogue.ask(b"NOOP", self._timeout)
                if reply.code != aiosmtplib.SMTPStatus.completed:
                    said = f"{self._server.address} refuses to work: {excerpt(reply.text)}"
                    raise error_of(Stage.SESSION, reply.code, reply.text, said)
            finally:
                await self._leave(connection)

    async def close(self) -> None:
        """Say goodbye on all idle connections; those in use are kept when their message ends."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        idle, self._idle = self._idle, []
        self._slots.ask_again()
        await asyncio.gather(*(self._leave(connection) for connection in idle), *self._leaving)

    async def _connect(self) -> _Connection:
        """Return a connection that is ready for a message, or raise ServerUnavailable."""
        if self._leaving:  # the server may count them still
            await asyncio.wait(self._leaving)
        return _Connection(dialogue=await self._sessions.begin())

    async def _alive(self, kept: _Connection) -> bool:
        """Tell whether a kept connection is of use; one that waited is asked (NOOP)."""
        wire = kept.dialogue.wire
        if wire.problem is not None:
            return False
        if asyncio.get_running_loop().time() - kept.idle_since < _ASK_AFTER:
            return True
        try:
            await kept.dialogue.ask(b"NOOP", self._timeout)
        except ServerUnavailable:
            return False
        except BaseException:
            wire.close()
            raise
        return True

    async def _begun_on_kept(self, envelope: Envelope) -> _Connection | None:
        """Begin on a kept connection; None where there is none but what has gone or goes away.

        Nothing of the message has been said by then, so it may go over a new one.
        """
        while self._idle:
            kept = self._idle.pop()
            if await self._alive(kept):
                try:
                    await self._begin(kept, envelope)
                except ServerUnavailable:
                    continue
                return kept
        return None

    async def _begin(self, connection: _Connection, envelope: Envelope) -> None:
        """Say who it is from and to; a connection on which that is refused is kept."""
        await self._said(connection, connection.dialogue.begin(envelope))

    async def _finish(
        self, connection: _Connection, envelope: Envelope, after: asyncio.Future[None] | None
    ) -> None:
        """Send the message; keep the connection for the next one if it is sound."""
        await self._said(connection, connection.dialogue.finish(envelope, after))
        self._keep(connection)

    async def _said(self, connection: _Connection, talk: Awaitable[None]) -> None:
        try:
            await talk
        except ServerUnavailable:
            connection.dialogue.wire.close()
            raise
        except DeliveryError:
            self._keep(connection)
            raise
        except BaseException:
            connection.dialogue.wire.close()  # in the middle of a message: of no use to anyone
            raise

    def _keep(self, connection: _Connection) -> None:
        connection.messages += 1
        if connection.messages >= self._server.messages_per_connection:
            self._leave_soon(connection)  # what the server took must not wait for its goodbye
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
            self._leave_soon(kept)
        if not self._idle:
            self._slots.ask_again()
        self._reap_later()

    def _leave_soon(self, connection: _Connection) -> None:
        task = asyncio.get_running_loop().create_task(self._leave(connection))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _leave(self, connection: _Connection) -> None:
        """Say QUIT, and hang up whatever the answer is."""
        wire = connection.dialogue.wire
        try:
            await connection.dialogue.ask(b"QUIT", min(self._timeout, _GOODBYE))
            wire.transport.close()  # in good order, which TLS notices
        except ServerUnavailable:
            wire.close()
        except BaseException:
            wire.close()
            raise
