"""First builds: beside site builders, with both cleaning engines beside one, of many articles."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench, Result, Target
from benchmarks.corpus import samples
from benchmarks.installation import DEFAULT, NH3
from benchmarks.processes import told
from benchmarks.site_builders import hugo, pelican

TIME = Target(row=1, what="first build, nh3, beside Hugo: time", unit="×", must=2.0, wanted=1.0)
MEMORY = Target(row=1, what="first build, nh3, beside Hugo: memory", unit="×", must=0.25)
PELICAN = Target(row=1, what="first build, nh3, beside Pelican: time", unit="×")
ENGINES = Target(row=2, what="first build, both engines beside nh3", unit="×", must=1.6, wanted=1.3)
MANY = Target(row=9, what="first build, the large tree", unit="×", must=12.0, wanted=10.0)
_MIB = 2**20


def beside_site_builders(bench: Bench) -> Iterator[Result]:
    """Measure row 1; Hugo runs before and after Digest, and the mean counts."""
    count = bench.options.articles
    before = hugo(bench.folder / "hugo-before", samples(count))
    _, own = bench.built(count, NH3)
    after = hugo(bench.folder / "hugo-after", samples(count))
    if before is None or after is None:
        for target in (TIME, MEMORY):
            yield Result(target=target, value=None, detail="hugo is not installed")
    else:
        seconds = (before.seconds + after.seconds) / 2
        peak = max(before.memory, after.memory)
        yield Result(
            target=TIME,
            value=own.seconds / seconds,
            detail=f"{told(own)}; Hugo {told(before)} before and {told(after)} after; "
            f"{2 * own.processor / (before.processor + after.processor):.1f} × of the processor",
        )
        yield Result(
            target=MEMORY,
            value=own.memory / peak,
            detail=f"{own.memory / _MIB:,.0f} MiB beside {peak / _MIB:,.0f} MiB",
        )
    other = pelican(bench.folder / "pelican", samples(count))
    if other is None:
        yield Result(target=PELICAN, value=None, detail="pelican is not installed")
    else:
        yield Result(
            target=PELICAN,
            value=own.seconds / other.seconds,
            detail=f"{told(own)}; Pelican {told(other)}",
        )


def both_engines_beside_one(bench: Bench) -> Iterator[Result]:
    """Measure row 2."""
    count = bench.options.articles
    _, single = bench.built(count, NH3)
    _, both = bench.built(count, DEFAULT)
    yield Result(
        target=ENGINES,
        value=both.seconds / single.seconds,
        detail=f"{told(both)}; nh3 alone {told(single)}; "
        f"{both.processor / single.processor:.2f} × of the processor",
    )


def of_many(bench: Bench) -> Iterator[Result]:
    """Measure row 9."""
    count, large = bench.options.articles, bench.options.large
    if not large:
        yield Result(target=MANY, value=None, detail="no large tree was asked for")
        return
    _, small = bench.built(count, NH3)
    _, many = bench.built(large, NH3)
    yield Result(
        target=MANY,
        value=many.seconds / small.seconds,
        detail=f"{large:,} articles {told(many)}; {count:,} articles {told(small)}; "
        f"{many.processor / small.processor:.2f} × of the processor; "
        f"{many.memory / _MIB:,.0f} MiB beside {small.memory / _MIB:,.0f} MiB",
    )
