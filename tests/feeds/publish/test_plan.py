"""The plan of a publication: what is written, what ends, in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.model import CategoryPath, Facet, FacetKind, Scope
from digest.feeds.catalog import CustomFeed, FeedPlan
from digest.feeds.model import Feed
from digest.feeds.publish.plan import StaleFeeds, batches, candidates, listed, plan, within
from tests.defaults import default_plan
from tests.feeds.samples import PORTS, SHIPS, SITE, TEA, TRADE

LIN = Facet(FacetKind.AUTHOR, "林舟")
CHINESE, ENGLISH = Facet(FacetKind.LANGUAGE, "zh"), Facet(FacetKind.LANGUAGE, "en")
DOCKS, TIDES = Facet(FacetKind.CUSTOM, "docks"), Facet(FacetKind.CUSTOM, "tides")
GONE = Facet(FacetKind.CUSTOM, "taken out of the configuration")
PLAN = default_plan(
    site=SITE,
    authors=True,
    languages=True,
    custom=(CustomFeed(name="tides"), CustomFeed(name="docks")),
)


def stale(
    *selections: Scope,
    holding: tuple[Scope, ...] = (),
    languages: tuple[Facet, ...] = (CHINESE,),
    everything: bool = False,
) -> StaleFeeds:
    return StaleFeeds(
        revision=7,
        selections=dict.fromkeys(selections, 7),
        articles=None if everything else frozenset({1}),
        holding=frozenset(holding),
        languages=frozenset(languages),
    )


def feed(scope: Scope, feed_plan: FeedPlan = PLAN) -> Feed:
    found = feed_plan.feed(scope)
    assert found is not None
    return found


def scopes(feeds: object) -> list[Scope]:
    return [one.scope for one in feeds]  # type: ignore[attr-defined]  # feeds, in any collection


@pytest.mark.parametrize(
    ("changed", "present", "written", "begun", "ended"),
    [
        (stale(), [], [], [], []),
        (stale(None), [None], [None], [], []),
        (stale(None), [], [None], [None], []),  # without articles it is there, too
        (stale(TEA, holding=(TEA,)), [TEA], [TEA], [], []),
        (stale(TEA, holding=(TEA,)), [], [TEA], [TEA], []),
        (stale(TEA), [TEA], [], [], [TEA]),
        (stale(TEA), [], [], [], []),  # it began and ended between two publications
        (stale(LIN, holding=(LIN,)), [], [LIN], [LIN], []),
        (stale(LIN), [LIN], [], [], [LIN]),
        (stale(DOCKS), [DOCKS], [DOCKS], [], []),  # the operator's stay without articles
        (stale(GONE, holding=(GONE,)), [], [], [], []),
        # A second language begins the feed of the first one, which has not changed …
        (stale(ENGLISH, languages=(CHINESE, ENGLISH)), [], [ENGLISH, CHINESE], None, []),
        (stale(ENGLISH, languages=(CHINESE, ENGLISH)), [CHINESE], [ENGLISH], [ENGLISH], []),
        (stale(languages=(CHINESE, ENGLISH)), [CHINESE, ENGLISH], [], [], []),
        # … and a last one ends with the others.
        (stale(ENGLISH), [CHINESE, ENGLISH], [], [], [ENGLISH, CHINESE]),
        (stale(CHINESE, holding=(CHINESE,)), [], [], [], []),
        (stale(CHINESE, languages=()), [CHINESE], [], [], [CHINESE]),
        # Where everything is compared, what is there is written once more.
        (stale(None, everything=True), [None, DOCKS], [None, DOCKS, TIDES], [TIDES], []),
    ],
)
def test_what_is_written_begins_and_ends(
    changed: StaleFeeds,
    present: list[Scope],
    written: list[Scope],
    begun: list[Scope] | None,
    ended: list[Scope],
) -> None:
    found = plan(PLAN, changed, [feed(one) for one in present])
    assert set(scopes(found.written)) == set(written)
    assert set(scopes(found.begun)) == set(written if begun is None else begun)
    assert scopes(found.ended) == ended
    assert found.changes_lists is bool(found.begun or found.ended)


def test_kinds_that_have_no_feeds_are_left_alone() -> None:
    bare = default_plan(site=SITE)
    changed = stale(None, LIN, ENGLISH, DOCKS, holding=(LIN,), languages=())
    assert scopes(candidates(bare, changed)) == [None]
    assert scopes(plan(bare, changed, ()).written) == [None]


def test_everything_comes_first_and_parents_right_after_their_children() -> None:
    every = (LIN, TRADE, None, PORTS, ENGLISH, TEA, SHIPS, CategoryPath(("生活",)), DOCKS)
    found = plan(PLAN, stale(*every, holding=every, languages=(CHINESE, ENGLISH)), ())
    assert scopes(found.written) == [
        None,
        PORTS,
        SHIPS,
        TRADE,
        TEA,
        CategoryPath(("生活",)),
        LIN,
        DOCKS,
        ENGLISH,
        CHINESE,
    ]


def test_lists_name_the_operators_feeds_in_the_order_of_the_configuration() -> None:
    holding = (TRADE, SHIPS, TEA, LIN, ENGLISH, CHINESE)
    everything = stale(None, *holding, holding=holding, everything=True)
    everything = replace(everything, languages=frozenset({CHINESE, ENGLISH}))
    categories, facets = listed(PLAN, everything)
    assert categories == [TRADE, SHIPS, TEA]
    assert scopes(facets) == [LIN, ENGLISH, CHINESE, TIDES, DOCKS]


@pytest.mark.parametrize(("count", "expected"), [(0, []), (3, [3]), (4, [3, 1])])
def test_feeds_are_written_in_batches(count: int, expected: list[int]) -> None:
    feeds = [feed(CategoryPath((str(number),))) for number in range(count)]
    found = list(batches(feeds, 3))
    assert [len(one) for one in found] == expected
    assert [one for batch in found for one in batch] == feeds


SCOPES: tuple[Scope, ...] = (None, TRADE, SHIPS, TEA, LIN, CHINESE, ENGLISH, DOCKS, TIDES, GONE)


@given(
    st.lists(st.tuples(st.sets(st.sampled_from(SCOPES[1:])), st.booleans()), min_size=1, max_size=6)
)
def test_whatever_comes_and_goes_the_same_feeds_are_there_as_in_a_new_folder(
    history: list[tuple[set[Scope], bool]],
) -> None:
    present: set[Feed] = set()
    before: set[Scope] = set()
    for number, (holding, compared) in enumerate(history):
        everything = compared or not number
        spoken = tuple(one for one in (CHINESE, ENGLISH) if one in holding)
        changed = (None, *(holding if everything else holding ^ before))
        some = stale(*changed, holding=tuple(holding), languages=spoken, everything=everything)
        found = plan(PLAN, some, present)
        assert found.begun == set(found.written) - present
        assert present.issuperset(found.ended)
        assert not set(found.written).intersection(found.ended)
        # What is nobody's is removed where everything is compared.
        kept = set() if everything else present
        present = (kept | set(found.written)) - set(found.ended)
        whole = stale(None, *holding, holding=tuple(holding), languages=spoken, everything=True)
        assert present == set(plan(PLAN, whole, ()).written)
        before = holding


# What fits into a document


def test_everything_is_given_in_full_where_there_is_room() -> None:
    full = {"a": b"aaaa", "b": b"bbbb"}
    assert within(8, full, {"a": b"a", "b": b"b"}) == full


def test_the_first_are_given_in_full_and_none_is_left_out() -> None:
    full = {"a": b"aaaa", "b": b"bbbb", "c": b"cccc"}
    short = {"a": b"a", "b": b"b", "c": b"c"}
    assert within(7, full, short) == {"a": b"aaaa", "b": b"b", "c": b"c"}
    assert within(5, full, short) == {"a": b"a", "b": b"b", "c": b"c"}


def test_a_short_form_that_is_none_or_longer_is_not_taken() -> None:
    assert within(4, {"a": b"aa", "b": b"bb"}, {"a": b"longer"}) == {"a": b"aa", "b": b"bb"}


def test_what_has_no_room_is_left_out_and_the_others_stay() -> None:
    full = {"a": b"a" * 9, "b": b"bb", "c": b"c" * 9}
    assert within(4, full, full) == {"b": b"bb"}


@given(st.integers(0, 40), st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=4))))
def test_a_document_never_takes_more_than_its_room(
    room: int, entries: list[tuple[bytes, bytes]]
) -> None:
    full = {number: entry for number, (entry, _) in enumerate(entries)}
    short = {number: entry for number, (_, entry) in enumerate(entries)}
    kept = within(room, full, short)
    assert sum(map(len, kept.values())) <= room
    assert list(kept) == sorted(kept)
    assert all(entry in (full[number], short[number]) for number, entry in kept.items())
    smallest = sum(min(len(full[number]), len(short[number])) for number in full)
    assert (len(kept) == len(full)) or smallest > room
    if sum(map(len, full.values())) <= room:
        assert kept == full
