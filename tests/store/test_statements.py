"""Statements that are compiled once: what they find is what any statement would find."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, bindparam, select

from digest.errors import StoreError
from digest.store.database import Store
from digest.store.schema import category, content_revision, file
from digest.store.statements import PreparedAmong, PreparedQuery
from digest.store.types import CHUNK, hashed
from tests.store.samples import NOW, reading

FILES = PreparedAmong(select(file.c.path, file.c.missing_at), file.c.key)


def record(store: Store, count: int) -> list[str]:
    paths = [f"{number:04}.md" for number in range(count)]
    store.articles.record([reading(path) for path in paths], NOW)
    return paths


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8])
def test_the_rows_of_any_number_of_values_are_found_once(store: Store, count: int) -> None:
    paths = record(store, 8)
    wanted = [hashed(path) for path in [*paths[:count], *paths[:count]]]
    with store.articles._database.read() as connection:
        rows = list(FILES.run(connection, wanted))
    assert sorted(row.path for row in rows) == paths[:count]
    assert all(row.missing_at is None for row in rows)


def test_more_values_than_a_statement_takes_are_asked_in_turns(store: Store) -> None:
    paths = record(store, CHUNK + 3)
    with store.articles._database.read() as connection:
        rows = list(FILES.run(connection, map(hashed, paths)))
    assert sorted(row.path for row in rows) == paths


def test_values_are_those_of_their_columns_types(store: Store) -> None:
    record(store, 1)
    moments = PreparedQuery(select(content_revision.c.changed_at))
    names = PreparedQuery(select(category.c.names).where(category.c.folder == bindparam("folder")))
    with store.articles._database.read() as connection:
        assert moments.scalar(connection) == NOW
        assert names.scalars(connection, folder="nowhere") == []
        assert names.scalar(connection, folder="nowhere") is None


def test_queries_of_one_transaction_see_the_same_moment(store: Store) -> None:
    paths = record(store, 1)
    database = store.articles._database
    moments = PreparedQuery(select(content_revision.c.changed_at))
    with database.read() as connection:
        before = moments.scalar(connection)
        store.articles.record([reading("z.md")], NOW + timedelta(days=1))
        assert moments.scalar(connection) == before
        assert [row.path for row in FILES.run(connection, map(hashed, [*paths, "z.md"]))] == paths


def test_an_error_of_the_database_is_the_stores(store: Store) -> None:
    nowhere = PreparedQuery(select(Table("nowhere", MetaData(), Column("number", Integer))))
    with pytest.raises(StoreError), store.articles._database.read() as connection:
        nowhere.run(connection)
