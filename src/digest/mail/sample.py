"""A made-up edition, so that templates can be tried before there is a real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest.articles.model import Article, ArticleId, CategoryPath, SafeHtml, article_key
from digest.mail.edition import Edition, edition_of

_DUE_AT = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
_TITLES = ("Sample: the first article", "示例：第二篇文章", "Sample: an article without a category")
_CATEGORIES = (
    (CategoryPath(("Sample", "News")),),
    (CategoryPath(("示例", "新闻")),),
    (),
)


def sample_articles() -> list[Article]:
    """Return three short articles: with and without image, link and category."""
    return [
        Article(
            id=ArticleId(f"tag:example.org,2026:sample/{number}"),
            key=article_key(f"sample/{number}"),
            sequence=number,
            title=title,
            authors=("A. Sample",) if number == 1 else (),
            categories=categories,
            link=f"https://example.org/{number}" if number == 2 else None,
            image="https://example.org/sample.png" if number == 3 else None,
            language="zh" if number == 2 else "en",
            summary="A few words of the article, as they stand in its summary.",
            body=SafeHtml("<p>The article.</p>"),
            published_at=_DUE_AT - timedelta(hours=number),
            updated_at=_DUE_AT,
        )
        for number, (title, categories) in enumerate(zip(_TITLES, _CATEGORIES, strict=True), 1)
    ]


def sample_edition(digest: str) -> Edition:
    """Return an edition of the sample articles."""
    return edition_of(digest, sample_articles(), _DUE_AT)
