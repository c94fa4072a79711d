"""Statements over many rows: insert unless there, insert or replace, find among values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Row, Select, Table, Update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from digest.store.types import chunks

Rows = Sequence[Mapping[str, Any]]
#: The names of the columns that identify a row.
Key = tuple[str, ...]


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the connection's own database, which can say what to do on conflict."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def insert_new(connection: Connection, table: Table, rows: Rows, *, key: str | Key) -> None:
    """Insert the rows whose ``key``, one column or several, is not there yet."""
    if rows:
        statement = insert_into(connection, table)
        statement = statement.on_conflict_do_nothing(index_elements=_columns(key))
        connection.execute(statement, rows)


def put(connection: Connection, table: Table, rows: Rows, *, key: str | Key) -> None:
    """Insert the rows, or replace every other column where ``key`` is there already."""
    if not rows:
        return
    statement = insert_into(connection, table)
    columns = _columns(key)
    new = {name: statement.excluded[name] for name in rows[0] if name not in columns}
    statement = statement.on_conflict_do_update(index_elements=columns, set_=new)
    connection.execute(statement, list(rows))


def _columns(key: str | Key) -> list[str]:
    return [key] if isinstance(key, str) else list(key)


def among(
    connection: Connection, query: Select[Any], column: Column[Any], values: Collection[Any]
) -> Iterable[Row[Any]]:
    """Yield the rows of a query whose column has one of these values, a chunk at a time."""
    for chunk in chunks(sorted(set(values))):
        yield from connection.execute(query.where(column.in_(chunk)))


class Prepared:
    """A statement that runs so often that its way through SQLAlchemy would take longest.

    It is put into a database's words once. Its parameters, and the values within it, are numbers
    and text: drivers are handed them as they are.
    """

    def __init__(self, statement: Update) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def run(self, connection: Connection, rows: Rows) -> int:
        """Run it for each row of parameters; return how many rows of the table it changed."""
        if not rows:
            return 0
        text = self._texts.get(connection.dialect.name)
        if text is None:
            text = self._texts[connection.dialect.name] = _text(self._statement, connection.dialect)
        given = [{**text.constants, **row} for row in rows]
        if text.order is None:
            return connection.exec_driver_sql(text.sql, given).rowcount
        ordered = [tuple(map(one.__getitem__, text.order)) for one in given]
        return connection.exec_driver_sql(text.sql, ordered).rowcount


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A statement in the words of one database."""

    sql: str
    constants: dict[str, Any]  #: its own values, by parameter
    order: tuple[str, ...] | None  #: of the parameters; None where they go by name


def _text(statement: Update, dialect: Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 an UPDATE is compiled to SQL
    return _Text(
        sql=compiled.string,
        constants={
            name: bind.value for bind, name in compiled.bind_names.items() if not bind.required
        },
        order=tuple(compiled.positiontup) if compiled.positiontup else None,
    )
