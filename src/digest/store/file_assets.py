"""Asset files that articles refer to, with their state when the articles were read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import Connection, delete, select

from digest.articles.model import AssetState
from digest.store.schema import article, file, file_asset
from digest.store.statements import among, insert
from digest.store.types import chunks, hashed, storable
from digest.store.visibility import visible


def replace_assets(connection: Connection, assets: Mapping[str, Sequence[AssetState]]) -> None:
    """Replace the stored assets of article files; ``assets`` is by path of the article file."""
    keys = {path: hashed(path) for path in assets}
    for chunk in chunks(list(keys.values())):
        connection.execute(delete(file_asset).where(file_asset.c.file.in_(chunk)))
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
    query = select(file.c.path).join(file_asset, file_asset.c.file == file.c.key)
    keys = [hashed(storable(path)) for path in assets]
    return {row.path for row in among(connection, query, file_asset.c.key, keys)}


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


def visible_assets(connection: Connection) -> set[str]:
    """Return the names of the copied assets of visible articles."""
    query = (
        select(file_asset.c.name)
        .join(file, file.c.key == file_asset.c.file)
        .join(article, article.c.id == file.c.article)
        .where(visible(), file_asset.c.name != "")
        .distinct()
    )
    return set(connection.scalars(query))
