from __future__ import annotations

from digest.articles.model import CategoryPath
from digest.feeds.selection import ATOM, Feed, article_link
from tests.feeds.samples import PORTS, SITE, TRADE, article


def test_the_root_feed_lives_right_below_feeds() -> None:
    feed = Feed(site=SITE, category=None)
    assert feed.folder == "feeds/"
    assert feed.title == SITE.title
    assert feed.link() == "https://ferry.example/feeds/"
    assert feed.id == "tag:ferry.example,2024:feeds"


def test_a_category_feed_is_named_by_its_path_and_its_address_is_encoded() -> None:
    feed = Feed(site=SITE, category=PORTS)
    assert feed.folder == "feeds/商业/航运/港口 & Docks/"
    assert feed.title == f"商业 / 航运 / 港口 & Docks · {SITE.title}"
    assert feed.link(ATOM).endswith("/%E6%B8%AF%E5%8F%A3%20%26%20Docks/atom.xml")
    assert feed.link(ATOM).isascii()


def test_feeds_have_different_ids() -> None:
    feeds = [Feed(site=SITE, category=category) for category in (None, TRADE, PORTS)]
    assert len({feed.id for feed in feeds}) == 3


def test_a_name_with_a_slash_does_not_make_a_deeper_folder() -> None:
    feed = Feed(site=SITE, category=CategoryPath(("A/B", "..")))
    assert feed.folder == "feeds/A%2FB/%2E%2E/"
    assert feed.link() == "https://ferry.example/feeds/A%252FB/%252E%252E/"


def test_an_article_leads_to_its_own_link_else_to_its_page() -> None:
    assert article_link(SITE, article(1)) == "https://elsewhere.example/ships?n=1&lang=zh"
    own = article(1, link=None)
    assert article_link(SITE, own) == f"https://ferry.example/articles/{own.key}/"
