"""Requests to subscribe: kept until they are confirmed or expire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, select, update

from digest.store.address_changes import change_address
from digest.store.connection import Database, Lock
from digest.store.schema import person, signup, subscriber
from digest.store.subscriber_addition import SubscriberAddition, folded
from digest.subscribers.model import NewSubscriber, Outcome, SubscriberState
from digest.subscribers.signup import (
    CONFIRM_WITHIN,
    PERIOD,
    Answer,
    Signup,
    SignupLimits,
    verdict,
)


class SignupStore:
    """Requests to subscribe and their confirmation. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, new: Signup, limits: SignupLimits) -> Answer:
        """Store a request whose mail is then waiting, where the limits allow it.

        A request for a suppressed address is stored and answered like any other, without a mail.
        """
        now = new.requested_at
        with self._database.read() as connection:
            answer = _verdict(connection, new, limits)
        if answer is not Answer.TAKEN:
            return answer
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            answer = _verdict(connection, new, limits)
            if answer is not Answer.TAKEN:
                return answer
            key = folded(new.address)
            expired = signup.c.requested_at < now - CONFIRM_WITHIN
            connection.execute(delete(signup).where(expired | (signup.c.folded == key)))
            suppressed = select(subscriber.c.id).join(person, person.c.id == subscriber.c.person)
            suppressed = suppressed.where(
                person.c.folded == key, subscriber.c.state == SubscriberState.SUPPRESSED
            )
            values = {
                "identifier": new.identifier,
                "folded": key,
                "address": new.address,
                "digests": new.digests,
                "categories": new.categories,
                "language": new.language,
                "network": new.network,
                "wording": new.wording,
                "requested_at": now,
                "timezone": new.timezone,
                "person": new.person,
                "sent_at": now if connection.execute(suppressed).first() else None,
            }
            connection.execute(signup.insert(), values)
            return answer

    def waiting(self, now: datetime) -> list[Signup]:
        """Return the requests whose mail is to be sent, oldest first; none that expired."""
        query = select(signup).where(
            signup.c.sent_at.is_(None), signup.c.requested_at > now - CONFIRM_WITHIN
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(signup.c.requested_at))
            return list(map(_from_row, rows))

    def mark_sent(self, identifier: str, now: datetime) -> None:
        """Note that the mail of a request is sent, or that it cannot be."""
        statement = update(signup).where(signup.c.identifier == identifier)
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            connection.execute(statement.values(sent_at=now))

    def find(self, identifier: str) -> Signup | None:
        """Return a request; None if there is none (any more)."""
        with self._database.read() as connection:
            return _find(connection, identifier)

    def of_person(self, address: str, person: str) -> list[Signup]:
        """Return the requests for an address, and those of a person for another one."""
        mine = (signup.c.folded == folded(address)) | (signup.c.person == person)
        with self._database.read() as connection:
            rows = connection.execute(select(signup).where(mine).order_by(signup.c.requested_at))
            return list(map(_from_row, rows))

    def confirm(
        self, identifier: str, now: datetime, network: str, keys: Sequence[bytes] = ()
    ) -> tuple[Outcome, ...]:
        """Subscribe who asked, to each digest, or change their address; return the outcomes.

        That is done once for each request: nothing is returned for a request that was confirmed
        before or is not there. ``network`` is that of the client that confirms. A mark of the
        address as erased, made with one of ``keys``, is deleted.
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            request = _find(connection, identifier)
            if request is None or request.confirmed_at is not None:
                return ()
            mine = signup.c.identifier == identifier
            connection.execute(update(signup).where(mine).values(confirmed_at=now))
            if request.person is not None:
                return change_address(connection, request, now, network, keys)
            new = [
                NewSubscriber(
                    address=request.address,
                    digest=digest,
                    categories=request.categories,
                    language=request.language,
                    timezone=request.timezone,
                    consent=request.consent(now, network),
                    reason="by the form on the web",
                )
                for digest in request.digests
            ]
            addition = SubscriberAddition(connection, now, again=True, welcome=True, keys=keys)
            return tuple(addition.run(new))


def _verdict(connection: Connection, new: Signup, limits: SignupLimits) -> Answer:
    def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = select(
        counted(signup.c.folded == folded(new.address)).label("repeated"),
        counted(signup.c.network == new.network).label("network"),
        counted(signup.c.sent_at.is_(None)).label("waiting"),
        func.count().label("total"),
    ).where(signup.c.requested_at > new.requested_at - PERIOD)
    row = connection.execute(query).one()
    return verdict(
        limits,
        repeated=row.repeated > 0,
        network=row.network,
        total=row.total,
        waiting=row.waiting,
    )


def _find(connection: Connection, identifier: str) -> Signup | None:
    row = connection.execute(select(signup).where(signup.c.identifier == identifier)).one_or_none()
    return None if row is None else _from_row(row)


def _from_row(row: Row[Any]) -> Signup:
    return Signup(
        identifier=row.identifier,
        address=row.address,
        digests=row.digests,
        categories=row.categories,
        language=row.language,
        network=row.network,
        wording=row.wording,
        requested_at=row.requested_at,
        confirmed_at=row.confirmed_at,
        timezone=row.timezone,
        person=row.person,
    )
