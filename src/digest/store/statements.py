"""Statements over many rows: insert unless there, insert or replace, find among values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
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
    return _insert_of(connection.dialect, table)


def insert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows, all of the same columns."""
    if rows:
        _insertion(connection.dialect, table, tuple(rows[0])).run(connection, rows)


def insert_new(connection: Connection, table: Table, rows: Rows, *, key: str | Key) -> None:
    """Insert the rows, all of the same columns, whose ``key`` is not there yet.

    The key is a column, or several.
    """
    if rows:
        _insertion(connection.dialect, table, tuple(rows[0]), new=_key(key)).run(connection, rows)


def put(connection: Connection, table: Table, rows: Rows, *, key: str | Key) -> None:
    """Insert the rows, or replace every other column where ``key`` is there already."""
    if rows:
        _insertion(connection.dialect, table, tuple(rows[0]), known=_key(key)).run(connection, rows)


def _key(key: str | Key) -> Key:
    return (key,) if isinstance(key, str) else key


def among(
    connection: Connection, query: Select[Any], column: Column[Any], values: Collection[Any]
) -> Iterable[Row[Any]]:
    """Yield the rows of a query whose column has one of these values, a chunk at a time."""
    for chunk in chunks(sorted(set(values))):
        yield from connection.execute(query.where(column.in_(chunk)))


class _Insertion:
    """An insertion of many rows, put into a database's words once.

    SQLAlchemy would look at each row's parameters anew, which takes as long as inserting it.
    """

    def __init__(
        self, dialect: Dialect, statement: sqlite.Insert | postgresql.Insert, columns: Sequence[str]
    ) -> None:
        compiled = statement.compile(
            dialect=dialect, column_keys=list(columns), for_executemany=True
        )
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 an INSERT is compiled to SQL
        self._sql = compiled.string
        self._positional = bool(compiled.positiontup)
        self._order = tuple(compiled.positiontup or columns)
        kinds = [compiled.binds[name].type.dialect_impl(dialect) for name in self._order]
        processors = [kind.bind_processor(dialect) for kind in kinds]
        self._processors = [(index, one) for index, one in enumerate(processors) if one]

    def run(self, connection: Connection, rows: Rows) -> None:
        """Insert the rows."""
        given: list[Any] = []
        for row in rows:
            values = [row[name] for name in self._order]
            for index, process in self._processors:
                values[index] = process(values[index])
            given.append(
                tuple(values) if self._positional else dict(zip(self._order, values, strict=True))
            )
        connection.exec_driver_sql(self._sql, given)


def _insert_of(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)


@lru_cache(maxsize=64)
def _insertion(
    dialect: Dialect, table: Table, columns: tuple[str, ...], *, new: Key = (), known: Key = ()
) -> _Insertion:
    """Return the insertion of rows; only of ``new`` ones, or over ``known`` ones, by a key."""
    statement = _insert_of(dialect, table)
    if new:
        statement = statement.on_conflict_do_nothing(index_elements=new)
    if known:
        values = {name: statement.excluded[name] for name in columns if name not in known}
        statement = statement.on_conflict_do_update(index_elements=known, set_=values)
    return _Insertion(dialect, statement, columns)


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
