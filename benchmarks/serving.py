"""Serving, over 64 connections: feeds beside nginx with one worker, and article pages.

nginx has the same folder, with packed files beside (`gzip_static`). Pages are asked for packed, as
everybody does; half of them plain, for comparison.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.bench import Bench, Result, Target
from benchmarks.http_load import CONNECTIONS, Rate, ask_all, nginx, nginx_command, wrk
from benchmarks.installation import NH3, Daemon
from benchmarks.processes import Failure, processor

PACKED = Target(
    row=7, what="a packed feed, beside nginx", unit="×", must=0.3, wanted=0.4, more=True
)
CONDITIONAL = Target(
    row=7, what="a conditional feed, beside nginx", unit="×", must=0.4, wanted=0.6, more=True
)
DIFFERENT = Target(
    row=7, what="article pages, all different, one core", unit="/s", must=800.0, more=True
)
CACHED = Target(row=7, what="a cached article page, one core", unit="/s", must=4_000.0, more=True)
_FEED = "/feeds/rss.xml"
_GZIP = {"Accept-Encoding": "gzip"}


def measure(bench: Bench) -> Iterator[Result]:
    """Measure row 7."""
    options = bench.options
    installation, _ = bench.built(options.articles, NH3)
    paths = installation.pages()
    missing = [
        name
        for name, command in (("wrk", shutil.which("wrk")), ("nginx", nginx_command()))
        if command is None
    ]
    with ExitStack() as stack:
        daemon = stack.enter_context(installation.daemon())
        if "wrk" in missing:
            for target in (PACKED, CONDITIONAL, CACHED):
                yield Result(target=target, value=None, detail="wrk is not installed")
        else:
            reference = None
            if not missing:
                reference = stack.enter_context(nginx(bench.folder / "nginx", installation.output))
            yield from _feeds(daemon, reference, options.seconds)
        half = len(paths) // 2
        packed = ask_all(daemon.port, paths[:half], _GZIP, daemon.session)
        plain = ask_all(daemon.port, paths[half:], {}, daemon.session)
        yield Result(
            target=DIFFERENT,
            value=packed.each_second_of_a_core,
            detail=f"{_told(packed)}; plain ones: {_told(plain)}",
        )
        if "wrk" not in missing:
            yield _cached(daemon, paths[0], options.seconds)


def _feeds(daemon: Daemon, reference: int | None, seconds: int) -> Iterator[Result]:
    """Measure a feed, packed and conditional, with the daemon and with nginx on another port."""
    status, headers, body = daemon.get(_FEED, accept_encoding="gzip")
    if status != 200 or headers.get("content-encoding") != "gzip":
        raise Failure(f"{_FEED}: {status}, {headers}")
    for target, conditional in ((PACKED, False), (CONDITIONAL, True)):
        rates = []
        for port in (daemon.port, reference):
            if port is None:
                continue
            wanted = dict(_GZIP)
            if conditional:
                server = Daemon(process=daemon.process, port=port)
                tag = server.get(_FEED, accept_encoding="gzip")[1]["etag"]
                again = server.get(_FEED, accept_encoding="gzip", if_none_match=tag)[0]
                if again != 304:
                    raise Failure(f"{_FEED}: {again} where it had not changed")
                wanted["If-None-Match"] = tag
            rates.append(wrk(port, _FEED, wanted, seconds))
        own = rates[0]
        if len(rates) == 1:
            detail = f"{own.each_second:,.0f}/s; nginx is not installed"
            yield Result(target=target, value=None, detail=detail)
        else:
            other = rates[1]
            yield Result(
                target=target,
                value=own.each_second / other.each_second,
                detail=f"{own.each_second:,.0f}/s beside {other.each_second:,.0f}/s; "
                f"{CONNECTIONS} connections, {len(body):,} bytes; "
                f"{own.others + other.others} other answers",
            )


def _cached(daemon: Daemon, path: str, seconds: int) -> Result:
    before = sum(processor(daemon.session).values())
    rate = wrk(daemon.port, path, _GZIP, seconds)
    used = sum(processor(daemon.session).values()) - before
    rate = Rate(answers=rate.answers, others=rate.others, seconds=rate.seconds, processor=used)
    return Result(target=CACHED, value=rate.each_second_of_a_core, detail=_told(rate))


def _told(rate: Rate) -> str:
    return (
        f"{rate.answers:,} pages in {rate.seconds:.1f} s, {rate.each_second:,.0f}/s "
        f"with {rate.processor / rate.seconds:.2f} cores; {rate.others} other answers"
    )
