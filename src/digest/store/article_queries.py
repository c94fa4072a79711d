"""Queries of articles, and the conversion of their rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from digest.articles.model import (
    Article,
    ArticleId,
    ArticleKey,
    CategoryPath,
    Facet,
    Position,
    SafeHtml,
    Scope,
)
from digest.feeds.model import CategorySummary
from digest.store.schema import article, article_state, category, facet, facet_article, membership
from digest.store.statements import PreparedAmong, PreparedQuery
from digest.store.types import Moment, chunks, hashed
from digest.store.visibility import mailable, visible, visible_state

#: What an article is made of.
COLUMNS = (
    article.c.id,
    article.c.key,
    article.c.tag,
    article.c.published_at,
    article.c.updated_at,
    article.c.language,
    article.c.link,
    article.c.image,
    article.c.title,
    article.c.authors,
    article.c.summary,
    article.c.body,
    article.c.enclosure,
    article.c.pinned,
    article.c.credit,
)
#: The order of publication, the latest first.
NEWEST_FIRST = (article.c.published_at.desc(), article.c.id.desc())
_VISIBLE = PreparedAmong(select(*COLUMNS).where(visible()), article.c.id)


def read(connection: Connection, query: Select[Any]) -> list[Article]:
    """Return the articles of a query, in its order."""
    rows = list(connection.execute(query))
    categories = filed(connection, [row.id for row in rows])
    return [from_row(row, categories.get(row.id, ())) for row in rows]


def of_sequences(connection: Connection, sequences: Collection[int]) -> list[Article]:
    """Return the visible articles with these sequences, in any order."""
    rows = list(_VISIBLE.run(connection, sequences))
    categories = filed(connection, [row.id for row in rows])
    return [from_row(row, categories.get(row.id, ())) for row in rows]


def of_edition(
    connection: Connection, sequences: Select[Any], *, mailed: bool = False
) -> list[Article]:
    """Return the articles whose sequences a query returns, in order of sequence.

    Articles that only mails show are included if ``mailed``.
    """
    shown = mailable() if mailed else visible()
    query = select(*COLUMNS).where(article.c.id.in_(sequences), shown)
    return read(connection, query.order_by(article.c.id))


def newest_sequence(connection: Connection) -> int:
    """Return the sequence of the newest article, 0 where there is none."""
    return connection.scalar(select(func.max(article.c.id))) or 0


def selected(query: Select[Any], categories: Collection[CategoryPath]) -> Select[Any]:
    """Return the query of articles, limited to these categories; no categories select all."""
    if not categories:
        return query
    wanted = select(category.c.id).where(
        or_(*[category.c.key == hashed(path.folder) for path in categories])
    )
    inside = select(membership.c.article).where(
        membership.c.article == article.c.id, membership.c.category.in_(wanted)
    )
    return query.where(inside.exists())


def scope_key(scope: CategoryPath | Facet) -> str:
    """Return the key of a category's or facet's own row."""
    return hashed(str(scope) if isinstance(scope, Facet) else scope.folder)


def within(query: Select[Any], wanted: Scope) -> Select[Any]:
    """Return the query of articles, limited to a scope; None is no limit.

    The same query can be run for another scope of the same kind: pass its ``scope_key`` as the
    parameter ``scope``.
    """
    if wanted is None:
        return query
    key: BindParameter[str] = bindparam("scope", scope_key(wanted))
    if isinstance(wanted, Facet):
        of_key = select(facet.c.id).where(facet.c.key == key).scalar_subquery()
        return query.join(facet_article, facet_article.c.article == article.c.id).where(
            facet_article.c.facet == of_key
        )
    number = select(category.c.id).where(category.c.key == key).scalar_subquery()
    return query.join(membership, membership.c.article == article.c.id).where(
        membership.c.category == number
    )


def lies_within(sequence: Column[int], wanted: Scope) -> ColumnElement[bool]:
    """Return the condition that the article with this sequence is in a scope.

    For queries of few articles: the condition is evaluated for each of them.
    """
    if wanted is None:
        return true()
    if isinstance(wanted, Facet):
        of_key = select(facet.c.id).where(facet.c.key == hashed(str(wanted))).scalar_subquery()
        rows = facet_article.c.facet == of_key
        return exists().where(facet_article.c.article == sequence, rows)
    of_key = select(category.c.id).where(category.c.key == hashed(wanted.folder)).scalar_subquery()
    return exists().where(membership.c.article == sequence, membership.c.category == of_key)


def newest(wanted: Scope) -> Select[Any]:
    """Return the query of a feed's articles."""
    return newest_first(select(*COLUMNS).where(visible()), wanted)


def newest_first(query: Select[Any], wanted: Scope) -> Select[Any]:
    """Return the query, limited to a scope and ordered by an index, without sorting."""
    query = within(query, wanted)
    if wanted is None:
        return query.order_by(*NEWEST_FIRST)
    rows = facet_article if isinstance(wanted, Facet) else membership
    return query.order_by(rows.c.published_at.desc(), rows.c.article.desc())


def near(wanted: Scope, position: Position, *, newer: bool) -> Select[Any]:
    """Return the query of a scope's articles behind a position, or (``newer``) before it.

    The nearest come first. An index leads there, however far it is from the newest article.
    """
    query = within(select(*COLUMNS).where(visible()), wanted)
    rows = facet_article if isinstance(wanted, Facet) else membership
    columns = (article.c.published_at, article.c.id)
    if wanted is not None:
        columns = (rows.c.published_at, rows.c.article)
    place = tuple_(*columns)
    there = tuple_(literal(position.published_at, Moment()), position.sequence)
    if newer:
        return query.where(place > there).order_by(*columns)
    return query.where(place < there).order_by(*(column.desc() for column in columns))


_FILED = (
    select(membership.c.article, category.c.names)
    .join(category, category.c.id == membership.c.category)
    .where(membership.c.position.is_not(None))
    .order_by(membership.c.article, membership.c.position)
)
_FILED_OF = PreparedAmong(_FILED, membership.c.article)
_FILED_ONE = PreparedQuery(_FILED.where(membership.c.article == bindparam("sequence")))


def filed(
    connection: Connection, sequences: Sequence[int]
) -> Mapping[int, tuple[CategoryPath, ...]]:
    """Return the categories of each article, in the order in which its file names them."""
    paths: dict[int, tuple[CategoryPath, ...]] = {}
    for row in _FILED_OF.run(connection, sequences):
        paths[row.article] = (*paths.get(row.article, ()), CategoryPath(row.names))
    return paths


def filed_under(connection: Connection, sequence: int) -> tuple[CategoryPath, ...]:
    """Return the categories of one article, in the order in which its file names them."""
    return tuple(CategoryPath(row.names) for row in _FILED_ONE.run(connection, sequence=sequence))


def category_summaries(
    connection: Connection, below: CategoryPath | None = None
) -> list[CategorySummary]:
    """Return the categories right below one, or (None) all, that show an article, in order."""
    query = select(category.c.id, category.c.names)
    if below is not None:
        query = query.where(category.c.folder.startswith(f"{below.folder}/", autoescape=True))
    paths = {row.id: CategoryPath(row.names) for row in connection.execute(query)}
    counted = select(membership.c.category, func.count()).group_by(membership.c.category)
    # Counting all and taking off the few that are hidden spares a look at every article.
    unseen = counted.join(article_state, article_state.c.article == membership.c.article)
    unseen = unseen.where(~visible_state())
    if below is None:
        articles, hidden = pairs(connection, counted), pairs(connection, unseen)
    else:
        paths = {number: path for number, path in paths.items() if path.parent == below}
        articles, hidden = {}, {}
        for chunk in chunks(sorted(paths)):
            these = membership.c.category.in_(chunk)
            articles |= pairs(connection, counted.where(these))
            hidden |= pairs(connection, unseen.where(these))
    shown = {number: count - hidden.get(number, 0) for number, count in articles.items()}
    summaries = [
        CategorySummary(path=path, articles=shown[number])
        for number, path in paths.items()
        if shown.get(number)
    ]
    return sorted(summaries, key=lambda summary: summary.path)


def pairs(connection: Connection, query: Select[Any]) -> dict[int, int]:
    """Return the rows of a query of two columns, the second by the first."""
    return {row[0]: row[1] for row in connection.execute(query)}


def from_row(row: Any, categories: tuple[CategoryPath, ...]) -> Article:
    """Return the article of a row with COLUMNS."""
    return Article(
        id=ArticleId(row.tag),
        key=ArticleKey(row.key),
        sequence=row.id,
        title=row.title,
        authors=row.authors,
        categories=categories,
        link=row.link,
        image=row.image,
        language=row.language,
        summary=row.summary,
        body=SafeHtml(row.body),
        published_at=row.published_at,
        updated_at=row.updated_at,
        enclosure=row.enclosure,
        pinned=row.pinned,
        credit=row.credit,
    )
