"""Rows of editions: make and read them within the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, case, delete, func, or_, select, update

from digest.articles.model import CategoryPath
from digest.editions.delivery import DeliveryState
from digest.editions.model import Digest, Edition, EditionState, Issue
from digest.store.article_queries import NEWEST_FIRST, newest_sequence, selected
from digest.store.schema import (
    article,
    article_state,
    category,
    delivery,
    digest,
    edition,
    edition_article,
    edition_note,
    membership,
    subscriber,
)
from digest.store.statements import insert_new
from digest.store.visibility import announced, mailable, visible_state
from digest.subscribers.model import SubscriberState
from digest.times import known_zone, local_moment

_ISSUED = (EditionState.OPEN, EditionState.DONE)
#: States of deliveries that reached a mailbox, or may at any moment.
_THERE = (DeliveryState.SENT, DeliveryState.SENDING)


def start(connection: Connection, names: Collection[str], now: datetime) -> None:
    """Start digests that are not stored yet: their editions begin behind the newest article."""
    newest = newest_sequence(connection)
    rows = [{"name": name, "start": newest, "started_at": now} for name in sorted(set(names))]
    insert_new(connection, digest, rows, key="name")


def make(
    connection: Connection,
    issue: Digest,
    due_at: datetime,
    now: datetime,
    *,
    latest: int | None = None,
    by_hand: bool = False,
) -> int | None:
    """Make the edition due at a moment and return its id; None if there is one already.

    It is open, even without readers, or a draft if the digest wants approval. If there are fewer
    articles than ``min_items`` it is empty, and the next one takes them. ``by_hand`` overrides
    both, and the readers' own hours.
    """
    made = select(edition.c.id).where(edition.c.digest == issue.name, edition.c.due_at == due_at)
    if connection.scalar(made) is not None:
        return None
    after = _checkpoint(connection, issue.name, now)
    upto = max(after, newest_sequence(connection))
    sequences = _select(connection, issue, after, upto, latest, now)
    state = EditionState.OPEN if issue.approval is None or by_hand else EditionState.DRAFT
    if sequences and len(sequences) < issue.min_items and not by_hand:
        sequences, upto = [], after
    statement = edition.insert().values(
        digest=issue.name,
        number=_next_number(connection, issue.name) if sequences else 0,
        due_at=due_at,
        created_at=now,
        after=after,
        upto=upto,
        state=state if sequences else EditionState.EMPTY,
        by_hand=by_hand,
    )
    made_id = int(connection.execute(statement.returning(edition.c.id)).scalar_one())
    if sequences:
        add_articles(connection, made_id, sequences)
        _take_note(connection, made_id, issue.name)
        if state is EditionState.OPEN:
            queue_for_readers(
                connection, made_id, replace(issue, local=issue.local and not by_hand), now
            )
    return made_id


def _take_note(connection: Connection, edition_id: int, name: str) -> None:
    """Put the note that waits for a digest's next edition above this one."""
    text = connection.scalar(select(edition_note.c.text).where(edition_note.c.digest == name))
    if text is not None:
        connection.execute(update(edition).where(edition.c.id == edition_id).values(note=text))
        connection.execute(delete(edition_note).where(edition_note.c.digest == name))


def add_articles(connection: Connection, edition_id: int, sequences: Collection[int]) -> None:
    """Store the articles of a new edition."""
    rows = [{"edition": edition_id, "article": sequence} for sequence in sequences]
    connection.execute(edition_article.insert(), rows)


def edition_articles(edition_id: int) -> Select[Any]:
    """Return the query of the sequences of an edition's articles."""
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
        welcome=row.welcome,
        announced_at=row.announced_at,
        note=row.note,
        cancelled=row.cancelled_at is not None,
    )


def issued(connection: Connection, digest: str) -> list[Issue]:
    """Return the editions of a digest that went out or are going out, in order of number.

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
    contents = (
        select(
            edition_article.c.edition,
            func.sum(case((visible_state(), 1), else_=0)).label("articles"),
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
            func.coalesce(contents.c.articles, 0).label("articles"),
            func.coalesce(contents.c.revision, 0).label("revision"),
        )
        .outerjoin(contents, contents.c.edition == edition.c.id)
        .where(edition.c.digest == digest, edition.c.number > 0, shown)
        .order_by(edition.c.number)
    )
    return [
        Issue(edition=from_row(row), articles=row.articles, revision=row.revision)
        for row in connection.execute(query)
    ]


def leads(connection: Connection, digest: str) -> dict[int, str]:
    """Return the title that leads each edition of a digest, by the edition's id.

    It is that of the first pinned article, else of the newest one; hidden ones do not lead.
    """
    place = func.row_number().over(
        partition_by=edition_article.c.edition, order_by=(article.c.pinned.desc(), *NEWEST_FIRST)
    )
    placed = (
        select(edition_article.c.edition, article.c.title, place.label("place"))
        .join(edition, edition.c.id == edition_article.c.edition)
        .join(article, article.c.id == edition_article.c.article)
        .join(article_state, article_state.c.article == article.c.id)
        .where(edition.c.digest == digest, edition.c.number > 0, visible_state())
        .subquery()
    )
    query = select(placed.c.edition, placed.c.title).where(placed.c.place == 1)
    return {row.edition: row.title for row in connection.execute(query)}


def states(connection: Connection, edition_id: int | None = None) -> dict[DeliveryState, int]:
    """Return the number of deliveries in each state, 0 included, of an edition or of all."""
    query = select(delivery.c.state, func.count()).group_by(delivery.c.state)
    if edition_id is not None:
        query = query.where(delivery.c.edition == edition_id)
    counts = {DeliveryState(state): number for state, number in connection.execute(query)}
    return {state: counts.get(state, 0) for state in DeliveryState}


def taken_upto(connection: Connection, name: str) -> int | None:
    """Return the sequence that a digest's next edition starts behind; None if not started."""
    last = select(edition.c.upto).where(edition.c.digest == name)
    upto = connection.scalar(last.order_by(edition.c.id.desc()).limit(1))
    if upto is None:
        upto = connection.scalar(select(digest.c.start).where(digest.c.name == name))
    return upto


def _checkpoint(connection: Connection, name: str, now: datetime) -> int:
    """Return the sequence that a digest's next edition starts behind; start it if needed."""
    upto = taken_upto(connection, name)
    if upto is None:
        start(connection, [name], now)
        upto = connection.scalars(select(digest.c.start).where(digest.c.name == name)).one()
    return upto


def _select(
    connection: Connection,
    issue: Digest,
    after: int,
    upto: int,
    latest: int | None,
    now: datetime,
) -> list[int]:
    """Return the sequences of an edition's articles."""
    query = selected(select(article.c.id), issue.categories).where(article.c.id <= upto, mailable())
    if latest is not None:
        return list(connection.scalars(query.order_by(*NEWEST_FIRST).limit(latest)))
    query = query.where(article.c.id > after, announced())
    if issue.max_age is not None:
        query = query.where(article.c.published_at >= now - issue.max_age)
    return list(connection.scalars(query))


def _next_number(connection: Connection, name: str) -> int:
    numbers = select(func.max(edition.c.number)).where(edition.c.digest == name)
    return int(connection.scalar(numbers) or 0) + 1


def readers(
    connection: Connection, edition_id: int, name: str
) -> list[tuple[int, str | None, datetime | None]]:
    """Return who has something to read in an edition: (id, time zone, end of their pause).

    Articles have a membership at every level, so it is enough to look for a subscriber's
    categories among those of the articles (see ``editions.model.selects``).
    """
    of_articles = select(membership.c.category).where(
        membership.c.article.in_(edition_articles(edition_id))
    )
    names = connection.scalars(select(category.c.names).where(category.c.id.in_(of_articles)))
    present = {CategoryPath(path) for path in names}
    subscribers = connection.execute(
        select(
            subscriber.c.id,
            subscriber.c.categories,
            subscriber.c.timezone,
            subscriber.c.paused_until,
        )
        .where(subscriber.c.digest == name, subscriber.c.state == SubscriberState.ACTIVE)
        .order_by(subscriber.c.id)
    )
    return [
        (reader, timezone, paused_until)
        for reader, categories, timezone, paused_until in subscribers
        if not categories or not present.isdisjoint(categories)
    ]


def queue_for_readers(
    connection: Connection, edition_id: int, issue: Digest, now: datetime
) -> None:
    """Queue a delivery for each reader whose pause, if any, ends before their edition is due."""
    due_at = connection.scalars(select(edition.c.due_at).where(edition.c.id == edition_id)).one()
    hours = _Hours(issue, due_at)
    deliveries = [
        (reader, max(hours.of(timezone), now) if issue.local else now)
        for reader, timezone, paused_until in readers(connection, edition_id, issue.name)
        if paused_until is None or paused_until <= hours.of(timezone)
    ]
    queue(connection, edition_id, deliveries, now)


def queue(
    connection: Connection,
    edition_id: int,
    begin: Sequence[tuple[int, datetime]],
    now: datetime,
) -> None:
    """Queue deliveries of an edition, each to a subscriber at a moment; cancel their welcomes."""
    rows = [
        {
            "edition": edition_id,
            "subscriber": reader,
            "state": DeliveryState.QUEUED,
            "attempts": 0,
            "created_at": begin_at,
            "due_at": begin_at,
            "changed_at": now,
        }
        for reader, begin_at in begin
    ]
    if rows:
        connection.execute(delivery.insert(), rows)
        reached = select(delivery.c.subscriber).where(delivery.c.edition == edition_id)
        owed = update(subscriber).where(subscriber.c.welcome, subscriber.c.id.in_(reached))
        connection.execute(owed.values(welcome=False))


class _Hours:
    """Computes when an edition is due: for all, or at the wall time of the reader's zone."""

    def __init__(self, issue: Digest, due_at: datetime) -> None:
        self._reference = ZoneInfo(issue.timezone) if issue.local else None
        self._due_at = due_at
        self._known: dict[str | None, datetime] = {}

    def of(self, timezone: str | None) -> datetime:
        """Return when it is due for a reader in a zone."""
        if self._reference is None:
            return self._due_at
        if timezone not in self._known:
            zone = (known_zone(timezone) if timezone else None) or self._reference
            self._known[timezone] = local_moment(self._due_at, self._reference, zone)
        return self._known[timezone]
