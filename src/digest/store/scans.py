"""What a scan of the tree compares files with, and the last scan: a row of ``meta``, as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from digest.articles.ingest.scan import RootMark, Scan
from digest.articles.model import AssetState
from digest.store.connection import Database
from digest.store.file_assets import all_assets
from digest.store.schema import file, meta
from digest.store.statements import put

_NAME = "scan"
#: Rows of files fetched at once.
_ROWS = 5_000


class ScanStore:
    """Remembers the files, when they were last looked at, and what their roots were then.

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

    def states(self, options_hashes: Collection[str]) -> Iterator[Row[Any]]:
        """Yield of every file: path, size, mtime_ns, if it is missing, and if of these hashes.

        Rows as the database gives them, a few thousand at a time: a scan goes through them all.
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
        """Yield every article file that is there with each file that it refers to."""
        with self._database.read() as connection:
            yield from all_assets(connection)

    def remember(self, scan: Scan) -> None:
        """Keep a scan in place of the one before."""
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
