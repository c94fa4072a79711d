"""Mailing: open editions when they are due, and work off the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from digest.articles.model import Article
from digest.mail.delivery import Delivery, DeliveryState
from digest.mail.edition import Digest, Edition
from digest.mail.message import Envelope as Envelope  # part of Transport


class MailStore(Protocol):
    """What mailing needs of the store."""

    def open_edition(
        self, digest: Digest, due_at: datetime, now: datetime, *, latest: int | None = None
    ) -> Edition | None:
        """Make the edition due at a moment, with its deliveries, all or nothing.

        It takes the articles after the digest's last edition that the digest selects (with
        ``latest``, that many newest ones instead), and a delivery for every active subscriber
        whose categories hold one of them. None where ``(digest, due_at)`` was made before.
        """
        ...

    def edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        """Return an edition and its articles as they are now, in order of sequence."""
        ...

    def claim(self, limit: int, now: datetime, lease: timedelta) -> list[Delivery]:
        """Take deliveries that are due (queued, deferred until now, or with a lease that ran out).

        They become ``sending`` until ``now + lease``. Oldest first. Subscribers who are no longer
        active are not among them: their deliveries become ``suppressed``.
        """
        ...

    def still_wanted(self, delivery_id: int) -> bool:
        """Tell, right before sending, whether the subscriber is still active."""
        ...

    def settle(
        self,
        delivery_id: int,
        state: DeliveryState,
        now: datetime,
        *,
        next_attempt_at: datetime | None = None,
        error: str | None = None,
    ) -> bool:
        """Say how an attempt ended; False where the delivery was not ``sending`` any more.

        Every state but ``queued`` counts as an attempt. The edition is done with its last one.
        """
        ...

    def next_due_at(self) -> datetime | None:
        """Return when the outbox next has something to do; None where it is empty."""
        ...


class Transport(Protocol):
    """What mailing needs of whatever carries messages."""

    async def send(self, envelope: Envelope) -> None:
        """Hand a message over; return when it was taken.

        Raises DeliveryDeferred or DeliveryRefused.
        """
        ...

    async def close(self) -> None:
        """End all connections."""
        ...
