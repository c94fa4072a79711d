"""Bounces: suppress recipients whom a server refuses for good, or again and again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, or_, select

from digest.editions.delivery import REFUSED_DAYS, DeliveryResult, DeliveryState
from digest.store.schema import delivery, subscriber
from digest.store.subscriber_addition import change_state
from digest.subscribers.model import SubscriberState

_SENT = DeliveryState.SENT
#: Ended deliveries of an address that are looked at to count its refusals.
_HISTORY = 50


def refused_often(connection: Connection, result: DeliveryResult, now: datetime) -> bool:
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
        if (
            row.state == DeliveryState.SENT
            or row.changed_at < row.since
            or len(days) >= REFUSED_DAYS
        ):
            break
        days.add(row.changed_at.date())
    return len(days) >= REFUSED_DAYS


def suppress_recipient(
    connection: Connection, delivery_id: int, now: datetime, reason: str | None
) -> None:
    """Suppress the recipient of a delivery that is being sent, in every digest."""
    receiver = (
        select(subscriber.c.person)
        .join(delivery, delivery.c.subscriber == subscriber.c.id)
        .where(delivery.c.id == delivery_id, delivery.c.state == DeliveryState.SENDING)
    )
    mine = subscriber.c.person.in_(receiver) & (subscriber.c.state == SubscriberState.ACTIVE)
    change_state(connection, mine, SubscriberState.SUPPRESSED, now, reason)
