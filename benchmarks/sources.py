"""Following sources: what 2,000 of them, asked every hour, take of the processor in a day.

The clock is set: each look of the follower, every 30 seconds, is one step, and a part of the day is
as good as the whole. What is measured is what the daemon does for it, with its database, its files
and the process that reads documents, but without what becomes of the files. The sources are on a
server on loopback, without TLS, that answers conditional requests; one answer in six has a new
entry. The reference, in the same run, is the same request by the bare HTTP client. Memory is what
the second half of the time adds; documents are read in a process that ends with each look.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Self

import httpcore

from digest.app.logs import configure_logs
from digest.sources.fetching import Fetcher
from digest.sources.follower import Follower
from digest.sources.model import Health, Source, SourceState
from digest.store.database import open_store

#: Percent of two cores that following may take.
MUST = 10.0
_HOUR = timedelta(hours=1)
_START = datetime(2026, 11, 28, tzinfo=UTC)
#: Hosts that share the sources, and how many answers of a source have the same entries.
_HOSTS, _CHANGES = 100, 6
_ENTRIES, _WORDS = 20, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What following took."""

    sources: int
    hours: float
    processor: float  #: seconds, of all processes
    requests: int
    unchanged: int  #: of them
    files: int
    bare: float  #: seconds of the processor for one request of the reference
    growth: float  #: bytes, in the second half

    @property
    def share(self) -> float:
        """Percent of two cores."""
        return 100 * self.processor / (2 * 3600 * self.hours)

    @property
    def ratio(self) -> float:
        """How often the reference's a request takes."""
        return self.processor / self.requests / self.bare

    def __str__(self) -> str:
        verdict = "met" if self.share <= MUST else "MISSED"
        return (
            f"{self.sources:,} sources, an hour each: {self.share:.2f} % of two cores "
            f"(at most {MUST:g} %: {verdict}), {self.processor * 24 / self.hours:,.0f} s of the "
            f"processor a day\n"
            f"{self.requests:,} requests in {self.hours:g} h, {self.unchanged:,} unchanged, "
            f"{self.files:,} files; {1e3 * self.processor / self.requests:.1f} ms each = "
            f"{self.ratio:.1f} times the bare client's {1e3 * self.bare:.1f} ms\n"
            f"memory: {self.growth / 1e6:+.1f} MB in the second half"
        )


class Server(threading.Thread):
    """Answers for all sources, in a thread of its own; ``ports`` are those of the hosts."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(daemon=True)
        self.ports: list[int] = []
        self.answers: Counter[int] = Counter()
        self._clock = clock
        self._asked: Counter[int] = Counter()
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self.join()

    @property
    def processor(self) -> float:
        """Seconds of the processor that the server has taken."""
        assert self.ident is not None
        return time.clock_gettime(time.pthread_getcpuclockid(self.ident))

    def url(self, number: int) -> str:
        """Return the address of a source's feed."""
        host = number % _HOSTS
        return f"http://127.0.1.{host + 1}:{self.ports[host]}/{number}"

    def run(self) -> None:
        """Serve until told to stop."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            for host in range(_HOSTS):
                server = await asyncio.start_server(self._connected, f"127.0.1.{host + 1}", 0)
                stack.callback(server.close)
                self.ports.append(server.sockets[0].getsockname()[1])
            self._ready.set()
            await self._ended.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
                writer.write(self._answer(int(head.split(" ", 2)[1][1:]), head))
        writer.close()

    def _answer(self, number: int, head: str) -> bytes:
        self._asked[number] += 1
        version = (self._asked[number] + number) // _CHANGES
        tag = f'ETag: "{version}"\r\n'
        if f'"{version}"' in head:
            self.answers[304] += 1
            return f"HTTP/1.1 304 Not Modified\r\n{tag}\r\n".encode()
        self.answers[200] += 1
        body = feed(number, version, self._clock())
        return f"HTTP/1.1 200 OK\r\n{tag}Content-Length: {len(body)}\r\n\r\n".encode() + body


def feed(number: int, version: int, now: datetime) -> bytes:
    """Return the feed of a source: its newest entry, and others of the weeks before."""
    home, text = f"https://source{number}.example", "<p>" + "word " * _WORDS + "</p>"
    items = "".join(
        f"<item><title>Entry {each}</title><link>{home}/{each}</link><guid>{home}/{each}</guid>"
        f"<pubDate>{format_datetime(now - timedelta(weeks=version - each))}</pubDate>"
        f"<description><![CDATA[{text}]]></description></item>"
        for each in range(version, version - _ENTRIES, -1)
    )
    head = f"<title>Source {number}</title><link>{home}/</link>"
    return f'<rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


def measure(sources: int, hours: float, look: float, folder: Path) -> Measured:
    """Follow so many sources for a while, ``look`` seconds apart, with all files in a folder."""
    now = _START
    with Server(lambda: now) as server, open_store(f"sqlite:///{folder}/digest.db") as store:
        followed = [
            Source(
                name=f"source{number}",
                url=server.url(number),
                every=_HOUR,
                max_age=timedelta(days=2),
                allow_private=True,
            )
            for number in range(sources)
        ]
        for number, source in enumerate(followed):  # as if they had been followed for long
            state = SourceState(
                url=source.url,
                entity_tag=f'"{number // _CHANGES}"',
                next_at=_START + number * _HOUR / sources,
                health=Health.OK,
            )
            store.sources.keep(source.name, state, ())

        async def follow() -> list[int]:
            nonlocal now
            follower = Follower(
                sources=lambda: followed,
                folder=folder / "sources",
                store=store.sources,
                fetcher=Fetcher(),
                site_url="https://digest.example.org",
                clock=lambda: now,
                jitter=random.Random(1).random,
            )
            end = _START + hours * _HOUR
            held: list[int] = []
            while now < end:
                if len(held) == int(now >= _START + hours * _HOUR / 2):
                    held.append(_memory())
                await follower.refresh_due()
                await follower.close()  # as when it waits: all its connections have ended by then
                now += timedelta(seconds=look)
            return [*held, _memory()]

        before = _processor() - server.processor
        held = asyncio.run(follow())
        processor = _processor() - server.processor - before
        answers = server.answers.copy()
        bare = asyncio.run(_bare(server, [source.url for source in followed[:500]]))
        return Measured(
            sources=sources,
            hours=hours,
            processor=processor,
            requests=answers.total(),
            unchanged=answers[304],
            files=sum(path.is_file() for path in (folder / "sources").rglob("*")),
            bare=bare,
            growth=held[-1] - held[1],
        )


async def _bare(server: Server, urls: Sequence[str]) -> float:
    """Return the processor time of a request by the HTTP client, each on a new connection."""
    before = time.process_time() - server.processor
    for url in urls:
        async with httpcore.AsyncConnectionPool(http2=True, ssl_context=None) as pool:
            await pool.request("GET", url, headers={"If-None-Match": '"0"'})
    return (time.process_time() - server.processor - before) / len(urls)


def _processor() -> float:
    """Return the processor time of this process and of those that it has collected."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _memory() -> int:
    """Return the bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=2_000)
    parser.add_argument("--hours", type=float, default=0.5, help="of the day; 24: all of it")
    parser.add_argument("--look", type=float, default=30, help="seconds; more make a day shorter")
    chosen = parser.parse_args()
    if min(chosen.sources, chosen.hours, chosen.look) <= 0:
        parser.error("--sources, --hours and --look must be more than 0")
    configure_logs("error", "text")
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as name:
        print(measure(chosen.sources, chosen.hours, chosen.look, Path(name)))


if __name__ == "__main__":
    main()
