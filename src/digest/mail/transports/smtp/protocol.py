"""The dialogue: what is said over a wire to hand one message over (RFC 5321, RFC 2920).

To a server that offers PIPELINING the commands MAIL, RCPT and DATA go together, which takes one
turn in place of three. All their replies are read whatever the first one says.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from digest.errors import DeliveryError, DeliveryRefused, ServerUnavailable
from digest.mail.message import Envelope
from digest.mail.text_layout import cut, one_line
from digest.mail.transports.smtp.connection import Reply, Wire
from digest.mail.transports.smtp.reply_codes import Stage, error_of
from digest.mail.transports.transport import done
from digest.subscribers.address import without_addresses

#: The answer to the final dot takes longest, and who gives up on it sends twice
#: (RFC 5321 section 4.5.3.2.6 allows it ten minutes, the other commands five or less).
PATIENCE_AFTER_DATA = 4
#: Columns of a server's reply that are kept.
_MAX_REPLY = 300
#: "Go ahead" to DATA (RFC 5321 section 4.2.2).
_START = 354

_DOT = b".\r\n"

_STAGES = (Stage.SENDER, Stage.RECIPIENT, Stage.MESSAGE)
_PATH = re.compile(r"[^\x00-\x20<>\x7f]*")  # neither space nor control characters, < and >
_NO_UTF8 = "the part before the @ is not ASCII, and the server has no SMTPUTF8 (RFC 6531)"
_LOOSE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")


@dataclass(slots=True, kw_only=True)
class Dialogue:
    """How to talk to a server over one wire. Its messages come one after the other."""

    wire: Wire
    server: str  #: as errors name it
    timeout: float  #: seconds for each answer
    pipelining: bool  #: whether the server takes commands together
    utf8: bool = False  #: whether it takes addresses in any script (SMTPUTF8, RFC 6531)
    lmtp: bool = False

    async def begin(self, envelope: Envelope) -> None:
        """Say from whom and to whom the message is, until the server waits for it.

        After a refusal the session is in order again: what is raised is ServerUnavailable where
        it is not, else what ``mail.replies`` makes of the answer.
        """
        if envelope.utf8 and not self.utf8:
            raise DeliveryRefused(None, _NO_UTF8)
        commands = _commands(envelope)
        for turn in [range(3)] if self.pipelining else [range(1), range(1, 2), range(2, 3)]:
            self.wire.send(b"".join(commands[turn.start : turn.stop]), replies=len(turn))
            got = await self.wire.replies(len(turn), self.timeout)
            error = self._refusal(_STAGES[turn.start : turn.stop], got)
            if error is not None:
                await self._withdraw(error, got)
                raise error

    async def finish(self, envelope: Envelope, after: asyncio.Future[None] | None) -> None:
        """Send the message; return when the server has taken it. Raises as ``begin`` does.

        It waits for ``after``: what that raises is raised, and the wire is of no use any more.
        """
        await done(after)
        message = envelope.message if envelope.transparent else transparent(envelope.message)
        self.wire.send(message + _DOT, replies=1)
        got = await self.wire.replies(1, self.timeout * PATIENCE_AFTER_DATA)
        error = self._refusal((Stage.MESSAGE,), got, taken=True)
        if error is not None:
            await self._withdraw(error, got)
            raise error

    async def ask(self, command: bytes, patience: float) -> Reply:
        """Return the reply to a command; raise ServerUnavailable where there is none."""
        self.wire.send(command + b"\r\n", replies=1)
        for reply in await self.wire.replies(1, patience):
            return reply
        raise self._lost()

    def _refusal(
        self, stages: Sequence[Stage], replies: Sequence[Reply], *, taken: bool = False
    ) -> DeliveryError | None:
        """Return what the first answer means that is no yes; ``taken``: after the final dot."""
        for stage, reply in zip(stages, replies, strict=False):
            wished = reply.code == _START if stage is Stage.MESSAGE and not taken else _yes(reply)
            if not wished:
                said = excerpt(reply.text)
                if stage is Stage.SENDER:
                    said = f"{self.server} refuses the sender: {said}"
                return error_of(stage, reply.code, reply.text, said)
        if len(replies) < len(stages):
            return self._lost(within=stages[len(replies)] is Stage.MESSAGE)
        return None

    async def _withdraw(self, error: DeliveryError, replies: Sequence[Reply]) -> None:
        """Bring the session in order after a refusal, or hang up."""
        try:
            if isinstance(error, ServerUnavailable):
                return
            if replies[-1].code == _START:
                # No recipient, and the server wants a message all the same: it gets an empty one,
                # which it has to refuse (RFC 2920 section 3.1). LMTP has no answer to it then.
                self.wire.send(_DOT, replies=0 if self.lmtp else 1)
                if not self.lmtp:
                    await self.wire.replies(1, self.timeout)
            self.wire.send(b"RSET\r\n", replies=1)
            answers = await self.wire.replies(1, self.timeout)
            if answers and _yes(answers[0]):
                return
            self.wire.close()
        except BaseException:
            self.wire.close()
            raise

    def _lost(self, *, within: bool = False) -> ServerUnavailable:
        broken = "the connection broke off while a message was sent: " if within else ""
        said = excerpt(self.wire.problem or "no answer")
        return ServerUnavailable(None, f"{self.server}: {broken}{said}")


def _yes(reply: Reply) -> bool:
    """Tell whether a command was carried out: its first digit says so (RFC 5321 section 4.2.1)."""
    return reply.code // 100 == 2


def _commands(envelope: Envelope) -> tuple[bytes, bytes, bytes]:
    """Return MAIL, RCPT and DATA; raise DeliveryRefused for addresses that cannot be said."""
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
    """Return a message as it stands between DATA and the final dot (RFC 5321 section 4.5.2).

    It ends with a line break, none of its lines ends otherwise than with CRLF, and those that
    begin with a dot have one more.
    """
    breaks = message.count(b"\n")
    if breaks != message.count(b"\r\n") or breaks != message.count(b"\r"):
        message = _LOOSE_END.sub(b"\r\n", message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") if b"\r\n." in message else message


def excerpt(text: str) -> str:
    """Return what a server or an error says, on one line, without addresses."""
    return cut(one_line(without_addresses(text)), _MAX_REPLY)
