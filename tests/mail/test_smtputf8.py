"""Readers whose address has other letters before the @ (RFC 6531), with servers that know them."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from typing import Any

import pytest

from digest.errors import DeliveryRefused
from digest.mail.message import Envelope, MessageFields, compose
from tests.mail.samples import SENDER
from tests.mail.servers import Handler, make_envelope, serving, smtpd, transport
from tests.mail.test_message import LETTER, SLIP

READER = "李雷@例子.中国"
ON_THE_WIRE = "李雷@xn--fsqu00a.xn--fiqs8s"


class Curious(Handler):
    """Remembers what is said with MAIL."""

    def __init__(self) -> None:
        super().__init__()
        self.options: list[list[str]] = []

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.options.append(options)
        return await super().handle_MAIL(server, session, envelope, address, options)


def composed(slip: MessageFields = SLIP) -> Envelope:
    return compose(LETTER, replace(slip, address=READER), SENDER)


def test_the_address_stands_in_the_field_as_it_is() -> None:
    envelope = composed()
    assert envelope.utf8
    assert envelope.recipient == ON_THE_WIRE
    message = email.message_from_string(envelope.message.decode(), policy=email.policy.SMTPUTF8)
    assert [one.addr_spec for one in message["To"].addresses] == [ON_THE_WIRE]
    head = envelope.message.partition(b"\r\n\r\n")[0]
    assert f"<{ON_THE_WIRE}>".encode() in head
    assert head.replace("李雷@".encode(), b"").isascii()
    assert not compose(LETTER, SLIP, SENDER).utf8


async def test_a_server_that_knows_such_addresses_takes_the_mail() -> None:
    handler = Curious()
    envelope = composed()
    async with (
        serving(smtpd(handler, enable_SMTPUTF8=True)) as port,
        transport(port) as smtp,
    ):
        await smtp.send(envelope)
        await smtp.send(make_envelope())
    first, second = handler.taken
    assert first.rcpt_tos == [ON_THE_WIRE]
    assert first.original_content == envelope.message
    assert second.rcpt_tos == ["anna@example.net"]
    assert [sorted(one) for one in handler.options] == [["BODY=8BITMIME", "SMTPUTF8"], []]


async def test_another_server_refuses_this_reader_alone() -> None:
    handler = Handler()
    async with serving(smtpd(handler)) as port, transport(port) as smtp:
        with pytest.raises(DeliveryRefused, match="no SMTPUTF8") as caught:
            await smtp.send(composed())
        await smtp.send(make_envelope())
    assert type(caught.value) is DeliveryRefused  # nobody is suppressed for that
    assert len(handler.taken) == 1
    assert len(handler.sessions) == 1
