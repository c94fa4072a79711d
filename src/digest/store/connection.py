"""Connections to SQLite and PostgreSQL: transactions, locks, and errors for the operator."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import IntEnum
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from digest.errors import StoreError
from digest.private_files import make_private_folder

#: How long a transaction waits for another process before it gives up.
LOCK_TIMEOUT = timedelta(seconds=10)
#: KiB of pages that each connection to SQLite keeps; what it reads again the system has at hand.
_CACHE = 1_000
#: The first half of PostgreSQL's advisory lock keys: "dgst", to avoid those of other programs.
_LOCK_SPACE = 0x64677374
#: PostgreSQL waits for a server that does not answer, in seconds.
_CONNECT_TIMEOUT = 10
#: When a server that fell silent is given up: seconds without a word from it and between probes,
#: their number, and milliseconds until what is sent has to be acknowledged. By default Linux waits
#: for two hours. (https://www.postgresql.org/docs/current/libpq-connect.html)
_SILENCE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

#: Primary result codes of SQLite (https://www.sqlite.org/rescode.html).
_SQLITE_PROBLEMS = {
    sqlite3.SQLITE_READONLY: "cannot be written: it is read-only",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_FULL: "disk full",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_PERM: "cannot be opened: permission denied",
    sqlite3.SQLITE_INTERRUPT: "a query took too long",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
}
#: SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL_PROBLEMS = {
    "53100": "disk full",
    "25006": "cannot be written: it is read-only",
    "42501": "permission denied",
    "57014": "a query took too long",
}
#: SQLSTATE for a lock that was not to be had in time.
_LOCK_NOT_AVAILABLE = "55P03"


class Lock(IntEnum):
    """The data that a write transaction locks; SQLite has a single writer anyway."""

    SCHEMA = 1
    #: Articles and files: sequences are given and committed in one order, so that whoever reads
    #: an interval of them never misses one that is committed late.
    ARTICLES = 2
    DELIVERIES = 3  #: editions, and the ends of deliveries
    SUBSCRIBERS = 4
    ARCHIVES = 5  #: of feeds: two publishers must not give one number twice
    SEARCH = 6


class Database:
    """An engine with explicit BEGIN, locks for writers, and StoreError for every error."""

    def __init__(self, url: str, *, lock_timeout: timedelta = LOCK_TIMEOUT) -> None:
        self._url = _parse(url)
        self._lock_timeout = lock_timeout
        self.engine = self._engine()

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)!r})"

    @property
    def sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection whose reads share one snapshot of the database.

        Raises StoreError.
        """
        with self.translated(), self.engine.connect() as connection:
            if not self.sqlite:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection

    @contextmanager
    def write(self, lock: Lock | None = None) -> Iterator[Connection]:
        """Yield a connection in a transaction that is committed at the end, or rolled back.

        On SQLite it is the only writer from its first moment. Raises StoreError.
        """
        with self.translated(), self.engine.connect() as connection:
            connection = connection.execution_options(digest_immediate=True)
            with connection.begin():
                if not self.sqlite:
                    self._lock(connection, lock)
                yield connection

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn database errors raised in the block into StoreError."""
        try:
            yield
        except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
            raise StoreError(self._problem(error)) from error

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self.translated():
            self.engine.dispose()

    def _engine(self) -> Engine:
        if self.sqlite:
            engine = create_engine(
                self._url,
                hide_parameters=True,
                # The connection used last has statements and pages at hand; the others need none.
                pool_use_lifo=True,
                # No implicit BEGIN by the driver, which would come too late and never IMMEDIATE.
                connect_args={"timeout": self._seconds, "isolation_level": None},
            )
            event.listen(engine, "connect", _prepare)
            event.listen(engine, "begin", _begin)
            return engine
        silence = {name: _SILENCE[name] for name in _SILENCE.keys() - self._url.query.keys()}
        always = {"connect_timeout": _CONNECT_TIMEOUT, "client_encoding": "utf8"}
        try:
            return create_engine(
                self._url,
                hide_parameters=True,
                pool_pre_ping=True,
                connect_args=silence | always,
            )
        except ModuleNotFoundError as error:
            raise StoreError(
                "PostgreSQL needs one more package: pip install 'digest[postgresql]'"
            ) from error

    @property
    def _seconds(self) -> float:
        return self._lock_timeout.total_seconds()

    def _lock(self, connection: Connection, lock: Lock | None) -> None:
        milliseconds = max(1, round(self._seconds * 1000))
        connection.execute(text(f"SET LOCAL lock_timeout = {milliseconds}"))
        if lock is not None:
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:space, :lock)"),
                {"space": _LOCK_SPACE, "lock": int(lock)},
            )

    def _problem(self, error: Exception) -> str:
        """Return the error's message for the operator, without any password."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        locked = f"locked for more than {self._seconds:g} s by another process"
        if isinstance(error, PoolTimeout):
            return "every connection is in use"
        if isinstance(cause, sqlite3.Error):
            code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return locked
            known = _SQLITE_PROBLEMS.get(code)
            return f"{known}: {self._url.database}" if known else f"{cause}"
        state = getattr(cause, "sqlstate", None) or ""
        if state == _LOCK_NOT_AVAILABLE:
            return locked
        if state in _POSTGRESQL_PROBLEMS:
            return _POSTGRESQL_PROBLEMS[state]
        answer = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        return self._without_password(_of_connecting(answer) if not state else answer)

    def _without_password(self, problem: str) -> str:
        password = self._url.password
        return problem.replace(str(password), "***") if password else problem


def _of_connecting(answer: str) -> str:
    """Return the message for a failed connection, which has no SQLSTATE."""
    _, fatal, refusal = answer.partition("FATAL:")
    return f"the server refuses: {refusal.strip()}" if fatal else f"cannot be reached: {answer}"


def _parse(url: str) -> URL:
    """Return the URL with the driver of Digest; raise StoreError if it is invalid."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # From None: the cause would show the URL, and a password in it.
        raise StoreError("the URL cannot be read; it is sqlite:///… or postgresql://…") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if parsed.host or parsed.username:
            raise StoreError("a SQLite URL has three slashes, four for an absolute path")
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError("the URL names no file; memory alone would forget everything")
        _make_file(Path(parsed.database))
        return parsed.set(drivername="sqlite+pysqlite", query={})
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreError(f"{backend} is not supported; the URL is sqlite:///… or postgresql://…")


def _make_file(path: Path) -> None:
    """Create a missing file and its folder, readable by the owner alone: it holds addresses."""
    try:
        make_private_folder(path.parent)
        if not path.exists():
            path.touch(mode=0o600)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"cannot be opened: {path}: {reason}") from error


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    """Set the options of SQLite that apply to a connection.

    ``synchronous`` is FULL, which in WAL means one fsync for each commit: with NORMAL a power
    failure may forget the last commits, and a message that was sent would be sent again. Bulk
    work commits once for hundreds of files and does not feel it.
    """
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE}")


def _begin(connection: Connection) -> None:
    """Begin a transaction of SQLite.

    A writer takes the lock at once: one that read first could not wait for another's to end
    (SQLITE_BUSY_SNAPSHOT).
    """
    immediate = connection.get_execution_options().get("digest_immediate", False)
    driver = connection.connection.dbapi_connection
    assert driver is not None  # noqa: S101 a checked-out connection has one
    # Not by way of SQLAlchemy, which takes longer for it than a page's query does.
    driver.cursor().execute("BEGIN IMMEDIATE" if immediate else "BEGIN")
