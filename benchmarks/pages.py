"""Pages rendered when asked for: how many a second on one core, 64 connections.

Serves a generated corpus as the daemon does, in a process of its own, and has ``wrk`` ask: one page
again and again, the same under a condition, and article pages that are all different, as crawlers
do. A page's price is the processor time of the serving process, which other load on the machine
hardly touches; "on one core" is what that allows in a second. The reference, in the same run, is
the same server with an application that does nothing but answer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.corpus import write_corpus
from digest.app.logs import configure_logs
from digest.app.web_application import make_application
from digest.app.wiring import open_services
from digest.settings import load
from digest.web.app import Probes

CONNECTIONS = 64
#: Pages a second on one core that the design asks for.
TARGETS = {"cached": 4000, "different": 800}
#: Has each thread of wrk walk through the addresses in its own order, and none twice in a row.
_SCRIPT = """
local paths = {}
for line in io.lines(os.getenv("PATHS")) do paths[#paths + 1] = line end
local place = 0
request = function()
  place = place % #paths + 1
  return wrk.format("GET", paths[place])
end
"""


async def nothing(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with as many bytes as a page has."""
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"15000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * 15000})


def serve(folder: Path, descriptor: int) -> None:
    """Serve the pages of what was built in a folder; without one, the reference."""
    configure_logs("error", "text")
    listener = socket.socket(fileno=descriptor)

    async def run(app: ASGIApp) -> None:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        await uvicorn.Server(config).serve([listener])

    if not folder.name:
        asyncio.run(run(nothing))
        return
    with open_services(load(folder / "digest.toml", {})) as services:
        app = make_application(services, approvals=services.approval(), probes=Probes(unready=str))
        asyncio.run(run(app))


class Served:
    """A serving process."""

    def __init__(self, folder: Path) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        descriptor = self._listener.fileno()
        command = [sys.executable, "-m", "benchmarks.pages", "--serve", str(folder)]
        self._process = subprocess.Popen(
            [*command, "--descriptor", str(descriptor)], pass_fds=[descriptor]
        )

    def seconds(self) -> float:
        """Return the processor time that the process has taken."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        self._listener.close()


def ask(served: Served, paths: Sequence[str], seconds: int, *headers: str) -> tuple[float, float]:
    """Return how many requests a second there were, and the processor time of one, seconds."""
    with tempfile.TemporaryDirectory() as folder:
        script, listed = Path(folder, "paths.lua"), Path(folder, "paths")
        script.write_text(_SCRIPT)
        listed.write_text("\n".join(paths))
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
        command += [part for header in headers for part in ("-H", header)]
        before, began = served.seconds(), time.perf_counter()
        told = subprocess.run(
            [*command, served.address],
            env={**os.environ, "PATHS": str(listed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        spent, lasted = served.seconds() - before, time.perf_counter() - began
    count = re.search(r"([0-9]+) requests in", told)
    if count is None or "Non-2xx" in told:
        raise RuntimeError(told)
    return int(count[1]) / lasted, spent / int(count[1])


def wait_for(served: Served) -> str:
    """Return the entity tag of the front page, once it is served."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            return str(httpx.get(served.address, timeout=30).headers.get("etag", ""))
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the server did not start")


def tell(what: str, found: tuple[float, float], reference: float) -> None:
    """Print a line of the result."""
    rate, cost = found
    target = TARGETS.get(what)
    asked = f", asked for {target:,}: {'met' if 1 / cost >= target else 'MISSED'}" if target else ""
    print(
        f"{what:>12}: {rate:8,.0f}/s, {cost * 1e6:6,.0f} µs of processor time each = "
        f"{1 / cost:,.0f}/s on one core ({cost / reference:.1f} × the reference{asked})"
    )


def main() -> None:
    """Build, serve, ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--descriptor", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve, given.descriptor)
        return
    if shutil.which("wrk") is None:
        print("pages: not measured, there is no wrk (apt-get install wrk)")
        return
    configure_logs("error", "text")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "digest.toml").write_text(
            '[site]\ntitle = "Pages"\nurl = "http://127.0.0.1:8000"\n'
            '[sanitizer]\nengines = ["nh3"]\n'
        )
        write_corpus(folder / "articles", given.articles)
        with open_services(load(folder / "digest.toml", {})) as services:
            with services.workers() as workers:
                services.ingest(workers).scan()
            with services.store.pages.snapshot() as snapshot:
                keys = [article.key for article in snapshot.listed()]
        print(f"pages: {len(keys):,} articles, {CONNECTIONS} connections, {given.seconds} s each")
        served = Served(Path())
        wait_for(served)
        _, reference = found = ask(served, ["/"], given.seconds)
        served.stop()
        tell("reference", found, reference)
        served = Served(folder)
        tag = wait_for(served)
        tell("cached", ask(served, ["/"], given.seconds), reference)
        packed = "Accept-Encoding: gzip"
        tell("packed", ask(served, ["/"], given.seconds, packed), reference)
        tell("unchanged", ask(served, ["/"], given.seconds, f"If-None-Match: {tag}"), reference)
        articles = [f"/articles/{key}/" for key in keys]
        tell("different", ask(served, articles, given.seconds), reference)
        tell("and packed", ask(served, articles, given.seconds, packed), reference)
        served.stop()


if __name__ == "__main__":
    main()
