"""Replies come as servers send them: in pieces, together, unasked for, without end, or never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from digest.mail.transports.smtp.connection import MAX_REPLY, Connection, Reply
from tests.mail.servers import scripted


@asynccontextmanager
async def wired(
    *said: bytes, close: bool = False
) -> AsyncIterator[tuple[Connection, asyncio.StreamReader]]:
    """Give a wire whose other end says this piece by piece, and what that end hears."""
    heard: asyncio.Future[asyncio.StreamReader] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in said:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        heard.set_result(reader)
        if not close:
            await over.wait()

    async with scripted(script) as port:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        wire = Connection(transport)
        wire.send(b"", replies=9)
        try:
            yield wire, await heard
        finally:
            over.set()
            wire.close()


@pytest.mark.parametrize(
    ("said", "replies"),
    [
        ([b"250 ok\r\n"], [Reply(250, "ok")]),
        ([b"2", b"50 o", b"k\r", b"\n"], [Reply(250, "ok")]),
        ([b"250 a\r\n250 b\r\n354 c\r\n"], [Reply(250, "a"), Reply(250, "b"), Reply(354, "c")]),
        ([b"250-a\r\n250-b\r\n250 c\r\n"], [Reply(250, "a\nb\nc")]),
        ([b"250-a\r\n25", b"0 b\r\n250 c\r\n"], [Reply(250, "a\nb"), Reply(250, "c")]),
        ([b"250\r\n250\n"], [Reply(250, ""), Reply(250, "")]),
        (
            ["554 没有\r\n".encode(), b"550 \xff\r\n"],
            [Reply(554, "没有"), Reply(550, "\N{REPLACEMENT CHARACTER}")],
        ),
    ],
)
async def test_replies_are_put_together(said: list[bytes], replies: list[Reply]) -> None:
    async with wired(*said) as (wire, _):
        assert await wire.replies(len(replies), 5) == replies
        assert wire.problem is None


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"what?\r\n", "no answer that SMTP knows: what?"),
        (b"25 ok\r\n", "no answer that SMTP knows"),
        (b"250+ok\r\n", "no answer that SMTP knows"),
        ("２５０ ok\r\n".encode(), "no answer that SMTP knows"),
        (b"x" * (MAX_REPLY + 1), "no end"),
        (b"250-more\r\n" * (MAX_REPLY // 8), "no end"),
    ],
)
async def test_what_is_no_reply_is_the_end(said: bytes, problem: str) -> None:
    async with wired(b"250 ok\r\n", said, b"250 late\r\n") as (wire, _):
        assert await wire.replies(2, 5) == [Reply(250, "ok")]  # what came before counts
        assert problem in str(wire.problem)
        assert await wire.replies(1, 5) == []


async def test_a_connection_that_ends_gives_the_replies_that_came() -> None:
    async with wired(b"421 bye\r\n", close=True) as (wire, _):
        assert await wire.replies(3, 5) == [Reply(421, "bye")]
        assert wire.problem == "the connection was lost"
        wire.send(b"MAIL\r\n", replies=1)  # goes nowhere, and breaks nothing
        assert await wire.replies(1, 5) == []


async def test_a_transport_that_has_gone_is_of_no_use() -> None:
    async with wired() as (first, _):
        first.transport.abort()
        assert Connection(first.transport).problem == "the connection was lost"


async def test_what_nobody_asked_for_is_a_goodbye() -> None:
    async with wired() as (wire, _):
        wire._due = 0
        wire.data_received(b"421 4.4.2 idle for too long\r\n")
        assert wire.problem == "the server has gone: 421 4.4.2 idle for too long"
        assert wire.transport.is_closing()


async def test_each_reply_may_take_its_time_and_silence_is_the_end() -> None:
    async with wired() as (wire, _):
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(1, 4):
            loop.call_at(began + number * 0.06, wire.data_received, b"250 ok\r\n")
        assert len(await wire.replies(4, 0.1)) == 3  # together they took longer than one may
        assert wire.problem == "Timed out waiting for an answer"
        assert 0.26 <= loop.time() - began < 2


async def test_a_shorter_patience_is_not_kept_waiting_by_a_longer_one() -> None:
    async with wired(b"250 ok\r\n") as (wire, _):
        await wire.replies(1, 60)
        began = asyncio.get_running_loop().time()
        assert await wire.replies(1, 0.05) == []
        assert asyncio.get_running_loop().time() - began < 2


async def test_hanging_up_sends_nothing_more() -> None:
    async with wired() as (wire, reader):
        wire.send(b"x" * 50_000_000, replies=1)  # more than any buffer takes
        wire.close()
        heard = b""
        with suppress(ConnectionError):
            heard = await reader.read(-1)
        assert len(heard) < 50_000_000
        assert wire.problem == "the connection was closed"


async def test_where_the_other_end_says_no_more_nothing_of_the_buffer_goes_out() -> None:
    """A message that counts as not sent must not become whole when the wire is closed."""
    size = 0
    ended = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal size
        await reader.read(1)
        writer.write_eof()  # but it reads on
        with suppress(ConnectionError):
            while piece := await reader.read(1 << 16):
                size += len(piece)
        ended.set()

    async with scripted(script) as port:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        wire = Connection(transport)
        wire.send(b"x" * 40_000_000, replies=1)
        assert await wire.replies(1, 5) == []
        await ended.wait()
    assert wire.problem == "the connection was lost"
    assert size < 40_000_000 - 1
