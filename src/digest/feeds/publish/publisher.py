"""Publish: bring the files of feeds in the output folder up to date with the store."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from digest.articles.model import FacetKind
from digest.errors import OutputError
from digest.feeds.catalog import FeedPlan
from digest.feeds.formats import FORMATS
from digest.feeds.model import OPML, Feed
from digest.feeds.opml import opml
from digest.feeds.publish.documents import NO_PREVIOUS, FeedDocuments, Previous
from digest.feeds.publish.model import OutputRecord, Published, PublishStore
from digest.feeds.publish.older_layout import remove_older_layout
from digest.feeds.publish.output_folder import OutputFolder, file_content
from digest.feeds.publish.plan import PublishPlan, StaleFeeds, batches, candidates, listed, plan
from digest.feeds.publish.power_loss import boot_id, is_running, process_space
from digest.feeds.publish.publication import PublishRun
from digest.feeds.websub.protocol import is_topic
from digest.spelling import counted
from digest.urls import STYLESHEET

_log = structlog.get_logger(__name__)

#: Feeds written while other processes wait.
BATCH = 32
#: Files packed at once: that takes the processor, and what is urgent waits for those under way.
PACKERS = 2
#: Files that are reported by path among those that cannot be written.
MAX_REPORTED = 20
#: All feeds live below this folder.
_TOP = "feeds"

Progress = Callable[[int, int], None]


class Publisher:
    """Writes feeds. Blocking: call it from one thread at a time, except ``close``.

    If a file cannot be written, the others still are: the first OutputError is raised at the end,
    and the next call retries the missing files. StoreError ends a run at once; the files written
    until then stay, each complete.
    """

    def __init__(
        self,
        *,
        store: PublishStore,
        folder: OutputFolder,
        feed_plan: FeedPlan,
        style_sheet: bytes,
        fingerprint: str,
        changed: Callable[[Collection[str]], None] = lambda _: None,
    ) -> None:
        """``fingerprint`` changes whenever the same articles would give other feeds.

        ``changed`` is called with the paths of files with new content before they are recorded, so
        that it is called again for them after a crash.
        """
        self._store = store
        self._folder = folder
        self._feed_plan = feed_plan
        self._style_sheet = style_sheet
        self._fingerprint = fingerprint
        self._changed = changed
        self._documents = FeedDocuments(store.articles_of, max_bytes=feed_plan.max_bytes)
        self._token = ""
        self._since: int | None = None  # the content revision that the folder is complete up to
        self._done: dict[str, int] = {}  # folders of feeds written since, with their revisions
        self._damaged: set[str] = set()  # paths that are not as they were written
        self._unpacked: dict[str, None] = {}
        self._lists_due = True  # the lists may name other feeds than there are
        self._failures: Mapping[str, str] = {}  # why files cannot be written, by path
        self._left_out: set[str] = set()  # folders of feeds over the limit of feeds
        self._marked = False
        self._working = threading.RLock()
        self.unverified = False  #: files may not hold what was written: the power was lost

    def start(self, waiting: Callable[[], None] = lambda: None) -> int:
        """Compare the output folder with its record; return the number of files removed.

        Removes the pages and archives of an older Digest. Files that are missing, changed by
        others, unknown, or possibly lost with the machine's power become stale. ``waiting`` is
        called while another process publishes; an exception from it ends the wait. Raises
        OutputError, StoreError.
        """
        removed = 0
        with self._working, self._folder.locked(waiting):
            token = self._folder.token()
            if token is None:
                removed = remove_older_layout(self._folder.root)
                token = self._folder.make_token()
            known = self._store.output(token)
            self._since = None
            self._done.clear()
            self._damaged.clear()
            self._lists_due = True
            if known is not None:
                self._failures = known.failures
                self._compare(token, known)
        if token != self._token:
            self._token, self._marked = token, False
        return removed

    def _compare(self, token: str, known: OutputRecord) -> None:
        """Find out which files of the output folder are as they were written."""
        boot = boot_id()
        lost = any(other.partition(" ")[0] != boot or not boot for other, _ in known.unsynced)
        self.unverified = lost
        if lost:
            _log.warning("the machine may have lost power; every feed is compared")
        elif known.fingerprint == self._fingerprint:
            self._since = known.revision
        recorded = set()
        for path, size, mtime_ns in self._store.written_files(token):
            recorded.add(path)
            if lost:
                # Their times are right whatever they hold.
                self._folder.unpack(path)
            if self._folder.stamp(path) != (size, mtime_ns):
                self._damaged.add(path)
            elif not self._folder.packed(path):
                self._unpacked[path] = None
        # Written by a process that was killed, or noted in a database that was replaced.
        leftovers = self._folder.leftovers(
            _TOP, lambda path: _is_feed(path) and path not in recorded
        )
        for path in list(leftovers):
            if _is_feed(path):
                self._damaged.add(path)
            else:
                with contextlib.suppress(OutputError):  # it is in nobody's way
                    self._folder.remove(path)

    @property
    def unpacked(self) -> bool:
        """Whether published files wait for ``pack``."""
        return bool(self._unpacked)

    def replaced(self) -> bool:
        """Return whether another folder, or none, is at the path of the output folder now."""
        try:
            return self._folder.token() != self._token
        except OutputError:  # publishing tells why
            return True

    def publish(self, progress: Progress | None = None) -> Published:
        """Write every stale feed, and remove feeds that no longer exist.

        ``progress`` is called with (feeds done, feeds in all); an exception from it ends the run. A
        feed that was written within this second waits for the next one (``Published.wait``). Calls
        ``start`` first if that has failed, or if another folder is at the path now. Raises
        OutputError, StoreError.
        """
        report = progress or (lambda _done, _total: None)
        with self._working:
            if self._folder.token() != self._token or not self._token:
                self.start(partial(report, 0, 0))
            try:
                run = self._run(report)
            except BaseException:
                # What this run wrote is not noted yet: the next one finds it, and has it told.
                self._done.clear()
                raise
        if run.error is not None:
            raise run.error
        return run.published()

    def _run(self, report: Progress) -> PublishRun:
        stale = self._stale()
        recorded = self._recorded(stale)
        present = {
            feed
            for feed in candidates(self._feed_plan, stale)
            if not recorded.keys().isdisjoint(feed.paths)
        }
        planned = self._limited(plan(self._feed_plan, stale, present))
        known = self._store.output(self._token)  # after its files: else another may come between
        if known is None or known.fingerprint != self._fingerprint:
            recorded = {}  # of another configuration
        run = PublishRun(folder=self._folder, unpacked=self._unpacked)
        if not (planned.written or planned.ended or self._damaged or self._since is None):
            self._finish(run, stale)
            return run
        self._mark()
        self._lists_due |= planned.changes_lists or bool(self._damaged)
        done, total = 0, len(planned.written)
        for feeds in batches(planned.written, BATCH):
            due = [feed for feed in feeds if self._is_due(feed, stale, run)]
            with self._folder.locked(partial(report, done, total)):
                written = self._write(run, due, stale.articles, planned, recorded)
                run.record_histories()
            self._done |= {feed.folder: _revision(stale, feed) for feed in written}
            done += len(feeds)
            report(done, total)
        with self._folder.locked(partial(report, done, total)):
            self._end(run, planned)
            if self._lists_due:
                self._write_lists(run)
            self._finish(run, stale)
        return run

    def pack(self, urgent: Callable[[], bool] = lambda: False) -> None:
        """Write packed variants of published files, until ``urgent`` returns True.

        The files written last come first; a file that is published again before it is packed is
        packed once. Raises the first OutputError at the end; a file that could not be packed is
        not retried until it is published again. Raises OutputError at once without threads.
        """

        def wait() -> None:
            if urgent():
                raise InterruptedError

        if not self._unpacked:
            return
        errors: list[OutputError] = []
        with (
            self._working,
            contextlib.suppress(InterruptedError),
            self._folder.locked(wait),
            ThreadPoolExecutor(PACKERS, thread_name_prefix="pack") as pool,
        ):
            self._mark()
            while self._unpacked and not urgent():
                newest = [
                    self._unpacked.popitem()[0]
                    for _ in range(min(2 * PACKERS, len(self._unpacked)))
                ]
                try:
                    futures = [pool.submit(self._folder.pack, path) for path in newest]
                except RuntimeError as error:  # no thread is to be had
                    self._unpacked.update(dict.fromkeys(reversed(newest)))
                    raise OutputError(self._folder.root, str(error)) from error
                for future in futures:
                    try:
                        future.result()
                    except OutputError as error:
                        errors.append(error)
        if errors:
            raise errors[0]

    def close(self) -> None:
        """Sync what was written to the disk, and record that. Raises OutputError, StoreError.

        Without that record, the first start after the next boot of the machine compares every feed.
        Nothing is recorded while another thread still publishes.
        """
        if not self._working.acquire(blocking=False):
            return
        try:
            if self._marked:
                self._end_writing()
        finally:
            self._working.release()

    def _end_writing(self) -> None:
        here = _here()
        known = self._store.output(self._token)
        # What processes of this boot have left that were killed is on the disk then, too.
        ended = [
            pid
            for where, pid in (known.unsynced if known else ())
            if where == here and not is_running(pid)
        ]
        self._folder.sync()
        self._store.end_writing(self._token, here, [*ended, os.getpid()])
        self._marked = False

    def _stale(self) -> StaleFeeds:
        stale = self._store.stale(self._since, self._feed_plan.kinds)
        if not self._damaged or self._since is None:
            return stale
        everything = self._store.stale(None, self._feed_plan.kinds)
        folders = {path.rpartition("/")[0] + "/" for path in self._damaged}
        damaged = {
            feed.scope: stale.selections.get(feed.scope, stale.revision)
            for feed in candidates(self._feed_plan, everything)
            if feed.folder in folders
        }
        return StaleFeeds(
            revision=stale.revision,
            selections={**stale.selections, **damaged},
            articles=stale.articles,
            holding=stale.holding | everything.holding.intersection(damaged),
            languages=stale.languages,
        )

    def _recorded(self, stale: StaleFeeds) -> Mapping[str, tuple[int, int]]:
        """Return the recorded files of the feeds that may be written or removed."""
        if self._since is None:
            return {}
        paths = [path for feed in candidates(self._feed_plan, stale) for path in feed.paths]
        return self._store.recorded(self._token, paths)

    def _limited(self, planned: PublishPlan) -> PublishPlan:
        """Return the plan without new feeds over the limit of feeds."""
        most = self._feed_plan.max_feeds
        if self._since is None:
            self._left_out.clear()
            there = 0
        elif not planned.begun:
            return planned
        else:
            there = self._store.count_files(self._token) // len(self._feed_plan.formats)
        limited = planned.limited(most - there)
        self._left_out.difference_update(feed.folder for feed in limited.begun)
        left_out = {feed.folder for feed in planned.begun.difference(limited.begun)}
        if not left_out <= self._left_out:
            self._left_out |= left_out
            _log.error("too many feeds: some have no files", left_out=len(left_out), limit=most)
        return limited

    def _is_due(self, feed: Feed, stale: StaleFeeds, run: PublishRun) -> bool:
        """Return whether a feed is to be written now; otherwise record how long to wait."""
        if self._done.get(feed.folder, -1) >= _revision(stale, feed):
            return False
        # What may be damaged is not to be served for another moment.
        wait = 0.0 if self.unverified else max(map(self._folder.wait, feed.paths))
        if wait > 0:
            run.defer(wait)
            return False
        return True

    def _mark(self) -> None:
        if not self._marked:
            self._store.begin_writing(self._token, _here(), os.getpid())
            self._marked = True

    def _write(
        self,
        run: PublishRun,
        feeds: Sequence[Feed],
        changed: frozenset[int] | None,
        planned: PublishPlan,
        recorded: Mapping[str, tuple[int, int]],
    ) -> list[Feed]:
        """Write feeds, each in all its formats; return those whose files were all written."""
        written = []
        begun = [feed for feed in feeds if feed in planned.begun]
        known = [feed for feed in feeds if feed not in planned.begun]
        archives = self._feed_plan.archives
        for chosen, since in ((known, changed), (begun, None)):
            if not chosen:
                continue
            contents = self._store.contents(chosen, since, archives=archives)
            for feed, held in zip(chosen, contents, strict=True):
                # One that was emptied a moment ago may have been ended by another process.
                if not held.versions and not _stays_empty(feed):
                    continue
                previous = self._previous(feed, recorded)
                done = [
                    run.write(feed.folder + name, document, previous.documents.get(name))
                    for name, document in self._documents.of(feed, held, previous)
                ]
                if all(done):
                    written.append(feed)
        return written

    def _previous(self, feed: Feed, recorded: Mapping[str, tuple[int, int]]) -> Previous:
        """Return the documents of a feed that are unchanged since they were written."""
        if self._since is None:
            return NO_PREVIOUS
        documents = {
            name: content
            for name, path in zip(feed.formats, feed.paths, strict=True)
            if path in recorded
            and recorded[path] == self._folder.stamp(path)
            and (content := file_content(self._folder.root / path))
        }
        return Previous(documents=documents, revision=self._since)

    def _end(self, run: PublishRun, planned: PublishPlan) -> None:
        """Remove the files of removed feeds, and files that belong to no feed."""
        if planned.ended:
            held = self._store.contents(planned.ended, frozenset(), archives=False)
            for feed, contents in zip(planned.ended, held, strict=True):
                is_language = feed.facet and feed.facet.kind is FacetKind.LANGUAGE
                if is_language or not contents.versions:  # else another process began it anew
                    for path in feed.paths:
                        run.remove(path)
        kept = {path for feed in planned.written for path in feed.paths}
        orphaned = {path for path in self._damaged if _is_feed(path)} - kept
        if self._since is None:
            stale = self._folder.leftovers(_TOP, lambda path: _is_feed(path) and path not in kept)
            orphaned.update(stale)
        if orphaned:  # another process may have begun a feed since the plan was made
            now = plan(self._feed_plan, self._store.stale(None, self._feed_plan.kinds), ())
            orphaned.difference_update(path for feed in now.written for path in feed.paths)
        for path in sorted(orphaned):
            run.remove(path)

    def _write_lists(self, run: PublishRun) -> None:
        """Write the list of all feeds (OPML), and the style sheet of feeds."""
        paths = f"feeds/{OPML}", STYLESHEET
        if (wait := max(map(self._folder.wait, paths))) > 0:
            run.defer(wait)
            return
        feed_plan = self._feed_plan
        categories, facets = listed(feed_plan, self._store.stale(None, feed_plan.kinds))
        if self._left_out:
            out = self._left_out
            categories = [
                path for path in categories if feed_plan.of_category(path).folder not in out
            ]
            facets = [feed for feed in facets if feed.folder not in out]
        documents = opml(feed_plan, categories, facets), self._style_sheet
        for path, document in zip(paths, documents, strict=True):
            run.write(path, document)

    def _finish(self, run: PublishRun, stale: StaleFeeds) -> None:
        """Queue notifications of hubs, and then record the publication."""
        complete = run.error is None and run.wait is None
        unchanged = [file for file in run.files if not file.changed]
        # What is there, but not as recorded, was written by a process that ended before it told.
        unrecorded = self._store.unrecorded(self._token, unchanged) if unchanged else set()
        changed = {file.path for file in run.files if file.changed} | unrecorded
        if topics := {path for path in changed if is_topic(path)}:
            self._changed(topics)
        # What another process has replaced since then is recorded by that one.
        mine = [
            file
            for file in run.files
            if file.path in changed and self._folder.stamp(file.path) == (file.size, file.mtime_ns)
        ]
        everything = self._since is None
        if run.files or run.removed or stale.revision != self._since:
            self._store.record_output(
                self._token,
                mine,
                run.removed,
                stale.revision if complete else None,
                self._fingerprint,
                everything=everything,
            )
        self._record_failures(run)
        self._documents.forget()  # the next ones come from the files
        if complete:
            if everything:
                self._store.forget_other_boots(self._token, boot_id())
            self._since = stale.revision
            self.unverified = False
            self._lists_due = False
            self._done.clear()
            self._damaged.clear()

    def _record_failures(self, run: PublishRun) -> None:
        """Log and record the files that cannot be written, if they have changed."""
        failures = dict(sorted(run.failures.items())[:MAX_REPORTED])
        if self._left_out:
            more = counted(len(self._left_out), "feed")
            failures["feeds"] = f"{more} more than max_feeds ({self._feed_plan.max_feeds})"
        if failures == self._failures:
            return
        for path, problem in failures.items():
            if self._failures.get(path) != problem:
                _log.error("cannot be written", path=path, problem=problem)
        self._store.record_failures(self._token, failures)
        self._failures = failures


def _here() -> str:
    """Return the id of this boot and of this process's namespace of process ids."""
    return f"{boot_id()} {process_space()}"


def _revision(stale: StaleFeeds, feed: Feed) -> int:
    """Return the content revision for which a feed is written."""
    return stale.selections.get(feed.scope, stale.revision)


def _stays_empty(feed: Feed) -> bool:
    """Return whether a feed exists without articles, too."""
    return feed.scope is None or feed.kind == FacetKind.CUSTOM


def _is_feed(path: str) -> bool:
    """Return whether only feeds are written to a path."""
    top, _, rest = path.partition("/")
    return top == _TOP and rest.rpartition("/")[2] in FORMATS
