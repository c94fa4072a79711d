"""Crawlers find every page by the sitemap, and browsers the icon."""

from __future__ import annotations

import json
import re

import pytest
from lxml import etree

from digest.articles.model import article_key
from digest.urls import article_folder
from digest.web import routing
from tests.web.conftest import Site

FIRST = article_folder(article_key("1"))


def addresses(content: bytes) -> list[str]:
    return [str(one.text) for one in etree.fromstring(content).iter("{*}loc")]


async def test_the_sitemap_has_parts_that_name_every_page(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "PART", 2)
    await site.get("")
    parts = [one.rpartition("/")[2] for one in addresses((await site.get("sitemap.xml")).content)]
    assert parts == [f"sitemap-{number}.xml" for number in range(1, 5)]
    documents = [await site.get(part) for part in parts]
    assert {one.headers["content-type"] for one in documents} == {"application/xml; charset=utf-8"}
    named = [[one.split("/", 3)[3] for one in addresses(page.content)] for page in documents]
    assert {"", "feeds/", "digests/daily/", "digests/daily/1/"} <= set(named[0])
    assert [len(part) for part in named[1:]] == [0, 0, 0]  # all of them are at home elsewhere
    for address in named[0]:
        assert (await site.get(address)).status_code == 200
    assert (await site.get("sitemap-5.xml")).status_code == 404
    assert (await site.get("sitemap-0.xml")).status_code == 404
    assert (await site.get("sitemap-x.xml")).status_code == 404


async def test_articles_without_a_link_elsewhere_are_in_the_sitemap(site: Site) -> None:
    with site.services.store.pages._database.write() as connection:
        connection.exec_driver_sql("UPDATE article SET link = NULL WHERE title = '文章1'")
    named = addresses((await site.get("sitemap-2.xml")).content)
    assert [one.split("/", 3)[3] for one in named] == [FIRST]


async def test_robots_and_the_icon_are_served(site: Site) -> None:
    robots = await site.get("robots.txt")
    assert "/sitemap.xml" in robots.text
    assert "Disallow: /search/" in robots.text
    icon = await site.get("favicon.ico")
    assert icon.headers["content-type"] == "image/svg+xml"
    assert etree.fromstring(icon.content).tag == "{http://www.w3.org/2000/svg}svg"


async def test_an_article_tells_machines_what_it_is(site: Site) -> None:
    site.tell("odd", "</script><b>&", body="<p>好</p>")
    page = (await site.get(article_folder(article_key("odd")))).text
    script = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert script is not None
    told = json.loads(script[1])
    assert (told["@type"], told["headline"]) == ("NewsArticle", "</script><b>&")
    assert [one["name"] for one in told["author"]] == ["林海", "Ada Field"]
    assert 'property="og:url"' in page
