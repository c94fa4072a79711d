"""Article pages: ``articles/<key>/``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from digest.articles.model import Article
from digest.web.page import Missing, Page

#: What ``articles.model.article_key`` makes.
_KEY = re.compile("[a-z2-7]{16}")


class StoredArticle(Protocol):
    """How an article stands in the store."""

    @property
    def hidden(self) -> bool:
        """Whether it may not be shown any more."""

    @property
    def revision(self) -> int:
        """The content revision of its last change."""

    @property
    def changed_at(self) -> datetime:
        """When it changed, or some time later; aware UTC."""


class ArticleSource(Protocol):
    """What article pages need of the store. Raises StoreError."""

    def find_article(self, key: str) -> StoredArticle | None:
        """Return how the article with a key stands; None where there is none."""

    def article(self, stored: Any) -> Article:
        """Return an article that was found."""


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
        render=partial(_render, source, stored, render),
    )


def _render(
    source: ArticleSource, stored: StoredArticle, render: Callable[[Article], bytes]
) -> bytes:
    return render(source.article(stored))
