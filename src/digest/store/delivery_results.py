"""Results of attempts: record how deliveries ended, and suppress refused recipients."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from digest.editions.delivery import FINAL, REFUSED_DAYS, DeliveryResult, DeliveryState
from digest.store.delivery_rows import close
from digest.store.schema import delivery, subscriber
from digest.store.subscriber_addition import change_state
from digest.store.types import chunks
from digest.subscribers.model import SubscriberState

_SENT = DeliveryState.SENT
#: Ended deliveries of an address that are looked at to count its refusals.
_HISTORY = 50


def are_plain(results: Sequence[DeliveryResult]) -> bool:
    """Return whether all deliveries were sent, with nothing else to record."""
    return all(map(_plain, results))


def record(connection: Connection, results: Sequence[DeliveryResult], now: datetime) -> set[int]:
    """Record results within the caller's transaction; return which deliveries were ``sending``.

    The others stay as they are.
    """
    for result in results:
        # First: removing a reader locks them in this order.
        if result.bounced or (result.refused and _refused_often(connection, result, now)):
            _bounce(connection, result.delivery_id, now, result.error)
    mine = _being_sent(connection, [result.delivery_id for result in results])
    known = [result for result in results if result.delivery_id in mine]
    plain = [result.delivery_id for result in known if _plain(result)]
    for chunk in chunks(plain):
        connection.execute(
            update(delivery)
            .where(delivery.c.id.in_(chunk))
            .values(_ended(_SENT, now) | {"error": None})
        )
    done = set(plain)
    for result in known:
        if result.delivery_id not in done:
            _record(connection, result, now)
    if any(result.state in FINAL for result in known):
        close(connection, now)
    return mine


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


def _record(connection: Connection, result: DeliveryResult, now: datetime) -> None:
    due_at = None if result.state in FINAL else result.next_attempt_at or now
    values = _ended(result.state, now) | {
        "due_at": due_at,
        "error": result.error,
        "refused": result.refused,
    }
    connection.execute(update(delivery).where(delivery.c.id == result.delivery_id).values(values))


def _refused_often(connection: Connection, result: DeliveryResult, now: datetime) -> bool:
    """Return whether the recipient was refused on ``REFUSED_DAYS`` days, today included.

    An accepted mail or a new state of the subscriber restarts the count.
    """
    receiver = (
        select(subscriber.c.person)
        .join(delivery, delivery.c.subscriber == subscriber.c.id)
        .where(delivery.c.id == result.delivery_id)
    ).scalar_subquery()
    history = (
        select(delivery.c.state, delivery.c.changed_at, subscriber.c.since)
        .join(subscriber, subscriber.c.id == delivery.c.subscriber)
        .where(
            subscriber.c.person == receiver,
            or_(delivery.c.state == _SENT, delivery.c.refused),
            delivery.c.due_at.is_(None),
        )
        .order_by(delivery.c.changed_at.desc())
        .limit(_HISTORY)
    )
    days = {now.date()}
    for row in connection.execute(history):
        if row.state == _SENT or row.changed_at < row.since or len(days) >= REFUSED_DAYS:
            break
        days.add(row.changed_at.date())
    return len(days) >= REFUSED_DAYS


def _bounce(connection: Connection, delivery_id: int, now: datetime, reason: str | None) -> None:
    """Suppress the recipient of a delivery that is being sent, in every digest."""
    receiver = (
        select(subscriber.c.person)
        .join(delivery, delivery.c.subscriber == subscriber.c.id)
        .where(delivery.c.id == delivery_id, delivery.c.state == DeliveryState.SENDING)
    )
    mine = subscriber.c.person.in_(receiver) & (subscriber.c.state == SubscriberState.ACTIVE)
    change_state(connection, mine, SubscriberState.SUPPRESSED, now, reason)
