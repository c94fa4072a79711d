"""What a daemon holds: idle, and after rewritten files and pages that were asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle, islice

from benchmarks.bench import Bench, Result, Target
from benchmarks.corpus import sample
from benchmarks.http_load import ask_all
from benchmarks.installation import NH3, Daemon, Installation
from benchmarks.processes import Failure, memory

IDLE = Target(row=6, what="idle daemon: memory", unit="MB", must=170.0, wanted=120.0)
GROWTH = Target(row=6, what="… growth by the second half of the load", unit="MB", must=5.0)
#: One rewritten file of so many says something new.
_NEWS = 20
_CONNECTIONS = 8
_MB = 1e6


def measure(bench: Bench) -> Iterator[Result]:
    """Measure row 6.

    The load comes in two halves: caches fill in the first one, what grows in the second one goes on
    growing.
    """
    options = bench.options
    installation, _ = bench.built(options.articles, NH3)
    paths = installation.pages()
    with installation.daemon() as daemon:
        held = [_idle(daemon, options.settle)]
        for half in (1, 2):
            _rewrite(installation, options.rewrites // 2, options.articles, visit=half)
            installation.settle(daemon)
            rate = ask_all(
                daemon.port,
                list(islice(cycle(paths), (half - 1) * options.requests // 2,
                            half * options.requests // 2)),
                {},
                daemon.session,
                _CONNECTIONS,
            )  # fmt: skip
            if not rate.answers:
                raise Failure("no page was answered")
            held.append(_idle(daemon, options.settle))
    idle, first, second = (value / _MB for value in held)
    yield Result(
        target=IDLE,
        value=idle,
        detail=f"all of its processes together, PSS, {options.settle} s after its last work",
    )
    yield Result(
        target=GROWTH,
        value=second - first,
        detail=f"{idle:.1f} MB idle, {first:.1f} MB after {options.rewrites // 2:,} rewritten "
        f"files and {options.requests // 2:,} pages, {second:.1f} MB after as many again",
    )


def _idle(daemon: Daemon, settle: float) -> int:
    """Return the bytes that a daemon holds once it has had nothing to do for so long."""
    time.sleep(settle)
    return memory(daemon.session)


def _rewrite(installation: Installation, count: int, articles: int, visit: int) -> None:
    """Rewrite so many files as a crawler does, each of the tree in turn; some say something new."""
    for number in range(count):
        round_, place = divmod(number, articles)
        article = sample(place, visit=1_000 * visit + round_ + 1)
        if number % _NEWS == 0:
            article = article.with_news(f"{visit} {number}")
        installation.write(article)
