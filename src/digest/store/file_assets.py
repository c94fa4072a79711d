"""Asset files that articles refer to, with their state when the articles were read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from itertools import chain

from sqlalchemy import (
    Connection,
    Text,
    bindparam,
    delete,
    distinct,
    func,
    select,
    type_coerce,
    update,
)

from digest.articles.model import AssetState
from digest.assets import NO_ROOM
from digest.store.connection import Database
from digest.store.meta_values import meta_value, put_meta_value
from digest.store.schema import article, file, file_asset, unused_asset
from digest.store.statements import Prepared, PreparedAmong, among, insert, insert_new
from digest.store.types import chunks, hashed, storable
from digest.store.visibility import visible

#: The row of ``meta`` that tells when unused copies were last looked for.
_LOOKED_AT = "assets_looked_at"
#: A hash in the address of a copy, wherever that stands.
_HASH = re.compile(r"([0-9a-f]{32})\.")
#: Articles looked through in one transaction, and those of them in memory at once.
_ARTICLES, _TEXTS = 1_000, 20
#: All that an article may refer to a copy in.
_IN_TEXTS = select(
    article.c.id, article.c.body, article.c.image, type_coerce(article.c.enclosure, Text)
).execution_options(yield_per=_TEXTS)
#: What the assets of an article file are taken out by.
_LEAVE = Prepared(delete(file_asset).where(file_asset.c.file == bindparam("file_key")))
_REFERRING = PreparedAmong(
    select(file.c.path).join(file_asset, file_asset.c.file == file.c.key), file_asset.c.key
)


def replace_assets(connection: Connection, assets: Mapping[str, Sequence[AssetState]]) -> None:
    """Replace the stored assets of article files; ``assets`` is by path of the article file."""
    keys = {path: hashed(path) for path in assets}
    _LEAVE.run(connection, [{"file_key": key} for key in keys.values()])
    rows = [
        {
            "file": keys[path],
            "key": hashed(storable(state.path)),
            "path": storable(state.path),
            "size": state.size,
            "mtime_ns": state.mtime_ns,
            "name": state.name,
        }
        for path, states in assets.items()
        for state in states
    ]
    insert(connection, file_asset, rows)


def referring_files(connection: Connection, assets: Collection[str]) -> set[str]:
    """Return the paths of article files that refer to one of these files on disk."""
    keys = [hashed(storable(path)) for path in assets]
    return {row.path for row in _REFERRING.run(connection, keys)}


def all_assets(connection: Connection) -> Iterator[tuple[str, AssetState]]:
    """Yield the path of every present article file with each asset that it refers to."""
    query = (
        select(file.c.path, file_asset.c.path, file_asset.c.size, file_asset.c.mtime_ns)
        .join(file, file_asset.c.file == file.c.key)
        .where(file.c.missing_at.is_(None))
        .order_by(file_asset.c.key)
    )
    for referrer, path, size, mtime_ns in connection.execute(query):
        yield referrer, AssetState(path=path, size=size, mtime_ns=mtime_ns)


def visible_assets(connection: Connection, names: AbstractSet[str]) -> set[str]:
    """Return those of these copies that visible articles show.

    Their files tell most of them, and their texts the rest: an article may be older than its file.
    """
    query = (
        select(file_asset.c.name)
        .join(file, file.c.key == file_asset.c.file)
        .join(article, article.c.id == file.c.article)
        .where(visible())
    )
    referred = {row.name for row in among(connection, query, file_asset.c.name, names)}
    rest = names - referred
    shown: set[str] = set()
    if rest:
        wanted = _hashes(rest)
        for row in connection.execute(_IN_TEXTS.where(visible())):
            shown |= _shown(row[1:], wanted)
    return referred | _of(rest, shown)


class AssetStore:
    """Finds unused copies of assets. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unused(self, names: Collection[str], now: datetime, before: datetime) -> set[str]:
        """Record which of these copies are unused; return those unused since ``before``."""
        with self._database.read() as connection:
            referred = select(file_asset.c.name)
            used = {row.name for row in among(connection, referred, file_asset.c.name, names)}
            noted = select(unused_asset)
            known = {
                row.name: row.since for row in among(connection, noted, unused_asset.c.name, names)
            }
        new = set(names) - used - known.keys()
        if new or used & known.keys():
            with self._database.write() as connection:
                _forget(connection, used & known.keys())
                rows = [{"name": name, "since": now} for name in sorted(new)]
                insert_new(connection, unused_asset, rows, key="name")
        since = dict.fromkeys(new, now) | known
        return {name for name, moment in since.items() if moment <= before and name not in used}

    def in_texts(self, names: AbstractSet[str], go_on: Callable[[], None]) -> set[str]:
        """Return which of these copies stored articles show; ``go_on`` may raise to interrupt."""
        wanted = _hashes(names)
        shown: set[str] = set()
        after: int | None = 0
        while after is not None:
            go_on()
            behind = article.c.id > after
            following = _IN_TEXTS.where(behind).order_by(article.c.id).limit(_ARTICLES)
            after = None
            with self._database.read() as connection:
                for row in connection.execute(following):
                    after = row.id
                    shown |= _shown(row[1:], wanted)
        return _of(names, shown)

    def forget(self, names: Collection[str]) -> None:
        """Delete the records of these copies."""
        with self._database.write() as connection:
            _forget(connection, names)

    def left_out(self) -> int:
        """Return the number of article files with assets for which there was no room."""
        files = select(func.count(distinct(file_asset.c.file))).where(file_asset.c.name == NO_ROOM)
        with self._database.read() as connection:
            return connection.scalar(files) or 0

    def retry(self) -> None:
        """Make the next scan read the article files that had no room for an asset."""
        with self._database.write() as connection:
            these = file_asset.c.name == NO_ROOM
            connection.execute(update(file_asset).where(these).values(size=-1, mtime_ns=-1))

    def looked_at(self) -> datetime | None:
        """Return when unused copies were last looked for; None for never."""
        with self._database.read() as connection:
            value = meta_value(connection, _LOOKED_AT)
        return datetime.fromisoformat(value).astimezone(UTC) if value else None

    def looked(self, now: datetime) -> None:
        """Record that unused copies were looked for at a moment."""
        with self._database.write() as connection:
            put_meta_value(connection, _LOOKED_AT, now.isoformat())


def _hashes(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def _shown(texts: Iterable[str | None], hashes: set[str]) -> set[str]:
    """Return those of these hashes that are in the address of a copy in one of the texts."""
    return hashes & set(chain.from_iterable(map(_HASH.findall, filter(None, texts))))


def _of(names: Iterable[str], hashes: AbstractSet[str]) -> set[str]:
    """Return those of these copies that have one of these hashes."""
    return {name for name in names if name.partition(".")[0] in hashes}


def _forget(connection: Connection, names: Collection[str]) -> None:
    for chunk in chunks(sorted(names)):
        connection.execute(delete(unused_asset).where(unused_asset.c.name.in_(chunk)))
