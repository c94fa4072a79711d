"""Readers who follow the archives of feeds, as files, while the tree of articles changes."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from urllib.parse import unquote

import pytest
from lxml import etree

from digest.articles.model import CategoryPath, Changes
from digest.feeds.publish.publisher import Publisher
from digest.feeds.selection import ATOM, JSON, Feed
from digest.feeds.tombstones import NAMESPACE
from digest.store.database import Store, open_store
from tests.effort import effort
from tests.feeds.publish.test_publisher import PlainPages, tree
from tests.feeds.samples import SITE
from tests.store.samples import BANKS, FINANCE, LOANS, MINUTE, NOW, SPACE, reading

A = "{http://www.w3.org/2005/Atom}"
AT = f"{{{NAMESPACE}}}"
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

    output: Path
    feed: Feed
    name: str
    known: set[str] = field(default_factory=set)  #: addresses of archives
    titles: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)  #: what a person was shown as new

    def visit(self) -> None:
        fetched = [self._fetch(self.feed.link(self.name))]
        while (address := fetched[-1].previous) is not None and address not in self.known:
            self.known.add(address)
            fetched.append(self._fetch(address))
        for document in reversed(fetched):
            for one in document.gone:
                self.titles.pop(one, None)
            for one, title in document.titles.items():
                if self.titles.get(one) != title:
                    self.titles[one] = title
                    self.told.append((one, title))

    def _fetch(self, address: str) -> Document:
        content = (self.output / unquote(address.removeprefix(SITE.link("")))).read_bytes()
        return _atom(content) if self.name == ATOM else _json(content)


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

    def work(self) -> Changes:
        self.step += 1
        now = NOW + self.step * MINUTE
        deed = self.dice.choice(
            ["new", "new", "burst", "late", "correct", "move", "withdraw", "restore"]
        )
        some = self.dice.sample(sorted(self.written), min(len(self.written), 3))
        if deed in ("withdraw", "restore") and some:
            keys = [self.store.withdrawals.find(f"{one}.md")[0].article.key for one in some]
            if deed == "withdraw":
                return self.store.withdrawals.withdraw(keys, now)
            return self.store.withdrawals.restore(keys, now)
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
        return self.store.articles.record(readings, now)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(effort(3, soak=5)))
def test_files_miss_nothing_for_whoever_follows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power fails here
    dice = random.Random(seed)
    output = tmp_path / "public"
    feeds = [Feed(site=SITE, category=category) for category in (None, FINANCE, LOANS)]
    with open_store(f"sqlite:///{tmp_path}/digest.db") as store:
        store.authority(SITE.authority)
        publisher = Publisher(
            source=store.articles,
            pages=PlainPages(),
            site=SITE,
            output=output,
            limit=LIMIT,
            full=True,
            archives=store.archives,
        )
        editor = Editor(store, dice)
        readers = [Reader(output, feed, name) for feed in feeds for name in (ATOM, JSON)]
        publisher.publish_all()
        for _ in range(12):
            works = (editor.work() for _ in range(dice.randint(1, 2)))
            publisher.publish(sum(works, start=Changes()))
            for reader in readers:
                if dice.random() < 0.25 and (output / reader.feed.folder / reader.name).exists():
                    reader.visit()
                    check(store, reader)
        newcomers = [Reader(output, reader.feed, reader.name) for reader in readers]
        for newcomer in newcomers:
            if (output / newcomer.feed.folder / newcomer.name).exists():
                newcomer.visit()
                assert len(newcomer.told) == len(newcomer.titles) == len(shown(store, newcomer))
        before = tree(output)
        rmtree(output)
        publisher.publish_all()
        assert tree(output) == before


def shown(store: Store, reader: Reader) -> dict[str, str]:
    """Return the titles of what the reader's feed shows now, by id."""
    return {one.id: one.title for one in store.articles.newest(reader.feed.category, 10_000)}


def check(store: Store, reader: Reader) -> None:
    """Check that the reader has everything in its last version, and nothing of it twice."""
    expected = shown(store, reader)
    assert {one: reader.titles.get(one) for one in expected} == expected
    if reader.name == ATOM and reader.feed.category is None:
        assert reader.titles == expected, "a tombstone is missing"
    if reader.name == JSON:  # there nothing is taken back, so nothing is told again
        assert len(reader.told) == len(set(reader.told))
