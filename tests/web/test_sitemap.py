from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from digest.web import sitemap
from digest.web.sitemap import CanonicalPage, robots, sitemaps
from tests.feeds.samples import NOON, SITE

NS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def told(content: bytes) -> list[tuple[str | None, str | None]]:
    """Return address and last change of each entry."""
    return [
        (one.findtext(f"{NS}loc"), one.findtext(f"{NS}lastmod"))
        for one in etree.fromstring(content)
    ]


def test_pages_are_told_with_their_last_change() -> None:
    pages = [CanonicalPage("", NOON), CanonicalPage("feeds/A&B/'<1>/", None)]
    found = sitemaps(SITE, pages)
    assert list(found) == ["sitemap.xml"]
    assert etree.fromstring(found["sitemap.xml"]).tag == f"{NS}urlset"
    assert told(found["sitemap.xml"]) == [
        ("https://ferry.example/", "2024-05-20T12:00:07Z"),
        ("https://ferry.example/feeds/A%26B/%27%3C1%3E/", None),
    ]


def test_a_site_without_pages_has_a_sitemap() -> None:
    assert told(sitemaps(SITE, [])["sitemap.xml"]) == []


def test_what_is_too_much_for_one_document_is_in_several_and_an_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sitemap, "MAX_ADDRESSES", 3)
    pages = [CanonicalPage(f"articles/{number}/", NOON) for number in range(7)]
    found = sitemaps(SITE, pages)
    assert list(found) == ["sitemap-1.xml", "sitemap-2.xml", "sitemap-3.xml", "sitemap.xml"]
    assert etree.fromstring(found["sitemap.xml"]).tag == f"{NS}sitemapindex"
    assert told(found["sitemap.xml"]) == [
        (f"https://ferry.example/sitemap-{number}.xml", None) for number in (1, 2, 3)
    ]
    parts = [told(found[f"sitemap-{number}.xml"]) for number in (1, 2, 3)]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert [one for part in parts for one, _ in part] == [SITE.link(one.path) for one in pages]
    assert list(sitemaps(SITE, pages[:3])) == ["sitemap.xml"]


def test_no_document_is_larger_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "MAX_BYTES", 1_000)
    pages = [CanonicalPage(f"articles/{number}/", NOON) for number in range(50)]
    found = dict(sitemaps(SITE, pages))
    index = found.pop("sitemap.xml")
    assert len(told(index)) == len(found) > 1
    assert max(map(len, found.values())) <= 1_000
    assert sum(len(told(part)) for part in found.values()) == 50


def test_an_address_that_is_too_long_is_left_out() -> None:
    longest = 2_047 - len(SITE.link(""))
    pages = [CanonicalPage("a" * longest, None), CanonicalPage("a" * (longest + 1), None)]
    assert told(sitemaps(SITE, pages)["sitemap.xml"]) == [(SITE.link("a" * longest), None)]


def test_crawlers_are_told_of_the_sitemap_and_kept_from_archives() -> None:
    site = replace(SITE, url="https://user.example/blog")
    assert robots(site, archives=False).decode() == (
        "User-agent: *\nDisallow:\n\nSitemap: https://user.example/blog/sitemap.xml\n"
    )
    assert robots(site, archives=True).decode().splitlines()[1:3] == [
        "Disallow: /blog/feeds/archive.d/",
        "Disallow: /blog/feeds/*/archive.d/",
    ]


def test_search_is_closed_to_crawlers() -> None:
    assert b"Disallow: /search/\n" in robots(SITE, archives=False, search=True)
