"""A feed: a selection of articles, newest first, and the addresses it is published at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from digest.articles.model import Article, CategoryPath
from digest.site import Site

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What one feed selects: everything, or one category with all below it."""

    site: Site
    category: CategoryPath | None  #: None selects everything
    full: bool = True  #: whole bodies; else summaries
    ttl: timedelta = timedelta(hours=1)  #: how long readers may wait between two looks

    @property
    def title(self) -> str:
        """The site's title, after the category's where there is one."""
        return f"{self.category} · {self.site.title}" if self.category else self.site.title

    @property
    def folder(self) -> str:
        """Where the feed's files live, relative to the output folder; ends with ``/``."""
        return f"feeds/{self.category.folder}/" if self.category else "feeds/"

    @property
    def id(self) -> str:
        """A tag URI (RFC 4151) that stays when the site moves to another address."""
        return self.site.tag(self.folder.rstrip("/"))

    @property
    def taxonomy(self) -> str:
        """What the terms of categories belong to: a tag URI, the same in all feeds of the site."""
        return self.site.tag("categories")

    def link(self, name: str = "") -> str:
        """Return the absolute address of one of the feed's files; of its page without ``name``."""
        return self.site.link(self.folder + name)


@dataclass(frozen=True, slots=True, kw_only=True)
class CategorySummary:
    """How much a category holds, all levels below it included."""

    path: CategoryPath
    articles: int


def article_link(site: Site, article: Article) -> str:
    """Return where a reader should go: the article's own link, else its page here."""
    return article.link or site.link(article.folder)
