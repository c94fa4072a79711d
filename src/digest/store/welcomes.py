"""Welcomes: what new subscribers are sent before their first edition."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from digest.articles.model import CategoryPath
from digest.editions.model import Digest, EditionState
from digest.store import editions
from digest.store.article_queries import selected
from digest.store.connection import Database, Lock
from digest.store.schema import article, edition, edition_article, subscriber
from digest.store.types import chunks
from digest.store.visibility import visible
from digest.subscribers.model import SubscriberState

#: The smallest step between two moments that the store tells apart.
_STEP = timedelta(microseconds=1)


class Welcomes:
    """Queues welcomes for those who are owed one. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, digest: Digest, now: datetime) -> int:
        """Queue a welcome for each new subscriber of a digest; return how many there are.

        It holds the latest articles in a subscriber's categories that no edition to come will hold,
        that are young enough for one, and that were not cancelled. Where the digest has no
        welcome, or nothing to show, nobody is owed one any more.
        """
        owed = select(subscriber.c.id).where(
            subscriber.c.welcome, subscriber.c.digest == digest.name
        )
        with self._database.read() as connection:
            if connection.scalar(owed.limit(1)) is None:
                return 0
        queued = 0
        with self._database.write(Lock.OUTBOX) as connection:
            known = list(connection.scalars(owed.order_by(subscriber.c.id)))
            for categories, readers in _by_categories(connection, known).items():
                sequences = _latest(connection, digest, categories, now)
                if sequences:
                    made = _make(connection, digest, sequences, now)
                    editions.queue(connection, made, [(reader, now) for reader in readers], now)
                    queued += len(readers)
            for chunk in chunks(known):
                connection.execute(
                    update(subscriber).where(subscriber.c.id.in_(chunk)).values(welcome=False)
                )
        return queued


def _by_categories(
    connection: Connection, readers: Sequence[int]
) -> dict[tuple[CategoryPath, ...], list[int]]:
    """Return those of the subscribers who are active, by the categories they read."""
    query = select(subscriber.c.id, subscriber.c.categories).where(
        subscriber.c.state == SubscriberState.ACTIVE
    )
    found: dict[tuple[CategoryPath, ...], list[int]] = {}
    for chunk in chunks(readers):
        for reader, categories in connection.execute(query.where(subscriber.c.id.in_(chunk))):
            found.setdefault(categories, []).append(reader)
    return found


def _latest(
    connection: Connection,
    digest: Digest,
    categories: tuple[CategoryPath, ...],
    now: datetime,
) -> list[int]:
    """Return the sequences of the latest articles that are in no edition to come, or waiting."""
    upto = _told_upto(connection, digest.name)
    if not digest.welcome or upto is None:
        return []
    cancelled = (
        select(edition_article.c.article)
        .join(edition, edition.c.id == edition_article.c.edition)
        .where(
            edition_article.c.article == article.c.id,
            edition.c.digest == digest.name,
            edition.c.cancelled_at.is_not(None),
        )
    )
    query = selected(selected(select(article.c.id), digest.categories), categories)
    query = query.where(article.c.id <= upto, visible(), ~cancelled.exists())
    if digest.max_age is not None:
        query = query.where(article.c.published_at >= now - digest.max_age)
    return list(connection.scalars(query.order_by(article.c.id.desc()).limit(digest.welcome)))


def _told_upto(connection: Connection, name: str) -> int | None:
    """Return the last sequence that no edition to come can hold; None: the digest has not begun.

    A draft goes to those too who are subscribed when it is approved.
    """
    draft = select(func.min(edition.c.after)).where(
        edition.c.digest == name, edition.c.state == EditionState.DRAFT
    )
    waiting: int | None = connection.scalar(draft)
    return editions.taken_upto(connection, name) if waiting is None else waiting


def _make(connection: Connection, digest: Digest, sequences: Collection[int], now: datetime) -> int:
    """Return the id of a new edition that welcomes; it moves no checkpoint."""
    upto = editions.taken_upto(connection, digest.name) or 0
    taken = select(edition.c.due_at).where(edition.c.digest == digest.name)
    # A run of a schedule comes on a whole minute: that moment stays free for its edition.
    due_at = now if now.microsecond else now + _STEP
    while connection.scalar(taken.where(edition.c.due_at == due_at)) is not None:
        due_at += _STEP
    statement = edition.insert().values(
        digest=digest.name,
        number=0,
        due_at=due_at,
        created_at=now,
        after=upto,
        upto=upto,
        state=EditionState.OPEN,
        reported_at=now,  # of no edition is there so little to report
        welcome=True,
    )
    made = int(connection.execute(statement.returning(edition.c.id)).scalar_one())
    editions.hold(connection, made, sequences)
    return made
