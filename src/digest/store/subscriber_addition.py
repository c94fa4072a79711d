"""Adding subscriptions to the store, many at once, and changing their state."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from digest.store.schema import erased_address, past_state, person, person_alias, subscriber
from digest.store.statements import among, insert_new
from digest.store.types import chunks, storable
from digest.subscribers.address import address_key
from digest.subscribers.model import NewSubscriber, Outcome, SubscriberState
from digest.subscribers.tokens import PERSON_BYTES, erasure_mark

PREFERENCES = ("name", "categories", "language", "timezone", "consent", "paused_until")
#: The preferences of a subscription of which nothing is known.
_UNKNOWN: dict[str, Any] = {
    "name": "",
    "categories": (),
    "language": None,
    "timezone": None,
    "consent": "",
    "paused_until": None,
}
_ACTIVE = SubscriberState.ACTIVE
_UNSUBSCRIBED = SubscriberState.UNSUBSCRIBED


def folded(address: str) -> str:
    """Return an address in the form in which addresses are compared."""
    return address_key(storable(address))


def new_identifier() -> str:
    """Return an identifier for a person or a request that nobody can guess."""
    return b32encode(secrets.token_bytes(PERSON_BYTES)).decode("ascii").lower()


def change_state(
    connection: Connection,
    condition: ColumnElement[bool],
    state: SubscriberState,
    now: datetime,
    reason: str | None,
) -> int:
    """Set the state of the subscriptions that meet a condition, and record their former states.

    Returns the number of subscriptions.
    """
    query = select(subscriber.c.id).where(condition).order_by(subscriber.c.id)
    numbers = list(connection.scalars(query.with_for_update()))
    before = select(
        subscriber.c.id, subscriber.c.state, subscriber.c.since, subscriber.c.reason
    ).order_by(subscriber.c.id)
    values = {"state": state, "since": now, "reason": reason, "changed_at": now}
    names = ["subscriber", "state", "since", "reason"]
    for chunk in chunks(numbers):
        mine = subscriber.c.id.in_(chunk)
        connection.execute(insert(past_state).from_select(names, before.where(mine)))
        connection.execute(update(subscriber).where(mine).values(values))
    return len(numbers)


@dataclass(slots=True, kw_only=True)
class _Known:
    """A subscription during an addition; its id is None while it is new."""

    id: int | None
    state: SubscriberState
    preferences: dict[str, Any]


class SubscriberAddition:
    """Adds many subscriptions with a few statements, within a transaction."""

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        *,
        again: bool,
        welcome: bool,
        keys: Sequence[bytes] = (),
    ) -> None:
        """``again`` reactivates persons who unsubscribed, or had everything erased.

        ``keys`` are those that mark erased addresses.
        """
        self._connection = connection
        self._now = now
        self._again = again
        self._welcome = welcome
        self._keys = keys

    def run(self, new: Sequence[NewSubscriber]) -> list[Outcome]:
        """Store subscriptions and return the outcome of each."""
        if erased := self._erased(new):
            addresses = [folded(subscription.address) for subscription in new]
            rest = [new[at] for at, address in enumerate(addresses) if address not in erased]
            others = iter(self.run(rest))
            return [Outcome.ERASED if address in erased else next(others) for address in addresses]
        persons = self._persons(new)
        known = self._known(persons.values())
        added: dict[tuple[int, str], NewSubscriber] = {}
        changed: dict[int, dict[str, Any]] = {}
        states: dict[SubscriberState, dict[int, NewSubscriber]] = {}
        outcomes: list[Outcome] = []
        for subscription in new:
            key = persons[folded(subscription.address)], subscription.digest
            if key not in known:
                known[key] = _Known(id=None, state=subscription.state, preferences=dict(_UNKNOWN))
                _prefer(known[key].preferences, subscription)
                added[key] = subscription
                active = subscription.state is _ACTIVE
                outcomes.append(Outcome.ADDED if active else Outcome.ADDED_INACTIVE)
                continue
            mine = known[key]
            outcome = self._outcome(mine, subscription)
            if outcome in (Outcome.ENDED, Outcome.RESUBSCRIBED):
                mine.state = subscription.state
                if mine.id is None:
                    added[key] = replace(
                        added[key], since=subscription.since, reason=subscription.reason
                    )
                else:
                    states.setdefault(mine.state, {})[mine.id] = subscription
            if outcome in (Outcome.UPDATED, Outcome.RESUBSCRIBED) and mine.id is not None:
                changed[mine.id] = mine.preferences
            outcomes.append(outcome)
        self._insert(added, known)
        self._update(changed)
        for state, these in states.items():
            for number, subscription in these.items():
                # Whoever unsubscribed since the rows were read stays so.
                mine_now = (subscriber.c.id == number) & (subscriber.c.state != state)
                since = min(subscription.since or self._now, self._now)
                change_state(self._connection, mine_now, state, since, subscription.reason)
        self._alias(new, persons)
        return outcomes

    def _outcome(self, mine: _Known, new: NewSubscriber) -> Outcome:
        """Return the outcome of a subscription; update the stored one if that is allowed."""
        if new.state is not _ACTIVE:
            ends = mine.state is _ACTIVE or (mine.state, new.state) == (
                SubscriberState.SUPPRESSED,
                _UNSUBSCRIBED,
            )
            return Outcome.ENDED if ends else Outcome.UNCHANGED
        if mine.state is not _ACTIVE and not (self._again and mine.state is _UNSUBSCRIBED):
            return Outcome.NOT_REVIVED
        updated = _prefer(mine.preferences, new)
        if mine.state is not _ACTIVE:
            return Outcome.RESUBSCRIBED
        return Outcome.UPDATED if updated else Outcome.UNCHANGED

    def _erased(self, new: Sequence[NewSubscriber]) -> set[str]:
        """Return the addresses, folded, of persons who had everything erased; with ``again`` none.

        Then their marks are deleted.
        """
        addresses = {folded(subscription.address) for subscription in new}
        marks = {erasure_mark(key, address): address for key in self._keys for address in addresses}
        known = self._values(erased_address.c.mark, marks)
        if not self._again:
            return {marks[mark] for mark in known}
        for chunk in chunks(sorted(known)):
            self._connection.execute(delete(erased_address).where(erased_address.c.mark.in_(chunk)))
        return set()

    def _persons(self, new: Sequence[NewSubscriber]) -> dict[str, int]:
        """Return the id of each address's person; insert missing ones."""
        first: dict[str, NewSubscriber] = {}
        for subscription in new:
            first.setdefault(folded(subscription.address), subscription)
        query = select(person.c.folded, person.c.id)
        persons = self._pairs(query, person.c.folded, first)
        missing = {key: new for key, new in first.items() if key not in persons}
        wanted = {new.person for new in missing.values() if new.person}
        taken = self._values(person.c.identifier, wanted)
        taken |= self._values(person_alias.c.identifier, wanted)
        rows = []
        for key, subscription in missing.items():
            identifier = subscription.person
            if identifier is None or identifier in taken:
                identifier = new_identifier()
            taken.add(identifier)
            address = subscription.address
            rows.append({"identifier": identifier, "address": address, "folded": key})
        if rows:
            self._connection.execute(person.insert(), rows)
            persons |= self._pairs(query, person.c.folded, missing)
        return persons

    def _known(self, persons: Collection[int]) -> dict[tuple[int, str], _Known]:
        """Return the subscriptions of persons, in every digest."""
        rows = among(self._connection, select(subscriber), subscriber.c.person, persons)
        return {
            (row.person, row.digest): _Known(
                id=row.id,
                state=SubscriberState(row.state),
                preferences={name: getattr(row, name) for name in PREFERENCES},
            )
            for row in rows
        }

    def _insert(
        self, added: dict[tuple[int, str], NewSubscriber], known: dict[tuple[int, str], _Known]
    ) -> None:
        if not added:
            return
        rows = []
        for (number, digest), new in added.items():
            mine = known[number, digest]
            created_at = min(new.created_at or new.since or self._now, self._now)
            rows.append(
                {
                    **mine.preferences,
                    "person": number,
                    "digest": digest,
                    "state": mine.state,
                    "since": min(new.since or self._now, self._now),
                    "reason": new.reason,
                    "created_at": created_at,
                    "changed_at": self._now,
                    "welcome": self._welcome and mine.state is _ACTIVE,
                }
            )
        self._connection.execute(subscriber.insert(), rows)
        if any(new.history for new in added.values()):
            stored = self._known([key[0] for key in added])
            numbers = {key: subscription.id for key, subscription in stored.items()}
            past = [
                {
                    "subscriber": numbers[key],
                    "state": state.state,
                    "since": state.since,
                    "reason": state.reason,
                }
                for key, new in added.items()
                for state in new.history
            ]
            self._connection.execute(past_state.insert(), past)

    def _update(self, changed: dict[int, dict[str, Any]]) -> None:
        if changed:
            statement = update(subscriber).where(subscriber.c.id == bindparam("number"))
            values: dict[str, Any] = {
                name: bindparam(name) for name in (*PREFERENCES, "changed_at")
            }
            rows = [
                {**preferences, "number": number, "changed_at": self._now}
                for number, preferences in changed.items()
            ]
            self._connection.execute(statement.values(values), rows)

    def _alias(self, new: Sequence[NewSubscriber], persons: dict[str, int]) -> None:
        """Store the identifiers that these persons had in another database, for links in mails."""
        numbers = {
            persons[folded(subscription.address)]
            for subscription in new
            if subscription.person or subscription.old_ids
        }
        query = select(person.c.id, person.c.identifier)
        own = self._pairs(query, person.c.id, numbers)
        rows = {}
        for subscription in new:
            number = persons[folded(subscription.address)]
            for identifier in subscription.old_ids:
                digest = subscription.digest if identifier.isdigit() else None
                rows[identifier] = {"identifier": identifier, "person": number, "digest": digest}
            other = subscription.person
            if other and other != own[number]:
                rows[other] = {"identifier": other, "person": number, "digest": None}
        used = self._values(person.c.identifier, rows)
        free = [row for identifier, row in rows.items() if identifier not in used]
        of_nobody = person_alias.c.person.is_(None)  # removed, and in a list again
        for chunk in chunks(sorted(rows)):
            listed = person_alias.c.identifier.in_(chunk)
            self._connection.execute(delete(person_alias).where(of_nobody & listed))
        insert_new(self._connection, person_alias, free, key="identifier")

    def _pairs(
        self, query: Select[Any], column: Column[Any], values: Collection[Any]
    ) -> dict[Any, Any]:
        """Return a dictionary of the two columns of a query's rows."""
        rows = among(self._connection, query, column, values)
        return {row[0]: row[-1] for row in rows}

    def _values(self, column: Column[str], values: Collection[str]) -> set[str]:
        """Return the values that occur in a column."""
        query: Select[Any] = select(column)
        return {row[0] for row in among(self._connection, query, column, values)}


def _prefer(preferences: dict[str, Any], new: NewSubscriber) -> bool:
    """Copy the given preferences of a subscription; return whether any differs."""
    given = {name: getattr(new, name) for name in PREFERENCES}
    # Empty text stands for the digest's language and the site's zone.
    given = {name: value or _UNKNOWN[name] for name, value in given.items() if value is not None}
    differs = any(preferences[name] != value for name, value in given.items())
    preferences.update(given)
    return differs
