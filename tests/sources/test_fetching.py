"""Fetching from servers that do whatever they like."""

from __future__ import annotations

import asyncio
import gzip
import socket
import sys
import zlib
from collections.abc import AsyncIterator
from typing import Any

import brotli
import pytest
import pytest_asyncio

from digest.sources import fetching
from digest.sources.fetching import Fetcher, FetchError, is_public
from tests.sources.server import ScriptedServer, answer, endless, scripted_server, silence

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: A frame that asks for a window of 128 MB to be unpacked.
_WIDE = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
WIDE = _WIDE.compress(b"text") + _WIDE.flush()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as scripted:
        yield scripted


@pytest_asyncio.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    made = Fetcher()
    yield made
    await made.close()


async def test_it_returns_a_body_with_its_headers(server: ScriptedServer, fetcher: Fetcher) -> None:
    url = server.on("/feed", answer(b"<rss/>", ETag='"1"'))
    got = await fetcher.fetch(url, private=True, headers={"If-None-Match": '"0"'})
    assert (got.status, got.content, got.url, got.moved_to) == (200, b"<rss/>", url, "")
    assert got.headers["etag"] == '"1"'
    [(_, sent)] = server.requests
    assert sent["if-none-match"] == '"0"'
    assert sent["user-agent"].startswith("Digest/")
    assert sent["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"text", mtime=0)),
        ("gzip", b"".join(gzip.compress(part, mtime=0) for part in (b"te", b"", b"xt")) + b"\0\0"),
        ("br", brotli.compress(b"text")),
        ("zstd", zstd.compress(b"text")),
        ("zstd", zstd.compress(b"te") + zstd.compress(b"") + zstd.compress(b"xt")),
        ("identity", b"text"),
    ],
)
async def test_packed_bodies_are_unpacked(
    server: ScriptedServer, fetcher: Fetcher, encoding: str, packed: bytes
) -> None:
    url = server.on("/feed", answer(packed, Content_Encoding=encoding))
    assert (await fetcher.fetch(url, private=True)).content == b"text"


@pytest.mark.parametrize("broken", [0, 1, 2])
async def test_a_kept_connection_that_was_closed_is_replaced_and_a_new_one_is_not(
    fetcher: Fetcher, broken: int
) -> None:
    """``broken`` connections in all are closed as soon as they are asked a second thing."""
    connections = requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, requests
        connections += 1
        kept = connections > broken
        answers = 2 if kept else 1 if connections == 1 else 0
        for _ in range(answers):
            await reader.readuntil(b"\r\n\r\n")
            requests += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntext")
            await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed"
        assert (await fetcher.fetch(url, private=True)).content == b"text"
        if broken == 2:
            with pytest.raises(FetchError, match="disconnected"):
                await fetcher.fetch(url, private=True)
        else:
            assert (await fetcher.fetch(url, private=True)).content == b"text"
        await fetcher.close()
    assert (connections, requests) == ([1, 2, 2][broken], [2, 3, 3][broken])


async def test_a_tag_beyond_ascii_goes_back_as_it_came(
    server: ScriptedServer, fetcher: Fetcher
) -> None:
    heads: list[bytes] = []

    async def tagged(writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "caf\xe9"\r\nContent-Length: 0\r\n\r\n')

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        writer.close()

    answered = await fetcher.fetch(server.on("/feed", tagged), private=True)
    async with await asyncio.start_server(heard, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        tag = {"If-None-Match": answered.headers["etag"]}
        again = await fetcher.fetch(f"http://127.0.0.1:{port}/", private=True, headers=tag)
    assert again.status == 304
    assert b'If-None-Match: "caf\xe9"\r\n' in heads[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://127.0.0.1:1/é"])
async def test_an_address_that_libraries_do_not_take_is_an_error(
    fetcher: Fetcher, url: str
) -> None:
    with pytest.raises(FetchError, match="cannot be asked"):
        await fetcher.fetch(url, private=True)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"\0" * 40_000_000, mtime=0)),
        ("br", brotli.compress(b"\0" * 40_000_000, quality=1)),
        ("zstd", zstd.compress(b"\0" * 40_000_000)),
        ("zstd", zstd.compress(b"\0" * 65_536) * 300),
    ],
)
async def test_a_bomb_is_not_unpacked(
    server: ScriptedServer, fetcher: Fetcher, encoding: str, packed: bytes
) -> None:
    url = server.on("/feed", answer(packed, Content_Encoding=encoding))
    with pytest.raises(FetchError, match="has more than 16,777,216 bytes"):
        await fetcher.fetch(url, private=True)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(bytes(range(256)), mtime=0)),
        ("br", brotli.compress(bytes(range(256)))),
        ("zstd", zstd.compress(bytes(range(256)))),
    ],
)
@pytest.mark.parametrize("lacking", [1, 200])
async def test_a_packed_body_that_breaks_off_is_an_error(
    server: ScriptedServer, fetcher: Fetcher, encoding: str, packed: bytes, lacking: int
) -> None:
    async def broken(writer: asyncio.StreamWriter) -> None:  # without a length
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n"
        writer.write(head.encode() + packed[:-lacking])

    with pytest.raises(FetchError, match="is not whole"):
        await fetcher.fetch(server.on("/feed", broken), private=True)


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
async def test_nothing_may_be_packed_as_nothing(
    server: ScriptedServer, fetcher: Fetcher, encoding: str
) -> None:
    url = server.on("/feed", answer(b"", Content_Encoding=encoding))
    assert (await fetcher.fetch(url, private=True)).content == b""


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (endless, "has more than"),
        (answer(b"half", length=100), "peer closed connection"),
        (answer(b"no gzip", Content_Encoding="gzip"), "packed wrongly"),
        (answer(b"no brotli", Content_Encoding="br"), "packed wrongly"),
        (answer(b"no zstd", Content_Encoding="zstd"), "packed wrongly"),
        (answer(WIDE, Content_Encoding="zstd"), "packed wrongly"),
        (answer(zlib.compress(b"x"), Content_Encoding="deflate"), "was not asked for: deflate"),
        (answer(status="302 Found", Location="javascript:1"), "no web address"),
    ],
)
async def test_an_answer_that_is_not_whole_is_an_error(
    server: ScriptedServer, fetcher: Fetcher, script: Any, problem: str
) -> None:
    with pytest.raises(FetchError, match=problem):
        await fetcher.fetch(server.on("/feed", script), private=True)


async def test_an_answer_that_is_no_http_is_an_error(
    server: ScriptedServer, fetcher: Fetcher
) -> None:
    async def garbage(writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01 garbage\r\n\r\n")

    with pytest.raises(FetchError):
        await fetcher.fetch(server.on("/feed", garbage), private=True)


@pytest.mark.parametrize("limit", ["_READ", "_WHOLE"])
async def test_a_silent_server_is_given_up(
    server: ScriptedServer, fetcher: Fetcher, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, limit, 0.05)
    with pytest.raises(FetchError, match=r"no answer in time|no whole answer within 0\.05 s"):
        await fetcher.fetch(server.on("/feed", silence), private=True)


async def test_a_304_with_a_body_is_a_304(server: ScriptedServer, fetcher: Fetcher) -> None:
    url = server.on("/feed", answer(b"<rss/>", "304 Not Modified"))
    got = await fetcher.fetch(url, private=True)
    assert (got.status, got.content) == (304, b"")
    assert (await fetcher.fetch(url, private=True)).status == 304


async def test_only_permanent_redirects_from_the_first_on_tell_where_it_moved(
    server: ScriptedServer, fetcher: Fetcher
) -> None:
    end = server.on("/end", answer(b"<rss/>"))
    server.on("/b", answer(status="302 Found", Location="/end"))
    url = server.on("/a", answer(status="301 Moved", Location="/b"))
    got = await fetcher.fetch(url, private=True)
    assert (got.url, got.moved_to) == (end, server.url("/b"))


async def test_a_proxy_is_asked_for_public_hosts_alone(server: ScriptedServer) -> None:
    port = server.port
    fetcher = Fetcher(proxy=f"http://me:p%40ss@127.0.0.1:{port}")
    server.on("http://feeds.example/feed", answer(b"through"))
    server.on("/feed", answer(b"direct"))
    server.on("http://feeds.example/in", answer(status="302 Found", Location="http://10.0.0.1/"))
    try:
        assert (await fetcher.fetch("http://feeds.example/feed")).content == b"through"
        assert server.requests[0][1]["proxy-authorization"] == "Basic bWU6cEBzcw=="
        assert (await fetcher.fetch(server.url(), private=True)).content == b"direct"
        for url in (
            "http://feeds.example/in",
            "http://2130706433/",
            "http://nas.local/",
            "http://[::1]/",
        ):
            with pytest.raises(FetchError, match="is no public host"):
                await fetcher.fetch(url)
        with pytest.raises(FetchError, match="404"):
            await fetcher.fetch("https://feeds.example/")
    finally:
        await fetcher.close()


async def test_a_loop_of_redirects_ends(server: ScriptedServer, fetcher: Fetcher) -> None:
    url = server.on("/feed", answer(status="301 Moved", Location="/feed"))
    with pytest.raises(FetchError, match="redirected more than 5 times"):
        await fetcher.fetch(url, private=True)
    assert len(server.requests) == 6


async def test_a_host_is_asked_once_at_a_time(server: ScriptedServer, fetcher: Fetcher) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        await answer(b"slow")(writer)

    slow_url, quick_url = server.on("/slow", slow), server.on("/quick", answer(b"quick"))
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(fetcher.fetch(slow_url, private=True))
        await asked.wait()
        second = tasks.create_task(fetcher.fetch(quick_url, private=True))
        for _ in range(50):
            await asyncio.sleep(0)
        assert [path for path, _ in server.requests] == ["/slow"]
        go_on.set()
    assert (first.result().content, second.result().content) == (b"slow", b"quick")


PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "255.255.255.255", "224.0.0.1", "::1", "::", "fe80::1%eth0", "fc00::1"),
    *("ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    *("2001:0:4136:e378:8000:63bf:80ff:fffe", "::7f00:1", "::ffff:0:7f00:1", "fec0::1"),
    *("64:ff9b:1::a00:1", "5f00::1", "3fff::1", "no address"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE[:-1])
async def test_a_name_that_leads_to_a_private_address_is_refused(
    fetcher: Fetcher, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (found, 80)) for found in ("93.184.216.34", address)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(FetchError, match="is no public address"):
        await fetcher.fetch("http://rebound.example/")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "2130706433", "0x7f.1"])
async def test_a_private_host_is_refused(
    server: ScriptedServer, fetcher: Fetcher, host: str
) -> None:
    server.on("/feed", answer(b"secret"))
    with pytest.raises(FetchError):
        await fetcher.fetch(f"http://{host}:{server.port}/feed")
    assert server.requests == []


async def test_a_redirect_to_another_private_host_is_refused(
    server: ScriptedServer, fetcher: Fetcher
) -> None:
    server.on("/secret", answer(b"secret"))
    elsewhere = f"http://localhost:{server.port}/secret"
    url = server.on("/feed", answer(status="302 Found", Location=elsewhere))
    with pytest.raises(FetchError, match="is no public address"):
        await fetcher.fetch(url, private=True)
    assert [path for path, _ in server.requests] == ["/feed"]


async def test_a_name_without_an_address_is_an_error(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    with pytest.raises(FetchError, match="has no address"):
        await fetcher.fetch("http://nowhere.example/")


async def test_a_name_that_is_not_resolved_in_time_is_an_error(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> list[Any]:
        return await asyncio.Future()

    monkeypatch.setattr(fetching, "_CONNECT", 0.05)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    with pytest.raises(FetchError, match="no answer in time"):
        await fetcher.fetch("http://slow.example/")
