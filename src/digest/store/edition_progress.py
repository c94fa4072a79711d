"""Progress of editions, and reports of finished ones to the operator."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from digest.editions.delivery import DeliveryState
from digest.editions.model import Edition, EditionState
from digest.editions.progress import LATELY, DeliveryRecord, EditionResult, EditionStatus, Progress
from digest.store import edition_rows
from digest.store.connection import Database, Lock
from digest.store.schema import delivery, edition, edition_article, person, subscriber

#: Different errors that a report tells; the most frequent ones.
_ERRORS = 5


class Reports:
    """Reads progress for commands and reports. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def progress(self, edition_id: int, now: datetime) -> Progress:
        """Return the progress of an edition."""
        with self._database.read() as connection:
            return _progress(connection, edition_id, now)

    def open(self, now: datetime) -> list[tuple[Edition, Progress]]:
        """Return the editions that are being sent, oldest first."""
        query = select(edition).where(edition.c.state == EditionState.OPEN).order_by(edition.c.id)
        with self._database.read() as connection:
            opened = [edition_rows.from_row(row) for row in connection.execute(query)]
            return [(made, _progress(connection, made.id, now)) for made in opened]

    def listed(self, digest: str | None, limit: int) -> list[EditionStatus]:
        """Return the newest editions of one digest or all with their states, newest first."""
        query = select(edition).order_by(edition.c.id.desc()).limit(limit)
        if digest is not None:
            query = query.where(edition.c.digest == digest)
        with self._database.read() as connection:
            listed = [edition_rows.from_row(row) for row in connection.execute(query)]
            return [_status(connection, made) for made in listed]

    def status(self, edition_id: int) -> EditionStatus | None:
        """Return an edition with its states; None if there is none with this id."""
        query = select(edition).where(edition.c.id == edition_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else _status(connection, edition_rows.from_row(row))

    def deliveries(
        self, edition_id: int, state: DeliveryState | None, limit: int
    ) -> list[DeliveryRecord]:
        """Return the deliveries of an edition, in one state or all, last changed first."""
        query = (
            select(delivery, person.c.address)
            .outerjoin(subscriber, subscriber.c.id == delivery.c.subscriber)
            .outerjoin(person, person.c.id == subscriber.c.person)
            .where(delivery.c.edition == edition_id)
            .order_by(delivery.c.changed_at.desc(), delivery.c.id.desc())
            .limit(limit)
        )
        if state is not None:
            query = query.where(delivery.c.state == state)
        with self._database.read() as connection:
            return [
                DeliveryRecord(
                    id=row.id,
                    address=row.address,
                    state=DeliveryState(row.state),
                    attempts=row.attempts,
                    changed_at=row.changed_at,
                    due_at=row.due_at,
                    error=row.error,
                )
                for row in connection.execute(query)
            ]

    def unreported(self, now: datetime) -> list[EditionResult]:
        """Return the outcomes of finished editions not reported yet, oldest first."""
        query = select(edition).where(
            edition.c.state == EditionState.DONE, edition.c.reported_at.is_(None)
        )
        with self._database.read() as connection:
            ended = [edition_rows.from_row(row) for row in connection.execute(query)]
            return [
                EditionResult(
                    edition=made,
                    progress=_progress(connection, made.id, now),
                    errors=_errors(connection, made.id),
                )
                for made in sorted(ended, key=lambda made: made.id)
            ]

    def mark_reported(self, edition_id: int, now: datetime) -> None:
        """Record that an edition was reported to the operator."""
        statement = update(edition).where(edition.c.id == edition_id).values(reported_at=now)
        with self._database.write(Lock.DELIVERIES) as connection:
            connection.execute(statement)


def _status(connection: Connection, made: Edition) -> EditionStatus:
    held = select(func.count()).where(edition_article.c.edition == made.id)
    return EditionStatus(
        edition=made,
        articles=connection.scalar(held) or 0,
        states=edition_rows.states(connection, made.id),
        errors=_errors(connection, made.id),
    )


def _progress(connection: Connection, edition_id: int, now: datetime) -> Progress:
    mine = delivery.c.edition == edition_id
    lately, first = connection.execute(
        select(func.count(), func.min(delivery.c.changed_at)).where(
            mine, delivery.c.state == DeliveryState.SENT, delivery.c.changed_at > now - LATELY
        )
    ).one()
    queued = mine & (delivery.c.state == DeliveryState.QUEUED)
    later = select(func.count()).where(queued, delivery.c.due_at > now)
    return Progress(
        states=edition_rows.states(connection, edition_id),
        lately=lately,
        since=max(now - first, timedelta()) if first else timedelta(),
        later=connection.scalar(later) or 0,
        ended_at=connection.scalar(select(func.max(delivery.c.changed_at)).where(mine)),
    )


def _errors(connection: Connection, edition_id: int) -> list[tuple[str, int]]:
    """Return the most frequent errors of deliveries, each with its number."""
    number = func.count().label("number")
    query = (
        select(delivery.c.error, number)
        .where(
            delivery.c.edition == edition_id,
            delivery.c.state.in_([DeliveryState.FAILED, DeliveryState.EXPIRED]),
            delivery.c.error.is_not(None),
        )
        .group_by(delivery.c.error)
        .order_by(number.desc(), delivery.c.error)
        .limit(_ERRORS)
    )
    return [(error, count) for error, count in connection.execute(query)]
