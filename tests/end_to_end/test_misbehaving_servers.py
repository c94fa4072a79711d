"""Sources on servers that do whatever they like: nothing hangs, is lost, or asked for too often."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import brotli
import pytest

from digest.app.wiring import Services
from digest.sources import fetching
from digest.sources.model import Health
from tests.conftest import Workplace
from tests.effort import effort
from tests.sources.samples import rss
from tests.sources.server import Script, ScriptedServer, answer, endless, scripted_server, silence
from tests.waiting import PATIENCE

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZEROS = b"\0" * 20_000_000
#: The least time between two requests, and that after a 429 which asks for two hours.
LEAST, RESTED = timedelta(minutes=10), timedelta(hours=2)


def entries(*numbers: int, guid: str = "") -> bytes:
    """Return a feed with entries of these numbers; ``guid`` is what their ids begin with."""
    return rss(
        *(
            f"<title>Entry {number}</title><link>https://harbour.example/{number}</link>"
            f'<guid isPermaLink="false">{guid}{number}</guid>'
            f"<pubDate>Mon, {number:02} Nov 2026 10:00:00 GMT</pubDate><description>x</description>"
            for number in numbers
        )
    )


async def trickle(writer: asyncio.StreamWriter) -> None:
    """Send a body so slowly that it never ends, yet never pauses for long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"<")
        await writer.drain()
        await asyncio.sleep(0.02)


def packed(encoding: str, pack: Callable[[bytes], bytes]) -> Script:
    return answer(pack(ZEROS), Content_Encoding=encoding)


WHOLE = entries(1, 2, 3)
#: What a server does before it comes to its senses, by the name of a source.
ANSWERS: dict[str, list[Script]] = {
    "silent": [silence, silence],
    "slow": [trickle],
    "endless": [endless],
    "gzip": [packed("gzip", lambda raw: gzip.compress(raw, mtime=0))],
    "brotli": [packed("br", lambda raw: brotli.compress(raw, quality=1))],
    "zstd": [packed("zstd", zstd.compress)],
    "loop": [answer(status="301 Moved", Location="/loop")] * 6,
    "failing": [answer(b"oops", "500 Internal Server Error")] * 4,
    "busy": [answer(status="429 Too Many Requests", Retry_After="7200")] * 2,
    "page": [answer(b"<html><body>Maintenance</body></html>", Content_Type="text/html")],
    "picture": [answer(b"\x89PNG\r\n\x1a\n\0\0", Content_Type="image/png")],
    "cut": [answer(WHOLE[: WHOLE.index(b"<item><title>Entry 3")], ETag='"1"')],
    "short": [answer(WHOLE[:300], length=len(WHOLE))],
    "modified": [
        answer(entries(1, 2), ETag='"1"'),
        answer(WHOLE, "304 Not Modified", ETag='"1"'),
    ],
    "ids": [answer(entries(1, 2, guid=f"session-{number}-")) for number in range(3)],
    "good": [],
}


@dataclass
class Log:
    """When each source was asked, and what is allowed."""

    workplace: Workplace
    asked: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def noted(self, name: str, script: Script) -> Script:
        """Return the script, that notes when it is asked for."""

        async def send(writer: asyncio.StreamWriter) -> None:
            self.asked[name].append(self.workplace.clock())
            await script(writer)

        return send


def configured(server: ScriptedServer, log: Log) -> str:
    """Have all sources answered by their scripts, and well from then on; return their tables."""
    for name, scripts in ANSWERS.items():
        last = answer(entries(1, 2, 3, guid="last-") if name == "ids" else WHOLE)
        server.on(f"/{name}", *(log.noted(name, script) for script in (*scripts, last)))
    return "".join(
        f'[sources.{name}]\nurl = "{server.url(f"/{name}")}"\nallow_private = true\n'
        for name in ANSWERS
    )


def titles(services: Services, name: str) -> list[str]:
    folder = services.settings.source_folder() / name
    return sorted(
        line.removeprefix("title: ")
        for path in folder.rglob("*.html")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("title: ")
    )


@pytest.mark.soak
async def test_each_source_comes_through_and_is_asked_as_often_as_it_allows(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_READ", 0.3)
    monkeypatch.setattr(fetching, "_WHOLE", 1.0)
    log = Log(workplace)
    async with scripted_server() as server:
        workplace.configure(configured(server, log))
        with workplace.open() as services:
            follower = services.follower()
            for turn in range(12 * 36):  # a day and a half, a look every five minutes
                if turn % 50 == 49:  # the daemon is started anew
                    await follower.close()
                    follower = services.follower()
                await follower.refresh_due()
                workplace.clock.advance(minutes=5)
            await follower.close()
            states = services.store.sources.states()
            for name in ANSWERS:
                assert titles(services, name) == ["Entry 1", "Entry 2", "Entry 3"], name
                assert states[name].health is Health.OK, name
    for name, asked in log.asked.items():
        times = sorted(set(asked))  # the hops of a redirect are one request
        pauses = [later - earlier for earlier, later in pairwise(times)]
        assert min(pauses) >= LEAST, name
        assert len(asked) - len(times) == (5 if name == "loop" else 0), name
        if name == "busy":
            assert min(pauses[:2]) >= RESTED


RUN = "import sys; from digest.cli.main import main; sys.argv = ['digest', *sys.argv[1:]]; main()"


@pytest.mark.soak
async def test_a_daemon_that_is_killed_asks_again_for_what_it_had_not_kept_and_no_more(
    workplace: Workplace,
) -> None:
    """Each kill comes when a source is asked; what was kept before it is asked no more."""
    names = [f"s{number}" for number in range(8)]
    dice = random.Random(11)
    async with scripted_server() as server:
        asked: dict[str, int] = defaultdict(int)
        fatal = asyncio.Event()
        deadly: set[str] = set()

        def script(name: str) -> Script:
            async def send(writer: asyncio.StreamWriter) -> None:
                asked[name] += 1
                if name in deadly:
                    deadly.clear()
                    fatal.set()
                await answer(WHOLE, ETag='"1"')(writer)

            return send

        tables = ""
        for name in names:
            url = server.on(f"/{name}", script(name))
            tables += f'[sources.{name}]\nurl = "{url}"\nallow_private = true\n'
        workplace.configure(tables)
        kept: dict[str, int] = {}  # how often those were asked of which something is remembered
        for _ in range(effort(2, soak=6)):
            with workplace.open() as services:
                states = services.store.sources.states()
            kept = {name: kept.get(name, asked[name]) for name in states}
            left = [name for name in names if name not in states]
            if not left:
                break
            fatal.clear()
            deadly.add(dice.choice(left))
            arguments = ("--config", str(workplace.configuration), "run")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", RUN, *arguments),
                stdin=DEVNULL,
                stdout=DEVNULL,
                env={**os.environ, "DIGEST_WEB__ENABLED": "false"},
            )
            async with asyncio.timeout(PATIENCE):
                await fatal.wait()
            process.kill()
            assert await process.wait() == -signal.SIGKILL
            assert {name: asked[name] for name in kept} == kept
        with workplace.open() as services:
            states = services.store.sources.states()
            known = [state.asked_at for state in states.values() if state.asked_at]
            workplace.clock.now = max(known, default=workplace.clock.now)
            before = {name: asked[name] for name in states}
            follower = services.follower()
            await follower.refresh_due()
            await follower.refresh_due()
            await follower.close()
            assert {name: asked[name] for name in before} == before
            workplace.build(services)
            for name in names:
                assert titles(services, name) == ["Entry 1", "Entry 2", "Entry 3"], name
            assert services.store.articles.counts().articles == 3 * len(names)
