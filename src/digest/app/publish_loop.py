"""PublishLoop: keep the published feeds in step with the tree of article files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from math import inf

import structlog

from digest.articles.ingest.ingest import Ingest, IngestResult
from digest.articles.ingest.scan import Scan
from digest.articles.ingest.watch import Watches
from digest.backoff import Backoff
from digest.errors import DigestError, OutputError
from digest.feeds.publish.publisher import Publisher
from digest.times import Clock
from digest.wakeup import WakeUp

_log = structlog.get_logger(__name__)

#: Paths are taken when nothing was said for so long; seconds. What comes meanwhile, which takes
#: several times as long, belongs to the same burst: nothing is published before it is taken, too.
_QUIET = 0.003
#: However long a burst lasts, its beginning is taken after so long; seconds.
_LONGEST_GATHERING = 0.5
#: A burst of so many paths is followed by a scan: the kernel may have dropped events.
_LARGE_BURST = 200
#: However long a burst lasts, what was taken is published after so long; seconds.
_LONGEST_UNPUBLISHED = 2.0
#: More paths than this are forgotten in favour of a scan.
_MOST_HINTS = 50_000
#: A scan waits until nothing is left to look at, but not longer than this; seconds.
_LONGEST_DELAY = 30.0
#: How long it may take until a root that was replaced is noticed; seconds. A rename of the root
#: itself comes with no event.
_LOOK_AT_ROOT = 5.0


class PendingPaths:
    """Changed paths, added by other threads, for one task of the event loop."""

    def __init__(self, wakeup: WakeUp) -> None:
        self._wakeup = wakeup
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._overflowed = False

    def __len__(self) -> int:
        return len(self._paths)

    def add(self, path: str) -> None:
        """Add a path; from any thread."""
        with self._lock:
            first = not self._paths and not self._overflowed
            if len(self._paths) >= _MOST_HINTS:
                self._paths.clear()
                self._overflowed = True
            if not self._overflowed:
                self._paths.add(path)
        if first:
            self._wakeup.wake()

    def lose(self) -> None:
        """Record that paths were lost, so that only a scan can find them; from any thread."""
        with self._lock:
            first = not self._paths and not self._overflowed
            self._overflowed = True
        if first:
            self._wakeup.wake()

    def drain(self) -> tuple[set[str], bool]:
        """Remove and return the paths, with whether some were lost."""
        with self._lock:
            paths, overflowed = self._paths, self._overflowed
            self._paths, self._overflowed = set(), False
        return paths, overflowed


class PublishLoop:
    """Ingests changed files and publishes the feeds, one burst of changes at a time.

    Without ``watch``, it finds changes only by scans.
    """

    def __init__(
        self,
        *,
        ingest: Ingest,
        publisher: Publisher,
        watch: Callable[[PendingPaths], Watches] | None,
        scan_every: timedelta,
        settle: timedelta,
        clock: Clock,
        published: Callable[[], None] = lambda: None,
    ) -> None:
        """``published`` is called after each publication, even if it wrote nothing."""
        self._published = published
        self._ingest = ingest
        self._publisher = publisher
        self._scan_every = scan_every.total_seconds()
        self._settle = max(settle.total_seconds(), 0.1)
        self._clock = clock
        self._wakeup = WakeUp()
        self._pending = PendingPaths(self._wakeup)
        self._watch = watch(self._pending) if watch else None
        self._next_scan = 0.0
        self._publish_at = inf  # of the loop's clock
        self._stale_since = inf
        self._burst = 0  # paths of the burst that were taken
        self.idle = asyncio.Event()  #: unset while changed files are on their way to the feeds
        self.idle.set()
        self._backoff = Backoff()
        self._read_backoff = Backoff()
        self._pack_at = 0.0  # of the loop's clock
        self._pack_backoff = Backoff()
        self.last_scan: Scan | None = None
        self.publish_count = 0
        self.publish_seconds = 0.0  #: that publishing took since the start, in all

    def stop(self) -> None:
        """Make ``run`` return, and work under way end soon; from any thread."""
        self._ingest.stop()
        self._wakeup.stop()

    def busy(self) -> bool:
        """Return whether there are files to ingest, or feeds to publish."""
        return bool(self._pending) or self._stale_since < inf

    def stopped(self) -> bool:
        """Return whether ``stop`` was called."""
        return self._wakeup.stopped

    async def first_scan(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Begin to watch, scan the tree and publish what is stale.

        Feeds that cannot be written are logged, and tried again by ``run``. Raises OSError if the
        tree does not exist, DigestError if it cannot be stored; may be called again then.
        """
        await self._scan(progress)
        if not self.stopped():
            await self._publish()

    def go_on(self) -> None:
        """Raise InterruptedError once stopped, to end work in other threads."""
        if self.stopped():
            raise InterruptedError("stopping")

    async def run(self) -> None:
        """Follow the tree until stopped or cancelled; failures are logged, and tried again."""
        backoff = Backoff()
        try:
            while not self.stopped():
                now = asyncio.get_running_loop().time()
                await self._wakeup.wait(
                    min(
                        self._next_scan - now,
                        self._wait_to_publish(now),
                        self._until_release(),
                        _LOOK_AT_ROOT,
                    )
                )
                try:
                    await self._turn()
                    backoff.succeeded()
                except (DigestError, OSError) as error:
                    if self.stopped():
                        break
                    wait = backoff.failed()
                    _log.error("publishing failed, will try again", error=str(error), seconds=wait)
                    await self._wakeup.rest(wait)
        finally:
            if self._watch is not None:
                await asyncio.to_thread(self._watch.stop)

    async def _turn(self) -> None:
        """Gather one burst of changes, and ingest it."""
        paths, overflowed = await self._gather()
        if self.stopped():
            return
        if paths:
            self.idle.clear()
        try:
            await self._take_burst(paths, overflowed)
        finally:
            self.idle.set()

    async def _take_burst(self, paths: set[str], overflowed: bool) -> None:
        """Ingest one burst, scan if a scan is due, publish once nothing more is waiting."""
        time = asyncio.get_running_loop().time
        self._burst += len(paths)
        if overflowed or self._burst >= _LARGE_BURST:
            self._next_scan = time()
            self._burst = 0
        try:
            replaced, taken = await asyncio.to_thread(self._take, paths)
        except (DigestError, OSError):
            self._look_again(paths)
            raise
        self._note(taken)
        if replaced or taken.unsure:
            self._next_scan = time()
        if not self._pending:
            self._burst = 0
        overdue = time() - self._next_scan
        failed: DigestError | OSError | None = None
        if overdue >= (_LONGEST_DELAY if self._pending else 0):
            try:
                await self._scan(None)
            except (DigestError, OSError) as error:
                if self.stopped():
                    return
                failed = error  # what was taken before is published all the same
        burst = bool(self._pending) and time() < self._stale_since + _LONGEST_UNPUBLISHED
        if time() >= self._publish_at and not burst:
            await self._publish()
        self.idle.set()  # packing is in no hurry
        if self._publisher.unpacked and time() >= self._pack_at and not self._pending:
            await self._pack()
        if failed is not None:
            raise failed

    def _take(self, paths: set[str]) -> tuple[bool, IngestResult]:
        """Ingest files, and those whose date has come; return whether to scan after it. Blocking.

        A scan is needed if roots or rules have changed, or a root was replaced. All in one thread,
        since each change of threads delays the file.
        """
        replaced = self._ingest.renew()
        if self._watch is not None:
            self._watch.use(self._ingest.roots)
            replaced = not self._watch.alive() or replaced
        paths.update(self._ingest.released())
        return replaced, self._ingest.take(paths) if paths else IngestResult()

    def _wait_to_publish(self, now: float) -> float:
        pack_at = self._pack_at if self._publisher.unpacked else inf
        return max(0.0, min(self._publish_at, pack_at) - now)

    def _until_release(self) -> float:
        """Return the seconds until the next article with a date in the future may appear."""
        next_at = self._ingest.next_release_at
        return (next_at - self._clock()).total_seconds() if next_at else inf

    async def _gather(self) -> tuple[set[str], bool]:
        """Return the paths of a burst, once it has ended or lasted long enough, as ``drain``."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LONGEST_GATHERING
        count = -1
        while count != len(self._pending) and loop.time() < until:
            count = len(self._pending)
            await asyncio.sleep(_QUIET)
        return self._pending.drain()

    async def _scan(self, progress: Callable[[int, int], None] | None) -> None:
        if self._watch is not None:
            # Before the scan: what changes during it is told by events.
            await asyncio.to_thread(self._watch.renew)
        taken = await asyncio.to_thread(self._ingest.scan, progress)
        if taken.scan:
            self._log_unseen(taken.scan)
            self.last_scan = taken.scan
        now = asyncio.get_running_loop().time()
        self._next_scan = now + self._scan_every
        self._note(taken)
        if await asyncio.to_thread(self._publisher.replaced):
            self._publish_at = min(self._publish_at, now)

    def _log_unseen(self, scan: Scan) -> None:
        """Log roots that became unavailable or available since the last scan."""
        before = self.last_scan.unseen if self.last_scan else {}
        for name, reason in scan.unseen.items():
            if name not in before:
                _log.warning("an articles folder is away; its articles stay", root=name, why=reason)
        for name in before.keys() - scan.unseen.keys():
            _log.info("an articles folder is back", root=name)

    def _note(self, taken: IngestResult) -> None:
        loop = asyncio.get_running_loop()
        changes = taken.changes
        if changes:
            now = loop.time()
            self._publish_at = min(self._publish_at, now)
            self._stale_since = min(self._stale_since, now)
        if changes or changes.problems:
            _log.info(
                "files taken",
                new=changes.new,
                updated=changes.updated,
                unchanged=changes.unchanged,
                problems=changes.problems,
            )
        for path in taken.waiting:
            loop.call_later(self._settle, self._pending.add, path)
        if taken.unread:
            wait = self._read_backoff.failed()
            path, error = next(iter(taken.unread.items()))
            _log.warning(
                "files cannot be read just now, will try again",
                files=len(taken.unread),
                path=path,
                error=error,
                seconds=wait,
            )
            loop.call_later(wait, self._look_again, tuple(taken.unread))
        elif taken.files:
            self._read_backoff.succeeded()

    def _look_again(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._pending.add(path)

    async def _publish(self) -> None:
        """Publish stale feeds; those that cannot be written are logged and stay stale."""
        time = asyncio.get_running_loop().time
        begun = time()
        try:
            published = await asyncio.to_thread(
                self._publisher.publish, lambda _done, _total: self.go_on()
            )
        except OutputError as error:
            wait = self._backoff.failed()
            self._publish_at, self._stale_since = time() + wait, inf
            _log.error("not everything published, will try again", error=str(error), seconds=wait)
            return
        finally:
            self.publish_count += 1
            self.publish_seconds += time() - begun
        self._backoff.succeeded()
        self._stale_since = inf
        self._publish_at = inf if published.wait is None else time() + published.wait
        if published.written or published.removed:
            _log.info("published", written=published.written, removed=published.removed)
        self._published()

    async def _pack(self) -> None:
        """Pack published files, until files change."""

        def urgent() -> bool:
            return bool(self._pending) or self.stopped()

        try:
            await asyncio.to_thread(self._publisher.pack, urgent)
        except OutputError as error:
            wait = self._pack_backoff.failed()
            self._pack_at = asyncio.get_running_loop().time() + wait
            _log.error("not everything packed, will go on", error=str(error), seconds=wait)
        else:
            self._pack_backoff.succeeded()
