"""Sending: an edition for many subscribers, as a ratio to a bare pool of connections.

Fills a new SQLite database with subscribers in segments, and has Digest send editions of about
20 KB a message to Postfix's `smtp-sink` on the loopback interface: claim, render, compose, ask for
each subscriber again, send, mark. In turn with that, in the same run, ready bytes of the same
messages are sent over as many connections by aiosmtplib alone, with a durable commit for each batch
of as many messages as there are connections, which is the reference, and by Postfix's
`smtp-source`, a program in C. Printed are messages a second (the median of the rounds), the ratios,
the processor's time for each message, and the most memory that the process held.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import aiosmtplib

from benchmarks.compose import SUMMARY, wishes
from digest.app.logs import configure_logs
from digest.app.wiring import Services, open_services
from digest.articles.ingest.records import FileRecord, Reading
from digest.articles.model import CategoryPath, Draft, SafeHtml, path_identity
from digest.editions.delivery import DeliveryResult, DeliveryState
from digest.mail.composer import Composer
from digest.mail.message import Envelope
from digest.settings import load
from digest.subscribers.model import NewSubscriber
from digest.times import utc_now

#: Where Debian has Postfix's test programs; the path of a shell seldom has it.
_SBIN = "/usr/sbin"
#: Digest's rate is to be this much of the bare pool's, or more.
GOAL = 0.75
#: Subscribers that are stored in one go: so the memory for it does not grow with their number.
_STORED_AT_ONCE = 2_000
#: Different messages that the references send in turn.
_PREBUILT = 200
CONFIGURATION = """\
[site]
url = "https://digest.example.org"
[web]
enabled = false
[digests.daily]
title = "晨间摘要"
expires = "30d"
[mail]
transport = "smtp"
from = "海岸书报 <news@digest.example.org>"
[mail.smtp]
host = "127.0.0.1"
port = {port}
tls = "none"
connections = {connections}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How long so many messages took."""

    messages: int
    seconds: float
    processor: float | None = None  #: seconds of this process; None for another one's

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def each(self) -> float:
        """Microseconds of the processor for each message."""
        return 1e6 * (self.processor or 0.0) / self.messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The rounds of one number of connections."""

    connections: int
    bare: list[Run] = field(default_factory=list)
    digest: list[Run] = field(default_factory=list)
    source: list[Run] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Digest's rate as a part of the bare pool's: the median of the rounds.

        Each round is held against the bare runs right before and after it.
        """
        return statistics.median(
            own.rate / statistics.fmean(run.rate for run in self.bare[number : number + 2])
            for number, own in enumerate(self.digest)
        )

    def __str__(self) -> str:
        bare, own = _median(self.bare), _median(self.digest)
        told = (
            f"{self.connections} connections: {own.rate:,.0f} messages/s, {self.ratio:.2f} of a "
            f"bare pool's {bare.rate:,.0f} (at least {GOAL:.2f} is wished for); "
            f"processor {own.each:,.0f} µs a message, the pool {bare.each:,.0f} µs"
        )
        if not self.source:
            return told
        best = _median(self.source).rate
        return (
            f"{told}\n  smtp-source: {best:,.0f} messages/s; Digest has {own.rate / best:.2f} of "
            f"that, the bare pool {bare.rate / best:.2f}"
        )


def _median(runs: Sequence[Run]) -> Run:
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]


def program(name: str) -> str | None:
    """Return the path of one of Postfix's test programs; None where it is not there."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{_SBIN}")


@contextlib.contextmanager
def sink(*options: str) -> Iterator[int]:
    """Run `smtp-sink` on a free port of the loopback interface; give the port."""
    command = program("smtp-sink")
    if command is None:
        raise FileNotFoundError("smtp-sink")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    given = [*options, *(("-u", "nobody") if os.geteuid() == 0 else ())]
    with subprocess.Popen([command, "-4", *given, f"127.0.0.1:{port}", "100"]) as process:
        try:
            _await_port(port)
            yield port
        finally:
            process.terminate()


def _await_port(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def article(number: int, categories: int) -> Reading:
    """Return an article with a picture, in one of so many categories."""
    path = f"{number}.md"
    title = f"夜市摊主的一天：从备料到收摊，第{number}篇"
    mark = blake2b(path.encode(), digest_size=16).hexdigest()
    return Reading(
        record=FileRecord(path=path, size=1, mtime_ns=1, content=mark, options_hash="benchmark"),
        outcome=Draft(
            identity=path_identity(PurePosixPath(path)),
            title=title,
            authors=("某记者",),
            categories=(CategoryPath(("栏目", str(number % categories))),),
            published_at=None,
            link=f"https://news.example.org/{number}",
            image=f"https://img.example.org/{number}.jpg",
            language="zh-CN",
            summary=SUMMARY * 2,
            body=SafeHtml("<p>…</p>"),
            fingerprint=mark,
        ),
    )


def fill(services: Services, subscribers: int, segments: int, articles: int) -> None:
    """Store subscribers in so many segments, and articles that no edition has had yet."""
    now = utc_now()
    categories = 10
    for start in range(0, subscribers, _STORED_AT_ONCE):
        readers = []
        for number in range(start, min(start + _STORED_AT_ONCE, subscribers)):
            chosen, language = wishes(number % segments, categories)
            readers.append(
                NewSubscriber(
                    address=f"reader{number}@example{number % 50}.net",
                    digest="daily",
                    name=f"读者{number}",
                    categories=chosen,
                    language=language,
                )
            )
        services.store.subscribers.add_many(readers, now)
    services.store.editions.start_digests(["daily"], now)
    services.store.articles.record([article(number, categories) for number in range(articles)], now)


def open_edition(services: Services, number: int, articles: int) -> int:
    """Make an edition of all articles with its deliveries; return how many these are."""
    now = utc_now()
    made = services.store.editions.open_edition(
        services.digests["daily"], now + timedelta(microseconds=number), now, latest=articles
    )
    if made is None:
        raise RuntimeError("there is an edition of this moment already")
    return services.store.reports.progress(made.id, now).states[DeliveryState.QUEUED]


def prebuilt(services: Services) -> list[Envelope]:
    """Return messages of the edition that is open, whose deliveries stay queued."""
    store = services.store.deliveries
    taken = store.claim(_PREBUILT, utc_now(), timedelta(minutes=5), {})
    composer = Composer(
        templates=services.mail_templates,
        site=services.site,
        sender=services.settings.sender(),
        token_key=services.token_keys[0],
    )
    held = [services.store.editions.edition(taken[0].edition_id)] if taken else []
    found = [
        composer.envelope(services.digests["daily"], edition, articles, one)
        for edition, articles in held
        for one in taken
    ]
    queued = [DeliveryResult(delivery_id=one.id, state=DeliveryState.QUEUED) for one in taken]
    store.record_results(queued, utc_now())
    return found


def measured(messages: int, act: Callable[[], Awaitable[object]]) -> Run:
    """Return how long something takes, in an event loop of its own."""

    async def timed() -> tuple[float, float]:
        began, worked = time.perf_counter(), time.process_time()
        await act()
        return time.perf_counter() - began, time.process_time() - worked

    seconds, processor = asyncio.run(timed())
    return Run(messages=messages, seconds=seconds, processor=processor)


async def bare_pool(
    port: int, connections: int, envelopes: Sequence[Envelope], count: int, database: Path
) -> None:
    """Send ready bytes over connections that are kept, with what aiosmtplib brings.

    A batch is a message of each connection. One transaction commits durably that it was sent, and
    then the next one begins: so a crash repeats no more than Digest does.
    """
    numbers = iter(range(count))
    loop = asyncio.get_running_loop()
    sent: list[int] = []
    active, marked = connections, loop.create_future()

    async def mark_batch(marks: sqlite3.Connection) -> None:
        nonlocal marked
        batch, before = sent.copy(), marked
        sent.clear()
        marked = loop.create_future()
        await asyncio.to_thread(mark, marks, batch)
        before.set_result(None)

    async def work(marks: sqlite3.Connection) -> None:
        nonlocal active
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)
        await client.connect()
        for number in numbers:
            envelope = envelopes[number % len(envelopes)]
            await client.sendmail(envelope.sender, [envelope.recipient], envelope.message)
            sent.append(number)
            if len(sent) >= active:
                await mark_batch(marks)
            else:
                await marked
        active -= 1
        if sent and len(sent) >= active:
            await mark_batch(marks)
        await client.quit()

    with contextlib.closing(sqlite3.connect(database, check_same_thread=False)) as marks:
        marks.execute("PRAGMA journal_mode = WAL")
        marks.execute("PRAGMA synchronous = FULL")
        marks.execute("CREATE TABLE IF NOT EXISTS mark (message INTEGER)")
        async with asyncio.TaskGroup() as workers:
            for _ in range(connections):
                workers.create_task(work(marks))


def mark(marks: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Commit that messages were sent."""
    with marks:
        marks.executemany("INSERT INTO mark VALUES (?)", [(number,) for number in numbers])


async def digest(services: Services, count: int) -> None:
    """Send what is due as the daemon does."""
    delivery = services.delivery()
    try:
        await delivery.send_due()
    finally:
        await delivery.close()
    if delivery.totals[DeliveryState.SENT] != count:
        raise RuntimeError(f"of {count} messages: {delivery.totals}")


def smtp_source(port: int, connections: int, message: Path, count: int) -> Run | None:
    """Have `smtp-source` send a message so often; None where it is not there."""
    command = program("smtp-source")
    if command is None:
        return None
    options = ["-4", "-d", "-s", str(connections), "-m", str(count), "-F", str(message)]
    began = time.perf_counter()
    subprocess.run([command, *options, f"127.0.0.1:{port}"], check=True)
    return Run(messages=count, seconds=time.perf_counter() - began)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured."""

    subscribers: int = 20_000
    segments: int = 200
    articles: int = 10
    rounds: int = 3
    reference: int = 5_000  #: messages of each run of a reference
    pipelining: bool = True  #: whether the server offers it


def measure(plan: Plan, connections: int, folder: Path) -> Figures:
    """Measure with so many connections, in a new database in a folder; print what was made."""
    figures = Figures(connections=connections)
    (folder / "articles").mkdir(parents=True)
    configuration = folder / "digest.toml"
    with sink(*(() if plan.pipelining else ("-p",))) as port:
        configuration.write_text(
            CONFIGURATION.format(port=port, connections=connections), encoding="utf-8"
        )
        with open_services(load(configuration, {})) as services:
            fill(services, plan.subscribers, plan.segments, plan.articles)
            envelopes: list[Envelope] = []

            def bare() -> Run:
                return measured(
                    plan.reference,
                    lambda: bare_pool(
                        port, connections, envelopes, plan.reference, folder / "marks.db"
                    ),
                )

            for number in range(plan.rounds):
                count = open_edition(services, number, plan.articles)
                if not envelopes:
                    envelopes += prebuilt(services)
                    size = statistics.fmean(len(one.message) for one in envelopes)
                    print(
                        f"{count:,} messages in {plan.segments} segments, {size / 1e3:.0f} KB each"
                    )
                    message = folder / "message"
                    middle = sorted(envelopes, key=lambda one: len(one.message))
                    lines = middle[len(middle) // 2].message.replace(b"\r\n", b"\n")
                    message.write_bytes(lines)
                    figures.bare.append(bare())
                figures.digest.append(measured(count, lambda: digest(services, count)))  # noqa: B023
                figures.bare.append(bare())
                source = smtp_source(port, connections, message, plan.reference)
                if source is not None:
                    figures.source.append(source)
    return figures


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--subscribers", type=int, default=20_000, help="up to 100,000 is sensible"
    )
    options.add_argument("--segments", type=int, default=200)
    options.add_argument("--articles", type=int, default=10)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--connections", type=int, nargs="+", default=[4, 10])
    options.add_argument("--without-pipelining", action="store_true", help="the server has none")
    chosen = options.parse_args()
    if program("smtp-sink") is None:
        print("sending: smtp-sink is not there; it comes with Postfix (Debian: apt-get install")
        print("postfix, whose server need not run). Nothing was measured.")
        return
    configure_logs("warning", "text")
    plan = Plan(
        subscribers=chosen.subscribers,
        segments=chosen.segments,
        articles=chosen.articles,
        rounds=chosen.rounds,
        pipelining=not chosen.without_pipelining,
    )
    for connections in chosen.connections:
        with tempfile.TemporaryDirectory(prefix="digest-bench-") as name:
            print(measure(plan, connections, Path(name)), flush=True)
    if program("smtp-source") is None:
        print("smtp-source is not there; its ratio is left out")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux, getrusage(2)
    print(f"at most {memory:.0f} MiB of memory")


if __name__ == "__main__":
    main()
