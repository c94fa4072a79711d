"""Subscribers: persons, and which digests they are subscribed to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, literal, select, update

from digest.editions.delivery import DeliveryState
from digest.editions.model import ReceivedEdition
from digest.store.connection import Database, Lock
from digest.store.meta_values import meta_value
from digest.store.schema import (
    delivery,
    edition,
    erased_address,
    past_state,
    person,
    person_alias,
    signup,
    subscriber,
)
from digest.store.statements import insert_new
from digest.store.subscriber_addition import (
    PREFERENCES,
    SubscriberAddition,
    change_state,
    folded,
)
from digest.store.types import Moment
from digest.subscribers.model import (
    AddressErased,
    NewSubscriber,
    Outcome,
    PastState,
    Subscriber,
    SubscriberState,
)
from digest.subscribers.tokens import SubscriptionLink, erasure_mark

#: The columns of ``from_row``, and the tables that they are of.
COLUMNS = (*subscriber.c, person.c.identifier, person.c.address)
TABLES = subscriber.join(person, person.c.id == subscriber.c.person)

#: Up to which number in links of the first kind there were subscribers.
_OLD_LINKS = "old_links"
_ACTIVE = SubscriberState.ACTIVE
_UNSUBSCRIBED = SubscriberState.UNSUBSCRIBED

# Inside the class, ``list`` is the method.
_Subscribers: TypeAlias = list[Subscriber]
_Outcomes: TypeAlias = list[Outcome]
_Exported: TypeAlias = list[NewSubscriber]
_Received: TypeAlias = list[ReceivedEdition]


class SubscriberStore:
    """Persons and their subscriptions. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, new: NewSubscriber, now: datetime, *, again: bool = False, keys: Sequence[bytes] = ()
    ) -> tuple[Subscriber, Outcome]:
        """Add a subscription, or update the one of this address and digest.

        An unsubscribed one becomes active again only with ``again``; a suppressed one never. The
        address keeps the spelling that it had first. A new subscription gets a welcome. Raises
        AddressErased without ``again`` for an address that is marked so with one of ``keys``.
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            addition = SubscriberAddition(connection, now, again=again, welcome=True, keys=keys)
            (outcome,) = addition.run([new])
            if outcome is Outcome.ERASED:
                raise AddressErased
            mine = _of_address(new.address, new.digest)
            return from_row(connection.execute(_select(mine)).one()), outcome

    def add_many(
        self,
        new: Sequence[NewSubscriber],
        now: datetime,
        *,
        welcome: bool = False,
        dry_run: bool = False,
        keys: Sequence[bytes] = (),
    ) -> _Outcomes:
        """Add subscriptions, all or none, and return the outcome of each.

        A list never reactivates a subscription that is unsubscribed or suppressed here; such a
        state in the list ends an active one. New ones get a welcome only with ``welcome``. With
        ``dry_run`` nothing is stored. Addresses that were erased, marked with one of ``keys``,
        are left out.
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            addition = SubscriberAddition(connection, now, again=False, welcome=welcome, keys=keys)
            outcomes = addition.run(new)
            transaction = connection.get_transaction()
            if dry_run and transaction is not None:
                transaction.rollback()
            return outcomes

    def remove(self, address: str, digest: str | None) -> int:
        """Delete the subscription of an address to one digest, or to all; return their number.

        A person without any is deleted, and with all digests their request on the web, too. Sent
        deliveries stay, without the person, so that the numbers of editions stay true; pending
        ones are not sent.
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            return _remove(connection, address, digest)

    def erase(self, address: str, now: datetime, key: bytes) -> None:
        """Delete all about an address but a mark made with a key, which keeps it out of lists.

        Of mails that the person had sent to other addresses their number stays, for the limits:
        such a request asks for nothing any more, and has a mark in place of its address.
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            _disown_requests(connection, address, now, key)
            _remove(connection, address, None)
            row = {"mark": erasure_mark(key, folded(address)), "erased_at": now}
            insert_new(connection, erased_address, [row], key="mark")

    def prefer(self, chosen: Subscriber, now: datetime) -> None:
        """Store a subscriber's preferences, unless the subscription was removed."""
        statement = update(subscriber).where(subscriber.c.id == chosen.id)
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            connection.execute(
                statement.values(
                    categories=chosen.categories,
                    language=chosen.language,
                    timezone=chosen.timezone,
                    paused_until=chosen.paused_until,
                    changed_at=now,
                )
            )

    def linked(self, link: SubscriptionLink) -> tuple[Subscriber | None, str | None]:
        """Return the subscription of a link in a mail, and the digest that the link names.

        Without the subscription: it was removed. The digest is None where only the link's tag could
        tell it. Raises LookupError for a link of another database.
        """
        alias = select(person_alias).where(person_alias.c.identifier == link.person)
        with self._database.read() as connection:
            known = connection.execute(alias).one_or_none()
            digest = known.digest if known else None
            mine = person.c.id == known.person if known else person.c.identifier == link.person
            for row in connection.execute(_select(mine)):
                if row.digest == digest or (digest is None and link.names(row.digest)):
                    return from_row(row), row.digest
            if known is None and link.digest_tag is None:
                mark = meta_value(connection, _OLD_LINKS)
                if int(link.person) > int(mark or 0):
                    raise LookupError(link.person)
            return None, digest

    def unsubscribe(self, subscriber_id: int, now: datetime, reason: str | None = None) -> bool:
        """Unsubscribe an active subscription; return False if it is not active."""
        return self._change(subscriber_id, _ACTIVE, _UNSUBSCRIBED, now, reason)

    def resubscribe(self, subscriber_id: int, now: datetime, reason: str | None = None) -> bool:
        """Undo an unsubscription; return False if there is none. A suppressed one stays so."""
        return self._change(subscriber_id, _UNSUBSCRIBED, _ACTIVE, now, reason)

    def restore(self, address: str, digest: str | None, now: datetime) -> int:
        """Make suppressed subscriptions of an address active again; return their number."""
        mine = subscriber.c.id.in_(_ids(address, digest))
        suppressed = subscriber.c.state == SubscriberState.SUPPRESSED
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            return change_state(connection, mine & suppressed, _ACTIVE, now, None)

    def count(self) -> dict[str, int]:
        """Return the number of active subscribers of each digest that has any."""
        query = (
            select(subscriber.c.digest, func.count())
            .where(subscriber.c.state == _ACTIVE)
            .group_by(subscriber.c.digest)
        )
        with self._database.read() as connection:
            return {digest: number for digest, number in connection.execute(query)}  # noqa: C416 rows are no pairs to mypy

    def zones(self, digest: str) -> set[str | None]:
        """Return the time zones of a digest's active subscribers; None stands for the site's."""
        query = select(subscriber.c.timezone).where(
            subscriber.c.digest == digest, subscriber.c.state == _ACTIVE
        )
        with self._database.read() as connection:
            return set(connection.scalars(query.distinct()))

    def of_address(self, address: str) -> _Subscribers:
        """Return the subscriptions of an address, oldest first."""
        with self._database.read() as connection:
            return list(map(from_row, connection.execute(_select(_of_address(address, None)))))

    def list(self, digest: str | None = None, state: SubscriberState | None = None) -> _Subscribers:
        """Return the subscribers of one digest or all, in one state or any, oldest first."""
        query = _of_digest(digest)
        if state is not None:
            query = query.where(subscriber.c.state == state)
        with self._database.read() as connection:
            return [from_row(row) for row in connection.execute(query)]

    def exported(self, digest: str | None = None) -> _Exported:
        """Return the subscribers of one digest or all with everything stored, for ``add_many``."""
        with self._database.read() as connection:
            rows = list(connection.execute(_of_digest(digest)))
            history: dict[int, list[PastState]] = {}
            for state in connection.execute(select(past_state).order_by(past_state.c.id)):
                history.setdefault(state.subscriber, []).append(_past_state(state))
            old_ids: dict[tuple[int, str | None], list[str]] = {}
            for alias in connection.execute(select(person_alias)):
                old_ids.setdefault((alias.person, alias.digest), []).append(alias.identifier)
        return [
            NewSubscriber(
                **{name: getattr(row, name) for name in ("address", "digest", *PREFERENCES)},
                state=SubscriberState(row.state),
                since=row.since,
                reason=row.reason,
                created_at=row.created_at,
                person=row.identifier,
                old_ids=(
                    *old_ids.get((row.person, row.digest), ()),
                    *old_ids.get((row.person, None), ()),
                ),
                history=tuple(history.get(row.id, ())),
            )
            for row in rows
        ]

    def history(self, subscriber_id: int) -> tuple[PastState, ...]:
        """Return the states of a subscription before its present one, oldest first."""
        query = select(past_state).where(past_state.c.subscriber == subscriber_id)
        with self._database.read() as connection:
            return tuple(map(_past_state, connection.execute(query.order_by(past_state.c.id))))

    def received(self, subscriber_id: int) -> _Received:
        """Return the result of each delivery to a subscriber, latest last."""
        query = (
            select(delivery, edition.c.number)
            .join(edition, edition.c.id == delivery.c.edition)
            .where(delivery.c.subscriber == subscriber_id)
            .order_by(delivery.c.id)
        )
        with self._database.read() as connection:
            return [
                ReceivedEdition(
                    edition_id=row.edition,
                    number=row.number,
                    state=DeliveryState(row.state),
                    attempts=row.attempts,
                    changed_at=row.changed_at,
                    error=row.error,
                )
                for row in connection.execute(query)
            ]

    def _change(
        self,
        subscriber_id: int,
        before: SubscriberState,
        after: SubscriberState,
        now: datetime,
        reason: str | None,
    ) -> bool:
        mine = (subscriber.c.id == subscriber_id) & (subscriber.c.state == before)
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            return change_state(connection, mine, after, now, reason) == 1


def from_row(row: Row[Any]) -> Subscriber:
    """Return the subscriber of a row with COLUMNS."""
    return Subscriber(
        id=row.id,
        person=row.identifier,
        address=row.address,
        digest=row.digest,
        name=row.name,
        categories=row.categories,
        language=row.language,
        state=SubscriberState(row.state),
        created_at=row.created_at,
        changed_at=row.changed_at,
        since=row.since,
        reason=row.reason,
        timezone=row.timezone,
        consent=row.consent,
        paused_until=row.paused_until,
    )


def _past_state(row: Row[Any]) -> PastState:
    return PastState(state=SubscriberState(row.state), since=row.since, reason=row.reason or "")


def _of_address(address: str, digest: str | None) -> ColumnElement[bool]:
    mine = person.c.folded == folded(address)
    return mine if digest is None else mine & (subscriber.c.digest == digest)


def _remove(connection: Connection, address: str, digest: str | None) -> int:
    """Delete subscriptions of an address, and the person who has none any more."""
    removed = connection.execute(
        delete(subscriber).where(subscriber.c.id.in_(_ids(address, digest)))
    ).rowcount
    mine = person.c.folded == folded(address)
    if digest is None:  # a link to confirm must not bring back who was removed
        identifiers = select(person.c.identifier).where(mine)
        asked = (signup.c.folded == folded(address)) | signup.c.person.in_(identifiers)
        connection.execute(delete(signup).where(asked))
    unsubscribed = ~select(subscriber.c.id).where(subscriber.c.person == person.c.id).exists()
    connection.execute(delete(person).where(mine, unsubscribed))
    return removed


def _disown_requests(connection: Connection, address: str, now: datetime, key: bytes) -> None:
    """Leave of the requests of an address's person for other addresses what limits count."""
    owner = select(person.c.identifier).where(person.c.folded == folded(address))
    asked = signup.c.person.in_(owner) & (signup.c.folded != folded(address))
    rows = list(connection.execute(select(signup.c.identifier, signup.c.folded).where(asked)))
    for row in rows:
        mine = update(signup).where(signup.c.identifier == row.identifier)
        mark = erasure_mark(key, row.folded)
        connection.execute(
            mine.values(
                identifier=f"{row.identifier} {mark}",  # which is in no link
                folded=mark,
                address="",
                digests=(),
                language="",
                person=None,
                notice=False,
                sent_at=func.coalesce(signup.c.sent_at, literal(now, Moment)),
            )
        )


def _of_digest(digest: str | None) -> Select[Any]:
    """Return the query of the subscribers of one digest or all, oldest first."""
    query = select(*COLUMNS).select_from(TABLES).order_by(subscriber.c.id)
    return query if digest is None else query.where(subscriber.c.digest == digest)


def _select(condition: ColumnElement[bool]) -> Select[Any]:
    return _of_digest(None).where(condition)


def _ids(address: str, digest: str | None) -> Select[Any]:
    return select(subscriber.c.id).select_from(TABLES).where(_of_address(address, digest))
