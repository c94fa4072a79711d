"""Queries for pages rendered on request, each page within one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from sqlalchemy import BigInteger, Connection, Function, Over, bindparam, func, select, tuple_

from digest.articles.ingest.records import ContentRevision, ListedArticle, Neighbour, StoredArticle
from digest.articles.model import (
    Article,
    ArticleKey,
    CategoryPath,
    Facet,
    FacetKind,
    Position,
    Scope,
)
from digest.articles.search_terms import SearchQuery
from digest.editions.model import Edition, Issue
from digest.feeds.archive import ArchiveContents, ArchiveState
from digest.feeds.model import CategorySummary, FacetSummary, Feed
from digest.feeds.publish.documents import FeedContents
from digest.store.archives import archive_contents, archive_states, feed_state, newest_archive
from digest.store.article_queries import (
    COLUMNS,
    NEWEST_FIRST,
    category_summaries,
    filed_under,
    from_row,
    near,
    newest,
    newest_sequence,
    of_edition,
    of_sequences,
    read,
    scope_key,
    selected,
)
from digest.store.connection import Database
from digest.store.edition_rows import edition_articles, issued, leads, taken_upto
from digest.store.file_assets import visible_assets
from digest.store.memberships import summaries
from digest.store.meta_values import meta_value, put_meta_value
from digest.store.revisions import NO_REVISION, current, of_selection, of_selections
from digest.store.schema import (
    article,
    article_state,
    category,
    facet,
    feed_change,
    membership,
)
from digest.store.search import index_state, search
from digest.store.statements import PreparedQuery
from digest.store.types import hashed, microseconds
from digest.store.visibility import Hidden, announced, mailable, visible, visible_state
from digest.store.withdrawals import any_withdrawn
from digest.urls import normal_forms, slug

#: The row of ``meta`` with the fingerprint of the appearance of pages, and since when
#: (microseconds).
APPEARANCE = "appearance"

#: A name that is longer than a file's may be ends in a hash, which nothing leads back from: this
#: finds those that are long enough, each character taking nine bytes at most.
_HASHED_FROM = 28

#: The first change of a selection that is as late as the article's own. It is not before that:
#: revisions and their moments grow together.
_SETTLED = (
    select(feed_change.c.changed_at)
    .where(feed_change.c.revision >= article_state.c.revision)
    .order_by(feed_change.c.revision)
    .limit(1)
    .scalar_subquery()
)
_PLACE = tuple_(membership.c.published_at, membership.c.article)
_THERE = tuple_(bindparam("at", type_=BigInteger), bindparam("sequence", type_=BigInteger))
_IN_CATEGORY = (
    select(article.c.key, article.c.title, article.c.language)
    .join(membership, membership.c.article == article.c.id)
    .where(
        visible(),
        membership.c.category
        == select(category.c.id).where(category.c.key == bindparam("scope")).scalar_subquery(),
    )
    .limit(1)
)
#: The article right before a position in a category, and the one right behind it.
_NEWER = PreparedQuery(
    _IN_CATEGORY.where(_PLACE > _THERE).order_by(membership.c.published_at, membership.c.article)
)
_OLDER = PreparedQuery(
    _IN_CATEGORY.where(_PLACE < _THERE).order_by(
        membership.c.published_at.desc(), membership.c.article.desc()
    )
)
_ARTICLE = PreparedQuery(
    select(*COLUMNS, article_state.c.hidden, article_state.c.revision, _SETTLED.label("changed_at"))
    .join(article_state, article_state.c.article == article.c.id)
    .where(article.c.key == bindparam("key"))
)


#: Under another name than in the condition that an article is visible.
_state = article_state.alias("state")
_LISTED = (
    select(
        article.c.id,
        article.c.key,
        article.c.updated_at,
        article.c.link.is_not(None).label("elsewhere"),
        _state.c.revision,
    )
    .join(_state, _state.c.article == article.c.id)
    .where(visible())
    .order_by(article.c.id)
)


class PageStore:
    """Reads the data of pages. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """Return the number of the last change of published content."""
        with self._database.read() as connection:
            return current(connection).number

    @contextmanager
    def snapshot(self) -> Iterator[PageSnapshot]:
        """Yield a snapshot of the store, in one transaction."""
        with self._database.read() as connection:
            yield PageSnapshot(connection)

    def appearance_since(self, fingerprint: str, now: datetime) -> datetime:
        """Return since when pages have their present appearance, aware UTC.

        ``fingerprint`` covers everything that decides it. A new fingerprint starts now, but never
        before the last one did.
        """
        with self._database.read() as connection:
            known = meta_value(connection, APPEARANCE)
        if (last := _since(known)) and known and known.startswith(f"{fingerprint} "):
            return last
        with self._database.write() as connection:
            since = max(now, _since(meta_value(connection, APPEARANCE)) or now)
            value = f"{fingerprint} {microseconds(since)}"
            put_meta_value(connection, APPEARANCE, value)
        return since


class PageSnapshot:
    """A snapshot of the store. Every method raises StoreError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def current(self) -> ContentRevision:
        """Return the revision of all published content."""
        return current(self._connection)

    def of_selection(self, selection: Scope) -> ContentRevision:
        """Return when the articles of a category, a facet or (None) everything changed."""
        return of_selection(self._connection, selection)

    def find_article(self, key: str) -> StoredArticle | None:
        """Return the article with a key, visible or withdrawn; None if there is none.

        An article that only mails show counts as none.
        """
        rows = _ARTICLE.run(self._connection, key=key)
        if not rows or rows[0].hidden & Hidden.MAIL_ONLY:
            return None
        (row,) = rows
        return StoredArticle(
            hidden=row.hidden != 0,
            revision=row.revision,
            changed_at=row.changed_at or NO_REVISION.changed_at,
            read=lambda: from_row(row, filed_under(self._connection, row.id)),
        )

    def changes(self) -> Mapping[Scope, ContentRevision]:
        """Return the last change of every selection that ever had one."""
        return of_selections(self._connection)

    def listed(self, after: int = 0, upto: int | None = None) -> Iterator[ListedArticle]:
        """Yield the visible articles, in order of sequence.

        All of them, or those whose sequence is greater than ``after`` and at most ``upto``.
        """
        query = _LISTED.where(article.c.id > after)
        if upto is not None:
            query = query.where(article.c.id <= upto)
        for row in self._connection.execute(query):
            yield ListedArticle(
                sequence=row.id,
                key=ArticleKey(row.key),
                revision=row.revision,
                updated_at=row.updated_at,
                elsewhere=bool(row.elsewhere),
            )

    def beside(self) -> dict[int, tuple[int | None, int | None]]:
        """Return the older and the newer neighbour of each article, by sequence.

        They are those in its first category, as in ``near``; articles without one are left out.
        """
        first = (
            select(membership.c.article, func.min(membership.c.position).label("position"))
            .group_by(membership.c.article)
            .subquery()
        )
        placed = (
            select(
                membership.c.article,
                membership.c.position,
                _next_to(func.lag(membership.c.article)).label("older"),
                _next_to(func.lead(membership.c.article)).label("newer"),
            )
            .join(_state, _state.c.article == membership.c.article)
            .where(visible_state(_state))
            .subquery()
        )
        mine = (first.c.article == placed.c.article) & (first.c.position == placed.c.position)
        rows = self._connection.execute(select(placed).join(first, mine))
        return {row.article: (row.older, row.newer) for row in rows}

    def newest_sequence(self) -> int:
        """Return the sequence of the newest article, 0 where there is none."""
        return newest_sequence(self._connection)

    def asset_names(self, copies: AbstractSet[str]) -> set[str]:
        """Return those of these copies of asset files that visible articles show."""
        return visible_assets(self._connection, copies)

    def articles_of(self, sequences: Collection[int]) -> list[Article]:
        """Return the visible articles with these sequences, in any order."""
        return of_sequences(self._connection, sequences)

    def contents(self, feed: Feed) -> FeedContents:
        """Return the contents of a feed's current documents, as if it had no archives."""
        gone = any_withdrawn(self._connection)
        return feed_state(self._connection, feed, None, archives=False, withdrawals=gone).contents

    def archives(self, feeds: Collection[Feed]) -> Mapping[str, Sequence[ArchiveState]]:
        """Return the states of archives, oldest first, by the folders of their feeds."""
        return archive_states(self._connection, feeds)

    def category(self, folder: str) -> CategoryPath | None:
        """Return the category with a ``CategoryPath.folder``, in any Unicode normalization form."""
        query = select(category.c.names)
        for form in normal_forms(folder):
            names = self._connection.scalar(query.where(category.c.key == hashed(form)))
            if names is not None:
                return CategoryPath(names)
        return None

    def facet(self, kind: FacetKind, name: str) -> Facet | None:
        """Return the author, language or feed of the operator's whose slug is ``name``."""
        for form in normal_forms(name):
            meant = Facet(kind, unquote(form))
            known = select(facet.c.id).where(facet.c.key == hashed(str(meant)))
            if slug(meant.name) == form and self._connection.scalar(known) is not None:
                return meant
        if "~" not in name:
            return None
        long = select(facet.c.name).where(
            facet.c.kind == kind, func.length(facet.c.name) >= _HASHED_FROM
        )
        forms = set(normal_forms(name))
        names = (known for known in self._connection.scalars(long) if slug(known) in forms)
        return next((Facet(kind, known) for known in names), None)

    def newest(self, selection: Scope, limit: int) -> list[Article]:
        """Return the newest articles of a selection by publication, then sequence."""
        return read(self._connection, newest(selection).limit(limit))

    def near(
        self, selection: Scope, position: Position, limit: int, *, newer: bool
    ) -> list[Article]:
        """Return the articles right behind a position by publication, or (``newer``) before it.

        The nearest come first.
        """
        query = near(selection, position, newer=newer)
        return read(self._connection, query.limit(limit))

    def neighbours(
        self, path: CategoryPath, position: Position
    ) -> tuple[Neighbour | None, Neighbour | None]:
        """Return the articles right behind a position in a category, and right before it."""
        place: dict[str, int | str] = {
            "scope": scope_key(path),
            "at": microseconds(position.published_at),
            "sequence": position.sequence,
        }
        older, newer = (query.run(self._connection, **place) for query in (_OLDER, _NEWER))
        return _neighbour(older), _neighbour(newer)

    def search_state(self) -> str:
        """Return the version of the search index; empty until there is one."""
        return index_state(self._connection)

    def search(self, query: SearchQuery, before: Position | None, limit: int) -> list[Article]:
        """Return the newest articles that have all terms of a query; see ``store.search``."""
        return search(self._connection, query, before, limit)

    def is_empty(self, selection: Scope) -> bool:
        """Return whether a selection has no visible article."""
        query = newest(selection).with_only_columns(article.c.id).limit(1)
        return self._connection.scalar(query) is None

    def categories(self, below: CategoryPath | None) -> list[CategorySummary]:
        """Return the categories right below one, or (None) all, that show an article, in order."""
        return category_summaries(self._connection, below)

    def facets(self, kinds: Collection[FacetKind]) -> list[FacetSummary]:
        """Return every author, language or feed of the operator's that shows an article."""
        return summaries(self._connection, kinds) if kinds else []

    def newest_archive(self, feed: Feed) -> int:
        """Return the number of a feed's newest archive; 0 where it has none."""
        return newest_archive(self._connection, feed)

    def archived(self, feed: Feed, number: int) -> ArchiveContents:
        """Return the entries of an archive as they are now, without those that left the feed."""
        return archive_contents(self._connection, feed, number)

    def editions(self, digest: str) -> list[Issue]:
        """Return a digest's editions in order of number; see ``edition_rows.issued``."""
        return issued(self._connection, digest)

    def leads(self, digest: str) -> Mapping[int, str]:
        """Return the title that leads each edition of a digest, by the edition's id."""
        return leads(self._connection, digest)

    def edition_articles(self, edition: Edition) -> list[Article]:
        """Return the articles of an edition as they are now, in order of sequence."""
        return of_edition(self._connection, edition_articles(edition.id))

    def taken_upto(self, digest: str) -> int | None:
        """Return the sequence that a digest's next edition starts behind; None: not begun yet."""
        return taken_upto(self._connection, digest)

    def since(
        self, after: int, categories: Collection[CategoryPath], *, mailed: bool = False
    ) -> list[Article]:
        """Return the articles with a greater sequence that editions announce.

        Only articles in any of these categories, if there are any; with ``mailed``, also articles
        that only mails show.
        """
        shown = mailable() if mailed else visible()
        query = selected(select(*COLUMNS).where(shown, announced()), categories)
        query = query.where(article.c.id > after)
        return read(self._connection, query.order_by(article.c.id))

    def latest(
        self, categories: Collection[CategoryPath], limit: int, *, mailed: bool = False
    ) -> list[Article]:
        """Return the latest articles by publication in any of these categories, or of all.

        Oldest first; with ``mailed``, also articles that only mails show.
        """
        shown = mailable() if mailed else visible()
        query = selected(select(*COLUMNS).where(shown), categories)
        return read(self._connection, query.order_by(*NEWEST_FIRST).limit(limit))[::-1]


def _since(value: str | None) -> datetime | None:
    """Return the moment in the row of ``meta``."""
    if value is None:
        return None
    return NO_REVISION.changed_at + timedelta(microseconds=int(value.rpartition(" ")[2]))


def _next_to(function: Function[int]) -> Over[int]:
    """Return a function over the articles of a category, by publication."""
    order = (membership.c.published_at, membership.c.article)
    return function.over(partition_by=membership.c.category, order_by=order)


def _neighbour(rows: Sequence[Any]) -> Neighbour | None:
    return next(
        (Neighbour(key=row.key, title=row.title, language=row.language) for row in rows), None
    )
