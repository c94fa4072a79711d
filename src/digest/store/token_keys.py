"""The fingerprints of the keys that have signed links in mails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from digest.store.connection import Database
from digest.store.schema import meta
from digest.store.statements import put

_NAME = "token_keys"


class KeyStore:
    """Remembers keys by fingerprint, since when each is in use. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lost(self, present: Sequence[str]) -> list[tuple[str, datetime]]:
        """Return the keys that are known and not present, oldest first."""
        with self._database.read() as connection:
            known = _read(connection)
        return [(mark, since) for mark, since in known if mark not in present]

    def record(self, present: Sequence[str], now: datetime) -> list[tuple[str, datetime]]:
        """Remember the first of these keys, which signs from now on; return what ``lost`` does."""
        with self._database.read() as connection:
            known = _read(connection)
        if present[0] not in dict(known):
            with self._database.write() as connection:
                known = [*_read(connection), (present[0], now)]
                _write(connection, known)
        return [(mark, since) for mark, since in known if mark not in present]

    def forget(self, present: Sequence[str]) -> None:
        """Forget the keys that are not present: nobody expects their links to work."""
        with self._database.write() as connection:
            _write(connection, [key for key in _read(connection) if key[0] in present])


def _read(connection: Connection) -> list[tuple[str, datetime]]:
    value = connection.scalar(select(meta.c.value).where(meta.c.name == _NAME))
    return [(mark, datetime.fromisoformat(since)) for mark, since in json.loads(value or "[]")]


def _write(connection: Connection, keys: Sequence[tuple[str, datetime]]) -> None:
    value = json.dumps([(mark, since.isoformat()) for mark, since in dict(keys).items()])
    put(connection, meta, [{"name": _NAME, "value": value}], key="name")
