"""Decisions: what the operator says of editions: approve, cancel, send again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from digest.mail.delivery import REOPENS, DeliveryState
from digest.mail.edition import Digest, Edition, EditionState
from digest.mail.subscriber import SubscriberState
from digest.store import editions
from digest.store.connection import Database, Lock
from digest.store.outbox import call_back
from digest.store.posting import close
from digest.store.schema import delivery, edition, subscriber


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

    def mark_announced(self, edition_id: int, now: datetime) -> None:
        """Remember that the operator was asked to approve an edition."""
        statement = update(edition).where(edition.c.id == edition_id).values(announced_at=now)
        with self._database.write(Lock.OUTBOX) as connection:
            connection.execute(statement)

    def approve(self, edition_id: int, digest: Digest, now: datetime) -> bool:
        """Open a draft of a digest, to all who are subscribed now; False where it is no draft."""
        with self._database.write(Lock.OUTBOX) as connection:
            if not _become(connection, edition_id, EditionState.DRAFT, EditionState.OPEN):
                return False
            editions.address(connection, edition_id, digest, now)
            close(connection)
            return True

    def cancel(self, edition_id: int, now: datetime) -> bool:
        """Drop a draft, or call back what an edition has not sent; False where nothing is left.

        Its articles come in no other edition. What is being sent at this moment still arrives.
        """
        cancelled = (
            update(edition)
            .where(
                edition.c.id == edition_id,
                or_(
                    edition.c.state == EditionState.DRAFT,
                    (edition.c.state == EditionState.OPEN) & edition.c.cancelled_at.is_(None),
                ),
            )
            .values(cancelled_at=now)
        )
        with self._database.write(Lock.OUTBOX) as connection:
            if not connection.execute(cancelled).rowcount:
                return False
            if not _become(connection, edition_id, EditionState.DRAFT, EditionState.CANCELLED):
                call_back(connection, edition_id, now)
                close(connection)
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
            .values(state=EditionState.OPEN, reported_at=None)
        )
        with self._database.write(Lock.OUTBOX) as connection:
            queued = connection.execute(statement).rowcount
            if queued:
                connection.execute(reopened)
            return queued


def _become(
    connection: Connection, edition_id: int, before: EditionState, after: EditionState
) -> bool:
    statement = update(edition).where(edition.c.id == edition_id, edition.c.state == before)
    return connection.execute(statement.values(state=after)).rowcount == 1
