"""A digest and its editions: intervals of the article sequence, frozen."""

# pure
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from digest.articles.model import Article, CategoryPath
from digest.editions.delivery import EXPIRES, DeliveryState
from digest.times import require_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An edition is shown to the operator before it is sent."""

    within: timedelta  #: from when it was made; then it is sent or dropped
    sends: bool  #: what becomes of an edition that nobody decided on


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A configured newsletter: what it selects and how it looks. Its schedule is the daemon's."""

    name: str  #: its key in the configuration, a-z, 0-9, ``-`` and ``_``
    title: str
    categories: tuple[CategoryPath, ...] = ()  #: only these and what is below; empty means all
    subject: str = "{{ digest.title }} · {{ date }}"  #: a Jinja2 template
    subject_width: int = 78  #: columns; a longer subject is cut between graphemes
    template: str = "digest"  #: ``templates/mail/<template>.html`` and ``.txt``
    max_items: int = 50  #: articles in one mail; the rest are counted
    language: str = "en"  #: BCP 47
    timezone: str = "UTC"  #: IANA name: of the dates shown
    expires: timedelta = EXPIRES  #: a delivery that is older is not sent any more
    local: bool = False  #: each subscriber has it at the hour of their own zone
    min_items: int = 1  #: fewer articles wait for the next edition
    max_age: timedelta | None = None  #: an article that is older does not enter; None: any does
    approval: Approval | None = None  #: None: an edition is sent when it is made
    welcome: int = 0  #: articles that a new subscriber is sent at once; 0: no such mail


class EditionState(StrEnum):
    """How far an edition has come."""

    EMPTY = "empty"  #: there was not enough to tell; remembered so that it is not made again
    DRAFT = "draft"  #: waits for the operator; has no deliveries yet
    OPEN = "open"  #: some deliveries are still to be made
    DONE = "done"  #: every delivery has ended
    CANCELLED = "cancelled"  #: by the operator, or nobody approved it; what was sent stays sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One issue of a digest. ``(digest, due_at)`` is unique; so is ``(digest, number)``.

    A welcome holds articles of editions before it, for subscribers who came after these.
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
    cancelled: bool = False  #: from then on, though some of it may still be on its way
    #: When the operator was asked to approve it, aware UTC. Two that differ in it are the same.
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
    """What an edition came to for one subscriber."""

    edition_id: int
    number: int  #: 0 for a welcome
    state: DeliveryState
    attempts: int
    changed_at: datetime  #: aware UTC: of the state
    error: str | None  #: what the server answered last, without addresses


def decided_at(edition: Edition, digest: Digest | None) -> datetime | None:
    """Return when a draft is sent or dropped unless the operator decides before (aware UTC).

    The time counts from when the operator was asked, for a draft that nobody was asked about yet
    from when it was made.
    ``digest`` is as configured now. None for what is no draft, and where nothing happens by itself:
    the digest wants no approval any more, or there is no such digest.
    """
    if edition.state is not EditionState.DRAFT or digest is None or digest.approval is None:
        return None
    return (edition.announced_at or edition.created_at) + digest.approval.within


def fresh(digest: Digest, articles: Iterable[Article], now: datetime) -> list[Article]:
    """Return the articles that are young enough for an edition made at a moment (aware UTC)."""
    if digest.max_age is None:
        return list(articles)
    oldest = now - digest.max_age
    return [article for article in articles if article.published_at >= oldest]


def edition_of(digest: str, articles: Sequence[Article], now: datetime) -> Edition:
    """Return an edition that no store knows: its id and its number are 0."""
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
    """The articles of one category in a rendition, or those that are pinned."""

    category: CategoryPath | None  #: None for articles without one, and for pinned ones
    articles: tuple[Article, ...]
    pinned: bool = False  #: stands before all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What one segment reads in one edition."""

    sections: tuple[Section, ...]
    shown: int  #: articles in the sections
    more: int  #: articles of the edition that did not fit

    @property
    def articles(self) -> tuple[Article, ...]:
        """All articles shown, in order."""
        return tuple(article for section in self.sections for article in section.articles)

    @property
    def lead(self) -> Article | None:
        """The first pinned article, else the newest; None where there is none."""
        return next(iter(_in_order(self.articles)), None)


def selects(categories: tuple[CategoryPath, ...], article: Article) -> bool:
    """Tell whether a selection takes an article: any of its categories lies within one of these."""
    return not categories or _home(article, categories) is not None


def _home(article: Article, categories: tuple[CategoryPath, ...]) -> CategoryPath | None:
    """Return the article's first category that a selection takes; no categories take all."""
    for own in article.categories:
        if not categories or any(own.within(wanted) for wanted in categories):
            return own
    return None


def _in_order(articles: Iterable[Article]) -> list[Article]:
    """Return articles as they are read: pinned ones by their number, then the newest first."""
    return sorted(
        articles,
        key=lambda article: (article.pinned, article.published_at, article.sequence),
        reverse=True,
    )


def contents(
    articles: Iterable[Article], categories: tuple[CategoryPath, ...], max_items: int
) -> Contents:
    """Return what a segment reads: its articles, newest first, grouped by category.

    Pinned articles have a section of their own before all others. Any other stands once, under its
    first category that is selected. Sections come in the order of their newest article, the one
    without a category last. The pinned and then the newest articles are shown, ``max_items`` in
    all, the rest counted.
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
    """Return the contents with only the first ``shown`` articles, the others counted.

    Pinned ones come first, then the newest. Sections keep their order; one that has no article
    left goes.
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
