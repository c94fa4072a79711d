"""The cache of entries: what is kept, and what goes first."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.publish.entry_cache import EntryCache, EntryForm

FORM = EntryForm("rss.xml", True, "zh-CN")


def test_an_entry_is_found_by_all_that_decides_its_bytes() -> None:
    cache = EntryCache()
    cache.put(FORM, 7, 3, b"<item/>")
    assert cache.get(FORM, 7, 3) == b"<item/>"
    assert cache.get(FORM, 8, 3) is None
    for other in (
        replace(FORM, format="atom.xml"),
        replace(FORM, full=False),
        replace(FORM, language="en"),
    ):
        assert cache.get(other, 7, 3) is None


def test_an_entry_of_another_revision_is_not_found_and_takes_its_place() -> None:
    cache = EntryCache()
    cache.put(FORM, 7, 3, b"old")
    assert cache.get(FORM, 7, 4) is None
    cache.put(FORM, 7, 4, b"new")
    assert cache.get(FORM, 7, 4) == b"new"
    assert cache.get(FORM, 7, 3) is None


def test_what_was_not_used_for_the_longest_time_goes_first() -> None:
    cache = EntryCache(capacity=3)
    for sequence in (1, 2, 3):
        cache.put(FORM, sequence, 1, b"x")
    assert cache.get(FORM, 1, 1)
    cache.put(FORM, 4, 1, b"x")
    assert [cache.get(FORM, one, 1) for one in (1, 2, 3, 4)] == [b"x", None, b"x", b"x"]


def test_an_entry_larger_than_all_is_not_kept() -> None:
    cache = EntryCache(capacity=3)
    cache.put(FORM, 1, 1, b"four")
    assert cache.get(FORM, 1, 1) is None
    cache.put(FORM, 2, 1, b"two")
    assert cache.get(FORM, 2, 1) == b"two"


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.binary(max_size=9))))
def test_it_never_holds_more_bytes_than_it_may_and_never_another_entry(
    entries: list[tuple[int, int, bytes]],
) -> None:
    cache = EntryCache(capacity=12)
    last: dict[int, tuple[int, bytes]] = {}
    for sequence, revision, entry in entries:
        cache.put(FORM, sequence, revision, entry)
        last[sequence] = (revision, entry)
        kept = [cache.get(FORM, one, known[0]) for one, known in last.items()]
        assert sum(len(one) for one in kept if one is not None) <= 12
        for found, known in zip(kept, last.values(), strict=True):
            assert found in (None, known[1])
    assert cache._size == sum(len(one) for _, one in cache._kept.values())
