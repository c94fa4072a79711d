"""From a file moved into the tree to its feeds on disk, with thousands of articles present.

Runs the daemon's own intake over a generated corpus (about 11 KB each, 60 leaf categories, feeds of
50 full entries) and prints milliseconds. The reference is the time that the
same disk takes to write and sync as many files of that size, measured in the same run: what no
program can beat.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.corpus import sample, write_corpus
from digest.articles.model import ARCHIVES, CategoryPath
from digest.assembly import Services, open_services
from digest.intake import Intake
from digest.logs import configure_logs
from digest.settings import load


def wait_for(feeds: dict[Path, int], mark: str) -> float:
    """Return the moment when all feeds were replaced; looks every millisecond, 30 s at most.

    ``feeds`` has the inode of each before: looking costs next to nothing, so that the measured
    program has the machine to itself.
    """
    end = time.perf_counter() + 30
    missing = list(feeds)
    while missing and time.perf_counter() < end:
        time.sleep(0.001)
        missing = [feed for feed in missing if feed.stat().st_ino == feeds[feed]]
    found = time.perf_counter()
    for feed in feeds:
        if mark.encode() not in feed.read_bytes():
            raise TimeoutError(f"{mark} is not in {feed}")
    return found


async def measure(services: Services, root: Path, count: int, samples: int) -> list[float]:
    """Return how long each of some new files took to be in the feed of its category, seconds."""
    output = services.settings.paths.output
    found: list[float] = []
    with services.workers() as workers:
        intake: Intake = services.intake(workers)
        began = time.perf_counter()
        await intake.first_scan()
        cold = time.perf_counter() - began
        print(f"cold build: {count:,} articles in {cold:.1f} s ({count / cold:,.0f} articles/s)")
        running = asyncio.create_task(intake.run())
        for number in range(count, count + samples):
            await asyncio.sleep(0.3)  # nothing else is going on
            one = sample(number, dated=False)
            waiting = root.parent / "new.md"
            waiting.write_text(one.text, encoding="utf-8")
            (root / one.path).parent.mkdir(parents=True, exist_ok=True)
            folder = CategoryPath(one.categories).folder
            feeds = [
                output / "feeds" / place / name
                for place in (folder, "")
                for name in ("rss.xml", "atom.xml", "feed.json")
            ]
            before = {feed: feed.stat().st_ino for feed in feeds}
            began = time.perf_counter()
            waiting.rename(root / one.path)
            found.append(await asyncio.to_thread(wait_for, before, one.mark) - began)
        intake.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return found


def write_and_sync(folder: Path, output: Path, count: int) -> float:
    """Return how long the disk takes for the files that one new article touches, seconds."""
    current = [path for path in (output / "feeds").rglob("*.*") if ARCHIVES not in path.parts]
    feeds = sorted(current, key=lambda path: -path.stat().st_size)[:16]
    contents = [path.read_bytes() for path in feeds]
    found = []
    for _ in range(count):
        began = time.perf_counter()
        for number, content in enumerate(contents):
            path = folder / f"{number}.tmp"
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            path.replace(folder / str(number))
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def main() -> None:
    """Print the latency, its spread and its ratio to the reference."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--articles", type=int, default=2_000)
    options.add_argument("--samples", type=int, default=15)
    options.add_argument("--with-bleach", action="store_true", help="build with both engines")
    chosen = options.parse_args()
    configure_logs("error", "text")
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as name:
        base = Path(name)
        root = base / "articles"
        write_corpus(root, chosen.articles)
        engines = '["bleach", "nh3"]' if chosen.with_bleach else '["nh3"]'
        configuration = base / "digest.toml"
        configuration.write_text(f"[sanitizer]\nengines = {engines}\n", encoding="utf-8")
        with open_services(load(configuration, {})) as services:
            found = asyncio.run(measure(services, root, chosen.articles, chosen.samples))
            reference = write_and_sync(base, services.settings.paths.output, 5)
    median, slowest = statistics.median(found), max(found)
    print(
        f"file to feed: {median * 1000:.0f} ms median, {slowest * 1000:.0f} ms at most of "
        f"{len(found)}, with {chosen.articles:,} articles present; "
        f"{median / reference:.1f} times the disk's own {reference * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
