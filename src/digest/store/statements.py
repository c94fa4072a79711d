"""Statements over many rows: insert unless there, insert or replace, find among values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

from digest.store.types import chunks

Rows = Sequence[Mapping[str, Any]]


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def insert_new(connection: Connection, table: Table, rows: Rows, *, key: str) -> None:
    """Insert the rows whose ``key`` is not there yet."""
    if rows:
        statement = _insert(connection, table).on_conflict_do_nothing(index_elements=[key])
        connection.execute(statement, rows)


def put(connection: Connection, table: Table, rows: Rows, *, key: str) -> None:
    """Insert the rows, or replace every other column where ``key`` is there already."""
    if not rows:
        return
    statement = _insert(connection, table)
    new = {name: statement.excluded[name] for name in rows[0] if name != key}
    connection.execute(statement.on_conflict_do_update(index_elements=[key], set_=new), list(rows))


def among(
    connection: Connection, query: Select[Any], column: Column[Any], values: Collection[Any]
) -> Iterable[Row[Any]]:
    """Yield the rows of a query whose column has one of these values, a chunk at a time."""
    for chunk in chunks(sorted(set(values))):
        yield from connection.execute(query.where(column.in_(chunk)))
