"""Ingest: read new and changed files of the tree, and store their articles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice, starmap
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from digest.articles.ingest.article_links import NAMED, file_keys
from digest.articles.ingest.assets import changed
from digest.articles.ingest.ingest_options import CurrentOptions
from digest.articles.ingest.records import (
    Embargoes,
    Failure,
    FileRecord,
    FileStore,
    Reading,
    ScanMemory,
)
from digest.articles.ingest.scan import RootMark, Scan, unreliable_roots
from digest.articles.ingest.tree import (
    TOP,
    TRANSIENT,
    FileContent,
    FileStamp,
    Unread,
    printable,
)
from digest.articles.ingest.worker_process import Result
from digest.articles.ingest.workers import GivenUp, Pipeline, Stalled, Workers
from digest.articles.model import Changes, Severity, SourceFile, UnchangedText
from digest.articles.reading.volatile_lines import raw_hash
from digest.articles.revision import IngestPolicy
from digest.errors import NotAnArticle, SourceError
from digest.open_beneath import LastFolder
from digest.times import Clock

#: Files handed to one transaction of the store.
_BATCH = 500
#: A size no file has: it never equals the one found, so the file is tried again at each scan.
_NEVER = -1
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """The result of a scan, or of reading some paths."""

    changes: Changes = field(default_factory=Changes)
    files: int = 0  #: looked at
    waiting: frozenset[str] = frozenset()  #: being written just now: to be looked at again
    #: Paths, of folders too, that could not be read for a reason that may pass, and that reason:
    #: to be looked at again.
    unread: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True  #: False where it was stopped on the way
    unsure: bool = False  #: only a scan can tell the rest
    scan: Scan | None = None  #: where the whole tree was looked at


class Ingest:
    """Reads article files and stores them. Blocking: call it from one thread at a time.

    After an error, the next call that succeeds returns the changes stored before the error, too.
    """

    def __init__(
        self,
        *,
        store: FileStore,
        memory: ScanMemory,
        workers: Workers,
        clock: Clock,
        options: CurrentOptions,
    ) -> None:
        self._store = store
        self._memory = memory
        self._current_options = options
        self._options = options()
        self._workers = workers
        self._clock = clock
        self._options_hash = workers.options.fingerprint()
        #: Of files given up: read again once they are allowed more time, not before.
        self._given_up = f"{self._options_hash}, {workers.timeout.total_seconds():g} s"
        self._options_hashes = (self._options_hash, self._given_up)
        self._stopped = threading.Event()
        self._marks: Mapping[str, RootMark] | None = None  # of the roots, at the last scan
        self._unreported = Changes()  # stored, but whoever asked was told of an error instead
        self._unread: dict[str, str] = {}  # likewise
        self._embargoes = Embargoes(next_at=_LONG_AGO)

    def stop(self) -> None:
        """Make the running call return soon, and later calls at once."""
        self._stopped.set()

    def renew(self) -> bool:
        """Take up the tree and the rules as they are now; return whether a scan is to follow."""
        options, before = self._current_options(), self._options
        if options is not before:
            self._workers.use(options.drafts)
            self._options = options
        return options is not before

    @property
    def roots(self) -> Mapping[str, Path]:
        """The root folders of the tree, by name."""
        return self._options.tree.roots

    def scan(self, progress: Callable[[int, int], None] | None = None) -> IngestResult:
        """Compare the whole tree with the store, and read the files that differ.

        Unchanged files are not opened. ``progress`` is called with (files done, files to read). A
        folder that cannot be entered becomes a problem; its files keep their state, and so do those
        of a root that is absent or unreliable (``scan.unreliable_roots``). Raises OSError if no
        root is present: then no file counts as missing. Raises StoreError, WorkersError.
        """
        self.renew()
        began = self._clock()
        before = self._options.tree.marks()
        closed: dict[str, OSError] = {}
        stamps: dict[str, FileStamp] = {}
        odd: dict[str, str] = {}  # paths as they are on disk, where they are no UTF-8
        for path, stamp in self._options.tree.walk(closed=closed):
            if self._stopped.is_set():
                return IngestResult(complete=False)
            key = printable(path)
            stamps[key] = stamp
            if key is not path:
                odd[key] = path
        files = len(stamps)
        after = self._options.tree.marks()
        unreliable = unreliable_roots(self._remembered(), before, after)
        outdated = self._outdated(stamps)
        # What is left in it afterwards differs: a second table of so many files is not needed.
        self._leave_known(stamps, unreliable, {printable(folder) for folder in closed}, outdated)
        self._note_closed(closed)
        known = self._store.files(stamps.keys() - outdated) if stamps else {}
        paths = sorted(odd.get(key, key) for key in stamps)
        taken = self._take_files(paths, known, progress)
        if not taken.complete:
            return replace(taken, files=files)
        ended = self._clock()
        self._marks = {**self._remembered(), **_without(after, unreliable)}
        scan = Scan(
            ended_at=ended,
            took=ended - began,
            files=files,
            marks=self._marks,
            unseen={
                name: _problem(closed[name]) if name in closed else why
                for name, why in unreliable.items()
            },
        )
        self._unreported = taken.changes
        policy = self._options.policy
        self._unreported += self._store.update_withdrawals(ended, policy.grace, policy)
        self._memory.remember(scan)
        changes, self._unreported = self._unreported, Changes()
        return replace(taken, changes=changes, files=files, scan=scan)

    def _outdated(self, paths: Iterable[str]) -> set[str]:
        """Return the paths of article files that refer to a changed asset.

        An article may also refer by name to a file of ``paths`` that was missing before.
        """
        outdated = set()
        seen: dict[str, bool] = {}
        named: dict[str, list[str]] = {}
        for path, state in self._memory.assets():
            if state.path.startswith(NAMED):
                named.setdefault(state.path, []).append(path)
                continue
            if state.path not in seen:
                seen[state.path] = changed([state])
            if seen[state.path]:
                outdated.add(path)
        for path in paths if named else ():
            for key in file_keys(path):
                outdated.update(named.get(key, ()))
        return outdated

    def _leave_known(
        self,
        stamps: dict[str, FileStamp],
        unreliable: Collection[str],
        hidden: Collection[str],
        outdated: AbstractSet[str],
    ) -> None:
        """Remove unchanged files from ``stamps``; record files that vanished outside ``hidden``.

        Files with an expired embargo, and those that are ``outdated``, are not removed.
        """
        gone = []
        again = self._store.embargoes(self._clock()).due | outdated
        for path, size, mtime_ns, missing, current in self._memory.states(self._options_hashes):
            stamp = stamps.get(path)
            if stamp is None:
                if not missing:
                    gone.append(path)
            elif current and not missing and stamp == (size, mtime_ns) and path not in again:
                del stamps[path]
        away = {*unreliable, *hidden}
        gone = [
            path
            for path in gone
            if self._options.tree.root_of(path) not in away and not _within(path, hidden)
        ]
        if gone:
            self._store.mark_missing(gone, self._clock())

    def _remembered(self) -> Mapping[str, RootMark]:
        """Return the marks of the roots at the last scan, of this process or another."""
        if self._marks is None:
            last = self._memory.last()
            marks = last.marks if last else {}
            # A root that is configured no more is not away: its files are gone.
            self._marks = {name: marks[name] for name in marks if name in self._options.tree.roots}
        return self._marks

    def released(self) -> list[str]:
        """Return the paths of files whose embargo or expiry has ended since the last call."""
        now = self._clock()
        if self.next_release_at is None or now < self.next_release_at:
            return []
        self._embargoes = self._store.embargoes(now)
        # A name that is no UTF-8 is kept in another form; a scan finds its file.
        return [path for path in self._embargoes.due if self._options.tree.has(path)]

    @property
    def next_release_at(self) -> datetime | None:
        """When to call ``released`` again, aware UTC; None if no file waits."""
        return self._embargoes.next_at

    def take(self, paths: Iterable[str]) -> IngestResult:
        """Read the files at these paths, which may be files, folders, or missing by now.

        A path that ends in ``/`` was a folder. Raises StoreError, WorkersError.
        """
        files: set[str] = set()
        folders: set[str] = set()
        gone: set[str] = set()
        others: set[str] = set()  # files that are no articles
        unsure = False
        for hint in paths:
            path = hint.rstrip("/")
            try:
                kind = self._options.tree.kind(path)
                if kind == "folder":
                    if self._options.tree.enters(path):
                        folders.add(path)
                elif kind == "file":
                    unsure |= hint.endswith("/")  # what was in the folder is not told one by one
                    (files if self._options.tree.takes(path) else others).add(path)
                else:
                    gone.add(path)
            except OSError as error:
                if error.errno in TRANSIENT:
                    self._unread[path] = _problem(error)
                continue  # in a folder that is closed to us, or too long a path: a scan tells
        closed: dict[str, OSError] = {}
        walked = self._stamps_in(folders, closed)
        self._mark_missing(gone, folders)
        self._note_closed(closed)
        wanted = [printable(path) for path in (*files, *walked)]
        known = self._store.files(wanted) if wanted else {}
        files.update(
            path
            for path, state in walked.items()
            if not self._is_as_known(known.get(printable(path)), state.size, state.mtime_ns)
        )
        assets = [self._options.tree.on_disk(path) for path in others | gone | files]
        for path in files:
            record = known.get(printable(path))
            if record is None or record.missing:
                assets += file_keys(path)
        for path in self._store.referring_files(assets):
            known.pop(path, None)  # its text is the same, and still it is read again
            if self._options.tree.has(path):
                files.add(path)
        return replace(self._take_files(sorted(files), known, None), unsure=unsure)

    def _stamps_in(
        self, folders: Collection[str], closed: dict[str, OSError]
    ) -> dict[str, FileStamp]:
        """Return the files in these folders, each folder walked once."""
        walked: dict[str, FileStamp] = {}
        for folder in folders:
            parents = (str(parent) for parent in PurePosixPath(folder).parents)
            if folder in closed or any(parent in folders for parent in parents):
                continue
            walked.update(self._options.tree.walk(folder, closed))
        return walked

    def _mark_missing(self, gone: Collection[str], folders: Collection[str]) -> None:
        """Record missing paths, and files that became folders, as missing."""
        replaced = []
        if folders:
            known = self._store.files([printable(path) for path in folders])
            replaced = [path for path, record in known.items() if not record.missing]
        if gone:
            marks = self._options.tree.marks()
            unreliable = unreliable_roots(self._remembered(), marks, marks)
            gone = [
                path
                for path in gone
                if path and self._options.tree.root_of(path) not in (*unreliable, path)
            ]
        lost = [*map(printable, gone), *replaced]
        if lost:
            self._store.mark_missing(lost, self._clock())

    def _policy(self) -> IngestPolicy:
        """Return the rules as they are at this moment: what is to stay private never shows."""
        return self._current_options().policy

    def _note_closed(self, closed: Mapping[str, OSError]) -> None:
        """Record folders that cannot be entered as problems, or to be read again."""
        readings = []
        for folder, error in closed.items():
            if error.errno in TRANSIENT:
                self._unread["" if folder == TOP else folder] = _problem(error)
            else:
                readings.append(self._unreadable(printable(folder), error))
        if readings:
            self._unreported += self._store.record(readings, self._clock(), self._policy())

    def _is_as_known(self, record: FileRecord | None, size: int, mtime_ns: int) -> bool:
        return (
            record is not None
            and not record.missing
            and (record.size, record.mtime_ns) == (size, mtime_ns)
            and record.options_hash in self._options_hashes
        )

    def _take_files(
        self,
        paths: Sequence[str],
        known: Mapping[str, FileRecord],
        progress: Callable[[int, int], None] | None,
    ) -> IngestResult:
        waiting: set[str] = set()
        unchanged: list[FileRecord] = []
        done = 0
        with LastFolder() as folder:
            readings = self._readings(paths, known, folder, unchanged, waiting)
            while batch := list(islice(readings, _BATCH)):
                self._unreported += self._store.record(batch, self._clock(), self._policy())
                self._embargoes = Embargoes(next_at=_LONG_AGO)  # whatever it was: ask again
                done += len(batch)
                if progress:
                    progress(min(done + len(unchanged) + len(waiting), len(paths)), len(paths))
        if unchanged:
            self._store.record_unchanged(unchanged)
        if unchanged or done:
            self._unreported += self._store.update_withdrawals(self._clock(), None)
        changes, self._unreported = self._unreported, Changes()
        unread, self._unread = self._unread, {}
        return IngestResult(
            changes=changes,
            files=len(paths),
            waiting=frozenset(waiting),
            unread=unread,
            complete=not self._stopped.is_set(),
        )

    def _readings(
        self,
        paths: Sequence[str],
        known: Mapping[str, FileRecord],
        folder: LastFolder,
        unchanged: list[FileRecord],
        waiting: set[str],
    ) -> Iterator[Reading]:
        """Yield the reading of each changed file; some files are read ahead of the workers."""
        pipeline = Pipeline(self._workers)
        for path in paths:
            if self._stopped.is_set():
                return
            key = printable(path)
            try:
                content = self._options.tree.read(path, folder.open)
            except OSError as error:
                if error.errno in TRANSIENT:
                    self._unread[path] = _problem(error)
                else:
                    yield self._unreadable(key, error)
                continue
            if not isinstance(content, FileContent):
                if content is Unread.WRITING:
                    waiting.add(path)
                continue
            record = FileRecord(
                path=key,
                size=content.stamp.size,
                mtime_ns=content.stamp.mtime_ns,
                content=content.checksum,
                options_hash=self._options_hash,
            )
            old = known.get(key)
            source = SourceFile(path=PurePosixPath(key), content=content.content)
            if old and old.options_hash == record.options_hash:
                if old.content == record.content:
                    unchanged.append(record)
                    continue
                record = replace(record, text_hash=old.text_hash)
                # Crawlers rewrite whole trees with nothing but other dates and placeholder images.
                if old.raw_hash and self._raw_hash(content.content) == old.raw_hash:
                    yield Reading(record=record, outcome=UnchangedText(raw_hash=old.raw_hash))
                    continue
                source = replace(source, text_hash=old.text_hash)
            pipeline.add(record, source)
            while pipeline.full:
                yield from starmap(self._reading, pipeline.first())
        pipeline.submit()
        while pipeline.busy and not self._stopped.is_set():
            yield from starmap(self._reading, pipeline.first())

    def _raw_hash(self, content: bytes) -> str:
        drafts = self._options.drafts
        return raw_hash(content, ZoneInfo(drafts.timezone), drafts.placeholder_hosts, self._clock())

    def _reading(self, record: FileRecord, result: Result) -> Reading:
        if not isinstance(result, SourceError):
            return Reading(record=record, outcome=result)
        # Without its content, so that it is tried again when it is written again.
        options_hash = record.options_hash
        if isinstance(result, GivenUp):
            options_hash = self._given_up
        elif isinstance(result, Stalled):
            options_hash = ""  # of no options, so that it is tried again at each scan
        meant = isinstance(result, NotAnArticle)
        noted = isinstance(result, NotAnArticle) and not result.failed
        return Reading(
            record=replace(record, content="", options_hash=options_hash),
            outcome=Failure(
                line=result.line,
                cause=result.problem,
                severity=Severity.NOTED if noted else Severity.FAILED,
                held_back=meant,
            ),
        )

    def _unreadable(self, key: str, error: OSError) -> Reading:
        record = FileRecord(
            path=key, size=_NEVER, mtime_ns=0, content="", options_hash=self._options_hash
        )
        return Reading(record=record, outcome=Failure(line=None, cause=_problem(error)))


def _without(marks: Mapping[str, RootMark], names: Collection[str]) -> dict[str, RootMark]:
    """Return the marks of all roots but those named."""
    return {name: mark for name, mark in marks.items() if name not in names}


def _problem(error: OSError) -> str:
    return error.strerror or str(error)


def _within(path: str, folders: Collection[str]) -> bool:
    """Return whether a path is one of these folders, or lies in one."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
