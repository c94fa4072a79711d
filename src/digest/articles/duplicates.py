"""Duplicates: recognize files that contain the same article, or nearly the same."""

# pure
from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import nsmallest
from struct import pack, unpack
from zlib import crc32

#: Characters without white space. A shorter text without a link identifies no article: many are
#: a single picture, or a line that is repeated every week.
MIN_TEXT = 40
#: Without a link, the same text at another time is another article: a notice that comes again.
SAME_TIME = timedelta(days=2)
#: Resemblance from which two articles of one title are near duplicates.
NEAR_DUPLICATE = 0.6
#: Resemblance from which a file with another title than before still contains the same article.
SAME_ARTICLE = 0.5

#: Characters of a shingle, shingles of a sketch, characters of a text that are compared.
_SHINGLE, _SKETCH, _COMPARED = 6, 64, 4_000
_WIDTH = 4  #: bytes of a character in UTF-32, and of a number in a sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSignature:
    """Hashes by which an article is recognized in another file."""

    title: str  #: hex; equal for titles that differ only in case, width and punctuation
    exact: str  #: hex over title, text and link; empty if they identify no article
    linked: bool  #: ``exact`` covers a link
    sketch: bytes  #: of the text, for ``resemblance``; empty if none was made

    def is_duplicate_of(self, other: ContentSignature) -> bool:
        """Return whether title, text and link are equal."""
        return bool(self.exact) and self.exact == other.exact

    def is_near_duplicate_of(self, other: ContentSignature) -> bool:
        """Return whether the title and most of the text are equal; needs both sketches."""
        return (
            self.title == other.title and resemblance(self.sketch, other.sketch) >= NEAR_DUPLICATE
        )

    def is_version_of(self, other: ContentSignature) -> bool:
        """Return whether two versions of a file are versions of the same article."""
        return self.title == other.title or resemblance(self.sketch, other.sketch) >= SAME_ARTICLE

    def with_sketch(self, text: str) -> ContentSignature:
        """Return the signature with the sketch of the article's ``text``."""
        return self if self.sketch else replace(self, sketch=sketch(text))

    def has_content_of(self, other: ContentSignature) -> bool:
        """Return whether two versions of an article have the same title, text and link."""
        return (self.title, self.exact, self.linked) == (other.title, other.exact, other.linked)


def content_signature(
    title: str, text: str, link: str | None, *, sketched: bool = True
) -> ContentSignature:
    """Return the signature of an article; white space in ``text`` is ignored.

    Without ``sketched`` it has no sketch, which takes as long as the rest of a draft and is needed
    for near duplicates only.
    """
    words = "".join(text.split())
    letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", title).casefold()))
    identifying = link is not None or len(words) >= MIN_TEXT
    return ContentSignature(
        title=_hash(letters or title),
        exact=_hash(title, words, link or "") if identifying else "",
        linked=link is not None,
        sketch=sketch(text) if sketched else b"",
    )


def dates_match(first: datetime, second: datetime) -> bool:
    """Return whether two dates may be those of one article in two files."""
    return abs(first - second) <= SAME_TIME


def resemblance(first: bytes, second: bytes) -> float:
    """Return the estimated resemblance of two texts, 0 to 1, by their sketches.

    That is the Jaccard index of their shingles (Broder, On the resemblance and containment of
    documents, 1997), with a standard error of 0.06. It is 0 for texts shorter than a shingle.
    """
    shingles, others = _shingles(first), _shingles(second)
    smallest = nsmallest(_SKETCH, shingles | others)
    return sum(shingle in shingles and shingle in others for shingle in smallest) / max(
        len(smallest), 1
    )


def _shingles(sketch: bytes) -> set[int]:
    return set(unpack(f"<{len(sketch) // _WIDTH}I", sketch))


def texts_overlap(text: str, other: str) -> bool:
    """Return whether most of the shorter text is in the longer one.

    Only the first ``_COMPARED`` characters of each count; white space is ignored.
    """
    shorter, longer = sorted(("".join(each.split())[:_COMPARED] for each in (text, other)), key=len)
    if len(shorter) < _SHINGLE:
        return shorter == longer
    shingles, others = (
        {each[at : at + _SHINGLE] for at in range(len(each) - _SHINGLE + 1)}
        for each in (shorter, longer)
    )
    return len(shingles & others) >= NEAR_DUPLICATE * len(shingles)


def sketch(text: str) -> bytes:
    """Return the sketch of a text: the smallest checksums of its shingles, without white space."""
    raw = memoryview("".join(text.split())[:_COMPARED].encode("utf-32-le", "surrogatepass"))
    size = _SHINGLE * _WIDTH
    sums = {crc32(raw[at : at + size]) for at in range(0, len(raw) - size + 1, _WIDTH)}
    smallest = nsmallest(_SKETCH, sums)
    return pack(f"<{len(smallest)}I", *smallest)


def _hash(*parts: str) -> str:
    raw = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(raw, digest_size=16).hexdigest()
