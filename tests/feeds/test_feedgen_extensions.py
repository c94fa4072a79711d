from __future__ import annotations

from datetime import timedelta

import feedparser
import pytest
from lxml import etree

from digest.articles.model import ArticleId, Tombstone
from digest.feeds.feedgen_extensions import TOMBSTONES, minutes, period
from digest.settings.types import duration
from tests.defaults import default_feed
from tests.feeds.samples import NOON, PORTS, SITE, article, atom

FEED = default_feed(site=SITE, category=PORTS)
GONE = [
    Tombstone(id=ArticleId("tag:example.org,2024:x"), withdrawn_at=NOON + timedelta(days=3)),
    Tombstone(id=ArticleId('tag:example.org,2024:"<&'), withdrawn_at=NOON),
]


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("0s", ("hourly", 60)),
        ("1m", ("hourly", 60)),
        ("15m", ("hourly", 4)),
        ("1h", ("hourly", 1)),
        ("3h", ("daily", 8)),
        ("1d", ("daily", 1)),
        ("2d", ("weekly", 4)),
        ("7d", ("weekly", 1)),
        ("30d", ("weekly", 1)),
    ],
)
def test_the_period_is_the_shortest_that_holds_a_look(every: str, expected: object) -> None:
    assert period(duration(every)) == expected


def test_minutes_are_whole_and_at_least_one() -> None:
    assert minutes(timedelta(seconds=1)) == 1
    assert minutes(timedelta(seconds=100)) == 2
    assert minutes(timedelta(hours=1)) == 60


def test_each_withdrawn_article_is_a_deleted_entry_of_the_feed() -> None:
    root = etree.fromstring(atom(FEED, [article(1)], gone=GONE))
    found = [dict(one.attrib) for one in root.iterfind(f"{{{TOMBSTONES}}}deleted-entry")]
    assert [one["ref"] for one in found] == [one.id for one in GONE]
    whole = (NOON + timedelta(days=3)).replace(microsecond=0)
    assert found[0]["when"] == f"{whole:%Y-%m-%dT%H:%M:%SZ}".replace("+00:00", "Z")


def test_the_feed_is_updated_by_a_withdrawal() -> None:
    parsed = feedparser.parse(atom(FEED, [article(1)], gone=GONE))
    assert not parsed.bozo
    assert parsed.feed.updated.startswith(f"{NOON + timedelta(days=3):%Y-%m-%d}")
    assert len(parsed.entries) == 1


def test_without_withdrawals_there_is_no_word_of_them() -> None:
    assert TOMBSTONES.encode() not in atom(FEED, [article(1)])
