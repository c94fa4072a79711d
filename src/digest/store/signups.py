"""Requests to subscribe or to change an address: kept until they are confirmed or expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, literal, select, update

from digest.store.connection import Database, Lock
from digest.store.schema import erased_address, person, person_alias, signup, subscriber
from digest.store.subscriber_addition import (
    SubscriberAddition,
    change_state,
    folded,
    new_identifier,
)
from digest.subscribers.address import same_mailbox
from digest.subscribers.model import NewSubscriber, Outcome, SubscriberState
from digest.subscribers.signup import (
    CONFIRM_WITHIN,
    PERIOD,
    Signup,
    SignupDecision,
    SignupLimits,
    verdict,
)
from digest.subscribers.tokens import erasure_mark
from digest.times import rfc3339


class SignupStore:
    """Requests to subscribe and their confirmation. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(
        self, new: Signup, limits: SignupLimits, keys: Sequence[bytes] = ()
    ) -> SignupDecision:
        """Store a request whose mail is then waiting, where the limits allow it.

        A request for a suppressed address is stored and answered like any other, without a mail.
        With ``keys`` the mails are known that were sent to it for persons who were erased.
        """
        now, mine = new.requested_at, _is_for(new.address, keys)
        with self._database.read() as connection:
            answer = _verdict(connection, new, limits, mine)
        if answer is not SignupDecision.TAKEN:
            return answer
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            answer = _verdict(connection, new, limits, mine)
            if answer is not SignupDecision.TAKEN:
                return answer
            expired = signup.c.requested_at < now - CONFIRM_WITHIN
            connection.execute(delete(signup).where(expired))
            suppressed = select(subscriber.c.id).join(person, person.c.id == subscriber.c.person)
            suppressed = suppressed.where(
                person.c.folded == folded(new.address),
                subscriber.c.state == SubscriberState.SUPPRESSED,
            )
            sent_at = now if connection.execute(suppressed).first() else None
            _put(connection, new, mine, sent_at)
            return answer

    def waiting(self, now: datetime) -> list[Signup]:
        """Return the requests whose mail is to be sent, oldest first; none that expired."""
        query = select(signup).where(
            signup.c.sent_at.is_(None),
            signup.c.requested_at > now - CONFIRM_WITHIN,
            signup.c.requested_at <= now,
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
            asked = list(map(_from_row, rows))
        return [
            each for each in asked if each.person == person or same_mailbox(each.address, address)
        ]

    def person(self, address: str) -> str | None:
        """Return the identifier of the person with an address; None where there is none.

        Who has an address that is compared like it, and may be another mailbox, is somebody else.
        """
        columns = person.c.identifier, person.c.address
        query = select(*columns).where(person.c.folded == folded(address))
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return row.identifier if row is not None and same_mailbox(row.address, address) else None

    def confirm(
        self, identifier: str, now: datetime, network: str, keys: Sequence[bytes] = ()
    ) -> tuple[Outcome, ...]:
        """Subscribe who asked, to each digest, or change their address; return the outcomes.

        That is done once for each request: nothing is returned for a request that was confirmed
        before or is not there. ``network`` is that of the client that confirms. A mark of the
        address as erased, made with one of ``keys``, is deleted. Nothing is done for an address
        that is compared like a person's and may be another mailbox. The address that a person had
        before is told, once there was no mail to it for a period.
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            request = _find(connection, identifier)
            if request is None or request.confirmed_at is not None:
                return ()
            mine = signup.c.identifier == identifier
            connection.execute(update(signup).where(mine).values(confirmed_at=now))
            query = select(person.c.address).where(person.c.folded == folded(request.address))
            known = connection.scalar(query)
            if known is not None and not same_mailbox(known, request.address):
                return (Outcome.NOT_REVIVED,)  # who confirms does not read there
            if request.person is not None:
                notice = _notice_of_change(connection, request, now, network)
                outcomes = _change_address(connection, request, now, network, keys)
                if notice is not None and outcomes == (Outcome.UPDATED,):
                    _give_notice(connection, notice, _is_for(notice.address, keys))
                return outcomes
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


def _is_for(address: str, keys: Sequence[bytes]) -> ColumnElement[bool]:
    """Return the condition for requests of an address, also of persons who were erased."""
    key = folded(address)
    return signup.c.folded.in_([key, *(erasure_mark(secret, key) for secret in keys)])


def _mailed_at() -> ColumnElement[datetime]:
    """Return when the mail of a request was sent, or is to be."""
    return func.coalesce(signup.c.sent_at, signup.c.requested_at)


def _put(
    connection: Connection, new: Signup, mine: ColumnElement[bool], sent_at: datetime | None
) -> None:
    """Store a request in place of the one before it for its address, which ``mine`` selects."""
    connection.execute(delete(signup).where(mine))
    values = {
        "identifier": new.identifier,
        "folded": folded(new.address),
        "address": new.address,
        "digests": new.digests,
        "categories": new.categories,
        "language": new.language,
        "network": new.network,
        "wording": new.wording,
        "requested_at": new.requested_at,
        "timezone": new.timezone,
        "person": new.person,
        "notice": new.notice,
        "sent_at": sent_at,
    }
    connection.execute(signup.insert(), values)


def _give_notice(connection: Connection, notice: Signup, mine: ColumnElement[bool]) -> None:
    """Store a notice whose mail is sent once there was none to its address for a period."""
    last: datetime | None = connection.scalar(select(func.max(_mailed_at())).where(mine))
    if last is not None:
        at = max(notice.requested_at, last + PERIOD)
        notice = replace(notice, requested_at=at)
    _put(connection, notice, mine, None)


def _verdict(
    connection: Connection, new: Signup, limits: SignupLimits, mine: ColumnElement[bool]
) -> SignupDecision:
    """Decide on a request; ``mine`` selects those for its address.

    None takes the place of a notice that may be of use: else whoever took an address away could
    have mail sent to it, which would end the link by which it is taken back.
    """

    def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    now, since = new.requested_at, new.requested_at - PERIOD
    lately, unsent = signup.c.requested_at > since, signup.c.sent_at.is_(None)
    useful = signup.c.notice & signup.c.confirmed_at.is_(None)
    query = select(
        counted(mine & ((_mailed_at() > since) | useful)).label("repeated"),
        counted(lately & (signup.c.network == new.network)).label("network"),
        counted(lately & unsent & (signup.c.requested_at <= now)).label("waiting"),
        counted(lately).label("total"),
    ).where(signup.c.requested_at > now - CONFIRM_WITHIN)
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
        notice=row.notice,
    )


def _notice_of_change(
    connection: Connection, request: Signup, now: datetime, network: str
) -> Signup | None:
    """Return the notice to the address that a person has before a request is carried out.

    None where that stays theirs, or no mail is sent to it.
    """
    columns = (person.c.address, subscriber.c.digest, subscriber.c.language, subscriber.c.state)
    query = select(*columns).join(person, person.c.id == subscriber.c.person)
    mine = person.c.identifier == request.person
    rows = list(connection.execute(query.where(mine).order_by(subscriber.c.id)))
    if not rows or folded(rows[0].address) == folded(request.address):
        return None
    if any(row.state == SubscriberState.SUPPRESSED for row in rows):
        return None
    return Signup(
        identifier=new_identifier(),
        address=rows[0].address,
        digests=tuple(row.digest for row in rows if row.state == SubscriberState.ACTIVE),
        categories=(),
        language=next((row.language for row in rows if row.language), ""),
        network=network,
        wording="",
        requested_at=now,
        person=request.person,
        notice=True,
    )


def _change_address(
    connection: Connection, request: Signup, now: datetime, network: str, keys: Sequence[bytes]
) -> tuple[Outcome, ...]:
    """Give the person of a confirmed request the new address, and return what came of it.

    What was subscribed at the new address becomes the person's; of two subscriptions to one digest
    an active one stays, else the person's own. Links in mails to either address go on to work. An
    address that no mail is sent to is nobody's new one. Nothing is returned where the person was
    removed.
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
    if key != mine.folded:  # what came back from the former address says nothing of this one
        came_back = subscriber.c.state == SubscriberState.SUPPRESSED
        here = (subscriber.c.person == mine.id) & came_back
        change_state(connection, here, SubscriberState.ACTIVE, now, "at another address")
    evidence = f"; address changed {rfc3339(now)} from {network}"
    connection.execute(
        update(subscriber)
        .where(subscriber.c.person == mine.id)
        .values(consent=subscriber.c.consent + literal(evidence), changed_at=now)
    )
    return (Outcome.UPDATED,)


def _merge(connection: Connection, other: int, identifier: str, mine: int) -> bool:
    """Make the subscriptions of another person mine; return False where no mail is sent there."""
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
