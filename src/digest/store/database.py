"""The store: open a database, migrate its schema, give access to each aggregate."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, inspect, text

from digest.errors import StoreError
from digest.store.articles import AUTHORITY, ArticleStore
from digest.store.connection import LOCK_TIMEOUT, Database, Lock
from digest.store.deliveries import DeliveryStore
from digest.store.edition_progress import Reports
from digest.store.editions import EditionStore
from digest.store.feeds import FeedStore
from digest.store.file_assets import AssetStore
from digest.store.meta_rows import HubNotificationStore, KeyStore, ScanStore
from digest.store.meta_values import meta_value
from digest.store.pages import PageStore
from digest.store.schema import REVISIONS, meta
from digest.store.search import SearchIndex
from digest.store.signups import SignupStore
from digest.store.sources import SourceStore
from digest.store.statements import insert_new
from digest.store.subscribers import SubscriberStore
from digest.store.withdrawals import Withdrawals

_MIGRATIONS = Path(__file__).with_name("migrations")


class Store:
    """One database, with a store for each aggregate. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.articles = ArticleStore(database)
        self.assets = AssetStore(database)
        self.scans = ScanStore(database)
        self.feeds = FeedStore(database)
        self.subscribers = SubscriberStore(database)
        self.signups = SignupStore(database)
        self.deliveries = DeliveryStore(database)
        self.pages = PageStore(database)
        self.sources = SourceStore(database)
        self.editions = EditionStore(database)
        self.keys = KeyStore(database)
        self.reports = Reports(database)
        self.withdrawals = Withdrawals(database)
        self.search = SearchIndex(database)
        self.hub_notifications = HubNotificationStore(database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self._database!r})"

    def close(self) -> None:
        """Close every connection; the store cannot be used afterwards."""
        self._database.close()

    def authority(self, default: str) -> str:
        """Return the authority of tag URIs (RFC 4151), such as ``example.org,2024``.

        The first call stores ``default``; every later one returns what was stored then, so that
        an article's id survives a change of the site's address. Raises StoreError.
        """
        with self._database.read() as connection:
            stored = meta_value(connection, AUTHORITY)
        if stored is None:
            with self._database.write(Lock.ARTICLES) as connection:
                rows = [{"name": AUTHORITY, "value": default}]
                insert_new(connection, meta, rows, key="name")
                stored = meta_value(connection, AUTHORITY)
        return stored or default

    def check(self) -> None:
        """Write and roll back; raise StoreError if that fails."""
        with self._database.write() as connection, connection.begin_nested() as probe:
            connection.execute(meta.insert(), {"name": "probe", "value": ""})
            probe.rollback()


def open_store(url: str, *, lock_timeout: timedelta = LOCK_TIMEOUT) -> Store:
    """Return the store at a URL, its schema up to date.

    The URL is ``sqlite:///path`` (created if missing) or ``postgresql://…``. A transaction waits
    up to ``lock_timeout`` for another process. Raises StoreError, without passwords.
    """
    database = Database(url, lock_timeout=lock_timeout)
    try:
        _migrate(database)
    except BaseException:
        database.engine.dispose()
        raise
    return Store(database)


def _migrate(database: Database) -> None:
    """Migrate the schema to the newest revision, if it is older."""
    with database.read() as connection:
        stored = _revision(connection)
        if not database.sqlite:
            _require_utf8(connection)
    if stored == REVISIONS[-1]:
        return
    if database.sqlite:
        # Readers and a writer at once. The file remembers it, so once is enough.
        with database.translated(), database.engine.connect() as connection:
            driver = connection.connection.dbapi_connection
            assert driver is not None  # noqa: S101 a checked-out connection has one
            driver.cursor().execute("PRAGMA journal_mode = WAL")
    with database.write(Lock.SCHEMA) as connection:
        stored = _revision(connection)  # another process may have been faster
        if stored != REVISIONS[-1]:
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    """Return the schema's revision, None for an empty database; raise StoreError for others."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    stored: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if stored is not None and stored not in REVISIONS:
        raise StoreError(
            f"made by a newer Digest: its schema is {stored}, this one knows up to {REVISIONS[-1]}"
        )
    return stored


def _require_utf8(connection: Connection) -> None:
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise StoreError(f"its encoding is {encoding}; Digest needs one made with UTF8")


def _upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, in the transaction of ``connection``."""
    # Importing Alembic takes longer than everything else here, and is seldom needed.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
