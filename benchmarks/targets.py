"""What Digest is to reach, beside what it reaches: a table of targets and results.

Each row is a ratio to a reference that is measured in the same run, or a bound. Run a part of it
with less: `python -m benchmarks.targets --articles 1000 --large 0 --rows 1,3,5`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    file_to_feed,
    first_build,
    idle_memory,
    output_size,
    serving,
    storm,
    unchanged_build,
)
from benchmarks.bench import Bench, Options, Result
from benchmarks.corpus import CATEGORIES

#: The rows of the table, in the order in which they are measured: what changes articles comes last.
ROWS: dict[int, Callable[[Bench], Iterator[Result]]] = {
    1: first_build.beside_site_builders,
    2: first_build.both_engines_beside_one,
    5: output_size.measure,
    3: unchanged_build.measure,
    7: serving.measure,
    4: file_to_feed.measure,
    6: idle_memory.measure,
    8: storm.measure,
    9: first_build.of_many,
}


def options(arguments: list[str] | None = None) -> tuple[list[int], Options]:
    """Return the rows to measure, and how."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets", description=__doc__)
    parser.add_argument("--rows", default="", help="such as 1,3,5; all without it")
    parser.add_argument("--articles", type=int, default=usual.articles)
    parser.add_argument(
        "--large", type=int, help="articles of the large tree; 0: none; default: 10 times as many"
    )
    parser.add_argument(
        "--samples", type=int, default=usual.samples, help="files that are timed to their feeds"
    )
    parser.add_argument(
        "--idle",
        type=float,
        default=usual.idle,
        help="seconds of idling before one more file is timed; 0: none. 600 is what is aimed at",
    )
    parser.add_argument(
        "--settle",
        type=float,
        default=usual.settle,
        help="seconds after which memory is taken for that of an idle daemon",
    )
    parser.add_argument("--rewrites", type=int, default=usual.rewrites)
    parser.add_argument("--requests", type=int, default=usual.requests)
    parser.add_argument(
        "--seconds", type=int, default=usual.seconds, help="of each load on a web server"
    )
    parser.add_argument(
        "--times", type=int, default=usual.times, help="that a build without changes is run"
    )
    parser.add_argument("--folder", type=Path, help="where it works; a temporary one without it")
    chosen = parser.parse_args(arguments)
    try:
        rows = [int(row) for row in chosen.rows.split(",")] if chosen.rows else list(ROWS)
    except ValueError:
        parser.error(f"--rows {chosen.rows}: numbers with commas between them")
    if chosen.articles < CATEGORIES:
        parser.error(f"--articles: at least {CATEGORIES}, so that every category has one")
    if chosen.folder is not None and not chosen.folder.is_dir():
        parser.error(f"--folder {chosen.folder}: there is no such folder")
    if unknown := set(rows) - set(ROWS):
        parser.error(f"--rows: there is no row {min(unknown)}")
    return rows, Options(
        articles=chosen.articles,
        large=10 * chosen.articles if chosen.large is None else chosen.large,
        samples=chosen.samples,
        idle=chosen.idle,
        settle=chosen.settle,
        rewrites=chosen.rewrites,
        requests=chosen.requests,
        seconds=chosen.seconds,
        times=chosen.times,
        folder=chosen.folder,
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure row by row; print each as soon as it is known, and the whole table at the end."""
    rows, chosen = options(arguments)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="digest-bench-", dir=chosen.folder) as folder:
        bench = Bench(Path(folder), chosen)
        for row in (row for row in ROWS if row in rows):
            for result in ROWS[row](bench):
                results.append(result)
                print(result, flush=True)
    print(f"\n{Result.HEAD}")
    for result in sorted(results, key=lambda result: result.target.row):
        print(result.line())
    missed = sum(result.verdict() == "missed" for result in results)
    print(f"{chosen.articles:,} articles; {missed} of {len(results)} targets missed")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # clean up as well
    main()
