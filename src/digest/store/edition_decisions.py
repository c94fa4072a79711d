"""Decisions: what the operator says of editions: approve, drop, cancel, send again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, null, select, update

from digest.editions.delivery import REOPENS, DeliveryState
from digest.editions.model import Digest, Edition, EditionState
from digest.store import editions
from digest.store.connection import Database, Lock
from digest.store.deliveries import call_back
from digest.store.delivery_rows import close
from digest.store.revisions import advance
from digest.store.schema import delivery, edition, subscriber
from digest.subscribers.model import SubscriberState


class Decisions:
    """Changes editions as the operator wishes. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def drafts(self, digest: str | None = None) -> list[tuple[Edition, bool]]:
        """Return the editions that wait for approval, oldest first.

        With each, whether the operator was asked to.
        """
        query = select(edition).where(edition.c.state == EditionState.DRAFT).order_by(edition.c.id)
        if digest is not None:
            query = query.where(edition.c.digest == digest)
        with self._database.read() as connection:
            return [
                (editions.from_row(row), row.announced_at is not None)
                for row in connection.execute(query)
            ]

    def readers(self, edition_id: int, digest: str) -> int:
        """Return to how many subscribers an edition of a digest would go now."""
        with self._database.read() as connection:
            return len(editions.readers(connection, edition_id, digest))

    def mark_announced(self, edition_id: int, now: datetime) -> None:
        """Remember that the operator was asked to approve an edition."""
        statement = update(edition).where(edition.c.id == edition_id).values(announced_at=now)
        with self._database.write(Lock.OUTBOX) as connection:
            connection.execute(statement)

    def approve(self, edition_id: int, digest: Digest, now: datetime) -> bool:
        """Open a draft of a digest, to all who are subscribed now; False where it is no draft."""
        with self._database.write(Lock.OUTBOX) as connection:
            if not _decide(connection, edition_id, state=EditionState.OPEN):
                return False
            editions.address(connection, edition_id, digest, now)
            advance(connection, now)
            close(connection, now)
            return True

    def drop(self, edition_id: int, now: datetime) -> bool:
        """Cancel a draft; False where it is none, such as one that was approved a moment ago.

        Its articles come in no other edition.
        """
        with self._database.write(Lock.OUTBOX) as connection:
            return _drop(connection, edition_id, now)

    def cancel(self, edition_id: int, now: datetime) -> bool:
        """Drop a draft, or call back what an edition has not sent; False where nothing is left.

        Its articles come in no other edition. What is being sent at this moment still arrives.
        """
        cancelled = update(edition).where(
            edition.c.id == edition_id,
            edition.c.state == EditionState.OPEN,
            edition.c.cancelled_at.is_(None),
        )
        with self._database.write(Lock.OUTBOX) as connection:
            if _drop(connection, edition_id, now):
                return True
            if not connection.execute(cancelled.values(cancelled_at=now)).rowcount:
                return False
            call_back(connection, edition_id, now)
            advance(connection, now)
            close(connection, now)
            return True

    def resend(self, edition_id: int, now: datetime) -> int:
        """Queue again what failed or expired, to subscribers still active; return how many.

        Each has as much time as at first, and keeps its Message-ID. A cancelled edition stays so.
        """
        active = select(subscriber.c.id).where(
            subscriber.c.id == delivery.c.subscriber,
            subscriber.c.state == SubscriberState.ACTIVE,
        )
        going_on = select(edition.c.id).where(
            edition.c.state.in_([EditionState.OPEN, EditionState.DONE]),
            edition.c.cancelled_at.is_(None),
        )
        statement = (
            update(delivery)
            .where(
                delivery.c.edition == edition_id,
                delivery.c.edition.in_(going_on),
                delivery.c.state.in_(REOPENS),
                active.exists(),
            )
            .values(
                state=DeliveryState.QUEUED,
                attempts=0,
                created_at=now,
                due_at=now,
                changed_at=now,
                error=None,
            )
        )
        reopened = (
            update(edition)
            .where(edition.c.id == edition_id)
            .values(
                state=EditionState.OPEN,
                reported_at=case((edition.c.welcome, edition.c.reported_at), else_=null()),
            )
        )
        with self._database.write(Lock.OUTBOX) as connection:
            queued = connection.execute(statement).rowcount
            if queued:
                connection.execute(reopened)
            return queued


def _decide(connection: Connection, edition_id: int, **values: Any) -> bool:
    """Set values of an edition that is a draft; False where it is none."""
    draft = (edition.c.id == edition_id) & (edition.c.state == EditionState.DRAFT)
    return connection.execute(update(edition).where(draft).values(values)).rowcount == 1


def _drop(connection: Connection, edition_id: int, now: datetime) -> bool:
    return _decide(connection, edition_id, state=EditionState.CANCELLED, cancelled_at=now)
