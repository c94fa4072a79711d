from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import feedparser
import pytest
from lxml import etree

from digest.feeds.model import ATOM, JSON, RSS
from digest.feeds.websub.protocol import (
    HubOutcome,
    batch_size,
    feed_links,
    is_topic,
    notification,
    outcome_of,
)
from tests.defaults import default_feed
from tests.feeds.samples import PORTS, SITE, article, atom, json_feed, rss

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HUBS = ("https://hub.example/", "https://other.example/push?x=1&y=2")
PUSHED = replace(SITE, hubs=HUBS)
FEED = default_feed(site=PUSHED, category=PORTS)
LINK = "{http://www.w3.org/2005/Atom}link"


@pytest.mark.parametrize("write", [rss, atom])
def test_a_feed_names_its_hubs_and_once_itself(write: object) -> None:
    document = write(FEED, [article(1), article(2)])  # type: ignore[operator]  # both are alike
    root = etree.fromstring(document)
    links = root.findall(f"channel/{LINK}") or root.findall(LINK)
    hubs = [link.get("href") for link in links if link.get("rel") == "hub"]
    selves = [link.get("href") for link in links if link.get("rel") == "self"]
    assert tuple(hubs) == HUBS
    assert selves == [FEED.link(RSS if write is rss else ATOM)]
    parsed = feedparser.parse(document)
    assert not parsed.bozo
    assert parsed.feed.link == FEED.link()


@pytest.mark.parametrize("write", [rss, atom])
def test_hubs_come_before_the_entries(write: object) -> None:
    document = write(FEED, [article(1)]).decode()  # type: ignore[operator]  # both are alike
    first = min(found for found in map(document.find, ("<item", "<entry")) if found > 0)
    assert document.rfind('rel="hub"') < first


def test_json_feed_lists_its_hubs() -> None:
    document = json.loads(json_feed(FEED, [article(1)]))
    assert document["hubs"] == [{"type": "WebSub", "url": hub} for hub in HUBS]
    assert list(document).index("hubs") < list(document).index("items")


def test_without_hubs_nothing_is_said_of_them() -> None:
    feed = default_feed(site=SITE, category=PORTS)
    assert b"hub" not in rss(feed, [article(1)]) + atom(feed, [article(1)])
    assert "hubs" not in json.loads(json_feed(feed, [article(1)]))
    assert feed_links(SITE, "feeds/rss.xml") is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("feeds/rss.xml", True),
        ("feeds/商业/航运/atom.xml", True),
        ("feeds/商业/feed.json", True),
        ("feeds/index.html", False),
        ("feeds/opml.xml", False),
        ("feeds/商业/rss.xml.gz", False),
        ("rss.xml", False),
        ("articles/2f/rss.xml", False),
    ],
)
def test_topics_are_what_people_subscribe_to(path: str, expected: bool) -> None:
    assert is_topic(path) is expected
    assert (feed_links(PUSHED, path) is not None) is expected


@pytest.mark.parametrize("name", [RSS, ATOM, JSON])
def test_the_header_names_hubs_and_the_address_that_the_feed_itself_gives(name: str) -> None:
    assert feed_links(PUSHED, FEED.folder + name) == (
        '<https://hub.example/>; rel="hub", <https://other.example/push?x=1&y=2>; rel="hub", '
        f'<{FEED.link(name)}>; rel="self"'
    )
    assert FEED.link(name).isascii()


def test_a_notification_says_each_topic_in_both_words() -> None:
    topics = ["https://ferry.example/feeds/a%20b/rss.xml", "https://ferry.example/feeds/atom.xml"]
    assert parse_qsl(notification(topics).decode()) == [
        ("hub.mode", "publish"),
        ("hub.url", topics[0]),
        ("hub.topic", topics[0]),
        ("hub.url", topics[1]),
        ("hub.topic", topics[1]),
    ]


def test_only_a_hub_that_says_so_is_told_several_topics_at_once() -> None:
    assert batch_size("https://pubsubhubbub.appspot.com/") == 20
    assert batch_size("https://hub.example/") == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, HubOutcome.TAKEN),
        (204, HubOutcome.TAKEN),
        (301, HubOutcome.LATER),
        (307, HubOutcome.LATER),
        (400, HubOutcome.REFUSED),
        (403, HubOutcome.REFUSED),
        (404, HubOutcome.LATER),
        (408, HubOutcome.LATER),
        (422, HubOutcome.REFUSED),
        (429, HubOutcome.LATER),
        (500, HubOutcome.LATER),
        (503, HubOutcome.LATER),
    ],
)
def test_what_a_status_means(status: int, expected: HubOutcome) -> None:
    assert outcome_of(status) is expected
