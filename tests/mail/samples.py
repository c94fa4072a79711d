"""Articles, digests and subscribers for the tests of the mail room."""

from __future__ import annotations

from base64 import b32encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest.articles.model import Article, ArticleId, CategoryPath, SafeHtml, article_key
from digest.editions.delivery import Delivery
from digest.editions.model import Digest, Edition, EditionState
from digest.mail.transports.model import Sender
from digest.site import Site
from digest.subscribers.model import Subscriber, SubscriberState

TEMPLATES = Path(__file__).parents[2] / "templates"
NOW = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
KEY = b"a key for the tests"
SITE = Site(
    title="海岸书报",
    url="https://digest.example.org",
    language="zh-CN",
    timezone="Asia/Shanghai",
    author="",
    email="",
    authority="example.org,2026",
)
SENDER = Sender(
    address="news@digest.example.org",
    name="海岸书报",
    reply_to="editor@example.org",
    postal_address="Coast Review\n1 Harbour Street",
    unsubscribe="leave@digest.example.org",
)
FINANCE, CITY = CategoryPath(("金融", "观察")), CategoryPath(("Life", "Cities"))


def make_article(
    number: int,
    *,
    title: str | None = None,
    summary: str = "摊主们更关心的是手机没电时怎么收钱。",
    categories: tuple[CategoryPath, ...] = (FINANCE,),
    link: str | None = None,
    image: str | None = None,
    authors: tuple[str, ...] = (),
    language: str | None = None,
    published_at: datetime | None = None,
    pinned: int = 0,
    body: str = "<p>…</p>",
) -> Article:
    at = published_at or NOW - timedelta(hours=number)
    return Article(
        id=ArticleId(f"tag:example.org,2026:{number}"),
        key=article_key(str(number)),
        sequence=1000 - number,
        title=f"文章 {number}" if title is None else title,
        authors=authors,
        categories=categories,
        link=link,
        image=image,
        language=language,
        summary=summary,
        body=SafeHtml(body),
        published_at=at,
        updated_at=at,
        pinned=pinned,
    )


def make_digest(
    *,
    name: str = "daily",
    title: str = "晨间摘要",
    categories: tuple[CategoryPath, ...] = (),
    subject: str = "{{ digest.title }} · {{ date }}",
    subject_width: int = 78,
    template: str = "digest",
    max_items: int = 50,
    language: str = "zh-CN",
    timezone: str = "Asia/Shanghai",
) -> Digest:
    return Digest(
        name=name,
        title=title,
        categories=categories,
        subject=subject,
        subject_width=subject_width,
        template=template,
        max_items=max_items,
        language=language,
        timezone=timezone,
    )


def make_edition(*, number: int = 12, edition_id: int = 7, digest: str = "daily") -> Edition:
    return Edition(
        id=edition_id,
        digest=digest,
        number=number,
        due_at=NOW,
        created_at=NOW,
        after=0,
        upto=1000,
        state=EditionState.OPEN,
    )


def make_person(number: int) -> str:
    """Return a person's identifier that is another for each number."""
    return b32encode(number.to_bytes(10, "big")).decode("ascii").lower()


def make_subscriber(
    number: int = 1,
    *,
    address: str | None = None,
    name: str = "李雷",
    categories: tuple[CategoryPath, ...] = (),
    language: str | None = None,
) -> Subscriber:
    return Subscriber(
        id=number,
        person=make_person(number),
        address=address or f"reader{number}@example.net",
        digest="daily",
        name=name,
        categories=categories,
        language=language,
        state=SubscriberState.ACTIVE,
        created_at=NOW,
    )


def make_delivery(
    number: int = 1, *, subscriber: Subscriber | None = None, attempts: int = 0, edition_id: int = 7
) -> Delivery:
    return Delivery(
        id=number,
        edition_id=edition_id,
        subscriber=subscriber or make_subscriber(number),
        attempts=attempts,
        created_at=NOW,
    )
