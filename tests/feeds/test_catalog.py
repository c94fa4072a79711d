from __future__ import annotations

from digest.articles.model import Facet, FacetKind
from digest.feeds.catalog import CustomFeed, article_counts
from digest.feeds.model import ATOM, RSS, CategorySummary, FacetSummary
from tests.defaults import default_plan
from tests.feeds.samples import SITE, TEA, TRADE

LIN = Facet(FacetKind.AUTHOR, "林舟")
CHINESE, ENGLISH = Facet(FacetKind.LANGUAGE, "zh"), Facet(FacetKind.LANGUAGE, "en")
GONE = Facet(FacetKind.CUSTOM, "a feed that was taken out of the configuration")
DOCKS, TIDES = Facet(FacetKind.CUSTOM, "docks"), Facet(FacetKind.CUSTOM, "tides")
PLAN = default_plan(
    site=SITE,
    full=False,
    formats=(RSS, ATOM),
    limit=7,
    authors=True,
    languages=True,
    custom=(
        CustomFeed(name="docks", title="港口", full=True, formats=(ATOM,), limit=3),
        CustomFeed(name="tides"),
    ),
)


def summaries(*facets: Facet) -> list[FacetSummary]:
    return [FacetSummary(facet=one, articles=2) for one in facets]


def test_a_feed_of_the_operators_is_like_the_others_where_nothing_is_said() -> None:
    docks, tides = PLAN.feed(DOCKS), PLAN.feed(TIDES)
    assert docks is not None
    assert (docks.full, docks.formats, docks.limit, docks.title) == (True, (ATOM,), 3, "港口")
    assert tides is not None
    assert (tides.full, tides.formats, tides.limit) == (False, (RSS, ATOM), 7)
    assert tides.title == f"tides · {SITE.title}"


def test_what_the_plan_leaves_out_has_no_feed() -> None:
    bare = default_plan(site=SITE)
    assert [bare.feed(one) for one in (LIN, CHINESE, DOCKS)] == [None, None, None]
    assert PLAN.feed(Facet(FacetKind.CUSTOM, "gone")) is None
    everything, trade = bare.feed(None), bare.feed(TRADE)
    assert everything is not None
    assert everything.scope is None
    assert trade is not None
    assert trade.scope == TRADE


def test_feeds_come_in_one_order_and_the_operators_always() -> None:
    categories = [CategorySummary(path=path, articles=5) for path in (TRADE, TEA)]
    found = article_counts(PLAN, categories, summaries(LIN, GONE, TIDES, ENGLISH, CHINESE))
    assert list(found) == [TRADE, TEA, ENGLISH, CHINESE, DOCKS, TIDES, LIN]
    assert list(found.values()) == [5, 5, 2, 2, 0, 2, 2]


def test_one_language_alone_has_no_feed() -> None:
    assert list(article_counts(PLAN, [], summaries(CHINESE))) == [DOCKS, TIDES]


def test_facets_that_the_plan_leaves_out_are_not_spread() -> None:
    assert (
        article_counts(default_plan(site=SITE), [], summaries(LIN, ENGLISH, CHINESE, DOCKS)) == {}
    )
