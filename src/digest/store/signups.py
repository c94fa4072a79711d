"""Requests to subscribe or to change an address, stored until they are confirmed or expire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, literal, select, update

from digest.store.connection import Database, Lock
from digest.store.schema import erased_address, person, person_alias, signup, subscriber
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
from digest.subscribers.tokens import erasure_mark
from digest.times import rfc3339


class SignupStore:
    """Requests to subscribe and their confirmation. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, new: Signup, limits: SignupLimits) -> Answer:
        """Store a request if the limits allow it; its mail is then to be sent.

        A request for a suppressed address is stored and answered like any other, but gets no mail.
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
        """Record that the mail of a request is sent, or cannot be sent."""
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
        """Carry out a request, once, and return the outcome for each digest.

        It subscribes its address, or changes the address of its person. Return no outcome if the
        request was confirmed before or is unknown. ``network`` is that of the confirming client. A
        mark that the address was erased, made with one of ``keys``, is deleted.
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            request = _find(connection, identifier)
            if request is None or request.confirmed_at is not None:
                return ()
            mine = signup.c.identifier == identifier
            connection.execute(update(signup).where(mine).values(confirmed_at=now))
            if request.person is not None:
                return _change_address(connection, request, now, network, keys)
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


def _change_address(
    connection: Connection, request: Signup, now: datetime, network: str, keys: Sequence[bytes]
) -> tuple[Outcome, ...]:
    """Set the new address of a confirmed request's person, and return the outcome.

    Subscriptions of the new address become the person's. Of two subscriptions to one digest the
    active one stays, else the person's own. Links in mails to either address still work. Return
    NOT_REVIVED, and change nothing, if a subscription of the new address is suppressed; return no
    outcome if the person was removed meanwhile.
    """
    key = folded(request.address)
    query = select(person.c.id, person.c.identifier, person.c.folded).with_for_update()
    either = (person.c.identifier == request.person) | (person.c.folded == key)
    rows = {row.identifier: row for row in connection.execute(query.where(either))}
    mine = rows.pop(request.person, None)
    if mine is None:
        return ()
    for other in rows.values():
        if not _merge(connection, other.id, other.identifier, mine.id):
            return (Outcome.NOT_REVIVED,)
    marks = [erasure_mark(secret, key) for secret in keys]
    connection.execute(delete(erased_address).where(erased_address.c.mark.in_(marks)))
    values = {"address": request.address, "folded": key}
    connection.execute(update(person).where(person.c.id == mine.id).values(values))
    told = f"; address changed {rfc3339(now)} from {network}"
    connection.execute(
        update(subscriber)
        .where(subscriber.c.person == mine.id)
        .values(consent=subscriber.c.consent + literal(told), changed_at=now)
    )
    return (Outcome.UPDATED,)


def _merge(connection: Connection, other: int, identifier: str, mine: int) -> bool:
    """Merge the person ``other`` into ``mine``; return False if a subscription is suppressed."""
    query = select(subscriber.c.id, subscriber.c.person, subscriber.c.digest, subscriber.c.state)
    rows = list(connection.execute(query.where(subscriber.c.person.in_((other, mine)))))
    theirs = [row for row in rows if row.person == other]
    if any(row.state == SubscriberState.SUPPRESSED for row in theirs):
        return False
    own = {row.digest: row for row in rows if row.person == mine}
    for row in theirs:
        rival = own.get(row.digest)
        active = SubscriberState.ACTIVE
        keep = rival is None or (row.state == active and rival.state != active)
        lost = rival.id if rival is not None and keep else None if keep else row.id
        connection.execute(delete(subscriber).where(subscriber.c.id == lost))
        if keep:
            taken = update(subscriber).where(subscriber.c.id == row.id)
            connection.execute(taken.values(person=mine))
    aliases = update(person_alias).where(person_alias.c.person == other)
    connection.execute(aliases.values(person=mine))
    connection.execute(delete(person).where(person.c.id == other))
    connection.execute(person_alias.insert(), {"identifier": identifier, "person": mine})
    return True
