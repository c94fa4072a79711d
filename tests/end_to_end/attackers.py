"""Hostile clients of the web server, in a process of their own.

``python -m tests.end_to_end.attackers PORT`` attacks until it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Awaitable, Callable

#: Clients of each kind.
SILENT, DELTAS, DEAF, HEADS = 400, 8, 20, 4
#: What a client of deltas says it has: 7 KB of entity tags.
_TAGS = b", ".join(b'"%032x"' % number for number in range(200))


async def be_silent(port: int) -> None:
    """Hold a connection and say nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await reader.read()
    finally:
        writer.transport.abort()


async def ask_for_deltas(port: int) -> None:
    """Ask for what is new since versions that there never were, again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            writer.write(
                b"GET /feeds/rss.xml HTTP/1.1\r\nHost: x\r\nA-IM: feed\r\nIf-None-Match: "
                + _TAGS
                + b"\r\n\r\n"
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            await reader.readexactly(length)
    finally:
        writer.transport.abort()


async def read_nothing(port: int) -> None:
    """Ask for the largest document, plain, and take nothing of it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, b"GET /feeds/rss.xml HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
        await asyncio.sleep(40)
    finally:
        client.close()


async def send_endless_heads(port: int) -> None:
    """Send a head without an end, and one with a long list of encodings."""
    for start in (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"GET / HTTP/1.1\r\nAccept-Encoding: "):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(start)
            while True:
                writer.write(b"gzip;q=0.1," * 6_000)
                await writer.drain()
        except ConnectionError:
            continue
        finally:
            writer.transport.abort()


async def _again(attack: Callable[[int], Awaitable[None]], port: int) -> None:
    while True:
        with contextlib.suppress(OSError, EOFError):
            await attack(port)
        await asyncio.sleep(0.2)


async def main(port: int) -> None:
    """Attack in every way at once."""
    kinds = {
        be_silent: SILENT,
        ask_for_deltas: DELTAS,
        read_nothing: DEAF,
        send_endless_heads: HEADS,
    }
    async with asyncio.TaskGroup() as tasks:
        for attack, count in kinds.items():
            for _ in range(count):
                tasks.create_task(_again(attack, port))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
