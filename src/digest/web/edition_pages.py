"""Web editions: every edition of a digest below ``digests/``, their list and feed, and a sample."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import feedgen.feed
from markupsafe import Markup

from digest import __version__
from digest.articles.characters import publishable
from digest.articles.ingest.records import ContentRevision
from digest.articles.model import Article, CategoryPath
from digest.editions.model import Contents, Digest, Edition, Issue, contents, edition_of, fresh
from digest.feeds.model import ATOM, MEDIA_TYPES
from digest.feeds.rss_atom import NEVER
from digest.mail.phrases import Phrasebook, phrasebook
from digest.mail.template_context import Item, view
from digest.site import Site
from digest.times import Clock, rfc3339
from digest.urls import EDITIONS, SAMPLE, edition_folder, editions_folder
from digest.web.model import UNLISTED, Missing, Page
from digest.web.pages import MAX_SHOWN, WebPages

#: What a sample shows while nothing is new.
MAX_LATEST = 10
#: A sample is made anew after so long: its date, and what is too old for an edition, go on.
SAMPLE_LASTS = timedelta(seconds=30)
#: Seconds for which a client may use the feed of editions.
_FEED_MAX_AGE = 300
#: Editions in the feed, the newest ones.
MAX_EDITIONS = 20
_NUMBER = re.compile("[1-9][0-9]{0,17}")


class EditionSource(Protocol):
    """The part of the store that web editions use. Every method raises StoreError."""

    def current(self) -> ContentRevision:
        """Return the revision of all published content."""

    def editions(self, digest: str) -> Sequence[Issue]:
        """Return a digest's editions in order of number."""

    def leads(self, digest: str) -> Mapping[int, str]:
        """Return the lead article's title of each edition of a digest, by the edition's id."""

    def edition_articles(self, edition: Edition) -> list[Article]:
        """Return the visible articles of an edition."""

    def taken_upto(self, digest: str) -> int | None:
        """Return the sequence after which a digest's next edition starts; None if never started."""

    def since(self, after: int, categories: Collection[CategoryPath]) -> list[Article]:
        """Return the articles with a greater sequence in any of these categories."""

    def latest(self, categories: Collection[CategoryPath], limit: int) -> list[Article]:
        """Return the newest articles in any of these categories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPage:
    """A page of editions, and its path."""

    path: str  #: relative to the site; ends with ``/`` but for feeds
    page: Page
    made_at: datetime | None  #: of its newest edition, aware UTC; None where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class WebEditions:
    """Finds the pages of editions.

    A page shows what its edition's mail shows, for the whole digest and without personal links.
    """

    digests: Mapping[str, Digest]
    site: Site
    pages: WebPages
    clock: Clock
    samples: bool = True  #: lists link to a sample of the next edition

    def folder(self, source: EditionSource, name: str, rest: Sequence[str]) -> Page | Missing:
        """Return the page at a folder below that of a digest."""
        digest = self.digests.get(name)
        if digest is None or len(rest) > 1:
            return Missing.UNKNOWN
        if not rest:
            return self._list(source, digest)
        if rest[0] == SAMPLE:
            return self._sample(source, digest)
        number = int(rest[0]) if _NUMBER.fullmatch(rest[0]) else 0
        listed = source.editions(name)
        numbers = [issue.edition.number for issue in listed]
        place = numbers.index(number) if number in numbers else None
        return Missing.UNKNOWN if place is None else self._edition(source, digest, listed, place)

    def index(self, source: EditionSource) -> Page | Missing:
        """Return the list of digests; Missing if there are none."""
        if not self.digests:
            return Missing.UNKNOWN
        listed = [(digest, source.editions(digest.name)[-1:]) for digest in self.digests.values()]
        newest = [issue for _, issues in listed for issue in issues]
        return _page(source, newest, partial(self._render_index, source, listed))

    def feed(self, source: EditionSource, name: str) -> Page | Missing:
        """Return the feed of a digest's editions."""
        digest = self.digests.get(name)
        if digest is None:
            return Missing.UNKNOWN
        listed = source.editions(name)[-MAX_EDITIONS:]
        page = _page(source, listed, partial(self._render_feed, source, digest, listed))
        media_type = f"{MEDIA_TYPES[ATOM]}; charset=utf-8"
        return replace(page, media_type=media_type, max_age=_FEED_MAX_AGE)

    def every(self, source: EditionSource) -> Iterator[PlacedPage]:
        """Yield the pages of all digests, each with its lists last; samples are left out."""
        for digest in self.digests.values():
            listed = source.editions(digest.name)
            for place, issue in enumerate(listed):
                path = edition_folder(digest.name, issue.edition.number)
                page = self._edition(source, digest, listed, place)
                yield PlacedPage(path=path, page=page, made_at=issue.edition.created_at)
            folder = editions_folder(digest.name)
            made_at = max((issue.edition.created_at for issue in listed), default=None)
            feed = self.feed(source, digest.name)
            assert isinstance(feed, Page)  # noqa: S101 every digest has one
            yield PlacedPage(path=f"{folder}{ATOM}", page=feed, made_at=made_at)
            yield PlacedPage(path=folder, page=self._list(source, digest), made_at=made_at)

        index = self.index(source)
        if isinstance(index, Page):
            yield PlacedPage(path=f"{EDITIONS}/", page=index, made_at=None)

    def _list(self, source: EditionSource, digest: Digest) -> Page:
        listed = source.editions(digest.name)
        return _page(source, listed, partial(self._render_list, source, digest, listed))

    def _edition(
        self, source: EditionSource, digest: Digest, listed: Sequence[Issue], place: int
    ) -> Page:
        near = listed[max(0, place - 1) : place + 2]
        return _page(source, near, partial(self._render_edition, source, digest, listed, place))

    def _sample(self, source: EditionSource, digest: Digest) -> Page:
        now = self.clock()
        revision = source.current()
        return Page(
            version=f"{revision.number}.{int(now.timestamp() // SAMPLE_LASTS.total_seconds())}",
            changed_at=max(now, revision.changed_at),
            render=partial(self._render_sample, source, digest, now),
            headers=UNLISTED,
            dated=False,
            lasts=SAMPLE_LASTS,
        )

    def _render_index(
        self, source: EditionSource, listed: Sequence[tuple[Digest, Sequence[Issue]]]
    ) -> bytes:
        rows: list[tuple[Digest, Edition | None, str]] = []
        for digest, issues in listed:
            edition = issues[-1].edition if issues else None
            lead = source.leads(digest.name).get(edition.id, "") if edition else ""
            rows.append((digest, edition, lead))
        return self.pages.digests(rows)

    def _render_list(self, source: EditionSource, digest: Digest, listed: Sequence[Issue]) -> bytes:
        leads = source.leads(digest.name)
        shown = [
            (issue.edition, issue.articles, leads.get(issue.edition.id, ""))
            for issue in reversed(listed)
        ]
        return self.pages.editions(digest, shown, sample=self.samples)

    def _render_edition(
        self, source: EditionSource, digest: Digest, listed: Sequence[Issue], place: int
    ) -> bytes:
        edition = listed[place].edition
        return self.pages.edition(
            digest,
            edition,
            _contents(source, digest, edition),
            previous=listed[place - 1].edition if place else None,
            following=listed[place + 1].edition if place + 1 < len(listed) else None,
        )

    def _render_feed(self, source: EditionSource, digest: Digest, listed: Sequence[Issue]) -> bytes:
        editions = [issue.edition for issue in reversed(listed)]
        entries = [(edition, _contents(source, digest, edition)) for edition in editions]
        words = phrasebook(digest.language, digest.timezone)
        return edition_feed(digest, entries, words, self.site)

    def _render_sample(self, source: EditionSource, digest: Digest, now: datetime) -> bytes:
        """Render the next edition as it would be now; with the latest articles if none is new."""
        after = source.taken_upto(digest.name)
        since = [] if after is None else source.since(after, digest.categories)
        articles = fresh(digest, since, now) or source.latest(digest.categories, MAX_LATEST)
        edition = edition_of(digest.name, articles, now)
        shown = contents(articles, digest.categories, digest.max_items)
        return self.pages.edition(digest, edition, shown)


def _contents(source: EditionSource, digest: Digest, edition: Edition) -> Contents:
    return contents(source.edition_articles(edition), digest.categories, MAX_SHOWN)


def _page(source: EditionSource, listed: Sequence[Issue], render: Callable[[], bytes]) -> Page:
    """Return a page whose version is a hash of these editions and of their articles as they are."""
    # The moment too: a database that was restored gives the same id again.
    state = [
        (issue.edition.id, issue.edition.created_at, issue.articles, issue.revision)
        for issue in listed
    ]
    version = hashlib.blake2b(repr(state).encode(), digest_size=8).hexdigest()
    return Page(version=version, changed_at=source.current().changed_at, render=render)


def edition_feed(
    digest: Digest,
    editions: Sequence[tuple[Edition, Contents]],
    words: Phrasebook,
    site: Site,
) -> bytes:
    """Return the feed in UTF-8, entries in the order of ``editions``; the same bytes each time."""
    folder = editions_folder(digest.name)
    title = publishable(digest.title) or digest.name
    feed: Any = feedgen.feed.FeedGenerator()
    feed.id(site.tag(folder))
    feed.title(title)
    feed.language(publishable(words.language))
    feed.link(href=site.link(folder + ATOM), rel="self", type=MEDIA_TYPES[ATOM])
    feed.link(href=site.link(folder), rel="alternate", type="text/html")
    feed.updated(max((edition.created_at for edition, _ in editions), default=NEVER))
    feed.author(name=publishable(site.author or site.title) or site.url)
    feed.generator("Digest", version=__version__)
    for edition, held in editions:
        entry = feed.add_entry(order="append")
        # A new database counts from 1 again; the moment stays the edition's own.
        entry.id(site.tag(f"{folder}{rfc3339(edition.due_at)}"))
        number = words.say("number", number=edition.number)
        entry.title(f"{title} · {number} · {words.date(edition.due_at)}")
        entry.link(href=site.link(edition_folder(digest.name, edition.number)), rel="alternate")
        entry.published(edition.created_at)
        entry.updated(edition.created_at)
        entry.summary(words.say("articles", count=held.shown + held.more))
        entry.content(_entry_content(held, edition, words, site), type="html")
    return bytes(feed.atom_str(pretty=False)) + b"\n"


def _entry_content(contents: Contents, edition: Edition, words: Phrasebook, site: Site) -> str:
    shown = view(contents, edition, words, site)
    groups = [Markup("<p>{}</p>").format(_item(shown.lead))] if shown.lead else []
    for group in shown.sections:
        items = Markup("").join(
            Markup("<li>{}</li>").format(_item(item)) for item in group.articles
        )
        groups.append(Markup("<h3>{}</h3><ul>{}</ul>").format(group.title, items))
    return publishable(str(Markup("").join(groups)))


def _item(item: Item) -> Markup:
    link = Markup('<a href="{}">{}</a>').format(item.link, item.title)
    return link + Markup("<br>{}").format(item.summary) if item.summary else link
