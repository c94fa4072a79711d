"""Content revisions: number every change of published content within its transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import BigInteger, Connection, Dialect, bindparam, case, select, update

from digest.articles.ingest.records import ContentRevision
from digest.articles.model import CategoryPath, Facet, FacetKind, Scope
from digest.store.schema import article_state, content_revision, feed_change
from digest.store.statements import PreparedQuery, insert_into, put
from digest.store.types import chunks, hashed, microseconds

_EVERYTHING, _CATEGORY = "everything", "category"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


NO_REVISION = ContentRevision(number=0, changed_at=_NEVER)
_CURRENT = PreparedQuery(select(content_revision.c.number, content_revision.c.changed_at))
_CHANGED = PreparedQuery(
    select(feed_change.c.kind, feed_change.c.names, feed_change.c.revision).where(
        feed_change.c.revision > bindparam("number")
    )
)
_ARTICLES = PreparedQuery(
    select(article_state.c.article).where(article_state.c.revision > bindparam("number"))
)
_OF_SELECTION = PreparedQuery(
    select(feed_change.c.revision, feed_change.c.changed_at).where(
        feed_change.c.key == bindparam("key")
    )
)


def current(connection: Connection) -> ContentRevision:
    """Return the revision of all published content."""
    for row in _CURRENT.run(connection):
        return ContentRevision(number=row.number, changed_at=row.changed_at)
    return NO_REVISION


def of_selection(connection: Connection, selection: Scope) -> ContentRevision:
    """Return the last revision of a category, a facet or (None) everything."""
    for row in _OF_SELECTION.run(connection, key=key(selection)):
        return ContentRevision(number=row.revision, changed_at=row.changed_at)
    return NO_REVISION


def of_selections(connection: Connection) -> dict[Scope, ContentRevision]:
    """Return the last revision of every selection that ever changed."""
    return {
        _selection(row.kind, row.names): ContentRevision(
            number=row.revision, changed_at=row.changed_at
        )
        for row in connection.execute(select(feed_change))
    }


def advance(connection: Connection, now: datetime) -> ContentRevision:
    """Return the next revision, for the changes of this transaction.

    No other transaction gets a revision until this one ends, so they are committed in order.

    The number is the time in microseconds since 1970, or the last number plus one if that is
    greater: a restored database does not reuse numbers that clients know from entity tags.
    """
    (row,) = _next(connection.dialect).run(connection, now=microseconds(now))
    return ContentRevision(number=row.number, changed_at=row.changed_at)


@lru_cache(maxsize=2)
def _next(dialect: Dialect) -> PreparedQuery:
    """Return the statement that stores and returns the next revision, at ``now``."""
    now = bindparam("now", type_=BigInteger)
    known, following = content_revision.c.changed_at, content_revision.c.number + 1
    first = insert_into(dialect, content_revision).values(id=1, number=now, changed_at=now)
    statement = first.on_conflict_do_update(
        index_elements=["id"],
        set_={
            "number": case((following > now, following), else_=now),
            "changed_at": case((known > now, known), else_=now),
        },
    )
    columns = (content_revision.c.number, content_revision.c.changed_at)
    return PreparedQuery(statement.returning(*columns))


def record_changes(
    connection: Connection,
    revision: ContentRevision,
    *,
    articles: Collection[int] = (),
    selections: Iterable[Scope] = (),
) -> None:
    """Record that these articles (sequences) and selections changed in a revision."""
    for chunk in chunks(sorted(articles)):
        these = article_state.c.article.in_(chunk)
        connection.execute(update(article_state).where(these).values(revision=revision.number))
    rows = [
        {
            "key": key(selection),
            "kind": _kind(selection),
            "names": _names(selection),
            "revision": revision.number,
            "changed_at": revision.changed_at,
        }
        for selection in dict.fromkeys(selections)
    ]
    put(connection, feed_change, rows, key="key")


def changed_since(connection: Connection, number: int) -> dict[Scope, int]:
    """Return the selections that changed after a revision, each with that of its last change."""
    return {
        _selection(row.kind, row.names): row.revision
        for row in _CHANGED.run(connection, number=number)
    }


def articles_since(connection: Connection, number: int) -> list[int]:
    """Return the sequences of the articles that changed after a revision."""
    return _ARTICLES.scalars(connection, number=number)


def key(selection: Scope) -> str:
    """Return the key of a selection's row."""
    if isinstance(selection, Facet):
        return hashed(str(selection))
    return hashed(f"{_CATEGORY}:{selection.folder}" if selection else _EVERYTHING)


def _kind(selection: Scope) -> str:
    if isinstance(selection, Facet):
        return str(selection.kind)
    return _CATEGORY if selection else _EVERYTHING


def _names(selection: Scope) -> tuple[str, ...]:
    if isinstance(selection, Facet):
        return (selection.name,)
    return selection.names if selection else ()


def _selection(kind: str, names: tuple[str, ...]) -> Scope:
    if kind == _EVERYTHING:
        return None
    return CategoryPath(names) if kind == _CATEGORY else Facet(FacetKind(kind), names[0])
