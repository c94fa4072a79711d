"""A misspelt word is met with the one that was meant."""

import pytest

from digest.spelling import alternatives, closest


def test_the_closest_word_is_found_whatever_its_case() -> None:
    assert closest("TIMEZON", ["Timezone", "title", "url"]) == ["Timezone"]
    assert closest("dayly", {"daily": 1, "weekly": 2}) == ["daily"]


def test_a_word_that_is_like_none_has_no_neighbour() -> None:
    assert closest("xyz", ["daily", "weekly"]) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [(["a"], "'a'"), (["a", "b"], "'a' or 'b'"), (["a", "b", "c"], "'a', 'b' or 'c'")],
)
def test_words_are_listed_as_a_person_would(words: list[str], said: str) -> None:
    assert alternatives(words) == said
