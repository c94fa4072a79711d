"""Pages of feeds, the front page among them, documents of their archives, results of searches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol
from urllib.parse import quote

from digest.articles.ingest.records import ContentRevision
from digest.articles.model import Article, CategoryPath, Facet, FacetKind, Position, Scope
from digest.articles.search_terms import SearchQuery, search_query
from digest.feeds.archive import ALONE, ArchiveContents, Content, Place
from digest.feeds.catalog import FeedPlan, FeedSummary, article_counts
from digest.feeds.formats import FORMATS
from digest.feeds.model import (
    FACET_FOLDERS,
    MEDIA_TYPES,
    RSS,
    CategorySummary,
    FacetSummary,
    Feed,
)
from digest.feeds.publish.documents import FeedDocuments
from digest.feeds.rss_atom import last_change, rss, rss_item
from digest.urls import SEARCH
from digest.web.model import UNLISTED, Missing, Page, Parameters, Turn
from digest.web.pages import WebPages

_KINDS = {folder: kind for kind, folder in FACET_FOLDERS.items()}
#: Of what a page can name all: not of authors.
_FEW = frozenset({FacetKind.LANGUAGE, FacetKind.CUSTOM})
#: Seconds for which a client may use what it has: as for the feeds themselves.
_MAX_AGE = 300
#: Articles on a page of results, and in their feed.
RESULTS = 20
#: The index follows the articles without a content revision: its state is looked at each time.
_RESULTS_LAST = timedelta(microseconds=1)


class SelectionSource(Protocol):
    """The part of the store that feed pages use. Every method raises StoreError."""

    def of_selection(self, selection: Scope) -> ContentRevision:
        """Return the last change of articles in a category, a facet or (None) the whole site."""

    def category(self, folder: str) -> CategoryPath | None:
        """Return the category with a folder (``CategoryPath.folder``)."""

    def facet(self, kind: FacetKind, name: str) -> Facet | None:
        """Return the author, language or article filter whose slug is ``name``; None if unknown."""

    def is_empty(self, selection: Scope) -> bool:
        """Return whether a selection shows no article."""

    def newest(self, selection: Scope, limit: int) -> list[Article]:
        """Return the newest articles of a selection by publication, then sequence."""

    def near(
        self, selection: Scope, position: Position, limit: int, *, newer: bool
    ) -> list[Article]:
        """Return the articles after a position by publication, newest first, or (``newer``) before.

        The nearest come first.
        """

    def categories(self, below: CategoryPath | None) -> list[CategorySummary]:
        """Return the children of a category, or (None) all, that have a visible article, sorted."""

    def facets(self, kinds: Collection[FacetKind]) -> list[FacetSummary]:
        """Return the authors, languages and article filters that have a visible article."""


def find_feed(source: SelectionSource, plan: FeedPlan, folder: str) -> Feed | None:
    """Return the feed with a folder below ``feeds/``, without slashes around; None if unknown."""
    selection: Scope = None
    if folder:
        top, _, rest = folder.partition("/")
        if kind := _KINDS.get(top):
            known = custom_feed(plan, rest) if kind is FacetKind.CUSTOM else None
            selection = known or source.facet(kind, rest)
        else:
            selection = source.category(unescaped(folder))
        if selection is None:
            return None
    feed = plan.feed(selection)
    return feed if feed and _is_there(source, plan, feed) else None


def feed_page(
    source: SelectionSource,
    feed: Feed | None,
    plan: FeedPlan,
    pages: WebPages,
    parameters: Parameters | None = None,
) -> Page:
    """Return a feed's page; without a feed the front page.

    Without ``parameters`` it is the only page, which links to no older articles.
    """
    shown = feed or plan.feed(None)
    assert shown is not None  # noqa: S101 everything always has a feed
    revision = source.of_selection(depends_on(shown))
    if feed is None:
        render = partial(_front, source, shown, pages)
    else:
        render = partial(_feed, source, shown, plan, pages, parameters)
    return Page(
        # The moment too: a database that was restored gives the same number again.
        version=f"{revision.number}.{revision.changed_at.timestamp():.0f}",
        changed_at=revision.changed_at,
        render=render,
    )


def depends_on(feed: Feed) -> Scope:
    """Return the selection whose content revision decides whether a feed's page is current."""
    # Whether a language has a feed hangs upon the others, and so does what is named beside it.
    return None if feed.kind == FacetKind.LANGUAGE else feed.scope


def custom_feed(plan: FeedPlan, name: str) -> Facet | None:
    """Return the facet of an article filter; its feed exists before its first article."""
    facets = (custom.facet for custom in plan.custom)
    return next((facet for facet in facets if facet.name == name), None)


def unescaped(folder: str) -> str:
    """Return the category's folder for a path; ``%40`` escapes the names that facets have."""
    top, slash, rest = folder.partition("/")
    own = f"@{top[3:]}" if top.startswith("%40") else top
    if own.casefold() in _KINDS:
        # The bare name is no category's: it is the facets', and in another case nobody's.
        return f"{own}{slash}{rest}" if own != top else ""
    return folder


def _is_there(source: SelectionSource, plan: FeedPlan, feed: Feed) -> bool:
    if feed.kind == FacetKind.LANGUAGE:
        return feed.scope in article_counts(plan, (), source.facets([FacetKind.LANGUAGE]))
    return feed.scope is None or feed.kind == FacetKind.CUSTOM or not source.is_empty(feed.scope)


def _front(source: SelectionSource, feed: Feed, pages: WebPages) -> bytes:
    return pages.index(feed, source.newest(None, feed.limit), source.categories(None))


def _feed(
    source: SelectionSource,
    feed: Feed,
    plan: FeedPlan,
    pages: WebPages,
    parameters: Parameters | None,
) -> bytes:
    articles, turn = _turned(source, feed, parameters)
    if feed.facet:
        return pages.feed(feed, articles, (), turn=turn)
    others: list[FeedSummary] = []
    if feed.scope is None:
        scopes = article_counts(plan, (), source.facets(plan.kinds & _FEW))
        counted = ((plan.feed(scope), count) for scope, count in scopes.items())
        others = [FeedSummary(feed=other, articles=count) for other, count in counted if other]
    return pages.feed(feed, articles, source.categories(feed.category), others, turn=turn)


def _turned(
    source: SelectionSource, feed: Feed, parameters: Parameters | None
) -> tuple[list[Article], Turn]:
    """Return a page's articles, newest first, and the positions of the pages beside it."""
    scope, limit = feed.scope, feed.limit
    if parameters is None:
        return source.newest(scope, limit), Turn()
    newer = False
    if parameters.after:
        nearest = source.near(scope, parameters.after, limit + 1, newer=True)
        if len(nearest) > limit:  # else it is the first page, which is to be full
            articles = nearest[limit - 1 :: -1]
            return articles, Turn(newer=articles[0].position, older=articles[-1].position)
    if parameters.before:
        articles = source.near(scope, parameters.before, limit + 1, newer=False)
        newer = True
    else:
        articles = source.newest(scope, limit + 1)
    shown = articles[:limit]
    return shown, Turn(
        newer=shown[0].position if newer and shown else None,
        older=shown[-1].position if len(articles) > limit else None,
    )


class ArchiveSource(Protocol):
    """The part of the store that archives use. Every method raises StoreError."""

    def of_selection(self, selection: Scope) -> ContentRevision:
        """Return the last change of articles in a category, a facet or (None) the whole site."""

    def newest_archive(self, feed: Feed) -> int:
        """Return the number of a feed's newest archive; 0 where it has none."""

    def archived(self, feed: Feed, number: int) -> ArchiveContents:
        """Return the entries of an archive as they are now, without those that left the feed."""

    def articles_of(self, sequences: Collection[int]) -> list[Article]:
        """Return the visible articles with these sequences, in any order."""


def archive_page(
    source: ArchiveSource, feed: Feed, number: int, name: str, max_bytes: int
) -> Page | Missing:
    """Return the document of a feed's archive in the format of the file ``name``.

    It has at most ``max_bytes``, like a feed.
    """
    if name not in feed.formats or not FORMATS[name].archived:
        return Missing.UNKNOWN
    newest = source.newest_archive(feed)
    if number > newest:
        return Missing.UNKNOWN
    revision = source.of_selection(feed.scope)
    return Page(
        version=f"{revision.number}.{newest}",
        changed_at=revision.changed_at,
        render=partial(_render_archive, source, feed, number, name, newest, max_bytes),
        media_type=f"{MEDIA_TYPES[name]}; charset=utf-8",
        max_age=_MAX_AGE,
        headers=UNLISTED,
        dated=number < newest,  # the newest one is told of its successor, which is no change
    )


def _render_archive(
    source: ArchiveSource, feed: Feed, number: int, name: str, newest: int, max_bytes: int
) -> bytes:
    documents = FeedDocuments(source.articles_of, max_bytes=max_bytes)
    place = Place(newest=newest, number=number)
    return documents.archive(feed, name, source.archived(feed, number), place)


class SearchSource(Protocol):
    """The part of the store that search uses. Every method raises StoreError."""

    def current(self) -> ContentRevision:
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
    return _search_page(source, partial(_render_results, source, query, parameters.before, pages))


def search_feed(source: SearchSource, parameters: Parameters, plan: FeedPlan) -> Page:
    """Return the feed of a query's results, with summaries, as RSS."""
    page = _search_page(
        source, partial(_render_results_feed, source, search_query(parameters.query), plan)
    )
    media_type = f"{MEDIA_TYPES[RSS]}; charset=utf-8"
    return replace(page, media_type=media_type, max_age=_MAX_AGE)


def _search_page(source: SearchSource, render: partial[bytes]) -> Page:
    revision = source.current()
    return Page(
        version=f"{revision.number}.{source.search_state()}",
        changed_at=revision.changed_at,
        render=render,
        headers=UNLISTED,
        dated=False,
        lasts=_RESULTS_LAST,
    )


def _render_results(
    source: SearchSource, query: SearchQuery, before: Position | None, pages: WebPages
) -> bytes:
    articles = source.search(query, before, RESULTS + 1)
    older = articles[RESULTS - 1].position if len(articles) > RESULTS else None
    ready = bool(source.search_state())
    return pages.search(query, articles[:RESULTS], before=before, older=older, ready=ready)


def _render_results_feed(source: SearchSource, query: SearchQuery, plan: FeedPlan) -> bytes:
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
