"""Facets: selections across categories; by author, by language, or by an article filter."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FacetKind(StrEnum):
    """The kind of a facet: what its articles have in common."""

    AUTHOR = "author"
    LANGUAGE = "language"
    CUSTOM = "custom"  #: a filter of the configuration takes them


@dataclass(frozen=True, slots=True, order=True)
class Facet:
    """The articles of one author, in one language, or that one filter takes."""

    kind: FacetKind
    name: str  #: the author's, a language without its region, or the filter's

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"a facet needs a name: {self.kind}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"
