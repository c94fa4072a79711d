"""Notices that wait for a hub, kept for the next start."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import bindparam, delete, select

from digest.feeds.websub.notifications import Notice
from digest.store.connection import Database
from digest.store.schema import meta
from digest.store.statements import put

#: How the rows of ``meta`` begin that hold one each; hub and topic follow, parted by a space,
#: which no address has.
_PREFIX = "notice "


class NoticeStore:
    """Keeps what hubs are still to be told. Every method raises StoreError.

    One row for each, so that a command and the daemon do not undo what the other keeps.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def notices(self) -> list[Notice]:
        """Return what is kept, what changed first coming first."""
        query = select(meta.c.name, meta.c.value).where(meta.c.name.startswith(_PREFIX))
        with self._database.read() as connection:
            found = [_notice(name, value) for name, value in connection.execute(query)]
        return sorted(found, key=lambda one: (one.changed_at, one.hub, one.topic))

    def keep(self, notices: Collection[Notice]) -> None:
        """Keep notices; what is kept of the same hub and topic is replaced."""
        rows = [{"name": _name(one), "value": _value(one)} for one in notices]
        with self._database.write() as connection:
            put(connection, meta, rows, key="name")

    def drop(self, notices: Collection[Notice]) -> None:
        """Forget notices; not those that were kept anew since, with another time."""
        gone = delete(meta).where(
            meta.c.name == bindparam("notice"), meta.c.value == bindparam("changed_at")
        )
        rows = [{"notice": _name(one), "changed_at": _value(one)} for one in notices]
        with self._database.write() as connection:
            if rows:
                connection.execute(gone, rows)


def _name(notice: Notice) -> str:
    return f"{_PREFIX}{notice.hub} {notice.topic}"


def _value(notice: Notice) -> str:
    return notice.changed_at.isoformat()


def _notice(name: str, value: str) -> Notice:
    hub, _, topic = name.removeprefix(_PREFIX).partition(" ")
    return Notice(hub=hub, topic=topic, changed_at=datetime.fromisoformat(value).astimezone(UTC))
