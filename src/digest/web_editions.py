"""Web editions: every edition of a digest as pages below ``digests/``, and one to come."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Protocol

from digest.articles.model import Article, ArticleKey, CategoryPath
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.publish.publisher import Published
from digest.feeds.selection import ATOM, PAGE
from digest.mail.edition import (
    EDITIONS,
    Contents,
    Digest,
    Edition,
    contents,
    edition_folder,
    edition_of,
    editions_folder,
    fresh,
)
from digest.mail.phrases import phrasebook
from digest.site import Site
from digest.times import Clock
from digest.web.edition_feed import MAX_EDITIONS, edition_feed
from digest.web.pages import MAX_SHOWN, WebPages

#: What a sample shows while nothing is new.
MAX_LATEST = 10
#: A sample is made anew after so long.
SAMPLE_LASTS = timedelta(seconds=30)


class EditionSource(Protocol):
    """What web editions need of the store's editions."""

    def of(self, digest: str) -> list[tuple[Edition, int]]:
        """Return a digest's editions in order of number, with their counts of articles."""
        ...

    def articles(self, edition_id: int) -> list[Article]:
        """Return what an edition holds and was not withdrawn."""
        ...

    def holding(self, keys: Collection[ArticleKey]) -> set[int]:
        """Return the ids of the editions that hold one of these articles."""
        ...


class NewArticles(Protocol):
    """What a sample needs of the store's articles."""

    def since(self, after: int, categories: Collection[CategoryPath]) -> list[Article]:
        """Return the articles with a greater sequence in any of these categories."""
        ...

    def latest(self, categories: Collection[CategoryPath], limit: int) -> list[Article]:
        """Return the newest articles in any of these categories."""
        ...


class WebEditions:
    """Writes the pages and feeds of editions, and makes samples. Safe to use in several threads.

    A page shows what its edition's mail shows, for the whole digest and without personal links.
    Whatever writes raises OutputError, TemplateError, StoreError.
    """

    def __init__(
        self,
        *,
        editions: EditionSource,
        articles: NewArticles,
        taken_upto: Callable[[str], int | None],
        pages: WebPages,
        site: Site,
        output: Path,
        digests: Mapping[str, Digest],
        clock: Clock,
    ) -> None:
        """Keep what is needed. ``taken_upto`` tells where a digest's next edition starts."""
        self._editions = editions
        self._articles = articles
        self._taken_upto = taken_upto
        self._pages = pages
        self._site = site
        self._root = output
        self._output = OutputFolder(output)
        self._below = OutputFolder(output / EDITIONS)
        self._digests = digests
        self._clock = clock
        self._samples: dict[str, tuple[datetime, bytes]] = {}
        self._lock = Lock()
        self._owed: set[str] = set()  # digests whose newest page could not be written

    @property
    def owed(self) -> frozenset[str]:
        """The digests of which a page could not be written."""
        return frozenset(self._owed)

    def publish_all(self) -> Published:
        """Write all pages of all digests, and remove those that nothing stands behind."""
        with self._output.alone(_wait):
            written = _Count()
            kept: set[str] = set()
            for digest in self._digests.values():
                listed = self._editions.of(digest.name)
                kept |= _paths(digest, listed)
                self._write(digest, listed, None, written)
            for path in list(self._below.leftovers(lambda path: f"{EDITIONS}/{path}" not in kept)):
                written.removed += self._output.remove(f"{EDITIONS}/{path}")
        return written.published()

    def publish_new(self, digest: str) -> Published:
        """Write what a digest's newest edition adds: its page and its neighbour's, list, feed.

        Where that fails, ``publish`` does it later.
        """
        self._owed.add(digest)
        with self._output.alone(_wait):
            self._owed.add(digest)  # another thread may have paid meanwhile, for what was then
            written = _Count()
            listed = self._editions.of(digest)
            newest = {edition.id for edition, _ in listed[-2:]}
            self._write(self._digests[digest], listed, newest, written)
            self._sweep(self._digests[digest], listed, written)
            self._owed.discard(digest)
        return written.published()

    def publish_around(self, edition: Edition) -> Published:
        """Write what changes where an edition appears or goes: it, its neighbours, list, feed.

        Where that fails, ``publish`` does it later. Nothing is done for a digest that is not
        configured.
        """
        digest = self._digests.get(edition.digest)
        if digest is None or not edition.number:
            return Published()
        self._owed.add(digest.name)
        with self._output.alone(_wait):
            self._owed.add(digest.name)
            written = _Count()
            listed = self._editions.of(digest.name)
            numbers = [one.number for one, _ in listed]
            place = bisect_left(numbers, edition.number)
            near = {one.id for one, _ in listed[max(0, place - 1) : place + 2]}
            self._write(digest, listed, near, written)
            self._sweep(digest, listed, written)
            self._owed.discard(digest.name)
        return written.published()

    def publish(self, changed: Collection[ArticleKey]) -> Published:
        """Write the pages of the editions that hold articles which changed."""
        touched = self._editions.holding(changed) if changed else set()
        owed = frozenset(self._owed)
        if not touched and not owed:
            return Published()
        with self._output.alone(_wait):
            written = _Count()
            for digest in self._digests.values():
                listed = self._editions.of(digest.name)
                if digest.name in owed:
                    self._write(digest, listed, None, written)
                    self._sweep(digest, listed, written)
                elif not touched.isdisjoint(edition.id for edition, _ in listed):
                    self._write(digest, listed, touched, written)
        self._owed -= owed
        return written.published()

    def sample(self, name: str) -> bytes | None:
        """Return a page that shows what a digest's next edition would hold now.

        While there is nothing new it shows the latest articles. None where there is no such
        digest. Raises TemplateError, StoreError.
        """
        digest = self._digests.get(name)
        if digest is None:
            return None
        now = self._clock()
        with self._lock:  # many at once cost one
            made_at, page = self._samples.get(name, (now, b""))
            if not page or not timedelta() <= now - made_at < SAMPLE_LASTS:
                page = self._sampled(digest, now)
                self._samples[name] = now, page
        return page

    def _sampled(self, digest: Digest, now: datetime) -> bytes:
        after = self._taken_upto(digest.name)
        since = [] if after is None else self._articles.since(after, digest.categories)
        articles = fresh(digest, since, now)
        if not articles:
            articles = self._articles.latest(digest.categories, MAX_LATEST)
        edition = edition_of(digest.name, articles, now)
        shown = contents(articles, digest.categories, digest.max_items)
        return self._pages.edition(digest, edition, shown)

    def _write(
        self,
        digest: Digest,
        listed: Sequence[tuple[Edition, int]],
        wanted: set[int] | None,
        written: _Count,
    ) -> None:
        """Write the pages of the wanted editions (None: of all), the list and the feed."""
        folder = editions_folder(digest.name)
        editions = [edition for edition, _ in listed]
        recent = []
        for place, edition in enumerate(editions):
            in_feed = place >= len(editions) - MAX_EDITIONS
            if not in_feed and wanted is not None and edition.id not in wanted:
                continue
            shown = self._contents(digest, edition)
            if in_feed:
                recent.append((edition, shown))
            if wanted is None or edition.id in wanted:
                page = self._pages.edition(
                    digest,
                    edition,
                    shown,
                    previous=editions[place - 1] if place else None,
                    following=editions[place + 1] if place + 1 < len(editions) else None,
                )
                path = edition_folder(digest.name, edition.number) + PAGE
                written.add(self._output.write(path, page).changed)
        page = self._pages.editions(digest, listed[::-1])
        written.add(self._output.write(folder + PAGE, page).changed)
        words = phrasebook(digest.language, digest.timezone)
        feed = edition_feed(digest, recent[::-1], words, self._site)
        written.add(self._output.write(folder + ATOM, feed).changed)

    def _sweep(
        self, digest: Digest, listed: Sequence[tuple[Edition, int]], written: _Count
    ) -> None:
        """Remove the pages of a digest's editions that are not listed."""
        kept, folder = _paths(digest, listed), editions_folder(digest.name)
        below = OutputFolder(self._root / folder)
        for path in list(below.leftovers(lambda path: folder + path not in kept)):
            written.removed += self._output.remove(folder + path)

    def _contents(self, digest: Digest, edition: Edition) -> Contents:
        return contents(self._editions.articles(edition.id), digest.categories, MAX_SHOWN)


class _Count:
    """Counts files as they are written."""

    def __init__(self) -> None:
        self.written = self.unchanged = self.removed = 0

    def add(self, changed: bool) -> None:
        """Count a file that was written, or held the right bytes already."""
        self.written += changed
        self.unchanged += not changed

    def published(self) -> Published:
        """Return what was done."""
        return Published(written=self.written, unchanged=self.unchanged, removed=self.removed)


def _paths(digest: Digest, listed: Sequence[tuple[Edition, int]]) -> set[str]:
    """Return the files of a digest's editions: pages, their list, its feed."""
    folder = editions_folder(digest.name)
    pages = (edition_folder(digest.name, edition.number) for edition, _ in listed)
    return {folder + ATOM, *(page + PAGE for page in (folder, *pages))}


def _wait() -> None:
    """Let another process publish first."""
