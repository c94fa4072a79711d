"""A build where nothing has changed: its time, beside the program's own start and a bare walk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from benchmarks.bench import Bench, Result, Target
from benchmarks.installation import NH3, Installation
from benchmarks.processes import Failure, Usage, told

AGAIN = Target(row=3, what="build again, nothing changed", unit="s", must=3.0)
BEYOND = Target(row=3, what="… beyond `digest --version`", unit="s", wanted=0.5)
MANY = Target(row=3, what="… of the large tree, beside that", unit="×", must=8.0)
#: How often the bare walk is timed; the quickest counts.
_WALKS = 3


def measure(bench: Bench) -> Iterator[Result]:
    """Measure row 3."""
    count, large, times = bench.options.articles, bench.options.large, bench.options.times
    installation, _ = bench.built(count, NH3)
    start = _median(installation, times, "--version")
    again = _again(installation, times)
    empty = bench.installation("empty", 0, NH3)
    empty.measure("build")
    nothing = _median(empty, times, "build")
    walk = _walked(installation)
    yield Result(
        target=AGAIN,
        value=again.seconds,
        detail=f"{count:,} articles in {told(again)}, {again.seconds / walk:,.0f} times a bare "
        f"walk's {walk:.3f} s; without any article {told(nothing)}",
    )
    yield Result(
        target=BEYOND, value=again.seconds - start.seconds, detail=f"that takes {told(start)}"
    )
    if not large:
        yield Result(target=MANY, value=None, detail="no large tree was asked for")
        return
    many = _again(bench.built(large, NH3)[0], times)
    yield Result(
        target=MANY,
        value=many.seconds / again.seconds,
        detail=f"{large:,} articles in {told(many)}; "
        f"{many.processor / again.processor:.2f} × of the processor",
    )


def _median(installation: Installation, times: int, *arguments: str) -> Usage:
    """Return what a command took, at the median of its seconds."""
    usages = [installation.measure(*arguments) for _ in range(times)]
    return sorted(usages, key=lambda usage: usage.seconds)[times // 2]


def _again(installation: Installation, times: int) -> Usage:
    """Return what a build took; raises Failure where it writes or removes a file."""
    before = {path: state.st_mtime_ns for path, state in _feeds(installation).items()}
    usage = _median(installation, times, "build")
    if before != {path: state.st_mtime_ns for path, state in _feeds(installation).items()}:
        raise Failure("a build without any change has touched feeds")
    return usage


def _feeds(installation: Installation) -> dict[str, os.stat_result]:
    feeds = installation.output / "feeds"
    return {
        str(path): state for path, state in installation.files().items() if feeds in path.parents
    }


def _walked(installation: Installation) -> float:
    """Return the seconds of asking every file of the tree for its state, at the least."""

    def walk(folder: str) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    walk(entry.path)
                else:
                    entry.stat(follow_symlinks=False)

    seconds = []
    for _ in range(_WALKS):
        began = time.perf_counter()
        walk(str(installation.articles))
        seconds.append(time.perf_counter() - began)
    return min(seconds)
