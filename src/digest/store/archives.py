"""Archives: what the archived documents of feeds hold, remembered for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from digest.articles.model import Article, ArticleKey
from digest.feeds.archives import Decision, Entry, Extent, Held, Version, decide
from digest.feeds.selection import Feed
from digest.store.connection import Database, Lock
from digest.store.reading import newest, read
from digest.store.schema import archive, archive_entry, article
from digest.store.statements import among
from digest.store.types import hashed
from digest.store.withdrawals import buried, remains


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is to become of the archives of one feed."""

    feed: str  #: hash of its folder
    newest: int
    decision: Decision
    touched: frozenset[int]  #: numbers of archives that say something else now

    def extent(self) -> Extent:
        """Return how far the archives reach once this is done."""
        closed = len(self.decision.sets)
        # What was the newest archive until now links to its successor.
        first = max(self.newest, 1) if closed else self.newest + 1
        new = range(first, self.newest + closed + 1)
        return Extent(newest=self.newest + closed, touched=tuple(sorted(self.touched.union(new))))


class ArchiveStore:
    """What publishing needs to know of archives.

    Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def close_archives(
        self, feeds: Sequence[Feed], changed: Collection[ArticleKey] | None
    ) -> list[Extent]:
        """Close archives wherever a version would be told by no document; return all extents.

        The current document of each feed tells as many of the newest articles as its limit says,
        and as many of those withdrawn last. ``changed`` are the articles that changed since the
        last call for these feeds; None means any, and that every archive is to be written.
        """
        extents = []
        with self._database.read() as connection:
            ours = None if changed is None else _sequences(connection, changed)
            for feed in feeds:
                plan = _plan(connection, feed, ours)
                if plan.decision:
                    break
                extents.append(plan.extent())
            else:
                return extents
        with self._database.write(Lock.ARCHIVES) as connection:
            for feed in feeds[len(extents) :]:
                plan = _plan(connection, feed, ours)
                _carry_out(connection, plan)
                extents.append(plan.extent())
        return extents

    def archived(self, feed: Feed, number: int) -> Held:
        """Return what an archive holds, as it is now; what has left the feed is left out."""
        with self._database.read() as connection:
            return held(connection, feed, number)


def newest_archive(connection: Connection, feed: Feed) -> int:
    """Return the number of a feed's newest archive; 0 where it has none."""
    return _newest(connection, hashed(feed.folder))


def held(connection: Connection, feed: Feed, number: int) -> Held:
    """Return what an archive holds, as it is now; what has left the feed is left out."""
    holds = (
        select(archive_entry.c.article)
        .join(archive, archive.c.id == archive_entry.c.archive)
        .where(archive.c.feed == hashed(feed.folder), archive.c.number == number)
    )
    # Sorted here: with an order, SQLite would look for these few along the index of all.
    shown = newest(feed.scope).order_by(None).where(article.c.id.in_(holds))
    articles = sorted(read(connection, shown), key=_place, reverse=True)
    gone = buried(connection, remains(feed.scope).where(article.c.id.in_(holds)))
    return Held(articles=articles, gone=gone)


def _newest(connection: Connection, feed: str) -> int:
    return connection.scalar(select(func.max(archive.c.number)).where(archive.c.feed == feed)) or 0


def _place(one: Article) -> tuple[Any, ...]:
    return one.published_at, one.sequence


def _sequences(connection: Connection, keys: Collection[ArticleKey]) -> frozenset[int]:
    rows = among(connection, select(article.c.key, article.c.id), article.c.key, keys)
    return frozenset(row.id for row in rows)


def _plan(connection: Connection, feed: Feed, changed: frozenset[int] | None) -> _Plan:
    """Return what is to become of a feed's archives.

    Nothing can be lost but what changed and what that pushed out of the current document, so with
    ``changed`` (sequences) nothing else is looked at.
    """
    key, limit = hashed(feed.folder), feed.limit
    far = None if changed is None else limit + len(changed)
    shown, gone = _queries(feed)
    living = _versions(connection.execute(shown.limit(far)), gone=False)
    dead = _versions(connection.execute(gone.limit(far)), gone=True)
    current = [*reversed(living[:limit]), *reversed(dead[:limit])]
    others = [*living[limit:], *dead[limit:]]
    last = _newest(connection, key)
    if changed is None:
        entries = _entries(connection, key, None)
        touched = frozenset(range(1, last + 1))
    else:
        missing = changed.difference(one.sequence for one in (*living, *dead))
        if len(living) == far:
            others += _versions(among(connection, shown, article.c.id, missing), gone=False)
        if len(dead) == far:
            others += _versions(among(connection, gone, article.c.id, missing), gone=True)
        known = changed.union(one.sequence for one in (*current, *others))
        entries = _entries(connection, key, known) if last else []
        touched = frozenset(one.archive for one in entries if one.sequence in changed)
    return _Plan(
        feed=key, newest=last, decision=decide(current, others, entries, limit), touched=touched
    )


def _queries(feed: Feed) -> tuple[Select[Any], Select[Any]]:
    """Return the queries of what the feed shows, the newest first, and of what is withdrawn."""
    columns = (article.c.id, article.c.published_at, article.c.updated_at.label("at"))
    return newest(feed.scope).with_only_columns(*columns), remains(feed.scope)


def _versions(rows: Iterable[Row[Any]], *, gone: bool) -> list[Version]:
    return [
        Version(sequence=row.id, published_at=row.published_at, changed_at=row.at, gone=gone)
        for row in rows
    ]


def _entries(connection: Connection, feed: str, known: Collection[int] | None) -> list[Entry]:
    """Return what the archives of a feed hold of the articles that are ``known``, or of all.

    In two steps: in one, SQLite would look into every archive of the feed for each article.
    """
    entries = select(
        archive_entry.c.archive,
        archive_entry.c.article,
        archive_entry.c.changed_at,
        archive_entry.c.gone,
    )
    holders = select(archive.c.id, archive.c.number).where(archive.c.feed == feed)
    if known is None:
        numbers = {row.id: row.number for row in connection.execute(holders)}
        rows = list(among(connection, entries, archive_entry.c.archive, numbers))
    else:
        rows = list(among(connection, entries, archive_entry.c.article, known))
        wanted = {row.archive for row in rows}
        numbers = {row.id: row.number for row in among(connection, holders, archive.c.id, wanted)}
    return [
        Entry(
            archive=numbers[row.archive],
            sequence=row.article,
            changed_at=row.changed_at,
            gone=row.gone,
        )
        for row in rows
        if row.archive in numbers
    ]


def _carry_out(connection: Connection, plan: _Plan) -> None:
    """Remember what was decided."""
    sets = dict(enumerate(plan.decision.sets, plan.newest + 1))
    if sets:
        rows = [{"feed": plan.feed, "number": number} for number in sets]
        connection.execute(archive.insert(), rows)
    wanted = {*sets, *(entry.archive for entry in plan.decision.stale)}
    query = select(archive.c.number, archive.c.id).where(archive.c.feed == plan.feed)
    ids = {row.number: row.id for row in among(connection, query, archive.c.number, wanted)}
    if plan.decision.stale:
        statement = (
            update(archive_entry)
            .where(archive_entry.c.archive == bindparam("holder"))
            .where(archive_entry.c.article == bindparam("sequence"))
            .values(changed_at=None)
        )
        pairs = [
            {"holder": ids[entry.archive], "sequence": entry.sequence}
            for entry in plan.decision.stale
        ]
        connection.execute(statement, pairs)
    new = [
        {
            "archive": ids[number],
            "article": one.sequence,
            "changed_at": one.changed_at,
            "gone": one.gone,
        }
        for number, versions in sets.items()
        for one in versions
    ]
    if new:
        connection.execute(archive_entry.insert(), new)
