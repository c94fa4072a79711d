"""Article filters: which articles a custom feed takes, and in which facets an article is."""

# pure
from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import regex

from digest.articles.model import CategoryPath, Facet, FacetKind, SafeHtml
from digest.articles.summary import plain_text
from digest.languages import primary

#: Scripts in which a word does not end at a space, or (Hangul) has particles attached.
_UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
)
#: What a word is made of in all other scripts.
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{_UNSPACED}]]"
_STARTS = regex.compile(_LETTER, regex.VERSION1)
_ENDS = regex.compile(rf"{_LETTER}\Z", regex.VERSION1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterInput:
    """The parts of an article that filters look at."""

    title: str  #: plain text
    authors: tuple[str, ...]
    categories: tuple[CategoryPath, ...]
    language: str | None  #: BCP 47; None means the site's
    body: SafeHtml  #: may be empty where no filter ``reads``


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """Criteria of articles; a criterion with several values matches any of them."""

    categories: tuple[CategoryPath, ...] = ()  #: these and all below
    authors: tuple[str, ...] = ()  #: whole names, in any case and width
    words: tuple[str, ...] = ()  #: in title or text, in any case and width
    languages: tuple[str, ...] = ()  #: ranges (RFC 4647): ``zh`` means ``zh-CN`` too

    def __bool__(self) -> bool:
        """Return whether there is any criterion."""
        return bool(self.categories or self.authors or self.words or self.languages)

    def meets(self, article: FilterInput, language: str) -> list[bool]:
        """Return, for each criterion that is set, whether an article meets it.

        ``language`` (BCP 47) applies to articles without one.
        """
        met = []
        if self.categories:
            met.append(
                any(own.within(path) for own in article.categories for path in self.categories)
            )
        if self.authors:
            met.append(not self._folded_authors.isdisjoint(map(folded, article.authors)))
        if self.languages:
            spoken = (article.language or language).lower()
            met.append(any(_in_range(spoken, wanted.lower()) for wanted in self.languages))
        if self.words:  # last: it is the one that takes time
            met.append(
                self._pattern.search(folded(article.title)) is not None
                or self._pattern.search(folded(plain_text(article.body))) is not None
            )
        return met

    @cached_property
    def _folded_authors(self) -> frozenset[str]:
        return frozenset(map(folded, self.authors))

    @cached_property
    def _pattern(self) -> regex.Pattern[str]:
        return regex.compile("|".join(map(_word, self.words)), regex.VERSION1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFilter:
    """Takes the articles that meet all of one set of criteria and none of another.

    Raises ValueError where it would take everything.
    """

    name: str
    wanted: Criteria = field(default_factory=Criteria)
    unwanted: Criteria = field(default_factory=Criteria)

    def __post_init__(self) -> None:
        if not self.wanted and not self.unwanted:
            raise ValueError(f"the filter {self.name} has no criteria")

    @property
    def facet(self) -> Facet:
        """The facet of the articles that it takes."""
        return Facet(FacetKind.CUSTOM, self.name)

    @property
    def reads(self) -> bool:
        """Whether the filter needs titles and texts."""
        return bool(self.wanted.words or self.unwanted.words)

    def takes(self, article: FilterInput, language: str) -> bool:
        """Return whether an article passes; ``language`` applies to articles without one."""
        return not any(self.unwanted.meets(article, language)) and all(
            self.wanted.meets(article, language)
        )


def facets_of(article: FilterInput, filters: Iterable[ArticleFilter], language: str) -> set[Facet]:
    """Return the facets that an article is in.

    ``language`` applies to articles without one; empty if unknown. The facet of a language
    contains all its regions and scripts: ``en`` also what is in ``en-GB``.
    """
    facets = {Facet(FacetKind.AUTHOR, name) for name in article.authors if name}
    if spoken := article.language or language:
        facets.add(Facet(FacetKind.LANGUAGE, primary(spoken)))
    facets |= {each.facet for each in filters if each.takes(article, language)}
    return facets


def fingerprint(filters: Iterable[ArticleFilter], language: str) -> str:
    """Return a hash, in hex, that changes when articles may be in other facets than before."""
    inputs: list[object] = [language, _RULES]
    for article_filter in sorted(filters, key=lambda each: each.name):
        for criteria in (article_filter.wanted, article_filter.unwanted):
            inputs += [
                article_filter.name,
                sorted(path.names for path in criteria.categories),
                sorted(criteria.authors),
                sorted(criteria.words),
                sorted(criteria.languages),
            ]
    raw = json.dumps(inputs, separators=(",", ":")).encode("ascii")
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


#: To be raised when ``facets_of`` returns other facets for the same article and the same filters.
_RULES = 1


def folded(text: str) -> str:
    """Return a text for comparison: without differences of case, width and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _word(word: str) -> str:
    """Return the pattern of a word in folded text: whole words where the script has spaces."""
    text = folded(word)
    before = rf"(?<!{_LETTER})" if _STARTS.match(text) else ""
    after = rf"(?!{_LETTER})" if _ENDS.search(text) else ""
    return before + regex.escape(text, literal_spaces=True) + after


def _in_range(tag: str, wanted: str) -> bool:
    """Return whether a language tag is in a range (RFC 4647 section 3.3.1), both in lower case."""
    return tag == wanted or tag.startswith(f"{wanted}-")
