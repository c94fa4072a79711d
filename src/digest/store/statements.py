"""Statements for many rows (insert, insert new ones, upsert, select by values), compiled once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Row, Select, Table, Update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from digest.store.types import chunks

Rows = Sequence[Mapping[str, Any]]
#: The names of the columns that identify a row.
Key = tuple[str, ...]


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the connection's own database, which supports ON CONFLICT."""
    return _insert_of(connection.dialect, table)


def insert(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows, all of the same columns."""
    if rows:
        _insertion(connection.dialect, table, tuple(rows[0])).run(connection, rows)


def insert_new(connection: Connection, table: Table, rows: Rows, *, key: str | Key) -> None:
    """Insert the rows, all of the same columns, whose ``key`` (columns) is not stored yet."""
    if rows:
        _insertion(connection.dialect, table, tuple(rows[0]), new=_key(key)).run(connection, rows)


def put(connection: Connection, table: Table, rows: Rows, *, key: str | Key) -> None:
    """Insert the rows; replace all other columns of a row whose ``key`` is stored already."""
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
    """An INSERT of many rows, compiled once for each database.

    SQLAlchemy would process each row's parameters again, which takes as long as inserting it.
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
        self._processors = [
            (index, processor) for index, processor in enumerate(processors) if processor
        ]

    def run(self, connection: Connection, rows: Rows) -> None:
        """Insert the rows."""
        given: list[Any] = []
        for row in rows:
            values = list(map(row.__getitem__, self._order))
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
    """Return the INSERT of rows; only of ``new`` ones, or an upsert of ``known`` ones, by a key."""
    statement = _insert_of(dialect, table)
    if new:
        statement = statement.on_conflict_do_nothing(index_elements=new)
    if known:
        values = {name: statement.excluded[name] for name in columns if name not in known}
        statement = statement.on_conflict_do_update(index_elements=known, set_=values)
    return _Insertion(dialect, statement, columns)


class Prepared:
    """An UPDATE compiled once for each database, to avoid the overhead of SQLAlchemy.

    Its parameters and constants are numbers and text, which are passed to the driver unchanged.
    """

    def __init__(self, statement: Update) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def run(self, connection: Connection, rows: Rows) -> int:
        """Run it for each row of parameters; return the number of table rows changed."""
        if not rows:
            return 0
        text = self._texts.get(connection.dialect.name)
        if text is None:
            text = self._texts[connection.dialect.name] = _text(self._statement, connection.dialect)
        given = [{**text.constants, **row} for row in rows]
        if text.order is None:
            return connection.exec_driver_sql(text.sql, given).rowcount
        ordered = [tuple(map(values.__getitem__, text.order)) for values in given]
        return connection.exec_driver_sql(text.sql, ordered).rowcount


class PreparedQuery:
    """A query compiled once for each database, whose rows the driver reads itself.

    For queries of every page: the overhead of SQLAlchemy is half of the time of a page.
    """

    def __init__(self, query: Select[Any]) -> None:
        self._query = query
        names = [str(column.key) for column in query.selected_columns]
        self._row = make_dataclass("Row", names, slots=True)
        self._texts: dict[str, tuple[_Text, list[tuple[int, Any]]]] = {}

    def run(self, connection: Connection, **parameters: int | str) -> list[Any]:
        """Return its rows, with the columns as attributes."""
        text, processors = self._texts.get(connection.dialect.name) or self._prepare(connection)
        if not connection.in_transaction():
            connection.begin()  # else each query would see the database at its own moment
        values = {**text.constants, **parameters}
        given: Any = values if text.order is None else [values[name] for name in text.order]
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text.sql, given)
            fetched = cursor.fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError(text.sql, None, error, hide_parameters=True) from error
        finally:
            cursor.close()
        rows = []
        for values_of_row in fetched:
            row = list(values_of_row)
            for index, process in processors:
                row[index] = process(row[index])
            rows.append(self._row(*row))
        return rows

    def _prepare(self, connection: Connection) -> tuple[_Text, list[tuple[int, Any]]]:
        dialect = connection.dialect
        kinds = [column.type.dialect_impl(dialect) for column in self._query.selected_columns]
        processors = [kind.result_processor(dialect, None) for kind in kinds]
        prepared = (
            _text(self._query, dialect),
            [(index, process) for index, process in enumerate(processors) if process],
        )
        self._texts[dialect.name] = prepared
        return prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A statement compiled for one database."""

    sql: str
    constants: dict[str, Any]  #: its own values, by parameter
    order: tuple[str, ...] | None  #: of the parameters; None where they go by name


def _text(statement: Update | Select[Any], dialect: Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 an UPDATE is compiled to SQL
    return _Text(
        sql=compiled.string,
        constants={
            name: bind.value for bind, name in compiled.bind_names.items() if not bind.required
        },
        order=tuple(compiled.positiontup) if compiled.positiontup else None,
    )
