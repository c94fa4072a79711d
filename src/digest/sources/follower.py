"""Follow sources: fetch each when it is due, and write its new entries as article files."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from digest.errors import DigestError, StoreError
from digest.sources.article_file import article_file, entry_hash, file_hash, file_path, own_feed
from digest.sources.discovery import linked_feeds
from digest.sources.entry_pages import MAX_PAGES, Pages
from digest.sources.fetching import Answer, Fetcher, FetchError
from digest.sources.model import EntryRecord, FeedDocument, Health, NoFeed, Source, SourceState
from digest.sources.reader import Reader
from digest.sources.refresh import (
    PlannedEntry,
    after_document,
    after_failure,
    after_redirect,
    is_due,
    plan,
    retry_interval,
    spread,
)
from digest.times import Clock, retry_after
from digest.wakeup import WakeUp

_log = structlog.get_logger(__name__)

#: Sources that are asked at the same time.
_AT_ONCE = 8
#: Seconds between two looks for what is due.
_LOOK_AGAIN = 30.0
_DAY = timedelta(days=1)


class SourceBusy(DigestError):
    """Another process takes the entries of a source just now; it stores what is new."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"{self.name}: another process takes its entries just now"


class SourceStore(Protocol):
    """The part of the store that following sources uses. Every method raises StoreError."""

    def states(self) -> Mapping[str, SourceState]:
        """Return the stored state of each source, by name."""

    def records(self, source: str, entries: Collection[tuple[str, str]]) -> list[EntryRecord]:
        """Return the stored records of a source's entries with one of these keys or aliases."""

    def taken_since(self, source: str, since: datetime) -> int:
        """Return the number of entries of a source first taken since a moment."""

    def keep(self, source: str, state: SourceState, records: Sequence[EntryRecord]) -> None:
        """Store a source's state and entry records, all or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """The result of refreshing a source."""

    state: SourceState
    records: tuple[EntryRecord, ...] = ()  #: of the entries that were taken
    new: int = 0  #: entries
    waiting: int = 0  #: entries above the day's limit


class Follower:
    """Follows the sources, each in one process at a time. ``run`` works until ``stop``."""

    def __init__(
        self,
        *,
        sources: Callable[[], Sequence[Source]],
        folder: Path,
        store: SourceStore,
        fetcher: Fetcher,
        site_url: str,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """``sources`` returns the present sources. ``folder`` has their article files.

        Feeds of ``site_url`` are refused. ``jitter`` returns 0 to 1.
        """
        self._sources = sources
        self._folder = folder
        self._store = store
        self._fetcher = fetcher
        self._site_url = site_url
        self._clock = clock
        self._jitter = jitter
        self._reader = Reader()
        self._pages = Pages(fetcher=fetcher, reader=self._reader, clock=clock)
        self._wakeup = WakeUp()
        #: Sources of which nothing could be kept: failures in a row, and when to ask again.
        self._failures: dict[str, tuple[int, datetime]] = {}

    def stop(self) -> None:
        """Make ``run`` return, and start no more requests."""
        self._wakeup.stop()

    async def run(self) -> None:
        """Refresh each source when it is due, until stopped; errors are logged."""
        try:
            while not self._wakeup.stopped:
                try:
                    await self.refresh_due()
                except (StoreError, OSError) as error:
                    _log.error("sources cannot be followed, will try again", error=str(error))
                await self._reader.close()  # it would hold its memory while there is nothing to do
                await self._wakeup.wait(_LOOK_AGAIN)
        finally:
            await self.close()

    async def close(self) -> None:
        """End the process that reads documents, and all connections."""
        await self._reader.close()
        await self._fetcher.close()

    async def refresh_due(self) -> None:
        """Refresh the sources that are due, several at a time. Raises StoreError."""
        states = await asyncio.to_thread(self._store.states)
        sources = await asyncio.to_thread(self._sources)
        now = self._clock()
        due = ((source, _known(source, states)) for source in sources)
        waiting = [
            (source, state)
            for source, state in due
            if is_due(state, now) and self._failures.get(source.name, (0, now))[1] <= now
        ]

        async def ask() -> None:
            while waiting and not self._wakeup.stopped:
                source, state = waiting.pop(0)
                try:
                    await self.refresh(source, state)
                except SourceBusy:
                    pass  # what the other process stores tells when it is due again
                except (DigestError, OSError) as error:
                    failures = self._failures.get(source.name, (0, now))[0] + 1
                    until = self._clock() + retry_interval(failures)
                    self._failures[source.name] = failures, until
                    _log.error("a source failed", source=source.name, error=str(error))
                else:
                    self._failures.pop(source.name, None)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(ask())

    async def refresh(self, source: Source, state: SourceState | None = None) -> Refreshed:
        """Fetch a source now, write its new entries, and store its state.

        Raises SourceBusy; StoreError, OSError if nothing can be stored or written: the next refresh
        repeats it then, and no entry is lost.
        """
        with _locked(self._folder, source.name):
            return await self._refresh(source, state)

    async def _refresh(self, source: Source, state: SourceState | None) -> Refreshed:
        if state is None:
            state = _known(source, await asyncio.to_thread(self._store.states))
        now = self._clock()
        try:
            answer = await self._ask(source, state)
            refreshed = await self._answered(source, state, answer, now)
        except (FetchError, NoFeed) as error:
            failed = after_failure(state, str(error), retry_after=None, gone=False, now=now)
            refreshed = Refreshed(state=failed)
        after = refreshed.state
        if after.next_at is not None:
            after = replace(after, next_at=now + spread(after.next_at - now, self._jitter()))
        await asyncio.to_thread(self._store.keep, source.name, after, refreshed.records)
        if after.health is not Health.OK:
            _log.warning("a source gave nothing", source=source.name, answer=after.answer)
        elif refreshed.records:
            _log.info(
                "entries taken",
                source=source.name,
                new=refreshed.new,
                changed=len(refreshed.records) - refreshed.new,
                waiting=refreshed.waiting,
            )
        return replace(refreshed, state=after)

    async def begin(self, source: Source, document: FeedDocument) -> Refreshed:
        """Write the entries of a new source's feed, which ``discover`` has just fetched.

        It is due at once all the same. Raises SourceBusy, StoreError, OSError.
        """
        now = self._clock()
        answer, state = Answer(status=200, url=source.url), SourceState(url=source.url)
        with _locked(self._folder, source.name):
            refreshed = await self._take(source, state, answer, document, now)
            after = replace(refreshed.state, next_at=None)
            await asyncio.to_thread(self._store.keep, source.name, after, refreshed.records)
        return replace(refreshed, state=after)

    async def discover(self, url: str, *, private: bool) -> tuple[str, FeedDocument]:
        """Return the address and the content of a feed, or of the first feed that a page links.

        ``private`` allows an address of ``url`` that is not public. Nothing is written.
        Raises FetchError, NoFeed.
        """
        answer = await self._fetch_whole(url, private=private)
        try:
            return answer.moved_to or url, await self._read(answer)
        except NoFeed:
            for address in linked_feeds(answer.content, answer.url):
                if address not in (url, answer.url):
                    allowed = private and _same_host(address, url)
                    linked = await self._fetch_whole(address, private=allowed)
                    return address, await self._read(linked)
            raise

    async def _fetch_whole(self, url: str, *, private: bool) -> Answer:
        answer = await self._fetcher.fetch(url, private=private)
        if answer.status != 200:
            raise FetchError(f"{url} answered {answer.status}")
        return answer

    async def _ask(self, source: Source, state: SourceState) -> Answer:
        headers: dict[str, str] = {}
        if state.entity_tag:
            headers |= {"If-None-Match": state.entity_tag, "A-IM": "feed"}
        if state.last_modified:
            headers["If-Modified-Since"] = state.last_modified
        # Where permanent redirects led since is not what the operator allowed.
        private = source.allow_private and _same_host(state.address, source.url)
        return await self._fetcher.fetch(state.address, headers=headers, private=private)

    async def _answered(
        self, source: Source, state: SourceState, answer: Answer, now: datetime
    ) -> Refreshed:
        state = after_redirect(state, answer.moved_to)
        if answer.status == 304 and (state.entity_tag or state.last_modified):
            return Refreshed(state=after_document(state, source, answer.headers, now=now))
        if answer.status not in (200, 226):
            failed = after_failure(
                state,
                f"answered {answer.status}",
                retry_after=retry_after(answer.headers.get("retry-after"), now),
                gone=answer.status == 410,
                now=now,
            )
            return Refreshed(state=failed)
        return await self._take(source, state, answer, await self._read(answer), now)

    async def _read(self, answer: Answer) -> FeedDocument:
        media_type = answer.headers.get("content-type", "")
        document = await self._reader.read(answer.content, answer.url, media_type)
        if own_feed(document, answer.url, self._site_url):
            raise NoFeed("it is a feed of this site, which would follow itself")
        return document

    async def _take(
        self,
        source: Source,
        state: SourceState,
        answer: Answer,
        document: FeedDocument,
        now: datetime,
    ) -> Refreshed:
        first = state.unread
        names = [(entry.key, entry.alias) for entry in document.entries]
        records = await asyncio.to_thread(self._store.records, source.name, names)
        taken = await asyncio.to_thread(self._store.taken_since, source.name, now - _DAY)
        planned = plan(source, document, records, taken_today=taken, first=first, now=now)
        visit, texts = self._pages.visit(source), len(planned.entries) - MAX_PAGES
        written: list[EntryRecord] = []
        for number, item in enumerate(planned.entries):
            wanted = source.full_text and number >= texts
            text = await visit.text(item.entry) if wanted else ""
            entry = replace(item.entry, content=text) if text else item.entry
            make = partial(article_file, source, entry, document, announced=not first)
            written.append(await asyncio.to_thread(self._write, source, item, make, now))
        after = after_document(
            state, source, answer.headers, document=document, took=len(written), now=now
        )
        if planned.waiting:  # the document is wanted again, though it may not change
            after = replace(after, entity_tag="", last_modified="")
        new = sum(item.record is None for item in planned.entries)
        return Refreshed(state=after, records=tuple(written), new=new, waiting=planned.waiting)

    def _write(
        self, source: Source, item: PlannedEntry, make: partial[bytes], now: datetime
    ) -> EntryRecord:
        """Write an entry's file unless an operator has edited or deleted it; return its record.

        ``make`` returns the file's content. Raises OSError. Blocking.
        """
        entry, record = item.entry, item.record
        content = make(taken_at=record.taken_at if record else now)
        path = record.path if record else file_path(source, entry, now)
        mine = record is None or _is_as_written(self._folder / path, record.written)
        if mine:
            _replace(self._folder / path, content)
        return EntryRecord(
            key=entry.key,
            alias=entry.alias,
            path=path,
            content=entry_hash(entry),
            written=file_hash(content) if record is None or mine else record.written,
            taken_at=record.taken_at if record else now,
        )


@contextlib.contextmanager
def _locked(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of a source, so that no other process writes its files or records.

    It is a lock of its folder, and ends with the process. Raises SourceBusy, OSError.
    """
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SourceBusy(name) from error
        except OSError:
            pass  # a file system without locks of folders
        yield
    finally:
        # A process that was forked meanwhile would keep it.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _same_host(url: str, other: str) -> bool:
    return urlsplit(url).hostname == urlsplit(other).hostname


def _known(source: Source, states: Mapping[str, SourceState]) -> SourceState:
    state = states.get(source.name)
    return state if state and state.url == source.url else SourceState(url=source.url)


def _is_as_written(path: Path, written: str) -> bool:
    """Return whether a file exists and was not edited since it was written. Raises OSError."""
    try:
        return file_hash(path.read_bytes()) == written
    except FileNotFoundError:
        return False


def _replace(path: Path, content: bytes) -> None:
    """Write a file atomically, synced to the disk on return. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
