"""Publish: write feeds and pages into the output folder, whole or not at all."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Protocol, Self

from digest.articles.model import (
    Article,
    ArticleKey,
    CategoryPath,
    Changes,
    Tombstone,
    article_folder,
)
from digest.errors import OutputError
from digest.feeds.folder import OutputFolder
from digest.feeds.json_feed import json_feed
from digest.feeds.opml import opml
from digest.feeds.selection import ATOM, JSON, OPML, PAGE, RSS, CategorySummary, Feed
from digest.feeds.syndication import Entries, atom, rss
from digest.site import Site

#: Articles read from the store at once; bounds the memory.
BATCH = 500
#: Files written at once: most of the time goes into waiting for the disk.
WRITERS = 8
#: Files packed at once: that takes the processor, and what is urgent waits for those under way.
PACKERS = 2


class ArticleSource(Protocol):
    """What publishing needs of the store."""

    def categories(self) -> list[CategorySummary]:
        """Return every category at every level that holds an article, in order of path."""
        ...

    def newest(self, category: CategoryPath | None, limit: int) -> list[Article]:
        """Return the newest articles by publication, then sequence, of a category or of all."""
        ...

    def articles(self, keys: Collection[ArticleKey]) -> list[Article]:
        """Return the articles with these keys, in order of sequence."""
        ...

    def article_keys(self) -> list[ArticleKey]:
        """Return the keys of all articles, in order of sequence."""
        ...

    def tombstones(self, category: CategoryPath | None, limit: int) -> list[Tombstone]:
        """Return what is left of withdrawn articles of a category or of all, the last first."""
        ...


class Pages(Protocol):
    """What publishing needs of whoever renders pages."""

    def article(self, article: Article) -> bytes:
        """Return an article's page."""
        ...

    def feed(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        """Return a feed's page; ``categories`` are those right below it (all, for the site's)."""
        ...

    def index(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        """Return the site's front page; ``categories`` are all of them."""
        ...

    def assets(self) -> Mapping[str, bytes]:
        """Return the files that pages and feeds refer to, by path relative to the output folder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What publishing did to the output folder, in files."""

    written: int = 0
    unchanged: int = 0  #: held the right bytes already
    removed: int = 0


class Publisher:
    """Writes feeds and pages. Blocks; to be called from one thread at a time.

    A file that cannot be written does not keep the others from it: the first OutputError is
    raised at the end, and publishing the same once more mends what is missing. TemplateError and
    StoreError end the run at once; what was written until then stays, each file whole.
    """

    def __init__(
        self,
        *,
        source: ArticleSource,
        pages: Pages,
        site: Site,
        output: Path,
        limit: int,
        full: bool,
        formats: tuple[str, ...] = (RSS, ATOM, JSON),
        ttl: timedelta = timedelta(hours=1),
    ) -> None:
        self._source = source
        self._pages = pages
        self._site = site
        self._folder = OutputFolder(output)
        self._limit = limit
        self._full = full
        self._formats = formats
        self._ttl = ttl
        self._unpacked: dict[str, None] = {}

    @property
    def unpacked(self) -> bool:
        """Whether there are files that ``pack`` has not looked at since they were published."""
        return bool(self._unpacked)

    def pack(self, urgent: Callable[[], bool] = lambda: False) -> None:
        """Lay packed variants beside what was published, until ``urgent`` says to stop.

        What was written last, the feeds, comes first. Whoever publishes a file once more before it
        was packed has saved that. Raises the first OutputError at the end; what could not be packed
        is left until it is published again.
        """

        def wait() -> None:
            if urgent():
                raise InterruptedError

        errors: list[OutputError] = []
        with (
            contextlib.suppress(InterruptedError),
            self._folder.alone(wait),
            ThreadPoolExecutor(PACKERS, thread_name_prefix="pack") as pool,
        ):
            while self._unpacked and not urgent():
                some = [
                    self._unpacked.popitem()[0] for _ in range(min(PACKERS, len(self._unpacked)))
                ]
                for future in [pool.submit(self._folder.pack, path) for path in some]:
                    try:
                        future.result()
                    except OutputError as error:
                        errors.append(error)
        if errors:
            raise errors[0]

    def publish_all(self, progress: Callable[[int, int], None] | None = None) -> Published:
        """Write everything, and remove feeds and pages that nothing stands behind any more.

        ``progress`` is told how many articles and feeds are done, and of how many; what it
        raises ends the run.
        """
        with self._folder.alone(_steps(progress, 0)), self._writing() as writing:
            keys = self._source.article_keys()
            summaries = self._source.categories()
            step = _steps(progress, len(keys) + 1 + len(summaries))
            for path, content in self._pages.assets().items():
                writing.write(path, content)
            for some in _batches(keys):
                for article in self._source.articles(some):
                    writing.write(article.folder + PAGE, self._pages.article(article))
                    step()
            writing.settle()  # a feed must not name a page that is not there yet
            entries = Entries()
            for category in (None, *(summary.path for summary in summaries)):
                self._write_feed(writing, category, entries)
                self._write_pages(writing, category, summaries)
                step()
            self._write_lists(writing, summaries)
            writing.settle()
            self._sweep(writing)
            writing.record(step)
        return writing.published()

    def publish(
        self, changes: Changes, progress: Callable[[int, int], None] | None = None
    ) -> Published:
        """Write what the changes touch: article pages first, then feeds, index and OPML.

        The pages of articles that the source no longer has are removed, and so are the feeds of
        categories that hold nothing any more. ``progress`` is as for ``publish_all``.
        """
        if not changes.articles and not changes.categories:
            return Published()
        step = _steps(progress, len(changes.articles) + 2 * (1 + len(changes.categories)))
        with self._folder.alone(_steps(progress, 0)), self._writing() as writing:
            for some in _batches(sorted(changes.articles)):
                articles = self._source.articles(some)
                for article in articles:
                    writing.write(article.folder + PAGE, self._pages.article(article))
                    step()
                for key in set(some).difference(article.key for article in articles):
                    writing.remove(article_folder(key) + PAGE)
            writing.settle()
            entries = Entries()
            held = []
            for each in (None, *sorted(changes.categories)):
                if self._write_feed(writing, each, entries):
                    held.append(each)
                step()
            # Readers wait for feeds, people for pages: those come last, at the price of a query.
            summaries = self._source.categories()
            for category in held:
                self._write_pages(writing, category, summaries)
                step()
            for category in changes.categories.difference(held):
                for path in self._paths(category):
                    writing.remove(path)
            self._write_lists(writing, summaries)
            writing.record(step)
        return writing.published()

    def _writing(self) -> _Writing:
        return _Writing(self._folder, self._unpacked)

    def _feed(self, category: CategoryPath | None) -> Feed:
        return Feed(site=self._site, category=category, full=self._full, ttl=self._ttl)

    def _paths(self, category: CategoryPath | None) -> Iterator[str]:
        folder = self._feed(category).folder
        return (folder + name for name in (*self._formats, PAGE))

    def _write_feed(
        self, writing: _Writing, category: CategoryPath | None, entries: Entries
    ) -> bool:
        """Write a feed's files; False, and none, for a category that holds nothing."""
        feed = self._feed(category)
        articles = self._source.newest(category, self._limit)
        if category is not None and not articles:
            return False
        gone = self._source.tombstones(category, self._limit) if ATOM in self._formats else []
        for name in self._formats:
            writing.write(feed.folder + name, _document(name, feed, articles, gone, entries))
        return True

    def _write_pages(
        self,
        writing: _Writing,
        category: CategoryPath | None,
        summaries: Sequence[CategorySummary],
    ) -> None:
        feed = self._feed(category)
        articles = self._source.newest(category, self._limit)
        if category is None:
            below = list(summaries)
            writing.write(PAGE, self._pages.index(feed, articles, below))
        else:
            below = [summary for summary in summaries if summary.path.parent == category]
        writing.write(feed.folder + PAGE, self._pages.feed(feed, articles, below))

    def _write_lists(self, writing: _Writing, summaries: Sequence[CategorySummary]) -> None:
        name = next((name for name in (RSS, ATOM) if name in self._formats), self._formats[0])
        writing.write(f"feeds/{OPML}", opml(self._site, summaries, name))

    def _sweep(self, writing: _Writing) -> None:
        # Asked again: another process may have published more in the meantime.
        categories = (summary.path for summary in self._source.categories())
        feeds = {path for category in (None, *categories) for path in self._paths(category)}
        articles = {article_folder(key) + PAGE for key in self._source.article_keys()}

        def stale(path: str) -> bool:
            top, _, rest = path.partition("/")
            name = rest.rpartition("/")[2]
            if top == "feeds":
                return name in (RSS, ATOM, JSON, PAGE) and path not in feeds
            return top == "articles" and name == PAGE and path not in articles

        for path in self._folder.leftovers(stale):
            writing.remove(path)


def _batches(keys: Sequence[ArticleKey]) -> Iterator[Sequence[ArticleKey]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def _steps(progress: Callable[[int, int], None] | None, total: int) -> Callable[[], None]:
    """Return what is called after each of ``total`` steps, and then while nothing is left.

    With a total of 0, it is for what is called while nothing is done yet.
    """
    done = count(1)

    def step() -> None:
        if progress is not None:
            progress(min(next(done), total), total)

    return step


def _document(
    name: str,
    feed: Feed,
    articles: Sequence[Article],
    gone: Sequence[Tombstone],
    entries: Entries,
) -> bytes:
    if name == RSS:
        return rss(feed, articles, entries)
    if name == ATOM:
        return atom(feed, articles, entries, gone)
    return json_feed(feed, articles)


class _Writing:
    """One run's writes on a few threads, counted; errors wait for the end."""

    def __init__(self, folder: OutputFolder, unpacked: dict[str, None]) -> None:
        self._folder = folder
        self._unpacked = unpacked
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="publish")
        self._pending: deque[Future[bool]] = deque()
        self._feeds: list[str] = []
        self._error: OutputError | None = None
        self._written = self._unchanged = self._removed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.settle()
        self._pool.shutdown(cancel_futures=True)

    def write(self, path: str, content: bytes) -> None:
        """Have a file written soon."""
        while len(self._pending) >= 8 * WRITERS:  # bounds the memory
            self._take()
        self._pending.append(self._pool.submit(self._folder.write, path, content))
        self._unpacked.pop(path, None)
        self._unpacked[path] = None
        if path.rpartition("/")[2] in (RSS, ATOM):
            self._feeds.append(path)

    def record(self, step: Callable[[], None]) -> None:
        """Have it noted what each feed of this run holds; ``step`` is called for each.

        At the end: readers wait for the feeds themselves.
        """
        self.settle()
        for noted in [self._pool.submit(self._folder.record, path) for path in self._feeds]:
            step()
            try:
                noted.result()
            except OutputError as error:
                self._error = self._error or error

    def settle(self) -> None:
        """Wait until everything is written."""
        while self._pending:
            self._take()

    def remove(self, path: str) -> None:
        """Remove a file now."""
        try:
            self._removed += self._folder.remove(path)
        except OutputError as error:
            self._error = self._error or error

    def published(self) -> Published:
        """Return what was done. Raises the run's first OutputError."""
        if self._error is not None:
            raise self._error
        return Published(written=self._written, unchanged=self._unchanged, removed=self._removed)

    def _take(self) -> None:
        try:
            if self._pending.popleft().result():
                self._written += 1
            else:
                self._unchanged += 1
        except OutputError as error:
            self._error = self._error or error
