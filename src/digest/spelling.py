"""Spelling: suggestions for misspelt words, lists of words, nouns with their numbers."""

# pure
from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(word: str, words: Iterable[str], count: int = 1) -> list[str]:
    """Return the words that ``word`` may be a misspelling of, the closest first."""
    by_folded = {known.casefold(): known for known in words}
    matches = difflib.get_close_matches(word.casefold(), by_folded, n=count, cutoff=0.6)
    return [by_folded[folded] for folded in matches]


def alternatives(words: list[str]) -> str:
    """Return words, at least one, as a person lists them."""
    quoted = [f"'{word}'" for word in words]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun; ``plural`` where that is not the noun with an "s"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
