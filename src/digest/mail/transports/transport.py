"""Transport: what the outbox needs of whatever carries messages."""

from __future__ import annotations

import asyncio
from typing import Protocol

from digest.mail.message import Envelope


class Transport(Protocol):
    """A way for messages to leave: SMTP, a Maildir."""

    async def send(self, envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        """Hand a message over; return when it was taken.

        No server can have it before ``after`` is done, nor where that fails: what it raises is
        raised. Raises DeliveryDeferred or DeliveryRefused.
        """

    async def close(self) -> None:
        """End all connections."""


async def done(after: asyncio.Future[None] | None) -> None:
    """Return when ``after`` is done; raise what it raises. It goes on where we are cancelled."""
    if after is None:
        return
    if after.done():
        after.result()
    else:
        await asyncio.shield(after)
