"""Load on web servers: wrk on one address, all of a list of addresses once, and nginx beside it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Failure, free_port, processor, program

#: Where Debian has it; the path of a shell seldom has it.
_SBIN = "/usr/sbin"
CONNECTIONS = 64
_NGINX_CONFIGURATION = """\
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip_static on;
    gzip_vary on;
    types {{ application/rss+xml xml; application/json json; text/html html; }}
    # What Digest's answers have as well: the headers, and that no link leads out of the folder.
    server {{
        listen 127.0.0.1:{port};
        root {root};
        disable_symlinks on from=$document_root;
        if_modified_since before;
        add_header Cache-Control max-age=300;
        add_header X-Content-Type-Options nosniff always;
        add_header Content-Security-Policy "default-src 'none'; base-uri 'none'" always;
        add_header Referrer-Policy no-referrer always;
    }}
    # Nothing but files.
    server {{
        listen 127.0.0.1:{bare};
        root {root};
    }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many answers there were."""

    answers: int  #: of the status that was asked for
    others: int
    busy: int = 0  #: of these, how many were a 503 that says when to come again
    seconds: float
    processor: float = 0.0  #: seconds of the server's processes

    @property
    def each_second(self) -> float:
        """Answers in a second."""
        return self.answers / self.seconds

    @property
    def each_second_of_a_core(self) -> float:
        """Answers in a second that one core could give where more than one had to work."""
        return self.each_second / max(1.0, self.processor / self.seconds)


def nginx_command() -> str | None:
    """Return the path of nginx; None where it is not installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}{os.pathsep}{_SBIN}")


@contextlib.contextmanager
def nginx(folder: Path, root: Path) -> Iterator[tuple[int, int]]:
    """Serve ``root`` with one worker on two free ports of the loopback interface; give these.

    At the first one answers are like Digest's, at the second one they are as bare as can be.
    """
    command = nginx_command()
    if command is None:
        raise FileNotFoundError("nginx")
    port, bare = free_port(), free_port()
    folder.mkdir()
    configuration = folder / "nginx.conf"
    user = pwd.getpwuid(os.geteuid()).pw_name
    configuration.write_text(
        _NGINX_CONFIGURATION.format(folder=folder, user=user, port=port, bare=bare, root=root),
        encoding="utf-8",
    )
    log = folder / "nginx.log"
    with program([command, "-c", configuration, "-e", log], folder=folder, log=log) as process:
        end = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if process.poll() is not None or time.monotonic() > end:
                raise Failure(f"nginx does not start: {log.read_text(encoding='utf-8')}")
            time.sleep(0.02)
        yield port, bare


def get(port: int, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers by their names in small letters, and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        given = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, given, answer.read()


def wrk(port: int, path: str, headers: Mapping[str, str], seconds: int) -> Rate:
    """Ask for one address over all connections for so many seconds."""
    command = shutil.which("wrk")
    if command is None:
        raise FileNotFoundError("wrk")
    given = [f"--header={name}: {value}" for name, value in headers.items()]
    said = subprocess.run(
        [command, "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s", *given,
         f"http://127.0.0.1:{port}{path}"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout  # fmt: skip
    finished = re.search(r"(\d+) requests in ", said)
    rate = re.search(r"Requests/sec:\s*([0-9.]+)", said)
    if finished is None or rate is None:
        raise Failure(said)
    requests = int(finished[1])
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    lost = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    others = int(wrong[1] if wrong else 0)
    return Rate(
        answers=requests - others,
        others=others + sum(map(int, lost.groups() if lost else ())),
        seconds=requests / float(rate[1]),
    )


def ask_all(
    port: int,
    paths: Iterable[str],
    headers: Mapping[str, str],
    session: int,
    connections: int = CONNECTIONS,
) -> Rate:
    """Ask for each address once, over connections that are kept.

    ``session`` is the server's, whose time of the processor is told.
    """
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    requests = iter(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode() for path in paths
    )
    statuses: Counter[int] = Counter()

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            try:
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = re.search(rb"\r\ncontent-length: *([0-9]+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
            except (OSError, asyncio.IncompleteReadError):
                statuses[0] += 1
            else:
                polite = b"\r\nretry-after:" in head
                statuses[int(head[9:12]) if polite or head[9:12] != b"503" else 0] += 1
                if b"\r\nconnection: close" not in head:
                    continue
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(work())

    before = processor(session)
    began = time.perf_counter()
    asyncio.run(all_of_them())
    seconds = time.perf_counter() - began
    after = processor(session)
    return Rate(
        answers=statuses[200],
        others=statuses.total() - statuses[200],
        busy=statuses[503],
        seconds=seconds,
        processor=sum(after[pid] - before.get(pid, 0.0) for pid in after),
    )
