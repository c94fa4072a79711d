"""Issued editions: those that went out, wholly or in part, or are going out; what they hold."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, or_, select

from digest.articles.model import Article, ArticleKey
from digest.mail.delivery import DeliveryState
from digest.mail.edition import Edition, EditionState
from digest.store import editions
from digest.store.connection import Database
from digest.store.reading import of_edition
from digest.store.schema import article, delivery, edition, edition_article
from digest.store.types import chunks
from digest.store.visibility import visible

_ISSUED = (EditionState.OPEN, EditionState.DONE)
#: In whose mailbox an edition is, or may be in a moment.
_THERE = (DeliveryState.SENT, DeliveryState.SENDING)


class IssuedEditions:
    """Reads editions for the pages that show them. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, digest: str) -> list[tuple[Edition, int]]:
        """Return a digest's editions in order of number, each with its count of articles.

        Empty ones and drafts are left out, and cancelled ones that nobody got: mails link to the
        others. So are articles that were withdrawn since.
        """
        there = select(delivery.c.id).where(
            delivery.c.edition == edition.c.id, delivery.c.state.in_(_THERE)
        )
        shown = or_(
            edition.c.state.in_(_ISSUED) & edition.c.cancelled_at.is_(None),
            edition.c.cancelled_at.is_not(None) & there.exists(),
        )
        held = (
            select(edition_article.c.edition, func.count().label("articles"))
            .join(article, article.c.id == edition_article.c.article)
            .where(visible())
            .group_by(edition_article.c.edition)
            .subquery()
        )
        query = (
            select(edition, func.coalesce(held.c.articles, 0).label("articles"))
            .outerjoin(held, held.c.edition == edition.c.id)
            .where(edition.c.digest == digest, edition.c.number > 0, shown)
            .order_by(edition.c.number)
        )
        with self._database.read() as connection:
            return [(editions.from_row(row), row.articles) for row in connection.execute(query)]

    def articles(self, edition_id: int) -> list[Article]:
        """Return what an edition holds, as it is now, in order of sequence."""
        with self._database.read() as connection:
            return of_edition(connection, editions.held(edition_id))

    def holding(self, keys: Collection[ArticleKey]) -> set[int]:
        """Return the ids of the editions that hold one of these articles, withdrawn or not."""
        found: set[int] = set()
        query = select(edition_article.c.edition).join(
            article, article.c.id == edition_article.c.article
        )
        with self._database.read() as connection:
            for chunk in chunks(sorted(keys)):
                found.update(connection.scalars(query.where(article.c.key.in_(chunk)).distinct()))
        return found
