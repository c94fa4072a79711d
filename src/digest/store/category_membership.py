"""Filing: keep an article's memberships, one for each category at every level."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from digest.articles.model import CategoryPath
from digest.store.article_matching import MatchedArticle
from digest.store.schema import category, membership
from digest.store.statements import among, insert, insert_new
from digest.store.types import chunks, hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryChanges:
    """What filing changed."""

    categories: frozenset[CategoryPath]  #: of all articles asked for: old and new, every level
    moved: tuple[
        MatchedArticle, ...
    ]  #: articles that were stored before and have other categories now


def update_categories(
    connection: Connection,
    new: Sequence[MatchedArticle],
    changed: Sequence[MatchedArticle],
    perhaps: Sequence[MatchedArticle] = (),
) -> CategoryChanges:
    """Bring memberships up to date.

    The categories of ``changed`` articles are told in any case, those of ``perhaps`` where
    they are others now.
    """
    known = [*changed, *perhaps]
    before = _positions(connection, [entry.sequence for entry in known])
    after = {entry.identity: entry.categories() for entry in (*new, *known)}
    moved = [
        entry
        for entry in known
        if before.get(entry.sequence or 0, [])
        != [(path, _published_at(entry)) for path in after[entry.identity]]
    ]
    for chunk in chunks([entry.sequence for entry in moved]):
        connection.execute(delete(membership).where(membership.c.article.in_(chunk)))
    rows = [row for entry in (*new, *moved) for row in _memberships(entry, after[entry.identity])]
    numbers = _numbers(connection, {path for _, path, _, _ in rows})
    insert(
        connection,
        membership,
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
    told = [*new, *changed, *moved]
    direct = {path for entry in told for path in after[entry.identity]}
    direct.update(path for entry in told for path, _ in before.get(entry.sequence or 0, ()))
    return CategoryChanges(
        categories=frozenset(ancestor for path in direct for ancestor in path.lineage()),
        moved=tuple(moved),
    )


def _published_at(entry: MatchedArticle) -> datetime | None:
    return entry.known.published_at if entry.known else None


def _positions(
    connection: Connection, sequences: Collection[int | None]
) -> dict[int, list[tuple[CategoryPath, datetime]]]:
    """Return the categories that articles are filed under by name, each with the date there."""
    positions: dict[int, list[tuple[CategoryPath, datetime]]] = {}
    query = (
        select(membership.c.article, membership.c.published_at, category.c.names)
        .join(category, category.c.id == membership.c.category)
        .where(membership.c.position.is_not(None))
        .order_by(membership.c.article, membership.c.position)
    )
    for row in among(connection, query, membership.c.article, sequences):
        positions.setdefault(row.article, []).append((CategoryPath(row.names), row.published_at))
    return positions


def _memberships(
    entry: MatchedArticle, categories: Iterable[CategoryPath]
) -> Iterable[tuple[int | None, CategoryPath, int | None, datetime | None]]:
    """Yield an article's sequence, category, position there, date: for every level."""
    positions: dict[CategoryPath, int | None] = {}
    for position, path in enumerate(categories):
        for ancestor in path.lineage():
            positions.setdefault(ancestor, None)
        positions[path] = position
    for path, place in positions.items():
        yield entry.sequence, path, place, _published_at(entry)


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
