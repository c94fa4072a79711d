"""A small SMTP server with faults: it does what a plan says, and is an ordinary one otherwise."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Say:
    """Answer this in place of what is usual."""

    text: str
    hang_up: bool = False  #: and close the connection


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection without an answer."""

    reset: bool = False  #: with a reset, not in order
    take: bool = False  #: keep the message that was just sent all the same


@dataclass(frozen=True, slots=True)
class Silence:
    """Never answer, and wait until the client gives up."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Answer as usual, a byte at a time."""


Fault = Say | Drop | Silence | Slow
#: Where faults happen: at the greeting, at a command, within the data, after the final dot.
GREETING, WITHIN, DOT = "greeting", "within", "dot"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that the server took."""

    sender: str
    recipient: str
    message_id: str


@dataclass
class FaultyServer:
    """Takes mail from any number of connections, but for what the plan says."""

    #: By place, the faults of the first visits to it, in order.
    plan: dict[str, list[Fault]] = field(default_factory=dict)
    #: By recipient, the answers to RCPT, in order; the last one stays.
    recipients: dict[str, list[str]] = field(default_factory=dict)
    greylist: bool = False  #: defer every recipient at the first visit
    places: int | None = None  #: connections at the same time; the next one is told to go
    messages_per_session: int | None = None  #: then it says 421 and closes
    extensions: tuple[str, ...] = ()
    eager: bool = False  #: say "go on" to DATA even where nobody was to be written to
    lmtp: bool = False  #: answer to a message for nobody as LMTP does: not at all
    taken_in: asyncio.Event | None = None  #: set when a message may come
    taken: list[Taken] = field(default_factory=list)
    commands: Counter[str] = field(default_factory=Counter)
    turns: list[list[str]] = field(default_factory=list)  #: commands that came together
    sessions: int = 0
    open_now: int = 0
    most_open: int = 0
    alone: asyncio.Event = field(default_factory=asyncio.Event)  #: nobody is connected any more
    on_taken: Callable[[Taken], None] = lambda _: None
    _seen: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve on a free port of the loopback interface; give the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def counts(self) -> Mapping[str, int]:
        """Return how often each recipient's message was taken."""
        return Counter(taken.recipient for taken in self.taken)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.sessions += 1
        self.alone.clear()
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_now -= 1
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            if not self.open_now:
                self.alone.set()

    def fault(self, place: str) -> Fault | None:
        """Return what goes wrong at a place this time."""
        waiting = self.plan.get(place)
        return waiting.pop(0) if waiting else None

    def of_recipient(self, address: str) -> str:
        """Return the answer to a recipient."""
        answers = self.recipients.get(address)
        if answers:
            return answers.pop(0) if len(answers) > 1 else answers[0]
        if self.greylist and address not in self._seen:
            self._seen.add(address)
            return "451 4.7.1 greylisted, come back later"
        return "250 2.1.5 ok"


class _Hangup(ConnectionError):
    """The server ends a session."""


class _Session:
    """One connection."""

    def __init__(
        self, server: FaultyServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._sender = self._recipient = ""
        self._messages = 0
        self._answered = True  # the client waits for nothing but what it says next

    async def run(self) -> None:
        if self._server.places is not None and self._server.open_now > self._server.places:
            await self._say("421 4.7.0 too many connections from you")
            return
        await self._answer(GREETING, "220 mx.example.org ESMTP")
        while line := (await self._reader.readline()).decode("utf-8").strip():
            command = line.split(" ")[0].upper()
            self._server.commands[command] += 1
            if self._answered:
                self._server.turns.append([])
            self._server.turns[-1].append(command)
            # What has come with it is there already.
            self._answered = not self._reader._buffer  # type: ignore[attr-defined]
            if self._messages == self._server.messages_per_session and command == "MAIL":
                await self._say("421 4.7.0 enough for one connection")
                return
            if command == "DATA":
                await self._data()
                continue
            if not await self._answer(command, self._usual(command, line)):
                self._refused(command)
            if command == "QUIT":
                return

    def _usual(self, command: str, line: str) -> str:
        if command in ("EHLO", "LHLO"):
            lines = ["mx.example.org", *self._server.extensions]
            return "\r\n".join(
                f"250{' ' if number == len(lines) else '-'}{text}"
                for number, text in enumerate(lines, 1)
            )
        address = (re.findall(r"<([^>]*)>", line) or [""])[0]
        if command in ("MAIL", "RSET"):
            self._sender, self._recipient = address, ""
        if command == "RCPT":
            if not self._sender:
                return "503 5.5.1 who sends that?"
            answer = self._server.of_recipient(address)
            self._recipient = address if answer.startswith("2") else ""
            return answer
        return {"QUIT": "221 bye"}.get(command, "250 2.0.0 ok")

    def _refused(self, command: str) -> None:
        """Forget what was not agreed to."""
        if command == "MAIL":
            self._sender = ""
        if command in ("MAIL", "RCPT"):
            self._recipient = ""

    async def _data(self) -> None:
        if not self._recipient and not self._server.eager:
            await self._say("503 5.5.1 to whom?")
            return
        if not await self._answer("DATA", "354 go on"):
            return
        if not self._recipient:
            assert await self._reader.readline() == b".\r\n"  # an empty message, if any
            if not self._server.lmtp:
                await self._say("554 5.5.1 to nobody")
            return
        if self._server.taken_in is not None:
            self._server.taken_in.set()
        within = self._server.fault(WITHIN)
        if within is not None:
            await self._reader.readexactly(20)
            await self._do(within, "")
        data = await self._reader.readuntil(b"\r\n.\r\n")
        found = re.search(rb"(?mi)^Message-ID: *(?:\r\n )?(\S+)\r$", data)
        taken = Taken(self._sender, self._recipient, found[1].decode() if found else "")
        fault = self._server.fault(DOT)
        if fault is None or isinstance(fault, Slow) or (isinstance(fault, Drop) and fault.take):
            self._take(taken)
        await self._do(fault, "250 2.0.0 taken")

    def _take(self, taken: Taken) -> None:
        assert taken.sender
        self._messages += 1
        self._server.taken.append(taken)
        self._server.on_taken(taken)

    async def _answer(self, place: str, usual: str) -> bool:
        """Answer a command; tell whether it was as usual."""
        fault = self._server.fault(place)
        await self._do(fault, usual)
        return fault is None or isinstance(fault, Slow)

    async def _do(self, fault: Fault | None, usual: str) -> None:
        if fault is None:
            if usual:
                await self._say(usual)
        elif isinstance(fault, Slow):
            for byte in f"{usual}\r\n".encode():
                self._writer.write(bytes([byte]))
                await self._writer.drain()
                await asyncio.sleep(0)
        elif isinstance(fault, Silence):
            await self._reader.read()
            raise _Hangup
        elif isinstance(fault, Say):
            await self._say(fault.text)
            if fault.hang_up:
                raise _Hangup
        else:
            if fault.reset:
                own: socket.socket = self._writer.get_extra_info("socket")
                linger = struct.pack("ii", 1, 0)
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._writer.transport.abort()
            raise _Hangup

    async def _say(self, text: str) -> None:
        self._writer.write(f"{text}\r\n".encode())
        await self._writer.drain()
