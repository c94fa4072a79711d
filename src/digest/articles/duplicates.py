"""Twins: what tells that two files hold the same article, or nearly the same."""

# pure
from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import nsmallest
from struct import pack, unpack
from zlib import crc32

#: Characters without white space. A shorter text without a link says too little to be known by:
#: many articles are one picture, or one line that comes every week.
MIN_TEXT = 40
#: Without a link, the same text at another time is another article: a notice that comes again.
SAME_TIME = timedelta(days=2)
#: Share of common text from which two articles of one title are nearly the same.
MOSTLY = 0.6
#: Share from which a file that is known to hold an article still holds it, under another title.
STILL = 0.5

#: Characters in a piece of text, pieces in a sketch, characters that are looked at.
_PIECE, _KEPT, _READ = 6, 64, 4_000
_WIDTH = 4  #: bytes of a character in UTF-32, and of a number in a sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What an article is recognized by in another file."""

    title: str  #: hex; the same for titles that differ in case, width and punctuation only
    exact: str  #: hex over title, text and link; empty where these say too little
    linked: bool  #: there is a link in ``exact``
    sketch: bytes  #: of the text; ``resemblance`` compares two; empty where none was made

    def same(self, other: Likeness) -> bool:
        """Tell whether title, text and link are the same."""
        return bool(self.exact) and self.exact == other.exact

    def nearly(self, other: Likeness) -> bool:
        """Tell whether the title and most of the text are the same."""
        return self.title == other.title and resemblance(self.sketch, other.sketch) >= MOSTLY

    def still(self, other: Likeness) -> bool:
        """Tell whether two versions of one file are versions of one article."""
        return self.title == other.title or resemblance(self.sketch, other.sketch) >= STILL

    def sketched(self, text: str) -> Likeness:
        """Return the same with a sketch; ``text`` is the article's."""
        return self if self.sketch else replace(self, sketch=sketch(text))

    def says(self, other: Likeness) -> bool:
        """Tell whether two versions of one article say the same."""
        return (self.title, self.exact, self.linked) == (other.title, other.exact, other.linked)


def likeness(title: str, text: str, link: str | None, *, sketched: bool = True) -> Likeness:
    """Return the hashes that recognize an article; white space in ``text`` means nothing.

    A sketch takes as long as all the rest of a draft, and only ``nearly`` needs it.
    """
    words = "".join(text.split())
    plain = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", title).casefold()))
    telling = link is not None or len(words) >= MIN_TEXT
    return Likeness(
        title=_hash(plain or title),
        exact=_hash(title, words, link or "") if telling else "",
        linked=link is not None,
        sketch=sketch(text) if sketched else b"",
    )


def at_one_time(first: datetime, second: datetime) -> bool:
    """Tell whether two dates may be those of one article in two files."""
    return abs(first - second) <= SAME_TIME


def resemblance(first: bytes, second: bytes) -> float:
    """Return about how much of two texts is common, from 0 to 1, by their sketches.

    It estimates the Jaccard index of their pieces (Broder, On the resemblance and containment of
    documents, 1997); the standard error is 0.06. Texts too short for a piece have nothing in
    common.
    """
    pieces, others = _pieces(first), _pieces(second)
    smallest = nsmallest(_KEPT, pieces | others)
    return sum(piece in pieces and piece in others for piece in smallest) / max(len(smallest), 1)


def _pieces(sketch: bytes) -> set[int]:
    return set(unpack(f"<{len(sketch) // _WIDTH}I", sketch))


def akin(text: str, other: str) -> bool:
    """Tell whether a text is most of another, or half of it, or nearly the same.

    Only the first characters of both are looked at, and white space means nothing.
    """
    shorter, longer = sorted(("".join(each.split())[:_READ] for each in (text, other)), key=len)
    if len(shorter) < _PIECE:
        return shorter == longer
    pieces, others = (
        {each[at : at + _PIECE] for at in range(len(each) - _PIECE + 1)}
        for each in (shorter, longer)
    )
    return len(pieces & others) >= MOSTLY * len(pieces)


def sketch(text: str) -> bytes:
    """Return the smallest checksums of all pieces of a text, whose white space means nothing."""
    raw = memoryview("".join(text.split())[:_READ].encode("utf-32-le", "surrogatepass"))
    size = _PIECE * _WIDTH
    sums = {crc32(raw[at : at + size]) for at in range(0, len(raw) - size + 1, _WIDTH)}
    kept = nsmallest(_KEPT, sums)
    return pack(f"<{len(kept)}I", *kept)


def _hash(*parts: str) -> str:
    raw = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(raw, digest_size=16).hexdigest()
