"""A reader that follows entity tags, news (RFC 3229) and archives (RFC 5005) over HTTP."""

from __future__ import annotations

import os
import random
import tempfile
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from lxml import etree
from starlette.applications import Starlette
from starlette.routing import Route

from digest.articles.model import Article
from digest.feeds.publish import Publisher
from digest.feeds.selection import ATOM
from digest.web.feeds import PublishedFiles
from tests.effort import effort
from tests.feeds.samples import PORTS, SITE, TEA, article
from tests.feeds.test_archiving import LIMIT, ArchiveShelf, publisher
from tests.feeds.test_publish import changes

A = "{http://www.w3.org/2005/Atom}"


def connect(output: Path) -> httpx.AsyncClient:
    """Return a client of a server that has just started."""
    files = PublishedFiles(output)
    app = Starlette(routes=[Route("/{path:path}", files.serve, methods=["GET"])])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=SITE.url)


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
        response = await client.get(f"{SITE.url}/feeds/{ATOM}", headers=headers)
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

    shelf: ArchiveShelf
    one: Publisher
    dice: random.Random
    count: int = 0

    def work(self) -> None:
        """Do one thing."""
        deed = self.dice.choice(["new", "new", "burst", "late", "correct"])
        held = sorted(self.shelf.held.values(), key=lambda one: one.sequence)
        if deed == "correct" and held:
            some = [self._corrected(self.dice.choice(held))]
        else:
            number = self.dice.randint(LIMIT, 3 * LIMIT) if deed == "burst" else 1
            some = [self._written(late=deed == "late") for _ in range(number)]
        self.shelf.add(*some)
        self.one.publish(changes(*some))

    def _written(self, *, late: bool) -> Article:
        self.count += 1
        made = article(self.count, categories=(self.dice.choice([TEA, PORTS]),))
        moment = made.published_at - timedelta(days=400 if late else 0)
        return replace(made, published_at=moment, updated_at=moment)

    def _corrected(self, old: Article) -> Article:
        self.count += 1
        later = max(one.updated_at for one in self.shelf.held.values()) + timedelta(minutes=1)
        return replace(old, title=f"更正 {self.count}", updated_at=later)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(2))
async def test_over_many_histories_nothing_is_missed_and_nothing_is_shown_twice(
    monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    answers = set()
    count = effort(20, soak=25)
    for seed in range(part * count, part * count + count):
        dice = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            shelf = ArchiveShelf()
            room = Newsroom(shelf, publisher(shelf, Path(folder)), dice)
            readers = [Reader() for _ in range(3)]
            client = connect(Path(folder))
            room.one.publish_all()
            for _ in range(dice.randint(2, 9)):
                room.work()
                if dice.random() < 0.2:  # the server starts anew
                    await client.aclose()
                    client = connect(Path(folder))
                for reader in readers:
                    if dice.random() < 0.4:
                        await reader.visit(client)
            for reader in readers:
                await reader.visit(client)
                titles = {identity: title for identity, (_, title) in reader.known.items()}
                assert titles == {one.id: one.title for one in shelf.held.values()}
                assert len(reader.shown) == len(set(reader.shown))
                answers.update(reader.answers)
            await client.aclose()
    assert answers == {200, 226, 304}
