"""Search: the page of results and their feed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol
from urllib.parse import quote

from digest.articles.ingest.records import Revision
from digest.articles.model import Article, Position
from digest.articles.search_terms import SearchQuery, search_query
from digest.feeds.archive import ALONE, Content
from digest.feeds.catalog import FeedPlan
from digest.feeds.model import MEDIA_TYPES, RSS, Feed
from digest.feeds.rss_atom import last_change, rss, rss_item
from digest.urls import SEARCH
from digest.web.model import UNLISTED, Page, Parameters
from digest.web.pages import WebPages

#: Articles on a page of results, and in their feed.
RESULTS = 20
#: Seconds for which a client may use the feed: as for the feeds themselves.
_FEED_MAX_AGE = 300
#: The index follows the articles without a content revision: its state is looked at each time.
_LASTS = timedelta(microseconds=1)


class SearchSource(Protocol):
    """The part of the store that search uses. Every method raises StoreError."""

    def current(self) -> Revision:
        """Return the revision of all published content."""

    def search_state(self) -> str:
        """Return the version of the search index; empty until there is one."""

    def search(self, query: SearchQuery, before: Position | None, limit: int) -> list[Article]:
        """Return the newest articles with all terms of a query, after a position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFeed(Feed):
    """The feed of a query's results."""

    query: str

    @property
    def title(self) -> str:
        """The query, and the site's title."""
        return f"{self.query} · {self.site.title}"

    def link(self, name: str = "") -> str:
        """Return the absolute address of the feed; of the page of results without ``name``."""
        return f"{self.site.url}/{search_path(self.query, name)}"


def search_path(query: str, name: str = "") -> str:
    """Return the address of a query's results, or their feed, relative to the site."""
    return f"{SEARCH}/{name}?q={quote(query, safe='')}" if query else f"{SEARCH}/{name}"


def search_page(source: SearchSource, parameters: Parameters, pages: WebPages) -> Page:
    """Return the page of results; without a query only the form."""
    query = search_query(parameters.query)
    return _page(source, partial(_results, source, query, parameters.before, pages))


def search_feed(source: SearchSource, parameters: Parameters, plan: FeedPlan) -> Page:
    """Return the feed of a query's results, with summaries, as RSS."""
    page = _page(source, partial(_feed, source, search_query(parameters.query), plan))
    media_type = f"{MEDIA_TYPES[RSS]}; charset=utf-8"
    return replace(page, media_type=media_type, max_age=_FEED_MAX_AGE)


def _page(source: SearchSource, render: partial[bytes]) -> Page:
    revision = source.current()
    return Page(
        version=f"{revision.number}.{source.search_state()}",
        changed_at=revision.changed_at,
        render=render,
        headers=UNLISTED,
        dated=False,
        lasts=_LASTS,
    )


def _results(
    source: SearchSource, query: SearchQuery, before: Position | None, pages: WebPages
) -> bytes:
    articles = source.search(query, before, RESULTS + 1)
    older = articles[RESULTS - 1].position if len(articles) > RESULTS else None
    ready = bool(source.search_state())
    return pages.search(query, articles[:RESULTS], before=before, older=older, ready=ready)


def _feed(source: SearchSource, query: SearchQuery, plan: FeedPlan) -> bytes:
    articles = source.search(query, None, RESULTS)
    feed = SearchFeed(
        query=query.text,
        site=replace(plan.site, hubs=()),  # no hub is told of it
        full=False,
        formats=(RSS,),
        limit=RESULTS,
        ttl=plan.ttl,
    )
    changed_at = last_change((article.updated_at, article.sequence) for article in articles)
    content = Content(changed_at=changed_at, gone=(), place=ALONE)
    return rss(feed, [rss_item(feed, article) for article in articles], content)
