"""Serving, over 64 connections: feeds beside nginx with one worker, and article pages.

nginx has the same folder, takes what is packed beside the files (`gzip_static`), sends the headers
that Digest sends and looks for links that lead out of the folder. Pages are asked for packed, as
everybody does; half of them plain, for comparison.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

from benchmarks.bench import Bench, Result, Target
from benchmarks.http_load import CONNECTIONS, Rate, ask_all, get, nginx, nginx_command, wrk
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
#: How often the servers are measured in turn.
_TURNS = 4
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


def _feeds(daemon: Daemon, reference: tuple[int, int] | None, seconds: int) -> Iterator[Result]:
    """Measure a feed, packed and conditional, with the daemon and with nginx on its two ports.

    They take turns, so that what else the machine does meets all of them.
    """
    ports = (daemon.port, *(reference or ()))
    turn = max(1, seconds // _TURNS)
    for target, conditional in ((PACKED, False), (CONDITIONAL, True)):
        rates: dict[int, list[Rate]] = {port: [] for port in ports}
        for _ in range(_TURNS):
            for port in ports:
                rate, length = _feed(port, turn, conditional=conditional)
                rates[port].append(rate)
        own, *others = (
            sum(rate.answers for rate in turns) / sum(rate.seconds for rate in turns)
            for turns in rates.values()
        )
        wrong = sum(rate.others for turns in rates.values() for rate in turns)
        if not others:
            detail = f"{own:,.0f}/s; nginx is not installed"
            yield Result(target=target, value=None, detail=detail)
            continue
        like, bare = others
        yield Result(
            target=target,
            value=own / like,
            detail=f"{own:,.0f}/s beside {like:,.0f}/s with the same headers and checks "
            f"({bare:,.0f}/s bare); {CONNECTIONS} connections, {length:,} bytes; "
            f"{wrong} other answers",
        )


def _feed(port: int, seconds: int, *, conditional: bool) -> tuple[Rate, int]:
    """Return how often a server gives the site's feed, packed, and the length of a body.

    Raises Failure where it is not packed, or not answered by 304 to whoever has it.
    """
    wanted = dict(_GZIP)
    status, headers, body = get(port, _FEED, wanted)
    if status != HTTPStatus.OK or headers.get("content-encoding") != "gzip":
        raise Failure(f"{_FEED}: {status}, {headers}")
    if conditional:
        wanted["If-None-Match"] = headers["etag"]
        status, headers, body = get(port, _FEED, wanted)
        if status != HTTPStatus.NOT_MODIFIED:
            raise Failure(f"{_FEED}: {status} where it had not changed")
    return wrk(port, _FEED, wanted, seconds), len(body)


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
