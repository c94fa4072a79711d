"""Sources, their stored state, and feed documents with their entries."""

# pure
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.errors import DigestError

#: Entries of a document that are read; no feed that is alive has more.
MAX_ENTRIES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A configured upstream feed."""

    name: str  #: of the folder with its files; unique
    url: str  #: absolute http(s)
    category: tuple[str, ...] = ()  #: the path of its articles; empty: the source's name
    every: timedelta | None = None  #: between two requests; None: as often as the feed changes
    max_age: timedelta | None = None  #: entries older than this are not taken
    max_per_day: int = 200  #: new entries taken within 24 hours; the rest waits
    republish: bool = True  #: not only in mails, which then never lead to a page here
    full_text: bool = False  #: texts are those of the entries' pages
    allow_private: bool = False  #: its host may be on the local network


class Health(StrEnum):
    """The health of a source."""

    NEW = "new"  #: never asked yet
    OK = "ok"
    FAILING = "failing"  #: the last request failed; it is tried again
    GONE = "gone"  #: answered 410; it is asked no more


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """The stored state of a source between two requests."""

    url: str  #: where it was configured to be: of another address, nothing holds
    moved_to: str = ""  #: where permanent redirects lead since they have repeated
    redirects: int = 0  #: permanent redirects to the same place in a row
    redirect_to: str = ""  #: that place
    entity_tag: str = ""  #: ``ETag`` of the last document
    last_modified: str = ""  #: ``Last-Modified`` of the last document, as it was sent
    asked_at: datetime | None = None  #: aware UTC
    changed_at: datetime | None = None  #: aware UTC: when it last had something new
    next_at: datetime | None = None  #: aware UTC: when to ask next; None: at once
    interval: timedelta = timedelta(hours=1)  #: between the last two requests
    failures: int = 0  #: in a row
    health: Health = Health.NEW
    answer: str = ""  #: the last one, for the operator
    title: str = ""  #: of the feed
    home: str = ""  #: the address of the feed's page

    @property
    def address(self) -> str:
        """The address to request."""
        return self.moved_to or self.url

    @property
    def unread(self) -> bool:
        """Whether no complete document of it has been read so far."""
        known = self.title or self.home or self.entity_tag or self.last_modified
        return self.changed_at is None and not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A recording of an entry."""

    url: str
    media_type: str = ""
    length: int = 0  #: bytes; 0: unknown
    duration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an upstream feed. Its HTML is not sanitized."""

    id: str  #: as the feed names it, else its link, else a hash of what it says; not empty
    title: str  #: plain text, one line; may be empty
    link: str = ""  #: absolute http(s)
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published_at: datetime | None = None  #: aware UTC
    updated_at: datetime | None = None  #: aware UTC
    language: str = ""  #: BCP 47
    content: str = ""  #: HTML, hostile
    summary: str = ""  #: HTML, hostile, where the feed has it beside the content
    image: str = ""
    attachment: Attachment | None = None
    source_title: str = ""  #: of the feed that an aggregate took the entry from
    source_link: str = ""

    @property
    def key(self) -> str:
        """A hash of the id: 32 hex digits."""
        return _hex(self.id)

    @property
    def alias(self) -> str:
        """A hash by which it is recognized under another id: 32 hex digits, empty without a link.

        It is over link, title and date, since many entries of a feed may share a link.
        """
        date = self.published_at.isoformat() if self.published_at else ""
        return _hex(f"{self.link}\x1f{self.title}\x1f{date}") if self.link else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDocument:
    """An upstream feed after reading."""

    entries: tuple[Entry, ...]  #: as the feed orders them, each id once
    title: str = ""
    home: str = ""  #: absolute http(s)
    generator: str = ""
    #: How long the feed asks not to be asked again (``ttl``, ``sy:updatePeriod``).
    pause: timedelta | None = None
    problem: str = ""  #: what is broken in a document that could be read all the same
    cut_off: bool = False  #: its end is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRecord:
    """The stored record of an entry that was taken."""

    key: str
    alias: str
    path: str  #: of its file, relative to the folder of sources
    content: str  #: hex over what the entry said
    written: str  #: hex over the file's bytes as they were written
    taken_at: datetime  #: aware UTC, first


def distinct(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return entries by id, each once: the first is the newest in a feed that lists edits.

    Those without an id, which say nothing, are left out.
    """
    by_id: dict[str, Entry] = {}
    for entry in entries:
        if entry.id:
            by_id.setdefault(entry.id, entry)
    return tuple(by_id.values())


class NoFeed(DigestError):
    """A document is no feed, or cannot be read; the text is the reason, for the operator."""


def _hex(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
