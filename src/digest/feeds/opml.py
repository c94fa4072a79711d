"""OPML 2.0: the list of all feeds, for subscribing to many at once."""

# pure
from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from digest.articles.characters import publishable
from digest.articles.model import CategoryPath
from digest.feeds.catalog import FeedPlan
from digest.feeds.model import ATOM, RSS, Feed
from digest.languages import primary

#: What the folders of other feeds are called, by the site's language; English is for all others.
_FOLDERS = {
    "en": {"language": "Languages", "custom": "Selections", "author": "Authors"},
    "zh": {"language": "语言", "custom": "专题", "author": "作者"},
}


def opml(
    plan: FeedPlan,
    categories: Sequence[CategoryPath],
    others: Sequence[Feed] = (),
) -> bytes:
    """Return the site's feeds as OPML 2.0 in UTF-8, nested like the categories.

    ``categories`` are those of every level, in their order. A category with others below it is a
    folder whose first outline is its own feed: readers that meet an ``xmlUrl`` do not look below
    it. The ``others``, feeds of facets, follow in a folder for each kind. Of a feed's files RSS is
    listed, else Atom, else the first one.
    """
    site = plan.site
    name = next((name for name in (RSS, ATOM) if name in plan.formats), plan.formats[0])
    root = ET.Element("opml", version="2.0")
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "title").text = publishable(site.title)
    if site.author:
        ET.SubElement(head, "ownerName").text = publishable(site.author)
    ET.SubElement(head, "docs").text = "https://opml.org/spec2.opml"
    body = ET.SubElement(root, "body")
    _outline(body, plan.of_category(None), name)

    parents = {path.parent for path in categories}
    folders: dict[CategoryPath | None, ET.Element] = {}
    for path in sorted(categories):
        place = folders.get(path.parent, body)
        if path in parents:
            title = publishable(path.name)
            place = ET.SubElement(place, "outline", text=title, title=title)
            folders[path] = place
        _outline(place, plan.of_category(path), name)
    for kind, title in _FOLDERS.get(primary(site.language), _FOLDERS["en"]).items():
        feeds = [feed for feed in others if feed.kind == kind]
        if feeds:
            place = ET.SubElement(body, "outline", text=title, title=title)
            for feed in feeds:
                _outline(place, feed, name if name in feed.formats else feed.formats[0])
    document: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document + b"\n"


def _outline(place: ET.Element, feed: Feed, name: str) -> None:
    title = publishable(feed.name)
    ET.SubElement(
        place,
        "outline",
        text=title,
        title=title,
        type="rss",
        xmlUrl=feed.link(name),
        htmlUrl=feed.link(),
    )
