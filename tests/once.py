"""What is done once for all tests of a process, or not at all, since each would do the same."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import CodeType

import coverage
import jinja2
import pytest
from jinja2 import nodes
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.util import LRUCache

from digest.app import wiring
from digest.articles.ingest import workers
from digest.articles.ingest.worker_process import Job, Result, results_of
from digest.articles.ingest.workers import Workers
from digest.articles.model import SourceFile
from digest.feeds.publish import output_folder
from digest.private_files import make_private_folder
from digest.store import database
from digest.store.connection import LOCK_TIMEOUT
from digest.store.database import Store, open_store
from digest.web.pages import WebPages


@functools.cache
def migrated() -> bytes:
    """Return a SQLite database with the newest schema and nothing in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digest.db")
        open_store(f"sqlite:///{path}").close()
        return path.read_bytes()


def open_migrated(url: str, *, lock_timeout: timedelta = LOCK_TIMEOUT) -> Store:
    """Open a store; a SQLite database that is not there yet is a copy of the migrated one."""
    found = make_url(url)
    if found.drivername == "sqlite" and found.database:
        path = Path(found.database)
        with suppress(OSError):  # the store tells of it
            make_private_folder(path.parent)
            if not path.exists():
                path.write_bytes(migrated())
    return open_store(url, lock_timeout=lock_timeout)


def compile_once(patch: pytest.MonkeyPatch) -> None:
    """Have Jinja compile each template once, whatever environment asks for it.

    A filter of a constant may not be worked out when a template is compiled: what filters return
    is the matter of an environment.
    """
    compiled: dict[tuple[object, ...], CodeType] = {}
    compile_anew = jinja2.Environment.compile

    def compile_template(
        environment: jinja2.Environment,
        source: str,
        name: str | None = None,
        filename: str | None = None,
    ) -> CodeType:
        escapes = environment.autoescape
        key = (
            source,
            name,
            filename,
            type(environment),
            escapes(name) if callable(escapes) else escapes,
            environment.undefined,
            environment.trim_blocks,
            environment.lstrip_blocks,
            frozenset(environment.filters),
            frozenset(environment.tests),
        )
        if key not in compiled:
            compiled[key] = compile_anew(environment, source, name, filename)
        return compiled[key]

    def not_yet(*_: object) -> None:
        raise nodes.Impossible

    patch.setattr(nodes.Filter, "as_const", not_yet)
    patch.setattr(jinja2.Environment, "compile", compile_template)


def open_copies(patch: pytest.MonkeyPatch) -> None:
    """Have services open copies of one migrated database; migrations have tests of their own."""
    patch.setattr(wiring, "open_store", open_migrated)
    patch.setattr(database, "open_store", open_migrated)


def compile_sql_once(patch: pytest.MonkeyPatch) -> None:
    """Have all engines of a kind share the SQL that SQLAlchemy compiles for them.

    It keeps it for each engine and its dialect; here all databases of a kind are the same.
    """
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        patch.setattr(dialect, "__eq__", lambda self, other: type(self) is type(other))
        patch.setattr(dialect, "__hash__", lambda self: hash(type(self)))
    compiled: LRUCache[object, object] = LRUCache(5_000)
    shared = property(lambda _: compiled, lambda *_: None)
    patch.setattr(Engine, "_compiled_cache", shared, raising=False)


def check_pages_once(patch: pytest.MonkeyPatch) -> None:
    """Have pages of the same templates tried with sample data once: it takes long."""
    right: set[str] = set()
    check_anew = WebPages.check

    def check(pages: WebPages) -> None:
        if pages.fingerprint not in right:
            check_anew(pages)
            right.add(pages.fingerprint)

    patch.setattr(WebPages, "check", check)


def sync_nothing(patch: pytest.MonkeyPatch) -> None:
    """Have nothing wait for the disk: no power fails here. Tests of syncing look at the calls."""
    patch.setattr(os, "fsync", lambda _: None)
    patch.setattr(output_folder, "sync_file_system", lambda _: None)


class WorkersHere(Workers):
    """Make drafts in this process: starting others costs a second a test.

    Nothing limits what a file takes; what hostile files do is shown with ``Workers``.
    """

    def _ask(self, sources: Sequence[SourceFile]) -> list[Result]:
        if self._closed:
            raise CancelledError
        job = Job(make=workers._MAKE, options=self.options, seconds=0, memory=0)
        return list(results_of(sources, job))


def draft_here(patch: pytest.MonkeyPatch) -> None:
    """Have services make drafts in this process."""
    patch.setattr(wiring, "Workers", WorkersHere)


#: What has the programs that a test starts measure their coverage.
COVERAGE_OF_PROGRAMS = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


@contextmanager
def full_speed() -> Iterator[None]:
    """Measure no coverage meanwhile, neither here nor in programs that are started."""
    measuring = coverage.Coverage.current()
    if measuring is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        for name in COVERAGE_OF_PROGRAMS:
            patch.delenv(name, raising=False)
        measuring.stop()
        try:
            yield
        finally:
            measuring.start()
