"""Visitors find articles by words, as a page and as a feed, and turn pages by key."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from lxml import etree

from digest.articles.model import article_key
from digest.web import feed_pages
from tests.web.conftest import Site


@pytest.fixture
def indexed(site: Site) -> Site:
    index(site)
    return site


def index(site: Site) -> None:
    while site.services.store.search.update():
        pass


async def titles(site: Site, address: str) -> list[str]:
    page = (await site.get(address)).text
    return [re.sub("<[^>]+>", "", one) for one in re.findall(r"<h2><a [^>]+>(.+?)</a></h2>", page)]


async def test_results_are_marked_and_lead_to_their_feed(indexed: Site) -> None:
    page = await indexed.get(f"search/?q={quote('文章3')}")
    assert page.status_code == 200
    assert "<mark>文章3</mark>" in page.text or "<mark>文章</mark><mark>3</mark>" in page.text
    assert f"search/rss.xml?q={quote('文章3')}" in page.text
    assert page.headers["x-robots-tag"] == "noindex"
    feed = await indexed.get(f"search/rss.xml?q={quote('文章3')}")
    assert feed.headers["content-type"].startswith("application/rss+xml")
    channel = etree.fromstring(feed.content)[0]
    assert [item.findtext("title") for item in channel.iterfind("item")] == ["文章3"]
    self_link = channel.find("{http://www.w3.org/2005/Atom}link[@rel='self']")
    assert self_link is not None
    assert self_link.get("href", "").endswith(f"/search/rss.xml?q={quote('文章3')}")


async def test_an_excerpt_shows_where_the_words_are(indexed: Site) -> None:
    indexed.tell("long", "长文", body="<p>前言前言。</p>" * 5 + "<p>隧道</p>")
    index(indexed)
    page = (await indexed.get(f"search/?q={quote('隧道')}")).text
    assert "<mark>隧道</mark>" in page


async def test_what_is_searched_for_is_never_markup(indexed: Site) -> None:
    hostile = '"><script>alert(1)</script>'
    page = await indexed.get(f"search/?q={quote(hostile)}")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    feed = await indexed.get(f"search/rss.xml?q={quote(hostile)}")
    assert etree.fromstring(feed.content)[0].findtext("item") is None


@pytest.mark.full_speed
@pytest.mark.parametrize(
    "query", ["", "?", "?q=", "?q=%ff%00", "?q=a&q=b", "?before=x", "?q=a&before=1-1-1", "?%&=;"]
)
async def test_no_query_is_an_error(indexed: Site, query: str) -> None:
    for path in ("search/", "search/rss.xml", "feeds/"):
        assert (await indexed.get(path + query)).status_code == 200


@pytest.mark.parametrize("far", ["9" * 18 + "-1", "-" + "9" * 18 + "-1", "0-0", "1" * 40 + "-1"])
async def test_a_position_out_of_all_ranges_is_no_error(indexed: Site, far: str) -> None:
    for address in (f"search/?q=a&before={far}", f"feeds/?before={far}", f"feeds/?after={far}"):
        assert (await indexed.get(address)).status_code == 200


async def test_results_of_one_query_are_not_those_of_another(indexed: Site) -> None:
    assert await titles(indexed, f"search/?q={quote('文章1')}") == ["文章1"]
    assert await titles(indexed, f"search/?q={quote('文章2')}") == ["文章2"]


async def test_a_page_of_results_follows_the_index_and_withdrawals(site: Site) -> None:
    address = f"search/?q={quote('文章1')}"
    assert (
        "being indexed" in unescape((await site.get(address)).text)
        or "正在" in (await site.get(address)).text
    )
    index(site)
    assert await titles(site, address) == ["文章1"]
    site.services.store.withdrawals.withdraw([article_key("1")], site.services.clock())
    assert await titles(site, address) == []


async def test_results_have_pages(indexed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_pages, "RESULTS", 2)
    address, seen = f"search/?q={quote('文章')}", []
    while address:
        seen += await titles(indexed, address)
        page = (await indexed.get(address)).text
        older = re.search(r'rel="next" href="/([^"]+)"', page)
        address = unescape(older[1]) if older else ""
    assert seen == [f"文章{number}" for number in range(4, -1, -1)]


async def test_a_category_shows_all_of_its_articles_by_turning_pages(site: Site) -> None:
    folder = f"feeds/{quote('金融')}/"
    address, seen = folder, []
    while address:
        seen.append(await titles(site, address))
        older = re.search(r'rel="next" href="/([^"]+)"', (await site.get(address)).text)
        last, address = address, unescape(older[1]) if older else ""
    assert seen == [["文章4", "文章3"], ["文章2", "文章1"], ["文章0"]]
    newer = re.search(r'rel="prev" href="/([^"]+)"', (await site.get(last)).text)
    assert newer is not None
    assert await titles(site, newer[1]) == ["文章2", "文章1"]
    first = re.search(r'rel="prev" href="/([^"]+)"', (await site.get(newer[1])).text)
    assert first is not None
    assert await titles(site, first[1]) == ["文章4", "文章3"]
    assert 'rel="prev"' not in (await site.get(folder)).text


async def test_a_page_before_the_first_is_the_first(site: Site) -> None:
    newest = re.search(r"before=([-0-9]+)", (await site.get("feeds/")).text)
    assert newest is not None
    assert await titles(site, f"feeds/?after={newest[1]}") == ["文章4", "文章3"]


async def test_authors_and_everything_have_pages_too(site: Site) -> None:
    for folder in ("feeds/", f"feeds/@authors/{quote('林海')}/"):
        older = re.search(r'rel="next" href="/([^"]+)"', (await site.get(folder)).text)
        assert older is not None
        assert await titles(site, older[1]) == ["文章2", "文章1"]


async def test_without_search_no_page_leads_to_one(site: Site) -> None:
    workplace = site.workplace
    file = workplace.configuration
    text = file.read_text("utf-8")
    file.write_text(text.replace("[web]\n", "[web]\nsearch = false\n"), "utf-8")
    with workplace.open() as services:
        assert services.search_indexer() is None
        assert (await workplace.visit(services, "search/")).status_code == 404
        assert "search" not in (await workplace.visit(services, "")).text
