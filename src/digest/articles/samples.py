"""Made-up articles, with which templates are tried before they meet real ones."""

# pure
from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest.articles.model import Article, ArticleId, CategoryPath, SafeHtml, article_key

#: When the newest sample was published.
SAMPLED_AT = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)

_NEWS = CategoryPath(("Sample & 示例", "News"))


def sample_articles() -> tuple[Article, ...]:
    """Return a pinned article with everything, one in Chinese, two with as little as may be.

    One of those two is pinned as well.
    """
    full = _article(
        4,
        title="Sample: the <first> ship of the year",
        authors=("A. Writer", "某记者"),
        categories=(_NEWS, CategoryPath(("Sample & 示例",))),
        link="https://example.org/ships?year=1&first=yes",
        image="https://example.org/ship.png",
        language="en",
        summary="It came in at dawn, and nobody was there to see it.",
        body="<p>It came in at <b>dawn</b>.</p>",
        pinned=2,
    )
    chinese = _article(
        3,
        title="示例：今年第一艘船",
        categories=(CategoryPath(("示例", "新闻")),),
        language="zh",
        summary="它在黎明进港，没有人看见。",
        body="<p>它在<b>黎明</b>进港。</p>",
    )
    untold, kept = _article(2, title="Sample: untold"), _article(1, title="Sample: kept", pinned=1)
    return full, chinese, untold, kept


def _article(
    number: int,
    *,
    title: str,
    authors: tuple[str, ...] = (),
    categories: tuple[CategoryPath, ...] = (),
    link: str | None = None,
    image: str | None = None,
    language: str | None = None,
    summary: str = "",
    body: str = "",
    pinned: int = 0,
) -> Article:
    """Return an article: the higher its number, the newer; updated on another day."""
    published_at = SAMPLED_AT - timedelta(hours=4 - number)
    return Article(
        id=ArticleId(f"tag:example.org,2026:sample/{number}"),
        key=article_key(f"sample/{number}"),
        sequence=number,
        title=title,
        authors=authors,
        categories=categories,
        link=link,
        image=image,
        language=language,
        summary=summary,
        body=SafeHtml(body),
        published_at=published_at,
        updated_at=published_at + timedelta(days=1),
        pinned=pinned,
    )
