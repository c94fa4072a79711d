"""A build where nothing has changed: its time, beside the program's own start and a bare walk."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator

from benchmarks.bench import Bench, Result, Target
from benchmarks.installation import NH3, Installation
from benchmarks.processes import Failure

AGAIN = Target(row=3, what="build again, nothing changed", unit="s", must=3.0)
BEYOND = Target(row=3, what="… beyond `digest --version`", unit="s", wanted=0.5)
MANY = Target(row=3, what="… of the large tree, beside that", unit="×", must=8.0)
_TIMES = 3


def measure(bench: Bench) -> Iterator[Result]:
    """Measure row 3."""
    count, large = bench.options.articles, bench.options.large
    installation, _ = bench.built(count, NH3)
    start = _median(installation, "--version")
    again = _again(installation)
    empty = bench.installation("empty", 0, NH3)
    empty.measure("build")
    nothing = _median(empty, "build")
    walk = _walked(installation)
    yield Result(
        target=AGAIN,
        value=again,
        detail=f"{count:,} articles in {again:.2f} s, {again / walk:,.0f} times a bare walk's "
        f"{walk:.3f} s; without any article {nothing:.2f} s",
    )
    yield Result(target=BEYOND, value=again - start, detail=f"that takes {start:.2f} s")
    if not large:
        yield Result(target=MANY, value=None, detail="no large tree was asked for")
        return
    many = _again(bench.built(large, NH3)[0])
    yield Result(target=MANY, value=many / again, detail=f"{large:,} articles in {many:.2f} s")


def _median(installation: Installation, *arguments: str) -> float:
    return statistics.median(installation.measure(*arguments).seconds for _ in range(_TIMES))


def _again(installation: Installation) -> float:
    """Return the seconds of a build; raises Failure where it writes or removes a file."""
    before = {path: state.st_mtime_ns for path, state in _feeds(installation).items()}
    seconds = _median(installation, "build")
    if before != {path: state.st_mtime_ns for path, state in _feeds(installation).items()}:
        raise Failure("a build without any change has touched feeds")
    return seconds


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
    for _ in range(_TIMES):
        began = time.perf_counter()
        walk(str(installation.articles))
        seconds.append(time.perf_counter() - began)
    return min(seconds)
