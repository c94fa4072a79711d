"""Kept pages are bounded in bytes, and what was asked for longest ago goes first."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.web.page_cache import PageCache, RenderedPage, packed

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SIZES = st.integers(0, 3000)


def page(content: bytes = b"x" * 2000, tag: str = "t") -> RenderedPage:
    return RenderedPage(
        tag=tag,
        changed_at=NOW,
        dated=True,
        headers=[(b"vary", b"Accept-Encoding")],
        media_type="text/html; charset=utf-8",
        content=content,
        revision=1,
        until=float("inf"),
    )


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), SIZES, st.booleans()), max_size=60))
def test_it_never_holds_more_than_it_may(steps: list[tuple[str, int, bool]]) -> None:
    cache = PageCache(capacity=20_000, largest=4_500)
    kept: dict[str, RenderedPage] = {}
    for address, size, grows in steps:
        known = cache.get(address)
        if grows and known is not None:
            known.variants["gzip"] = b"x" * size
            cache.keep(address, known)
        else:
            cache.keep(address, kept.setdefault(address, page(b"x" * size)))
        found = [one for one in map(cache.get, "abcdefgh") if one is not None]
        assert cache._weight == sum(one.weight for one in found) <= 20_000
        assert len(cache._kept) == len(found)
        assert all(one.weight <= 4_500 for one in found)
    cache.clear()
    assert (len(cache._kept), cache._weight) == (0, 0)


def test_what_was_asked_for_longest_ago_makes_room() -> None:
    one = page()
    cache = PageCache(capacity=one.weight * 2)
    for address in ("a", "b"):
        cache.keep(address, page())
    assert cache.get("a") is not None
    cache.keep("c", page())
    assert cache.get("b") is None
    assert cache.get("a") is not None


@pytest.mark.parametrize(
    ("accepted", "long", "short"),
    [
        (None, "identity", "identity"),
        ("gzip", "gzip", "identity"),
        ("gzip, br", "br", "identity"),
        ("zstd", "identity", "identity"),
        ("br;q=0, gzip;q=0.1", "gzip", "identity"),
        ("identity;q=0, gzip", "gzip", "gzip"),
        ("identity;q=0", None, None),
        ("*;q=0", None, None),
    ],
)
def test_an_encoding_is_chosen_as_the_client_likes(
    accepted: str | None, long: str | None, short: str | None
) -> None:
    assert page().encoding(accepted) == long
    assert page(b"short").encoding(accepted) == short


def test_packed_pages_are_the_same_each_time() -> None:
    content = "码头上的灯".encode() * 500
    assert packed("gzip", content) == packed("gzip", content)
    assert gzip.decompress(packed("gzip", content)) == content
    assert brotli.decompress(packed("br", content)) == content


def test_each_encoding_has_a_head_and_a_tag_of_its_own() -> None:
    one = page()
    one.variants["gzip"] = b"12345"
    plain, zipped = dict(one.head("identity", None)), dict(one.head("gzip", NOW))
    assert (plain[b"etag"], zipped[b"etag"]) == (b'"t"', b'"t-gzip"')
    assert (plain[b"content-length"], zipped[b"content-length"]) == (b"2000", b"5")
    assert zipped[b"content-encoding"] == b"gzip"
    assert b"last-modified" not in plain
    assert zipped[b"last-modified"] == b"Mon, 23 Nov 2026 08:00:00 GMT"
    assert dict(one.head(None, NOW)).keys() == {b"vary", b"last-modified"}
    assert one.tags() == {"t", "t-gzip", "t-br"}
