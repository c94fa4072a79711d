"""Everything at once: visitors on 64 connections, articles that arrive, and an edition.

A daemon gets articles in bursts, the last of each timed on its way into the feeds: first while
nobody asks for anything, then while another process asks for pages and searches without a pause and
the edition of the minute is sent. Told are answers other than 200 and a polite 503, file to feed
beside that of the first bursts, and when the mails lay in the mailbox. The load begins so that the
minute is in its middle, and is waited for. Visitors take their part of the machine too: with two
cores, a daemon that has one left for itself can hardly do better.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, takewhile
from pathlib import Path
from urllib.parse import quote

from benchmarks.bench import Bench, Options, Result, Target
from benchmarks.http_load import CONNECTIONS, Rate, ask_all
from benchmarks.installation import NH3, Installation
from benchmarks.processes import Failure
from digest.app.wiring import open_services
from digest.settings import load
from digest.subscribers.model import NewSubscriber
from digest.times import utc_now

ERRORS = Target(row=1, what="answers but 200 and a polite 503", unit="", must=0.0)
DELAY = Target(row=2, what="file to feed, beside that of an idle daemon", unit="×", must=2.0)
LATE = Target(row=3, what="the edition: first mail after its time", unit="s", must=5.0)
_WORDS = ("码头", "lighthouse", "number", "图书馆", "ships twice", "nothing-has-this")
#: The last of a burst need not be among the 50 newest: all come at one moment.
_CONFIGURATION = """\
[feeds]
limit = 100
[mail]
maildir = "mail"
[digests.daily]
title = "晨间摘要"
schedule = "* * * * *"
"""
#: Seconds between two bursts. A feed changes at once only where it has not within the last second.
_PAUSE = 1.5
_MINUTE = 60.0
#: Seconds after which what is waited for will not come.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    articles: int = 2_000  #: that are there
    burst: int = 75  #: that come together
    idle: int = 5  #: bursts before anybody asks
    seconds: float = 20.0  #: of the load
    subscribers: int = 500


def paths(installation: Installation) -> list[str]:
    """Return what visitors ask for: article pages, lists and searches by turns."""
    searches = cycle(f"/search/?q={quote(word)}" for word in _WORDS)
    lists = cycle(("/", "/feeds/", "/feeds/rss.xml", "/digests/", "/digests/daily/", "/subscribe/"))
    return [
        path for page in installation.pages() for path in (page, page, next(searches), next(lists))
    ]


def ask(port: int, asked: list[str], until: float, session: int) -> Rate:
    """Ask until a moment of the monotonic clock."""
    return ask_all(port, takewhile(lambda _: time.monotonic() < until, cycle(asked)), {}, session)


class Bursts:
    """Articles that come together."""

    def __init__(self, installation: Installation, size: int) -> None:
        self._installation = installation
        self._feeds = installation.feeds()
        self._size = size
        self.seconds: list[float] = []

    def once(self) -> None:
        """Write a burst; time the last article until all of its feeds hold it; pause."""
        for _ in range(self._size - 1):
            self._installation.write(self._installation.news())
        article = self._installation.news()
        waiting = {*self._feeds[""], *self._feeds.get(" / ".join(article.categories), ())}
        states = dict.fromkeys(waiting, 0)
        began = time.perf_counter()
        self._installation.write(article)
        while waiting:
            if time.perf_counter() - began > _PATIENCE:
                raise Failure(f"{article.path} is not in {min(waiting)}")
            time.sleep(0.002)
            for path in sorted(waiting):
                state = path.stat().st_ino
                if state != states[path] and article.mark in path.read_text(encoding="utf-8"):
                    waiting.discard(path)
                states[path] = state
        self.seconds.append(time.perf_counter() - began)
        time.sleep(_PAUSE)


def subscribe(installation: Installation, count: int) -> None:
    """Store readers of the digest."""
    readers = [
        NewSubscriber(address=f"reader{number}@example{number % 50}.net", digest="daily")
        for number in range(count)
    ]
    with open_services(load(installation.folder / "digest.toml", {})) as services:
        services.store.subscribers.add_many(readers, utc_now())


def measure(bench: Bench, plan: Plan) -> Iterator[Result]:
    """Measure."""
    installation = bench.installation("loaded", plan.articles, NH3)
    configuration = installation.folder / "digest.toml"
    text = configuration.read_text(encoding="utf-8").replace("[web]", "[web]\nsubscribe = true")
    configuration.write_text(text + _CONFIGURATION, encoding="utf-8")
    installation.measure("build")
    subscribe(installation, plan.subscribers)
    asked = paths(installation)
    with installation.daemon() as daemon, ProcessPoolExecutor(1) as pool:
        bursts = Bursts(installation, plan.burst)
        bursts.once()  # the first one brings in what is needed
        bursts.seconds.clear()
        while len(bursts.seconds) < plan.idle:
            bursts.once()
        now = time.time()
        time.sleep((_MINUTE - plan.seconds / 2 - now) % _MINUTE)
        due = time.time() // _MINUTE * _MINUTE + _MINUTE
        idle, bursts.seconds = bursts.seconds, []
        until = time.monotonic() + plan.seconds
        load: Future[Rate] = pool.submit(ask, daemon.port, asked, until, daemon.session)
        while time.monotonic() < until:
            bursts.once()
        rate = load.result()
        mails = delivered(installation, due, plan.subscribers)
    yield Result(
        target=ERRORS,
        value=float(rate.others - rate.busy),
        detail=f"{rate.answers:,} answers in {rate.seconds:.0f} s over {CONNECTIONS} connections "
        f"({rate.each_second:,.0f}/s, {rate.processor / rate.seconds:.1f} cores of the daemon), "
        f"{rate.busy:,} of 503 with Retry-After",
    )
    before, loaded = statistics.median(idle), statistics.median(bursts.seconds)
    yield Result(
        target=DELAY,
        value=loaded / before,
        detail=f"{1e3 * loaded:,.0f} ms beside {1e3 * before:,.0f} ms for the last of {plan.burst} "
        f"articles; {len(bursts.seconds)} bursts, {1e3 * max(bursts.seconds):,.0f} ms at most",
    )
    yield Result(
        target=LATE,
        value=mails[0] - due,
        detail=f"the last of {len(mails):,} mails {mails[-1] - due:.1f} s after it",
    )


def delivered(installation: Installation, due: float, count: int) -> list[float]:
    """Return when the mails of the edition of a moment were written, once they all are.

    Earlier editions, of the minutes before, are left out. Raises Failure where some do not come.
    """
    folder = installation.folder / "mail" / "new"
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if folder.is_dir():
            moments = (path.stat().st_mtime for path in folder.iterdir())
            mails = sorted(moment for moment in moments if due <= moment < due + _MINUTE)
            if len(mails) >= count:
                return mails[:count]
        time.sleep(0.2)
    raise Failure("the edition did not reach everybody")


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    usual = Plan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=usual.articles)
    parser.add_argument("--burst", type=int, default=usual.burst)
    parser.add_argument("--idle", type=int, default=usual.idle, help="bursts before the load")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="of the load")
    parser.add_argument("--subscribers", type=int, default=usual.subscribers)
    plan = Plan(**vars(parser.parse_args(arguments)))
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as name:
        bench = Bench(Path(name), Options(articles=plan.articles))
        print(Result.HEAD)
        for result in measure(bench, plan):
            print(result, flush=True)


if __name__ == "__main__":
    main()
