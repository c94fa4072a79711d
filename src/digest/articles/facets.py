"""Strands: what runs across the categories; an author, a language, a feed of the operator's."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StrandKind(StrEnum):
    """What the articles of a strand have in common."""

    AUTHOR = "author"
    LANGUAGE = "language"
    CUSTOM = "custom"  #: a sieve of the configuration takes them


@dataclass(frozen=True, slots=True, order=True)
class Strand:
    """The articles of one author, in one language, or that one sieve takes."""

    kind: StrandKind
    name: str  #: the author's, a language without its region, or the sieve's

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"a strand needs a name: {self.kind}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"
