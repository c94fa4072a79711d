"""Editions: make one, with its articles and its readers, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from digest.articles.model import CategoryPath
from digest.mail.delivery import DeliveryState
from digest.mail.edition import Digest, Edition, EditionState
from digest.mail.subscriber import SubscriberState
from digest.store.reading import gone, newest_sequence, selected
from digest.store.schema import (
    article,
    category,
    delivery,
    digest,
    edition,
    edition_article,
    membership,
    subscriber,
)
from digest.store.statements import insert_new


def start(connection: Connection, names: Collection[str], now: datetime) -> None:
    """Let the digests that are not known yet begin at the newest article."""
    newest = newest_sequence(connection)
    rows = [{"name": name, "start": newest, "started_at": now} for name in sorted(set(names))]
    insert_new(connection, digest, rows, key="name")


def make(
    connection: Connection, issue: Digest, due_at: datetime, now: datetime, latest: int | None
) -> int | None:
    """Make the edition due at a moment and return its id; None where it was made before.

    It is left open, even where it has nobody to go to.
    """
    made = select(edition.c.id).where(edition.c.digest == issue.name, edition.c.due_at == due_at)
    if connection.scalar(made) is not None:
        return None
    after = _checkpoint(connection, issue.name, now)
    upto = max(after, newest_sequence(connection))
    sequences = _select(connection, issue.categories, after, upto, latest)
    statement = edition.insert().values(
        digest=issue.name,
        number=_next_number(connection, issue.name) if sequences else 0,
        due_at=due_at,
        created_at=now,
        after=after,
        upto=upto,
        state=EditionState.OPEN if sequences else EditionState.EMPTY,
    )
    made_id = int(connection.execute(statement.returning(edition.c.id)).scalar_one())
    if sequences:
        rows = [{"edition": made_id, "article": sequence} for sequence in sequences]
        connection.execute(edition_article.insert(), rows)
        _address(connection, made_id, issue.name, now)
    return made_id


def held(edition_id: int) -> Select[Any]:
    """Return the query of the sequences that an edition holds."""
    return select(edition_article.c.article).where(edition_article.c.edition == edition_id)


def from_row(row: Row[Any]) -> Edition:
    """Return the edition of a row with the columns of the table."""
    return Edition(
        id=row.id,
        digest=row.digest,
        number=row.number,
        due_at=row.due_at,
        created_at=row.created_at,
        after=row.after,
        upto=row.upto,
        state=EditionState(row.state),
    )


def taken_upto(connection: Connection, name: str) -> int | None:
    """Return where the last edition of a digest ended, or where it begins; None: not begun yet."""
    last = select(edition.c.upto).where(edition.c.digest == name)
    upto = connection.scalar(last.order_by(edition.c.id.desc()).limit(1))
    if upto is None:
        upto = connection.scalar(select(digest.c.start).where(digest.c.name == name))
    return upto


def _checkpoint(connection: Connection, name: str, now: datetime) -> int:
    """Return where a digest's next edition starts; one not begun yet begins here and now."""
    upto = taken_upto(connection, name)
    if upto is None:
        start(connection, [name], now)
        upto = connection.scalars(select(digest.c.start).where(digest.c.name == name)).one()
    return upto


def _select(
    connection: Connection,
    categories: tuple[CategoryPath, ...],
    after: int,
    upto: int,
    latest: int | None,
) -> list[int]:
    """Return the sequences of an edition's articles."""
    query = selected(select(article.c.id), categories).where(article.c.id <= upto, ~gone())
    if latest is None:
        query = query.where(article.c.id > after)
    else:
        query = query.order_by(article.c.id.desc()).limit(latest)
    return list(connection.scalars(query))


def _next_number(connection: Connection, name: str) -> int:
    numbers = select(func.max(edition.c.number)).where(edition.c.digest == name)
    return int(connection.scalar(numbers) or 0) + 1


def _address(connection: Connection, edition_id: int, name: str, now: datetime) -> None:
    """Queue a delivery for every active subscriber with something to read.

    A membership stands for every level, so a subscriber's category selects an article exactly
    where it is among these (``mail.edition.selects``, asked once for all articles).
    """
    of_articles = select(membership.c.category).where(membership.c.article.in_(held(edition_id)))
    names = connection.scalars(select(category.c.names).where(category.c.id.in_(of_articles)))
    told = {CategoryPath(path) for path in names}
    readers = connection.execute(
        select(subscriber.c.id, subscriber.c.categories)
        .where(subscriber.c.digest == name, subscriber.c.state == SubscriberState.ACTIVE)
        .order_by(subscriber.c.id)
    )
    rows = [
        {
            "edition": edition_id,
            "subscriber": reader,
            "state": DeliveryState.QUEUED,
            "attempts": 0,
            "created_at": now,
            "due_at": now,
            "changed_at": now,
        }
        for reader, categories in readers
        if not categories or not told.isdisjoint(categories)
    ]
    if rows:
        connection.execute(delivery.insert(), rows)
