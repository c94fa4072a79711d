from __future__ import annotations

from dataclasses import replace

from lxml import etree

from digest.articles.model import CategoryPath, Facet, FacetKind
from digest.feeds.model import ATOM, RSS
from digest.feeds.opml import opml
from tests.defaults import default_feed, default_plan
from tests.feeds.samples import PORTS, SHIPS, SITE, TEA, TRADE


def categories(*paths: CategoryPath) -> list[CategoryPath]:
    return list(paths)


def shape(outline: etree._Element) -> list[object]:
    """Return the outlines below one: titles of feeds, and (title, what is below) of folders."""
    return [
        child.get("text") if child.get("xmlUrl") else (child.get("text"), shape(child))
        for child in outline
    ]


def test_feeds_are_nested_like_the_categories() -> None:
    life = CategoryPath(("生活",))
    document = opml(default_plan(site=SITE), categories(TRADE, SHIPS, PORTS, life, TEA))
    root = etree.fromstring(document)
    assert root.get("version") == "2.0"
    assert root.findtext("head/title") == SITE.title
    assert root.findtext("head/ownerName") == "编辑部"
    body = root.find("body")
    assert body is not None
    assert shape(body) == [
        SITE.title,
        ("商业", ["商业", ("航运", ["航运", "港口 & Docks"])]),
        ("生活", ["生活", "茶"]),
    ]


def test_each_feed_has_its_addresses_and_only_leaves_have_them() -> None:
    root = etree.fromstring(opml(default_plan(site=SITE), categories(TRADE, SHIPS)))
    feeds = [outline for outline in root.iter("outline") if outline.get("xmlUrl")]
    assert [len(feed) for feed in feeds] == [0, 0, 0]
    assert [dict(feed.attrib) for feed in feeds[1:]] == [
        {
            "text": category.name,
            "title": category.name,
            "type": "rss",
            "xmlUrl": default_feed(site=SITE, category=category).link("rss.xml"),
            "htmlUrl": default_feed(site=SITE, category=category).link(),
        }
        for category in (TRADE, SHIPS)
    ]


def test_another_format_can_be_listed() -> None:
    assert b"/atom.xml" in opml(default_plan(site=SITE, formats=(ATOM,)), [])


def test_a_category_whose_parent_is_not_listed_stands_at_the_top() -> None:
    body = etree.fromstring(opml(default_plan(site=SITE), categories(PORTS))).find("body")
    assert body is not None
    assert shape(body) == [SITE.title, PORTS.name]


def test_hostile_names_are_escaped_and_no_clock_shows() -> None:
    site = replace(SITE, title='<a> "b"\x00', author="")
    document = opml(default_plan(site=site), categories(CategoryPath(('"><x>\x01',))))
    root = etree.fromstring(document)
    assert root.findtext("head/title") == '<a> "b"'
    assert root.find("head/ownerName") is None
    assert [outline.get("text") for outline in root.iter("outline")] == ['<a> "b"', '"><x>']
    assert document == opml(default_plan(site=site), categories(CategoryPath(('"><x>\x01',))))
    assert b"date" not in document


def test_feeds_of_facets_stand_in_folders_of_their_kinds() -> None:
    docks = default_feed(site=SITE, facet=Facet(FacetKind.CUSTOM, "docks"), formats=(ATOM,))
    english = default_feed(site=SITE, facet=Facet(FacetKind.LANGUAGE, "en"))
    authors = [default_feed(site=SITE, facet=Facet(FacetKind.AUTHOR, name)) for name in "甲乙"]
    document = opml(default_plan(site=SITE), categories(TRADE), [*authors, docks, english])
    body = etree.fromstring(document).find("body")
    assert body is not None
    assert shape(body) == [
        SITE.title,
        "商业",
        ("语言", ["English"]),
        ("专题", ["docks"]),
        ("作者", ["甲", "乙"]),
    ]
    addresses = [outline.get("xmlUrl") for outline in body.iter("outline")]
    assert docks.link(ATOM) in addresses, "it has no RSS"
    assert authors[0].link(RSS) in addresses
    foreign = opml(default_plan(site=replace(SITE, language="fr")), [], authors)
    assert b'title="Authors"' in foreign
