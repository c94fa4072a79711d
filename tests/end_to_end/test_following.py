"""A reader that follows entity tags, news (RFC 3229) and archives (RFC 5005) over HTTP."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from lxml import etree

from digest.app.web_application import make_application
from digest.app.wiring import Services
from digest.articles.model import CategoryPath
from digest.feeds.model import ATOM
from digest.feeds.publish.output_folder import OutputFolder
from digest.web import public_pages
from digest.web.app import Probes
from tests.conftest import Workplace
from tests.effort import effort
from tests.store.samples import reading

#: Articles in a feed.
LIMIT = 3
ADDRESS = "http://127.0.0.1:8000"
A = "{http://www.w3.org/2005/Atom}"


def connect(services: Services) -> httpx.AsyncClient:
    """Return a client of a server that has just started."""
    app = make_application(services, approvals=services.approval(), probes=Probes(unready=str))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ADDRESS)


@dataclass
class Reader:
    """Asks for what is new to it, follows archives that it does not know, shows each thing once."""

    tag: str = ""
    archives: set[str] = field(default_factory=set)
    known: dict[str, tuple[str, str]] = field(default_factory=dict)  #: id to updated and title
    shown: list[tuple[str, str]] = field(default_factory=list)  #: ids and titles
    answers: list[int] = field(default_factory=list)

    async def visit(self, client: httpx.AsyncClient) -> None:
        """Look once."""
        headers = {"A-IM": "feed", "If-None-Match": self.tag} if self.tag else {}
        response = await client.get(f"{ADDRESS}/feeds/{ATOM}", headers=headers)
        self.answers.append(response.status_code)
        if response.status_code == 304:
            return
        self.tag = response.headers["etag"]
        documents = [etree.fromstring(response.content)]
        while (address := previous(documents[-1])) and address not in self.archives:
            self.archives.add(address)
            archive = await client.get(address)
            assert archive.status_code == 200, address
            documents.append(etree.fromstring(archive.content))
        for document in reversed(documents):
            for entry in document.iterfind(f"{A}entry"):
                self._read(*(entry.findtext(f"{A}{name}") or "" for name in NAMES))

    def _read(self, identity: str, updated: str, title: str) -> None:
        if self.known.get(identity, ("", ""))[0] < updated:
            self.known[identity] = (updated, title)
            self.shown.append((identity, title))


NAMES = ("id", "updated", "title")


def previous(document: etree._Element) -> str | None:
    """Return where a document's predecessor is."""
    links = {link.get("rel"): link.get("href") for link in document.iterfind(f"{A}link")}
    return links.get("prev-archive")


@dataclass
class Newsroom:
    """Publishes articles, corrections and bursts, at random."""

    workplace: Workplace
    services: Services
    dice: random.Random
    titles: dict[int, str] = field(default_factory=dict)  #: by number
    count: int = 0
    corrections: int = 0

    def work(self) -> None:
        """Do one thing."""
        self.workplace.clock.advance(minutes=1)
        deed = self.dice.choice(["new", "new", "burst", "late", "correct"])
        if deed == "correct" and self.titles:
            number = self.dice.choice(sorted(self.titles))
            self.corrections += 1
            self._write(number, title=f"更正 {self.corrections}")
        else:
            for _ in range(self.dice.randint(LIMIT, 3 * LIMIT) if deed == "burst" else 1):
                self.count += 1
                self._write(self.count, title=f"第 {self.count} 篇", late=deed == "late")
        self.services.publisher.publish()
        self.services.publisher.pack()

    def _write(self, number: int, *, title: str, late: bool = False) -> None:
        self.titles[number] = title
        now = self.services.clock()
        one = reading(
            f"{number}.md",
            content=f"{number} {title} {now}",
            title=title,
            categories=[self.dice.choice([CategoryPath(("茶",)), CategoryPath(("航运", "港口"))])],
            published_at=now - timedelta(days=400 if late else 0),
        )
        self.services.store.articles.record([one], now)


@pytest.fixture(name="services")
def _services(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setattr(OutputFolder, "wait", lambda *_: 0.0)  # many changes in one second
    monkeypatch.setattr(public_pages, "_LOOK_AT_STORE", 0.0)
    workplace.configure(f'[feeds]\nlimit = {LIMIT}\nformats = ["atom"]\nauthors = false\n')
    with workplace.open() as services:
        yield services


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(effort(4, soak=20)))
async def test_nothing_is_missed_and_nothing_is_shown_twice(
    workplace: Workplace, services: Services, seed: int
) -> None:
    dice = random.Random(seed)
    services.publisher.start()
    room = Newsroom(workplace, services, dice)
    readers = [Reader() for _ in range(3)]
    client = connect(services)
    room.work()
    for _ in range(dice.randint(6, 20)):
        room.work()
        if dice.random() < 0.2:  # the server starts anew
            await client.aclose()
            client = connect(services)
        for reader in readers:
            if dice.random() < 0.4:
                await reader.visit(client)
    for reader in readers:
        await reader.visit(client)
        await reader.visit(client)
        titles = {identity: title for identity, (_, title) in reader.known.items()}
        assert sorted(titles.values()) == sorted(room.titles.values())
        assert len(reader.shown) == len(set(reader.shown))
        assert {200, 304} <= set(reader.answers)
    assert any(226 in reader.answers for reader in readers)
    await client.aclose()
