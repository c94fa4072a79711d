"""From a file moved into the tree to its feeds on disk, with thousands of articles present.

A file is in its feeds once those of the whole site and of its category are replaced, in every
format. The reference writes as many files of the same content, without syncing, and commits one
row to a database: what nothing can beat that publishes by rename and loses no article.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.bench import Bench, Result, Target
from benchmarks.corpus import sample
from benchmarks.installation import NH3, Installation
from benchmarks.processes import Failure

MEDIAN = Target(row=4, what="file to feed: median", unit="ms", must=45.0, wanted=25.0)
RARE = Target(row=4, what="file to feed: 99th percentile", unit="ms", must=150.0)
IDLE = Target(row=4, what="file to feed: after idling", unit="ms", must=45.0, wanted=25.0)
MANY = Target(row=4, what="file to feed: median, the large tree", unit="×", must=1.2)
#: Seconds between two files. A feed changes at once only where it has not within the last second.
_PAUSE = 1.5
#: Seconds after which a file is not in its feeds for good.
_PATIENCE = 60.0
#: Seconds between two looks; each costs six calls.
_LOOK = 0.001
_TIMES = 20
#: Seconds without work before the reference is timed once more, at most.
_BARE_IDLE = 60.0


class Watch:
    """Times files on their way into the feeds of a daemon that runs."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._feeds = installation.feeds()

    def once(self) -> float:
        """Move a file into the tree; return the seconds until all of its feeds were replaced.

        Raises Failure where one of them does not hold it then.
        """
        article = self._installation.news()
        feeds = [*self._feeds[""], *self._feeds[" / ".join(article.categories)]]
        before = {path: path.stat().st_ino for path in feeds}
        began = time.perf_counter()
        self._installation.write(article)
        while before:
            if time.perf_counter() - began > _PATIENCE:
                raise Failure(f"{article.path} is not in {min(before)}")
            time.sleep(_LOOK)
            before = {path: inode for path, inode in before.items() if path.stat().st_ino == inode}
        seconds = time.perf_counter() - began
        for path in feeds:
            if article.mark not in path.read_text(encoding="utf-8"):
                raise Failure(f"{article.path} is not in {path}, which was replaced")
        return seconds

    def many(self, times: int) -> list[float]:
        """Return the seconds of so many files, each after a pause."""
        seconds = []
        for _ in range(times):
            time.sleep(_PAUSE)
            seconds.append(self.once())
        return seconds


def measure(bench: Bench) -> Iterator[Result]:
    """Measure row 4."""
    options = bench.options
    installation, _ = bench.built(options.articles, NH3)
    with installation.daemon():
        watch = Watch(installation)
        watch.many(2)  # the first ones bring in what is needed
        seconds = watch.many(options.samples)
        before = {path: state.st_ino for path, state in installation.files().items()}
        watch.many(1)
        time.sleep(_PAUSE)  # what is packed comes later
        written = [
            path for path, state in installation.files().items() if before.get(path) != state.st_ino
        ]
        bare, bare_idled = _bare(bench.folder / "bare", written, min(options.idle, _BARE_IDLE))
        idled = None
        if options.idle:
            time.sleep(options.idle)
            idled = watch.once()
    median = statistics.median(seconds)
    yield Result(
        target=MEDIAN,
        value=1e3 * median,
        detail=f"{median / bare:.1f} times the {1e3 * bare:.1f} ms of writing {len(written)} "
        f"files without syncing and one commit; {options.samples} files",
    )
    rare = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    yield Result(target=RARE, value=1e3 * rare, detail=f"{1e3 * max(seconds):.0f} ms at most")
    yield Result(
        target=IDLE,
        value=None if idled is None else 1e3 * idled,
        detail=f"one file after {options.idle:,.0f} s; {idled / bare_idled:.1f} times the "
        f"{1e3 * bare_idled:.0f} ms of writing files and a commit after a minute"
        if idled
        else "not asked for",
    )
    if not options.large:
        yield Result(target=MANY, value=None, detail="no large tree was asked for")
        return
    large, _ = bench.built(options.large, NH3)
    with large.daemon():
        watch = Watch(large)
        watch.many(2)
        many = statistics.median(watch.many(options.samples))
    yield Result(
        target=MANY,
        value=many / median,
        detail=f"{1e3 * many:.1f} ms with {options.large:,} articles",
    )


def _bare(folder: Path, files: list[Path], idle: float) -> tuple[float, float]:
    """Return the seconds of replacing files of the same content and one commit.

    The first number is the median, the second of the first time after ``idle`` seconds: a machine
    that had nothing to do is slow itself.
    """
    folder.mkdir()
    contents = [path.read_bytes() for path in files]
    with closing(sqlite3.connect(folder / "database")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE article (number INTEGER PRIMARY KEY, text TEXT)")

        def once(number: int) -> float:
            began = time.perf_counter()
            with database:
                article = sample(number)
                database.execute("INSERT INTO article VALUES (?, ?)", (number, article.text))
            for place, content in enumerate(contents):
                waiting = folder / f"{place}.new"
                waiting.write_bytes(content)
                waiting.replace(folder / str(place))
            return time.perf_counter() - began

        median = statistics.median(map(once, range(_TIMES)))
        time.sleep(idle)
        return median, once(_TIMES)
