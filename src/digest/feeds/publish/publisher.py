"""Publish: write feeds and pages into the output folder, whole or not at all."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Protocol

from digest.articles.model import (
    Article,
    ArticleKey,
    Changes,
    Scope,
    Tombstone,
    article_folder,
)
from digest.articles.strands import Strand, StrandKind
from digest.errors import OutputError
from digest.feeds.archives import Place
from digest.feeds.archiving import ArchiveSource, Archiving
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.json_feed import json_feed
from digest.feeds.opml import opml
from digest.feeds.plan import CustomFeed, FeedPlan, FeedSummary, spread
from digest.feeds.selection import (
    ATOM,
    JSON,
    OPML,
    PAGE,
    RSS,
    CategorySummary,
    Feed,
    StrandSummary,
)
from digest.feeds.syndication import Entries, atom, rss
from digest.feeds.writing import Published, Writing
from digest.site import Site

#: Articles read from the store at once; bounds the memory.
BATCH = 500
#: Files packed at once: that takes the processor, and what is urgent waits for those under way.
PACKERS = 2


#: Entries by what decides their bytes: whether they are full, and the language of the feed.
_Kept = defaultdict[tuple[bool, str], Entries]


class ArticleSource(Protocol):
    """What publishing needs of the store."""

    def categories(self) -> list[CategorySummary]:
        """Return every category at every level that holds an article, in order of path."""
        ...

    def strands(self, kinds: Collection[StrandKind]) -> list[StrandSummary]:
        """Return every strand of these kinds that holds an article, in order."""
        ...

    def newest(self, scope: Scope, limit: int) -> list[Article]:
        """Return the newest articles of a scope by publication, then sequence."""
        ...

    def articles(self, keys: Collection[ArticleKey]) -> list[Article]:
        """Return the articles with these keys, in order of sequence."""
        ...

    def article_keys(self) -> list[ArticleKey]:
        """Return the keys of all articles, in order of sequence."""
        ...

    def tombstones(self, scope: Scope, limit: int) -> list[Tombstone]:
        """Return what is left of withdrawn articles of a scope, the last first."""
        ...


class Pages(Protocol):
    """What publishing needs of whoever renders pages."""

    def article(self, article: Article) -> bytes:
        """Return an article's page."""
        ...

    def feed(
        self,
        feed: Feed,
        articles: Sequence[Article],
        categories: Sequence[CategorySummary],
        others: Sequence[FeedSummary] = (),
    ) -> bytes:
        """Return a feed's page; ``categories`` are those right below it (all, for the site's).

        ``others`` are feeds that are no categories', to be named there too.
        """
        ...

    def index(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        """Return the site's front page; ``categories`` are all of them."""
        ...

    def assets(self) -> Mapping[str, bytes]:
        """Return the files that pages and feeds refer to, by path relative to the output folder."""
        ...


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
        authors: bool = False,
        languages: bool = False,
        custom: tuple[CustomFeed, ...] = (),
        ttl: timedelta = timedelta(hours=1),
        archives: ArchiveSource | None = None,
        changed: Callable[[Collection[str]], None] = lambda _: None,
    ) -> None:
        """Keep what is needed.

        Without ``archives`` none are written, and those that are there are removed. ``changed`` is
        called at the end of each run, however it ends, with the paths of the files that hold other
        bytes now.
        """
        self._source = source
        self._pages = pages
        self._plan = FeedPlan(
            site=site,
            full=full,
            formats=formats,
            limit=limit,
            ttl=ttl,
            authors=authors,
            languages=languages,
            custom=custom,
        )
        self._listed: tuple[Scope, ...] | None = None
        self._opml = b""  #: that lists these
        self._folder = OutputFolder(output)
        self._changed = changed
        self._archiving = Archiving(archives, exists=self._folder.holds)
        self._unpacked: dict[str, None] = {}

    def feeds(self) -> list[FeedSummary]:
        """Return every feed that there is, the one of everything first."""
        scopes: dict[Scope, int] = {None: len(self._source.article_keys())}
        scopes |= spread(self._plan, self._source.categories(), self._strands())
        return self._summaries(scopes)

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

        ``progress`` is told how many articles, archives and feeds are done, and of how many; what
        it raises ends the run.
        """
        with self._alone(progress) as writing:
            keys = self._source.article_keys()
            summaries = self._source.categories()
            scopes = spread(self._plan, summaries, self._strands())
            feeds = list(self._of((None, *scopes)))
            self._archiving.begin()
            archives = self._archiving.close(feeds, None)
            step = _steps(progress, len(keys) + archives + len(feeds))
            for path, content in self._pages.assets().items():
                writing.write(path, content)
            for some in _batches(keys):
                for article in self._source.articles(some):
                    writing.write(article.folder + PAGE, self._pages.article(article))
                    step()
            entries: _Kept = defaultdict(Entries)
            for feed in feeds:
                self._write_archives(writing, feed, entries, step, missing=True)
            writing.settle()  # a feed must not name a page or an archive that is not there yet
            for feed in feeds:
                self._write_feed(writing, feed, entries, step)
                self._write_pages(writing, feed, summaries, scopes)
                step()
            for feed in feeds:
                self._write_archives(writing, feed, entries, step, missing=False)
            self._write_lists(writing, summaries, scopes)
            writing.settle()
            self._sweep(writing)
            writing.record(step)
        return self._published(writing)

    def publish(
        self, changes: Changes, progress: Callable[[int, int], None] | None = None
    ) -> Published:
        """Write what the changes touch: article pages first, then feeds, index and OPML.

        The pages of articles that the source no longer has are removed, and so are the feeds of
        categories and strands that hold nothing any more. ``progress`` is as for ``publish_all``.
        """
        if not changes.articles and not changes.categories and not changes.strands:
            return Published()
        touched: list[Scope] = [None, *sorted(changes.categories), *sorted(changes.strands)]
        with self._alone(progress) as writing:
            step = _steps(progress, len(changes.articles) + 2 * len(touched))
            for some in _batches(sorted(changes.articles)):
                articles = self._source.articles(some)
                for article in articles:
                    writing.write(article.folder + PAGE, self._pages.article(article))
                    step()
                for key in set(some).difference(article.key for article in articles):
                    writing.remove(article_folder(key) + PAGE)
            # Whether languages have feeds is not known yet: asking takes time.
            feeds = list(self._of(scope for scope in touched if not _is_language(scope)))
            self._archiving.begin()
            self._archiving.close(feeds, changes.articles)  # while the disk is at the pages
            writing.settle()
            entries: _Kept = defaultdict(Entries)
            held = []
            for feed in feeds:
                if self._write_feed(writing, feed, entries, step):
                    held.append(feed)
                step()
            # Readers wait for feeds, people for pages: those come last, at the price of a query.
            summaries, strands = self._source.categories(), self._strands()
            scopes = spread(self._plan, summaries, strands)
            languages = [one.strand for one in strands if _is_language(one.strand)]
            spoken = list(self._of(one for one in languages if one in scopes))
            new = [
                one
                for one in spoken
                if not all(self._folder.holds(one.folder + name) for name in (*one.formats, PAGE))
            ]
            known = [one for one in spoken if one not in new and one.scope in touched]
            self._archiving.close(new, None)
            self._archiving.close(known, changes.articles)
            for feed in (*new, *known):
                self._write_feed(writing, feed, entries, step)
                held.append(feed)
            for feed in held:
                self._write_pages(writing, feed, summaries, scopes)
                step()
            for feed in held:
                self._write_archives(writing, feed, entries, step, missing=False)
            alone = (one for one in languages if one not in scopes)
            ended = {*self._of(touched), *self._of(alone)}.difference(held)
            # How many archives they have is not known yet, either.
            self._archiving.close([one for one in ended if one not in feeds], changes.articles)
            for feed in ended:
                for path in self._paths(feed):
                    writing.remove(path)
            self._write_lists(writing, summaries, scopes)
            writing.record(step)
        return self._published(writing)

    def _published(self, writing: Writing) -> Published:
        """Return what a run did; raise its first OutputError."""
        published = writing.published()
        self._archiving.done()
        return published

    @contextmanager
    def _alone(self, progress: Callable[[int, int], None] | None) -> Iterator[Writing]:
        """Write while no other process does; then say what changed."""
        with self._folder.alone(_steps(progress, 0)):
            writing = Writing(self._folder, self._unpacked)
            try:
                with writing:
                    yield writing
            finally:
                if writing.changed:
                    self._changed(frozenset(writing.changed))

    def _of(self, scopes: Iterable[Scope]) -> Iterator[Feed]:
        """Yield the feeds of those scopes that may have one."""
        return (feed for scope in scopes if (feed := self._plan.feed(scope)))

    def _paths(self, feed: Feed) -> Iterator[str]:
        yield from (feed.folder + name for name in (*feed.formats, PAGE))
        yield from self._archiving.paths(feed)

    def _summaries(self, scopes: Mapping[Scope, int]) -> list[FeedSummary]:
        found = ((self._plan.feed(scope), count) for scope, count in scopes.items())
        return [FeedSummary(feed=feed, articles=count) for feed, count in found if feed]

    def _strands(self) -> list[StrandSummary]:
        return self._source.strands(self._plan.kinds) if self._plan.kinds else []

    def _write_feed(
        self, writing: Writing, feed: Feed, entries: _Kept, step: Callable[[], None]
    ) -> bool:
        """Write a feed's files; False, and none, for a category or strand that holds nothing.

        A feed of the operator's is there all the same.
        """
        articles = self._source.newest(feed.scope, feed.limit)
        if feed.scope and feed.kind != StrandKind.CUSTOM and not articles:
            return False
        # A process that ended too early may have stored an article and not published it.
        unseen = [one for one in articles if not self._folder.holds(one.folder + PAGE)]
        for article in unseen:
            writing.write(article.folder + PAGE, self._pages.article(article))
        if self._write_archives(writing, feed, entries, step, missing=True) or unseen:
            writing.settle()  # a feed must not name what is not there yet
        gone = self._source.tombstones(feed.scope, feed.limit) if ATOM in feed.formats else []
        place = self._archiving.place(feed)
        for name in feed.formats:
            kept = entries[feed.full, feed.site.language]
            document = _document(name, feed, articles, gone, kept, place)
            writing.write(feed.folder + name, document)
        return True

    def _write_archives(
        self,
        writing: Writing,
        feed: Feed,
        entries: _Kept,
        step: Callable[[], None],
        *,
        missing: bool,
    ) -> bool:
        """Write a feed's archives that are owed, or only those ``missing``; tell if any were."""
        owed = self._archiving.owed(feed, missing=missing)
        for number in owed:
            kept = entries[feed.full, feed.site.language]
            for path, content in self._archiving.documents(feed, number, kept):
                writing.write(path, content)
            step()
        return bool(owed)

    def _write_pages(
        self,
        writing: Writing,
        feed: Feed,
        summaries: Sequence[CategorySummary],
        scopes: Mapping[Scope, int],
    ) -> None:
        articles = self._source.newest(feed.scope, feed.limit)
        below: list[CategorySummary] = []
        others: list[FeedSummary] = []
        if feed.scope is None:
            below = list(summaries)
            others = self._summaries({one: scopes[one] for one in scopes if _is_few(one)})
            writing.write(PAGE, self._pages.index(feed, articles, below))
        elif feed.category:
            below = [summary for summary in summaries if summary.path.parent == feed.category]
        writing.write(feed.folder + PAGE, self._pages.feed(feed, articles, below, others))

    def _write_lists(
        self,
        writing: Writing,
        summaries: Sequence[CategorySummary],
        scopes: Mapping[Scope, int],
    ) -> None:
        # With thousands of authors it takes a while, and only a new one changes it.
        if self._listed != (named := tuple(scopes)):
            plan = self._plan
            name = next((name for name in (RSS, ATOM) if name in plan.formats), plan.formats[0])
            others = list(self._of(one for one in scopes if isinstance(one, Strand)))
            self._opml, self._listed = opml(plan.site, summaries, name, others), named
        writing.write(f"feeds/{OPML}", self._opml)

    def _sweep(self, writing: Writing) -> None:
        # Asked again: another process may have published more in the meantime.
        scopes = spread(self._plan, self._source.categories(), self._strands())
        feeds = {path for feed in self._of((None, *scopes)) for path in self._paths(feed)}
        articles = {article_folder(key) + PAGE for key in self._source.article_keys()}

        def stale(path: str) -> bool:
            top, _, rest = path.partition("/")
            name = rest.rpartition("/")[2]
            if top == "feeds":
                return name in (RSS, ATOM, JSON, PAGE) and path not in feeds
            return top == "articles" and name == PAGE and path not in articles

        for path in self._folder.leftovers(stale):
            writing.remove(path)


def _is_language(scope: Scope) -> bool:
    return isinstance(scope, Strand) and scope.kind is StrandKind.LANGUAGE


def _is_few(scope: Scope) -> bool:
    """Tell what a page can name all of: languages and the operator's feeds, not authors."""
    return isinstance(scope, Strand) and scope.kind is not StrandKind.AUTHOR


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
    place: Place,
) -> bytes:
    if name == RSS:
        return rss(feed, articles, entries)
    if name == ATOM:
        return atom(feed, articles, entries, gone, place)
    return json_feed(feed, articles, place)
