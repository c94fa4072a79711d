"""The SMTP commands that hand one message over (RFC 5321), pipelined where possible (RFC 2920).

To a server that offers PIPELINING, MAIL, RCPT and DATA go together: one round trip instead of
three. All their replies are read whatever the first one says.

aiosmtplib connects, encrypts and logs in, but sends one command at a time: from then on
``Connection`` sends bytes and receives replies.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from digest.errors import DeliveryError, DeliveryRefused, ServerUnavailable
from digest.mail.message import Envelope
from digest.mail.text_layout import cut, one_line
from digest.mail.transports.smtp.reply_codes import Stage, error_of
from digest.subscribers.address import without_addresses

#: The answer to the final dot takes longest, and who gives up on it sends twice
#: (RFC 5321 section 4.5.3.2.6 allows it ten minutes, the other commands five or less).
TIMEOUTS_AFTER_DATA = 4
#: Columns of a server's reply that are kept.
_MAX_REPLY = 300
#: "Go ahead" to DATA (RFC 5321 section 4.2.2).
_START = 354

_DOT = b".\r\n"

_STAGES = (Stage.SENDER, Stage.RECIPIENT, Stage.DATA)
_PATH = re.compile(r"[^\x00-\x20<>\x7f]*")  # neither space nor control characters, < and >
_NO_UTF8 = "the part before the @ is not ASCII, and the server has no SMTPUTF8 (RFC 6531)"
_LOOSE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
#: Bytes of a reply, all its lines; a server that says more never comes to an end.
MAX_REPLY = 32_768
#: Seconds by which a timer may be early.
_TICK = 0.01


@dataclass(slots=True, kw_only=True)
class Session:
    """A session with a server over one connection; it hands over one message after the other."""

    connection: Connection
    server: str  #: as errors name it
    timeout: float  #: seconds for each answer
    pipelining: bool  #: whether the server takes commands together
    utf8: bool = False  #: whether it takes addresses in any script (SMTPUTF8, RFC 6531)
    lmtp: bool = False

    async def begin(self, envelope: Envelope) -> None:
        """Send MAIL, RCPT and DATA, until the server waits for the message.

        Raises DeliveryError as ``reply_codes`` says; unless it is ServerUnavailable, the session
        can be used for the next message.
        """
        if envelope.utf8 and not self.utf8:
            raise DeliveryRefused(None, _NO_UTF8)
        commands = _commands(envelope)
        for turn in [range(3)] if self.pipelining else [range(1), range(1, 2), range(2, 3)]:
            self.connection.send(b"".join(commands[turn.start : turn.stop]), replies=len(turn))
            got = await self.connection.replies(len(turn), self.timeout)
            error = self._refusal(_STAGES[turn.start : turn.stop], got, envelope)
            if error is not None:
                await self._reset(error, got)
                raise error

    async def finish(self, envelope: Envelope, after: asyncio.Future[None] | None) -> None:
        """Send the message once ``after`` is done; return when the server has accepted it.

        Raises as ``begin``, and what ``after`` raises, which makes the session unusable.
        """
        if after is not None:
            await asyncio.shield(after)
        message = envelope.message if envelope.transparent else transparent(envelope.message)
        self.connection.send(message + _DOT, replies=1)
        got = await self.connection.replies(1, self.timeout * TIMEOUTS_AFTER_DATA)
        error = self._refusal((Stage.MESSAGE,), got, envelope)
        if error is not None:
            await self._reset(error, got)
            raise error

    async def ask(self, command: bytes, seconds: float) -> Reply:
        """Return the reply to a command; raise ServerUnavailable if there is none."""
        self.connection.send(command + b"\r\n", replies=1)
        for reply in await self.connection.replies(1, seconds):
            return reply
        raise self._lost()

    def _refusal(
        self, stages: Sequence[Stage], replies: Sequence[Reply], envelope: Envelope
    ) -> DeliveryError | None:
        """Return the error of the first reply that is not the expected one; None if all are."""
        for stage, reply in zip(stages, replies, strict=False):
            accepted = reply.code == _START if stage is Stage.DATA else _completed(reply)
            if not accepted:
                answer = excerpt(reply.text, envelope.recipient)
                if stage is Stage.SENDER:
                    answer = f"{self.server} refuses the sender: {answer}"
                return error_of(stage, reply.code, reply.text, answer)
        if len(replies) < len(stages):
            return self._lost(within=stages[len(replies)] in (Stage.DATA, Stage.MESSAGE))
        return None

    async def _reset(self, error: DeliveryError, replies: Sequence[Reply]) -> None:
        """Reset the session after a refusal, or close it."""
        try:
            if isinstance(error, ServerUnavailable):
                return
            if replies[-1].code == _START:
                # No recipient, and the server wants a message all the same: it gets an empty one,
                # which it has to refuse (RFC 2920 section 3.1). LMTP has no answer to it then.
                self.connection.send(_DOT, replies=0 if self.lmtp else 1)
                if not self.lmtp:
                    await self.connection.replies(1, self.timeout)
            self.connection.send(b"RSET\r\n", replies=1)
            answers = await self.connection.replies(1, self.timeout)
            if answers and _completed(answers[0]):
                return
            self.connection.close()
        except BaseException:
            self.connection.close()
            raise

    def _lost(self, *, within: bool = False) -> ServerUnavailable:
        broken = "the connection broke off while a message was sent: " if within else ""
        answer = excerpt(self.connection.problem or "no answer")
        return ServerUnavailable(None, f"{self.server}: {broken}{answer}")


def _completed(reply: Reply) -> bool:
    """Return whether a command was completed, by the first digit (RFC 5321 section 4.2.1)."""
    return reply.code // 100 == 2


def _commands(envelope: Envelope) -> tuple[bytes, bytes, bytes]:
    """Return MAIL, RCPT and DATA. Raises DeliveryRefused for addresses with other characters."""
    for address in (envelope.sender, envelope.recipient):
        if not _PATH.fullmatch(address):
            raise DeliveryRefused(None, "no address for a server: it has other characters")
    options = " BODY=8BITMIME SMTPUTF8" if envelope.utf8 else ""
    return (
        f"MAIL FROM:<{envelope.sender}>{options}\r\n".encode("ascii"),
        f"RCPT TO:<{envelope.recipient}>\r\n".encode(),
        b"DATA\r\n",
    )


def transparent(message: bytes) -> bytes:
    """Return a message for transfer: lines end in CRLF, leading dots are doubled.

    See RFC 5321 section 4.5.2. The last line ends in CRLF too.
    """
    breaks = message.count(b"\n")
    if breaks != message.count(b"\r\n") or breaks != message.count(b"\r"):
        message = _LOOSE_END.sub(b"\r\n", message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") if b"\r\n." in message else message


def excerpt(text: str, recipient: str = "") -> str:
    """Return the text of a server or an error on one line, without addresses.

    ``recipient`` is the address that it is about, if there is one.
    """
    return cut(one_line(without_addresses(text, recipient)), _MAX_REPLY)


class Reply(NamedTuple):
    """A reply of a server (RFC 5321 section 4.2)."""

    code: int
    text: str  #: without the code; lines joined by ``\\n``


class Connection(asyncio.Protocol):
    """Uses the transport of a session that is set up. For one task at a time."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Receive from now on what comes over ``transport``."""
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._ended = False  # by the transport
        self._rest = b""  # of an incomplete line
        self._lines: list[str] = []  # of an incomplete reply
        self._size = 0  # of these lines
        self._replies: deque[Reply] = deque()
        self._due = 0  # replies outstanding
        self._wanted = 0  # number of replies that wakes the waiter
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._received_at = 0.0  # seconds of the loop's clock
        self._timeout = 0.0
        #: Why the connection is unusable; None while it is usable.
        self.problem: str | None = "the connection was lost" if transport.is_closing() else None
        transport.set_protocol(self)

    def send(self, data: bytes, *, replies: int) -> None:
        """Send commands that the server answers with so many replies."""
        self._due += replies
        if self.problem is None:
            self.transport.write(data)

    async def replies(self, number: int, seconds: float) -> list[Reply]:
        """Return the next replies, each awaited for ``seconds`` seconds.

        They are fewer if the connection broke; ``problem`` says why.
        """
        if len(self._replies) < number and self.problem is None:
            self._waiter = self._loop.create_future()
            self._wanted, self._timeout = number, seconds
            self._received_at = self._loop.time()
            self._check_at(self._received_at + seconds)
            try:
                await self._waiter
            finally:
                self._waiter = None
        return [self._replies.popleft() for _ in range(min(number, len(self._replies)))]

    def close(self) -> None:
        """Abort. Buffered bytes are dropped, lest they complete a message."""
        self._break("the connection was closed")

    def data_received(self, data: bytes) -> None:
        """Split received bytes into lines."""
        if self._rest:
            data = self._rest + data
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            if self.problem is None:
                self._parse(line)
        if len(self._rest) + self._size > MAX_REPLY:
            self._break("the server's answer has no end")

    def connection_lost(self, exc: Exception | None) -> None:
        """Record that the connection has ended."""
        self._ended = True
        self._break(f"the connection was lost: {exc}" if exc else "the connection was lost")

    def eof_received(self) -> None:
        """Abort: an orderly close would still send what is buffered."""
        self._break("the connection was lost")

    def _parse(self, line: bytes) -> None:
        """Parse a line of a reply: three digits, a hyphen if more lines follow, and text."""
        code, more = line[:3], line[3:4]
        text = line[4:].decode("utf-8", "replace").strip()
        if not (len(code) == 3 and code.isdigit() and more in b" -\r"):
            self._break(f"no answer that SMTP knows: {line.decode('utf-8', 'replace')}")
            return
        if more == b"-" or self._lines:
            self._lines.append(text)
            self._size += len(line)
            if more == b"-":
                return
            text = "\n".join(self._lines)
            self._lines.clear()
            self._size = 0
        reply = Reply(int(code), text)
        if not self._due:
            # Unasked: the server closes the connection (RFC 5321 section 3.8).
            self._break(f"the server has gone: {reply.code} {reply.text}")
            return
        self._due -= 1
        self._replies.append(reply)
        self._received_at = self._loop.time()
        if len(self._replies) >= self._wanted:
            self._wake()

    def _check_at(self, moment: float) -> None:
        """Check for a timeout at a moment of the loop's clock, or before.

        One timer serves many replies, because setting one for each would dominate the time.
        """
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(moment, self._check)

    def _check(self) -> None:
        """Break the connection if the server was silent for too long."""
        self._timer = None
        if self._waiter is None or self.problem is not None:
            return
        until = self._received_at + self._timeout
        if until - self._loop.time() <= _TICK:
            self._break("Timed out waiting for an answer")
        else:
            self._check_at(until)

    def _break(self, problem: str) -> None:
        if self.problem is None:
            self.problem = problem
            if not self._ended:
                self.transport.abort()
            if self._timer is not None:
                self._timer.cancel()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
