"""The load on web servers counts what was answered as asked, and what was not."""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.http_load import Rate, ask_all, get, nginx, nginx_command, wrk

NOBODY = 2**22 + 1  # more than Linux has processes


class Handler(BaseHTTPRequestHandler):
    """Answers by the path; counts every request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/drop"):
            self.close_connection = True
            return
        self.send_response(503 if self.path.startswith("/busy") else 200)
        if self.path.startswith("/busy"):
            self.send_header("Connection", "close")
        if self.path.endswith("later"):
            self.send_header("Retry-After", "5")
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"yes")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_each_address_is_asked_for_once_whatever_becomes_of_connections(
    server: ThreadingHTTPServer,
) -> None:
    paths = [f"/{kind}/{number}" for number in range(10) for kind in ("ok", "busy", "drop")]
    rate = ask_all(server.server_port, paths, {"Accept-Encoding": "gzip"}, NOBODY, connections=3)
    assert (rate.answers, rate.others, rate.busy) == (10, 20, 0)
    assert rate.each_second == 10 / rate.seconds
    assert sorted(server.asked) == sorted(paths)  # type: ignore[attr-defined]


def test_servers_that_say_when_to_come_again_are_busy(server: ThreadingHTTPServer) -> None:
    rate = ask_all(server.server_port, iter(["/busy/later", "/busy", "/ok"]), {}, NOBODY)
    assert (rate.answers, rate.others, rate.busy) == (1, 2, 1)


def test_a_rate_is_told_for_one_core_where_more_had_to_work() -> None:
    rate = Rate(answers=3_000, others=0, seconds=2.0, processor=3.0)
    assert (rate.each_second, rate.each_second_of_a_core) == (1_500, 1_000)
    rate = Rate(answers=3_000, others=0, seconds=2.0, processor=1.0)
    assert rate.each_second_of_a_core == 1_500


@pytest.mark.skipif(nginx_command() is None, reason="no nginx: apt-get install nginx-light")
@pytest.mark.skipif(shutil.which("wrk") is None, reason="no wrk: apt-get install wrk")
def test_nginx_is_the_reference_for_packed_and_conditional_files(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    packed = gzip.compress(b"<rss/>" * 100)
    (root / "rss.xml").write_bytes(b"<rss/>" * 100)
    (root / "rss.xml.gz").write_bytes(packed)
    with nginx(tmp_path / "nginx", root) as ports:
        for port in ports:
            status, headers, body = get(port, "/rss.xml", {"Accept-Encoding": "gzip"})
            assert (status, headers["content-encoding"], body) == (200, "gzip", packed)
            condition = {"Accept-Encoding": "gzip", "If-None-Match": headers["etag"]}
            assert get(port, "/rss.xml", condition)[0] == 304
            rate = wrk(port, "/rss.xml", condition, 1)
            assert rate.answers > 0 == rate.others
        missing = wrk(ports[0], "/missing", {}, 1)
    assert missing.answers == 0 < missing.others
