"""Short ways to what a store holds, and to how deliveries end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.articles.ingest.records import ContentRevision
from digest.articles.model import (
    Article,
    ArticleKey,
    CategoryPath,
    Facet,
    FacetKind,
    Scope,
    Tombstone,
)
from digest.editions.delivery import DeliveryResult, DeliveryState
from digest.editions.model import Edition
from digest.feeds.model import CategorySummary, FacetSummary, Feed
from digest.store.database import Store
from digest.store.schema import subscriber
from digest.store.subscriber_addition import change_state
from digest.subscribers.model import SubscriberState
from tests.defaults import default_feed
from tests.feeds.samples import SITE


def newest(store: Store, scope: Scope, limit: int) -> list[Article]:
    """Return the newest articles of a scope by publication, then sequence."""
    with store.pages.snapshot() as snapshot:
        return snapshot.newest(scope, limit)


def since(store: Store, after: int = 0, categories: Collection[CategoryPath] = ()) -> list[Article]:
    """Return the articles with a greater sequence in any of these categories, or all, in order."""
    with store.pages.snapshot() as snapshot:
        return snapshot.since(after, categories)


def latest(store: Store, categories: Collection[CategoryPath], limit: int) -> list[Article]:
    """Return the newest articles by sequence in any of these categories, or of all."""
    with store.pages.snapshot() as snapshot:
        return snapshot.latest(categories, limit)


def articles(store: Store, keys: Collection[str]) -> list[Article]:
    """Return the articles with these keys, in order of sequence."""
    return [article for article in since(store) if article.key in keys]


def keys(store: Store) -> list[ArticleKey]:
    """Return the keys of all articles that are shown, in order of sequence."""
    return [article.key for article in since(store)]


def newest_sequence(store: Store) -> int:
    """Return the sequence of the newest article, 0 where there is none."""
    return max((article.sequence for article in since(store)), default=0)


def categories(store: Store) -> list[CategorySummary]:
    """Return every category that shows an article, in order."""
    with store.pages.snapshot() as snapshot:
        return snapshot.categories(None)


def facets(store: Store, kinds: Collection[FacetKind]) -> list[FacetSummary]:
    """Return every facet of these kinds that shows an article, in order."""
    with store.pages.snapshot() as snapshot:
        return snapshot.facets(kinds)


def tombstones(store: Store, scope: Scope, limit: int) -> list[Tombstone]:
    """Return what is left of withdrawn articles of a scope, the last first."""
    if isinstance(scope, Facet):
        feed = default_feed(site=SITE, facet=scope, limit=limit)
    else:
        feed = default_feed(site=SITE, category=scope, limit=limit)
    with store.pages.snapshot() as snapshot:
        return list(snapshot.contents(feed).gone)


def taken_upto(store: Store, digest: str) -> int | None:
    """Return the sequence that a digest's next edition starts behind; None: not begun yet."""
    with store.pages.snapshot() as snapshot:
        return snapshot.taken_upto(digest)


def current(store: Store) -> ContentRevision:
    """Return the revision of all published content."""
    with store.pages.snapshot() as snapshot:
        return snapshot.current()


def of_selection(store: Store, selection: Scope) -> ContentRevision:
    """Return when the articles of a category, a facet or (None) everything changed."""
    with store.pages.snapshot() as snapshot:
        return snapshot.of_selection(selection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What an archive holds, with its articles."""

    articles: list[Article]  #: the newest by publication first
    gone: Sequence[Tombstone]  #: the last withdrawn first


def archived(store: Store, feed: Feed, number: int) -> Archived:
    """Return what an archive of a feed holds."""
    with store.pages.snapshot() as snapshot:
        held = snapshot.archived(feed, number)
        sequences = [one.sequence for one in held.versions]
        articles = {one.sequence: one for one in snapshot.articles_of(sequences)}
    return Archived(articles=[articles[one] for one in sequences], gone=held.gone)


def editions(store: Store, digest: str | None, limit: int) -> list[Edition]:
    """Return the newest editions of one digest or all, newest first."""
    return [standing.edition for standing in store.reports.listed(digest, limit)]


def settle(
    store: Store,
    delivery_id: int,
    state: DeliveryState,
    now: datetime,
    *,
    next_attempt_at: datetime | None = None,
    error: str | None = None,
    bounced: bool = False,
    refused: bool = False,
) -> bool:
    """Say how one attempt ended; False where the delivery was not ``sending``."""
    settlement = DeliveryResult(
        delivery_id=delivery_id,
        state=state,
        next_attempt_at=next_attempt_at,
        error=error,
        bounced=bounced,
        refused=refused,
    )
    return bool(store.deliveries.record_results([settlement], now))


def states(store: Store, edition_id: int) -> Mapping[DeliveryState, int]:
    """Return how many deliveries of an edition stand in each state, 0 included."""
    standing = store.reports.status(edition_id)
    assert standing is not None
    return standing.states


def suppress(store: Store, subscriber_id: int, now: datetime) -> None:
    """Suppress a subscription, as a server's answer does."""
    with store.subscribers._database.write() as connection:
        mine = subscriber.c.id == subscriber_id
        change_state(connection, mine, SubscriberState.SUPPRESSED, now, "550 no such user")
