"""Posting: what is done with the rows of every message, within the caller's transaction.

The statements are built once: SQLAlchemy takes longer to build one than SQLite to run it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Row,
    bindparam,
    case,
    or_,
    select,
    update,
)

from digest.editions.delivery import TRANSITIONS, Delivery, DeliveryState
from digest.editions.model import EditionState
from digest.store.revisions import advance
from digest.store.schema import delivery, edition, person, subscriber
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
    """Claim up to so many deliveries that have been due longest; return them in this order.

    With them: whether some were passed over, whose subscribers are not active.
    """
    due = connection.execute(_DUE, {"now": now, "most": limit}).all()
    mine = [row for row in due if row.state == SubscriberState.ACTIVE]
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
    """Claim deliveries that were chosen, some of them as probes; return them in this order."""
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
    """Mark deliveries that are being sent as sent; False where one of them is not being sent.

    Then the caller has to roll back.
    """
    at = microseconds(now)
    changed = 0
    for chunk in chunks(numbers, _TOGETHER):
        changed += _mark_sent(len(chunk)).run(connection, [_named(chunk) | {"now": at}])
    return changed == len(numbers)


def close(connection: Connection, now: datetime) -> None:
    """Mark the open editions as done whose deliveries have all ended, called back ones too."""
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
    """Return the parameters of a statement about so many rows: see ``_named``."""
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
