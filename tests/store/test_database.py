"""Opening a store: URLs, migrations, and what is said when that fails."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, String, bindparam, text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from digest.articles.model import CategoryPath, FacetKind
from digest.errors import StoreError
from digest.store import migrations
from digest.store.connection import Database
from digest.store.database import Store, open_store
from digest.store.schema import REVISIONS, metadata
from digest.store.types import hashed
from digest.subscribers.address import address_key
from digest.subscribers.tokens import SubscriptionLink
from tests import stores
from tests.defaults import default_feed, default_policy
from tests.feeds.samples import SITE
from tests.store.samples import ADA, CHINESE, LIN, NOW, reading, someone


def set_revision(url: str, revision: str) -> None:
    """Say in a database that its schema is of a revision."""
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    database.close()


def test_a_new_database_is_made_with_its_folder_and_schema(bare_url: str) -> None:
    with open_store(bare_url) as store:
        store.authority("example.org,2024")
        assert store.articles.record([reading("a.md")], NOW).new == 1
    with open_store(bare_url) as again:
        assert again.articles.counts().articles == 1


def test_the_migrations_end_at_the_tables_that_the_code_knows(bare_url: str) -> None:
    open_store(bare_url).close()
    database = Database(bare_url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    database.close()
    assert differences == []


def fill(url: str, revision: str, *authors: Sequence[str]) -> None:
    """Make a database of an older schema, with an article for each of these lists of authors."""
    database = Database(url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for number, names in enumerate(authors, 1):
            row = {"number": number, "at": number, "authors": json.dumps(names)}
            connection.execute(
                text(
                    "INSERT INTO article (key, tag, identity, by_path, fingerprint, content, "
                    "published_at, updated_at, language, title, authors, summary, body) VALUES "
                    "('k' || :number, 't', 'i', '0', 'f', 'c', :at, :at, 'zh-CN', 'T', :authors, "
                    "'', '')"
                ).bindparams(bindparam("number", type_=String())),
                {**row, "number": str(number)},
            )
    database.close()


def test_articles_that_were_there_before_pins_are_not_pinned(bare_url: str) -> None:
    fill(bare_url, "0007", ["林海"], [])
    with open_store(bare_url) as store:
        assert [one.pinned for one in stores.since(store)] == [0, 0]


def test_articles_that_were_there_before_facets_have_authors(bare_url: str) -> None:
    fill(bare_url, "0003", ["林海", "Ada Field"], ["林海", "", "林海"], [])
    with open_store(bare_url) as store:
        store.authority("example.org,2024")
        counted = {one.facet: one.articles for one in stores.facets(store, list(FacetKind))}
        assert counted == {ADA: 1, LIN: 2}
        assert [one.sequence for one in stores.newest(store, LIN, 9)] == [2, 1]
        store.articles.record([reading("c.md", authors=("Ada Field", "某人"))], NOW)
        assert [one.articles for one in stores.facets(store, [FacetKind.AUTHOR])] == [2, 2, 1]
        assert store.articles.update_withdrawals(
            NOW, None, default_policy(language="en")
        ).facets == {CHINESE}


#: Subscribers of a schema without persons: number, address, digest, state.
_OLD_SUBSCRIBERS = (
    (1, "ada@example.org", "daily", "active"),
    (2, "Ada@Example.org", "weekly", "unsubscribed"),
    (4, "x@bücher.example", "daily", "active"),
    (5, "x@xn--bcher-kva.example", "daily", "unsubscribed"),
    (7, "bob@example.org", "daily", "suppressed"),
)


def fill_subscribers(url: str) -> None:
    """Make a database of the schema before facets: an article, readers, and deliveries."""
    fill(url, "0008", ["林海"])
    database = Database(url)
    with database.write() as connection:
        for number, address, digest, state in _OLD_SUBSCRIBERS:
            connection.execute(
                text(
                    "INSERT INTO subscriber (id, digest, address, folded, name, categories, "
                    "language, state, created_at, changed_at, reason, timezone) VALUES (:number, "
                    ":digest, :address, :folded, 'N', '[[\"News\"]]', 'de', :state, :number, "
                    "1000, '550', 'Asia/Tokyo')"
                ),
                {
                    "number": number,
                    "address": address,
                    "folded": address.casefold(),
                    "digest": digest,
                    "state": state,
                },
            )
        connection.execute(
            text(
                "INSERT INTO edition (id, digest, number, due_at, created_at, after, upto, state)"
                " VALUES (1, 'daily', 1, 0, 0, 0, 0, 'open')"
            )
        )
        for number, *_ in _OLD_SUBSCRIBERS:
            connection.execute(
                text(
                    "INSERT INTO delivery (edition, subscriber, state, attempts, created_at,"
                    " due_at, changed_at) VALUES (1, :number, 'queued', 0, 0, 0, 0)"
                ),
                {"number": number},
            )
    database.close()


def test_subscribers_of_before_become_persons_and_their_links_stay_good(bare_url: str) -> None:
    fill_subscribers(bare_url)
    with open_store(bare_url) as store:
        found = {(one.address, one.digest): one for one in store.subscribers.list()}
        assert {key: (one.id, str(one.state)) for key, one in found.items()} == {
            ("ada@example.org", "daily"): (1, "active"),
            ("ada@example.org", "weekly"): (2, "unsubscribed"),
            ("x@bücher.example", "daily"): (5, "unsubscribed"),  # of two, the one that left
            ("bob@example.org", "daily"): (7, "suppressed"),
        }
        ada, left = found["ada@example.org", "daily"], found["ada@example.org", "weekly"]
        assert ada.person == left.person
        assert (ada.name, ada.language, ada.timezone) == ("N", "de", "Asia/Tokyo")
        assert ada.categories == (CategoryPath(("News",)),)
        assert ada.since == ada.created_at
        assert left.since == left.changed_at
        for number, address, digest, _ in _OLD_SUBSCRIBERS:
            old = SubscriptionLink(person=str(number), digest_tag=None)
            subscriber, name = store.subscribers.linked(old)
            assert subscriber is not None
            assert address_key(subscriber.address) == address_key(address)
            assert (subscriber.digest, name) == (digest, digest)
        removed = SubscriptionLink(person="3", digest_tag=None)
        assert store.subscribers.linked(removed) == (None, None)
        with pytest.raises(LookupError):
            store.subscribers.linked(SubscriptionLink(person="8", digest_tag=None))
        received = {one.id: len(store.subscribers.received(one.id)) for one in found.values()}
        assert received == {1: 1, 2: 1, 5: 1, 7: 1}
        assert [(one.title, one.authors) for one in stores.since(store)] == [("T", ("林海",))]
        new, _ = store.subscribers.add(someone("new@example.org"), NOW)
        assert new.id > 7


def test_every_migration_is_known_to_the_code() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    found = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS


def test_a_database_of_a_newer_digest_is_refused(url: str) -> None:
    set_revision(url, "9999")
    try:
        with pytest.raises(StoreError, match="newer Digest: its schema is 9999"):
            open_store(url)
    finally:
        set_revision(url, REVISIONS[-1])


def test_opening_an_up_to_date_database_does_not_load_alembic(migrated_sqlite: Path) -> None:
    program = (
        "import sys; from digest.store.database import open_store;"
        f"open_store('sqlite:///{migrated_sqlite}').close();"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_authority_is_the_first_one(url: str) -> None:
    with open_store(url) as store:
        assert store.authority("a.example,2024") == "a.example,2024"
        assert store.authority("b.example,2025") == "a.example,2024"
    with open_store(url) as store:
        assert store.authority("c.example,2026") == "a.example,2024"


def test_the_probe_leaves_nothing_behind(store: Store) -> None:
    store.check()
    store.check()


def test_sqlite_writes_ahead_and_keeps_its_references(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "digest.db"
    with open_store(f"sqlite:///{path}") as store:
        database = store._database
        with database.read() as connection:
            values = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "foreign_keys", "synchronous")
            ]
    assert values == ["wal", 1, 2]
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_locked_database_is_an_error_that_says_so(migrated_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    with open_store(f"sqlite:///{path}", lock_timeout=timedelta(milliseconds=20)) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"locked for more than 0\.02 s by another process"):
            store.check()
        other.execute("ROLLBACK")
        other.close()
        store.check()


def test_a_database_locked_while_it_is_made_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        open_store(f"sqlite:///{path}", lock_timeout=timedelta(milliseconds=20))
    other.close()


def test_a_lock_held_on_postgresql_is_an_error(migrated_postgresql: str) -> None:
    with (
        open_store(migrated_postgresql, lock_timeout=timedelta(milliseconds=20)) as store,
        open_store(migrated_postgresql) as other,
        other._database.write() as connection,
    ):
        connection.execute(text("LOCK TABLE subscriber IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(StoreError, match=r"locked for more than 0\.02 s"):
            store.subscribers.remove("a@example.org", None)


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    path.write_bytes(b"not a database at all, just text" * 100)
    with pytest.raises(StoreError, match=f"no SQLite database: {path}"):
        open_store(f"sqlite:///{path}")


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"cannot be opened: {tmp_path}"):
        open_store(f"sqlite:///{tmp_path}")


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(StoreError, match=r"cannot be opened: .*taken"):
        open_store(f"sqlite:///{tmp_path}/taken/digest.db")


def test_a_full_disk_is_an_error_and_loses_nothing(migrated_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    with open_store(f"sqlite:///{path}") as store:
        store.authority("example.org,2024")
        store.articles.record([reading("a.md")], NOW)
        engine = store._database.engine
        with engine.connect() as connection:  # the one connection of the pool
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="disk full"):
            store.articles.record([reading("b.md", body="<p>长</p>" * 9999)], NOW)
        assert store.articles.counts().articles == 1


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:geheim@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://host/x",
        "geheim",
        "",
    ],
)
def test_a_url_that_names_no_database_of_ours_is_refused(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "geheim" not in f"{caught.value}{caught.value.__cause__!r}"
    assert (
        "sqlite:///" in str(caught.value)
        or "slashes" in str(caught.value)
        or "memory" in str(caught.value)
    )


def test_a_password_is_never_shown() -> None:
    url = "postgresql://reader:geheim@127.0.0.1:1/db"
    assert "geheim" not in repr(Store(Database(url)))
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        open_store(url)
    error: BaseException | None = caught.value
    while error is not None:
        assert "geheim" not in f"{error!s}{error!r}"
        error = error.__cause__ or error.__context__


def test_a_password_within_a_message_is_hidden() -> None:
    database = Database("postgresql://reader:geheim@127.0.0.1:1/db")
    assert database._without_password("login with geheim failed") == "login with *** failed"


def test_whatever_else_a_database_says_is_passed_on(store: Store) -> None:
    database = store._database
    with (
        pytest.raises(StoreError, match=r"nonsense|syntax"),
        database.write() as connection,
    ):
        connection.exec_driver_sql("nonsense")
    with pytest.raises(StoreError, match="every connection is in use"), database.translated():
        raise PoolTimeout


def test_a_mistake_of_the_program_is_no_trouble_of_the_database(store: Store) -> None:
    with pytest.raises(ValueError, match="aware UTC"):
        store.editions.start_digests(["daily"], NOW.replace(tzinfo=None))


def test_a_database_that_may_not_be_written_says_so(migrated_postgresql: str) -> None:
    with (
        open_store(migrated_postgresql) as store,
        pytest.raises(StoreError, match="cannot be written: it is read-only"),
        store._database.read() as connection,
    ):
        connection.execute(text("DELETE FROM meta"))


def test_a_database_that_does_not_exist_is_named_as_such(postgresql: URL) -> None:
    missing = postgresql.set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match='the server refuses: database "nowhere" does not exist'):
        open_store(missing)


def test_a_database_in_another_encoding_is_refused(
    make_database: Callable[[str, str], str],
) -> None:
    with pytest.raises(StoreError, match="SQL_ASCII; Digest needs one made with UTF8"):
        open_store(make_database("ascii", "SQL_ASCII"))


def test_a_server_that_fell_silent_is_noticed_within_two_minutes(postgresql: URL) -> None:
    """Linux would wait two hours for an answer that a broken network has lost."""
    named = postgresql.update_query_dict({"keepalives_interval": "7"})
    database = Database(named.render_as_string(hide_password=False))
    with database.read() as connection:
        driver: Any = connection.connection.driver_connection
        options = driver.info.get_parameters()
    database.close()
    assert options["keepalives_interval"] == "7"
    idle, count = int(options["keepalives_idle"]), int(options["keepalives_count"])
    assert idle + 7 * count <= 120
    assert int(options["tcp_user_timeout"]) <= 120_000


def test_without_the_driver_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match="pip install"):
        open_store("postgresql://127.0.0.1/db")


def test_the_short_scheme_is_postgresql_too() -> None:
    assert "postgresql+psycopg" in repr(Database("postgres://127.0.0.1/db"))


def test_a_path_is_no_format_string(tmp_path: Path) -> None:
    folder = tmp_path / "100%(x)s 目录"
    with open_store(f"sqlite:///{folder}/digest.db") as store:
        store.check()
    assert (folder / "digest.db").exists()


def test_the_migrations_are_found_where_the_package_is() -> None:
    spec = importlib.util.find_spec("digest.store.migrations")
    assert spec is not None
    assert spec.origin is not None
    assert (Path(spec.origin).parent / "versions" / "0001_initial.py").exists()
    assert os.access(Path(spec.origin).parent / "env.py", os.R_OK)


def test_categories_follow_the_names_that_their_folders_have_now(bare_url: str) -> None:
    fill(bare_url, "0010", [])
    old, new = "feed.me/rss.xml.br", "feed%2Eme/rss%2Exml%2Ebr"
    database = Database(bare_url)
    with database.write() as connection:
        for statement in (
            "INSERT INTO category (id, key, folder, names) VALUES (1, :key, :folder, :names)",
            "INSERT INTO feed_change VALUES (:change, 'category', :names, 1, 1)",
            "INSERT INTO archive (id, feed, number) VALUES (1, :feed, 1)",
        ):
            values = {
                "key": hashed(old),
                "folder": old,
                "names": '["feed.me", "rss.xml.br"]',
                "change": hashed(f"category:{old}"),
                "feed": hashed(f"feeds/{old}/"),
            }
            wanted = {name: values[name] for name in values if f":{name}" in statement}
            connection.execute(text(statement), wanted)
    database.close()
    path = CategoryPath(("feed.me", "rss.xml.br"))
    assert path.folder == new
    with open_store(bare_url) as store, store.pages.snapshot() as snapshot:
        assert snapshot.category(new) == path
        assert snapshot.of_selection(path).number == 1
        assert snapshot.newest_archive(default_feed(site=SITE, category=path)) == 1
