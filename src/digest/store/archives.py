"""Archives of feeds (RFC 5005): the entries of each archived document, stored permanently."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from digest.articles.model import CategoryPath, Facet, FacetKind, Scope, Tombstone
from digest.feeds.archive import (
    ArchiveContents,
    ArchivedEntry,
    ArchivePlan,
    ArchiveState,
    Version,
    plan_archives,
)
from digest.feeds.model import Feed
from digest.feeds.publish.documents import FeedContents
from digest.store.article_queries import newest_first, scope_key, within
from digest.store.schema import archive, archive_entry, article, article_state
from digest.store.statements import PreparedAmong, PreparedQuery, among
from digest.store.types import hashed
from digest.store.visibility import visible_state
from digest.store.withdrawals import tombstone, tombstone_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """The entries of a feed at one moment, and the plan for its archives."""

    feed: str  #: hash of its folder
    versions: tuple[Version, ...]  #: in the current document, newest first
    gone: tuple[Tombstone, ...]  #: in the current document, latest withdrawal first
    newest: int  #: number of the newest archive; 0 where there is none
    plan: ArchivePlan

    @property
    def contents(self) -> FeedContents:
        """The contents of the feed's documents after the plan is carried out."""
        return FeedContents(
            versions=self.versions,
            gone=self.gone,
            newest_archive=self.newest + len(self.plan.sets),
        )


_NOTHING = ArchivePlan(stale=(), sets=())


def newest_archive(connection: Connection, feed: Feed) -> int:
    """Return the number of a feed's newest archive; 0 where it has none."""
    return _LAST_ARCHIVE.scalar(connection, feed=hashed(feed.folder)) or 0


def archive_states(
    connection: Connection, feeds: Collection[Feed]
) -> dict[str, list[ArchiveState]]:
    """Return the states of archives, oldest first, by the folders of their feeds."""
    folders = {hashed(feed.folder): feed.folder for feed in feeds}
    query = (
        select(
            archive.c.feed, archive.c.number, func.max(article_state.c.revision).label("revision")
        )
        .join(archive_entry, archive_entry.c.archive == archive.c.id)
        .join(article_state, article_state.c.article == archive_entry.c.article)
        .group_by(archive.c.id, archive.c.feed, archive.c.number)
        .order_by(archive.c.feed, archive.c.number)
    )
    states: dict[str, list[ArchiveState]] = {}
    for row in connection.execute(query):
        if row.feed in folders:
            state = ArchiveState(number=row.number, revision=row.revision)
            states.setdefault(folders[row.feed], []).append(state)
    return states


def archive_contents(connection: Connection, feed: Feed, number: int) -> ArchiveContents:
    """Return the entries of an archive as they are now, without those that left the feed."""
    holds = (
        select(archive_entry.c.article)
        .join(archive, archive.c.id == archive_entry.c.archive)
        .where(archive.c.feed == hashed(feed.folder), archive.c.number == number)
    )
    # Sorted here: with an order, SQLite would look for these few along the index of all.
    rows = connection.execute(within(_VERSIONS, feed.scope).where(article.c.id.in_(holds)))
    versions = sorted(map(_version, rows), key=attrgetter("published_at", "sequence"), reverse=True)
    gone = connection.execute(tombstone_rows(feed.scope).where(article.c.id.in_(holds)))
    return ArchiveContents(versions=versions, gone=list(map(tombstone, gone)))


def feed_state(
    connection: Connection,
    feed: Feed,
    changed: frozenset[int] | None,
    *,
    archives: bool,
    withdrawals: bool = True,
) -> FeedState:
    """Return the entries of a feed and, with ``archives``, the plan for its archives.

    Without ``withdrawals`` no article of any feed is withdrawn, and tombstones are not queried.

    ``changed`` (sequences) limits the work: only these articles, and those that they push out of
    the current document, can need an archive. None stands for all articles.
    """
    key, limit = hashed(feed.folder), feed.limit
    far: int | None = limit
    if archives:
        far = None if changed is None else limit + len(changed)
    living = _living(connection, feed.scope, far)
    rows = list(connection.execute(tombstone_rows(feed.scope).limit(far))) if withdrawals else []
    state = FeedState(
        feed=key,
        versions=tuple(living[:limit]),
        gone=tuple(tombstone(row) for row in rows[:limit]),
        newest=0,
        plan=_NOTHING,
    )
    if not archives:
        return state
    last = _LAST_ARCHIVE.scalar(connection, feed=key) or 0
    dead = [_dead(row) for row in rows]
    shown = [*reversed(living[:limit]), *reversed(dead[:limit])]
    others = [*living[limit:], *dead[limit:]]
    if changed is None:
        entries = _entries(connection, key, None) if last else []
        plan = plan_archives(shown, others, entries, limit)
        return replace(state, newest=last, plan=plan)
    missing = changed.difference(version.sequence for version in (*living, *dead))
    if missing and len(living) == far:
        query = within(_VERSIONS, feed.scope)
        rows = list(among(connection, query, article.c.id, missing))
        others += [_version(row) for row in rows]
    if missing and len(dead) == far:
        rows = list(among(connection, tombstone_rows(feed.scope), article.c.id, missing))
        others += [_dead(row) for row in rows]
    # What did not change, and was not pushed out, matters only where an archive is filled up.
    doubtful = changed.union(version.sequence for version in others)
    entries = _entries(connection, key, doubtful) if last else []
    plan = plan_archives(shown, others, entries, limit)
    if plan.sets:
        known = doubtful.union(version.sequence for version in shown)
        entries = _entries(connection, key, known) if last else []
        plan = plan_archives(shown, others, entries, limit)
    return replace(state, newest=last, plan=plan)


#: The columns of a version; the table of the selection's articles is joined by ``within``.
_VERSIONS = (
    select(
        article.c.id,
        article.c.tag,
        article.c.published_at,
        article.c.updated_at,
        article_state.c.revision,
    )
    .join(article_state, article_state.c.article == article.c.id)
    .where(visible_state())
)
_LAST_ARCHIVE = PreparedQuery(
    select(func.max(archive.c.number).label("number")).where(archive.c.feed == bindparam("feed"))
)


def _newest_query(scope: Scope, *, limited: bool) -> PreparedQuery:
    query = newest_first(_VERSIONS, scope)
    return PreparedQuery(query.limit(bindparam("far")) if limited else query)


#: Built once: for every change of an article several feeds are looked at.
_NEWEST = {
    (kind, limited): _newest_query(example, limited=limited)
    for kind, example in (
        (None, None),
        (CategoryPath, CategoryPath(("*",))),
        (Facet, Facet(FacetKind.CUSTOM, "*")),
    )
    for limited in (True, False)
}


def _living(connection: Connection, scope: Scope, far: int | None) -> list[Version]:
    """Return the newest visible articles of a scope, at most ``far``."""
    query = _NEWEST[None if scope is None else type(scope), far is not None]
    values: dict[str, Any] = {} if scope is None else {"scope": scope_key(scope)}
    if far is not None:
        values["far"] = far
    return [_version(row) for row in query.run(connection, **values)]


def _version(row: Any) -> Version:
    return Version(
        sequence=row.id,
        published_at=row.published_at,
        changed_at=row.updated_at,
        revision=row.revision,
        tag=row.tag,
    )


def _dead(row: Any) -> Version:
    return Version(sequence=row.id, published_at=row.published_at, changed_at=row.at, gone=True)


_ENTRIES = select(
    archive_entry.c.archive,
    archive_entry.c.article,
    archive_entry.c.changed_at,
    archive_entry.c.gone,
)
_ENTRIES_OF = PreparedAmong(_ENTRIES, archive_entry.c.article)
_HOLDERS = PreparedAmong(
    select(archive.c.id, archive.c.number).where(archive.c.feed == bindparam("feed")), archive.c.id
)


def _entries(
    connection: Connection, feed: str, known: Collection[int] | None
) -> list[ArchivedEntry]:
    """Return the archived entries of a feed for the articles ``known`` (sequences), or for all.

    Two queries: with a join, SQLite would search every archive of the feed for each article.
    """
    rows: list[Any]
    if known is None:
        holders = select(archive.c.id, archive.c.number).where(archive.c.feed == feed)
        numbers = {row.id: row.number for row in connection.execute(holders)}
        rows = list(among(connection, _ENTRIES, archive_entry.c.archive, numbers))
    else:
        rows = list(_ENTRIES_OF.run(connection, known))
        holders_of = {row.archive for row in rows}
        numbers = {row.id: row.number for row in _HOLDERS.run(connection, holders_of, feed=feed)}
    return [
        ArchivedEntry(
            archive=numbers[row.archive],
            sequence=row.article,
            changed_at=row.changed_at,
            gone=row.gone,
        )
        for row in rows
        if row.archive in numbers
    ]


def update_archives(connection: Connection, state: FeedState) -> None:
    """Carry out the plan for the archives of a feed."""
    sets = dict(enumerate(state.plan.sets, state.newest + 1))
    if sets:
        rows = [{"feed": state.feed, "number": number} for number in sets]
        connection.execute(archive.insert(), rows)
    wanted = {*sets, *(entry.archive for entry in state.plan.stale)}
    query = select(archive.c.number, archive.c.id).where(archive.c.feed == state.feed)
    ids = {row.number: row.id for row in among(connection, query, archive.c.number, wanted)}
    if state.plan.stale:
        statement = (
            update(archive_entry)
            .where(archive_entry.c.archive == bindparam("holder"))
            .where(archive_entry.c.article == bindparam("sequence"))
            .values(changed_at=None)
        )
        pairs = [
            {"holder": ids[entry.archive], "sequence": entry.sequence} for entry in state.plan.stale
        ]
        connection.execute(statement, pairs)
    new = [
        {
            "archive": ids[number],
            "article": version.sequence,
            "changed_at": version.changed_at,
            "gone": version.gone,
        }
        for number, versions in sets.items()
        for version in versions
    ]
    if new:
        connection.execute(archive_entry.insert(), new)
