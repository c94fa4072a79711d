"""Made-up articles and people, with which templates are tried before they meet real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest import __version__
from digest.articles.model import (
    Article,
    ArticleId,
    CategoryPath,
    Problem,
    SafeHtml,
    article_key,
)
from digest.feeds.selection import CategorySummary
from digest.mail.subscriber import Subscriber, SubscriberState
from digest.site import Site
from digest.web.status import Status

_NOW = datetime(2024, 2, 29, 8, 30, tzinfo=UTC)
_TOP = CategoryPath(("Trade & 商业",))
_SUB = CategoryPath(("Trade & 商业", "Harbours"))


def articles(site: Site) -> tuple[Article, ...]:
    """Return an article with everything, and one with as little as an article may have."""
    identity = "samples/full"
    full = Article(
        id=ArticleId(site.tag(identity)),
        key=article_key(identity),
        sequence=2,
        title="The <first> ship of the year & 今年第一艘船",
        authors=("A. Writer", "某记者"),
        categories=(_SUB, _TOP),
        link="https://example.org/ships?year=1&first=yes",
        image="https://example.org/ship.jpg",
        language="en",
        summary="It came in at dawn, and nobody was there to see it.",
        body=SafeHtml("<p>It came in at <b>dawn</b>.</p>"),
        published_at=_NOW,
        updated_at=_NOW + timedelta(days=1),
    )
    identity = "samples/bare"
    bare = Article(
        id=ArticleId(site.tag(identity)),
        key=article_key(identity),
        sequence=1,
        title="Untold",
        authors=(),
        categories=(),
        link=None,
        image=None,
        language=None,
        summary="",
        body=SafeHtml(""),
        published_at=_NOW,
        updated_at=_NOW,
    )
    return full, bare


def categories() -> tuple[CategorySummary, ...]:
    """Return a category and the one below it."""
    return tuple(
        CategorySummary(path=path, articles=count) for path, count in ((_TOP, 2), (_SUB, 1))
    )


def subscriber(state: SubscriberState) -> Subscriber:
    """Return a subscriber in a state."""
    return Subscriber(
        id=1,
        address="reader@example.org",
        digest="daily",
        name="",
        categories=(),
        language=None,
        state=state,
        created_at=_NOW,
    )


def status() -> Status:
    """Return the status of a daemon at work."""
    problem = Problem(path="trade/<odd>.md", line=3, cause="there is no title", seen_at=_NOW)
    return Status(
        version=__version__,
        started_at=_NOW,
        articles=2,
        categories=2,
        feeds=3,
        problems=(problem,),
        digests=(("daily", "The Daily", _NOW), ("weekly", "The Weekly", None)),
        outbox={"queued": 1, "sent": 12},
        last_scan_at=_NOW,
    )


def idle_status() -> Status:
    """Return the status of a daemon that has seen nothing yet."""
    return Status(
        version=__version__,
        started_at=_NOW,
        articles=0,
        categories=0,
        feeds=1,
        problems=(),
        digests=(),
        outbox={},
        last_scan_at=None,
    )
