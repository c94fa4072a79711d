"""Three-way merges: nothing of either side is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.cli.three_way import merge

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


@pytest.mark.parametrize(
    ("base", "own", "shipped", "merged"),
    [
        ("a\nb\nc\n", "a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n"),
        ("a\nb\nc\n", "a\nY\nc\n", "a\nb\nc\n", "a\nY\nc\n"),
        ("a\nb\nc\n", "Y\nb\nc\n", "a\nb\nX\n", "Y\nb\nX\n"),
        ("a\nb\n", "a\nZ\nb\n", "a\nZ\nb\n", "a\nZ\nb\n"),
        ("a\nb\nc\n", "a\nc\n", "a\nb\nc\nd\n", "a\nc\nd\n"),
        ("", "y\n", "", "y\n"),
        ("a", "a", "a\nb", "a\nb"),
    ],
)
def test_changes_in_different_places_are_merged(
    base: str, own: str, shipped: str, merged: str
) -> None:
    made = merge(base, own, shipped)
    assert (made.text, made.conflicts) == (merged, 0)


def test_changes_in_the_same_place_stand_in_both_forms() -> None:
    made = merge("a\nb", "a\nY", "a\nX")
    assert made.conflicts == 1
    assert made.text.splitlines() == [
        "a",
        "<<<<<<< yours",
        "Y",
        "||||||| shipped before",
        "b",
        "=======",
        "X",
        ">>>>>>> shipped now",
    ]


@given(base=TEXTS, own=TEXTS, shipped=TEXTS)
def test_no_line_that_either_added_is_lost(base: str, own: str, shipped: str) -> None:
    made = merge(base, own, shipped).text.splitlines()
    for text in (own, shipped):
        for line in set(text.splitlines()) - set(base.splitlines()):
            assert line in made
    assert merge(base, base, shipped).text == shipped
    assert merge(base, own, base).text == own
