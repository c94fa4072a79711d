"""A full scan of a tree in which nothing has changed, as a ratio to a bare walk of it.

The scan compares every file with what the database remembers and opens none; what is printed is
its time, the files that it looks at per second, how many it opened, and the most memory that the
process ever held. The reference is a walk with `os.scandir` alone
that asks for each file's size and time: what no program can beat that is to notice a change.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.corpus import write_corpus
from digest.articles.ingest import Taken
from digest.assembly import Services, open_services
from digest.logs import configure_logs
from digest.settings import load

#: Seconds that a file must lie untouched before the first scan takes it; well over what it must.
_AGE = 3_600


class Openings:
    """Counts the files below a folder that this process opens (PEP 578)."""

    def __init__(self, folder: Path) -> None:
        self._start = f"{folder}{os.sep}"
        self.counting = False
        self.count = 0
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        if self.counting and event == "open" and os.fsdecode(str(args[0])).startswith(self._start):
            self.count += 1


def walk(folder: str) -> int:
    """Return how many files lie below a folder; asks for the state of each."""
    files = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                files += walk(entry.path)
            else:
                entry.stat(follow_symlinks=False)
                files += 1
    return files


def median_time(act: Callable[[], object], times: int) -> float:
    """Return the median of how long something takes, seconds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def age(root: Path) -> None:
    """Make all files look as if they were written an hour ago."""
    moment = time.time() - _AGE
    for path in root.rglob("*.md"):
        os.utime(path, (moment, moment))


def measure(services: Services, root: Path, times: int) -> tuple[int, float, float]:
    """Return the number of files, and the time of a scan and of a bare walk, seconds."""
    with services.workers() as workers:
        ingest = services.ingest(workers)
        began = time.perf_counter()
        first = ingest.scan()
        print(f"first scan: {first.files:,} files in {time.perf_counter() - began:.1f} s")
        if first.waiting or first.changes.problems:
            raise RuntimeError(f"{len(first.waiting)} wait, {first.changes.problems} are problems")

        openings = Openings(root)

        def scan() -> None:
            openings.counting = True
            taken: Taken = ingest.scan()
            openings.counting = False
            if openings.count or taken.changes or taken.files != first.files:
                raise RuntimeError(f"the scan opened {openings.count} files")

        return first.files, median_time(scan, times), median_time(lambda: walk(str(root)), times)


def main() -> None:
    """Print the time of a scan, its rate and its ratio to the reference."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=20_000)
    options.add_argument("--times", type=int, default=5)
    chosen = options.parse_args()
    configure_logs("error", "text")
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as name:
        base = Path(name)
        root = base / "articles"
        write_corpus(root, chosen.files, paragraphs=1)  # what is in the files is not read again
        age(root)
        configuration = base / "digest.toml"
        configuration.write_text('[sanitizer]\nengines = ["nh3"]\n', encoding="utf-8")
        with open_services(load(configuration, {})) as services:
            files, scan, reference = measure(services, root, chosen.times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # KiB on Linux, getrusage(2)
    print(
        f"scan: {files:,} unchanged files, none opened, in {scan * 1000:.0f} ms median "
        f"({files / scan:,.0f} files/s); {scan / reference:.1f} times a bare walk's "
        f"{reference * 1000:.0f} ms; at most {peak:,} MiB"
    )


if __name__ == "__main__":
    main()
