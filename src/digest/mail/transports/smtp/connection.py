"""A connection to a mail server after login: bytes out, replies in.

aiosmtplib connects, encrypts and logs in, but sends one command at a time. Pipelining (RFC 2920)
needs this module.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

#: Bytes of a reply, all its lines; a server that says more never comes to an end.
MAX_REPLY = 32_768
#: Seconds by which a timer may be early.
_TICK = 0.01


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
