"""Kill a daemon with -9 at random moments, over and over, and see what everybody got.

All of `digest run` but the web server, on a real SQLite file, in a process of its own, and a real
SMTP server. By itself it prints its figures: ``python -m tests.end_to_end.kills --kills 200``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from digest.app.wiring import open_services
from digest.mail.delivery.worker import LEASE
from digest.settings import load
from digest.times import utc_now
from tests.mail.faults import FaultyServer, Taken
from tests.store.samples import reading, someone

CONNECTIONS = 4
#: How long a daemon may take until its first message; seconds.
START = 1.0
#: Nobody waits for a lease: each daemon's clock is ahead of the last one's by this.
STEP = LEASE + timedelta(minutes=1)
CONFIGURATION = """\
[site]
url = "https://digest.example.org"
[web]
enabled = false
[articles]
workers = 1
[digests.daily]
schedule = "*/5 * * * *"
expires = "30d"
[mail]
transport = "smtp"
from = "News <news@example.org>"
[mail.smtp]
host = "127.0.0.1"
port = {port}
tls = "none"
connections = {connections}
"""


@dataclass
class Figures:
    """What came of a run."""

    readers: int
    editions: int = 1
    kills: int = 0
    missed: int = 0
    repeats: int = 0  #: messages beyond the first, of whomever
    in_doubt: int = 0  #: messages that the server had and the queue did not know of, at kills
    most_doubted: int = 0  #: by one kill
    other_ids: int = 0  #: repeats with another Message-ID
    idle_kills: int = 0  #: kills of a daemon that had sent nothing yet
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.editions} editions for {self.readers:,} readers, {self.kills} kills "
            f"({self.idle_kills} before the first message): {self.missed} missed, "
            f"{self.repeats} repeats (at most {self.most_doubted} by one kill, {CONNECTIONS} "
            f"connections), {self.other_ids} with another Message-ID; {self.seconds:.0f} s"
        )


@dataclass
class Harness:
    """Editions for many readers, a server, and daemons that are killed.

    When an edition has reached everybody there is news for another one.
    """

    folder: Path
    readers: int
    kills: int
    seed: int
    server: FaultyServer = field(default_factory=FaultyServer)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._database = self.folder / "data" / "digest.db"
        self._progress = asyncio.Event()
        self.figures = Figures(readers=self.readers)
        self.server.on_taken = self._taken

    def _taken(self, _: Taken) -> None:
        self._progress.set()

    async def run(self) -> Figures:
        """Kill so often, then let the last daemon finish; return what everybody got.

        Raises AssertionError where the queue is not in order after a kill.
        """
        began = time.monotonic()
        async with self.server.serving() as port:
            self._prepare(port)
            async with self._forker() as forker:
                while self.figures.kills < self.kills:
                    await self._life(forker)
                await self._last_life(forker)
        self._count()
        self.figures.seconds = time.monotonic() - began
        return self.figures

    def _prepare(self, port: int) -> None:
        """Store articles and readers of a digest that is due."""
        (self.folder / "articles").mkdir()
        path = self.folder / "digest.toml"
        path.write_text(CONFIGURATION.format(port=port, connections=CONNECTIONS), "utf-8")
        with open_services(load(path, {})) as services:
            now = utc_now()
            readers = [someone(f"reader{number}@example.net") for number in range(self.readers)]
            services.store.subscribers.add_many(readers, now)
            services.store.editions.start_digests(["daily"], now - timedelta(hours=2))
        self._tell_news()

    def _tell_news(self) -> None:
        """Store an article for the next edition."""
        with open_services(load(self.folder / "digest.toml", {})) as services:
            number = self.figures.editions
            news = reading(f"{number}.md", title=f"News {number}")
            services.store.articles.record([news], utc_now())

    @asynccontextmanager
    async def _forker(self) -> AsyncIterator[Process]:
        configuration = str(self.folder / "digest.toml")
        environment = {name: value for name, value in os.environ.items() if "COV" not in name}
        forker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.end_to_end.forker",
            configuration,
            stdin=PIPE,
            stdout=PIPE,
            cwd=Path(__file__).parents[2],
            env=environment,
        )
        try:
            yield forker
        finally:
            assert forker.stdin is not None
            forker.stdin.close()
            await forker.wait()

    async def _start(self, forker: Process) -> int:
        """Start a daemon and return its process id."""
        assert forker.stdin is not None
        assert forker.stdout is not None
        ahead = STEP * (self.figures.kills + 1)
        forker.stdin.write(f"{ahead.total_seconds()}\n".encode())
        await forker.stdin.drain()
        return int(await forker.stdout.readline())

    async def _kill(self, forker: Process, daemon: int) -> None:
        """Kill a daemon; return when it is gone and the server has seen the end of it."""
        os.kill(daemon, signal.SIGKILL)
        assert forker.stdout is not None
        assert await forker.stdout.readline() == b"ended\n"
        if self.server.open_now:
            await self.server.alone.wait()
        self.figures.kills += 1

    async def _life(self, forker: Process) -> None:
        """Start a daemon, kill it at a random moment, and look at what it left."""
        if self._done():
            self.figures.editions += 1
            self._tell_news()
        before = len(self.server.taken)
        goal = before + self._random.randint(0, min(self.readers // 5, self._left()))
        daemon = await self._start(forker)
        while len(self.server.taken) < goal:
            self._progress.clear()
            await self._progress.wait()
        within = 0.02 if goal > before else START  # a message, or everything before the first
        await asyncio.sleep(self._random.random() * within)
        await self._kill(forker, daemon)
        self.figures.idle_kills += len(self.server.taken) == before
        self._check(before)

    async def _last_life(self, forker: Process) -> None:
        """Let a daemon finish."""
        before = len(self.server.taken)
        daemon = await self._start(forker)
        while not self._done():
            self._progress.clear()
            with suppress(TimeoutError):  # the last ones are marked after the server has them
                await asyncio.wait_for(self._progress.wait(), 0.2)
        await self._kill(forker, daemon)
        self.figures.kills -= 1  # nothing was left to disturb
        self._check(before)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._database)) as connection:
            return connection.execute(query).fetchall()

    def _done(self) -> bool:
        """Tell whether everything that there is to tell was sent to everybody, as far as known."""
        return self._left() == 0

    def _left(self) -> int:
        """Return how many messages the queue does not know to be sent."""
        ((told, known, unsent),) = self._rows(
            "SELECT (SELECT max(upto) FROM edition), (SELECT max(id) FROM article), "
            "(SELECT count(*) FROM delivery WHERE state <> 'sent')"
        )
        return int(unsent) + (self.readers if told != known else 0)

    def _reached(self, taken: Iterable[Taken]) -> dict[tuple[int, str], list[str]]:
        """Return the Message-IDs of each edition for each reader that the server has."""
        found: dict[tuple[int, str], list[str]] = {}
        for one in taken:
            edition = int(one.message_id.split(".")[2])
            found.setdefault((edition, one.recipient), []).append(one.message_id)
        return found

    def _check(self, before: int) -> None:
        """See that the queue is in order, and knows all but a few that this life sent."""
        assert self._rows("PRAGMA integrity_check") == [("ok",)]
        assert self._rows("PRAGMA foreign_key_check") == []
        rows = {
            (edition, address): how
            for edition, address, how in self._rows(
                "SELECT d.edition, p.address, "
                "d.state || ' ' || d.attempts || ' ' || (d.due_at IS NOT NULL) "
                "FROM delivery d JOIN subscriber s ON s.id = d.subscriber "
                "JOIN person p ON p.id = s.person"
            )
        }
        assert len(rows) % self.readers == 0  # an edition is made with all of them, or not yet
        assert set(rows.values()) <= {"queued 0 1", "sending 0 1", "sent 1 0"}
        sent = {which for which, how in rows.items() if how.startswith("sent")}
        # Nothing counts as sent that the server does not have.
        assert sent <= self._reached(self.server.taken).keys()
        sending = {which for which, how in rows.items() if how.startswith("sending")}
        doubted = self._reached(self.server.taken[before:]).keys() - sent
        assert sending.issuperset(doubted)
        assert len(doubted) <= CONNECTIONS
        self.figures.in_doubt += len(doubted)
        self.figures.most_doubted = max(self.figures.most_doubted, len(doubted))

    def _count(self) -> None:
        """Count who got what."""
        reached = self._reached(self.server.taken)
        figures = self.figures
        figures.missed = self.readers * figures.editions - len(reached)
        figures.repeats = sum(len(each) - 1 for each in reached.values())
        figures.other_ids = sum(len(set(each)) - 1 for each in reached.values())
        assert all(each[0].endswith("@example.org>") for each in reached.values())


def main() -> None:
    """Run once and print the figures; end with 1 where somebody missed a mail or got too many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--readers", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(
            folder=Path(folder), readers=options.readers, kills=options.kills, seed=options.seed
        )
        figures = asyncio.run(harness.run())
    sys.stdout.write(f"seed {options.seed}: {figures}\n")
    bad = figures.missed or figures.other_ids or figures.repeats > CONNECTIONS * figures.kills
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
