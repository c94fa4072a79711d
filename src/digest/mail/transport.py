"""Transport: what the outbox needs of whatever carries messages."""

from __future__ import annotations

from typing import Protocol

from digest.mail.message import Envelope


class Transport(Protocol):
    """A way for messages to leave: SMTP, a Maildir."""

    async def send(self, envelope: Envelope) -> None:
        """Hand a message over; return when it was taken.

        Raises DeliveryDeferred or DeliveryRefused.
        """
        ...

    async def close(self) -> None:
        """End all connections."""
        ...
