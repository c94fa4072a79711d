"""Feed pages: the front page, and a page for every feed at the address of its folder."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Protocol

from digest.articles.facets import Facet, FacetKind
from digest.articles.ingest.records import Revision
from digest.articles.model import Article, CategoryPath, Scope
from digest.feeds.catalog import FeedPlan, FeedSummary, spread
from digest.feeds.model import FACET_FOLDERS, CategorySummary, FacetSummary, Feed
from digest.web.page import Page
from digest.web.pages import WebPages

_KINDS = {folder: kind for kind, folder in FACET_FOLDERS.items()}
#: Of what a page can name all: not of authors.
_FEW = frozenset({FacetKind.LANGUAGE, FacetKind.CUSTOM})


class SelectionSource(Protocol):
    """What feed pages need of the store. Raises StoreError."""

    def of_selection(self, selection: Scope) -> Revision:
        """Return when the articles of a category, a facet or (None) everything changed."""

    def category(self, folder: str) -> CategoryPath | None:
        """Return the category with a folder (``CategoryPath.folder``)."""

    def facet(self, kind: FacetKind, name: str) -> Facet | None:
        """Return the author, language or feed of the operator's whose slug is ``name``."""

    def is_empty(self, selection: Scope) -> bool:
        """Tell whether a selection shows no article."""

    def newest(self, selection: Scope, limit: int) -> list[Article]:
        """Return the newest articles of a selection by publication, then sequence."""

    def categories(self, below: CategoryPath | None) -> list[CategorySummary]:
        """Return the categories right below one, or (None) all, that show an article, in order."""

    def facets(self, kinds: Collection[FacetKind]) -> list[FacetSummary]:
        """Return every author, language or feed of the operator's that shows an article."""


def find_feed(source: SelectionSource, plan: FeedPlan, folder: str) -> Feed | None:
    """Return the feed with a folder below ``feeds/``, without its slashes; None where none is."""
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


def feed_page(source: SelectionSource, feed: Feed | None, plan: FeedPlan, pages: WebPages) -> Page:
    """Return a feed's page; without a feed the front page."""
    shown = feed or plan.feed(None)
    assert shown is not None  # noqa: S101 everything always has a feed
    revision = source.of_selection(depends_on(shown))
    render = _front if feed is None else _feed
    return Page(
        # The moment too: a database that was restored gives the same number again.
        version=f"{revision.number}.{revision.changed_at.timestamp():.0f}",
        changed_at=revision.changed_at,
        render=partial(render, source, shown, plan, pages),
    )


def depends_on(feed: Feed) -> Scope:
    """Return the selection with which a feed's page changes."""
    # Whether a language has a feed hangs upon the others, and so does what is named beside it.
    return None if feed.kind == FacetKind.LANGUAGE else feed.scope


def custom_feed(plan: FeedPlan, name: str) -> Facet | None:
    """Return one of the operator's feeds, which is there before its first article."""
    found = (custom.facet for custom in plan.custom)
    return next((facet for facet in found if facet.name == name), None)


def unescaped(folder: str) -> str:
    """Return the category's folder: one that looks like that of facets is told by ``%40``."""
    top, slash, rest = folder.partition("/")
    own = f"@{top[3:]}" if top.startswith("%40") else top
    if own.casefold() in _KINDS:
        # The bare name is no category's: it is the facets', and in another case nobody's.
        return f"{own}{slash}{rest}" if own != top else ""
    return folder


def _is_there(source: SelectionSource, plan: FeedPlan, feed: Feed) -> bool:
    if feed.kind == FacetKind.LANGUAGE:
        return feed.scope in spread(plan, (), source.facets([FacetKind.LANGUAGE]))
    return feed.scope is None or feed.kind == FacetKind.CUSTOM or not source.is_empty(feed.scope)


def _front(source: SelectionSource, feed: Feed, _: FeedPlan, pages: WebPages) -> bytes:
    return pages.index(feed, source.newest(None, feed.limit), source.categories(None))


def _feed(source: SelectionSource, feed: Feed, plan: FeedPlan, pages: WebPages) -> bytes:
    articles = source.newest(feed.scope, feed.limit)
    if feed.facet:
        return pages.feed(feed, articles, ())
    others: list[FeedSummary] = []
    if feed.scope is None:
        scopes = spread(plan, (), source.facets(plan.kinds & _FEW))
        found = ((plan.feed(scope), count) for scope, count in scopes.items())
        others = [FeedSummary(feed=one, articles=count) for one, count in found if one]
    return pages.feed(feed, articles, source.categories(feed.category), others)
