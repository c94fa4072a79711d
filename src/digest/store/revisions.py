"""Content revisions: number every change of published content within its transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Connection, bindparam, case, literal, select, update

from digest.articles.facets import Facet, FacetKind
from digest.articles.ingest.records import Revision
from digest.articles.model import CategoryPath, Scope
from digest.store.schema import article_state, content_revision, feed_change
from digest.store.statements import PreparedQuery, insert_into, put
from digest.store.types import Moment, chunks, hashed, microseconds

_EVERYTHING, _CATEGORY = "everything", "category"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


NO_REVISION = Revision(number=0, changed_at=_NEVER)
_OF_SELECTION = PreparedQuery(
    select(feed_change.c.revision, feed_change.c.changed_at).where(
        feed_change.c.key == bindparam("key")
    )
)


def current(connection: Connection) -> Revision:
    """Return the revision of all published content."""
    row = connection.execute(select(content_revision)).first()
    return Revision(number=row.number, changed_at=row.changed_at) if row else NO_REVISION


def of_selection(connection: Connection, selection: Scope) -> Revision:
    """Return the last revision of a category, a facet or (None) everything."""
    for row in _OF_SELECTION.run(connection, key=key(selection)):
        return Revision(number=row.revision, changed_at=row.changed_at)
    return NO_REVISION


def of_selections(connection: Connection) -> dict[Scope, Revision]:
    """Return the last revision of every selection that ever changed."""
    return {
        _selection(row.kind, row.names): Revision(number=row.revision, changed_at=row.changed_at)
        for row in connection.execute(select(feed_change))
    }


def advance(connection: Connection, now: datetime) -> Revision:
    """Return the next revision, for the changes of this transaction.

    No other transaction gets a revision until this one ends, so they are committed in order.

    The number is the time in microseconds since 1970, or the last number plus one if that is
    greater: a restored database does not reuse numbers that clients know from entity tags.
    """
    known = content_revision.c.changed_at
    latest = case((known > now, known), else_=literal(now, Moment()))
    by_clock = microseconds(now)
    following = content_revision.c.number + 1
    number = case((following > by_clock, following), else_=literal(by_clock, BigInteger()))
    first = insert_into(connection, content_revision).values(id=1, number=by_clock, changed_at=now)
    statement = first.on_conflict_do_update(
        index_elements=["id"],
        set_={"number": number, "changed_at": latest},
    )
    columns = (content_revision.c.number, content_revision.c.changed_at)
    row = connection.execute(statement.returning(*columns)).one()
    return Revision(number=row.number, changed_at=row.changed_at)


def record_changes(
    connection: Connection,
    revision: Revision,
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
    query = select(feed_change.c.kind, feed_change.c.names, feed_change.c.revision)
    rows = connection.execute(query.where(feed_change.c.revision > number))
    return {_selection(kind, names): revision for kind, names, revision in rows}


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
