"""Statements for many rows (insert, insert new ones, upsert, select by values), compiled once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Delete, Dialect, Row, Select, Table, Update, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert, UpdateBase

from digest.store.types import CHUNK, chunks

Rows = Sequence[Mapping[str, Any]]
#: The names of the columns that identify a row.
Key = tuple[str, ...]


def insert_into(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of a database's own kind, which supports ON CONFLICT."""
    return sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)


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


@lru_cache(maxsize=64)
def _insertion(
    dialect: Dialect, table: Table, columns: tuple[str, ...], *, new: Key = (), known: Key = ()
) -> _Insertion:
    """Return the INSERT of rows; only of ``new`` ones, or an upsert of ``known`` ones, by a key."""
    statement = insert_into(dialect, table)
    if new:
        statement = statement.on_conflict_do_nothing(index_elements=new)
    if known:
        values = {name: statement.excluded[name] for name in columns if name not in known}
        statement = statement.on_conflict_do_update(index_elements=known, set_=values)
    return _Insertion(dialect, statement, columns)


class Prepared:
    """An UPDATE or DELETE compiled once for each database, to avoid the overhead of SQLAlchemy.

    Its parameters and constants are numbers and text, which are passed to the driver unchanged.
    """

    def __init__(self, statement: Update | Delete) -> None:
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

    For queries of every page and of every publication: SQLAlchemy takes longer to prepare one than
    the database to run it. It is compiled when it is first run.
    """

    def __init__(self, query: Select[Any] | ReturningInsert[Any]) -> None:
        self._query = query
        self._ready: dict[str, _Ready] = {}

    def run(self, connection: Connection, **parameters: int | str) -> list[Any]:
        """Return its rows, with the columns as attributes."""
        ready = self._ready.get(connection.dialect.name) or self._prepare(connection.dialect)
        row = ready.row
        return [row(*values) for values in self._fetch(connection, ready, parameters)]

    def scalars(self, connection: Connection, **parameters: int | str) -> list[Any]:
        """Return the first column of its rows."""
        ready = self._ready.get(connection.dialect.name) or self._prepare(connection.dialect)
        return [values[0] for values in self._fetch(connection, ready, parameters)]

    def scalar(self, connection: Connection, **parameters: int | str) -> Any:
        """Return the first column of its first row; None where there is no row."""
        for value in self.scalars(connection, **parameters):
            return value
        return None

    def _fetch(
        self, connection: Connection, ready: _Ready, parameters: Mapping[str, int | str]
    ) -> Sequence[Sequence[Any]]:
        text = ready.text
        if not connection.in_transaction():
            connection.begin()  # else each query would see the database at its own moment
        given: Any = {**text.constants, **parameters}
        if text.order is not None:
            given = [given[name] for name in text.order]
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text.sql, given)
            fetched = cursor.fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError(text.sql, None, error, hide_parameters=True) from error
        finally:
            cursor.close()
        if not ready.processors:
            return fetched
        rows = [list(values) for values in fetched]
        for index, process in ready.processors:
            for row in rows:
                row[index] = process(row[index])
        return rows

    def _prepare(self, dialect: Dialect) -> _Ready:
        columns = list(self._query.exported_columns)
        kinds = [column.type.dialect_impl(dialect) for column in columns]
        processors = [kind.result_processor(dialect, None) for kind in kinds]
        ready = self._ready[dialect.name] = _Ready(
            text=_text(self._query, dialect),
            row=_row_of(tuple(str(column.key) for column in columns)),
            processors=tuple(
                (index, process) for index, process in enumerate(processors) if process
            ),
        )
        return ready


class PreparedAmong:
    """A query of the rows whose column has one of some values, numbers or text.

    It is compiled once for each database, and for few different numbers of values.
    """

    def __init__(self, query: Select[Any], column: Column[Any]) -> None:
        self._query = query
        self._column = column
        self._queries: dict[int, tuple[PreparedQuery, list[str]]] = {}

    def run(
        self, connection: Connection, values: Iterable[Any], **parameters: int | str
    ) -> Iterator[Any]:
        """Yield its rows, with the columns as attributes, a chunk of values at a time."""
        for chunk in chunks(sorted(set(values))):
            count = min(CHUNK, 1 << (len(chunk) - 1).bit_length())
            query, names = self._queries.get(count) or self._of(count)
            given = dict.fromkeys(names, chunk[-1])  # what stands there twice counts once
            given.update(zip(names, chunk, strict=False))
            yield from query.run(connection, **given, **parameters)

    def _of(self, count: int) -> tuple[PreparedQuery, list[str]]:
        names = [f"among_{number}" for number in range(count)]
        wanted = self._column.in_([bindparam(name) for name in names])
        prepared = self._queries[count] = PreparedQuery(self._query.where(wanted)), names
        return prepared


@lru_cache(maxsize=128)
def _row_of(names: tuple[str, ...]) -> type[Any]:
    """Return the type of a row with these columns."""
    return make_dataclass("Row", names, slots=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A statement compiled for one database."""

    sql: str
    constants: dict[str, Any]  #: its own values, by parameter
    order: tuple[str, ...] | None  #: of the parameters; None where they go by name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A query compiled for one database."""

    text: _Text
    row: type[Any]
    processors: tuple[tuple[int, Any], ...]  #: of values that the driver returns, by column


def _text(statement: UpdateBase | Select[Any], dialect: Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 it is compiled to SQL
    return _Text(
        sql=compiled.string,
        constants={
            name: bind.value for bind, name in compiled.bind_names.items() if not bind.required
        },
        order=tuple(compiled.positiontup) if compiled.positiontup else None,
    )
