"""The pages of entries, on a server that answers by script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.robotparser import RobotFileParser

import pytest
import pytest_asyncio

from digest.sources import entry_pages
from digest.sources.entry_pages import Pages
from digest.sources.fetching import Fetcher, FetchError
from digest.sources.model import Source
from digest.sources.reader import Reader
from tests.conftest import FakeClock
from tests.sources.samples import ENTRY
from tests.sources.server import Script, ScriptedServer, answer, scripted_server
from tests.sources.test_full_text import PAGE

URL = "https://harbour.example/1"
HTML = answer(PAGE.encode(), Content_Type="text/html; charset=utf-8")


class WholePages(Reader):
    """Reduces nothing, and so needs no process."""

    async def text(self, content: bytes, url: str, media_type: str, least: str) -> str:
        assert (url[:4], media_type[:9], least) == ("http", "text/html", ENTRY.content)
        return content.decode()


@dataclass
class Site:
    """A server with a feed and pages, and what asks for them."""

    server: ScriptedServer
    pages: Pages
    source: Source
    clock: FakeClock

    async def text(self, path: str = "/1") -> str:
        return await self.pages.text(self.source, replace(ENTRY, link=self.server.url(path)))

    def asked(self) -> list[str]:
        return [path for path, _ in self.server.requests]


@pytest_asyncio.fixture(name="site")
async def _site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(entry_pages, "PAUSE", 0)
    clock, fetcher, reader = FakeClock(datetime(2026, 11, 28, tzinfo=UTC)), Fetcher(), WholePages()
    async with scripted_server() as server:
        server.on("/1", HTML)
        source = Source(name="harbour", url=server.url(), full_text=True, allow_private=True)
        yield Site(server, Pages(fetcher=fetcher, reader=reader, clock=clock), source, clock)
        await fetcher.close()


async def test_a_page_is_asked_for_as_robots_allow(site: Site) -> None:
    rules = b"User-agent: *\nDisallow: /private/\n\nUser-agent: Digest\nDisallow: /hidden\n"
    rules += b"# more\n" * 2_000 + b"Disallow: /"  # too far down to count
    site.server.on("/robots.txt", answer(rules))
    site.server.on("/hidden/1", HTML)
    text = await site.text()
    assert "The 0. crane" in text
    assert site.server.requests[1][1]["accept"].startswith("text/html")
    with pytest.raises(FetchError, match="robots"):
        await site.text("/hidden/1")
    assert site.asked() == ["/robots.txt", "/1"]
    site.clock.now += timedelta(hours=25)
    await site.text()
    assert site.asked()[2:] == ["/robots.txt", "/1"]


@pytest.mark.parametrize(
    "line", ["Crawl-delay: ²", "Request-rate: ²/5", "Disallow: //[x", "Allow: http://a℀b/"]
)
async def test_a_line_of_robots_that_cannot_be_read_spoils_no_other(site: Site, line: str) -> None:
    rules = f"User-agent: *\nDisallow: /hidden\n{line}\nDisallow: /private\n"
    site.server.on("/robots.txt", answer(rules.encode()))
    assert "The 0. crane" in await site.text()
    for path in ("/hidden", "/private"):
        with pytest.raises(FetchError, match="robots"):
            await site.text(path)


@pytest.mark.parametrize(
    ("path", "script", "problem"),
    [
        ("/1", answer(status="403 Forbidden"), "answered 403"),
        ("/1", answer(b"%PDF", Content_Type="application/pdf"), "is no HTML"),
        ("/1", answer(b"x" * 2**23, Content_Type="text/html"), "is no HTML of at most"),
        ("/1", answer(status="302 Found", Location="http://localhost:1/"), "no public address"),
        ("/robots.txt", answer(status="503 Busy"), "robots.txt answered 503"),
    ],
)
async def test_what_is_no_page_is_told(site: Site, path: str, script: Script, problem: str) -> None:
    site.server.on(path, script)
    with pytest.raises(FetchError, match=problem):
        await site.text()


async def test_a_page_elsewhere_is_never_private(site: Site) -> None:
    entry = replace(ENTRY, link="http://127.0.0.1:1/")
    with pytest.raises(FetchError, match="no public address"):
        await site.pages.text(site.source, entry)


async def test_robots_of_where_a_page_moved_count(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = replace(await site.pages._fetcher.fetch(site.server.url("/1"), private=True), url=URL)
    asked: list[str] = []

    async def check(url: str, *, private: bool) -> None:
        asked.append(f"{url} {private}")

    async def fetch(*_: object, **__: object) -> object:
        return moved

    monkeypatch.setattr(site.pages, "_check", check)
    monkeypatch.setattr(site.pages._fetcher, "fetch", fetch)
    await site.text()
    assert asked == [f"{site.server.url('/1')} True", f"{URL} False"]


async def test_few_hosts_are_remembered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_pages, "_MAX_HOSTS", 1)
    site.pages._robots["http://other.example"] = (site.clock(), RobotFileParser())
    await site.text()
    assert list(site.pages._robots) == [site.server.url("")]


async def test_a_visit_ends_after_failures_in_a_row(site: Site) -> None:
    visit = site.pages.visit(site.source)
    there, gone = (replace(ENTRY, link=site.server.url(path)) for path in ("/1", "/2"))
    assert await visit.text(replace(ENTRY, link="")) == ""
    for entry in (gone, gone, there):
        await visit.text(entry)
    before = len(site.asked())
    assert [await visit.text(gone) for _ in range(3)] == ["", "", ""]
    assert await visit.text(there) == ""
    assert len(site.asked()) == before + 3
