"""What is said to hand a message over, what holds it back, and what a connection receives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DeliveryRefused, ServerUnavailable, StoreError
from digest.mail.message import Envelope
from digest.mail.transports.smtp.protocol import MAX_REPLY, Connection, Reply, transparent
from tests.mail.faults import Drop, FaultyServer, Say
from tests.mail.servers import make_envelope, scripted, transport

PIPELINING = ("PIPELINING", "8BITMIME")


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a\n.\nb\r.c", b"a\r\n..\r\nb\r\n..c\r\n"),
        (b"a\r\r\n.\n\r", b"a\r\n\r\n..\r\n\r\n"),
        (b"a", b"a\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_no_line_ends_the_message_before_its_end(message: bytes, sent: bytes) -> None:
    assert transparent(message) == sent


@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"a", b"\r\n.\r\n"])).map(b"".join))
def test_a_message_is_read_back_as_it_was_whatever_it_holds(message: bytes) -> None:
    sent = transparent(message)
    assert b"\r\n.\r\n" not in b"\r\n" + sent
    assert sent.endswith(b"\r\n")
    assert sent.replace(b"\r\n", b"").count(b"\n") == sent.replace(b"\r\n", b"").count(b"\r") == 0
    lines = [line.removeprefix(b".") for line in sent.split(b"\r\n")]
    wished = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert lines == wished if message.endswith((b"\r", b"\n")) else lines == [*wished, b""]


@pytest.mark.parametrize("extensions", [PIPELINING, ("8BITMIME",), ("pipelining",)])
async def test_commands_go_together_where_the_server_takes_them_so(
    extensions: tuple[str, ...],
) -> None:
    server = FaultyServer(extensions=extensions)
    async with server.serving() as port, transport(port) as smtp:
        for number in range(3):
            await smtp.send(make_envelope(f"r{number}@example.net"))
    together = "PIPELINING" in map(str.upper, extensions)
    turn = [["MAIL", "RCPT", "DATA"]] if together else [["MAIL"], ["RCPT"], ["DATA"]]
    assert server.turns == [["EHLO"], *turn * 3, ["QUIT"]]
    assert len(server.taken) == 3


async def test_lmtp_pipelines_too() -> None:
    server = FaultyServer(extensions=PIPELINING)
    async with server.serving() as port, transport(port, lmtp=True) as smtp:
        await smtp.send(make_envelope())
    assert server.turns == [["LHLO"], ["MAIL", "RCPT", "DATA"], ["QUIT"]]


async def test_lmtp_has_no_answer_to_an_empty_message() -> None:
    server = FaultyServer(
        extensions=PIPELINING, eager=True, lmtp=True, recipients={"anna@example.net": ["550 no"]}
    )
    async with server.serving() as port, transport(port, lmtp=True) as smtp:
        with pytest.raises(DeliveryRefused, match="550 no"):
            await smtp.send(make_envelope())
        await smtp.send(make_envelope("next@example.net"))
    assert server.sessions == 1
    assert [taken.recipient for taken in server.taken] == ["next@example.net"]


@pytest.mark.parametrize("address", ["a b@example.net", "a>@example.net", "a\r\nDATA@example.net"])
async def test_no_address_can_say_anything_else(address: str) -> None:
    server = FaultyServer(extensions=PIPELINING)
    async with server.serving() as port, transport(port) as smtp:
        with pytest.raises(DeliveryRefused, match="no address"):
            await smtp.send(make_envelope(address))
        with pytest.raises(DeliveryRefused, match="no address"):
            await smtp.send(Envelope(sender=address, recipient="a@example.net", message=b""))
    assert server.commands.keys() == {"EHLO", "QUIT"}


@pytest.mark.parametrize("extensions", [PIPELINING, ()])
async def test_a_message_waits_for_what_it_is_to_come_after(extensions: tuple[str, ...]) -> None:
    server = FaultyServer(extensions=extensions, taken_in=asyncio.Event())
    after: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with server.serving() as port, transport(port) as smtp:
        sending = asyncio.create_task(smtp.send(make_envelope(), after))
        assert server.taken_in is not None
        await server.taken_in.wait()  # it is at DATA already
        for _ in range(20):
            await asyncio.sleep(0)
        assert (server.taken, sending.done()) == ([], False)
        after.set_result(None)
        await sending
    assert len(server.taken) == 1


async def test_what_cannot_come_after_anything_never_comes() -> None:
    server = FaultyServer(extensions=PIPELINING)
    after: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    after.set_exception(StoreError("locked"))
    async with server.serving() as port, transport(port) as smtp:
        with pytest.raises(StoreError):
            await smtp.send(make_envelope(), after)
        assert not smtp._idle  # the server waits for a message there
        await smtp.send(make_envelope("next@example.net"))
    assert [taken.recipient for taken in server.taken] == ["next@example.net"]
    assert server.sessions == 2


async def test_being_cancelled_while_waiting_sends_nothing_and_cancels_nothing() -> None:
    server = FaultyServer(extensions=PIPELINING, taken_in=asyncio.Event())
    after: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with server.serving() as port, transport(port) as smtp:
        sending = asyncio.create_task(smtp.send(make_envelope(), after))
        assert server.taken_in is not None
        await server.taken_in.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not after.cancelled()
        await server.alone.wait()
    assert server.taken == []


@pytest.mark.parametrize("fault", [Say("421 4.3.2 bye", hang_up=True), Drop()])
@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
async def test_a_kept_connection_that_goes_before_the_message_is_replaced(
    at: str, fault: Say | Drop
) -> None:
    server = FaultyServer(extensions=PIPELINING)
    async with server.serving() as port, transport(port) as smtp:
        await smtp.send(make_envelope())
        server.plan[at] = [fault]
        await smtp.send(make_envelope("next@example.net"))
    assert server.sessions == 2
    assert len(server.counts()) == len(server.taken) == 2


async def test_a_session_that_cannot_be_reset_is_left() -> None:
    server = FaultyServer(
        extensions=PIPELINING,
        recipients={"anna@example.net": ["550 no"]},
        plan={"RSET": [Say("500 what?")]},
    )
    async with server.serving() as port, transport(port) as smtp:
        with pytest.raises(DeliveryRefused):
            await smtp.send(make_envelope())
        await smtp.send(make_envelope("next@example.net"))
    assert server.sessions == 2


async def test_a_server_that_answers_too_few_commands_is_not_waited_for_for_ever() -> None:
    server = FaultyServer(extensions=PIPELINING, plan={"RCPT": [Say("")]})
    async with server.serving() as port, transport(port) as smtp:
        with pytest.raises(ServerUnavailable, match="no answer that SMTP knows"):
            await smtp.send(make_envelope())
    assert server.taken == []


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
