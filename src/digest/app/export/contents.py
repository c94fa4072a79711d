"""The contents of an export: every file of the site, and how each is made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from digest.articles.ingest.records import ContentRevision, ListedArticle
from digest.articles.model import Article, Scope
from digest.feeds.archive import ArchiveContents, ArchiveState, Place
from digest.feeds.catalog import FeedPlan, article_counts
from digest.feeds.formats import FORMATS
from digest.feeds.model import OPML, PAGE, Feed
from digest.feeds.opml import opml
from digest.feeds.publish.documents import FeedContents, FeedDocuments
from digest.urls import FAVICON, STYLE, STYLESHEET, archive_path, article_folder
from digest.web.edition_pages import EditionSource, WebEditions
from digest.web.feed_pages import ArchiveSource, SelectionSource, depends_on, feed_page
from digest.web.pages import WebPages
from digest.web.sitemap import ROBOTS, CanonicalPage, robots, sitemaps

NOT_FOUND = "404.html"
#: Tells hosts in the manner of GitHub Pages to serve names as they are.
NO_JEKYLL = ".nojekyll"
#: Files that are left alone if they exist and are not ours.
_OPTIONAL = frozenset({ROBOTS, NO_JEKYLL})


class SiteSource(SelectionSource, EditionSource, ArchiveSource, Protocol):
    """A snapshot of the store. Every method raises StoreError."""

    def changes(self) -> Mapping[Scope, ContentRevision]:
        """Return the last revision of every selection that ever changed."""

    def listed(self) -> Iterator[ListedArticle]:
        """Yield every visible article, in order of sequence."""

    def beside(self) -> Mapping[int, tuple[int | None, int | None]]:
        """Return the neighbours of each article, older and newer, by sequence."""

    def articles_of(self, sequences: Collection[int]) -> list[Article]:
        """Return the visible articles with these sequences, in any order."""

    def asset_names(self, copies: AbstractSet[str]) -> set[str]:
        """Return those of these copies of assets that visible articles use."""

    def contents(self, feed: Feed) -> FeedContents:
        """Return the contents of a feed's current documents, as if it had no archives."""

    def archives(self, feeds: Collection[Feed]) -> Mapping[str, Sequence[ArchiveState]]:
        """Return the states of archives, oldest first, by the folders of their feeds."""


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """The page of an article; pages are rendered in batches."""

    path: str  #: relative to the folder
    version: str  #: changes with the content, given the same fingerprint
    sequence: int
    beside: tuple[int | None, ...] = (None, None)  #: sequences: the older and the newer one


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Any other file."""

    path: str  #: relative to the folder
    version: str | None = None  #: as in ArticlePage; None: always made
    render: Callable[[], bytes]

    @property
    def optional(self) -> bool:
        """Whether an existing file of other origin may stay in its place."""
        return self.path in _OPTIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteContents:
    """All files of a site in the order of writing: a page comes after the files it links to."""

    articles: Sequence[ArticlePage]
    documents: Sequence[Document]


def site_contents(
    source: SiteSource,
    *,
    plan: FeedPlan,
    pages: WebPages,
    editions: WebEditions,
) -> SiteContents:
    """Return all files of the site as stored; with archives if the plan has them."""
    listed = list(source.listed())
    beside, revisions = source.beside(), {entry.sequence: entry.revision for entry in listed}

    def article_page(entry: ListedArticle) -> ArticlePage:
        others = beside.get(entry.sequence, (None, None))
        versions = (f"{other}:{revisions[other]}" if other else "" for other in others)
        return ArticlePage(
            path=f"{article_folder(entry.key)}{PAGE}",
            version=f"{entry.revision}.{'.'.join(versions)}",
            sequence=entry.sequence,
            beside=others,
        )

    feeds = _Feeds(source, plan, pages)
    placed = list(editions.every(source))
    canonical = [
        CanonicalPage("", feeds.changed_at(None)),
        *(CanonicalPage(feed.folder, feeds.changed_at(depends_on(feed))) for feed in feeds.all),
        *(CanonicalPage(page.path, page.made_at) for page in placed if page.path.endswith("/")),
        *(
            CanonicalPage(article_folder(entry.key), entry.updated_at)
            for entry in listed
            if not entry.elsewhere
        ),
    ]
    return SiteContents(
        articles=list(map(article_page, listed)),
        documents=[
            Document(path=NO_JEKYLL, render=lambda: b""),
            Document(path=STYLE, render=pages.style),
            Document(path=FAVICON, render=pages.favicon),
            Document(path=STYLESHEET, render=pages.style_sheet),
            *feeds.archives(),
            *(
                Document(path=_file(page.path), version=page.page.version, render=page.page.render)
                for page in placed
            ),
            *feeds.documents(),
            *feeds.pages(),
            Document(path=f"feeds/{OPML}", render=feeds.list_of_all),
            Document(path=NOT_FOUND, render=pages.not_found),
            *(
                Document(path=path, render=partial(bytes, content))
                for path, content in sitemaps(plan.site, canonical).items()
            ),
            Document(path=ROBOTS, render=partial(robots, plan.site, archives=plan.archives)),
            feeds.front_page(),
        ],
    )


def article_pages(
    source: SiteSource, pages: WebPages, wanted: Iterable[ArticlePage]
) -> Iterator[tuple[ArticlePage, bytes]]:
    """Yield the contents of articles' pages; the articles are read in one query."""
    places = {page.sequence: page for page in wanted}
    others = {other for page in places.values() for other in page.beside if other}
    loaded = source.articles_of(places.keys() | others)
    articles = {article.sequence: article for article in loaded}
    for sequence, page in places.items():
        beside = (articles[other] if other else None for other in page.beside)
        yield page, pages.article(articles[sequence], *beside)


class _Feeds:
    """The files of feeds: their documents, archives, pages, and the list of all."""

    def __init__(self, source: SiteSource, plan: FeedPlan, pages: WebPages) -> None:
        self._source = source
        self._plan = plan
        self._pages = pages
        self._changes = source.changes()
        scopes = (None, *article_counts(plan, source.categories(None), source.facets(plan.kinds)))
        self.all = [feed for scope in scopes if (feed := plan.feed(scope))]
        self._archives = source.archives(self.all) if plan.archives else {}
        self._documents = FeedDocuments(source.articles_of, max_bytes=plan.max_bytes)
        self._made: tuple[str, dict[str, bytes]] = ("", {})  # of the feed with this folder
        # Of the feed with this folder, and the archive's number.
        self._archive: tuple[str, int, ArchiveContents | None] = ("", 0, None)

    def changed_at(self, scope: Scope) -> datetime | None:
        """Return when a selection last changed, aware UTC; None if it never did."""
        change = self._changes.get(scope)
        return change.changed_at if change else None

    def front_page(self) -> Document:
        return Document(
            path=PAGE, version=self._version(None), render=partial(self._render_page, None)
        )

    def pages(self) -> Iterator[Document]:
        """Yield the page of each feed."""
        for feed in self.all:
            yield Document(
                path=f"{feed.folder}{PAGE}",
                version=self._version(depends_on(feed)),
                render=partial(self._render_page, feed),
            )

    def documents(self) -> Iterator[Document]:
        """Yield the current documents of each feed."""
        for feed in self.all:
            version = f"{self._version(feed.scope)}.{self._newest(feed)}"
            for name in feed.formats:
                yield Document(
                    path=f"{feed.folder}{name}",
                    version=version,
                    render=partial(self._render, feed, name),
                )

    def archives(self) -> Iterator[Document]:
        """Yield the documents of archives, those of one archive after another."""
        for feed in self.all:
            newest = self._newest(feed)
            # By the configuration alone an article may come into a facet, or leave it.
            change = self._version(feed.scope) if feed.facet else ""
            for state in self._archives.get(feed.folder, ()):
                last = state.number == newest
                for name in feed.formats:
                    if FORMATS[name].archived:
                        yield Document(
                            path=f"{feed.folder}{archive_path(state.number, name)}",
                            version=f"{state.revision}.{last:d}.{change}",
                            render=partial(self._render_archive, feed, state.number, name),
                        )

    def list_of_all(self) -> bytes:
        """Return the list of all feeds."""
        categories = [feed.category for feed in self.all if feed.category]
        return opml(self._plan, categories, [feed for feed in self.all if feed.facet])

    def _newest(self, feed: Feed) -> int:
        states = self._archives.get(feed.folder)
        return states[-1].number if states else 0

    def _version(self, scope: Scope) -> str:
        change = self._changes.get(scope)
        return str(change.number) if change else ""

    def _render_page(self, feed: Feed | None) -> bytes:
        return feed_page(self._source, feed, self._plan, self._pages).render()

    def _render(self, feed: Feed, name: str) -> bytes:
        folder, made = self._made
        if folder != feed.folder:
            current = self._source.contents(feed)
            contents = FeedContents(
                versions=current.versions, gone=current.gone, newest_archive=self._newest(feed)
            )
            made = dict(self._documents.of(feed, contents))
            self._made = feed.folder, made
        return made[name]

    def _render_archive(self, feed: Feed, number: int, name: str) -> bytes:
        folder, known, contents = self._archive
        if contents is None or (folder, known) != (feed.folder, number):
            contents = self._source.archived(feed, number)
            self._archive = feed.folder, number, contents
        place = Place(newest=self._newest(feed), number=number)
        return self._documents.archive(feed, name, contents, place)


def _file(path: str) -> str:
    """Return the file of a page at an address."""
    return path + PAGE if path.endswith("/") else path
