"""Reading a tree of articles into a new store: first, again, with both engines, and after a storm.

What is measured goes from the bytes of files to committed rows, through worker processes; nothing
is published. Each ratio is one of two measurements of the same run: both engines beside nh3 alone,
nothing changed and a storm beside the first reading with both engines. In a storm every file is
written again with another date and the address of another placeholder image, as crawlers do every
hour. Printed are seconds by the clock and of the processor, the workers' included.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import write_corpus
from digest.app.logs import configure_logs
from digest.app.wiring import open_services
from digest.settings import load

#: Seconds that a file must lie untouched before it is read where leases are not to be had.
_AGE = 3_600
CONFIGURATION = """\
[site]
url = "https://digest.example.org"
[paths]
articles = "{articles}"
data = "{data}"
output = "{data}/output"
[sanitizer]
engines = [{engines}]
"""
_IMAGE = re.compile(rb"^(headimg|thumbnail):.*$", re.MULTILINE)
_DATE = re.compile(rb"^date:.*$", re.MULTILINE)
#: What a storm may take of a first reading, and both engines of nh3 alone.
STORM, ENGINES = 0.15, 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How long one reading took."""

    clock: float  #: seconds
    processor: float  #: seconds, of all processes
    files: int  #: that became new articles, or say what they said

    def __str__(self) -> str:
        return f"{self.clock:.2f} s, {self.processor:.2f} s of the processor"


def storm(root: Path, number: int) -> None:
    """Write every file again, whole or not at all, as a crawler does on its round."""
    for index, path in enumerate(sorted(root.rglob("*.md"))):
        image = rb"\1: 'https://picsum.photos/400/300?random=%d'" % (number * 1_000_003 + index)
        content = _IMAGE.sub(image, path.read_bytes())
        date = b"date: 2024-%02d-%02d 10:00:00" % (number % 12 + 1, index % 28 + 1)
        new = path.with_suffix(".new")
        new.write_bytes(_DATE.sub(date, content))
        new.replace(path)
    age(root)


def age(root: Path) -> None:
    """Have every file look as if nobody were writing it."""
    then = time.time_ns() - _AGE * 1_000_000_000
    for index, path in enumerate(sorted(root.rglob("*.md"))):
        os.utime(path, ns=(then, then + index + time.monotonic_ns() % 1_000_000_000))


def read(configuration: Path) -> Measured:
    """Read what differs from what is stored."""
    with open_services(load(configuration, {})) as services, services.workers() as workers:
        workers.results_of(workers.submit([]))  # they run, as they do in the daemon
        began, worked = time.perf_counter(), time.process_time() + _of_children()
        changes = services.ingest(workers).scan().changes
        clock = time.perf_counter() - began
        worked = time.process_time() + _of_children() - worked
    return Measured(clock=clock, processor=worked, files=changes.new + changes.unchanged)


def _of_children() -> float:
    """Return the processor time of the processes below this one that are alive (proc(5))."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents: dict[int, int] = {}
    times: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        parents[int(folder.name)] = int(fields[1])
        times[int(folder.name)] = (int(fields[11]) + int(fields[12])) / ticks
    return sum(seconds for process, seconds in times.items() if _is_below(process, parents))


def _is_below(process: int, parents: dict[int, int]) -> bool:
    while process in parents:
        process = parents[process]
        if process == os.getpid():
            return True
    return False


def measure(folder: Path, articles: int) -> tuple[Measured, Measured, Measured, Measured]:
    """Return the first reading with nh3, with both engines, of no change, and of a storm."""
    root = folder / "articles"
    write_corpus(root, articles)
    age(root)
    found = []
    for name, engines in (("nh3", '"nh3"'), ("both", '"bleach", "nh3"')):
        configuration = folder / f"{name}.toml"
        text = CONFIGURATION.format(articles=root, data=folder / name, engines=engines)
        configuration.write_text(text, encoding="utf-8")
        found.append(read(configuration))
    found.append(read(configuration))
    storm(root, 1)  # brings the images to all files
    read(configuration)
    storm(root, 2)
    found.append(read(configuration))
    if {found[0].files, found[1].files, found[3].files} != {articles}:
        raise RuntimeError(f"of {articles} files: {found}")
    return found[0], found[1], found[2], found[3]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--articles", type=int, default=2_000)
    chosen = options.parse_args()
    configure_logs("warning", "text")
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as name:
        nh3, both, unchanged, stormed = measure(Path(name), chosen.articles)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # KiB on Linux, getrusage(2)
    each = 1e6 * nh3.processor / chosen.articles
    print(f"reading {chosen.articles:,} articles, nh3: {nh3}; {each:.0f} µs an article")
    ratio = both.processor / nh3.processor
    print(f"both engines: {both}; {ratio:.2f} times nh3 alone (at most {ENGINES})")
    ratio = unchanged.clock / both.clock
    print(f"nothing changed: {unchanged}; {ratio:.3f} of the first reading")
    ratio = stormed.clock / both.clock
    print(f"storm: {stormed}; {ratio:.3f} of the first reading (at most {STORM})")
    print(f"at most {peak} MiB in this process")


if __name__ == "__main__":
    main()
