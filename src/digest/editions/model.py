"""Digests, and their editions: frozen intervals of the article sequence."""

# pure
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from digest.articles.model import Article, CategoryPath
from digest.editions.delivery import EXPIRES, DeliveryState
from digest.times import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """How the operator approves editions before they are sent."""

    within: timedelta  #: time to decide
    sends: bool  #: send an edition that was not decided on in time; False: drop it


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A configured newsletter: what it selects and how it looks, without its schedule."""

    name: str  #: its key in the configuration, a-z, 0-9, ``-`` and ``_``
    title: str
    description: str = ""  #: for pages
    categories: tuple[CategoryPath, ...] = ()  #: only these and what is below; empty means all
    subject: str = "{{ digest.title }} · {{ date }}"  #: a Jinja2 template
    subject_width: int = 78  #: columns; a longer subject is cut between graphemes
    template: str = "digest"  #: ``templates/mail/<template>.html`` and ``.txt``
    content: Literal["summary", "full", "lead"] = "summary"  #: which articles mails hold whole
    max_items: int = 50  #: articles in one mail; the rest are counted
    language: str = "en"  #: BCP 47
    timezone: str = "UTC"  #: IANA name: of the dates shown
    expires: timedelta = EXPIRES  #: a delivery that is older is not sent any more
    local: bool = False  #: each subscriber has it at the hour of their own zone
    min_items: int = 1  #: fewer articles wait for the next edition
    max_age: timedelta | None = None  #: an article that is older does not enter; None: any does
    approval: Approval | None = None  #: None: an edition is sent when it is made
    welcome: int = 0  #: articles in the mail to a new subscriber; 0: no such mail


class EditionState(StrEnum):
    """The state of an edition."""

    EMPTY = "empty"  #: it had too few articles; stored so that it is not made again
    DRAFT = "draft"  #: waits for the operator; has no deliveries yet
    OPEN = "open"  #: has pending deliveries
    DONE = "done"  #: every delivery has ended
    CANCELLED = "cancelled"  #: by the operator, or not approved in time; sent mails stay sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One issue of a digest. ``(digest, due_at)`` is unique; so is ``(digest, number)``.

    A welcome edition holds articles of earlier editions, for new subscribers.
    """

    id: int
    digest: str  #: the digest's name
    number: int  #: 1, 2, 3 …; empty ones and welcomes have 0
    due_at: datetime  #: aware UTC: the scheduled moment
    created_at: datetime  #: aware UTC
    after: int  #: the interval of the article sequence: after < sequence <= upto
    upto: int
    state: EditionState
    welcome: bool = False
    note: str = ""  #: an editor's words above the articles, paragraphs apart by empty lines
    cancelled: bool = False  #: also while messages being sent then still arrive
    #: When the operator was asked to approve it, aware UTC; not compared.
    announced_at: datetime | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        require_utc("due_at", self.due_at)
        require_utc("created_at", self.created_at)
        if self.after > self.upto:
            raise ValueError(f"edition {self.id}: the interval ends before it starts")

    @property
    def note_paragraphs(self) -> tuple[str, ...]:
        """The paragraphs of the note, each on one line."""
        paragraphs = (" ".join(part.split()) for part in self.note.split("\n\n"))
        return tuple(filter(None, paragraphs))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedEdition:
    """The delivery of an edition to one subscriber."""

    edition_id: int
    number: int  #: 0 for a welcome
    state: DeliveryState
    attempts: int
    changed_at: datetime  #: aware UTC: of the state
    error: str | None  #: the server's last answer, without addresses


def decided_at(edition: Edition, digest: Digest | None) -> datetime | None:
    """Return the deadline for the operator's decision on a draft (aware UTC).

    The time counts from when the operator was asked, or from when the draft was made. Return None
    if the edition is no draft, its digest is not configured (any more), or wants no approval.
    """
    if edition.state is not EditionState.DRAFT or digest is None or digest.approval is None:
        return None
    return (edition.announced_at or edition.created_at) + digest.approval.within


def fresh(digest: Digest, articles: Iterable[Article], now: datetime) -> list[Article]:
    """Return the articles not older than the digest's ``max_age`` at a moment (aware UTC)."""
    if digest.max_age is None:
        return list(articles)
    oldest = now - digest.max_age
    return [article for article in articles if article.published_at >= oldest]


def edition_of(digest: str, articles: Sequence[Article], now: datetime) -> Edition:
    """Return an edition that is not stored: its id and its number are 0."""
    return Edition(
        id=0,
        digest=digest,
        number=0,
        due_at=now,
        created_at=now,
        after=0,
        upto=max((article.sequence for article in articles), default=0),
        state=EditionState.OPEN,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An edition as pages list it."""

    edition: Edition
    articles: int  #: without those that are hidden by now
    revision: int  #: the content revision of the last change of any of its articles


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The articles of one category for a segment, or those that are pinned."""

    category: CategoryPath | None  #: None for articles without one, and for pinned ones
    articles: tuple[Article, ...]
    pinned: bool = False  #: stands before all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The articles of an edition for one segment, in sections."""

    sections: tuple[Section, ...]
    shown: int  #: articles in the sections
    more: int  #: articles of the edition that did not fit

    @property
    def articles(self) -> tuple[Article, ...]:
        """All articles shown, in order."""
        return tuple(article for section in self.sections for article in section.articles)

    @property
    def lead(self) -> Article | None:
        """The first pinned article, else the newest; None if there are no articles."""
        return next(iter(_in_order(self.articles)), None)


def selects(categories: tuple[CategoryPath, ...], article: Article) -> bool:
    """Return whether any category of an article lies within one of these; empty: always."""
    return not categories or _home(article, categories) is not None


def _home(article: Article, categories: tuple[CategoryPath, ...]) -> CategoryPath | None:
    """Return the first category of an article within one of these; empty: its first."""
    for own in article.categories:
        if not categories or any(own.within(wanted) for wanted in categories):
            return own
    return None


def _in_order(articles: Iterable[Article]) -> list[Article]:
    """Return pinned articles by their number, then the others, newest first."""
    return sorted(
        articles,
        key=lambda article: (article.pinned, article.published_at, article.sequence),
        reverse=True,
    )


def contents(
    articles: Iterable[Article], categories: tuple[CategoryPath, ...], max_items: int
) -> Contents:
    """Return the articles for a segment, newest first, grouped by category.

    Pinned articles form the first section. Each other article stands once, under its first selected
    category. Sections are ordered by their newest article, the one without a category last. At most
    ``max_items`` articles are included, pinned and newest first; the others are counted.
    """
    chosen = _in_order(article for article in articles if selects(categories, article))
    groups: dict[tuple[bool, CategoryPath | None], list[Article]] = {}
    for article in chosen[:max_items]:
        pinned = article.pinned > 0
        home = None if pinned else _home(article, categories)
        groups.setdefault((pinned, home), []).append(article)
    sections = [
        Section(category=category, articles=tuple(group), pinned=pinned)
        for (pinned, category), group in groups.items()
    ]
    return Contents(
        sections=tuple(sorted(sections, key=_without_a_category)),
        shown=min(len(chosen), max_items),
        more=max(0, len(chosen) - max_items),
    )


def _without_a_category(section: Section) -> bool:
    return section.category is None and not section.pinned


def shortened(full: Contents, shown: int) -> Contents:
    """Return the contents with only the first ``shown`` articles, pinned and newest first.

    The others are counted. Sections keep their order; empty ones are dropped.
    """
    kept = {article.id for article in _in_order(full.articles)[:shown]}
    sections = [
        replace(
            section, articles=tuple(article for article in section.articles if article.id in kept)
        )
        for section in full.sections
    ]
    return Contents(
        sections=tuple(section for section in sections if section.articles),
        shown=len(kept),
        more=full.more + full.shown - len(kept),
    )
