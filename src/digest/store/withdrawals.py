"""Withdrawals: articles that are no longer shown, and their tombstones (RFC 6721)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, or_, select

from digest.articles.model import (
    Article,
    ArticleId,
    ArticleKey,
    CategoryPath,
    Changes,
    Scope,
    Tombstone,
)
from digest.store.article_queries import COLUMNS, lies_within, newest, read, within
from digest.store.connection import Database, Lock
from digest.store.memberships import facets_of_articles
from digest.store.revisions import advance, record_changes
from digest.store.schema import article, category, file, membership, withdrawal
from digest.store.statements import PreparedQuery, among, put
from digest.store.types import chunks, hashed
from digest.store.visibility import Hidden, ever_public, set_hidden


class Moderation(StrEnum):
    """A decision on whether an article is shown; files never overrule the operator's."""

    WITHDRAWN = "withdrawn"  #: the operator's
    KEPT = "kept"  #: the operator's
    AUTHOR = "author"  #: the article's own files hold it back, and end that


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleStatus:
    """An article, whether it is withdrawn and by whom, and its files."""

    article: Article
    withdrawn_at: datetime | None  #: aware UTC; None while it is shown
    moderation: Moderation | None  #: None where the files decide
    files: tuple[str, ...]  #: paths, the leading one first
    missing: bool  #: none of the files is there


class Withdrawals:
    """Withdraws, restores and lists articles for the commands.

    Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def withdraw(self, keys: Collection[ArticleKey], now: datetime) -> Changes:
        """Withdraw articles, whatever becomes of their files.

        Changes are returned for all of them: publishing an earlier withdrawal may have failed.
        """
        with self._database.write(Lock.ARTICLES) as connection:
            sequences = self._decide(connection, keys, Moderation.WITHDRAWN, now)
            set_hidden(connection, sequences, Hidden.WITHDRAWN, hidden=True)
            return changes_of(connection, sequences, now)

    def restore(self, keys: Collection[ArticleKey], now: datetime) -> Changes:
        """Show articles again, whatever becomes of their files; return changes for all of them."""
        with self._database.write(Lock.ARTICLES) as connection:
            sequences = self._decide(connection, keys, Moderation.KEPT, None)
            set_hidden(connection, sequences, Hidden.WITHDRAWN, hidden=False)
            return changes_of(connection, sequences, now)

    def _decide(
        self,
        connection: Connection,
        keys: Collection[ArticleKey],
        moderation: Moderation,
        at: datetime | None,
    ) -> list[int]:
        """Store the operator's decision on articles, and return their sequences."""
        known = {
            row.article: row.at
            for row in connection.execute(select(withdrawal).where(withdrawal.c.at.is_not(None)))
        }
        sequences = list(connection.scalars(select(article.c.id).where(article.c.key.in_(keys))))
        rows = [
            {"article": sequence, "at": at and known.get(sequence, at), "word": moderation}
            for sequence in sequences
        ]
        put(connection, withdrawal, rows, key="article")
        return sequences

    def find(self, name: str) -> list[ArticleStatus]:
        """Return the articles that a name may mean: a key, an id, a link, or a file's path."""
        holds = select(file.c.article).where(file.c.key == hashed(name))
        wanted = or_(
            article.c.key == name,
            article.c.tag == name,
            article.c.link == name,
            article.c.id.in_(holds),
        )
        return self._statuses(select(*COLUMNS).where(wanted).order_by(article.c.id))

    def listed(
        self, wanted: CategoryPath | None, limit: int, *, withdrawn: bool = False
    ) -> list[ArticleStatus]:
        """Return the newest articles of a category or of all; ``withdrawn`` ones, latest first."""
        if not withdrawn:
            return self._statuses(newest(wanted).limit(limit))
        query: Select[Any] = select(*COLUMNS).join(withdrawal, withdrawal.c.article == article.c.id)
        query = within(query.where(withdrawal.c.at.is_not(None)), wanted)
        return self._statuses(query.order_by(*_LAST_FIRST).limit(limit))

    def _statuses(self, query: Select[Any]) -> list[ArticleStatus]:
        with self._database.read() as connection:
            articles = read(connection, query)
            sequences = [entry.sequence for entry in articles]
            withdrawals = {
                row.article: row
                for row in among(connection, select(withdrawal), withdrawal.c.article, sequences)
            }
            columns = select(file.c.article, file.c.path, file.c.leads, file.c.missing_at)
            files: dict[int, list[tuple[bool, str, bool]]] = {}
            for row in among(connection, columns, file.c.article, sequences):
                place = files.setdefault(row.article, [])
                place.append((not row.leads, row.path, row.missing_at is not None))
        statuses = []
        for entry in articles:
            decision = withdrawals.get(entry.sequence)
            its_files = sorted(files.get(entry.sequence, ()))
            statuses.append(
                ArticleStatus(
                    article=entry,
                    withdrawn_at=decision.at if decision else None,
                    moderation=Moderation(decision.word) if decision and decision.word else None,
                    files=tuple(path for _, path, _ in its_files),
                    missing=all(missing for _, _, missing in its_files),
                )
            )
        return statuses


#: The order of withdrawn articles: latest withdrawal first.
_LAST_FIRST = (withdrawal.c.at.desc(), withdrawal.c.article.desc())
_ANY = PreparedQuery(select(withdrawal.c.article).where(withdrawal.c.at.is_not(None)).limit(1))


def tombstone_rows(wanted: Scope) -> Select[Any]:
    """Return the query of what a scope's tombstones are made of; last withdrawn first.

    Articles that only mails show are left out: they were never public.
    """
    return (
        select(article.c.id, article.c.tag, article.c.published_at, withdrawal.c.at)
        .join(withdrawal, withdrawal.c.article == article.c.id)
        .where(
            withdrawal.c.at.is_not(None), ever_public(), lies_within(withdrawal.c.article, wanted)
        )
        .order_by(*_LAST_FIRST)
    )


def any_withdrawn(connection: Connection) -> bool:
    """Return whether any article is withdrawn."""
    return _ANY.scalar(connection) is not None


def tombstone(row: Row[Any]) -> Tombstone:
    """Return the tombstone of a row that ``tombstone_rows``."""
    return Tombstone(id=ArticleId(row.tag), withdrawn_at=row.at)


def _by_files() -> Select[Any]:
    """Return the query of articles that are withdrawn because of their files."""
    undecided = withdrawal.c.word.is_(None) | (withdrawal.c.word == Moderation.AUTHOR)
    return select(withdrawal.c.article).where(withdrawal.c.at.is_not(None), undecided)


_PRESENT = select(file.c.article).where(file.c.missing_at.is_(None), file.c.article.is_not(None))
#: Articles with a file that holds them back, there or not.
_HELD = select(file.c.article).where(file.c.held, file.c.article.is_not(None))


_OUTDATED = [PreparedQuery(query.limit(1)) for query in (_by_files(), _HELD)]


def has_outdated_withdrawals(connection: Connection) -> bool:
    """Return whether withdrawals are to change, apart from those of files missing too long."""
    return any(query.scalar(connection) is not None for query in _OUTDATED)


def update_withdrawals(connection: Connection, now: datetime, grace: timedelta | None) -> Changes:
    """Restore articles with a file; withdraw those held back or without a file for too long.

    An article is held back if one of its files asks for it and no other present file may be shown.
    """
    shown = _PRESENT.where(~file.c.held)
    changed = list(connection.scalars(_by_files().where(withdrawal.c.article.in_(shown))))
    for chunk in chunks(changed):
        connection.execute(delete(withdrawal).where(withdrawal.c.article.in_(chunk)))
    set_hidden(connection, changed, Hidden.WITHDRAWN, hidden=False)
    withdrawn = select(withdrawal.c.article)
    held = _HELD.where(file.c.article.not_in(withdrawn), file.c.article.not_in(shown)).distinct()
    changed += _withdraw(connection, list(connection.scalars(held)), Moderation.AUTHOR, now)
    if grace is not None and connection.scalar(_PRESENT.limit(1)) is not None:
        # One without any file has lost it to another article: it took another identity.
        gone_at = func.coalesce(func.max(file.c.missing_at), func.max(article.c.updated_at))
        overdue = (
            select(article.c.id)
            .outerjoin(file, file.c.article == article.c.id)
            .where(article.c.id.not_in(withdrawn))
            .group_by(article.c.id)
            .having(func.count(file.c.missing_at) == func.count(file.c.key))
            .having(gone_at <= now - grace)
        )
        changed += _withdraw(connection, list(connection.scalars(overdue)), None, now)
    return changes_of(connection, changed, now)


def _withdraw(
    connection: Connection, sequences: Sequence[int], moderation: Moderation | None, now: datetime
) -> Sequence[int]:
    """Withdraw articles, none of which has a row yet, and return their sequences."""
    if sequences:
        rows = [{"article": sequence, "at": now, "word": moderation} for sequence in sequences]
        connection.execute(withdrawal.insert(), rows)
        set_hidden(connection, sequences, Hidden.WITHDRAWN, hidden=True)
    return sequences


def changes_of(connection: Connection, sequences: Sequence[int], now: datetime) -> Changes:
    """Record that these articles, their categories and facets must be published again."""
    if not sequences:
        return Changes()
    keys = among(connection, select(article.c.key), article.c.id, sequences)
    names = (
        select(category.c.names).join(membership, membership.c.category == category.c.id).distinct()
    )
    filed = among(connection, names, membership.c.article, sequences)
    changes = Changes(
        articles=frozenset(ArticleKey(row.key) for row in keys),
        categories=frozenset(CategoryPath(row.names) for row in filed),
        facets=facets_of_articles(connection, sequences),
    )
    record_changes(
        connection,
        advance(connection, now),
        articles=sequences,
        selections=(None, *changes.categories, *changes.facets),
    )
    return changes
