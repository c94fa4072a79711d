from __future__ import annotations

import gzip
import os
import unicodedata
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import brotli
import httpx
import pytest
from backports import zstd
from starlette.applications import Starlette
from starlette.routing import Route

from digest.feeds.encodings import SUFFIXES
from digest.feeds.folder import OutputFolder
from digest.feeds.selection import MEDIA_TYPES
from digest.times import rfc822
from digest.web.feeds import PublishedFiles

WRITTEN_AT = datetime(2024, 5, 20, 12, 0, 0, tzinfo=UTC)
RSS = "<rss>" + "潮水" * 1000 + "</rss>"
UNPACK = {"br": brotli.decompress, "zstd": zstd.decompress, "gzip": gzip.decompress}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def put(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, "utf-8")
    os.utime(file, (WRITTEN_AT.timestamp() + 0.7,) * 2)


def connect(
    output: Path,
    *,
    moved: Mapping[str, str] | None = None,
) -> httpx.AsyncClient:
    files = PublishedFiles(output, moved=moved)
    app = Starlette(routes=[Route("/{path:path}", files.serve, methods=["GET"])])
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://x",
        headers={"accept-encoding": "identity"},
    )


@pytest.fixture(name="output")
def _output(tmp_path: Path) -> Path:
    output = tmp_path / "public"
    put(output / "index.html", "<p>front</p>")
    put(output / "feeds/rss.xml", RSS)
    put(output / "feeds/atom.xml", "<feed/>")
    put(output / "feeds/archive.d/1/atom.xml", "<feed>1</feed>")
    put(output / "feeds/feed.json", "{}")
    put(output / "feeds/opml.xml", "<opml/>")
    put(output / "feeds/index.html", "<p>all</p>")
    put(output / "feeds/金融/index.html", "<p>money</p>")
    put(output / "feeds/A%2FB/index.html", "<p>encoded</p>")
    put(output / "feeds/a b:c/index.html", "<p>odd</p>")
    put(output / "assets/style.css", "a {}")
    put(output / "assets/data.tar.gz", "x")
    put(output / "assets/data.unknowable", "x")
    put(output / ".secret", "hidden")
    put(output / ".git/config", "hidden")
    put(tmp_path / "outside.html", "outside")
    (output / "empty").mkdir()
    return output


@pytest.fixture(name="client")
async def _client(output: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(output) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content", "kind", "age"),
    [
        ("/", "<p>front</p>", "text/html; charset=utf-8", 60),
        ("/index.html", "<p>front</p>", "text/html; charset=utf-8", 60),
        ("/feeds/", "<p>all</p>", "text/html; charset=utf-8", 60),
        ("/feeds/rss.xml", RSS, "application/rss+xml; charset=utf-8", 300),
        ("/feeds/atom.xml", "<feed/>", "application/atom+xml; charset=utf-8", 300),
        (
            "/feeds/archive.d/1/atom.xml",
            "<feed>1</feed>",
            "application/atom+xml; charset=utf-8",
            300,
        ),
        ("/feeds/feed.json", "{}", "application/feed+json; charset=utf-8", 300),
        ("/feeds/opml.xml", "<opml/>", "text/x-opml; charset=utf-8", 300),
        ("/feeds/%E9%87%91%E8%9E%8D/", "<p>money</p>", "text/html; charset=utf-8", 60),
        ("/feeds/A%252FB/", "<p>encoded</p>", "text/html; charset=utf-8", 60),
        ("/assets/style.css", "a {}", "text/css; charset=utf-8", 3600),
        ("/assets/data.tar.gz", "x", "application/octet-stream", 3600),
        ("/assets/data.unknowable", "x", "application/octet-stream", 3600),
    ],
)
async def test_a_published_file_is_served_with_its_type(
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
    ("path", "location"),
    [
        ("/feeds", "feeds/"),
        ("/feeds/%E9%87%91%E8%9E%8D", "%E9%87%91%E8%9E%8D/"),
        ("/feeds/A%252FB", "A%252FB/"),
        ("/feeds/a%20b:c", "a%20b%3Ac/"),  # else "a b" would be a scheme
    ],
)
async def test_a_folder_redirects_to_its_address_with_a_slash(
    client: httpx.AsyncClient, path: str, location: str
) -> None:
    response = await client.get(path)
    assert response.status_code == 301
    assert response.headers["location"] == location
    followed = await client.get(path, follow_redirects=True)
    assert followed.status_code == 200
    assert str(followed.url) == f"http://x{path}/".replace(":c", "%3Ac")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/nothing/",
        "/index.html/",
        "/feeds/rss.xml/",
        "/feeds/rss.xml/more",
        "/empty",
        "/empty/",
        "//feeds",
        "//evil.example",
        "/feeds//",
        "/feeds//rss.xml",
        "/.secret",
        "/.git/config",
        "/.git",
        "/%2e%2e/outside.html",
        "/..%2foutside.html",
        "/feeds/%2e%2e/%2e%2e/outside.html",
        "/feeds/..%5c..%5coutside.html",
        "/%00",
        "/feeds/rss.xml%00.html",
        "/%ff%fe",
        "/" + "a" * 300,
        "/" + "a/" * 3000,
        "/%2fetc/passwd",
    ],
)
async def test_what_is_not_published_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    request = client.build_request("GET", "http://x/")
    request.url = httpx.URL("http://x").copy_with(raw_path=path.encode())
    response = await client.send(request)
    assert response.status_code == 404
    assert "location" not in response.headers


async def test_links_do_not_lead_out_of_the_folder(client: httpx.AsyncClient, output: Path) -> None:
    (output / "out.html").symlink_to(output.parent / "outside.html")
    (output / "up").symlink_to(output.parent)
    (output / "loop").symlink_to(output / "loop")
    (output / "empty/index.html").symlink_to(output.parent / "outside.html")
    (output / "within.xml").symlink_to(output / "feeds/rss.xml")
    for path in ("/out.html", "/up/outside.html", "/up/", "/loop", "/loop/", "/empty", "/empty/"):
        assert (await client.get(path)).status_code == 404
    assert (await client.get("/within.xml")).text == RSS


async def test_no_hidden_file_is_reached_through_a_link(
    client: httpx.AsyncClient, output: Path
) -> None:
    (output / "seen").symlink_to(output / ".secret")
    assert (await client.get("/seen")).status_code == 404


async def test_names_are_found_composed_and_decomposed(
    client: httpx.AsyncClient, output: Path
) -> None:
    put(output / "feeds" / unicodedata.normalize("NFC", "Café") / "index.html", "composed")
    put(output / "feeds" / unicodedata.normalize("NFD", "Müll") / "index.html", "decomposed")
    for form in ("NFC", "NFD"):
        for name, content in (("Café", "composed"), ("Müll", "decomposed")):
            path = quote(unicodedata.normalize(form, name))
            assert (await client.get(f"/feeds/{path}/")).text == content


async def test_a_file_that_vanishes_while_it_is_read_is_not_found(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "open", gone)
    assert (await client.get("/index.html")).status_code == 404


async def test_head_has_the_headers_of_get_without_the_content(client: httpx.AsyncClient) -> None:
    head, get = await client.head("/feeds/rss.xml"), await client.get("/feeds/rss.xml")
    assert head.status_code == 200
    assert head.content == b""
    # A date is told only when the second in which the file was written is over.
    lasting = {"last-modified": ""}
    assert {**head.headers, **lasting} == {**get.headers, **lasting}
    assert int(head.headers["content-length"]) == len(RSS.encode())


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_else_is_allowed(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/feeds/rss.xml")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


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
        variant.symlink_to(output.parent / "outside.html")
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


async def test_no_packed_file_is_had_by_its_own_name(
    client: httpx.AsyncClient, output: Path
) -> None:
    OutputFolder(output).pack("feeds/rss.xml")
    OutputFolder(output).record("feeds/rss.xml")
    for name in ("rss.xml.gz", "rss.xml.br", "rss.xml.zst", ".rss.xml.history"):
        assert (await client.get(f"/feeds/{name}")).status_code == 404


async def test_who_refuses_everything_is_told(client: httpx.AsyncClient) -> None:
    response = await client.get("/feeds/rss.xml", headers={"accept-encoding": "identity;q=0"})
    assert response.status_code == 406
    assert response.headers["vary"] == "Accept-Encoding"


async def test_what_is_short_is_packed_only_for_who_takes_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    headers, content = await raw(client, "/index.html", accept_encoding="gzip, identity;q=0")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(content) == b"<p>front</p>"


async def test_the_tag_of_any_encoding_earns_not_modified(client: httpx.AsyncClient) -> None:
    tags = {}
    for encoding in (*SUFFIXES, "identity"):
        headers, _ = await raw(client, "/feeds/rss.xml", accept_encoding=encoding)
        tags[encoding] = headers["etag"]
    assert len(set(tags.values())) == 4
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
    put(output / "feeds/新/深/index.html", "<p>deep</p>")
    put(output / "feeds/金融/旧/index.html", "<p>still here</p>")
    moved = {"feeds/旧": "feeds/新", "/feeds/Café/": "feeds/金融/", "feeds/金融/旧": "feeds/新"}
    async with connect(output, moved=moved) as client:
        for path, target in (
            ("/feeds/旧/深/rss.xml", "/feeds/新/深/rss.xml"),
            ("/feeds/旧/深/", "/feeds/新/深/"),
            ("/feeds/旧/深", "/feeds/新/深/"),
            ("/feeds/Café", "/feeds/金融/"),
            ("/feeds/Cafe\u0301/", "/feeds/金融/"),
        ):
            response = await client.get(path)
            assert response.status_code == 301
            followed = await client.get(path, follow_redirects=True)
            assert followed.status_code == 200
            assert unquote(str(followed.url)) == f"http://x{target}"
            assert len(followed.history) == 1
        for path in ("/feeds/旧/none.xml", "/feeds/旧/", "/feeds/旧x/", "/feeds/旧/../x"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/feeds/金融/旧/")).text == "<p>still here</p>"


async def test_small_files_and_unknown_ones_are_not_compressed(
    client: httpx.AsyncClient, output: Path
) -> None:
    put(output / "assets/large.bin", "x" * 5000)
    for path in ("/index.html", "/assets/large.bin"):
        response = await client.get(path, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in response.headers
        assert "vary" not in response.headers


async def test_a_feed_comes_with_its_links_and_nothing_else_does(output: Path) -> None:
    asked: list[str] = []

    def links(path: str) -> str | None:
        asked.append(path)
        return f'<http://x/{quote(path)}>; rel="self"' if path.endswith("rss.xml") else None

    put(output / "feeds/é/rss.xml", "<rss/>")
    files = PublishedFiles(output, links=links)
    app = Starlette(routes=[Route("/{path:path}", files.serve, methods=["GET"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        for spelled in ("é", unicodedata.normalize("NFD", "é")):
            for method in ("GET", "HEAD"):
                response = await client.request(method, f"/feeds/{spelled}/rss.xml")
                assert response.headers.get_list("link") == [
                    '<http://x/feeds/%C3%A9/rss.xml>; rel="self"'
                ]
        tag = {"if-none-match": response.headers["etag"]}
        assert "link" not in (await client.get("/feeds/é/rss.xml", headers=tag)).headers
        assert "link" not in (await client.get("/feeds/")).headers
    assert asked[-1] == "feeds/index.html"
