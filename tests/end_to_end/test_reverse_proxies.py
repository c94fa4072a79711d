"""The sample configurations with the real servers: the same answers as from Digest's own."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import re
import shutil
import socket
import subprocess
import unicodedata
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote, urljoin

import httpx
import pytest

from digest.app.web_application import make_public_pages
from digest.app.wiring import Services
from digest.articles.model import CategoryPath, article_key
from digest.feeds.model import RSS
from digest.feeds.publish.output_folder import OutputFolder
from digest.times import utc_now
from digest.urls import article_folder
from digest.web.app import Probes, create_app
from digest.web.feed_files import FeedFiles
from digest.web.forms import LinkContext
from digest.web.server import Server
from tests.conftest import Workplace
from tests.defaults import default_feed
from tests.feeds.samples import SITE, article, document
from tests.store.samples import reading
from tests.web.desk import Desk
from tests.web.test_app import KEY, Book
from tests.web.test_app import link as unsubscribe_link
from tests.web.test_approvals import link as approval_link

ROOT = Path(__file__).parents[2]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CADDY = shutil.which("caddy")
MODULE = Path("/usr/lib/nginx/modules/ngx_http_brotli_static_module.so")
BROTLI = "nginx with Brotli"
PROXIES = [
    pytest.param(
        "nginx",
        marks=pytest.mark.skipif(not NGINX, reason="no nginx: apt-get install nginx-light"),
    ),
    pytest.param(
        "caddy", marks=pytest.mark.skipif(not CADDY, reason="no Caddy: apt-get install caddy")
    ),
]
WITH_BROTLI = pytest.param(
    BROTLI,
    marks=pytest.mark.skipif(
        not NGINX or not MODULE.exists(),
        reason="no module: apt-get install nginx-light libnginx-mod-http-brotli-static",
    ),
)

FEED = document(RSS, default_feed(site=SITE), [article(number) for number in range(3)])


@pytest.fixture(name="services")
def _services(workplace: Workplace) -> Iterator[Services]:
    """Give a site with articles, one of which was withdrawn, and a digest with an edition."""
    workplace.configure(
        '\n[articles.category_map]\n"old" = "new"\n[feeds]\nlimit = 2\n[paths]\noutput = "public"\n'
    )
    with workplace.open() as services:
        store, now = services.store, services.clock()
        store.editions.start_digests(["daily"], now)
        for number, category in enumerate([("金融",), ("Café",), ("A/B",), ("new",), ("gone",)]):
            paths = [CategoryPath(category)]
            store.articles.record([reading(f"{number}.md", categories=paths)], now)
        assert store.editions.open_edition(services.digests["daily"], now, now)
        store.withdrawals.withdraw([article_key("4")], now)
        feed = services.plan.feed(None)
        assert feed is not None
        store.feeds.contents([feed], None, archives=True)
        yield services


@pytest.fixture(name="output")
def _output(tmp_path: Path, services: Services) -> Path:
    output = services.settings.paths.output
    folder = OutputFolder(output)
    files = {
        "feeds/rss.xml": FEED,
        "feeds/atom.xml": b"<feed/>",
        "feeds/feed.json": b"{}",
        "feeds/opml.xml": b"<opml/>",
        "feeds/feed.css": b"a { color: red }" * 100,
        "feeds/Café/rss.xml": b"<rss/>",
        "feeds/A%2FB/rss.xml": b"<rss>slash</rss>",
        "feeds/new/rss.xml": b"<rss>moved here</rss>",
        "feeds/.hidden/secret.html": b"secret",
    }
    for path, content in files.items():
        folder.write(path, content)
        folder.pack(path)
    folder.record("feeds/rss.xml", FEED)
    (tmp_path / "outside.html").write_text("outside")
    (output / "feeds/out.html").symlink_to(tmp_path / "outside.html")
    return output


@pytest.fixture(name="own")
async def _own(output: Path, services: Services) -> AsyncIterator[str]:
    """Run Digest's own server, and return its address."""
    moved = services.settings.moved_feeds()
    app = create_app(
        LinkContext(pages=services.pages, digests={}, token_keys=[KEY], clock=utc_now),
        subscriptions=Book(),
        approvals=Desk(),
        probes=Probes(last_scan_at=lambda: None, unready=str),
    )
    feeds = FeedFiles(output, make_public_pages(services, app), moved=moved)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(feeds, listener, immediate_response=feeds.immediate_response)
        running = asyncio.create_task(server.serve())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


@pytest.fixture(name="proxy", params=PROXIES)
async def _proxy(
    request: pytest.FixtureRequest, own: str, output: Path, tmp_path: Path
) -> AsyncIterator[str]:
    """Run a server with its sample configuration, and return its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    backend = own.removeprefix("http://")
    begin = caddy if request.param == "caddy" else nginx
    with begin(tmp_path, output, backend, port, packed=request.param == BROTLI) as process:
        await listening(process, port)
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def nginx(
    folder: Path, output: Path, backend: str, port: int, *, packed: bool
) -> Iterator[subprocess.Popen[bytes]]:
    text = (ROOT / "config/nginx.conf").read_text("utf-8")
    text = re.sub(r"(?s)\nserver \{\n    listen 80;.*?\n\}\n", "\n", text)
    text = re.sub(r"    listen 443 [^;]*;", f"    listen 127.0.0.1:{port};", text)
    text = re.sub(r"    (listen \[|ssl_)[^\n]*\n", "", text)
    text = text.replace("/var/lib/digest/public", str(output)).replace("127.0.0.1:8000", backend)
    text = text.replace("/var/lib/nginx/digest", f"{folder}/pages")
    module = ""
    if packed:
        module = f"load_module {MODULE};"
        text = text.replace("#brotli_static", "brotli_static").replace("disable_symlinks", "#")
    user = "user root;" if os.geteuid() == 0 else ""
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{name}_temp_path {folder}/{name};" for name in places)
    file = folder / "nginx.conf"
    file.write_text(
        f"{module} {user} daemon off; worker_processes 1; pid {folder}/nginx.pid;\n"
        f"error_log {folder}/nginx.log; events {{}}\n"
        f"http {{ include /etc/nginx/mime.types; default_type application/octet-stream;\n"
        f"access_log off; {temporary}\n{text}\n}}\n",
        "utf-8",
    )
    yield from run([str(NGINX), "-c", str(file), "-e", f"{folder}/nginx.log"], folder)


@contextlib.contextmanager
def caddy(
    folder: Path, output: Path, backend: str, port: int, *, packed: bool
) -> Iterator[subprocess.Popen[bytes]]:
    text = (ROOT / "config/Caddyfile").read_text("utf-8")
    text = text.replace("\nnews.example.org {", f"\nhttp://127.0.0.1:{port} {{")
    text = text.replace("/var/lib/digest/public", str(output)).replace("127.0.0.1:8000", backend)
    file = folder / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n}}\n{text}", "utf-8")
    command = [str(CADDY), "run", "--config", str(file), "--adapter", "caddyfile"]
    yield from run(command, folder)


def run(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, "HOME": str(folder)}, stdout=log, stderr=log, cwd=folder
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


async def listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the server takes connections; it tells nobody when it does."""
    while True:
        assert process.poll() is None, "the server did not start"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


async def ask(
    address: str, path: str, method: str = "GET", **headers: str
) -> tuple[httpx.Response, bytes]:
    """Return the response and its content as it travelled."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = httpx.URL(address).copy_with(raw_path=path.encode())
    async with (
        httpx.AsyncClient(headers={"accept-encoding": "identity"}) as client,
        client.stream(method, url, headers=named) as response,
    ):
        return response, b"".join([chunk async for chunk in response.aiter_raw()])


CATEGORY = quote("金融")
ARTICLE, GONE = (article_folder(article_key(f"{number}")) for number in (1, 4))
SAME = [
    # pages
    "/",
    "/feeds/",
    f"/feeds/{CATEGORY}/",
    f"/feeds/{CATEGORY.lower()}/",
    "/feeds/A%252FB/",
    f"/feeds/{quote(unicodedata.normalize('NFD', 'Café'))}/",
    f"/{ARTICLE}",
    "/digests/daily/",
    "/digests/daily/1/",
    "/digests/daily/sample/",
    "/digests/daily/atom.xml",
    "/assets/style.css",
    "/feeds/archive.d/1/atom.xml",
    "/feeds/archive.d/1/feed.json",
    # files
    "/feeds/rss.xml",
    "/feeds/atom.xml",
    "/feeds/feed.json",
    "/feeds/opml.xml",
    "/feeds/feed.css",
    "/feeds/A%252FB/rss.xml",
    "/%66eeds/%72ss.xml",
    f"/feeds/{quote('Café')}/rss.xml",
    f"/feeds/{quote(unicodedata.normalize('NFD', 'Café'))}/rss.xml",
    "/feeds/rss.xml?query=1",
    # elsewhere
    "/index.html",
    "/feeds",
    f"/feeds/{CATEGORY}",
    "/feeds/A%252FB",
    f"/{ARTICLE}index.html",
    f"/{ARTICLE.rstrip('/')}",
    "/feeds/old/",
    "/feeds/old/rss.xml",
    # nowhere
    "/nothing",
    "/feeds/nothing/",
    f"/{GONE}",
    "/articles/nothing/",
    "/assets/",
    "/feeds/.hidden/secret.html",
    "/feeds/.rss.xml.history",
    "/feeds/rss.xml.gz",
    "/feeds/rss.xml.br",
    "/%2ehidden/secret.html",
]
#: Servers may call these nonsense or look for them; they must find nothing.
HOSTILE = [
    "/../outside.html",
    "/%2e%2e/outside.html",
    "/..%2foutside.html",
    "/feeds/..%2f..%2foutside.html",
    "/feeds/%2e%2e/%2e%2e/outside.html",
    "/%252e%252e/outside.html",
    "/..%5coutside.html",
    "/%00",
    "/index.html%00.css",
    "//etc/passwd",
    "/%ff%fe",
    "/feeds/.%68idden/secret.html",
    "/x/../feeds/.hidden/secret.html",
]


async def test_every_path_leads_where_our_own_server_leads(own: str, proxy: str) -> None:
    for path in SAME:
        (ours, content), (theirs, sent) = await ask(own, path), await ask(proxy, path)
        moved = {301, 308} if ours.status_code == 301 else {ours.status_code}
        assert theirs.status_code in moved, path
        if ours.status_code == 301:
            reached = [
                httpx.URL(urljoin(path, response.headers["location"])).path
                for response in (ours, theirs)
            ]
            assert reached[0] == reached[1], path
            continue
        assert sent == content, path
        for name in ("content-type", "content-length", "x-content-type-options", "referrer-policy",
                     "content-security-policy", "cache-control"):  # fmt: skip
            assert theirs.headers.get_list(name) == ours.headers.get_list(name), f"{path}: {name}"
        if ours.status_code == 200:
            assert vary(theirs) >= vary(ours), path
            head, nothing = await ask(proxy, path, "HEAD")
            assert (head.status_code, nothing) == (200, b"")
            assert head.headers["content-length"] == ours.headers["content-length"], path


async def test_no_path_leads_out_of_the_folder(proxy: str, own: str) -> None:
    for path in HOSTILE:
        for address in (own, proxy):
            response, content = await ask(address, path)
            assert response.status_code in (301, 400, 404), path
            assert b"outside" not in content, path
            assert b"secret" not in content, path


async def test_no_link_leads_out_of_the_folder(proxy: str, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["proxy"] == "caddy":
        pytest.skip("Caddy follows links; its sample says so")
    assert (await ask(proxy, "/feeds/out.html"))[0].status_code == 404


async def test_the_status_is_for_the_operator_alone(own: str, proxy: str) -> None:
    assert (await ask(own, "/status"))[0].status_code == 200
    ways = ("/status", "/%73tatus", "//status", "/x/../status", "/./status", "/status?x")
    for path in (*ways, "/readyz", "/%72eadyz"):
        for headers in ({}, {"a_im": "feed"}, {"accept": "text/html"}):
            response, content = await ask(proxy, path, **headers)
            assert response.status_code in (400, 404), path
            assert b"scan" not in content
        response, content = await ask(proxy, path, "POST")
        assert response.status_code >= 400
        assert b"scan" not in content


async def test_conditions_are_answered(own: str, proxy: str) -> None:
    for address in (own, proxy):
        for accepted in ("identity", "gzip"):
            first, _ = await ask(address, "/feeds/rss.xml", accept_encoding=accepted)
            tag, date = first.headers["etag"], first.headers["last-modified"]
            assert not tag.startswith("W/")
            later = "Fri, 01 Jan 2100 00:00:00 GMT"
            for headers, status in (
                ({"if_none_match": tag}, 304),
                ({"if_none_match": f'"x", {tag}'}, 304),
                ({"if_none_match": f"W/{tag}"}, 304),
                ({"if_none_match": '"x"', "if_modified_since": date}, 200),
                ({"if_modified_since": date}, 304),
                ({"if_modified_since": later}, 304),
                ({"if_modified_since": "Mon, 20 May 2002 12:00:00 GMT"}, 200),
                ({"if_match": '"x"'}, 412),
                ({"if_match": tag}, 200),
                ({"if_unmodified_since": "Mon, 20 May 2002 12:00:00 GMT"}, 412),
            ):
                response, _ = await ask(
                    address, "/feeds/rss.xml", accept_encoding=accepted, **headers
                )
                assert response.status_code == status, f"{address} {headers}"


async def test_parts_are_the_same(own: str, proxy: str) -> None:
    for asked in ("bytes=0-9", "bytes=100-", "bytes=-10", "bytes=1000000-"):
        (ours, content), (theirs, sent) = [
            await ask(address, "/feeds/rss.xml", range=asked) for address in (own, proxy)
        ]
        assert theirs.status_code == ours.status_code
        assert theirs.headers["content-range"] == ours.headers["content-range"]
        if ours.status_code == 206:
            assert sent == content


@pytest.mark.parametrize("proxy", [*PROXIES, WITH_BROTLI], indirect=True)
async def test_packed_files_are_sent_as_they_lie_there(
    proxy: str, output: Path, request: pytest.FixtureRequest
) -> None:
    encodings = {"nginx": ["gzip"], BROTLI: ["gzip", "br"], "caddy": ["gzip", "br"]}
    known = encodings[request.node.callspec.params["proxy"]]
    suffixes = {"gzip": ".gz", "br": ".br"}
    for encoding in known:
        response, content = await ask(proxy, "/feeds/rss.xml", accept_encoding=encoding)
        assert response.headers.get("content-encoding") == encoding
        assert content == (output / f"feeds/rss.xml{suffixes[encoding]}").read_bytes()
        assert response.headers["content-type"] == "application/rss+xml; charset=utf-8"
        assert vary(response) >= {"accept", "accept-encoding"}
    response, content = await ask(proxy, "/feeds/rss.xml", accept_encoding="gzip;q=0")
    assert content == FEED


async def test_a_change_is_sent_at_once(proxy: str, output: Path) -> None:
    folder = OutputFolder(output)
    for number in range(3):
        text = FEED + b"\n" * number
        folder.write("feeds/rss.xml", text)
        for pack in (False, True):
            if pack:
                folder.pack("feeds/rss.xml")
            for encoding, unpack in (("gzip", gzip.decompress), ("identity", bytes)):
                response, content = await ask(proxy, "/feeds/rss.xml", accept_encoding=encoding)
                if "content-encoding" in response.headers:
                    assert unpack(content) == text
                else:
                    assert content == text


async def test_the_daemon_is_asked_for_what_it_alone_can_do(
    proxy: str, own: str, output: Path
) -> None:
    browser, content = await ask(proxy, "/feeds/rss.xml", accept="text/html, */*")
    assert browser.headers["content-type"] == "text/xml; charset=utf-8"
    assert content == FEED
    whole, _ = await ask(proxy, "/feeds/rss.xml", a_im="feed")
    changed = document(RSS, default_feed(site=SITE), [article(number) for number in (9, 0, 1, 2)])
    OutputFolder(output).write("feeds/rss.xml", changed)
    known = whole.headers["etag"]
    response, content = await ask(proxy, "/feeds/rss.xml", a_im="feed", if_none_match=known)
    assert (response.status_code, response.headers["im"]) == (226, "feed")
    assert content.count(b"<item>") == 1
    for method in ("POST", "PUT", "DELETE"):
        response, _ = await ask(proxy, "/feeds/rss.xml", method)
        assert response.status_code == 405
        assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    link, approval = unsubscribe_link(1), approval_link(1)
    for method, address, status in (
        ("GET", link, 200),
        ("POST", link, 200),
        ("GET", approval, 200),
        ("POST", approval, 400),  # no button of ours was pressed
        ("GET", "/approve/x", 404),
    ):
        response, content = await ask(proxy, address, method)
        assert response.status_code == status
        assert response.headers.get_list("cache-control") == ["no-store"]
        assert response.headers.get_list("referrer-policy") == ["no-referrer"]


async def test_no_token_gets_into_a_log_and_many_may_unsubscribe_at_once(
    proxy: str, tmp_path: Path
) -> None:
    tokens = [link.rpartition("/")[2] for link in (unsubscribe_link(1), approval_link(1))]
    statuses = set()
    for path, token in zip(("unsubscribe", "approve"), tokens, strict=True):
        for body in ("List-Unsubscribe=One-Click", "x" * 20_000):  # the second is too large
            async with httpx.AsyncClient() as client:
                response = await client.post(f"{proxy}/{path}/{token}", content=body)
            statuses.add(response.status_code)
    async with httpx.AsyncClient() as client:
        for _ in range(100):
            response = await client.post(f"{proxy}/unsubscribe/{tokens[0]}")
            assert response.status_code == 200
        for _ in range(100):
            statuses.add((await client.get(f"{proxy}/approve/{tokens[1]}")).status_code)
    assert statuses & {413, 502}  # the daemon breaks off, which Caddy calls a bad gateway
    assert not any(token in logged(tmp_path) for token in tokens)


async def test_pages_are_kept_for_a_minute_and_asked_for_again_under_a_condition(
    proxy: str, own: str, services: Services, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["proxy"] == "caddy":
        pytest.skip("Caddy keeps nothing; its sample says so")
    for encoding in ("identity", "gzip"):
        (ours, content), (theirs, sent) = [
            await ask(address, f"/{ARTICLE}", accept_encoding=encoding) for address in (own, proxy)
        ]
        assert sent == content
        assert theirs.headers["etag"] == ours.headers["etag"]
        assert theirs.headers.get("content-encoding") == ours.headers.get("content-encoding")
        known, nothing = await ask(
            proxy, f"/{ARTICLE}", accept_encoding=encoding, if_none_match=ours.headers["etag"]
        )
        assert (known.status_code, nothing) == (304, b"")
    services.store.withdrawals.withdraw([article_key("1")], services.clock())
    kept, sent = await ask(proxy, f"/{ARTICLE}", accept_encoding="identity")
    assert kept.status_code == 200
    assert kept.headers["cache-control"] == "max-age=60"
    gone, _ = await ask(proxy, f"/{GONE}")
    assert gone.status_code == 410


def logged(folder: Path) -> str:
    """Return what the server has written into its logs."""
    return "".join(log.read_text("utf-8", "replace") for log in folder.glob("*.log"))


def vary(response: httpx.Response) -> set[str]:
    found = ", ".join(response.headers.get_list("vary")).lower()
    return {name.strip() for name in found.split(",")} - {""}
