"""Publish: write feeds and pages into the output folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from digest.articles.model import Article, ArticleKey, CategoryPath
from digest.feeds.selection import CategorySummary, Feed


class ArticleSource(Protocol):
    """What publishing needs of the store."""

    def categories(self) -> list[CategorySummary]:
        """Return every category at every level that holds an article, in order of path."""
        ...

    def newest(self, category: CategoryPath | None, limit: int) -> list[Article]:
        """Return the newest articles by publication, then sequence, of a category or of all."""
        ...

    def articles(self, keys: Collection[ArticleKey]) -> list[Article]:
        """Return the articles with these keys, in order of sequence."""
        ...

    def article_keys(self) -> list[ArticleKey]:
        """Return the keys of all articles, in order of sequence."""
        ...


class Pages(Protocol):
    """What publishing needs of whoever renders pages."""

    def article(self, article: Article) -> bytes:
        """Return an article's page."""
        ...

    def feed(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        """Return a feed's page; ``categories`` are those right below it (all, for the site's)."""
        ...

    def index(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        """Return the site's front page; ``categories`` are all of them."""
        ...

    def assets(self) -> Mapping[str, bytes]:
        """Return the files that pages and feeds refer to, by path relative to the output folder."""
        ...
