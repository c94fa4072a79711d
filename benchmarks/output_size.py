"""The output folder: its bytes beside those of the feeds, and how many files there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench, Result, Target
from benchmarks.installation import NH3, Installation

BYTES = Target(row=5, what="output beside its feeds, packed ones included", unit="×", must=1.3)
FILES = Target(row=5, what="files beside feeds, for each article", unit="", must=0.01)
#: What is laid beside a document, packed.
_PACKED = ("", ".gz", ".br", ".zst")
_MB = 1e6


def measure(bench: Bench) -> Iterator[Result]:
    """Measure row 5; assets are no part of it."""
    count = bench.options.articles
    installation, _ = bench.built(count, NH3)
    assets = installation.output / "assets"
    files = {
        path: state.st_size
        for path, state in installation.files().items()
        if assets not in path.parents
    }
    documents = _documents(installation)
    feeds = sum(files.get(path, 0) for path in documents)
    others = [path for path in files if path not in documents]
    yield Result(
        target=BYTES,
        value=sum(files.values()) / feeds,
        detail=f"{sum(files.values()) / _MB:,.1f} MB in {len(files):,} files; feeds "
        f"{feeds / _MB:,.1f} MB in {len(files) - len(others):,} files",
    )
    yield Result(
        target=FILES,
        value=len(others) / count,
        detail=f"{len(others):,} files that are no feeds, such as "
        f"{', '.join(str(path.relative_to(installation.output)) for path in others[:2])}"
        if others
        else "there is no other file",
    )


def _documents(installation: Installation) -> set[Path]:
    """Return the paths of all current feeds in all formats, and of what is packed of them."""
    files = [path for feed in installation.feeds().values() for path in feed]
    return {path.with_name(f"{path.name}{suffix}") for path in files for suffix in _PACKED}
