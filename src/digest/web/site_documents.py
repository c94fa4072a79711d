"""Documents at the root of the site: robots.txt, the sitemap and its parts, the icon."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from digest.articles.ingest.records import ListedArticle, Revision
from digest.feeds.catalog import FeedPlan, article_counts
from digest.urls import FAVICON, article_folder
from digest.web.edition_pages import EditionSource, WebEditions
from digest.web.feed_pages import SelectionSource
from digest.web.model import STYLE_MAX_AGE, Missing, Page
from digest.web.pages import WebPages
from digest.web.sitemap import (
    ROBOTS,
    SITEMAP,
    CanonicalPage,
    robots,
    sitemap_index,
    sitemap_part,
)

#: Articles in a part of the sitemap, by their sequences: a part is rendered in one go.
PART = 5_000
_PART_NAME = re.compile(r"sitemap-([1-9][0-9]{0,6})\.xml")
#: These change with the program, the configuration or the templates alone.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
#: New editions come without a content revision.
_LASTS = timedelta(minutes=1)
_XML = "application/xml; charset=utf-8"


class SitemapSource(SelectionSource, EditionSource, Protocol):
    """The part of the store that the sitemap uses. Every method raises StoreError."""

    def current(self) -> Revision:
        """Return the revision of all published content."""

    def newest_sequence(self) -> int:
        """Return the sequence of the newest article; 0 if there is none."""

    def listed(self, after: int = 0, upto: int | None = None) -> Iterator[ListedArticle]:
        """Yield the visible articles between two sequences, in order of sequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDocuments:
    """Finds the documents at the root."""

    pages: WebPages
    plan: FeedPlan
    editions: WebEditions
    archives: bool
    search: bool

    def find(self, source: SitemapSource, name: str) -> Page | Missing:
        """Return the document with a name."""
        if name == FAVICON:
            return _fixed(self.pages.favicon, "image/svg+xml")
        if name == ROBOTS:
            made = partial(robots, self.plan.site, archives=self.archives, search=self.search)
            return _fixed(made, "text/plain; charset=utf-8")
        match = _PART_NAME.fullmatch(name)
        if match is None and name != SITEMAP:
            return Missing.UNKNOWN
        parts = 1 - -source.newest_sequence() // PART  # rounded up
        revision, site = source.current(), self.plan.site
        if match is None:
            render = partial(sitemap_index, site, parts)
        elif (number := int(match[1])) > parts:
            return Missing.UNKNOWN
        elif number == 1:
            content = sitemap_part(site, self._others(source))
            return Page(
                version=hashlib.blake2b(content, digest_size=8).hexdigest(),
                changed_at=revision.changed_at,
                render=lambda: content,
                media_type=_XML,
                dated=False,
                lasts=_LASTS,
            )
        else:
            render = partial(_render_articles, source, self.plan, (number - 2) * PART)
        version, changed_at = str(revision.number), revision.changed_at
        return Page(version=version, changed_at=changed_at, render=render, media_type=_XML)

    def _others(self, source: SitemapSource) -> Iterator[CanonicalPage]:
        """Yield the pages other than articles'."""
        plan = self.plan
        yield CanonicalPage("", None)
        scopes = article_counts(plan, source.categories(None), source.facets(plan.kinds))
        for feed in map(plan.feed, (None, *scopes)):
            if feed:
                yield CanonicalPage(feed.folder, None)
        for placed in self.editions.every(source):
            if placed.path.endswith("/"):
                yield CanonicalPage(placed.path, placed.made_at)


def _render_articles(source: SitemapSource, plan: FeedPlan, after: int) -> bytes:
    """Return the part of the sitemap with the articles after a sequence."""
    listed = source.listed(after, after + PART)
    pages = (
        CanonicalPage(article_folder(article.key), article.updated_at)
        for article in listed
        if not article.elsewhere
    )
    return sitemap_part(plan.site, pages)


def _fixed(render: Callable[[], bytes], media_type: str) -> Page:
    return Page(
        version="fixed",
        changed_at=_LONG_AGO,
        render=render,
        media_type=media_type,
        max_age=STYLE_MAX_AGE,
    )
