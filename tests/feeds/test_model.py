from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.model import CategoryPath, Facet, FacetKind
from digest.feeds.model import ATOM, article_link
from tests.defaults import default_feed
from tests.feeds.samples import PORTS, SITE, TRADE, article


def test_the_root_feed_lives_right_below_feeds() -> None:
    feed = default_feed(site=SITE, category=None)
    assert feed.folder == "feeds/"
    assert feed.title == SITE.title
    assert feed.link() == "https://ferry.example/feeds/"
    assert feed.id == "tag:ferry.example,2024:feeds"


def test_a_category_feed_is_named_by_its_path_and_its_address_is_encoded() -> None:
    feed = default_feed(site=SITE, category=PORTS)
    assert feed.folder == "feeds/商业/航运/港口 & Docks/"
    assert feed.title == f"商业 / 航运 / 港口 & Docks · {SITE.title}"
    assert feed.link(ATOM).endswith("/%E6%B8%AF%E5%8F%A3%20%26%20Docks/atom.xml")
    assert feed.link(ATOM).isascii()


def test_feeds_have_different_ids() -> None:
    feeds = [default_feed(site=SITE, category=category) for category in (None, TRADE, PORTS)]
    assert len({feed.id for feed in feeds}) == 3


def test_a_name_with_a_slash_does_not_make_a_deeper_folder() -> None:
    feed = default_feed(site=SITE, category=CategoryPath(("A/B", "..")))
    assert feed.folder == "feeds/A%2FB/%2E%2E/"
    assert feed.link() == "https://ferry.example/feeds/A%252FB/%252E%252E/"


@pytest.mark.parametrize(
    ("facet", "folder", "title", "kind"),
    [
        (Facet(FacetKind.AUTHOR, "A/B"), "feeds/@authors/A%2FB/", "A/B", "author"),
        (Facet(FacetKind.LANGUAGE, "en"), "feeds/@languages/en/", "English", "language"),
        (Facet(FacetKind.CUSTOM, "docks"), "feeds/@custom/docks/", "docks", "custom"),
    ],
)
def test_a_facet_has_a_folder_of_its_own(facet: Facet, folder: str, title: str, kind: str) -> None:
    feed = default_feed(site=SITE, facet=facet)
    assert feed.folder == folder
    assert feed.id.startswith("tag:ferry.example,2024:feeds/%40")
    assert (feed.name, feed.title) == (title, f"{title} · {SITE.title}")
    assert (feed.kind, feed.scope) == (kind, facet)


def test_the_operators_title_stands_alone() -> None:
    feed = default_feed(site=SITE, facet=Facet(FacetKind.CUSTOM, "docks"), called="港口")
    assert (feed.name, feed.title) == ("港口", "港口")


def test_a_feed_has_one_scope() -> None:
    with pytest.raises(ValueError, match="a feed of both"):
        default_feed(site=SITE, category=TRADE, facet=Facet(FacetKind.AUTHOR, "林舟"))
    assert [default_feed(site=SITE, category=one).kind for one in (None, TRADE)] == [
        "everything",
        "category",
    ]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["@authors", "@AUTHORS", "@custom", "%40custom", "x"]),
            st.text(min_size=1),
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(FacetKind),
    st.sampled_from(["x", "@authors", "rss.xml", ".."]),
)
def test_no_category_lies_in_the_folder_of_a_facet(
    names: list[str], kind: FacetKind, name: str
) -> None:
    category = default_feed(site=SITE, category=CategoryPath(tuple(names)))
    facet = default_feed(site=SITE, facet=Facet(kind, name))
    assert not category.folder.casefold().startswith(
        facet.folder.rpartition("/")[0].rpartition("/")[0] + "/"
    )
    assert category.id != facet.id
    usual = f"feeds/{category.category.folder}/" if category.category else ""
    if not names[0].startswith("@"):
        assert category.folder == usual


def test_an_article_leads_to_its_own_link_else_to_its_page() -> None:
    assert article_link(SITE, article(1)) == "https://elsewhere.example/ships?n=1&lang=zh"
    own = article(1, link=None)
    assert article_link(SITE, own) == f"https://ferry.example/articles/{own.key}/"
