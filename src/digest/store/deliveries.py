"""Deliveries: claim, expire and pause them, and record how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, not_, or_, select, update

from digest.editions.delivery import (
    EXPIRES,
    FINAL,
    TRANSITIONS,
    Delivery,
    DeliveryResult,
    DeliveryState,
    Pause,
)
from digest.editions.model import EditionState
from digest.store import delivery_rows, edition_rows
from digest.store.bounces import refused_often, suppress_recipient
from digest.store.connection import Database, Lock
from digest.store.delivery_rows import close
from digest.store.schema import delivery, edition, pause, person, subscriber
from digest.store.statements import among, insert_new
from digest.store.types import chunks
from digest.subscribers.address import address_key
from digest.subscribers.model import SubscriberState

_SENT = DeliveryState.SENT
_TRIED = (_SENT, DeliveryState.FAILED, DeliveryState.DEFERRED)
_ACTIVE = subscriber.c.state == SubscriberState.ACTIVE


class DeliveryStore:
    """Stores deliveries. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self) -> dict[DeliveryState, int]:
        """Return the number of deliveries in each state, 0 included."""
        with self._database.read() as connection:
            return edition_rows.states(connection)

    def present(self) -> dict[tuple[str, DeliveryState], int]:
        """Return the number of deliveries by digest and state, without those of 0.

        Only deliveries of each digest's last edition and of unfinished editions are counted: the
        number of all deliveries grows without bound.
        """
        mailed = not_(edition.c.welcome) & (edition.c.state != EditionState.EMPTY)
        last = select(func.max(edition.c.id)).where(mailed).group_by(edition.c.digest)
        chosen = edition.c.id.in_(last) | (edition.c.state == EditionState.OPEN)
        counted = select(delivery.c.edition, delivery.c.state, func.count().label("number"))
        counted = counted.group_by(delivery.c.edition, delivery.c.state)
        counts: Counter[tuple[str, DeliveryState]] = Counter()
        with self._database.read() as connection:
            rows = connection.execute(select(edition.c.id, edition.c.digest).where(chosen))
            digests = {row.id: row.digest for row in rows}
            # In one query SQLite would go through all deliveries to find the few.
            for row in among(connection, counted, delivery.c.edition, digests):
                counts[digests[row.edition], DeliveryState(row.state)] += row.number
        return counts

    def claim(
        self,
        limit: int,
        now: datetime,
        lease: timedelta,
        expires: Mapping[str, timedelta],
        owner: str | None = None,
    ) -> list[Delivery]:
        """Claim deliveries that are due: queued, deferred until now, or with an expired lease.

        They become ``sending`` until ``now + lease``; no two callers get the same one. Those due
        longest come first. Deliveries to subscribers who are inactive or want no mail until
        a day, and of cancelled editions become ``suppressed`` instead, those older than ``expires``
        (by digest) ``expired``. While a digest or all mail is paused, one delivery is claimed when
        its probe is due.
        ``owner`` is the id of the claiming daemon, if any.
        """
        with self._database.read() as connection:
            stale = _stale(connection, now, expires)
            called_back = list(connection.scalars(_called_back()))
            paused = delivery_rows.pauses(connection)
        if called_back:
            with self._database.write(Lock.DELIVERIES) as connection:
                for edition_id in called_back:
                    call_back(connection, edition_id, now)
                close(connection, now)
        if stale:
            self._expire(stale, now)
        if paused:
            return self._claim_of_paused(limit, now, lease, owner)
        while True:
            with self._database.write() as connection:
                taken, unwanted = delivery_rows.take(connection, limit, now, lease, owner)
            if unwanted:
                self._suppress(now)
            if taken or not unwanted:
                return taken

    def take_back(self, owner: str, now: datetime) -> int:
        """Queue again the deliveries claimed by a daemon that died; return their number."""
        with self._database.write(Lock.DELIVERIES) as connection:
            return connection.execute(
                update(delivery)
                .where(
                    delivery.c.state == DeliveryState.SENDING,
                    delivery.c.due_at.is_not(None),  # the index holds these alone
                    delivery.c.claimed_by == owner,
                )
                .values(state=DeliveryState.QUEUED, due_at=now, changed_at=now, claimed_by=None)
            ).rowcount

    def _claim_of_paused(
        self, limit: int, now: datetime, lease: timedelta, owner: str | None
    ) -> list[Delivery]:
        """Claim deliveries that are due while a digest or all mail is paused."""
        self._suppress(now)
        query = (
            select(delivery.c.id)
            .join(subscriber, subscriber.c.id == delivery.c.subscriber)
            .where(delivery.c.due_at <= now, _ACTIVE, _not_paused(now))
            .order_by(delivery.c.due_at, delivery.c.id)
            # PostgreSQL alone: a second claimer passes over what this one is taking.
            .with_for_update(skip_locked=True, of=delivery)
        )
        with self._database.write(Lock.DELIVERIES) as connection:
            numbers, probes = delivery_rows.choose(connection, query, limit, now)
            return delivery_rows.take_these(connection, numbers, probes, now, lease, owner)

    def wanted(self, delivery_ids: Collection[int]) -> set[int]:
        """Return those not cancelled and to active subscribers; called right before sending."""
        query = (
            select(delivery.c.id)
            .join(subscriber, subscriber.c.id == delivery.c.subscriber)
            .join(edition, edition.c.id == delivery.c.edition)
            .where(_ACTIVE, edition.c.cancelled_at.is_(None))
        )
        with self._database.read() as connection:
            return {
                number
                for chunk in chunks(sorted(delivery_ids))
                for number in connection.scalars(query.where(delivery.c.id.in_(chunk)))
            }

    def record_results(self, results: Sequence[DeliveryResult], now: datetime) -> set[int]:
        """Record how attempts ended, all or none; return which deliveries were ``sending``.

        The others stay as they are. An edition is done with its last delivery. A ``queued`` one
        without a time is due at once.
        """
        if all(map(_plain, results)) and self._all_sent(results, now):
            return {result.delivery_id for result in results}
        with self._database.write(Lock.DELIVERIES) as connection:
            for result in results:
                # First: removing a reader locks them in this order.
                if result.bounced or (result.refused and refused_often(connection, result, now)):
                    suppress_recipient(connection, result.delivery_id, now, result.error)
            mine = _being_sent(connection, [result.delivery_id for result in results])
            known = [result for result in results if result.delivery_id in mine]
            for chunk in chunks([result.delivery_id for result in known if _plain(result)]):
                sent = update(delivery).where(delivery.c.id.in_(chunk))
                connection.execute(sent.values(_ended(_SENT, now) | {"error": None}))
            for result in known:
                if not _plain(result):
                    _record_result(connection, result, now)
            if any(result.state in FINAL for result in known):
                close(connection, now)
            return mine

    def _all_sent(self, results: Sequence[DeliveryResult], now: datetime) -> bool:
        """Mark deliveries as sent with few statements.

        Return False, and change nothing, if one of them is no longer ``sending``.
        """
        numbers = [result.delivery_id for result in results]
        with self._database.write(Lock.DELIVERIES) as connection:
            if delivery_rows.mark_sent(connection, numbers, now):
                close(connection, now)
                return True
            transaction = connection.get_transaction()
            if transaction is not None:
                transaction.rollback()
            return False

    def tried_since(self, moment: datetime) -> list[datetime]:
        """Return the times of last attempts since a moment; aware UTC, in any order.

        Reads every delivery, so call it only at the start.
        """
        query = select(delivery.c.changed_at).where(
            delivery.c.changed_at >= moment, delivery.c.state.in_(_TRIED)
        )
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def other_domains(self, digest: str, domain: str) -> bool:
        """Return whether a digest has active subscribers at other domains than this."""
        at_domain = address_key(f"any@{domain}").removeprefix("any")
        query = (
            select(subscriber.c.id)
            .join(person, person.c.id == subscriber.c.person)
            .where(
                subscriber.c.digest == digest,
                _ACTIVE,
                ~person.c.folded.endswith(at_domain, autoescape=True),
            )
        )
        with self._database.read() as connection:
            return connection.scalar(query.limit(1)) is not None

    def next_due_at(self) -> datetime | None:
        """Return when the next delivery is due, aware UTC; None if there is none."""
        query = select(delivery.c.due_at).where(delivery.c.due_at.is_not(None))
        query = query.order_by(delivery.c.due_at).limit(1)
        with self._database.read() as connection:
            return delivery_rows.next_due_at(connection, query, delivery_rows.pauses(connection))

    def pause(self, digest: str | None, now: datetime, probe_at: datetime, reason: str) -> bool:
        """Pause a digest or (None) all mail, except probes; return False if paused already.

        Then it has the new reason and time of the next probe.
        """
        with self._database.write(Lock.DELIVERIES) as connection:
            known = update(pause).where(pause.c.digest == (digest or ""))
            values: dict[str, Any] = {"probe_at": probe_at, "reason": reason}
            if connection.execute(known.values(values)).rowcount:
                return False
            row = {"digest": digest or "", "since": now, **values}
            insert_new(connection, pause, [row], key="digest")
            return True

    def resume(self, digest: str | None) -> bool:
        """End the pause of a digest or (None) all mail; return False if there is none."""
        with self._database.write(Lock.DELIVERIES) as connection:
            paused = delete(pause).where(pause.c.digest == (digest or ""))
            return connection.execute(paused).rowcount == 1

    def pauses(self) -> list[Pause]:
        """Return the pauses: that of all mail first, then by name of digest."""
        with self._database.read() as connection:
            return delivery_rows.pauses(connection)

    def _suppress(self, now: datetime) -> None:
        """Suppress due deliveries to subscribers who are inactive or want no mail until a day."""
        with self._database.write(Lock.DELIVERIES) as connection:
            query = _unwanted(now).with_for_update(skip_locked=True, of=delivery)
            for chunk in chunks(list(connection.scalars(query))):
                connection.execute(
                    update(delivery)
                    .where(delivery.c.id.in_(chunk), _may_become(DeliveryState.SUPPRESSED))
                    .values(state=DeliveryState.SUPPRESSED, due_at=None, changed_at=now)
                )
            close(connection, now)

    def _expire(self, stale: Mapping[int, datetime], now: datetime) -> None:
        """Expire the deliveries of editions that were made too long ago and are not being sent."""
        with self._database.write(Lock.DELIVERIES) as connection:
            for edition_id, made_until in stale.items():
                connection.execute(
                    update(delivery)
                    .where(
                        delivery.c.edition == edition_id,
                        delivery.c.due_at.is_not(None),
                        delivery.c.created_at < made_until,
                        _may_become(DeliveryState.EXPIRED),
                        _not_being_sent(now),
                    )
                    .values(state=DeliveryState.EXPIRED, due_at=None, changed_at=now)
                )
            close(connection, now)


def call_back(connection: Connection, edition_id: int, now: datetime) -> None:
    """End the deliveries of an edition, except those being sent at this moment."""
    connection.execute(
        update(delivery)
        .where(
            delivery.c.edition == edition_id,
            delivery.c.due_at.is_not(None),
            _may_become(DeliveryState.SUPPRESSED),
            _not_being_sent(now),
        )
        .values(
            state=DeliveryState.SUPPRESSED,
            due_at=None,
            changed_at=now,
            error="the edition was cancelled",
        )
    )


def _called_back() -> Select[Any]:
    """Return the query of cancelled editions with deliveries that were being sent."""
    return select(edition.c.id).where(
        edition.c.state == EditionState.OPEN, edition.c.cancelled_at.is_not(None)
    )


def _not_being_sent(now: datetime) -> ColumnElement[bool]:
    """Return the condition that nobody holds a delivery's lease."""
    return or_(delivery.c.state != DeliveryState.SENDING, delivery.c.due_at <= now)


def _stale(
    connection: Connection, now: datetime, expires: Mapping[str, timedelta]
) -> dict[int, datetime]:
    """Return open editions that are too old, each with the time before which deliveries expire."""
    query = select(edition.c.id, edition.c.digest, edition.c.created_at)
    stale = {}
    for row in connection.execute(query.where(edition.c.state == EditionState.OPEN)):
        made_until = now - expires.get(row.digest, EXPIRES)
        if row.created_at < made_until:
            stale[row.id] = made_until
    return stale


def _may_become(state: DeliveryState) -> ColumnElement[bool]:
    """Return the condition that a delivery's state may be followed by ``state``."""
    return delivery.c.state.in_([before for before, after in TRANSITIONS.items() if state in after])


def _unwanted(now: datetime) -> Select[Any]:
    return (
        select(delivery.c.id)
        .outerjoin(subscriber, subscriber.c.id == delivery.c.subscriber)
        .where(
            delivery.c.due_at <= now,
            or_(subscriber.c.id.is_(None), not_(_ACTIVE), not_(_not_paused(now))),
        )
    )


def _not_paused(now: datetime) -> ColumnElement[bool]:
    return or_(subscriber.c.paused_until.is_(None), subscriber.c.paused_until <= now)


def _being_sent(connection: Connection, ids: Collection[int]) -> set[int]:
    """Return which of these deliveries are being sent, and lock them."""
    query = select(delivery.c.id).where(delivery.c.state == DeliveryState.SENDING)
    being_sent: set[int] = set()
    for chunk in chunks(sorted(ids)):
        rows = query.where(delivery.c.id.in_(chunk)).order_by(delivery.c.id).with_for_update()
        being_sent.update(connection.scalars(rows))
    return being_sent


def _plain(result: DeliveryResult) -> bool:
    """Return whether a delivery was sent, with nothing else to record."""
    return result.state is _SENT and not result.error and not result.bounced


def _ended(state: DeliveryState, now: datetime) -> dict[str, Any]:
    """Return the values of a delivery whose attempt ended."""
    counted = 0 if state is DeliveryState.QUEUED else 1
    return {
        "state": state,
        "attempts": delivery.c.attempts + counted,
        "due_at": None,
        "changed_at": now,
    }


def _record_result(connection: Connection, result: DeliveryResult, now: datetime) -> None:
    due_at = None if result.state in FINAL else result.next_attempt_at or now
    values = _ended(result.state, now) | {
        "due_at": due_at,
        "error": result.error,
        "refused": result.refused,
    }
    connection.execute(update(delivery).where(delivery.c.id == result.delivery_id).values(values))
