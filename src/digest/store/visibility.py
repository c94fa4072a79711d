"""Visibility: the conditions that decide where an article may be shown.

``visible`` is for all that is public, ``mailable`` for editions, ``ever_public`` for tombstones.
Other modules take them from here, and ``visible_state`` where they join ``article_state`` anyway.
So a reason that hides an article from everybody needs no other query; one that some outlet looks
past does.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from enum import IntFlag

from sqlalchemy import ColumnElement, Connection, FromClause, exists, false, or_, select, update

from digest.articles.revision import IngestPolicy
from digest.store.meta_values import meta_value, put_meta_value
from digest.store.schema import article, article_state, file
from digest.store.statements import among
from digest.store.types import chunks

#: The row of ``meta`` with the folders whose articles only mails show.
_MAIL_ONLY = "mail_only"


class Hidden(IntFlag):
    """Reasons why an article is hidden; several may apply at once.

    A new reason takes the next bit. Whatever sets one calls ``set_hidden`` and records the change
    (``revisions.record_changes``).
    """

    WITHDRAWN = 1  #: by the operator, or because its files are gone for too long
    MAIL_ONLY = 2  #: its files are of sources that are not republished


def visible() -> ColumnElement[bool]:
    """Return the condition that everybody may see an article: it is visible.

    Everything public shows only these articles: feeds, pages, archives, search and export.
    """
    return exists().where(article_state.c.article == article.c.id, visible_state())


def visible_state(state: FromClause = article_state) -> ColumnElement[bool]:
    """Return the condition of ``visible`` for a query that joins ``article_state`` itself."""
    return state.c.hidden == 0


def mailable() -> ColumnElement[bool]:
    """Return the condition that an edition may show an article in mails."""
    shown = article_state.c.hidden.in_((0, int(Hidden.MAIL_ONLY)))
    return exists().where(article_state.c.article == article.c.id, shown)


def ever_public() -> ColumnElement[bool]:
    """Return the condition that a withdrawn article was visible before: it has a tombstone."""
    public = article_state.c.hidden.bitwise_and(int(Hidden.MAIL_ONLY)) == 0
    return exists().where(article_state.c.article == article.c.id, public)


def mail_only(connection: Connection, policy: IngestPolicy) -> tuple[list[str], bool]:
    """Return the folders whose articles only mails show, and whether that differs from before.

    A folder of which ``policy`` says nothing any more stays one: nothing that was kept from the
    public appears because its source was taken out of the configuration.
    """
    known = json.loads(meta_value(connection, _MAIL_ONLY) or "[]")
    folders = sorted({*known, *policy.mail_only} - {*policy.republished})
    return folders, folders != known


def hide_mail_only(connection: Connection, policy: IngestPolicy) -> list[int]:
    """Bring what only mails show up to date; return the articles for which that changed."""
    folders, changed = mail_only(connection, policy)
    if not changed:
        return []
    put_meta_value(connection, _MAIL_ONLY, json.dumps(folders))
    return decide_mail_only(connection, folders)


def decide_mail_only(
    connection: Connection, folders: Collection[str], sequences: Collection[int] | None = None
) -> list[int]:
    """Hide articles from all but editions if every file of theirs is in these folders.

    Others are shown again. Return the articles for which that changed, of these sequences or
    (None) of all.
    """
    of_article = file.c.article == article_state.c.article
    inside = or_(false(), *(file.c.path.startswith(name, autoescape=True) for name in folders))
    wanted = exists().where(of_article, inside) & ~exists().where(of_article, ~inside)
    marked = article_state.c.hidden.bitwise_and(int(Hidden.MAIL_ONLY)) != 0
    changed = []
    for hidden in (True, False):
        differs = wanted & ~marked if hidden else ~wanted & marked
        query = select(article_state.c.article).where(differs)
        rows = (
            connection.execute(query)
            if sequences is None
            else among(connection, query, article_state.c.article, sequences)
        )
        numbers = [row.article for row in rows]
        set_hidden(connection, numbers, Hidden.MAIL_ONLY, hidden=hidden)
        changed += numbers
    return changed


def announced() -> ColumnElement[bool]:
    """Return the condition that an edition takes an article of a query as a new one."""
    return exists().where(article_state.c.article == article.c.id, article_state.c.announced)


def set_hidden(
    connection: Connection, sequences: Collection[int], reason: Hidden, *, hidden: bool
) -> None:
    """Set or clear a reason to hide these articles."""
    flags = article_state.c.hidden.bitwise_and(~int(reason))
    if hidden:
        flags = article_state.c.hidden.bitwise_or(int(reason))
    for chunk in chunks(sorted(sequences)):
        these = article_state.c.article.in_(chunk)
        connection.execute(update(article_state).where(these).values(hidden=flags))
