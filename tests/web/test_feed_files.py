from __future__ import annotations

import asyncio
import errno
import gzip
import os
import unicodedata
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import brotli
import httpx
import pytest

from digest.feeds.encodings import SUFFIXES
from digest.feeds.model import MEDIA_TYPES
from digest.feeds.publish.output_folder import OutputFolder
from digest.times import rfc822
from digest.web import feed_files, file_cache
from digest.web.feed_files import FeedFiles, Message, Receive, Scope, Send, feed_path
from digest.web.feed_response import joined
from digest.web.file_cache import FeedFile, FileCache

WRITTEN_AT = datetime(2024, 5, 20, 12, 0, 0, tzinfo=UTC)
RSS = "<rss>" + "潮水" * 1000 + "</rss>"
UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def put(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, "utf-8")
    os.utime(file, (WRITTEN_AT.timestamp() + 0.7,) * 2)


async def rest(scope: Scope, _: Receive, send: Send) -> None:
    """Answer what is no feed's file."""
    headers = [(b"content-length", b"4"), (b"x-method", scope["method"].encode())]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": b"rest"})


def connect(
    output: Path,
    *,
    moved: Mapping[str, str] | None = None,
    links: Callable[[str], str | None] = lambda _: None,
    cache: FileCache | None = None,
) -> httpx.AsyncClient:
    files = FeedFiles(output, rest, moved=moved, links=links, cache=cache)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(files),
        base_url="http://x",
        headers={"accept-encoding": "identity"},
    )


@pytest.fixture(name="output")
def _output(tmp_path: Path) -> Path:
    output = tmp_path / "public"
    put(output / "feeds/rss.xml", RSS)
    put(output / "feeds/atom.xml", "<feed/>")
    put(output / "feeds/archive.d/1/atom.xml", "<feed>1</feed>")
    put(output / "feeds/feed.json", "{}")
    put(output / "feeds/opml.xml", "<opml/>")
    put(output / "feeds/金融/rss.xml", "<rss>money</rss>")
    put(output / "feeds/A%2FB/rss.xml", "<rss>encoded</rss>")
    put(output / "feeds/.secret/rss.xml", "hidden")
    put(output / "feeds/index.html", "<p>all</p>")
    put(output / "feeds/feed.css", "a {}")
    put(output / "assets/style.css", "a {}")
    put(output / "rss.xml", "no feed of ours")
    put(tmp_path / "outside/rss.xml", "outside")
    return output


@pytest.fixture(name="client")
async def _client(output: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(output) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content", "kind", "age"),
    [
        ("/feeds/rss.xml", RSS, "application/rss+xml; charset=utf-8", 300),
        ("/feeds/atom.xml", "<feed/>", "application/atom+xml; charset=utf-8", 300),
        ("/feeds/feed.json", "{}", "application/feed+json; charset=utf-8", 300),
        ("/feeds/opml.xml", "<opml/>", "text/x-opml; charset=utf-8", 300),
        (
            "/feeds/%E9%87%91%E8%9E%8D/rss.xml",
            "<rss>money</rss>",
            "application/rss+xml; charset=utf-8",
            300,
        ),
        ("/feeds/A%252FB/rss.xml", "<rss>encoded</rss>", "application/rss+xml; charset=utf-8", 300),
        ("/feeds/feed.css", "a {}", "text/css; charset=utf-8", 3600),
    ],
)
async def test_a_feed_is_served_with_its_type(
    client: httpx.AsyncClient, path: str, content: str, kind: str, age: int
) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    assert response.content.decode() == content
    assert response.headers["content-type"] == kind
    assert response.headers["cache-control"] == f"max-age={age}"
    assert response.headers["last-modified"] == "Mon, 20 May 2024 12:00:00 GMT"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml"])
async def test_a_browser_gets_feeds_as_xml_that_it_can_style(
    client: httpx.AsyncClient, name: str
) -> None:
    response = await client.get(f"/feeds/{name}", headers={"accept": BROWSER})
    assert response.headers["content-type"] == "text/xml; charset=utf-8"
    assert "Accept" in response.headers["vary"]
    reader = await client.get(f"/feeds/{name}", headers={"accept": "application/rss+xml, */*"})
    assert reader.headers["content-type"].startswith(MEDIA_TYPES[name])
    assert "Accept" in reader.headers["vary"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/rss.xml",
        "/feeds",
        "/feeds/",
        "/feeds/index.html",
        "/feeds/none/rss.xml",
        "/feeds/archive.d/1/atom.xml",
        "/feeds/rss.xml/",
        "/feeds/rss.xml/rss.xml",
        "/feeds//rss.xml",
        "//feeds/rss.xml",
        "/feeds/.secret/rss.xml",
        "/feeds/%2e%2e/%2e%2e/outside/rss.xml",
        "/feeds/..%2f..%2foutside%2frss.xml",
        "/feeds/..%5c..%5coutside/rss.xml",
        "/feeds/%00/rss.xml",
        "/feeds/%ff%fe/rss.xml",
        "/feeds/" + "a" * 300 + "/rss.xml",
        "/feeds/" + "a/" * 3000 + "rss.xml",
        "/assets/style.css",
        "/feeds/rss.xml.gz",
        "/feeds/rss.xml.br",
        "/feeds/.rss.xml.history",
    ],
)
async def test_what_is_no_feed_is_left_to_the_rest(output: Path, path: str) -> None:
    OutputFolder(output).pack("feeds/rss.xml")
    OutputFolder(output).record("feeds/rss.xml", b"<rss/>")
    async with connect(output) as client:
        for method in ("GET", "HEAD", "POST"):
            request = client.build_request(method, "http://x/")
            request.url = httpx.URL("http://x").copy_with(raw_path=path.encode())
            response = await client.send(request)
            assert response.status_code == 404
            assert response.headers["x-method"] == method


async def test_links_are_not_followed(output: Path) -> None:
    outside = output.parent / "outside"
    (output / "feeds/link").mkdir()
    (output / "feeds/link/rss.xml").symlink_to(outside / "rss.xml")
    (output / "feeds/up").symlink_to(outside)
    (output / "feeds/loop").symlink_to(output / "feeds/loop")
    (output / "feeds/folder/rss.xml").mkdir(parents=True)
    (output / "feeds/pipe").mkdir()
    os.mkfifo(output / "feeds/pipe/rss.xml")
    async with connect(output) as client:
        for folder in ("link", "up", "loop", "folder", "pipe"):
            for method in ("GET", "HEAD"):
                response = await client.request(method, f"/feeds/{folder}/rss.xml")
                assert response.status_code == 404


async def test_files_that_others_may_not_read_are_not_served(output: Path) -> None:
    file = output / "feeds/rss.xml"
    async with connect(output) as client:
        assert (await client.get("/feeds/rss.xml")).status_code == 200
    file.chmod(0o640)
    async with connect(output) as client:
        for method in ("GET", "HEAD"):
            assert (await client.request(method, "/feeds/rss.xml")).status_code == 404


async def test_a_folder_that_becomes_a_link_is_looked_at_again(output: Path) -> None:
    async with connect(output) as client:
        assert (await client.get("/feeds/rss.xml")).text == RSS
        (output / "feeds").rename(output / "old")
        (output / "feeds").symlink_to(output.parent / "outside")
        assert (await client.get("/feeds/rss.xml")).status_code == 404


async def test_the_output_folder_itself_may_be_a_link(output: Path) -> None:
    (output.parent / "linked").symlink_to(output)
    async with connect(output.parent / "linked") as client:
        assert (await client.get("/feeds/rss.xml")).text == RSS


async def test_names_are_found_composed_and_decomposed(
    client: httpx.AsyncClient, output: Path
) -> None:
    put(output / "feeds" / unicodedata.normalize("NFC", "Café") / "rss.xml", "composed")
    put(output / "feeds" / unicodedata.normalize("NFD", "Müll") / "rss.xml", "decomposed")
    for form in ("NFC", "NFD", "NFC"):
        for name, content in (("Café", "composed"), ("Müll", "decomposed")):
            path = f"/feeds/{quote(unicodedata.normalize(form, name))}/rss.xml"
            assert (await client.head(path)).status_code == 200
            assert (await client.get(path)).text == content


async def test_a_feed_that_is_removed_is_no_longer_served(
    client: httpx.AsyncClient, output: Path
) -> None:
    assert (await client.get("/feeds/rss.xml")).status_code == 200
    (output / "feeds/rss.xml").unlink()
    assert (await client.get("/feeds/rss.xml")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_machine_without_descriptors_is_not_told_as_a_missing_feed(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def exhausted(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as context:
        context.setattr(os, "open", exhausted)
        response = await client.request(method, "/feeds/rss.xml")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert (await client.get("/feeds/rss.xml")).status_code == 200


async def test_head_has_the_headers_of_get_without_the_content(client: httpx.AsyncClient) -> None:
    for accepted in ("identity", "gzip", "br"):
        asked = {"accept-encoding": accepted}
        get = await client.get("/feeds/rss.xml", headers=asked)
        head = await client.head("/feeds/rss.xml", headers=asked)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers == get.headers


@pytest.mark.parametrize("accepted", ["identity", "gzip", "br"])
async def test_head_reads_nothing(
    output: Path, monkeypatch: pytest.MonkeyPatch, accepted: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was read")

    folder = OutputFolder(output)
    folder.write("feeds/a/rss.xml", RSS.encode())
    folder.pack("feeds/a/rss.xml")
    asked = {"accept-encoding": accepted}
    async with connect(output) as other:
        get = (await other.get("/feeds/a/rss.xml", headers=asked)).headers
    async with connect(output) as client:
        monkeypatch.setattr(os, "fdopen", refuse)
        head = (await client.head("/feeds/a/rss.xml", headers=asked)).headers
        never = {"accept-encoding": "identity;q=0, x;q=1"}
        assert (await client.head("/feeds/a/rss.xml", headers=never)).status_code == 406
    # Its tag is made of what it holds; the date comes once the second is over.
    for name in ("etag", "last-modified"):
        get.pop(name, None)
        head.pop(name, None)
    assert head == get


async def test_head_tells_no_length_of_what_is_not_packed_yet(output: Path) -> None:
    async with connect(output) as client:
        for _ in range(2):  # not in memory, and in memory but for this variant
            head = await client.head("/feeds/rss.xml", headers={"accept-encoding": "br"})
            assert head.headers["content-encoding"] == "br"
            assert "content-length" not in head.headers
            assert (await client.get("/feeds/rss.xml")).status_code == 200


@pytest.mark.parametrize("condition", ["if-none-match", "if-match"])
async def test_head_with_a_condition_is_answered_by_the_tag(output: Path, condition: str) -> None:
    async with connect(output) as other:
        tag = (await other.get("/feeds/rss.xml")).headers["etag"]
    async with connect(output) as client:
        response = await client.head("/feeds/rss.xml", headers={condition: tag})
        assert response.status_code == {"if-none-match": 304, "if-match": 200}[condition]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_else_is_allowed(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/feeds/rss.xml")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_what_a_client_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/feeds/rss.xml")
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*", tag.replace('"', "") and f"  {tag} "):
        response = await client.get("/feeds/rss.xml", headers={"if-none-match": known})
        assert response.status_code == 304
        assert response.content == b""
        assert response.headers["etag"] == tag
        assert response.headers["cache-control"] == "max-age=300"
        assert "content-type" not in response.headers


@pytest.mark.parametrize("known", ['"other"', 'W/"other"', "", "garbage", '"'])
async def test_another_tag_is_no_reason_to_hold_back(client: httpx.AsyncClient, known: str) -> None:
    headers = {"if-none-match": known, "if-modified-since": rfc822(WRITTEN_AT)}
    assert (await client.get("/feeds/rss.xml", headers=headers)).status_code == 200


async def test_the_tag_changes_with_the_content_alone(
    client: httpx.AsyncClient, output: Path
) -> None:
    first = (await client.get("/feeds/rss.xml")).headers["etag"]
    os.utime(output / "feeds/rss.xml")
    assert (await client.get("/feeds/rss.xml")).headers["etag"] == first
    put(output / "feeds/rss.xml", RSS.replace("潮", "水"))
    assert (await client.get("/feeds/rss.xml")).headers["etag"] != first


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (rfc822(WRITTEN_AT), 304),
        (rfc822(WRITTEN_AT + timedelta(days=400)), 304),
        ("Mon, 20 May 2024 12:00:00 -0000", 304),
        ("Mon, 20 May 2024 14:00:00 +0200", 304),
        (rfc822(WRITTEN_AT - timedelta(seconds=1)), 200),
        ("yesterday", 200),
        ("", 200),
        ("Mon, 99 May 2024 12:00:00 GMT", 200),
        ("Mon, 20 May 2024 12:00:00 +99999999999999999999", 200),
    ],
)
async def test_a_date_alone_is_honoured(client: httpx.AsyncClient, since: str, status: int) -> None:
    response = await client.get("/feeds/rss.xml", headers={"if-modified-since": since})
    assert response.status_code == status


async def raw(client: httpx.AsyncClient, path: str, **headers: str) -> tuple[httpx.Headers, bytes]:
    """Return headers and content as it travelled."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.stream("GET", path, headers=named) as response:
        return response.headers, b"".join([chunk async for chunk in response.aiter_raw()])


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("encoding", SUFFIXES)
async def test_text_is_packed_for_who_takes_it(
    client: httpx.AsyncClient, output: Path, encoding: str, beside: bool
) -> None:
    if beside:
        OutputFolder(output).pack("feeds/rss.xml")
    answers = [await raw(client, "/feeds/rss.xml", accept_encoding=encoding) for _ in range(3)]
    assert len({content for _, content in answers}) == 1
    for headers, content in answers:
        assert UNPACK[encoding](content).decode() == RSS
        assert headers["content-encoding"] == encoding
        assert headers["vary"] == "Accept, Accept-Encoding"
        assert int(headers["content-length"]) == len(content) < len(RSS)
        assert headers["etag"].endswith(f'-{encoding}"')
        assert "accept-ranges" not in headers


async def test_what_lies_beside_a_file_is_sent_as_it_is(
    client: httpx.AsyncClient, output: Path
) -> None:
    plain, variant = output / "feeds/rss.xml", output / "feeds/rss.xml.br"
    variant.write_bytes(b"as it is")
    written = plain.stat().st_mtime_ns
    os.utime(variant, ns=(written, written))
    _, content = await raw(client, "/feeds/rss.xml", accept_encoding="br")
    assert content == b"as it is"


async def test_a_variant_of_another_content_is_never_sent(
    client: httpx.AsyncClient, output: Path
) -> None:
    plain, variant = output / "feeds/rss.xml", output / "feeds/rss.xml.br"
    variant.write_bytes(brotli.compress(b"older"))
    written = plain.stat().st_mtime_ns
    os.utime(variant, ns=(written - 1, written - 1))
    _, content = await raw(client, "/feeds/rss.xml", accept_encoding="br")
    assert brotli.decompress(content).decode() == RSS


@pytest.mark.parametrize("what", ["link", "folder", "pipe"])
async def test_a_variant_that_is_no_file_is_not_read(
    client: httpx.AsyncClient, output: Path, what: str
) -> None:
    variant = output / "feeds/rss.xml.gz"
    if what == "link":
        variant.symlink_to(output.parent / "outside/rss.xml")
    elif what == "folder":
        variant.mkdir()
    else:
        os.mkfifo(variant)
    _, content = await raw(client, "/feeds/rss.xml", accept_encoding="gzip")
    assert gzip.decompress(content).decode() == RSS


async def test_a_change_is_served_at_once_in_every_encoding(
    client: httpx.AsyncClient, output: Path
) -> None:
    folder = OutputFolder(output)
    for number in range(4):
        text = RSS + str(number)
        folder.write("feeds/rss.xml", text.encode())
        if number % 2:
            folder.pack("feeds/rss.xml")
        assert (await client.get("/feeds/rss.xml")).text == text
        for encoding, unpack in UNPACK.items():
            _, content = await raw(client, "/feeds/rss.xml", accept_encoding=encoding)
            assert unpack(content).decode() == text


async def test_who_refuses_everything_is_told(client: httpx.AsyncClient) -> None:
    response = await client.get("/feeds/rss.xml", headers={"accept-encoding": "identity;q=0"})
    assert response.status_code == 406
    assert response.headers["vary"] == "Accept-Encoding"


async def test_what_is_short_is_packed_only_for_who_takes_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    headers, content = await raw(client, "/feeds/atom.xml", accept_encoding="gzip, identity;q=0")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(content) == b"<feed/>"


async def test_the_tag_of_any_encoding_earns_not_modified(client: httpx.AsyncClient) -> None:
    tags = {}
    for encoding in (*SUFFIXES, "identity"):
        headers, _ = await raw(client, "/feeds/rss.xml", accept_encoding=encoding)
        tags[encoding] = headers["etag"]
    assert len(set(tags.values())) == 3
    for tag in tags.values():
        for accepted in tags:
            asked = {"if-none-match": tag, "accept-encoding": accepted}
            response = await client.get("/feeds/rss.xml", headers=asked)
            assert response.status_code == 304
            assert response.headers["etag"] == tag, "the one that the client's copy has"


async def test_validators_survive_a_restart(output: Path) -> None:
    found = set()
    for _ in range(2):
        async with connect(output) as client:
            headers = (await client.get("/feeds/rss.xml")).headers
            found.add((headers["etag"], headers["last-modified"]))
    assert len(found) == 1


async def test_no_date_is_told_that_is_still_to_come(output: Path) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
    os.utime(output / "feeds/rss.xml", (later, later))
    async with connect(output) as client:
        response = await client.get("/feeds/rss.xml")
    assert "last-modified" not in response.headers
    assert "etag" in response.headers


async def test_several_headers_are_one_list(client: httpx.AsyncClient) -> None:
    tag = (await client.get("/feeds/rss.xml")).headers["etag"]
    several = [("if-none-match", '"x"'), ("if-none-match", tag), ("accept-encoding", "identity")]
    assert (await client.get("/feeds/rss.xml", headers=several)).status_code == 304


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("if-match", "TAG", 200),
        ("if-match", "*", 200),
        ("if-match", '"other"', 412),
        ("if-match", "W/TAG", 412),
        ("if-unmodified-since", rfc822(WRITTEN_AT), 200),
        ("if-unmodified-since", rfc822(WRITTEN_AT - timedelta(seconds=1)), 412),
    ],
)
async def test_what_must_be_as_the_client_has_it_is_or_is_refused(
    client: httpx.AsyncClient, name: str, value: str, status: int
) -> None:
    tag = (await client.get("/feeds/rss.xml")).headers["etag"]
    response = await client.get("/feeds/rss.xml", headers={name: value.replace("TAG", tag)})
    assert response.status_code == status
    assert response.headers["etag"] == tag


@pytest.mark.parametrize(
    ("asked", "part"),
    [("bytes=0-4", slice(0, 5)), ("bytes=100-", slice(100, None)), ("bytes=-7", slice(-7, None))],
)
async def test_a_part_is_sent(client: httpx.AsyncClient, asked: str, part: slice) -> None:
    whole = RSS.encode()
    headers = {"range": asked, "accept-encoding": "gzip, br"}
    response = await client.get("/feeds/rss.xml", headers=headers)
    assert response.status_code == 206
    assert response.content == whole[part]
    start, stop, _ = part.indices(len(whole))
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert "content-encoding" not in response.headers
    assert (await client.head("/feeds/rss.xml", headers=headers)).status_code == 200


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "pages=1-2", "bytes=x", "bytes=9-8"])
async def test_what_is_no_range_gets_everything(client: httpx.AsyncClient, asked: str) -> None:
    response = await client.get("/feeds/rss.xml", headers={"range": asked})
    assert response.status_code == 200
    assert response.text == RSS
    assert response.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=100000-", "bytes=-0"])
async def test_a_part_behind_the_end_is_refused(client: httpx.AsyncClient, asked: str) -> None:
    response = await client.get("/feeds/rss.xml", headers={"range": asked})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(RSS.encode())}"


async def test_a_part_of_what_has_changed_is_the_whole(client: httpx.AsyncClient) -> None:
    tag = (await client.get("/feeds/rss.xml")).headers["etag"]
    for condition, status in (
        (tag, 206),
        (f"W/{tag}", 200),
        ('"other"', 200),
        (tag[:-1] + '-gzip"', 200),
        (rfc822(WRITTEN_AT), 206),
        (rfc822(WRITTEN_AT + timedelta(days=1)), 200),
    ):
        headers = {"range": "bytes=0-9", "if-range": condition}
        assert (await client.get("/feeds/rss.xml", headers=headers)).status_code == status
    headers = {"range": "bytes=0-9", "if-none-match": tag}
    assert (await client.get("/feeds/rss.xml", headers=headers)).status_code == 304


async def test_a_moved_folder_is_found_where_it_is_now(output: Path) -> None:
    put(output / "feeds/新/深/rss.xml", "<rss/>")
    put(output / "feeds/金融/旧/rss.xml", "<rss>still here</rss>")
    moved = {"feeds/旧": "feeds/新", "/feeds/Café/": "feeds/金融/", "feeds/金融/旧": "feeds/新"}
    async with connect(output, moved=moved) as client:
        for path, target in (
            ("/feeds/旧/深/rss.xml", "/feeds/新/深/rss.xml"),
            ("/feeds/Café/rss.xml", "/feeds/金融/rss.xml"),
            ("/feeds/Cafe\u0301/rss.xml", "/feeds/金融/rss.xml"),
        ):
            for method in ("GET", "HEAD"):
                response = await client.request(method, path)
                assert response.status_code == 301
                followed = await client.request(method, path, follow_redirects=True)
                assert followed.status_code == 200
                assert unquote(str(followed.url)) == f"http://x{target}"
                assert len(followed.history) == 1
        for path in ("/feeds/旧/none/rss.xml", "/feeds/旧x/rss.xml", "/feeds/旧/../x/rss.xml"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/feeds/金融/旧/rss.xml")).text == "<rss>still here</rss>"


async def test_a_feed_comes_with_its_links_and_nothing_else_does(output: Path) -> None:
    def links(path: str) -> str | None:
        return f'<http://x/{quote(path)}>; rel="self"' if path.endswith("rss.xml") else None

    put(output / "feeds/é/rss.xml", "<rss/>")
    async with connect(output, links=links) as client:
        for spelled in ("é", unicodedata.normalize("NFD", "é")):
            for method in ("GET", "HEAD", "GET", "HEAD"):
                response = await client.request(method, f"/feeds/{spelled}/rss.xml")
                assert response.headers.get_list("link") == [
                    '<http://x/feeds/%C3%A9/rss.xml>; rel="self"'
                ]
        tag = {"if-none-match": response.headers["etag"]}
        assert "link" not in (await client.get("/feeds/é/rss.xml", headers=tag)).headers
        assert "link" not in (await client.get("/feeds/opml.xml")).headers


def large(output: Path) -> tuple[str, bytes]:
    """Write a feed of several pieces; return its path and what it holds."""
    content = os.urandom(feed_files.PIECE * 5 + 100)
    OutputFolder(output).write("feeds/large/rss.xml", content)
    return "/feeds/large/rss.xml", content


async def ask(
    files: FeedFiles, path: str, send: Send, headers: Mapping[str, str] | None = None
) -> None:
    async def receive() -> Message:
        raise AssertionError("nothing is to be read of the request")

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": raw,
    }  # fmt: skip
    await files(scope, receive, send)


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-"}])
async def test_clients_that_do_not_read_share_one_copy(
    output: Path, headers: dict[str, str]
) -> None:
    path, content = large(output)
    cache = FileCache()
    files = FeedFiles(output, rest, cache=cache)
    pieces: list[memoryview] = []
    waiting = asyncio.Semaphore(0)

    async def stall(message: Message) -> None:
        if message["type"] == "http.response.body":
            pieces.append(message["body"])
            waiting.release()
            await asyncio.Event().wait()

    clients = []
    for count in (20, 1):  # that come together, and a late one
        clients += [asyncio.create_task(ask(files, path, stall, headers)) for _ in range(count)]
        for _ in range(count):
            await waiting.acquire()
    assert {len(piece) for piece in pieces} == {feed_files.PIECE}
    assert len({id(piece.obj) for piece in pieces}) == 1
    assert len(content) <= cache._held < len(content) + 10_000
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


async def test_what_is_being_sent_counts_until_it_is_sent(output: Path) -> None:
    path, content = large(output)
    cache = FileCache(capacity=len(content) + 20_000)
    files = FeedFiles(output, rest, cache=cache)
    go, waiting = asyncio.Event(), asyncio.Event()
    got: list[bytes] = []

    async def slow(message: Message) -> None:
        got.append(bytes(message.get("body", b"")))
        waiting.set()
        await go.wait()

    client = asyncio.create_task(ask(files, path, slow))
    await waiting.wait()
    _, other = large(output)  # replaced; the first version is still being sent
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(files), base_url="http://x"
    ) as second:
        asked = {"accept-encoding": "identity"}
        response = await second.get(path, headers=asked)
        assert response.content == other, "from the disk"
        assert cache._held < len(content) + 20_000
        go.set()
        await client
        assert b"".join(got) == content
        assert (await second.get(path, headers=asked)).content == other
        assert len(other) <= cache._held < len(other) + 20_000


async def test_files_that_are_read_at_a_time_have_room_together(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, held = file_cache.FeedFile.body, []

    def body(file: file_cache.FeedFile, encoding: str) -> bytes | None:
        held.append(cache._held)
        return real(file, encoding)

    monkeypatch.setattr(file_cache.FeedFile, "body", body)
    contents = {}
    for number in range(6):
        contents[path := f"/feeds/{number}/rss.xml"] = os.urandom(100_000)
        OutputFolder(output).write(path[1:], contents[path])
    cache = FileCache(capacity=250_000)
    async with connect(output, cache=cache) as client:
        for _ in range(3):
            answers = await asyncio.gather(*map(client.get, contents))
            assert [answer.content for answer in answers] == list(contents.values())
        assert held
        assert max(held) <= 250_000


async def test_what_is_too_large_for_the_memory_is_sent_from_the_disk(output: Path) -> None:
    path, content = large(output)
    OutputFolder(output).pack("feeds/large/rss.xml")
    cache = FileCache(largest=10_000)
    async with connect(output, cache=cache) as client:
        for accepted in ("identity", "gzip", "br"):
            headers, body = await raw(client, path, accept_encoding=accepted)
            assert UNPACK.get(accepted, bytes)(body) == content
            assert int(headers["content-length"]) == len(body)
            tag = {"if-none-match": headers["etag"], "accept-encoding": accepted}
            assert (await client.get(path, headers=tag)).status_code == 304
        part = await client.get(path, headers={"range": "bytes=70000-140000"})
        assert (part.status_code, part.content) == (206, content[70000:140001])
        (output / "feeds/large/rss.xml.br").unlink()
        headers, body = await raw(client, path, accept_encoding="br")
        assert "content-encoding" not in headers
        assert body == content
        never = {"accept-encoding": "br, identity;q=0"}
        assert (await client.get(path, headers=never)).status_code == 503
    assert cache._held < 20_000


async def test_a_file_that_is_cut_while_it_is_sent_ends_the_answer(output: Path) -> None:
    path, _ = large(output)
    files = FeedFiles(output, rest, cache=FileCache(largest=10_000))

    async def cut(_: Message) -> None:
        (output / "feeds/large/rss.xml").write_bytes(b"short")

    with pytest.raises(EOFError):
        await ask(files, path, cut)


async def test_what_is_replaced_while_it_is_looked_at_is_looked_at_again(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, folder, versions = file_cache.load_file, OutputFolder(output), iter(range(100))

    def load_file(root: Path, path: str, link: str | None) -> file_cache.FeedFile | None:
        file = real(root, path, link)
        if (number := next(versions)) < last:
            folder.write(path, f"<rss>{number}</rss>".encode())
        return file

    monkeypatch.setattr(feed_files, "load_file", load_file)
    last = 3
    async with connect(output) as client:
        response = await client.get("/feeds/a/rss.xml")
        assert response.status_code == 404
        folder.write("feeds/a/rss.xml", b"<rss/>")
        response = await client.get("/feeds/a/rss.xml")
        assert (response.status_code, response.text) == (200, "<rss>2</rss>")
        last = 100
        folder.write("feeds/b/rss.xml", b"<rss/>")
        response = await client.get("/feeds/b/rss.xml")
        assert response.status_code == 503


async def test_many_who_ask_at_once_have_a_file_read_once(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, read = file_cache.load_file, []

    def load_file(root: Path, path: str, link: str | None) -> file_cache.FeedFile | None:
        read.append(path)
        return real(root, path, link)

    monkeypatch.setattr(feed_files, "load_file", load_file)
    async with connect(output) as client:
        responses = await asyncio.gather(*(client.get("/feeds/rss.xml") for _ in range(20)))
    assert {response.text for response in responses} == {RSS}
    assert read == ["feeds/rss.xml"]


def at_once(files: FeedFiles, target: str, **headers: str) -> tuple[bytes, bytes] | None:
    named = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return files.immediate_response(target.encode(), joined(named))


async def test_what_is_in_memory_is_answered_at_once_and_alike(output: Path) -> None:
    files = FeedFiles(output, rest)
    transport = httpx.ASGITransport(files)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        for asked in (
            {"accept-encoding": "gzip"},
            {"accept-encoding": "br", "accept": BROWSER},
            {"accept-encoding": "identity", "if-modified-since": rfc822(WRITTEN_AT)},
        ):
            client.headers = httpx.Headers()
            response = await client.get("/feeds/rss.xml?x=1", headers=asked)
            named = {name.replace("-", "_"): value for name, value in asked.items()}
            answer = at_once(files, "/feeds/rss.xml?x=1", **named)
            assert answer is not None
            head, body = answer
            status, *lines = head.decode().splitlines()
            assert status.split(" ")[:2] == ["HTTP/1.1", str(response.status_code)]
            assert dict(line.split(": ", 1) for line in lines) == dict(response.headers)
            if response.status_code == 200:
                encoding = asked["accept-encoding"]
                assert UNPACK[encoding](body).decode() == RSS
            else:
                assert body == b""


async def test_what_is_not_in_memory_or_unusual_is_not_answered_at_once(output: Path) -> None:
    files = FeedFiles(output, rest)
    path, _ = large(output)
    assert at_once(files, "/feeds/rss.xml") is None, "nobody has asked yet"
    transport = httpx.ASGITransport(files)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        client.headers = httpx.Headers({"accept-encoding": "identity"})
        tag = (await client.get("/feeds/rss.xml")).headers["etag"]
        assert (await client.get(path)).status_code == 200
    assert at_once(files, "/feeds/rss.xml") is not None
    assert at_once(files, "/feeds/rss.xml", if_none_match=tag) is not None
    assert at_once(files, "/feeds/rss.xml", accept_encoding="gzip") is None
    assert at_once(files, "/feeds/rss.xml", accept_encoding="identity;q=0") is None
    assert at_once(files, path) is None, "it goes in pieces"
    assert at_once(files, "/feeds/é/rss.xml") is None
    assert at_once(files, "/feeds/" + "a" * 5000) is None
    for name in ("a-im", "range", "if-range", "if-match", "if-unmodified-since"):
        assert at_once(files, "/feeds/rss.xml", **{name: "x"}) is None
    await asyncio.sleep(0)  # another turn of the event loop
    put(output / "feeds/rss.xml", RSS + "x")
    assert at_once(files, "/feeds/rss.xml") is None, "it was replaced"


async def test_requests_of_one_turn_of_the_event_loop_share_one_look_at_the_file(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = FeedFiles(output, rest)
    transport = httpx.ASGITransport(files)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get("/feeds/rss.xml", headers={"accept-encoding": "identity"})
    looks = []
    recall = FileCache.recall

    def counted(cache: FileCache, path: str) -> FeedFile | None:
        looks.append(path)
        return recall(cache, path)

    monkeypatch.setattr(FileCache, "recall", counted)
    for turn in (1, 2):
        for _ in range(3):
            assert at_once(files, "/feeds/rss.xml", accept_encoding="identity") is not None
        assert len(looks) == turn
        await asyncio.sleep(0)


async def test_an_endless_list_of_encodings_is_as_good_as_its_start(output: Path) -> None:
    async with connect(output) as client:
        accepted = "gzip, " + "x, " * 20_000
        headers, _ = await raw(client, "/feeds/rss.xml", accept_encoding=accepted)
        assert headers["content-encoding"] == "gzip"


async def test_the_answers_that_are_kept_are_bounded(output: Path) -> None:
    cache = FileCache()
    files = FeedFiles(output, rest, cache=cache)
    transport = httpx.ASGITransport(files)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get("/feeds/rss.xml", headers={"accept-encoding": "identity"})
    before = cache._held
    for number in range(1000):
        assert at_once(files, "/feeds/rss.xml", accept=f"x/{number}") is not None
        assert at_once(files, "/feeds/rss.xml", accept="x" * 10_000 + str(number)) is not None
    assert cache._held < before + 200_000


def test_a_feed_is_known_by_its_path() -> None:
    assert feed_path("/feeds/a/rss.xml") == "feeds/a/rss.xml"
    assert feed_path("feeds/rss.xml") == "feeds/rss.xml"
    assert feed_path("/feeds") is None
    assert feed_path("/feeds/a/index.html") is None
    assert feed_path("/feeds/" + "a/" * 2_039 + "rss.xml") is not None
    assert feed_path("/feeds/" + "a/" * 2_041 + "rss.xml") is None
