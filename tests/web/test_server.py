"""The server and its connections on the loopback interface, attacked."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from digest.app.lock_file import listen
from digest.feeds.publish.output_folder import OutputFolder
from digest.web import http_connection, server
from digest.web.feed_files import FeedFiles, Receive, Scope, Send
from digest.web.server import Server, connection_limit
from tests.waiting import PATIENCE
from tests.web.test_feed_files import RSS

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

FEED = b"GET /feeds/rss.xml HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(server, "monotonic", clock)
    monkeypatch.setattr(http_connection, "monotonic", clock)
    monkeypatch.setattr(server, "_SWEEP_EVERY", 1)
    return clock


class App:
    """What is behind the feeds: it tells what it got, or waits until it may."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        if scope["path"] == "/wait":
            await self.go.wait()
        body = b""
        if scope["method"] == "POST":
            while (message := await receive())["type"] == "http.request":
                body += message["body"]
                if not message["more_body"]:
                    break
        text = b"ok" + body
        headers = [(b"content-length", str(len(text)).encode())]
        if scope["path"] == "/close":
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})


class Running:
    """A server that runs, and its clients."""

    def __init__(self, served: Server, listener: socket.socket, app: App) -> None:
        self.server = served
        self.app = app
        self.address = listener.getsockname()
        self.clients: list[asyncio.StreamWriter] = []

    async def connect(self, *, buffer: int = 0) -> Streams:
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(client, self.address)
        except OSError:
            client.close()
            raise
        reader, writer = await asyncio.open_connection(sock=client, limit=1024)
        self.clients.append(writer)
        return reader, writer

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await self.connect()
        writer.write(request)
        found = await answer(reader)
        writer.close()
        return found

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer."""
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(status.split(" ")[1]), headers, body


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Read until the other side has closed the connection; return what came before."""
    found = b""
    try:
        while block := await reader.read(65536):
            found += block
    except ConnectionResetError:
        pass
    return found


@asynccontextmanager
async def serving(
    output: Path, *, limit: int | None = None, app: App | None = None
) -> AsyncIterator[Running]:
    app = app or App()
    files = FeedFiles(output, app)
    with listen("127.0.0.1", 0) as listener:
        served = Server(files, listener, immediate_response=files.immediate_response, limit=limit)
        running = Running(served, listener, app)
        task = asyncio.create_task(served.serve())
        try:
            yield running
        finally:
            app.go.set()
            for client in running.clients:
                client.transport.abort()
            served.should_exit = True
            await task


@pytest.fixture(name="output")
def _output(tmp_path: Path) -> Path:
    OutputFolder(tmp_path / "public").write("feeds/rss.xml", RSS.encode())
    return tmp_path / "public"


@pytest.fixture(autouse=True)
def _small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SEND_BUFFER", 32 * 1024)


@pytest.fixture(name="logged")
def _logged() -> Iterator[list[dict[str, object]]]:
    with structlog.testing.capture_logs() as logged:
        yield logged  # type: ignore[misc]  # a mutable mapping is as good


async def test_feeds_and_all_else_are_answered_on_one_connection(output: Path) -> None:
    async with serving(output) as running:
        reader, writer = await running.connect()
        for _ in range(3):
            for request, body in ((FEED, RSS.encode()), (HEALTH, b"ok")):
                writer.write(request)
                status, headers, found = await answer(reader)
                assert (status, found) == (200, body)
                assert "date" in headers
        assert running.app.asked == ["/healthz"] * 3
        assert running.connections == 1


async def test_a_small_answer_does_not_wait_for_an_acknowledgement(output: Path) -> None:
    async with serving(output) as running:
        await running.ask(HEALTH)
        (client,) = running.server.server_state.connections
        found = client.transport.get_extra_info("socket")
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_requests_that_come_together_are_answered_in_order(output: Path) -> None:
    async with serving(output) as running:
        reader, writer = await running.connect()
        writer.write(FEED)
        await answer(reader)
        writer.write(FEED + HEALTH + FEED + HEALTH + FEED)
        bodies = [(await answer(reader))[2] for _ in range(5)]
        assert bodies == [RSS.encode(), b"ok", RSS.encode(), b"ok", RSS.encode()]


async def test_a_request_with_a_body_is_read_to_its_end(output: Path) -> None:
    post = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n"
    chunked = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    get = b"GET /feeds/rss.xml HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n"
    expecting = post.replace(b"Host", b"Expect: 100-continue\r\nHost")
    async with serving(output) as running:
        reader, writer = await running.connect()
        for head, body, text in (
            (post, b"abcdef", b"okabcdef"),
            (chunked, b"6\r\nabcdef\r\n0\r\nTrailer: x\r\n\r\n", b"okabcdef"),
            (get, b"abcdef", RSS.encode()),
            (get, b"abcdef", RSS.encode()),
        ):
            writer.write(head)
            writer.write(body[:3])
            await writer.drain()
            writer.write(body[3:])
            assert (await answer(reader))[2] == text
        writer.write(expecting)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abcdef")
        assert (await answer(reader))[2] == b"okabcdef"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400),
        (b"GET / HTTP/1.1\r\nHost: a b", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b", 400),
        (b"GET / HTTP/1.1\r\nHost: a:b", 400),
        (b"GET / HTTP/1.1\r\nHost: [::1", 400),
        (b"GET / HTTP/1.0\r\nHost: a\r\nHost: a", 400),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8000", 200),
        (b"GET / HTTP/1.1\r\nHost: xn--a.example:80", 200),
        (b"GET / HTTP/1.1\r\nHost: a_b.example:", 200),
        (b"GET / HTTP/1.1\r\nHost:", 200),
        (b"GET / HTTP/1.0", 200),
        (b"GET / HTTP/1.0\r\nHost: a", 200),
        (b"nonsense", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a", 400),
    ],
)
async def test_a_request_names_one_host_and_is_http(
    output: Path, head: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(output) as running:
        for prefix in (b"", FEED, HEALTH):  # the first request of a connection or a later one
            reader, writer = await running.connect()
            if prefix:
                writer.write(prefix)
                await answer(reader)
            writer.write(head + b"\r\n\r\n")
            found, headers, _ = await answer(reader)
            assert found == status
            if status == 400:
                assert headers["connection"] == "close"
                assert await ended(reader) == b""
    assert not caplog.records, "nobody may fill the log from outside"


async def test_what_follows_a_request_that_was_refused_is_not_served(output: Path) -> None:
    async with serving(output) as running:
        reader, writer = await running.connect()
        writer.write(b"GET / HTTP/1.1\r\n\r\n" + HEALTH + FEED)
        assert (await answer(reader))[0] == 400
        assert await ended(reader) == b""
        assert running.app.asked == []


async def test_a_bad_request_behind_a_good_one_does_not_spoil_its_answer(output: Path) -> None:
    async with serving(output) as running:
        reader, writer = await running.connect()
        writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: running.app.asked)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: phases(running) == ["REFUSED"])
        running.app.go.set()
        assert (await answer(reader))[2] == b"ok"
        assert await ended(reader) == b""


async def test_an_upgrade_is_ignored_and_ends_the_connection(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(output) as running:
        for target in (b"/feeds/rss.xml", b"/healthz"):
            reader, writer = await running.connect()
            upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
            writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (target, upgrade))
            assert (await answer(reader))[0] == 200
            assert await ended(reader) == b""
    assert not caplog.records


HEADS = {
    "target": (b"GET /", b"a", b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "value": (b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ", b"gzip,", b"\r\n\r\n"),
    "name": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a", b": b\r\n\r\n"),
    "headers": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n", b"\r\n"),
}


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("chunk", [1000, 300_000])
async def test_a_head_of_more_than_64_kib_is_refused_while_it_is_read(
    output: Path, kind: str, chunk: int
) -> None:
    start, part, end = HEADS[kind]
    async with serving(output) as running:
        reader, writer = await running.connect()
        fits = start + part * ((60_000 - len(start)) // len(part)) + end
        writer.write(fits)
        assert (await answer(reader))[0] == 200
        writer.write(start)
        endless = part * (chunk // len(part))
        while running.connections and phases(running) != ["REFUSED"]:
            writer.write(endless)
            await writer.drain()
        assert (await answer(reader))[0] == 431
        assert len(running.app.asked) == 1


async def test_a_whole_head_of_more_than_64_kib_is_refused(output: Path) -> None:
    start, part, end = HEADS["value"]
    async with serving(output) as running:
        status, _, _ = await running.ask(start + part * 20_000 + end)
        assert status == 431
        assert running.app.asked == []


async def test_many_small_requests_in_one_piece_are_no_large_head(output: Path) -> None:
    async with serving(output) as running:
        await running.ask(FEED)
        reader, writer = await running.connect()
        padded = FEED.replace(b"Host", b"X: " + b"x" * 20_000 + b"\r\nHost")
        for _ in range(10):
            writer.write(padded)
        assert [(await answer(reader))[0] for _ in range(10)] == [200] * 10


async def test_who_goes_on_sending_after_a_refusal_is_cut_off(output: Path, clock: Clock) -> None:
    async with serving(output) as running:
        reader, writer = await running.connect()
        writer.write(b"x" * 100_000)
        assert (await answer(reader))[0] == 400
        writer.write(b"x" * 20_000_000)
        await until(lambda: writer.transport.get_write_buffer_size() < 20_000_000)
        assert running.connections == 1
        clock.now += 3
        await ended(reader)
        await until(lambda: not running.connections)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (b"", http_connection.IDLE_TIMEOUT),
        (b"\r\n", http_connection.IDLE_TIMEOUT),
        (b"GET / HTT", http_connection.HEAD_TIMEOUT),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", http_connection.HEAD_TIMEOUT),
        (
            b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
            http_connection.BODY_TIMEOUT,
        ),
    ],
)
@pytest.mark.parametrize("before", [b"", FEED, HEALTH])
async def test_who_does_not_go_on_is_cut_off(
    output: Path, clock: Clock, before: bytes, sent: bytes, seconds: float
) -> None:
    async with serving(output) as running:
        await running.ask(FEED)
        reader, writer = await running.connect()
        writer.write(before + sent)
        if before:
            await answer(reader)
        if sent.strip():
            await until(lambda: set(phases(running)) & {"HEAD", "BODY"})
        await ticks(running, 2)
        clock.now += seconds - 0.5
        await ticks(running, 2)
        assert not reader.at_eof()
        clock.now += 1
        assert await ended(reader) == b""


async def test_who_drips_is_cut_off_as_well(output: Path, clock: Clock) -> None:
    async with serving(output) as running:
        reader, writer = await running.connect()
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX: abc":
            writer.write(bytes([byte]))
            await ticks(running, 1)
            clock.now += 1
            if reader.at_eof() or not running.connections:
                break
        else:
            pytest.fail("it was listened to for ever")


@pytest.mark.parametrize("size", [30_000, 2_000_000, 20_000_000])
async def test_who_does_not_read_is_cut_off(
    output: Path, clock: Clock, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    OutputFolder(output).write("feeds/large/rss.xml", os.urandom(size))
    request = FEED.replace(b"/feeds/", b"/feeds/large/")
    async with serving(output) as running:
        if size < 65536:
            await running.ask(request)
        reader, writer = await running.connect(buffer=4096)
        pause(reader)
        # Of small answers, some fit into the system's buffers.
        writer.write(request * (12 if size < 65536 else 1))
        await until(lambda: any(unsent(running)))
        assert max(unsent(running)) < 3 * 65536
        clock.now += http_connection.SEND_TIMEOUT - 1
        await ticks(running, 3)
        assert unsent(running)
        clock.now += 40
        await until(lambda: not running.connections)


async def test_who_reads_slowly_gets_everything(output: Path, clock: Clock) -> None:
    content = os.urandom(2_000_000)
    OutputFolder(output).write("feeds/large/rss.xml", content)
    async with serving(output) as running:
        reader, writer = await running.connect(buffer=4096)
        writer.write(FEED.replace(b"/feeds/", b"/feeds/large/"))
        await reader.readuntil(b"\r\n\r\n")
        found = bytearray()
        while len(found) < len(content):
            found += await reader.readexactly(min(100_000, len(content) - len(found)))
            clock.now += http_connection.SEND_TIMEOUT / 2
            await ticks(running, 1)
        assert found == content


async def test_an_answer_that_takes_long_is_waited_for(output: Path, clock: Clock) -> None:
    async with serving(output) as running:
        reader, writer = await running.connect()
        writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: running.app.asked)
        clock.now += 1000
        await ticks(running, 3)
        running.app.go.set()
        assert (await answer(reader))[2] == b"ok"


async def test_who_sends_requests_without_waiting_for_answers_is_cut_off(output: Path) -> None:
    async with serving(output) as running:
        reader, writer = await running.connect()
        writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n" + HEALTH * 1000)
        assert await ended(reader) == b""
        await until(lambda: not running.connections)


async def test_answers_are_not_piled_up_for_who_does_not_read(output: Path) -> None:
    async with serving(output) as running:
        await running.ask(FEED)
        reader, writer = await running.connect(buffer=4096)
        pause(reader)
        for _ in range(2000):
            writer.write(FEED)
        await until(lambda: max(unsent(running), default=0) > 60_000 or not running.connections)
        await ticks(running, 2)
        assert max(unsent(running), default=0) < 3 * 65536


async def test_silent_connections_do_not_keep_anybody_out(
    output: Path, logged: list[dict[str, object]]
) -> None:
    async with serving(output, limit=20) as running:
        silent = [await running.connect() for _ in range(200)]
        for number in range(20):
            status, _, _ = await running.ask(FEED if number % 2 else HEALTH)
            assert status == 200
        await until(lambda: running.connections <= 20 + 16)
        closed = sum(reader.at_eof() or reader.exception() is not None for reader, _ in silent)
        assert closed >= 100
    assert [line["event"] for line in logged] == [
        "many connections: those silent for longest are closed"
    ]


async def test_connections_that_are_being_answered_are_not_closed_for_others(
    output: Path, clock: Clock
) -> None:
    async with serving(output, limit=4) as running:
        waiting = [await running.connect() for _ in range(4)]
        for _, writer in waiting:
            writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(running.app.asked) == 4)
        late = asyncio.create_task(running.ask(HEALTH))
        await ticks(running, 2)
        assert not late.done(), "it waits in the system's queue"
        running.app.go.set()
        for reader, _ in waiting:
            assert (await answer(reader))[2] == b"ok"
        assert (await late)[2] == b"ok"


async def test_who_does_not_read_makes_room(output: Path, clock: Clock) -> None:
    OutputFolder(output).write("feeds/large/rss.xml", os.urandom(20_000_000))
    async with serving(output, limit=2) as running:
        for _ in range(2):
            reader, writer = await running.connect(buffer=4096)
            pause(reader)
            writer.write(FEED.replace(b"/feeds/", b"/feeds/large/"))
        await until(lambda: len([size for size in unsent(running) if size]) == 2)
        clock.now += 6
        assert (await running.ask(HEALTH))[2] == b"ok"


async def test_a_machine_without_descriptors_is_told_once_and_goes_on(
    output: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    logged: list[dict[str, object]],
) -> None:
    failing, tried, pauses = True, 0, 0

    class Listener(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            nonlocal tried
            if failing:
                tried += 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    def counted(running: Server) -> None:
        nonlocal pauses
        pauses += 1
        rest(running)

    rest = Server._pause
    monkeypatch.setattr(Server, "_pause", counted)
    monkeypatch.setattr(server, "_PAUSE", 0.01)
    monkeypatch.setattr(socket, "socket", Listener)
    async with serving(output) as running:
        late = asyncio.create_task(running.ask(HEALTH))
        await until(lambda: tried > 20)
        assert not late.done()
        clock.now += 61
        before = tried
        await until(lambda: tried > before + 20)
        failing = False
        assert (await late)[2] == b"ok"
    events = [line["event"] for line in logged]
    assert tried == pauses  # it does not try again and again meanwhile
    assert events == ["connections cannot be accepted"] * 2
    assert logged[0]["error"] == "Too many open files"


async def test_a_stop_lets_answers_end_and_accepts_nothing_more(output: Path) -> None:
    async with serving(output) as running:
        idle, _ = await running.connect()
        reader, writer = await running.connect()
        writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: running.app.asked)
        running.server.should_exit = True
        assert await ended(idle) == b""
        with pytest.raises(ConnectionRefusedError):
            await running.connect()
        running.app.go.set()
        _, headers, body = await answer(reader)
        assert body == b"ok"
        assert headers["connection"] == "close"
        assert await ended(reader) == b""


@pytest.mark.parametrize(
    ("soft", "limit"),
    [(256, 128), (1024, 896), (20, 16), (100_000, 1000), (resource.RLIM_INFINITY, 1000)],
)
def test_there_are_no_more_connections_than_descriptors_leave_room_for(
    monkeypatch: pytest.MonkeyPatch, soft: int, limit: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert connection_limit() == limit


def test_the_unit_allows_the_descriptors_of_all_connections() -> None:
    unit = Path(__file__).parents[2].joinpath("config/digest.service").read_text(encoding="utf-8")
    (limit,) = re.findall(r"^LimitNOFILE=(\d+)$", unit, re.MULTILINE)
    assert int(limit) >= server.MAX_CONNECTIONS + server.RESERVED_DESCRIPTORS


def pause(reader: asyncio.StreamReader) -> None:
    """Have nothing more taken from the system than what is there."""
    reader._transport.pause_reading()  # type: ignore[attr-defined]


def phases(running: Running) -> list[str]:
    found = running.server.server_state.connections
    return [client.phase.name for client in found]  # type: ignore[union-attr]


def unsent(running: Running) -> list[int]:
    found = running.server.server_state.connections
    return [client.transport.get_write_buffer_size() for client in found]


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds that the other side brings about."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.001)


async def ticks(running: Running, count: int) -> None:
    """Have the server look at its deadlines, as it does once a second."""
    for _ in range(count):
        await asyncio.sleep(0)
        await running.server.on_tick(0)
    await asyncio.sleep(0)
