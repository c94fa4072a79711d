"""Sources: their states, and the records of their entries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select

from digest.sources.model import EntryRecord, Health, SourceState
from digest.store.connection import Database
from digest.store.schema import source, source_entry
from digest.store.statements import among, put

_STATE = tuple(field.name for field in fields(SourceState))
_RECORD = tuple(field.name for field in fields(EntryRecord))


class SourceStore:
    """Stores states of sources and records of entries. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self) -> Mapping[str, SourceState]:
        """Return the state of each source, by name."""
        with self._database.read() as connection:
            return {row.name: _state(row) for row in connection.execute(select(source))}

    def counts(self) -> Mapping[str, int]:
        """Return how many entries of each source were taken; sources without any are left out."""
        query = select(source_entry.c.source, func.count().label("number")).group_by(
            source_entry.c.source
        )
        with self._database.read() as connection:
            return {row.source: row.number for row in connection.execute(query)}

    def records(self, name: str, entries: Collection[tuple[str, str]]) -> list[EntryRecord]:
        """Return the records of a source's entries with one of these keys or aliases."""
        query = select(*(source_entry.c[column] for column in _RECORD))
        query = query.where(source_entry.c.source == name)
        keys, aliases = {key for key, _ in entries}, {alias for _, alias in entries if alias}
        with self._database.read() as connection:
            by_key = among(connection, query, source_entry.c.key, keys)
            records = {row.key: EntryRecord(**row._asdict()) for row in by_key}
            for row in among(connection, query, source_entry.c.alias, aliases):
                records.setdefault(row.key, EntryRecord(**row._asdict()))
        return list(records.values())

    def taken_since(self, name: str, since: datetime) -> int:
        """Return how many entries of a source were first taken since a moment."""
        query = select(func.count()).where(
            source_entry.c.source == name, source_entry.c.taken_at > since
        )
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def keep(self, name: str, state: SourceState, records: Sequence[EntryRecord]) -> None:
        """Store a source's state and records of entries, all or none."""
        row = {"name": name, **{column: getattr(state, column) for column in _STATE}}
        rows = [
            {"source": name, **{column: getattr(record, column) for column in _RECORD}}
            for record in records
        ]
        with self._database.write() as connection:
            put(connection, source, [row], key="name")
            put(connection, source_entry, rows, key=("source", "key"))

    def forget(self, name: str) -> None:
        """Delete a source's state; the records of its entries stay."""
        with self._database.write() as connection:
            connection.execute(delete(source).where(source.c.name == name))


def _state(row: Row[Any]) -> SourceState:
    values = {column: getattr(row, column) for column in _STATE}
    return SourceState(**{**values, "health": Health(row.health)})
