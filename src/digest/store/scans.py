"""The last scan of the tree, remembered for other processes: a row of ``meta``, as JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import select

from digest.articles.scan import RootMark, Scan
from digest.store.connection import Database
from digest.store.schema import meta
from digest.store.statements import put

_NAME = "scan"


class ScanStore:
    """Remembers when the tree was last looked at, and what its roots were then.

    Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> Scan | None:
        """Return the last scan; None where there was none, or none that this Digest can read."""
        with self._database.read() as connection:
            value = connection.scalar(select(meta.c.value).where(meta.c.name == _NAME))
        try:
            return _scan(value) if value else None
        except (ValueError, TypeError, KeyError):  # written by another version
            return None

    def remember(self, scan: Scan) -> None:
        """Keep a scan in place of the one before."""
        value = json.dumps(
            {
                "ended_at": scan.ended_at.isoformat(),
                "seconds": scan.took.total_seconds(),
                "files": scan.files,
                "roots": {name: [one.device, one.inode] for name, one in scan.marks.items()},
                "unseen": dict(scan.unseen),
            },
            ensure_ascii=False,
        )
        with self._database.write() as connection:
            put(connection, meta, [{"name": _NAME, "value": value}], key="name")


def _scan(value: str) -> Scan:
    """Return a scan as it was written; raise ValueError, TypeError or KeyError."""
    told = json.loads(value)
    return Scan(
        ended_at=datetime.fromisoformat(told["ended_at"]),
        took=timedelta(seconds=told["seconds"]),
        files=told["files"],
        marks={
            name: RootMark(device=device, inode=inode)
            for name, (device, inode) in told["roots"].items()
        },
        unseen=told["unseen"],
    )
