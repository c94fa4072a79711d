"""The stages of an article: source file, parsed file, draft, article."""

# pure
from __future__ import annotations

import hashlib
import re
import unicodedata
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache, total_ordering
from pathlib import PurePosixPath
from typing import NewType

from digest.articles.characters import one_line
from digest.articles.duplicates import ContentSignature
from digest.articles.reading.enclosures import Enclosure
from digest.times import require_utc
from digest.urls import article_folder, slug

#: A tag URI (RFC 4151); never changes, never reused.
ArticleId = NewType("ArticleId", str)
#: 16 characters of a-z and 2-7, made from the identity: the article's name in addresses.
ArticleKey = NewType("ArticleKey", str)
#: HTML that passed the sanitizer; only ``sanitize.clean`` makes one (the store gives it back).
SafeHtml = NewType("SafeHtml", str)

HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
MARKDOWN_SUFFIXES = frozenset({".md", ".markdown"})
TEXT_SUFFIXES = frozenset({".txt"})
#: The suffixes of article files.
SUFFIXES = HTML_SUFFIXES | MARKDOWN_SUFFIXES | TEXT_SUFFIXES
#: The scheme of a link to an article of the same site, by its path or name.
ARTICLE_SCHEME = "article:"
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_POSITION = re.compile("(-?[0-9]{1,18})-([0-9]{1,18})")


@lru_cache(maxsize=4_096)
def article_key(identity: str) -> ArticleKey:
    """Return the key of an identity: 80 bits of BLAKE2b as base32, so safe in any address."""
    digest = hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=10).digest()
    return ArticleKey(b32encode(digest).decode("ascii").lower())


def path_identity(path: PurePosixPath) -> str:
    """Return the identity of a file that names none: its path without the extension, NFC."""
    return unicodedata.normalize("NFC", str(path.with_suffix("")))


@total_ordering
@dataclass(frozen=True, slots=True)
class CategoryPath:
    """A path of names, such as 金融 / 新浪财经 / 新浪财经－国內."""

    names: tuple[str, ...]  #: NFC, not empty, no control characters, none empty

    def __post_init__(self) -> None:
        if not self.names or not all(self.names):
            raise ValueError(f"a category needs names, none of them empty: {self.names!r}")

    def __str__(self) -> str:
        return " / ".join(self.names)

    def __lt__(self, other: CategoryPath) -> bool:
        return self.names < other.names

    @classmethod
    def parse(cls, text: str) -> CategoryPath:
        """Return the path that people write as names joined by ``/``, as in 金融/新浪财经.

        Its names are written as those of articles are. Raises ValueError where one is empty.
        """
        return cls(tuple(map(one_line, text.split("/"))))

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.names[-1]

    @property
    def parent(self) -> CategoryPath | None:
        """The path without its last name; None at the top."""
        return CategoryPath(self.names[:-1]) if len(self.names) > 1 else None

    @property
    def folder(self) -> str:
        """The path of slugs joined by ``/``: where its feeds live below ``feeds/``."""
        return "/".join(slug(name) for name in self.names)

    def lineage(self) -> Iterator[CategoryPath]:
        """Yield every ancestor from the top, and the path itself last."""
        for length in range(1, len(self.names) + 1):
            yield CategoryPath(self.names[:length])

    def within(self, other: CategoryPath) -> bool:
        """Return whether this path is ``other`` or lies below it."""
        return self.names[: len(other.names)] == other.names


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


#: What a feed may select: a category with all below it, a facet, or (None) everything.
Scope = CategoryPath | Facet | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """An article file as it was read."""

    path: PurePosixPath  #: relative to the watched root
    content: bytes
    text_hash: str = ""  #: of the draft made of it last; empty where it is to be made anew


class Severity(StrEnum):
    """The severity of a problem of a file."""

    FAILED = "failed"  #: it could not become an article
    SALVAGED = "salvaged"  #: it is broken, but its meaning is clear
    NOTED = "noted"  #: a part of it is unusable and ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark on a file: a mistake in it, or the reason why it is not published."""

    severity: Severity
    line: int | None  #: 1-based; None for the whole file
    cause: str  #: what is wrong, and what was made of it


def noted(line: int | None, cause: str) -> Note:
    """Return a remark on a part of a file that is unusable and ignored."""
    return Note(severity=Severity.NOTED, line=line, cause=cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateLimit:
    """A moment from which on, or until which, a file allows its article to be published."""

    at: datetime  #: aware UTC
    line: int  #: 1-based, of the key
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether, and when, a file allows its article to be published."""

    held_back: Note | None = None  #: the reason; None: it may be published
    not_before: DateLimit | None = None
    expires: DateLimit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The original publisher of an article that was taken from a source."""

    name: str  #: plain text, one line, not empty
    url: str | None = None  #: of its page, absolute http(s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """A file whose front matter and body are parsed, before its body is cleaned.

    Every text is hostile: escape it, or sanitize it, before it is shown.
    """

    identity: str  #: ``id``/``guid`` of the front matter, else the path without extension, NFC
    title: str  #: plain text, one line
    authors: tuple[str, ...]  #: names
    categories: tuple[CategoryPath, ...]
    published_at: datetime | None  #: aware UTC; None where the file has no valid date
    link: str | None  #: absolute http(s)
    image: str | None  #: absolute http(s)
    language: str | None  #: BCP 47
    summary: str | None  #: plain text, where the front matter has one
    markup: str  #: HTML, hostile
    updated_at: datetime | None = None  #: aware UTC, after ``published_at``
    availability: Availability | None = None  #: None where the file says nothing of it
    enclosure: Enclosure | None = None
    pinned: int = 0  #: 0: not pinned; larger ones come first
    notes: tuple[Note, ...] = ()  #: in the order of their lines


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetState:
    """A file that an article refers to, as it was when the article was read."""

    path: str  #: absolute, on disk
    size: int  #: bytes; -1 where there was none
    mtime_ns: int
    name: str = ""  #: of its copy in the folder of assets; empty where it was not published


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The article of one file, sanitized, before it is compared with the stored one.

    It has five hashes, compared with stored ones in this order:

    - ``raw_hash``, of the file's lines except volatile ones: if equal, the file is not parsed.
    - ``text_hash``, of what the file says except ``VolatileFields``: if equal, it is not cleaned.
    - ``fingerprint``, of title, text, authors, categories and link: if another, the article is
      updated, and ``updated_at`` moves.
    - ``content``, of all that is published except dates: if another, feeds are written again.
    - ``signature``, of title, text and link: tells whether another file has the same article.

    That of all bytes is ``FileRecord.content``, compared before these.
    """

    identity: str
    title: str  #: plain text, one line, not empty
    authors: tuple[str, ...]
    categories: tuple[CategoryPath, ...]  #: each once, in the file's order
    published_at: datetime | None  #: aware UTC; None means first sight
    link: str | None  #: absolute http(s)
    image: str | None  #: absolute http(s)
    language: str | None  #: BCP 47
    summary: str  #: plain text, one paragraph
    body: SafeHtml
    fingerprint: str  #: hex; changes when title, text, authors, categories or link do
    updated_at: datetime | None = None  #: aware UTC, after ``published_at``
    availability: Availability | None = None  #: None where the file says nothing of it
    enclosure: Enclosure | None = None
    pinned: int = 0  #: 0: not pinned; larger ones come first
    announced: bool = True  #: by editions, when the article is new
    credit: Credit | None = None
    content: str = ""  #: ``revision.content_digest``; empty where it was not made yet
    #: Hex, over all that the file contains except ``VolatileFields``; empty if it must be reread.
    text_hash: str = ""
    raw_hash: str = ""  #: ``volatile_lines.raw_hash``
    signature: ContentSignature | None = None  #: None: it has no duplicates
    assets: tuple[AssetState, ...] = ()  #: the files that were looked for: it depends on them
    notes: tuple[Note, ...] = ()  #: in the order of their lines

    def __post_init__(self) -> None:
        if not self.title:
            raise ValueError("a draft needs a title")
        if self.published_at is not None:
            require_utc("published_at", self.published_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatileFields:
    """Fields of a file that crawlers rewrite without a change of its text."""

    published_at: datetime | None  #: aware UTC
    image: str | None  #: absolute http(s); None where it is still the first of the body
    enclosure: Enclosure | None = None
    pinned: int = 0
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchangedText:
    """A file that was rewritten with the text that it had before."""

    volatile: VolatileFields | None = None  #: None if only ``volatile_lines`` differ
    raw_hash: str  #: of the file as it is now


@dataclass(frozen=True, slots=True)
class Position:
    """The place of an article in the order of publication; as text it is part of addresses."""

    published_at: datetime  #: aware UTC
    sequence: int

    def __str__(self) -> str:
        return f"{(self.published_at - _EPOCH) // _MICROSECOND}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """Return the position whose ``str`` is this text; None for any other text."""
        if (match := _POSITION.fullmatch(text)) is None:
            return None
        try:
            return cls(_EPOCH + int(match[1]) * _MICROSECOND, int(match[2]))
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One published article, clean and ready for any outlet."""

    id: ArticleId  #: tag URI (RFC 4151); never changes, never reused
    key: ArticleKey
    sequence: int  #: given by the store at first sight; grows by time of arrival
    title: str  #: plain text, no markup
    authors: tuple[str, ...]
    categories: tuple[CategoryPath, ...]
    link: str | None  #: the article's own address elsewhere, absolute http(s)
    image: str | None  #: absolute http(s)
    language: str | None  #: BCP 47; None means the site's
    summary: str  #: plain text
    body: SafeHtml  #: only sanitize.clean() makes one
    published_at: datetime  #: aware UTC
    updated_at: datetime  #: aware UTC, not before published_at
    enclosure: Enclosure | None = None  #: the recording that it is about
    pinned: int = 0  #: in editions; 0: not pinned; larger ones come first
    credit: Credit | None = None  #: the source that it was taken from

    def __post_init__(self) -> None:
        require_utc("published_at", self.published_at)
        require_utc("updated_at", self.updated_at)
        if self.updated_at < self.published_at:
            raise ValueError(f"{self.id}: updated before it was published")

    @property
    def folder(self) -> str:
        """The address of the article's page, relative to the site; ends with ``/``."""
        return article_folder(self.key)

    @property
    def position(self) -> Position:
        """Its place in the order of publication."""
        return Position(self.published_at, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The tombstone of a withdrawn article (RFC 6721)."""

    id: ArticleId
    withdrawn_at: datetime  #: aware UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem of a file, as the store has it."""

    path: str  #: relative to the watched root
    line: int | None  #: 1-based; None for the whole file
    cause: str
    seen_at: datetime  #: aware UTC: since when this problem is known
    severity: Severity = Severity.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The changes that a batch of files made: what is to be published."""

    articles: frozenset[ArticleKey] = frozenset()  #: new, changed, withdrawn or restored ones
    categories: frozenset[CategoryPath] = frozenset()  #: theirs, old and new, with all ancestors
    facets: frozenset[Facet] = frozenset()  #: theirs, old and new
    new: int = 0  #: articles
    updated: int = 0  #: articles
    unchanged: int = 0  #: files that say what they said before
    problems: int = 0  #: files that could not become an article

    def __bool__(self) -> bool:
        """Return whether there is anything to publish."""
        return bool(self.articles or self.facets)

    def __add__(self, other: Changes) -> Changes:
        """Return both changes as one."""
        return Changes(
            articles=self.articles | other.articles,
            categories=self.categories | other.categories,
            facets=self.facets | other.facets,
            new=self.new + other.new,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            problems=self.problems + other.problems,
        )
