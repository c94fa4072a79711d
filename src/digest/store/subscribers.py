"""Subscribers: who reads which digest."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, cast

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, select, update

from digest.articles.model import CategoryPath
from digest.store.connection import Database, Lock
from digest.store.schema import subscriber
from digest.store.types import chunks, storable
from digest.subscribers.model import NewSubscriber, Subscriber, SubscriberState


class Added(StrEnum):
    """What adding a subscriber came to."""

    ADDED = "added"
    UPDATED = "updated"  #: it was there; its name, categories, language or zone changed
    UNCHANGED = "unchanged"
    RESUBSCRIBED = "resubscribed"  #: it had been unsubscribed


# Inside the class, ``list`` is the method.
_Subscribers: TypeAlias = list[Subscriber]
_Outcomes: TypeAlias = list[Added]
_Key: TypeAlias = tuple[str, str]  #: digest, address as it is compared
#: Name, categories, language, zone.
_Wanted: TypeAlias = tuple[str, tuple[CategoryPath, ...], str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A subscriber as far as adding needs to know."""

    state: SubscriberState
    wanted: _Wanted


def folded(address: str) -> str:
    """Return an address as it is compared: without regard to case, NFC."""
    plain = unicodedata.normalize("NFC", storable(address)).casefold()
    return unicodedata.normalize("NFC", plain)


class SubscriberStore:
    """What the commands and the web pages need to know of subscribers.

    Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewSubscriber, now: datetime) -> tuple[Subscriber, Added]:
        """Add a subscriber, or bring the one with this address and digest up to date.

        One who had unsubscribed is active again; one whose address is suppressed stays so.
        The address keeps the spelling that it had first. A new one is owed a welcome.
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            (outcome,) = _add(connection, [new], now, resubscribe=True, welcome=True)
            mine = select(subscriber).where(
                subscriber.c.digest == new.digest, subscriber.c.folded == folded(new.address)
            )
            return from_row(connection.execute(mine).one()), outcome

    def add_many(
        self,
        new: Sequence[NewSubscriber],
        now: datetime,
        *,
        resubscribe: bool = False,
        welcome: bool = False,
        keep: Collection[str] = (),
    ) -> _Outcomes:
        """Add subscribers, all or none, and return what each came to.

        Unlike ``add`` it leaves those who had unsubscribed as they are (``unchanged``), unless
        told to ``resubscribe``: an old list that is imported again must not undo a wish. Only if
        told to ``welcome`` are the new ones owed that: most of a list knows the digest already.
        ``keep`` names what stays as it is of those who are there (``name``, ``categories``,
        ``language``, ``timezone``).
        """
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            return _add(connection, new, now, resubscribe=resubscribe, welcome=welcome, keep=keep)

    def remove(self, address: str, digest: str | None) -> int:
        """Forget an address in one digest, or in all; return how many subscriptions it had.

        What was sent to it stays in the outbox without the person, so that an edition's numbers
        stay true; what was still to be sent is not.
        """
        statement = delete(subscriber).where(subscriber.c.folded == folded(address))
        if digest is not None:
            statement = statement.where(subscriber.c.digest == digest)
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            return connection.execute(statement).rowcount

    def subscriber(self, subscriber_id: int) -> Subscriber | None:
        """Return a subscriber, None where there is none with this id."""
        with self._database.read() as connection:
            row = connection.execute(
                select(subscriber).where(subscriber.c.id == subscriber_id)
            ).one_or_none()
        return None if row is None else from_row(row)

    def unsubscribe(self, subscriber_id: int, now: datetime) -> bool:
        """Send no more mail to a subscriber; False where none was sent before."""
        return self._change(
            subscriber_id, SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED, now
        )

    def resubscribe(self, subscriber_id: int, now: datetime) -> bool:
        """Undo an unsubscription; False where there is none. A suppressed address stays so."""
        return self._change(
            subscriber_id, SubscriberState.UNSUBSCRIBED, SubscriberState.ACTIVE, now
        )

    def suppress(self, subscriber_id: int, now: datetime) -> bool:
        """Send no more mail to an active address that does not exist; False for others."""
        return self._change(subscriber_id, SubscriberState.ACTIVE, SubscriberState.SUPPRESSED, now)

    def restore(self, address: str, digest: str | None, now: datetime) -> int:
        """Write to a suppressed address again, in one digest or in all; return in how many."""
        statement = update(subscriber).where(
            subscriber.c.folded == folded(address),
            subscriber.c.state == SubscriberState.SUPPRESSED,
        )
        if digest is not None:
            statement = statement.where(subscriber.c.digest == digest)
        values = {"state": SubscriberState.ACTIVE, "changed_at": now, "reason": None}
        with self._database.write(Lock.SUBSCRIBERS) as connection:
            return connection.execute(statement.values(values)).rowcount

    def count(self) -> dict[str, int]:
        """Return how many active subscribers each digest has that has any."""
        query = (
            select(subscriber.c.digest, func.count())
            .where(subscriber.c.state == SubscriberState.ACTIVE)
            .group_by(subscriber.c.digest)
        )
        with self._database.read() as connection:
            return {digest: number for digest, number in connection.execute(query)}  # noqa: C416 rows are no pairs to mypy

    def zones(self, digest: str) -> set[str | None]:
        """Return the time zones of a digest's active subscribers; None stands for the site's."""
        query = select(subscriber.c.timezone).where(
            subscriber.c.digest == digest, subscriber.c.state == SubscriberState.ACTIVE
        )
        with self._database.read() as connection:
            return set(connection.scalars(query.distinct()))

    def list(self, digest: str | None = None, state: SubscriberState | None = None) -> _Subscribers:
        """Return the subscribers of one digest or all, in one state or any, oldest first."""
        query = select(subscriber).order_by(subscriber.c.id)
        if digest is not None:
            query = query.where(subscriber.c.digest == digest)
        if state is not None:
            query = query.where(subscriber.c.state == state)
        with self._database.read() as connection:
            return [from_row(row) for row in connection.execute(query)]

    def _change(
        self, subscriber_id: int, before: SubscriberState, after: SubscriberState, now: datetime
    ) -> bool:
        statement = (
            update(subscriber)
            .where(subscriber.c.id == subscriber_id, subscriber.c.state == before)
            .values(state=after, changed_at=now)
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1


def from_row(row: Row[Any]) -> Subscriber:
    """Return the subscriber of a row with the columns of the table."""
    return Subscriber(
        id=row.id,
        address=row.address,
        digest=row.digest,
        name=row.name,
        categories=row.categories,
        language=row.language,
        state=SubscriberState(row.state),
        created_at=row.created_at,
        changed_at=row.changed_at,
        reason=row.reason,
        timezone=row.timezone,
    )


def _add(
    connection: Connection,
    new: Sequence[NewSubscriber],
    now: datetime,
    *,
    resubscribe: bool,
    welcome: bool,
    keep: Collection[str] = (),
) -> _Outcomes:
    """Add subscribers with a few statements for all, and return what each came to."""
    known = _known(connection, {folded(one.address) for one in new})
    added: dict[_Key, dict[str, Any]] = {}
    changed: set[_Key] = set()
    back: set[_Key] = set()  # of those: they had unsubscribed
    outcomes: _Outcomes = []
    for one in new:
        key = (one.digest, folded(one.address))
        wanted = _wanted(one, known.get(key), keep)
        outcome = _outcome(known.get(key), wanted, resubscribe=resubscribe)
        outcomes.append(outcome)
        if outcome is Added.UNCHANGED:
            continue
        if outcome is Added.ADDED:
            added[key] = {"address": one.address, "created_at": now, "welcome": welcome}
        known[key] = _Known(
            state=known[key].state if outcome is Added.UPDATED else SubscriberState.ACTIVE,
            wanted=wanted,
        )
        if key not in added:
            changed.add(key)
        if outcome is Added.RESUBSCRIBED:
            back.add(key)
    rows = {key: _values(key, known[key], now) for key in (*added, *changed)}
    if added:
        values = [
            {**rows[key], "state": SubscriberState.ACTIVE, **first} for key, first in added.items()
        ]
        connection.execute(subscriber.insert(), values)
    _update(connection, {key: rows[key] for key in changed})
    # Not with the others: whoever unsubscribes at this moment stays so.
    left = subscriber.c.state == SubscriberState.UNSUBSCRIBED
    _update(connection, {key: {"state": SubscriberState.ACTIVE} for key in back}, left)
    return outcomes


def _update(
    connection: Connection,
    changed: Mapping[_Key, dict[str, Any]],
    *conditions: ColumnElement[bool],
) -> None:
    """Change subscribers, those who meet the conditions."""
    if not changed:
        return
    statement = update(subscriber).where(
        subscriber.c.digest == bindparam("its_digest"),
        subscriber.c.folded == bindparam("its_address"),
        *conditions,
    )
    values = [
        {**values, "its_digest": digest, "its_address": address}
        for (digest, address), values in changed.items()
    ]
    connection.execute(statement, values)


def _known(connection: Connection, addresses: Collection[str]) -> dict[_Key, _Known]:
    """Return the subscribers with these addresses, in every digest."""
    found = {}
    for chunk in chunks(sorted(addresses)):
        query = select(subscriber).where(subscriber.c.folded.in_(chunk))
        for row in connection.execute(query):
            found[row.digest, row.folded] = _Known(
                state=SubscriberState(row.state),
                wanted=_said(row),
            )
    return found


def _outcome(known: _Known | None, wanted: _Wanted, *, resubscribe: bool) -> Added:
    """Return what adding does to the one that is known."""
    if known is None:
        return Added.ADDED
    if known.state is SubscriberState.UNSUBSCRIBED:
        return Added.RESUBSCRIBED if resubscribe else Added.UNCHANGED
    return Added.UNCHANGED if known.wanted == wanted else Added.UPDATED


def _wanted(new: NewSubscriber, known: _Known | None, keep: Collection[str]) -> _Wanted:
    """Return what a subscription says, but for what is kept of the one that is known."""
    said = _said(new)
    if known is None or not keep:
        return said
    names = ("name", "categories", "language", "timezone")
    parts = zip(names, said, known.wanted, strict=True)
    return cast("_Wanted", tuple(was if name in keep else now for name, now, was in parts))


def _said(one: NewSubscriber | Row[Any]) -> _Wanted:
    return one.name, one.categories, one.language, one.timezone


def _values(key: _Key, known: _Known, now: datetime) -> dict[str, Any]:
    name, categories, language, timezone = known.wanted
    return {
        "digest": key[0],
        "folded": key[1],
        "name": name,
        "categories": categories,
        "language": language,
        "timezone": timezone,
        "changed_at": now,
    }
