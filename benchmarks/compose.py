"""Composing: an edition rendered for its segments and addressed to every subscriber.

Prints the processor time of one rendering, that of a message, and how many times that is of what is
there to beat: a message of the same size joined from two pieces of ready bytes and a token, in the
same run. The messages come with segments in turn, as the queue brings them; the time of the whole
is printed with the most memory that the process held.
"""

from __future__ import annotations

import argparse
import resource
import time
from base64 import b32encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest.articles.model import Article, ArticleId, CategoryPath, SafeHtml, article_key
from digest.editions.delivery import Delivery
from digest.editions.model import Digest, Edition, edition_of
from digest.mail.composer import Composer
from digest.mail.render import MailTemplates
from digest.mail.transports.model import Sender
from digest.site import Site
from digest.subscribers.model import Subscriber, SubscriberState
from digest.subscribers.tokens import unsubscribe_token

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
#: Seconds and MiB that 100,000 messages in 200 segments are to take at most.
GOAL_SECONDS, GOAL_MEMORY = 60, 300
KEY = b"a key for the benchmark"
LANGUAGES = ("zh-CN", "zh-TW", "ja", "en", "de", "fr", "es")
SUMMARY = "摊主们更关心的是手机没电时怎么收钱。凌晨三点，批发市场已经灯火通明，老陈把车停在老位置。"


def article(number: int, categories: int) -> Article:
    """Return an article with a picture, in one of so many categories."""
    at = NOW - timedelta(minutes=number)
    return Article(
        id=ArticleId(f"tag:example.org,2026:{number}"),
        key=article_key(str(number)),
        sequence=1_000 - number,
        title=f"夜市摊主的一天：从备料到收摊，第{number}篇",
        authors=("某记者",),
        categories=(CategoryPath(("栏目", str(number % categories))),),
        link=f"https://news.example.org/{number}",
        image=f"https://img.example.org/{number}.jpg",
        language="zh-CN",
        summary=SUMMARY * 2,
        body=SafeHtml("<p>…</p>"),
        published_at=at,
        updated_at=at,
    )


def wishes(segment: int, categories: int) -> tuple[tuple[CategoryPath, ...], str]:
    """Return what the readers of a segment ask for: categories of so many, and a language."""
    half = segment // len(LANGUAGES)
    chosen = tuple(
        CategoryPath(("栏目", str(one)))
        for one in range(categories)
        if one == half % categories or (half >> (one % 5)) & 1
    )
    return chosen, LANGUAGES[segment % len(LANGUAGES)]


def person(number: int) -> str:
    """Return a person's identifier."""
    return b32encode(number.to_bytes(10, "big")).decode("ascii").lower()


def deliveries(count: int, segments: int, categories: int) -> Iterator[Delivery]:
    """Yield deliveries, each of another segment than the one before."""
    for number in range(1, count + 1):
        chosen, language = wishes(number % segments, categories)
        yield Delivery(
            id=number,
            edition_id=1,
            subscriber=Subscriber(
                id=number,
                person=person(number),
                address=f"reader{number}@example.net",
                digest="daily",
                name=f"读者{number}",
                categories=chosen,
                language=language,
                state=SubscriberState.ACTIVE,
                created_at=NOW,
            ),
            attempts=0,
            created_at=NOW,
        )


def bare(size: int, count: int) -> float:
    """Return the seconds that joining ready bytes around a token takes, for each message."""
    before, after = b"x" * (size // 2), b"x" * (size // 2)
    began = time.process_time()
    for number in range(1, count + 1):
        token = unsubscribe_token(KEY, person(number), "daily").encode("ascii")
        len(b"".join((before, token, after)))
    return (time.process_time() - began) / count


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--segments", type=int, default=200)
    parser.add_argument("--articles", type=int, default=50)
    parser.add_argument("--categories", type=int, default=10)
    chosen = parser.parse_args()

    articles = [article(number, chosen.categories) for number in range(chosen.articles)]
    site = Site(
        title="海岸书报",
        url="https://digest.example.org",
        language="zh-CN",
        timezone="Asia/Shanghai",
        author="",
        email="",
        authority="example.org,2026",
    )
    sender = Sender(address="news@digest.example.org", name="海岸书报", postal_address="某市")
    templates = MailTemplates(templates=Path(__file__).parents[1] / "templates", site=site)
    composer = Composer(templates=templates, site=site, sender=sender, token_key=KEY)
    digest = Digest(name="daily", title="晨间摘要", language="zh-CN", timezone="Asia/Shanghai")
    edition: Edition = edition_of("daily", articles, NOW)

    began = time.perf_counter()
    work = time.process_time()
    for delivery in deliveries(chosen.segments, chosen.segments, chosen.categories):
        composer.cache(composer.compile(digest, edition, articles, delivery.subscriber))
    rendering = (time.process_time() - work) / chosen.segments
    print(f"a rendering: {1e3 * rendering:.1f} ms ({chosen.segments} segments)")

    size, count = 0, 0
    work = time.process_time()
    for delivery in deliveries(chosen.subscribers, chosen.segments, chosen.categories):
        size += len(composer.envelope(digest, edition, articles, delivery).message)
        count += 1
    each = (time.process_time() - work) / count
    seconds = time.perf_counter() - began
    least = bare(size // count, min(count, 5_000))
    print(
        f"a message: {1e6 * each:.0f} µs of {size / count / 1e3:.0f} KB; "
        f"{each / least:.1f} times joining ready bytes ({1e6 * least:.0f} µs)"
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux, getrusage(2)
    print(
        f"{count:,} messages in {chosen.segments} segments on one core: {seconds:.1f} s "
        f"(at most {GOAL_SECONDS} are wished for on two); at most {memory:.0f} MiB of memory "
        f"(wished for: {GOAL_MEMORY})"
    )


if __name__ == "__main__":
    main()
