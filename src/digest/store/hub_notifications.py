"""Notifications that wait for a hub, stored for the next start."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from operator import attrgetter

from sqlalchemy import bindparam, delete, select

from digest.feeds.websub.protocol import Notification
from digest.store.connection import Database
from digest.store.schema import meta
from digest.store.statements import put

#: How the rows of ``meta`` begin that hold one each; hub and topic follow, parted by a space,
#: which no address has.
_PREFIX = "notice "


class HubNotificationStore:
    """Stores what hubs are still to be told. Every method raises StoreError.

    One row for each, so that a command and the daemon do not undo what the other stores.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def stored(self) -> list[Notification]:
        """Return all notifications that wait, in the order of their changes."""
        query = select(meta.c.name, meta.c.value).where(meta.c.name.startswith(_PREFIX))
        with self._database.read() as connection:
            notifications = [
                _notification(name, value) for name, value in connection.execute(query)
            ]
        return sorted(notifications, key=attrgetter("changed_at", "hub", "topic"))

    def keep(self, notifications: Collection[Notification]) -> None:
        """Store notifications; what is stored of the same hub and topic is replaced."""
        rows = [{"name": _name(notice), "value": _value(notice)} for notice in notifications]
        with self._database.write() as connection:
            put(connection, meta, rows, key="name")

    def drop(self, notifications: Collection[Notification]) -> None:
        """Forget notifications, unless they were stored again since with another time."""
        gone = delete(meta).where(
            meta.c.name == bindparam("notice"), meta.c.value == bindparam("changed_at")
        )
        rows = [{"notice": _name(notice), "changed_at": _value(notice)} for notice in notifications]
        with self._database.write() as connection:
            if rows:
                connection.execute(gone, rows)


def _name(notification: Notification) -> str:
    return f"{_PREFIX}{notification.hub} {notification.topic}"


def _value(notification: Notification) -> str:
    return notification.changed_at.isoformat()


def _notification(name: str, value: str) -> Notification:
    hub, _, topic = name.removeprefix(_PREFIX).partition(" ")
    return Notification(
        hub=hub, topic=topic, changed_at=datetime.fromisoformat(value).astimezone(UTC)
    )
