"""Article pages: ``articles/<key>/``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from digest.articles.ingest.records import StoredArticle
from digest.articles.model import Article
from digest.web.page import Missing, Page

#: What ``articles.model.article_key`` makes.
_KEY = re.compile("[a-z2-7]{16}")


class ArticleSource(Protocol):
    """What article pages need of the store. Raises StoreError."""

    def find_article(self, key: str) -> StoredArticle | None:
        """Return how the article with a key stands; None where there is none."""


def article_page(
    source: ArticleSource, key: str, render: Callable[[Article], bytes]
) -> Page | Missing:
    """Return the page of the article with a key."""
    if not _KEY.fullmatch(key):
        return Missing.UNKNOWN
    stored = source.find_article(key)
    if stored is None:
        return Missing.UNKNOWN
    if stored.hidden:
        return Missing.WITHDRAWN
    return Page(
        version=f"{stored.revision}",
        changed_at=stored.changed_at,
        render=lambda: render(stored.read()),
    )
