"""Visibility: the one condition that decides which articles may be shown."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntFlag

from sqlalchemy import ColumnElement, Connection, exists, update

from digest.store.schema import article, article_state
from digest.store.types import chunks


class Hidden(IntFlag):
    """Reasons why an article is hidden; several may apply at once.

    A new reason takes the next bit. Whatever sets one calls ``set_hidden`` and records the change
    (``revisions.record_changes``).
    """

    WITHDRAWN = 1  #: by the operator, or because its files are gone for too long


def visible() -> ColumnElement[bool]:
    """Return the condition that an article is visible.

    Feeds, pages, archives, search, export and editions all use it, and nothing else.
    """
    return exists().where(article_state.c.article == article.c.id, article_state.c.hidden == 0)


def announced() -> ColumnElement[bool]:
    """Return the condition that an edition takes an article of a query as a new one."""
    return exists().where(article_state.c.article == article.c.id, article_state.c.announced)


def set_hidden(
    connection: Connection, sequences: Collection[int], reason: Hidden, *, hidden: bool
) -> None:
    """Give these articles a reason to be hidden, or take it from them."""
    flags = article_state.c.hidden.bitwise_and(~int(reason))
    if hidden:
        flags = article_state.c.hidden.bitwise_or(int(reason))
    for chunk in chunks(sorted(sequences)):
        these = article_state.c.article.in_(chunk)
        connection.execute(update(article_state).where(these).values(hidden=flags))
