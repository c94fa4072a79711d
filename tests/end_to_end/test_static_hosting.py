"""An export on a web server that knows nothing of Digest: every link in it leads somewhere."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urldefrag, urljoin, urlsplit

import httpx
import pytest
from lxml import etree, html

from digest.app.export.exporter import make_exporter
from digest.app.wiring import Services
from tests.conftest import CONFIGURATION, Workplace

#: Names that are hard to put into a path, an address, an attribute or a file name.
NAMES = (
    "科技",
    "100%",
    "two words",
    "R&D",
    "C#",
    "what?",
    "a+b=c",
    '"quoted"',
    "it's",
    "_hidden",
    ".dots",
    "@authors",
    "index.html",
    "feed.css",
    "a:b;c,d",
    "<b>",
    "Café",
    "back\\slash",
    "%2F",
)
OPTIONS = """
[feeds]
limit = 3
languages = true

[feeds.custom.bridges]
title = "桥"
words = ["桥"]

[feeds.custom.empty]
words = ["nothing has this"]
"""
#: Whatever a page may not lead to where nobody answers.
DAEMON_ALONE = re.compile(r"unsubscribe|/approve|/status|/healthz|/sample")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder as `python -m http.server` does; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Crawl:
    """Follows whatever leads to another place of the same host."""

    url: str  #: of the site
    client: httpx.Client
    places: dict[str, list[str]] = field(default_factory=dict)  #: that lead to an address
    seen: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)

    def run(self, *starts: str) -> None:
        host = urlsplit(self.url).netloc
        waiting = [*starts]
        while waiting:
            address = waiting.pop()
            if address in self.seen:
                continue
            self.seen.add(address)
            answer = self.client.get(address, follow_redirects=True)
            if answer.status_code != 200:
                self.broken.append(f"{address} from {self.places.get(address)}")
                continue
            for link in links(address, answer.content):
                target, fragment = urldefrag(urljoin(address, link))
                if urlsplit(target).netloc != host:
                    continue
                if not target.startswith(f"{self.url}/") or DAEMON_ALONE.search(target):
                    self.broken.append(f"{target} in {address}")
                if fragment and target == address and f'id="{fragment}"' not in answer.text:
                    self.broken.append(f"#{fragment} in {address}")
                self.places.setdefault(target, []).append(address)
                waiting.append(target)


def links(address: str, content: bytes) -> Iterator[str]:
    """Yield every address in a document."""
    path = urlsplit(address).path
    if path.endswith(".json"):
        yield from _strings(json.loads(content))
    elif path.endswith(".xml"):
        yield from re.findall(r'<\?xml-stylesheet [^>]*href="([^"]*)"', content.decode())
        for element in etree.fromstring(content).iter("{*}*"):
            for key in ("href", "url", "xmlUrl", "htmlUrl"):
                yield from filter(None, [element.get(key)])
            name, text = etree.QName(element).localname, element.text or ""
            if name in ("link", "loc", "guid", "comments") and text.startswith("http"):
                yield text
            if name in ("content", "encoded") and text:
                yield from _in_html(text)
    elif path.endswith("robots.txt"):
        yield from re.findall(r"(?m)^Sitemap: (.*)$", content.decode())
    elif not path.endswith(".css"):
        page = content.decode()
        assert "<form" not in page, address
        yield from _in_html(page)


def _in_html(text: str) -> Iterator[str]:
    for element in html.document_fromstring(text).iter():
        for key in ("href", "src", "action", "srcset", "poster", "data"):
            yield from filter(None, [element.get(key)])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str) and value.startswith("http"):
        yield value


def fill(workplace: Workplace) -> None:
    """Write articles of every kind: deep and odd categories, two languages, several authors."""
    number = 0
    for name in NAMES:
        for inner in ("", "里面 & more"):
            number += 1
            categories = "".join(f" - {json.dumps(one)}\n" for one in filter(None, (name, inner)))
            link = "link: https://elsewhere.example/1\n" if number % 3 == 0 else ""
            language = "en" if number % 2 else "zh-CN"
            workplace.write_text(
                f"{number}.md",
                f"---\ntitle: 'Title {number} <&> 桥'\ncategories:\n{categories}"
                f"author: {json.dumps(name)}\nlang: {language}\n{link}"
                f"date: 2026-11-{number % 20 + 1:02} 08:00:00\n---\n"
                f"Text [there](#there) and [out](https://elsewhere.example/)\n\n## There\n\nend\n",
            )


def issue(workplace: Workplace, services: Services) -> None:
    """Make three editions of the daily digest."""
    services.store.editions.start_digests(list(services.digests), services.clock())
    for number in range(3):
        workplace.clock.advance(hours=1)
        workplace.write(f"news {number}.md", f"新闻 {number}", categories=("新闻",), date=None)
        build(services)
        now = services.clock() + timedelta(minutes=1)
        assert services.store.editions.open_edition(services.digests["daily"], now, now)


def build(services: Services) -> None:
    with services.workers() as workers:
        services.ingest(workers).scan()
    services.publish()


@pytest.mark.sampled
@pytest.mark.parametrize("prefix", ["", "/blog/中文 site"])
def test_an_export_is_crawled_without_a_broken_link(workplace: Workplace, prefix: str) -> None:
    workplace.configure(OPTIONS, base=CONFIGURATION.replace("workers = 1", "workers = 2"))
    fill(workplace)
    hosting = workplace.folder / "hosting"
    folder = hosting / prefix.strip("/") if prefix else hosting
    folder.mkdir(parents=True)
    with workplace.open() as services, serving(hosting) as host, httpx.Client() as client:
        build(services)
        issue(workplace, services)
        url = host + quote(prefix)
        make_exporter(services, folder, url=url, archives=True).export()
        crawl = Crawl(url, client)
        crawl.run(f"{url}/", f"{url}/robots.txt", f"{url}/sitemap.xml", f"{url}/404.html")
        assert not crawl.broken
        reached = {urlsplit(one).path.removeprefix(quote(prefix)) for one in crawl.seen}
        written = {
            f"/{quote(str(file.relative_to(folder)).removesuffix('index.html'))}"
            for file in folder.rglob("*")
            if file.is_file() and not file.name.startswith(".")
        }
        assert written == reached, "every file is linked, and by one address"
        assert len([one for one in written if "/archive.d/" in one]) > 50
        assert len([one for one in written if one.startswith("/digests/daily/")]) == 5

        make_exporter(services, folder, url=url, archives=False).export()
        crawl = Crawl(url, client)
        crawl.run(f"{url}/", f"{url}/robots.txt")
        assert not crawl.broken
        assert not [one for one in crawl.seen if "archive" in one]
        assert not list(folder.rglob("archive.d"))
