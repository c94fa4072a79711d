"""From a file moved into the tree to its feeds on disk, with thousands of articles present.

Runs the daemon's own intake over a generated tree (texts of our own, about 11 KB each, 60 leaf
categories, feeds of 50 full entries) and prints milliseconds. The reference is the time that the
same disk takes to write and sync as many files of that size, measured in the same run: what no
program can beat.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from digest.assembly import Services, open_services
from digest.intake import Intake
from digest.logs import configure_logs
from digest.settings import load

_SENTENCES = (
    "清晨的码头还没有完全醒来，渔船的灯已经一盏一盏地亮了。",
    "The old lighthouse keeper counted the ships twice and wrote the number down.",
    "工程师们在白板上画了一条线，又画了一条线，谁也没有说话。",
    "A queue that nobody watches is a queue that only grows.",
    "茶凉了，故事才讲到一半，屋檐下的雨还在一滴一滴地落。",
)


def article(number: int, chance: random.Random) -> str:
    """Return the text of an article file of about 11 KB in the shape that crawlers write."""
    paragraphs = "".join(
        f"<p>　　{''.join(chance.choices(_SENTENCES, k=4))}</p>\n" for _ in range(28)
    )
    return (
        f"\n---\ntitle: '第 {number} 篇 article {number}'\ncategories:\n - 分类 {number % 4}\n"
        f" - 来源 {number % 12}\n - 栏目 {number % 60}\nauthor: 作者 {number % 7}\n"
        f"date: Fri, 27 Aug 2021 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
        f" GMT\n---\n\n<div>\n{paragraphs}</div>\n"
    )


def write_tree(root: Path, count: int, chance: random.Random) -> None:
    """Write ``count`` articles in 60 folders."""
    for number in range(count):
        folder = root / f"分类 {number % 4}" / f"来源 {number % 12}" / f"栏目 {number % 60}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.md").write_text(article(number, chance), encoding="utf-8")


def wait_for(feeds: dict[Path, int], title: bytes) -> float:
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
        if title not in feed.read_bytes():
            raise TimeoutError(f"{title.decode()} is not in {feed}")
    return found


async def measure(services: Services, root: Path, count: int, samples: int) -> list[float]:
    """Return how long each of some new files took to be in the feed of its category, seconds."""
    chance = random.Random(2)
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
            waiting = root.parent / "new.md"
            waiting.write_text(article(number, chance), encoding="utf-8")
            folder = f"分类 {number % 4}/来源 {number % 12}/栏目 {number % 60}"
            feeds = [
                output / "feeds" / place / name
                for place in (folder, "")
                for name in ("rss.xml", "atom.xml", "feed.json")
            ]
            before = {feed: feed.stat().st_ino for feed in feeds}
            title = f"article {number}".encode()
            began = time.perf_counter()
            waiting.rename(root / folder / f"{number}.md")
            found.append(await asyncio.to_thread(wait_for, before, title) - began)
        intake.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return found


def write_and_sync(folder: Path, output: Path, count: int) -> float:
    """Return how long the disk takes for the files that one new article touches, seconds."""
    feeds = sorted((output / "feeds").rglob("*.*"), key=lambda path: -path.stat().st_size)[:16]
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
        write_tree(root, chosen.articles, random.Random(1))
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
