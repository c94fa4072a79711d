"""Paths: names that no two things share, and that every file system and address takes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.urls import (
    MAX_NAME_BYTES,
    RESERVED_STEMS,
    archive_address,
    archive_path,
    edition_folder,
    normal_forms,
    slug,
)
from tests.effort import effort


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("金融 －国內", "金融 －国內"),
        ("a/b", "a%2Fb"),
        ("50%", "50%25"),
        (".hidden", "%2Ehidden"),
        ("..", "%2E%2E"),
        ("end.", "end%2E"),
        ("end ", "end%20"),
        ("RSS.xml", "RSS%2Exml"),
        ("r\u017fs.xml.br", "r\u017fs%2Exml%2Ebr"),
        ("feed.me", "feed%2Eme"),
        ("feeds.json", "feeds.json"),
        ("rss", "rss"),
        ("Node.js", "Node.js"),
        ("a\x00b", "a%00b"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_a_slug_is_readable_and_safe(name: str, expected: str) -> None:
    assert slug(name) == expected


@settings(max_examples=effort(50, soak=150))
@given(st.text(min_size=1, max_size=120), st.text(min_size=1, max_size=120))
def test_no_two_names_share_a_slug_and_all_file_systems_take_them(one: str, other: str) -> None:
    result = slug(one)
    assert (result == slug(other)) == (one == other)
    assert 0 < len(result.encode("utf-8")) <= MAX_NAME_BYTES
    assert "/" not in result
    assert result not in (".", "..")
    assert "." not in result or result.partition(".")[0].casefold() not in RESERVED_STEMS


def test_long_names_that_differ_at_the_end_get_different_slugs() -> None:
    assert slug("金" * 100 + "一") != slug("金" * 100 + "二")
    assert len(slug("金" * 100).encode()) <= MAX_NAME_BYTES


def test_an_archives_address_leads_back_to_its_feed_and_number() -> None:
    assert archive_path(7, "atom.xml") == "archive.d/7/atom.xml"
    assert archive_address("archive.d/7") == ("", 7)
    assert archive_address("金融/市场/archive.d/12") == ("金融/市场", 12)
    for other in ("archive.d", "archive.d/0", "archive.d/x", "archive.d/7/more", "archive.d7"):
        assert archive_address(other) is None


def test_an_edition_without_a_number_is_the_sample() -> None:
    assert edition_folder("daily", 3) == "digests/daily/3/"
    assert edition_folder("daily", 0) == "digests/daily/sample/"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ()),
        ("rss.xml", ("rss.xml",)),
        ("Caf\u00e9", ("Caf\u00e9", "Cafe\u0301")),
        ("Cafe\u0301", ("Cafe\u0301", "Caf\u00e9")),
        ("\u65b0", ("\u65b0",)),
    ],
)
def test_a_path_is_looked_for_as_given_composed_and_decomposed(
    path: str, expected: tuple[str, ...]
) -> None:
    assert normal_forms(path) == expected
