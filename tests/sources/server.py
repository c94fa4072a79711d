"""A web server on loopback that answers by script, byte by byte, and remembers its requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

#: Writes an answer; the connection is closed behind it.
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(
    body: bytes = b"", status: str = "200 OK", *, length: int | None = None, **headers: str
) -> Script:
    """Return a script that sends one answer; ``a_b`` names the header ``A-B``."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    fields["Content-Length"] = str(len(body) if length is None else length)
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    return send


async def silence(writer: asyncio.StreamWriter) -> None:
    """Say nothing until the client goes away."""
    await writer.wait_closed()


async def endless(writer: asyncio.StreamWriter) -> None:
    """Send a body that never ends, as fast as it is taken."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


@dataclass
class ScriptedServer:
    """What it answers by path, the last script of a list again and again."""

    port: int = 0
    scripts: dict[str, list[Script]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str = "/feed") -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, path: str, *scripts: Script) -> str:
        """Have a path answered; return its address."""
        self.scripts[path] = list(scripts)
        return self.url(path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            path = head[0].split(" ")[1]
            named = (line.partition(": ") for line in head[1:] if line)
            self.requests.append((path, {name.lower(): value for name, _, value in named}))
            scripts = self.scripts.get(path) or [answer(status="404 Not Found")]
            await (scripts.pop(0) if len(scripts) > 1 else scripts[0])(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.tasks.discard(task)


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    """Run a server until the block ends."""
    scripted = ScriptedServer()
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        for task in scripted.tasks:
            task.cancel()
        await asyncio.gather(*scripted.tasks, return_exceptions=True)
