"""The wire: a connection to a mail server once its session is set up; bytes out, replies in.

aiosmtplib connects, encrypts and logs in; it asks one thing at a time, so that what comes after
that, command pipelining (RFC 2920) above all, is here.
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
    """What a server said (RFC 5321 section 4.2)."""

    code: int
    text: str  #: without the code; lines joined by ``\\n``


class Wire(asyncio.Protocol):
    """Takes a transport over from whoever set the session up. For one task at a time."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Hear from now on what comes over ``transport``."""
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._ended = False  # the transport has
        self._rest = b""  # of a line that is not complete
        self._lines: list[str] = []  # of a reply that is not complete
        self._size = 0  # of these lines
        self._replies: deque[Reply] = deque()
        self._due = 0  # replies that will come
        self._wanted = 0  # so many wake the waiter
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = 0.0  # seconds of the loop's clock
        self._patience = 0.0
        #: Why it is of no use any more; None while it is.
        self.problem: str | None = "the connection was lost" if transport.is_closing() else None
        transport.set_protocol(self)

    def send(self, data: bytes, *, replies: int) -> None:
        """Send what the server will answer with so many replies."""
        self._due += replies
        if self.problem is None:
            self.transport.write(data)

    async def replies(self, number: int, patience: float) -> list[Reply]:
        """Return the next replies; fewer where the wire has broken before, ``problem`` says why.

        ``patience`` is how many seconds each of them may take.
        """
        if len(self._replies) < number and self.problem is None:
            self._waiter = self._loop.create_future()
            self._wanted, self._patience = number, patience
            self._heard_at = self._loop.time()
            self._look_at(self._heard_at + patience)
            try:
                await self._waiter
            finally:
                self._waiter = None
        return [self._replies.popleft() for _ in range(min(number, len(self._replies)))]

    def close(self) -> None:
        """Hang up. What was not sent yet will not be: half a message must not become a whole."""
        self._break("the connection was closed")

    def data_received(self, data: bytes) -> None:
        """Take what the server says apart into lines."""
        if self._rest:
            data = self._rest + data
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            if self.problem is None:
                self._hear(line)
        if len(self._rest) + self._size > MAX_REPLY:
            self._break("the server's answer has no end")

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember that the connection has ended."""
        self._ended = True
        self._break(f"the connection was lost: {exc}" if exc else "the connection was lost")

    def eof_received(self) -> None:
        """Hang up: closed in good order, what lies in the buffer would still go out."""
        self._break("the connection was lost")

    def _hear(self, line: bytes) -> None:
        """Take a line of a reply: three digits, a hyphen where more lines follow, and text."""
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
            # Nobody asked: it says goodbye (RFC 5321 section 3.8).
            self._break(f"the server has gone: {reply.code} {reply.text}")
            return
        self._due -= 1
        self._replies.append(reply)
        self._heard_at = self._loop.time()
        if len(self._replies) >= self._wanted:
            self._wake()

    def _look_at(self, moment: float) -> None:
        """Have the server's silence looked at by a moment of the loop's clock.

        One timer lasts for many answers: to set one for each takes longer than to hear it.
        """
        if self._timer is not None:
            if self._timer.when() <= moment:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        """Give up where the server has said nothing for too long."""
        self._timer = None
        if self._waiter is None or self.problem is not None:
            return
        until = self._heard_at + self._patience
        if until - self._loop.time() <= _TICK:
            self._break("Timed out waiting for an answer")
        else:
            self._look_at(until)

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
