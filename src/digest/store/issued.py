"""Issued editions: those that went out, wholly or in part, or are going out; what they hold."""

from __future__ import annotations

from sqlalchemy import Connection, case, func, or_, select

from digest.articles.model import Article
from digest.mail.delivery import DeliveryState
from digest.mail.edition import EditionState, Issue
from digest.store import editions
from digest.store.reading import of_edition
from digest.store.schema import article_state, delivery, edition, edition_article

_ISSUED = (EditionState.OPEN, EditionState.DONE)
#: In whose mailbox an edition is, or may be in a moment.
_THERE = (DeliveryState.SENT, DeliveryState.SENDING)


def listed(connection: Connection, digest: str) -> list[Issue]:
    """Return a digest's editions in order of number.

    Empty ones and drafts are left out, and cancelled ones that nobody got: mails link to the
    others.
    """
    there = select(delivery.c.id).where(
        delivery.c.edition == edition.c.id, delivery.c.state.in_(_THERE)
    )
    shown = or_(
        edition.c.state.in_(_ISSUED) & edition.c.cancelled_at.is_(None),
        edition.c.cancelled_at.is_not(None) & there.exists(),
    )
    of_digest = select(edition.c.id).where(edition.c.digest == digest, edition.c.number > 0)
    held = (
        select(
            edition_article.c.edition,
            func.sum(case((article_state.c.hidden == 0, 1), else_=0)).label("articles"),
            func.max(article_state.c.revision).label("revision"),
        )
        .join(article_state, article_state.c.article == edition_article.c.article)
        .where(edition_article.c.edition.in_(of_digest))
        .group_by(edition_article.c.edition)
        .subquery()
    )
    query = (
        select(
            edition,
            func.coalesce(held.c.articles, 0).label("articles"),
            func.coalesce(held.c.revision, 0).label("revision"),
        )
        .outerjoin(held, held.c.edition == edition.c.id)
        .where(edition.c.digest == digest, edition.c.number > 0, shown)
        .order_by(edition.c.number)
    )
    return [
        Issue(edition=editions.from_row(row), articles=row.articles, revision=row.revision)
        for row in connection.execute(query)
    ]


def articles(connection: Connection, edition_id: int) -> list[Article]:
    """Return what an edition holds, as it is now, in order of sequence."""
    return of_edition(connection, editions.held(edition_id))
