"""Readers who follow the archives of feeds over HTTP, while articles come, change and go."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from lxml import etree

from digest.app.web_application import make_application
from digest.app.wiring import Services
from digest.articles.model import CategoryPath
from digest.feeds.feedgen_extensions import TOMBSTONES
from digest.feeds.model import ATOM, JSON, Feed
from digest.feeds.publish.output_folder import OutputFolder
from digest.store.database import Store
from digest.web import public_pages
from digest.web.app import Probes
from tests import stores
from tests.conftest import Workplace
from tests.effort import effort
from tests.store.samples import BANKS, FINANCE, LOANS, MINUTE, NOW, SPACE, reading

A = "{http://www.w3.org/2005/Atom}"
AT = f"{{{TOMBSTONES}}}"
LIMIT = 4


@dataclass(frozen=True)
class Document:
    """What a reader makes of a document."""

    titles: dict[str, str]  #: by id
    gone: frozenset[str]
    previous: str | None


@dataclass
class Reader:
    """Follows one feed in one format, and keeps what it has seen."""

    client: httpx.AsyncClient
    feed: Feed
    name: str
    known: set[str] = field(default_factory=set)  #: addresses of archives
    titles: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)  #: what a person was shown as new

    async def visit(self) -> bool:
        """Look once; False where there is no such feed."""
        current = await self._fetch(self.feed.link(self.name))
        if current is None:
            return False
        fetched = [current]
        while (address := fetched[-1].previous) is not None and address not in self.known:
            self.known.add(address)
            archive = await self._fetch(address)
            assert archive is not None, address
            fetched.append(archive)
        for document in reversed(fetched):
            for one in document.gone:
                self.titles.pop(one, None)
            for one, title in document.titles.items():
                if self.titles.get(one) != title:
                    self.titles[one] = title
                    self.told.append((one, title))
        return True

    async def _fetch(self, address: str) -> Document | None:
        response = await self.client.get(urlsplit(address).path)
        if response.status_code == 404:
            return None
        assert response.status_code == 200
        return _atom(response.content) if self.name == ATOM else _json(response.content)


def _atom(content: bytes) -> Document:
    root = etree.fromstring(content)
    links = {one.get("rel"): one.get("href") for one in root.iterfind(f"{A}link")}
    entries = root.findall(f"{A}entry")
    titles = {one.findtext(f"{A}id") or "": one.findtext(f"{A}title") or "" for one in entries}
    assert len(titles) == len(entries)
    return Document(
        titles=titles,
        gone=frozenset(one.get("ref") or "" for one in root.iterfind(f"{AT}deleted-entry")),
        previous=links.get("prev-archive"),
    )


def _json(content: bytes) -> Document:
    found = json.loads(content)
    return Document(
        titles={item["id"]: item["title"] for item in found["items"]},
        gone=frozenset(),
        previous=found.get("next_url"),
    )


@dataclass
class Editor:
    """Writes articles, corrects, withdraws and restores them, at random."""

    store: Store
    dice: random.Random
    written: dict[int, CategoryPath] = field(default_factory=dict)
    step: int = 0

    def work(self) -> None:
        """Do one thing."""
        self.step += 1
        now = NOW + self.step * MINUTE
        deed = self.dice.choice(
            ["new", "new", "burst", "late", "correct", "move", "withdraw", "restore"]
        )
        some = self.dice.sample(sorted(self.written), min(len(self.written), 3))
        if deed in ("withdraw", "restore") and some:
            keys = [self.store.withdrawals.find(f"{one}.md")[0].article.key for one in some]
            if deed == "withdraw":
                self.store.withdrawals.withdraw(keys, now)
            else:
                self.store.withdrawals.restore(keys, now)
            return
        if deed not in ("correct", "move") or not some:
            count = self.dice.randint(2, 3 * LIMIT) if deed == "burst" else 1
            some = [len(self.written) + number for number in range(count)]
        if deed != "correct" or not self.written.keys() >= {*some}:
            self.written.update((one, self.dice.choice([LOANS, BANKS, SPACE])) for one in some)
        age = timedelta(days=self.dice.randint(1, 30)) if deed == "late" else timedelta(0)
        readings = [
            reading(
                f"{one}.md",
                content=f"{one} {self.step}",
                title=f"第 {one} 篇，第 {self.step} 版",
                categories=(self.written[one],),
                published_at=now - age,
            )
            for one in some
        ]
        self.store.articles.record(readings, now)


@pytest.fixture(name="services")
def _services(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setattr(OutputFolder, "wait", lambda *_: 0.0)  # many changes in one second
    monkeypatch.setattr(public_pages, "_LOOK_AT_STORE", 0.0)
    workplace.configure(
        f'[feeds]\nlimit = {LIMIT}\nformats = ["atom", "json"]\n'
        "authors = false\nlanguages = false\n"
    )
    with workplace.open() as services:
        yield services


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(effort(3, soak=20)))
async def test_whoever_follows_archives_misses_nothing(services: Services, seed: int) -> None:
    dice = random.Random(seed)
    services.publisher.start()
    editor = Editor(services.store, dice)
    app = make_application(services, approvals=services.approval(), probes=Probes(unready=str))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=services.site.url) as client:
        feeds = [services.plan.feed(category) for category in (None, FINANCE, LOANS)]
        readers = [Reader(client, feed, name) for feed in feeds if feed for name in (ATOM, JSON)]
        services.publisher.publish()
        for _ in range(12):
            for _ in range(dice.randint(1, 2)):
                editor.work()
            services.publisher.publish()
            for reader in readers:
                if dice.random() < 0.25 and await reader.visit():
                    check(services.store, reader)
        for reader in readers:
            newcomer = Reader(client, reader.feed, reader.name)
            if await newcomer.visit():
                count = len(shown(services.store, newcomer))
                assert len(newcomer.told) == len(newcomer.titles) == count


def shown(store: Store, reader: Reader) -> dict[str, str]:
    """Return the titles of what the reader's feed shows now, by id."""
    return {one.id: one.title for one in stores.newest(store, reader.feed.category, 10_000)}


def check(store: Store, reader: Reader) -> None:
    """Check that the reader has everything in its last version, and nothing of it twice."""
    expected = shown(store, reader)
    assert {one: reader.titles.get(one) for one in expected} == expected
    if reader.name == ATOM and reader.feed.category is None:
        assert reader.titles == expected, "a tombstone is missing"
    if reader.name == JSON:  # there nothing is taken back, so nothing is told again
        assert len(reader.told) == len(set(reader.told))
