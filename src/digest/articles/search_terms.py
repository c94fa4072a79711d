"""Search terms: the words by which articles are indexed and found, and excerpts that show them."""

# pure
from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from operator import add

import regex

#: Another number where the same text would be indexed by other words: the index is made anew.
INDEX_VERSION = 1
#: Characters of a text that are indexed. PostgreSQL's tsvector holds 1 MiB: each character makes
#: at most one term, of at most two characters of four bytes.
MAX_INDEXED = 100_000
#: Longer words are indexed and looked up by their beginning; characters.
MAX_WORD = 40
#: What is taken of a query: characters, and terms that are looked up.
MAX_QUERY, MAX_LOOKUPS = 200, 24
#: A word of a query with at least so many letters also finds longer ones that begin with it.
PREFIX_FROM = 4
#: Characters of an excerpt, and how many of them stand before the first match.
EXCERPT, _LEAD = 240, 60
#: Scripts whose words are not separated by spaces, or carry endings (Hangul): indexed by bigrams.
_UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー〆"
)
_TOKEN = regex.compile(
    rf"(?P<run>[[{_UNSPACED}]&&[\p{{L}}\p{{N}}]][[{_UNSPACED}\p{{M}}]&&[\p{{L}}\p{{N}}\p{{M}}]]*+)"
    rf"|[[\p{{L}}\p{{N}}]--[{_UNSPACED}]][[\p{{L}}\p{{N}}\p{{M}}]--[{_UNSPACED}]]*+",
    regex.VERSION1,
)
#: What tokens are made of; each is within one of these.
_TOKENS = regex.compile(r"[\p{L}\p{N}\p{M}]++", regex.VERSION1)
#: Accents of Latin, Greek and Cyrillic letters; marks of other scripts are part of the word.
_ACCENTS = regex.compile("[\u0300-\u036f]+")


@dataclass(frozen=True, slots=True)
class Lookup:
    """A term that an article must contain."""

    term: str  #: letters, digits and marks alone
    prefix: bool  #: a longer term that begins so will do


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """A query: an article must contain all terms, in any order."""

    text: str  #: as it is shown: on one line, MAX_QUERY characters at most
    words: tuple[str, ...]  #: normalized
    runs: tuple[str, ...]  #: normalized, of scripts without spaces
    lookups: tuple[Lookup, ...]  #: MAX_LOOKUPS at most; none: the query finds nothing


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of an excerpt."""

    text: str
    hit: bool  #: it is what was looked for


def index_terms(text: str) -> set[str]:
    """Return the index terms of a text: words, and bigrams of scripts without spaces.

    The last character of a run is a term too, so that each character begins one.
    """
    terms: set[str] = set()
    for piece in set(_TOKENS.findall(_normalized(text[:MAX_INDEXED]))):
        if piece.isascii():  # a word, without a look at scripts
            terms.add(piece[:MAX_WORD])
            continue
        for match in _TOKEN.finditer(piece):
            token = match[0]
            if match["run"]:
                terms.update(map(add, token, token[1:]))
                terms.add(token[-1])
            else:
                terms.add(token[:MAX_WORD])
    return terms


def search_query(text: str) -> SearchQuery:
    """Return the query of a text. There is no syntax: quotes and operators have no meaning."""
    shown = " ".join(text[:MAX_QUERY].split())
    words: dict[str, None] = {}
    runs: dict[str, None] = {}
    for match in _TOKEN.finditer(_normalized(shown)):
        (runs if match["run"] else words)[match[0]] = None
    lookups = dict.fromkeys(
        Lookup(word[:MAX_WORD], len(word) >= PREFIX_FROM) for word in words
    ) | dict.fromkeys(lookup for run in runs for lookup in _lookups_of_run(run))
    return SearchQuery(
        text=shown, words=tuple(words), runs=tuple(runs), lookups=tuple(lookups)[:MAX_LOOKUPS]
    )


def excerpt(text: str, query: SearchQuery, length: int = EXCERPT) -> tuple[Fragment, ...]:
    """Return the part of a text around the first match, with all matches in it marked.

    Where nothing matches, or no ``length`` would be left over, it is the beginning of the text.
    """
    text = text[:MAX_INDEXED]
    first = next(_hits(text, query), None)
    start = _word_start(text, first[0] - _LEAD) if first else 0
    end = _word_start(text, start + length) if start + length < len(text) else len(text)
    if end <= start:
        end = start + length
    shown = text[start:end].strip()
    return highlighted(f"{'… ' if start else ''}{shown}{' …' if end < len(text) else ''}", query)


def highlighted(text: str, query: SearchQuery) -> tuple[Fragment, ...]:
    """Return a whole text with its matches marked."""
    fragments: list[Fragment] = []
    at = 0
    for start, end in _hits(text, query):
        fragments += [Fragment(text[at:start], hit=False), Fragment(text[start:end], hit=True)]
        at = end
    fragments.append(Fragment(text[at:], hit=False))
    return tuple(fragment for fragment in fragments if fragment.text)


def _hits(text: str, query: SearchQuery) -> Iterator[tuple[int, int]]:
    """Yield start and end of each match in a text, in order, none within another."""
    for match in _TOKEN.finditer(text):
        if match["run"]:
            yield from _hits_in_run(match[0], match.start(), query.runs)
        elif any(map(_matches, query.words, [_normalized(match[0])] * len(query.words))):
            yield match.span()


def _matches(wanted: str, word: str) -> bool:
    return word.startswith(wanted) if len(wanted) >= PREFIX_FROM else word == wanted


def _hits_in_run(run: str, offset: int, wanted: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield the matches within a run; normalizing may make several characters of one."""
    places: list[int] = []
    normalized = ""
    for at, character in enumerate(run):
        piece = _normalized(character)
        normalized += piece
        places += [at] * len(piece)
    at = 0
    while at < len(normalized):
        longest = max((len(term) for term in wanted if normalized.startswith(term, at)), default=0)
        if longest:
            yield offset + places[at], offset + places[at + longest - 1] + 1
        at += longest or 1


def _lookups_of_run(run: str) -> Iterator[Lookup]:
    if len(run) == 1:
        yield Lookup(run, prefix=True)
    for at in range(len(run) - 1):
        yield Lookup(run[at : at + 2], prefix=False)


def _normalized(text: str) -> str:
    """Return a text for comparison: without case and accents, in compatibility form."""
    if text.isascii():
        return text.lower()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return unicodedata.normalize("NFKC", plain).casefold()


def _word_start(text: str, at: int) -> int:
    """Return a place near ``at``, at a space where there is one within 20 characters before it."""
    if at <= 0:
        return 0
    space = text.rfind(" ", max(0, at - 20), at)
    return at if space < 0 else space
