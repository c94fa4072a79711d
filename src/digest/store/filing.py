"""Filing: keep an article's memberships, one for each category at every level."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from digest.articles.model import CategoryPath, Draft
from digest.store.register import Entry
from digest.store.schema import category, membership
from digest.store.statements import among, insert_new
from digest.store.types import chunks, hashed


def file_under(
    connection: Connection,
    new: Sequence[tuple[Entry, Draft]],
    changed: Sequence[tuple[Entry, Draft]],
) -> set[CategoryPath]:
    """Bring memberships up to date; return the categories, old and new, with all ancestors."""
    before: dict[int, list[tuple[CategoryPath, datetime]]] = {}
    query = (
        select(membership.c.article, membership.c.published_at, category.c.names)
        .join(category, category.c.id == membership.c.category)
        .where(membership.c.position.is_not(None))
        .order_by(membership.c.article, membership.c.position)
    )
    sequences = [entry.sequence for entry, _ in changed]
    for row in among(connection, query, membership.c.article, sequences):
        before.setdefault(row.article, []).append((CategoryPath(row.names), row.published_at))
    moved = [
        (entry, draft)
        for entry, draft in changed
        if before.get(entry.sequence or 0, [])
        != [(path, entry.known and entry.known.published_at) for path in draft.categories]
    ]
    for chunk in chunks([entry.sequence for entry, _ in moved]):
        connection.execute(delete(membership).where(membership.c.article.in_(chunk)))
    rows = [row for entry, draft in (*new, *moved) for row in _memberships(entry, draft)]
    numbers = _numbers(connection, {path for _, path, _, _ in rows})
    if rows:
        connection.execute(
            membership.insert(),
            [
                {
                    "article": sequence,
                    "category": numbers[path],
                    "position": position,
                    "published_at": published_at,
                }
                for sequence, path, position, published_at in rows
            ],
        )
    direct = {path for _, draft in (*new, *changed) for path in draft.categories}
    direct.update(path for paths in before.values() for path, _ in paths)
    return {ancestor for path in direct for ancestor in path.lineage()}


def _memberships(
    entry: Entry, draft: Draft
) -> Iterable[tuple[int | None, CategoryPath, int | None, datetime | None]]:
    """Yield an article's sequence, category, position there, date: for every level."""
    positions: dict[CategoryPath, int | None] = {}
    for position, path in enumerate(draft.categories):
        for ancestor in path.lineage():
            positions.setdefault(ancestor, None)
        positions[path] = position
    published_at = entry.known.published_at if entry.known else None
    for path, place in positions.items():
        yield entry.sequence, path, place, published_at


def _numbers(connection: Connection, paths: Collection[CategoryPath]) -> dict[CategoryPath, int]:
    """Return the ids of categories; those that are new are made."""
    folders = {path: path.folder for path in paths}
    keys = {path: hashed(folder) for path, folder in folders.items()}
    query = select(category.c.key, category.c.id)
    known = {row.key: row.id for row in among(connection, query, category.c.key, keys.values())}
    missing = sorted(path for path in paths if keys[path] not in known)
    rows = [{"key": keys[path], "folder": folders[path], "names": path.names} for path in missing]
    insert_new(connection, category, rows, key="key")
    added = among(connection, query, category.c.key, [keys[path] for path in missing])
    known.update((row.key, row.id) for row in added)
    return {path: known[key] for path, key in keys.items()}
