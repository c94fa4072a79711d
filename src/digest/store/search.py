"""The search index: terms of articles in FTS5 of SQLite, or a tsvector of PostgreSQL.

The index can be rebuilt from the articles: it follows their content revisions, and is dropped if
its version differs. Terms come from ``articles.search_terms`` alone; neither database tokenizes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    table,
    text,
    tuple_,
)

from digest.articles.model import Article, Position, SafeHtml
from digest.articles.search_terms import INDEX_VERSION, Lookup, SearchQuery, index_terms
from digest.articles.summary import plain_text
from digest.store.article_queries import COLUMNS, NEWEST_FIRST, read
from digest.store.connection import Database, Lock
from digest.store.meta_values import meta_value, put_meta_value
from digest.store.revisions import current
from digest.store.schema import article, article_state, search_document
from digest.store.statements import Prepared, PreparedQuery
from digest.store.types import Moment
from digest.store.visibility import visible

#: Articles indexed in one transaction: others that write wait for it.
BATCH = 32
#: Of the articles that match, those indexed last are put in order, and so can be paged through.
MAX_MATCHES = 2_000
#: Seconds after which a query is broken off.
TIMEOUT = 1.0
#: Instructions of SQLite's virtual machine between two looks at the clock.
_INSTRUCTIONS = 10_000
#: The row of ``meta`` that tells the version of the index and up to which revision it goes.
_STATE = "search_index"
#: SQLite's index keeps what replaced or removed articles said until so many more are dead than
#: alive; then it is made anew.
_SPARE = 1_000

_index = table("search_index", column("rowid"), column("id"), column("words"))
_DROP = "DROP TABLE IF EXISTS search_index"
#: No positions and no sizes: all that is asked is whether an article has all terms. The tokenizer
#: splits at spaces: terms have no other ASCII characters but letters and digits.
_CREATE_SQLITE = (
    "CREATE VIRTUAL TABLE search_index USING fts5("
    "words, content='', detail=none, columnsize=0, tokenize='ascii')"
)
_CREATE_POSTGRESQL = (
    "CREATE TABLE search_index (id BIGINT PRIMARY KEY"
    " REFERENCES search_document (id) ON DELETE CASCADE, words tsvector NOT NULL);"
    " CREATE INDEX ix_search_index_words ON search_index USING gin (words)"
)
_RESTART = "DELETE FROM sqlite_sequence WHERE name = 'search_document'"
_ADD_SQLITE = "INSERT INTO search_index (rowid, words) VALUES (:id, :words)"
_ADD_POSTGRESQL = "INSERT INTO search_index (id, words) VALUES (:id, array_to_tsvector(:words))"

_REMOVE = Prepared(
    delete(search_document).where(search_document.c.article == bindparam("sequence"))
)
_ADD = PreparedQuery(
    insert(search_document)
    .values(article=bindparam("sequence"), revision=bindparam("revision"))
    .returning(search_document.c.id)
)


@dataclass(frozen=True, slots=True)
class _Text:
    """The texts of an article that are indexed."""

    sequence: int
    revision: int
    title: str
    body: str


class SearchIndex:
    """Keeps the index in step with the articles. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def available(self) -> bool:
        """Return whether the database has full-text search: SQLite may lack FTS5."""
        if not self._database.sqlite:
            return True
        query = text("SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'")
        with self._database.read() as connection:
            return bool(connection.scalar(query))

    def update(self, most: int = BATCH) -> bool:
        """Index the next articles that changed, in order of revision; return whether more are left.

        After an interruption, the next call continues after the last commit. Where another process
        indexes at the same time, the later of the two begins again.
        """
        with self._database.read() as connection:
            revision = current(connection).number
            version, upto = state = _state(connection)
            if (version, upto) == (INDEX_VERSION, revision):
                return False
            if version != INDEX_VERSION:
                upto = -1
            texts = _changed(connection, upto, most, anew=upto < 0)
        if len(texts) == most:
            revision = texts[-1].revision - 1  # others may have changed in the same one
        terms = [index_terms(f"{row.title}\n{plain_text(SafeHtml(row.body))}") for row in texts]
        with self._database.write(Lock.SEARCH) as connection:
            if _state(connection) != state:
                return True
            if version != INDEX_VERSION:
                self._make(connection)
            self._replace(connection, texts, terms)
            if len(texts) < most and self._worn(connection):
                value = "0 0"
            else:
                value = f"{INDEX_VERSION} {max(revision, 0)}"
            put_meta_value(connection, _STATE, value)
        return len(texts) == most or value == "0 0"

    def _make(self, connection: Connection) -> None:
        connection.exec_driver_sql(_DROP)
        connection.execute(delete(search_document))
        if self._database.sqlite:  # numbers begin again, so that ``_worn`` can tell from the last
            connection.exec_driver_sql(_RESTART)
        create = _CREATE_SQLITE if self._database.sqlite else _CREATE_POSTGRESQL
        connection.exec_driver_sql(create)

    def _replace(self, connection: Connection, texts: list[_Text], terms: list[set[str]]) -> None:
        _REMOVE.run(connection, [{"sequence": row.sequence} for row in texts])
        sqlite = self._database.sqlite
        rows = []
        for row, words in zip(texts, terms, strict=True):
            number = _ADD.scalar(connection, sequence=row.sequence, revision=row.revision)
            held = sorted(words)
            rows.append({"id": number, "words": " ".join(held) if sqlite else held})
        if rows:
            connection.execute(text(_ADD_SQLITE if sqlite else _ADD_POSTGRESQL), rows)

    def _worn(self, connection: Connection) -> bool:
        """Return whether most of SQLite's index is of outdated versions of articles."""
        if not self._database.sqlite:
            return False
        query = select(func.max(search_document.c.id), func.count())
        last, alive = connection.execute(query.select_from(search_document)).one()
        return bool((last or 0) > 2 * alive + _SPARE)


def index_state(connection: Connection) -> str:
    """Return the version of the index, which changes with it; empty until there is an index."""
    version, upto = _state(connection)
    return f"{version}.{upto}" if version == INDEX_VERSION else ""


def search(
    connection: Connection, query: SearchQuery, before: Position | None, limit: int
) -> list[Article]:
    """Return the newest visible articles that have all terms of a query, behind a position.

    Returns none if the query has no terms, or if there is no index yet. Raises StoreError after
    TIMEOUT.
    """
    if not query.lookups or not index_state(connection):
        return []
    sqlite = connection.dialect.name == "sqlite"
    number = _index.c.rowid if sqlite else _index.c.id
    matches = (
        select(search_document.c.article)
        .join(_index, number == search_document.c.id)
        .where(
            text("search_index MATCH :wanted" if sqlite else "words @@ CAST(:wanted AS tsquery)")
        )
        .order_by(number.desc())
        .limit(MAX_MATCHES)
    )
    wanted = select(*COLUMNS).where(article.c.id.in_(matches), visible())
    if before:
        place = tuple_(article.c.published_at, article.c.id)
        wanted = wanted.where(
            place < tuple_(literal(before.published_at, Moment()), before.sequence)
        )
    operator = " AND " if sqlite else " & "
    expression = operator.join(map(_fts5 if sqlite else _tsquery, query.lookups))
    with _limited(connection):
        statement = wanted.order_by(*NEWEST_FIRST).limit(limit).params(wanted=expression)
        return read(connection, statement)


def _state(connection: Connection) -> tuple[int, int]:
    """Return the version of the index, 0 for none, and up to which revision it goes."""
    value = meta_value(connection, _STATE)
    version, _, upto = (value or "0 0").partition(" ")
    return int(version), int(upto)


def _changed(connection: Connection, upto: int, most: int, *, anew: bool) -> list[_Text]:
    """Return the articles whose present version is not indexed, in order of revision."""
    query = (
        select(
            article_state.c.article,
            article_state.c.revision,
            article.c.title,
            article.c.body,
        )
        .join(article, article.c.id == article_state.c.article)
        .outerjoin(search_document, search_document.c.article == article_state.c.article)
        .where(article_state.c.revision > upto)
        .order_by(article_state.c.revision, article_state.c.article)
        .limit(most)
    )
    if not anew:
        query = query.where(search_document.c.revision.is_distinct_from(article_state.c.revision))
    return [_Text(*row) for row in connection.execute(query)]


def _fts5(lookup: Lookup) -> str:
    return f'"{lookup.term}"{" *" if lookup.prefix else ""}'


def _tsquery(lookup: Lookup) -> str:
    return f"'{lookup.term}'{':*' if lookup.prefix else ''}"


@contextmanager
def _limited(connection: Connection) -> Iterator[None]:
    """Interrupt queries that take longer than TIMEOUT."""
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"SET LOCAL statement_timeout = {round(TIMEOUT * 1000)}"))
        yield
        connection.execute(text("SET LOCAL statement_timeout = DEFAULT"))
        return
    until = time.monotonic() + TIMEOUT
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(lambda: int(time.monotonic() > until), _INSTRUCTIONS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
