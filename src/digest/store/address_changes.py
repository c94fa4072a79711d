"""Changes of address: merge the subscriptions of a person's two addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, literal, select, update

from digest.store.schema import erased_address, person, person_alias, subscriber
from digest.store.subscriber_addition import change_state, folded, new_identifier
from digest.subscribers.model import Outcome, SubscriberState
from digest.subscribers.signup import Signup
from digest.subscribers.tokens import erasure_mark
from digest.times import rfc3339


def notice_of_change(
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


def change_address(
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
