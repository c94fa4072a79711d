"""Editions: make them, approve, drop, cancel and send them again; and welcome editions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, delete, func, null, or_, select, update

from digest.articles.model import Article, CategoryPath
from digest.editions.delivery import REOPENS, DeliveryState
from digest.editions.model import Digest, Edition, EditionState
from digest.store import edition_rows
from digest.store.article_queries import NEWEST_FIRST, of_edition, selected
from digest.store.connection import Database, Lock
from digest.store.deliveries import call_back
from digest.store.delivery_rows import close
from digest.store.revisions import advance
from digest.store.schema import (
    article,
    delivery,
    digest,
    edition,
    edition_article,
    edition_note,
    subscriber,
)
from digest.store.types import chunks
from digest.store.visibility import mailable
from digest.subscribers.model import SubscriberState

#: The smallest difference between two moments in the store.
_MICROSECOND = timedelta(microseconds=1)


class EditionStore:
    """Stores editions and the decisions on them. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start_digests(self, names: Collection[str], now: datetime) -> None:
        """Start digests that are not stored yet: their editions contain only later articles."""
        if not names:
            return
        with self._database.read() as connection:
            known = set(connection.scalars(select(digest.c.name)))
        if not known.issuperset(names):
            with self._database.write(Lock.DELIVERIES) as connection:
                edition_rows.start(connection, names, now)

    def started_at(self, name: str) -> datetime | None:
        """Return when a digest was started, aware UTC; None if it was not."""
        with self._database.read() as connection:
            return connection.scalar(select(digest.c.started_at).where(digest.c.name == name))

    def last_due_at(
        self, name: str, until: datetime, *, scheduled: bool = False
    ) -> datetime | None:
        """Return when a digest's last edition was due, empty ones included; None if there is none.

        Editions due after ``until`` are ignored: they were made while the clock was wrong.
        ``scheduled`` leaves out those that were made by hand.
        """
        query = select(edition.c.due_at).where(
            edition.c.digest == name, edition.c.due_at <= until, ~edition.c.welcome
        )
        if scheduled:
            query = query.where(~edition.c.by_hand)
        with self._database.read() as connection:
            return connection.scalar(query.order_by(edition.c.due_at.desc()).limit(1))

    def open_edition(
        self,
        digest: Digest,
        due_at: datetime,
        now: datetime,
        *,
        latest: int | None = None,
        by_hand: bool = False,
    ) -> Edition | None:
        """Make the edition due at a moment, with its deliveries, all or nothing.

        Its interval of the sequence starts where the last one ended, or at the newest article if
        the digest was never started. It contains the articles of the interval that the digest
        selects (with ``latest``, that many newest articles instead, inside the interval or not);
        either way the next edition starts behind it. With fewer articles than the digest's
        ``min_items`` it is empty, and the next edition contains them. If the digest requires
        approval, it is a draft without deliveries. ``by_hand`` overrides both. Returns None if
        ``(digest, due_at)`` was made before.
        """
        with self._database.write(Lock.DELIVERIES) as connection:
            made = edition_rows.make(
                connection, digest, due_at, now, latest=latest, by_hand=by_hand
            )
            if made is None:
                return None
            advance(connection, now)
            close(connection, now)
            row = connection.execute(select(edition).where(edition.c.id == made)).one()
            return edition_rows.from_row(row)

    def edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        """Return an edition and its articles as they are now, in order of sequence.

        Raises LookupError if there is no such id.
        """
        with self._database.read() as connection:
            row = connection.execute(
                select(edition).where(edition.c.id == edition_id)
            ).one_or_none()
            if row is None:
                raise LookupError(f"there is no edition {edition_id}")
            return edition_rows.from_row(row), of_edition(
                connection, edition_rows.edition_articles(edition_id), mailed=True
            )

    def drafts(self) -> list[tuple[Edition, bool]]:
        """Return the drafts, oldest first, each with whether the operator was asked about it."""
        query = select(edition).where(edition.c.state == EditionState.DRAFT).order_by(edition.c.id)
        with self._database.read() as connection:
            return [
                (edition_rows.from_row(row), row.announced_at is not None)
                for row in connection.execute(query)
            ]

    def readers(self, edition_id: int, digest: str) -> int:
        """Return the number of subscribers that an edition would go to now."""
        due = select(edition.c.due_at).where(edition.c.id == edition_id)
        with self._database.read() as connection:
            due_at = connection.scalar(due)
            return sum(
                paused_until is None or due_at is None or paused_until <= due_at
                for _, _, paused_until in edition_rows.readers(connection, edition_id, digest)
            )

    def note(self, digest: str) -> str | None:
        """Return the note for a digest's next edition; None if there is none."""
        query = select(edition_note.c.text).where(edition_note.c.digest == digest)
        with self._database.read() as connection:
            return connection.scalar(query)

    def write_note(self, digest: str, text: str) -> None:
        """Set the note of a digest's next edition; an empty text deletes it."""
        with self._database.write(Lock.DELIVERIES) as connection:
            connection.execute(delete(edition_note).where(edition_note.c.digest == digest))
            if text:
                connection.execute(edition_note.insert().values(digest=digest, text=text))

    def unsubscribed(self, edition_id: int) -> int:
        """Return how many readers of an edition unsubscribed before they got the next one."""
        later = delivery.alias()
        next_sent = select(later.c.id).where(
            later.c.subscriber == subscriber.c.id,
            later.c.state == DeliveryState.SENT,
            later.c.id > delivery.c.id,
            later.c.changed_at <= subscriber.c.since,
        )
        query = (
            select(func.count())
            .select_from(delivery.join(subscriber, subscriber.c.id == delivery.c.subscriber))
            .where(
                delivery.c.edition == edition_id,
                delivery.c.state == DeliveryState.SENT,
                subscriber.c.state == SubscriberState.UNSUBSCRIBED,
                subscriber.c.since >= delivery.c.changed_at,
                ~next_sent.exists(),
            )
        )
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def mark_announced(self, edition_id: int, now: datetime) -> None:
        """Record that the operator was asked to approve an edition."""
        statement = update(edition).where(edition.c.id == edition_id).values(announced_at=now)
        with self._database.write(Lock.DELIVERIES) as connection:
            connection.execute(statement)

    def approve(self, edition_id: int, digest: Digest, now: datetime) -> bool:
        """Open a draft to all current subscribers; return False if it is no draft."""
        with self._database.write(Lock.DELIVERIES) as connection:
            if not _decide(connection, edition_id, state=EditionState.OPEN):
                return False
            edition_rows.queue_for_readers(connection, edition_id, digest, now)
            advance(connection, now)
            close(connection, now)
            return True

    def drop(self, edition_id: int, now: datetime) -> bool:
        """Cancel a draft; return False if it is no draft, or no longer one.

        Its articles come in no other edition.
        """
        with self._database.write(Lock.DELIVERIES) as connection:
            return _drop(connection, edition_id, now)

    def cancel(self, edition_id: int, now: datetime) -> bool:
        """Drop a draft, or end the deliveries not sent yet; return False if nothing is left.

        Its articles come in no other edition. A message being sent at this moment still arrives.
        """
        cancelled = update(edition).where(
            edition.c.id == edition_id,
            edition.c.state == EditionState.OPEN,
            edition.c.cancelled_at.is_(None),
        )
        with self._database.write(Lock.DELIVERIES) as connection:
            if _drop(connection, edition_id, now):
                return True
            if not connection.execute(cancelled.values(cancelled_at=now)).rowcount:
                return False
            call_back(connection, edition_id, now)
            advance(connection, now)
            close(connection, now)
            return True

    def resend(self, edition_id: int, now: datetime) -> int:
        """Queue failed and expired deliveries to active subscribers again; return their number.

        Each has its full time to live again and keeps its Message-ID. Nothing of a cancelled
        edition is queued.
        """
        active = select(subscriber.c.id).where(
            subscriber.c.id == delivery.c.subscriber,
            subscriber.c.state == SubscriberState.ACTIVE,
        )
        not_cancelled = select(edition.c.id).where(
            edition.c.state.in_([EditionState.OPEN, EditionState.DONE]),
            edition.c.cancelled_at.is_(None),
        )
        statement = (
            update(delivery)
            .where(
                delivery.c.edition == edition_id,
                delivery.c.edition.in_(not_cancelled),
                delivery.c.state.in_(REOPENS),
                active.exists(),
            )
            .values(
                state=DeliveryState.QUEUED,
                attempts=0,
                created_at=now,
                due_at=now,
                changed_at=now,
                error=None,
            )
        )
        reopened = (
            update(edition)
            .where(edition.c.id == edition_id)
            .values(
                state=EditionState.OPEN,
                reported_at=case((edition.c.welcome, edition.c.reported_at), else_=null()),
            )
        )
        with self._database.write(Lock.DELIVERIES) as connection:
            queued = connection.execute(statement).rowcount
            if queued:
                connection.execute(reopened)
            return queued

    def queue_welcomes(self, digest: Digest, now: datetime) -> int:
        """Queue a welcome for each new subscriber of a digest; return their number.

        It holds the latest articles in a subscriber's categories that no future edition will hold,
        that are recent enough for an edition, and whose edition was not cancelled. If the digest
        has no welcome, or nothing to show, its new subscribers get none later either.
        """
        owed = select(subscriber.c.id).where(
            subscriber.c.welcome, subscriber.c.digest == digest.name
        )
        with self._database.read() as connection:
            if connection.scalar(owed.limit(1)) is None:
                return 0
        queued = 0
        with self._database.write(Lock.DELIVERIES) as connection:
            new = list(connection.scalars(owed.order_by(subscriber.c.id)))
            for categories, readers in _by_categories(connection, new, now).items():
                sequences = _latest(connection, digest, categories, now)
                if sequences:
                    welcome_id = _make_welcome(connection, digest, sequences, now)
                    deliveries = [(reader, now) for reader in readers]
                    edition_rows.queue(connection, welcome_id, deliveries, now)
                    queued += len(readers)
            for chunk in chunks(new):
                connection.execute(
                    update(subscriber).where(subscriber.c.id.in_(chunk)).values(welcome=False)
                )
        return queued


def _decide(connection: Connection, edition_id: int, **values: Any) -> bool:
    """Update a draft; return False if the edition is no draft."""
    draft = (edition.c.id == edition_id) & (edition.c.state == EditionState.DRAFT)
    return connection.execute(update(edition).where(draft).values(values)).rowcount == 1


def _drop(connection: Connection, edition_id: int, now: datetime) -> bool:
    return _decide(connection, edition_id, state=EditionState.CANCELLED, cancelled_at=now)


def _by_categories(
    connection: Connection, readers: Sequence[int], now: datetime
) -> dict[tuple[CategoryPath, ...], list[int]]:
    """Return those of these subscribers who get mail now, grouped by the categories they read."""
    query = select(subscriber.c.id, subscriber.c.categories).where(
        subscriber.c.state == SubscriberState.ACTIVE,
        or_(subscriber.c.paused_until.is_(None), subscriber.c.paused_until <= now),
    )
    groups: dict[tuple[CategoryPath, ...], list[int]] = {}
    for chunk in chunks(readers):
        for reader, categories in connection.execute(query.where(subscriber.c.id.in_(chunk))):
            groups.setdefault(categories, []).append(reader)
    return groups


def _latest(
    connection: Connection,
    digest: Digest,
    categories: tuple[CategoryPath, ...],
    now: datetime,
) -> list[int]:
    """Return the sequences of the latest articles by publication for a welcome.

    Articles of drafts are left out: a draft goes to everybody subscribed when it is approved.
    """
    drafted = select(func.min(edition.c.after)).where(
        edition.c.digest == digest.name, edition.c.state == EditionState.DRAFT
    )
    upto = connection.scalar(drafted)
    if upto is None:
        upto = edition_rows.taken_upto(connection, digest.name)
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
    query = query.where(article.c.id <= upto, mailable(), ~cancelled.exists())
    if digest.max_age is not None:
        query = query.where(article.c.published_at >= now - digest.max_age)
    return list(connection.scalars(query.order_by(*NEWEST_FIRST).limit(digest.welcome)))


def _make_welcome(
    connection: Connection, digest: Digest, sequences: Sequence[int], now: datetime
) -> int:
    """Make an open welcome edition and return its id; the digest's interval does not move."""
    upto = edition_rows.taken_upto(connection, digest.name) or 0
    taken = select(edition.c.due_at).where(edition.c.digest == digest.name)
    # Scheduled runs are due at whole minutes: those moments must stay free for them.
    due_at = now if now.microsecond else now + _MICROSECOND
    while connection.scalar(taken.where(edition.c.due_at == due_at)) is not None:
        due_at += _MICROSECOND
    statement = edition.insert().values(
        digest=digest.name,
        number=0,
        due_at=due_at,
        created_at=now,
        after=upto,
        upto=upto,
        state=EditionState.OPEN,
        reported_at=now,  # welcomes are not reported
        welcome=True,
    )
    welcome_id = int(connection.execute(statement.returning(edition.c.id)).scalar_one())
    edition_rows.add_articles(connection, welcome_id, sequences)
    return welcome_id
