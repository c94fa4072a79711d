"""The program with few file descriptors, and more clients than it has of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import CONFIGURATION, Workplace
from tests.waiting import PATIENCE

DESCRIPTORS = 256
SILENT = 400


@pytest.fixture(name="port")
async def _port(workplace: Workplace) -> AsyncIterator[int]:
    """Run `digest run` with few descriptors, and return its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    base = CONFIGURATION.replace("port = 0", f"port = {port}")
    workplace.configure(base=base.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    environment = {name: value for name, value in os.environ.items() if "COV" not in name}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))

    with (workplace.folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "digest", "run",
            cwd=workplace.folder,
            env=environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=log,
            preexec_fn=limit,
        )  # fmt: skip
    assert process.stdout is not None
    async for line in process.stdout:
        if b"Ctrl-C" in line:
            break
    yield port
    process.terminate()
    assert await process.wait() == 0


async def test_silent_clients_keep_out_neither_others_nor_articles(
    workplace: Workplace, port: int
) -> None:
    async def be_silent() -> None:
        """Hold a connection and say nothing; come back when it is closed."""
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await reader.read()
                finally:
                    writer.transport.abort()
            await asyncio.sleep(1)

    silent = [asyncio.create_task(be_silent()) for _ in range(SILENT)]
    transport = httpx.AsyncHTTPTransport(retries=3)
    async with httpx.AsyncClient(
        transport=transport, base_url=f"http://127.0.0.1:{port}"
    ) as client:
        for number in range(10):
            workplace.write(f"{number}.md", f"题{number}")
            async with asyncio.timeout(PATIENCE):
                while True:
                    with contextlib.suppress(httpx.TransportError):  # its place was another's
                        assert (await client.get("/healthz")).status_code == 200
                        feed = await client.get("/feeds/rss.xml")
                        if f"题{number}" in feed.text:
                            break
                    await asyncio.sleep(0.05)
    for task in silent:
        task.cancel()
    await asyncio.gather(*silent, return_exceptions=True)
    log = (workplace.folder / "log").read_text("utf-8")
    assert len(log.splitlines()) < 100
    assert len(re.findall("many connections", log)) == 1
    assert "cannot be accepted" not in log
    assert "Too many open files" not in log
