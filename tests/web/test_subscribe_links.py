"""Where a feed's page sends those who read elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.articles.model import CategoryPath, Facet, FacetKind
from digest.editions.model import Digest
from digest.feeds.model import Feed
from digest.web.subscribe_links import READERS, carriers, reader_links
from tests.defaults import default_feed
from tests.feeds.samples import PORTS, SITE, TEA

FEED = default_feed(site=SITE, category=PORTS)
ALL = Digest(name="all", title="全部")
TRADE = Digest(name="trade", title="商业", categories=(CategoryPath(PORTS.names[:1]),))
DEEPER = Digest(name="deeper", title="细", categories=(CategoryPath((*PORTS.names, "下")),))


def test_each_reader_gets_the_feeds_own_address_encoded_once() -> None:
    found = dict(reader_links(FEED, {"R": "https://r.example/add?feed={url}&x=1"}))
    address = FEED.link("rss.xml")
    assert "%" in address
    encoded = address.replace("%", "%25").replace(":", "%3A").replace("/", "%2F")
    assert found == {"R": f"https://r.example/add?feed={encoded}&x=1"}
    assert [name for name, _ in reader_links(FEED, READERS)] == list(READERS)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:80"])
def test_no_reader_on_the_web_reaches_a_site_on_this_machine(url: str) -> None:
    assert reader_links(replace(FEED, site=replace(SITE, url=url)), READERS) == []


@pytest.mark.parametrize(
    ("feed", "names"),
    [
        (default_feed(site=SITE), ["all"]),
        (FEED, ["all", "trade"]),
        (replace(FEED, category=TEA), ["all"]),
        (default_feed(site=SITE, facet=Facet(FacetKind.AUTHOR, "某人")), ["all"]),
    ],
)
def test_a_digest_is_named_where_it_carries_all_of_a_feed(feed: Feed, names: list[str]) -> None:
    assert [one.name for one in carriers(feed, [ALL, TRADE, DEEPER])] == names
