from __future__ import annotations

import gzip
import os
import unicodedata
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route

from digest.feeds.selection import MEDIA_TYPES
from digest.times import rfc822
from digest.web.feeds import PublishedFiles

WRITTEN_AT = datetime(2024, 5, 20, 12, 0, 0, tzinfo=UTC)
RSS = "<rss>" + "潮水" * 1000 + "</rss>"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def put(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, "utf-8")
    os.utime(file, (WRITTEN_AT.timestamp() + 0.7,) * 2)


@pytest.fixture(name="output")
def _output(tmp_path: Path) -> Path:
    output = tmp_path / "public"
    put(output / "index.html", "<p>front</p>")
    put(output / "feeds/rss.xml", RSS)
    put(output / "feeds/atom.xml", "<feed/>")
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
    files = PublishedFiles(output)
    app = Starlette(routes=[Route("/{path:path}", files.serve, methods=["GET"])])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://x", headers={"accept-encoding": "identity"}
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content", "kind", "age"),
    [
        ("/", "<p>front</p>", "text/html; charset=utf-8", 60),
        ("/index.html", "<p>front</p>", "text/html; charset=utf-8", 60),
        ("/feeds/", "<p>all</p>", "text/html; charset=utf-8", 60),
        ("/feeds/rss.xml", RSS, "application/rss+xml; charset=utf-8", 300),
        ("/feeds/atom.xml", "<feed/>", "application/atom+xml; charset=utf-8", 300),
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
    assert head.headers == get.headers
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


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("gzip; q = 0.0", False),
        ("br", False),
        ("identity", False),
    ],
)
async def test_text_is_compressed_for_who_takes_it(
    client: httpx.AsyncClient, accepted: str, compressed: bool
) -> None:
    response = await client.get("/feeds/rss.xml", headers={"accept-encoding": accepted})
    assert response.text == RSS
    assert (response.headers.get("content-encoding") == "gzip") is compressed
    assert "Accept-Encoding" in response.headers["vary"]
    length = int(response.headers["content-length"])
    assert (length < len(RSS)) is compressed


async def test_compressing_gives_the_same_bytes_each_time(output: Path) -> None:
    files = PublishedFiles(output)
    app = Starlette(routes=[Route("/{path:path}", files.serve)])
    seen = set()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        for _ in range(2):
            async with client.stream("GET", "/feeds/rss.xml") as response:
                seen.add(b"".join([chunk async for chunk in response.aiter_raw()]))
    assert len(seen) == 1
    assert gzip.decompress(seen.pop()).decode() == RSS


async def test_the_tag_of_either_encoding_earns_not_modified(client: httpx.AsyncClient) -> None:
    plain = (await client.get("/feeds/rss.xml")).headers["etag"]
    packed = (await client.get("/feeds/rss.xml", headers={"accept-encoding": "gzip"})).headers[
        "etag"
    ]
    assert plain != packed
    for tag in (plain, packed):
        for accepted in ("gzip", "identity"):
            headers = {"if-none-match": tag, "accept-encoding": accepted}
            assert (await client.get("/feeds/rss.xml", headers=headers)).status_code == 304


async def test_small_files_and_unknown_ones_are_not_compressed(
    client: httpx.AsyncClient, output: Path
) -> None:
    put(output / "assets/large.bin", "x" * 5000)
    for path in ("/index.html", "/assets/large.bin"):
        response = await client.get(path, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in response.headers
        assert "vary" not in response.headers


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            ["..", ".", "", "feeds", "rss.xml", "%2e%2e", "\\", "outside.html", "\0", "金融"]
        ),
        max_size=6,
    )
)
def test_no_path_leads_out_of_the_folder(output: Path, segments: list[str]) -> None:
    found = vars(PublishedFiles)["_find"](PublishedFiles(output), "/".join(segments))
    if isinstance(found, str):
        assert not found.startswith(("/", ".", "\\"))
    else:
        assert found is None or found.content != b"outside"
