"""A feed: a selection of articles, newest first, and its addresses."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from digest.articles.model import Article, CategoryPath, Facet, FacetKind, Scope
from digest.languages import own_name
from digest.site import Site
from digest.urls import slug

#: Paths below a feed's folder, by format.
RSS, ATOM, JSON = "rss.xml", "atom.xml", "feed.json"
PAGE = "index.html"
#: The list of all feeds, in the folder of the feed of everything.
OPML = "opml.xml"
#: What a web server should call each published file.
MEDIA_TYPES = {
    RSS: "application/rss+xml",
    ATOM: "application/atom+xml",
    JSON: "application/feed+json",
    OPML: "text/x-opml",
}
#: A serialized entry, or the part of a document that it takes.
EntryBytes: TypeAlias = bytes | memoryview

#: Where the feeds of facets live below ``feeds/``.
FACET_FOLDERS = {
    FacetKind.AUTHOR: "@authors",
    FacetKind.LANGUAGE: "@languages",
    FacetKind.CUSTOM: "@custom",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The selection of a feed, and how it is written.

    It selects everything, a category with all below it, or a facet, never a category and a facet.
    """

    site: Site
    category: CategoryPath | None = None
    facet: Facet | None = None
    full: bool  #: whole bodies; else summaries
    formats: tuple[str, ...]  #: the names of its files
    limit: int  #: entries at most
    ttl: timedelta  #: how long readers may wait between two looks
    called: str = ""  #: a title of the operator's; empty where there is none

    def __post_init__(self) -> None:
        if self.category and self.facet:
            raise ValueError(f"a feed of both {self.category} and {self.facet}")

    @property
    def scope(self) -> Scope:
        """The selection of its articles; None is everything."""
        return self.facet or self.category

    @property
    def kind(self) -> str:
        """The kind of its selection: a FacetKind, ``category``, or ``everything``."""
        if self.facet:
            return self.facet.kind
        return "category" if self.category else "everything"

    @property
    def name(self) -> str:
        """Its name among others of its kind; the site's title for everything."""
        if self.called:
            return self.called
        if self.facet:
            is_language = self.facet.kind is FacetKind.LANGUAGE
            return own_name(self.facet.name) if is_language else self.facet.name
        return self.category.name if self.category else self.site.title

    @property
    def title(self) -> str:
        """The operator's title, or the site's after the category or name where there is one."""
        if self.called or not self.scope:
            return self.name
        return f"{self.category or self.name} · {self.site.title}"

    @property
    def folder(self) -> str:
        """The folder of the feed's files, relative to the output folder; ends with ``/``."""
        if self.facet:
            return f"feeds/{FACET_FOLDERS[self.facet.kind]}/{slug(self.facet.name)}/"
        if not self.category:
            return "feeds/"
        folder = self.category.folder
        if folder.partition("/")[0].casefold() in FACET_FOLDERS.values():
            folder = f"%40{folder[1:]}"  # no slug looks like this: a "%" in a name becomes "%25"
        return f"feeds/{folder}/"

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its files, relative to the output folder."""
        return tuple(self.folder + name for name in self.formats)

    @property
    def id(self) -> str:
        """A tag URI (RFC 4151) that stays when the site moves to another address."""
        return self.site.tag(self.folder.rstrip("/"))

    @property
    def taxonomy(self) -> str:
        """The scheme of its category terms: a tag URI, the same in all feeds of the site."""
        return self.site.tag("categories")

    def link(self, name: str = "") -> str:
        """Return the absolute address of one of the feed's files; of its page without ``name``."""
        return self.site.link(self.folder + name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CategorySummary:
    """The number of articles of a category, all levels below it included."""

    path: CategoryPath
    articles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetSummary:
    """The number of articles of a facet."""

    facet: Facet
    articles: int


def article_link(site: Site, article: Article) -> str:
    """Return the address that feeds link to: the article's own link, else its page here."""
    return article.link or site.link(article.folder)
