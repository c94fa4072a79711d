"""Rows of deliveries and pauses: claim, mark and choose them within the caller's transaction.

The statements of every message are built once: building one takes longer than running it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    or_,
    select,
    update,
)

from digest.editions.delivery import PROBE_AFTER, TRANSITIONS, Delivery, DeliveryState, Pause
from digest.editions.model import EditionState
from digest.store.revisions import advance
from digest.store.schema import delivery, edition, pause, person, subscriber
from digest.store.statements import Prepared
from digest.store.subscribers import COLUMNS, TABLES, from_row
from digest.store.types import chunks, microseconds
from digest.subscribers.model import SubscriberState

#: Rows of one statement. Each statement of SQLite lets other threads of Python run, and waits for
#: them to let it go on: few statements for many rows wait less.
_TOGETHER = 50
_COLUMNS = (
    *COLUMNS,
    delivery.c.id.label("delivery_id"),
    delivery.c.edition,
    delivery.c.attempts,
    delivery.c.created_at.label("queued_at"),
)
#: What has been due longest, with whom it is for, whatever became of that reader.
_DUE = (
    select(*_COLUMNS)
    .select_from(
        delivery.outerjoin(subscriber, subscriber.c.id == delivery.c.subscriber).outerjoin(
            person, person.c.id == subscriber.c.person
        )
    )
    .where(delivery.c.due_at <= bindparam("now"))
    .order_by(delivery.c.due_at, delivery.c.id)
    .limit(bindparam("most"))
    # PostgreSQL alone: a second claimer passes over what this one is taking.
    .with_for_update(skip_locked=True, of=delivery)
)
_BEFORE_SENDING = [
    delivery.c.state == state.value
    for state, after in TRANSITIONS.items()
    if DeliveryState.SENDING in after
]
#: Those deliveries that have ended have no ``due_at``: the index holds none of them.
_PENDING = select(delivery.c.id).where(
    delivery.c.edition == edition.c.id, delivery.c.due_at.is_not(None)
)
_CLOSE = Prepared(
    update(edition)
    .where(edition.c.state == EditionState.OPEN.value, ~_PENDING.exists())
    .values(
        state=case(
            (edition.c.cancelled_at.is_(None), EditionState.DONE.value),
            else_=EditionState.CANCELLED.value,
        )
    )
)


def take(
    connection: Connection, limit: int, now: datetime, lease: timedelta, owner: str | None
) -> tuple[list[Delivery], bool]:
    """Claim up to ``limit`` deliveries, those due longest first; return them in this order.

    The second value is whether deliveries were skipped whose subscribers are inactive or want
    no mail until a day.
    """
    due = connection.execute(_DUE, {"now": now, "most": limit}).all()
    mine = [
        row
        for row in due
        if row.state == SubscriberState.ACTIVE
        and (row.paused_until is None or row.paused_until <= now)
    ]
    _claim(connection, [row.delivery_id for row in mine], now, lease, owner)
    return [_delivery(row) for row in mine], len(mine) < len(due)


def take_these(
    connection: Connection,
    numbers: Sequence[int],
    probes: Collection[int],
    now: datetime,
    lease: timedelta,
    owner: str | None,
) -> list[Delivery]:
    """Claim these deliveries, those in ``probes`` as probes; return them in this order."""
    _claim(connection, numbers, now, lease, owner)
    receivers = TABLES.join(delivery, delivery.c.subscriber == subscriber.c.id)
    query = select(*_COLUMNS).select_from(receivers)
    by_number = {
        row.delivery_id: _delivery(row, probe=row.delivery_id in probes)
        for chunk in chunks(numbers)
        for row in connection.execute(query.where(delivery.c.id.in_(chunk)))
    }
    return [by_number[number] for number in numbers if number in by_number]


def mark_sent(connection: Connection, numbers: Sequence[int], now: datetime) -> bool:
    """Mark deliveries that are being sent as sent; return False if one is not being sent.

    The caller must roll back then.
    """
    at = microseconds(now)
    changed = 0
    for chunk in chunks(numbers, _TOGETHER):
        changed += _mark_sent(len(chunk)).run(connection, [_named(chunk) | {"now": at}])
    return changed == len(numbers)


def close(connection: Connection, now: datetime) -> None:
    """Mark open editions as done whose deliveries have all ended, cancelled ones too."""
    if _CLOSE.run(connection, [{}]):
        advance(connection, now)  # a cancelled one that nobody got has no page any more


def _claim(
    connection: Connection,
    numbers: Sequence[int],
    now: datetime,
    lease: timedelta,
    owner: str | None,
) -> None:
    claim = {"now": microseconds(now), "until": microseconds(now + lease), "owner": owner}
    for chunk in chunks(numbers, _TOGETHER):
        _take(len(chunk)).run(connection, [_named(chunk) | claim])


@lru_cache(maxsize=_TOGETHER)
def _take(count: int) -> Prepared:
    return Prepared(
        update(delivery)
        .where(delivery.c.id.in_(_numbers(count)), or_(*_BEFORE_SENDING))
        .values(
            state=DeliveryState.SENDING.value,
            due_at=bindparam("until"),
            changed_at=bindparam("now"),
            claimed_by=bindparam("owner"),
        )
    )


@lru_cache(maxsize=_TOGETHER)
def _mark_sent(count: int) -> Prepared:
    return Prepared(
        update(delivery)
        .where(delivery.c.id.in_(_numbers(count)), delivery.c.state == DeliveryState.SENDING.value)
        .values(
            state=DeliveryState.SENT.value,
            attempts=delivery.c.attempts + 1,
            due_at=None,
            error=None,
            changed_at=bindparam("now"),
        )
    )


def _numbers(count: int) -> list[BindParameter[int]]:
    """Return the parameters of a statement for ``count`` rows; ``_named`` gives their values."""
    return [bindparam(f"number_{position}", type_=BigInteger) for position in range(count)]


def _named(numbers: Sequence[int]) -> dict[str, int]:
    return {f"number_{position}": number for position, number in enumerate(numbers)}


def _delivery(row: Row[Any], *, probe: bool = False) -> Delivery:
    return Delivery(
        id=row.delivery_id,
        edition_id=row.edition,
        subscriber=from_row(row),
        attempts=row.attempts,
        created_at=row.queued_at,
        probe=probe,
    )


def pauses(connection: Connection) -> list[Pause]:
    """Return the pauses: that of all mail first, then by name of digest."""
    return [
        Pause(
            digest=row.digest or None,
            since=row.since,
            probe_at=row.probe_at,
            reason=row.reason,
        )
        for row in connection.execute(select(pause).order_by(pause.c.digest))
    ]


def choose(
    connection: Connection, query: Select[Any], limit: int, now: datetime
) -> tuple[list[int], set[int]]:
    """Return which deliveries of a query may be sent, and which of them are probes.

    A probe postpones the next one, so that two processes do not make the same probe.
    """
    paused = pauses(connection)
    everything = next((row for row in paused if row.digest is None), None)
    names = [row.digest for row in paused if row.digest is not None]
    if everything is not None:
        if everything.probe_at > now:
            return [], set()
        paused, limit = [], 1
    probes: list[int] = []
    for row in paused:
        if row.probe_at <= now and row.digest is not None:
            probe = connection.scalars(query.where(_of([row.digest])).limit(1)).all()
            if probe:
                _put_off(connection, row.digest, now)
            probes += probe
    others = query.where(~_of(names)) if names else query
    taken = list(connection.scalars(others.limit(limit)))
    if everything is not None and taken:
        _put_off(connection, "", now)
        probes, taken = taken, []
    return probes + taken, set(probes)


def next_due_at(connection: Connection, query: Select[Any], paused: list[Pause]) -> datetime | None:
    """Return when the next delivery of a query may be sent, with regard to pauses."""
    names = [row.digest for row in paused if row.digest is not None]
    moments: list[datetime | None] = [
        connection.scalar(query.where(~_of(names)) if names else query)
    ]
    for row in paused:
        if row.digest is not None:
            due_at = connection.scalar(query.where(_of([row.digest])))
            moments.append(max(due_at, row.probe_at) if due_at else None)
    earliest = min((moment for moment in moments if moment is not None), default=None)
    if earliest is not None:
        for row in paused:
            if row.digest is None:
                earliest = max(earliest, row.probe_at)
    return earliest


def _of(names: list[str]) -> ColumnElement[bool]:
    """Return the condition that a delivery belongs to one of these digests."""
    return delivery.c.edition.in_(select(edition.c.id).where(edition.c.digest.in_(names)))


def _put_off(connection: Connection, digest: str, now: datetime) -> None:
    connection.execute(
        update(pause).where(pause.c.digest == digest).values(probe_at=now + PROBE_AFTER)
    )
