"""What is said to hand a message over, in which order, and what holds the message back."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DeliveryRefused, ServerUnavailable, StoreError
from digest.mail.message import Envelope
from digest.mail.transports.smtp.protocol import transparent
from tests.mail.faults import Drop, FaultyServer, Say
from tests.mail.servers import make_envelope, transport

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
