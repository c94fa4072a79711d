"""The last scan is remembered, for the next one and for other processes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from digest.articles.ingest.scan import RootMark, Scan
from digest.store.connection import Database
from digest.store.database import Store, open_store
from digest.store.schema import meta
from digest.store.statements import put
from tests.store.samples import NOW, reading

SCAN = Scan(
    ended_at=NOW,
    took=timedelta(seconds=1.25),
    files=100_000,
    marks={".": RootMark(device=2**63, inode=7), "博客": RootMark(device=1, inode=2**64 - 1)},
    unseen={"博客": "Input/output error"},
)


def test_the_last_scan_comes_back_as_it_was_told(store: Store) -> None:
    assert store.scans.last() is None
    store.scans.remember(Scan(ended_at=NOW, took=timedelta(), files=1))
    store.scans.remember(SCAN)
    assert store.scans.last() == SCAN


@pytest.mark.parametrize("value", ["[]", "{}", "no JSON", '{"ended_at": "yesterday"}'])
def test_what_another_version_wrote_counts_as_no_scan(tmp_path: Path, value: str) -> None:
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    with open_store(url) as store:
        database = Database(url)
        with database.write() as connection:
            put(connection, meta, [{"name": "scan", "value": value}], key="name")
        database.close()
        assert store.scans.last() is None


def test_states_tell_of_every_file_what_a_scan_compares(store: Store) -> None:
    present, gone, older = reading("a.md"), reading("b.md"), reading("c.md")
    options_hash = present.record.options_hash
    older = replace(older, record=replace(older.record, options_hash="before"))
    store.articles.record([present, gone, older], NOW)
    store.articles.mark_missing(["b.md"], NOW)

    rows = sorted(tuple(row) for row in store.scans.states([options_hash]))

    size, mtime_ns = present.record.size, present.record.mtime_ns
    assert rows == [
        ("a.md", size, mtime_ns, False, True),
        ("b.md", size, mtime_ns, True, True),
        ("c.md", size, mtime_ns, False, False),
    ]
