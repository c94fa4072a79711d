"""A storm: a crawler rewrites every file, with another picture address and another date."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from benchmarks.bench import Bench, Result, Target
from benchmarks.corpus import sample
from benchmarks.installation import DEFAULT, Installation
from benchmarks.processes import told

TIME = Target(
    row=8, what="a storm beside the first build, both engines", unit="×", must=0.15, wanted=0.1
)
TOUCHED = Target(row=8, what="files of feeds that the storm touched", unit="", must=0.0)
#: Seconds that the files seem to have lain untouched: other ones than before.
_AGE = 1_800


def measure(bench: Bench) -> Iterator[Result]:
    """Measure row 8."""
    count = bench.options.articles
    installation, first = bench.built(count, DEFAULT)
    before = _feeds(installation)
    moment = time.time() - _AGE
    for number in range(count):
        path = installation.write(sample(number, visit=1))
        os.utime(path, (moment, moment))
    usage = installation.measure("build")
    after = _feeds(installation)
    touched = [name for name in before | after if before.get(name) != after.get(name)]
    yield Result(
        target=TIME,
        value=usage.seconds / first.seconds,
        detail=f"{told(usage)} beside {told(first)}; "
        f"{usage.processor / first.processor:.2f} × of the processor",
    )
    yield Result(
        target=TOUCHED,
        value=len(touched),
        detail=f"of {len(after):,}{', such as ' + touched[0] if touched else ''}",
    )


def _feeds(installation: Installation) -> dict[str, tuple[int, int, int]]:
    """Return the inode, time of change and size of every file of the feeds."""
    feeds = installation.output / "feeds"
    return {
        path.relative_to(feeds).as_posix(): (state.st_ino, state.st_mtime_ns, state.st_size)
        for path, state in installation.files().items()
        if feeds in path.parents
    }
