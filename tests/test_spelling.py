"""A misspelt word is met with the one that was meant."""

import pytest

from digest.spelling import alternatives, closest, counted


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


@pytest.mark.parametrize(
    ("number", "nouns", "said"),
    [
        (0, ("file",), "0 files"),
        (1, ("file",), "1 file"),
        (1200, ("file",), "1,200 files"),
        (1, ("category", "categories"), "1 category"),
        (2, ("category", "categories"), "2 categories"),
    ],
)
def test_a_noun_is_of_the_number_before_it(number: int, nouns: tuple[str, ...], said: str) -> None:
    assert counted(number, *nouns) == said
