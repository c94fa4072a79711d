"""Small stores, each in rows of ``meta``: the last scan, keys of links, notifications of hubs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from digest.articles.ingest.scan import RootMark, Scan
from digest.articles.model import AssetState
from digest.feeds.websub.protocol import Notification
from digest.store.connection import Database
from digest.store.file_assets import all_assets
from digest.store.meta_values import meta_value, put_meta_value
from digest.store.schema import file, meta
from digest.store.statements import put

#: Names of rows.
_SCAN, _KEYS = "scan", "token_keys"
#: The start of the names of notifications; hub and topic follow, separated by a space, which no
#: address contains.
_NOTIFICATION = "notice "
#: Rows of files fetched at once: 0.4 KB each.
_ROWS = 1_000


class ScanStore:
    """Stores the last scan, and reads the stored state of files to compare with the tree.

    Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> Scan | None:
        """Return the last scan; None if there is none, or if another version wrote it."""
        with self._database.read() as connection:
            value = meta_value(connection, _SCAN)
        try:
            return _scan(value) if value else None
        except (ValueError, TypeError, KeyError):  # written by another version
            return None

    def states(self, options_hashes: Collection[str]) -> Iterator[Row[Any]]:
        """Yield path, size, mtime_ns, is missing, has one of these hashes, for every file.

        Plain rows, fetched a thousand at a time, because a scan reads all of them.
        """
        query = select(
            file.c.path,
            file.c.size,
            file.c.mtime_ns,
            file.c.missing_at.is_not(None),
            file.c.options_hash.in_(options_hashes),
        )
        with self._database.read() as connection:
            for rows in connection.execution_options(yield_per=_ROWS).execute(query).partitions():
                yield from rows

    def assets(self) -> Iterator[tuple[str, AssetState]]:
        """Yield the path of every present article file with each asset that it refers to."""
        with self._database.read() as connection:
            yield from all_assets(connection)

    def remember(self, scan: Scan) -> None:
        """Store a scan in place of the last one."""
        value = json.dumps(
            {
                "ended_at": scan.ended_at.isoformat(),
                "seconds": scan.took.total_seconds(),
                "files": scan.files,
                "roots": {name: [mark.device, mark.inode] for name, mark in scan.marks.items()},
                "unseen": dict(scan.unseen),
            },
            ensure_ascii=False,
        )
        with self._database.write() as connection:
            put_meta_value(connection, _SCAN, value)


def _scan(value: str) -> Scan:
    """Return the scan stored as JSON; raise ValueError, TypeError or KeyError."""
    fields = json.loads(value)
    return Scan(
        ended_at=datetime.fromisoformat(fields["ended_at"]),
        took=timedelta(seconds=fields["seconds"]),
        files=fields["files"],
        marks={
            name: RootMark(device=device, inode=inode)
            for name, (device, inode) in fields["roots"].items()
        },
        unseen=fields["unseen"],
    )


class HubNotificationStore:
    """Stores pending notifications of hubs. Every method raises StoreError.

    Each has a row, so that a command and the daemon do not overwrite each other's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def stored(self) -> list[Notification]:
        """Return all pending notifications, in the order of their changes."""
        query = select(meta.c.name, meta.c.value).where(meta.c.name.startswith(_NOTIFICATION))
        with self._database.read() as connection:
            notifications = [
                _notification(name, value) for name, value in connection.execute(query)
            ]
        return sorted(notifications, key=attrgetter("changed_at", "hub", "topic"))

    def keep(self, notifications: Collection[Notification]) -> None:
        """Store notifications, in place of earlier ones of the same hub and topic."""
        rows = [
            {"name": _row_name(notice), "value": _row_value(notice)} for notice in notifications
        ]
        with self._database.write() as connection:
            put(connection, meta, rows, key="name")

    def drop(self, notifications: Collection[Notification]) -> None:
        """Delete notifications, unless they were stored again with another time."""
        gone = delete(meta).where(
            meta.c.name == bindparam("notice"), meta.c.value == bindparam("changed_at")
        )
        rows = [
            {"notice": _row_name(notice), "changed_at": _row_value(notice)}
            for notice in notifications
        ]
        with self._database.write() as connection:
            if rows:
                connection.execute(gone, rows)


def _row_name(notification: Notification) -> str:
    return f"{_NOTIFICATION}{notification.hub} {notification.topic}"


def _row_value(notification: Notification) -> str:
    return notification.changed_at.isoformat()


def _notification(name: str, value: str) -> Notification:
    hub, _, topic = name.removeprefix(_NOTIFICATION).partition(" ")
    return Notification(
        hub=hub, topic=topic, changed_at=datetime.fromisoformat(value).astimezone(UTC)
    )


class KeyStore:
    """Stores fingerprints of keys for signed links, and when each came into use.

    Every method raises StoreError.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def lost(self, present: Sequence[str]) -> list[tuple[str, datetime]]:
        """Return the stored keys that are not present, oldest first."""
        with self._database.read() as connection:
            known = _keys(connection)
        return [(mark, since) for mark, since in known if mark not in present]

    def record(self, present: Sequence[str], now: datetime) -> list[tuple[str, datetime]]:
        """Store the first of these keys, which signs from now on; return lost keys as ``lost``."""
        with self._database.read() as connection:
            known = _keys(connection)
        if present[0] not in dict(known):
            with self._database.write() as connection:
                known = [*_keys(connection), (present[0], now)]
                _put_keys(connection, known)
        return [(mark, since) for mark, since in known if mark not in present]

    def forget(self, present: Sequence[str]) -> None:
        """Delete the keys that are not present; their links are given up."""
        with self._database.write() as connection:
            _put_keys(connection, [key for key in _keys(connection) if key[0] in present])


def _keys(connection: Connection) -> list[tuple[str, datetime]]:
    return [
        (mark, datetime.fromisoformat(since))
        for mark, since in json.loads(meta_value(connection, _KEYS) or "[]")
    ]


def _put_keys(connection: Connection, keys: Sequence[tuple[str, datetime]]) -> None:
    value = json.dumps([(mark, since.isoformat()) for mark, since in dict(keys).items()])
    put_meta_value(connection, _KEYS, value)
