"""Routing: the page that an address leads to, or where to redirect; and what the sitemap lists."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol
from urllib.parse import parse_qsl, quote

from digest.articles.ingest.records import ListedArticle, Neighbour, StoredArticle
from digest.articles.model import CategoryPath, Position
from digest.articles.search_terms import search_query
from digest.feeds.catalog import FeedPlan, article_counts
from digest.feeds.model import ATOM, JSON, OPML, PAGE, RSS
from digest.urls import (
    ARTICLES,
    EDITIONS,
    FAVICON,
    MAX_PATH,
    SEARCH,
    STYLE,
    STYLESHEET,
    archive_address,
    article_folder,
)
from digest.web.edition_pages import EditionSource, WebEditions
from digest.web.feed_pages import (
    ArchiveSource,
    SearchSource,
    SelectionSource,
    archive_page,
    feed_page,
    find_feed,
    search_feed,
    search_page,
)
from digest.web.model import NO_PARAMETERS, STYLE_MAX_AGE, Missing, Page, Parameters
from digest.web.moved_folders import MovedFolders
from digest.web.pages import WebPages
from digest.web.sitemap import (
    ROBOTS,
    SITEMAP,
    CanonicalPage,
    robots,
    sitemap_index,
    sitemap_part,
)

_FEEDS, _ARTICLES = "feeds", ARTICLES.rstrip("/")
_TOPS = frozenset(
    {
        *("", PAGE, _FEEDS, _ARTICLES, EDITIONS, SEARCH, STYLE.partition("/")[0]),
        *(FAVICON, ROBOTS, SITEMAP),
    }
)
#: Bytes of a query string that are looked at.
_MAX_QUERY_STRING = 2_048
#: What lies in the output folder below ``feeds/``, archives apart.
_FILES = frozenset({RSS, ATOM, JSON, OPML})
#: Where the stylesheet of feeds was: feeds that are kept somewhere still name it.
_OLD_STYLESHEET = "assets/feed.css"
#: What ``articles.model.article_key`` makes.
_KEY = re.compile("[a-z2-7]{16}")
#: Articles in a part of the sitemap, by their sequences: a part is rendered in one go.
PART = 5_000
_PART_NAME = re.compile(r"sitemap-([1-9][0-9]{0,6})\.xml")
#: New editions come into the sitemap without a content revision.
_SITEMAP_LASTS = timedelta(minutes=1)
_XML = "application/xml; charset=utf-8"
#: What changes with the program, the configuration or the templates alone.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class PageSource(SelectionSource, EditionSource, ArchiveSource, SearchSource, Protocol):
    """A snapshot of the store for all pages. Every method raises StoreError."""

    def find_article(self, key: str) -> StoredArticle | None:
        """Return the article with a key, also a hidden one; None if unknown."""

    def neighbours(
        self, path: CategoryPath, position: Position
    ) -> tuple[Neighbour | None, Neighbour | None]:
        """Return the articles next to a position in a category, the older and the newer."""

    def newest_sequence(self) -> int:
        """Return the sequence of the newest article; 0 if there is none."""

    def listed(self, after: int = 0, upto: int | None = None) -> Iterator[ListedArticle]:
        """Yield the visible articles between two sequences, in order of sequence."""


class Addresses:
    """Finds the page at an address."""

    def __init__(
        self,
        *,
        pages: WebPages,
        plan: FeedPlan,
        editions: WebEditions,
        archives: bool,
        moved: Mapping[str, str],
        search: bool = False,
    ) -> None:
        """``moved`` has new folders by old ones, relative to the site: ``feeds/old``.

        ``search``: whether the site has a search.
        """
        self._pages = pages
        self._plan = plan
        self._editions = editions
        self._archives = archives
        self._search = search
        self._moved = MovedFolders(moved)

    def are_pages(self, path: str) -> bool:
        """Return whether there may be a page at a decoded path, without reading the store."""
        if len(path) > MAX_PATH:
            return False
        top, _, rest = path.partition("/")
        if top != _FEEDS:
            return top in _TOPS or top.startswith("sitemap-")
        folder, _, name = rest.rpartition("/")
        return name not in _FILES or archive_address(folder) is not None

    def parameters(self, path: str, query: bytes) -> Parameters:
        """Return the parameters in a query string for the page at a path.

        Unknown ones, and values of another form than in the site's own links, are ignored.
        """
        top = path.partition("/")[0]
        if not query or top not in (SEARCH, _FEEDS):
            return NO_PARAMETERS
        pairs = parse_qsl(query[:_MAX_QUERY_STRING].decode("latin-1"), errors="replace")
        given = dict(reversed(pairs))
        if top == SEARCH:
            wanted = search_query(given.get("q", "")).text
            return Parameters(query=wanted, before=Position.parse(given.get("before", "")))
        if before := Position.parse(given.get("before", "")):
            return Parameters(before=before)
        return Parameters(after=Position.parse(given.get("after", "")))

    def find(
        self, source: PageSource, path: str, depth: int, parameters: Parameters = NO_PARAMETERS
    ) -> Page | Missing | str:
        """Return the page at a decoded path, or a relative address to redirect to.

        ``depth`` is the number of folders in the path as the client sees it.
        """
        page = self._find(source, path, parameters)
        if page is Missing.UNKNOWN and (place := self._moved.place(path)) is not None:
            there = self._find(source, place, parameters)
            if not isinstance(there, Missing):
                return "../" * depth + quote(_settled(place, there))
        return page

    def _find(self, source: PageSource, path: str, parameters: Parameters) -> Page | Missing | str:
        if path == _OLD_STYLESHEET:
            return f"../{STYLESHEET}"
        segments = path.split("/")
        *above, last = segments
        names = above if last == "" else segments
        if any(not name or name.startswith(".") for name in names):
            return Missing.UNKNOWN
        if last == "":
            return self._folder(source, above, parameters)
        if last == PAGE:
            page = self._folder(source, above, parameters)
            return page if isinstance(page, Missing) else "./"
        document = self._document(source, above, last, parameters)
        if document is not Missing.UNKNOWN:
            return document
        page = self._folder(source, segments, parameters)
        return page if isinstance(page, Missing) else f"{quote(last, safe='')}/"

    def _folder(
        self, source: PageSource, segments: Sequence[str], parameters: Parameters
    ) -> Page | Missing:
        if not segments:
            return feed_page(source, None, self._plan, self._pages)
        top, *rest = segments
        if top == _FEEDS:
            feed = find_feed(source, self._plan, "/".join(rest))
            if feed is None:
                return Missing.UNKNOWN
            return feed_page(source, feed, self._plan, self._pages, parameters)
        if segments == [SEARCH] and self._search:
            return search_page(source, parameters, self._pages)
        if top == _ARTICLES and len(rest) == 1:
            return _article_page(source, rest[0], self._pages)
        if segments == [EDITIONS]:
            return self._editions.index(source)
        if top == EDITIONS:
            return self._editions.folder(source, rest[0], rest[1:])
        return Missing.UNKNOWN

    def _document(
        self, source: PageSource, above: Sequence[str], name: str, parameters: Parameters
    ) -> Page | Missing:
        if not above:
            return self._root_document(source, name)
        folder = "/".join(above)
        if f"{folder}/{name}" == STYLE:
            return _fixed(self._pages.style, "text/css; charset=utf-8")
        top, *rest = above
        if top == SEARCH and name == RSS and not rest and self._search:
            return search_feed(source, parameters, self._plan)
        if top == EDITIONS and name == ATOM and len(rest) == 1:
            return self._editions.feed(source, rest[0])
        archive = archive_address("/".join(rest)) if top == _FEEDS and self._archives else None
        if archive is None:
            return Missing.UNKNOWN
        feed = find_feed(source, self._plan, archive[0])
        if feed is None:
            return Missing.UNKNOWN
        return archive_page(source, feed, archive[1], name, self._plan.max_bytes)

    def _root_document(self, source: PageSource, name: str) -> Page | Missing:
        """Return a document at the root: robots.txt, the sitemap and its parts, the icon."""
        if name == FAVICON:
            return _fixed(self._pages.favicon, "image/svg+xml")
        if name == ROBOTS:
            made = partial(robots, self._plan.site, archives=self._archives, search=self._search)
            return _fixed(made, "text/plain; charset=utf-8")
        match = _PART_NAME.fullmatch(name)
        if match is None and name != SITEMAP:
            return Missing.UNKNOWN
        parts = 1 - -source.newest_sequence() // PART  # rounded up
        revision, site = source.current(), self._plan.site
        if match is None:
            render = partial(sitemap_index, site, parts)
        elif (number := int(match[1])) > parts:
            return Missing.UNKNOWN
        elif number == 1:
            content = sitemap_part(site, self._other_pages(source))
            return Page(
                version=hashlib.blake2b(content, digest_size=8).hexdigest(),
                changed_at=revision.changed_at,
                render=lambda: content,
                media_type=_XML,
                dated=False,
                lasts=_SITEMAP_LASTS,
            )
        else:
            render = partial(_articles_part, source, self._plan, (number - 2) * PART)
        version, changed_at = str(revision.number), revision.changed_at
        return Page(version=version, changed_at=changed_at, render=render, media_type=_XML)

    def _other_pages(self, source: PageSource) -> Iterator[CanonicalPage]:
        """Yield the pages other than articles'."""
        plan = self._plan
        yield CanonicalPage("", None)
        scopes = article_counts(plan, source.categories(None), source.facets(plan.kinds))
        for feed in map(plan.feed, (None, *scopes)):
            if feed:
                yield CanonicalPage(feed.folder, None)
        for placed in self._editions.every(source):
            if placed.path.endswith("/"):
                yield CanonicalPage(placed.path, placed.made_at)


def _article_page(source: PageSource, key: str, pages: WebPages) -> Page | Missing:
    """Return the page of the article with a key, with links to its neighbours in its category."""
    if not _KEY.fullmatch(key):
        return Missing.UNKNOWN
    stored = source.find_article(key)
    if stored is None:
        return Missing.UNKNOWN
    if stored.hidden:
        return Missing.WITHDRAWN
    article = stored.read()
    if not article.categories:
        return Page(
            version=f"{stored.revision}",
            changed_at=stored.changed_at,
            render=lambda: pages.article(article),
        )
    category = article.categories[0]
    beside = source.neighbours(category, article.position)
    mark = hashlib.blake2b(repr(beside).encode("utf-8", "replace"), digest_size=6).hexdigest()
    return Page(
        version=f"{stored.revision}.{mark}",
        changed_at=max(stored.changed_at, source.of_selection(category).changed_at),
        render=lambda: pages.article(article, *beside),
    )


def _articles_part(source: PageSource, plan: FeedPlan, after: int) -> bytes:
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


def _settled(place: str, page: Page | str) -> str:
    """Return a page's own address, rather than one that redirects to it."""
    if isinstance(page, Page):
        return place
    return place.removesuffix(PAGE) if place.endswith(f"/{PAGE}") else f"{place}/"
