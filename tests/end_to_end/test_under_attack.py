"""The program while it is attacked in several ways at once, and has its daily work to do."""

from __future__ import annotations

import asyncio
import json
import mailbox
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from statistics import median, quantiles
from urllib.request import urlopen

import pytest

from benchmarks.processes import memory
from digest.subscribers.model import NewSubscriber
from tests.conftest import CONFIGURATION, Workplace
from tests.effort import SOAK, SOAK_ALONE

pytestmark = [SOAK_ALONE, pytest.mark.soak, pytest.mark.timeout(600)]

DESCRIPTORS = 512
#: Megabytes that all processes of the daemon may hold together.
MOST_MEMORY = 400
#: Seconds within which 99 of 100 looks at /healthz are answered, on a machine that has nothing
#: else to do; and what is asserted, as others may work on this one.
WANTED, ASSERTED = 0.25, 2.5


async def look(port: int) -> float:
    """Return how many seconds an answer of /healthz takes; who is turned away comes again."""
    began = time.monotonic()
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
        except OSError:
            continue
        if answer.startswith(b"HTTP/1.1 200"):
            return time.monotonic() - began


async def started(workplace: Workplace) -> asyncio.subprocess.Process:
    """Start `digest run`, and return once it is up."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))

    with (workplace.folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "digest", "run",
            cwd=workplace.folder,
            env=dict(os.environ) | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            preexec_fn=limit,
        )  # fmt: skip
    assert process.stdout is not None
    async for line in process.stdout:
        if b"Ctrl-C" in line:
            break
    return process


async def test_attacks_lose_nothing_and_keep_nobody_out(workplace: Workplace) -> None:
    seconds, articles, readers = 6 * SOAK, 50 * SOAK, 200 * SOAK
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    base = CONFIGURATION.replace("port = 0", f"port = {port}")
    workplace.configure("[feeds]\nlimit = 1000\n", base=base.replace(":8000", f":{port}"))
    for number in range(20):  # so that a feed has megabytes
        words = "".join(f"<p>{number * 7919 + one} 潮水</p>" for one in range(8_000))
        workplace.write(f"large{number}.md", f"大{number}", body=words)
    process = await started(workplace)
    with workplace.open() as services:
        for number in range(readers):
            person = NewSubscriber(address=f"reader{number}@example.org", digest="daily")
            services.store.subscribers.add(person, services.clock())
    attackers = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.end_to_end.attackers", str(port)
    )
    waits, held = [], [0]
    begun = time.monotonic()
    sending: asyncio.subprocess.Process | None = None
    written = 0
    while (passed := time.monotonic() - begun) < seconds:
        while written < min(articles, articles * passed / seconds * 1.2):
            workplace.write(f"new{written}.md", f"新{written}", date=None)
            written += 1
        if sending is None and passed > seconds / 4:
            sending = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "digest", "send", "daily", cwd=workplace.folder
            )
        waits.append(await look(port))
        held.append(memory(process.pid))
        await asyncio.sleep(0.02)
    attackers.send_signal(signal.SIGKILL)
    await attackers.wait()
    assert sending is not None
    assert await sending.wait() == 0

    def feed() -> set[str]:
        with urlopen(f"http://127.0.0.1:{port}/feeds/feed.json", timeout=30) as answer:
            return {item["title"] for item in json.load(answer)["items"]}

    expected = {f"新{number}" for number in range(articles)} | {f"大{n}" for n in range(20)}
    async with asyncio.timeout(60):
        while await asyncio.to_thread(feed) != expected:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
    process.terminate()
    assert await process.wait() == 0
    mails = Counter(str(one["To"]) for one in mailbox.Maildir(workplace.folder / "mail"))
    assert mails == Counter(f"reader{number}@example.org" for number in range(readers))
    late, most = quantiles(waits, n=100)[98], max(held) / 1e6
    print(  # noqa: T201 - the figures of a soak
        f"\nunder attack for {seconds} s: /healthz {median(waits) * 1e3:.0f} ms at the median, "
        f"{late * 1e3:.0f} ms at the 99th percentile of {len(waits)} (wanted: {WANTED * 1e3:.0f}); "
        f"{most:.0f} MB at most; {articles} articles, {readers} mails, none lost"
    )
    assert late < ASSERTED
    assert most < MOST_MEMORY
