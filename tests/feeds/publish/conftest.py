"""A store, an output folder and a clock that a test steps: what publishing is tried with."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import feedparser
import pytest
from sqlalchemy import event

from digest.articles.filters import ArticleFilter
from digest.articles.ingest.records import Reading
from digest.articles.model import ArticleKey, CategoryPath, SafeHtml, path_identity
from digest.articles.revision import IngestPolicy
from digest.feeds.encodings import plain_name
from digest.feeds.model import ATOM, JSON, RSS
from digest.feeds.publish.model import Published
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.publish.publisher import Publisher
from digest.store.database import Store, open_store
from digest.store.types import hashed
from tests.defaults import default_plan, default_policy
from tests.feeds.samples import NOON, PORTS, SITE
from tests.store.samples import draft, file_record

SECOND = 1_000_000_000  #: nanoseconds
#: Three entries in a feed: the fourth article closes an archive.
PLAN = default_plan(site=SITE, formats=(RSS, ATOM, JSON), limit=3)
#: The same with facets: what processes that are killed publish.
KILL_PLAN = replace(PLAN, authors=True, languages=True)


@dataclass
class Seconds:
    """The clock of output folders, in nanoseconds; it stands still until it is moved on."""

    now: int = 1_800_000_000 * SECOND + SECOND // 4

    def __call__(self) -> int:
        return self.now

    def pass_(self, seconds: float = 1.0) -> None:
        """Let time pass."""
        self.now += int(seconds * SECOND)


@dataclass
class Bench:
    """One database, one output folder, and whoever publishes."""

    folder: Path
    store: Store
    clock: Seconds = field(default_factory=Seconds)
    told: list[str] = field(default_factory=list)  #: paths that hubs were told of
    terms: IngestPolicy = field(default_factory=lambda: default_policy(language=SITE.language))
    now: datetime = NOON

    @property
    def output(self) -> Path:
        """The output folder."""
        return self.folder / "public"

    def filters(self, *filters: ArticleFilter) -> None:
        """Define the operator's feeds."""
        self.terms = replace(self.terms, filters=filters)
        self.store.articles.update_withdrawals(self.now, None, self.terms)

    def take(
        self,
        *numbers: int,
        categories: tuple[CategoryPath, ...] = (PORTS,),
        language: str | None = None,
        authors: tuple[str, ...] = ("林舟",),
        title: str = "",
        body: str = "",
    ) -> None:
        """Take articles, or new versions of them; a higher number is of a later date."""
        self.now += timedelta(seconds=1)
        readings = []
        for number in numbers:
            found = draft(
                path_identity(PurePosixPath(f"{number}.md")),
                title=title or f"第 {number} 班船",
                categories=categories,
                published_at=NOON - timedelta(days=30) + timedelta(minutes=number),
                body=body or f"<p>潮水 &amp; 合同 {number}</p>",
                authors=authors,
                language=language,
            )
            found = replace(
                found,
                link=f"https://elsewhere.example/{number}",
                fingerprint=hashed(f"{found.fingerprint} {language}"),
            )
            record = file_record(f"{number}.md", f"{self.now} {number}")
            readings.append(Reading(record=record, outcome=found))
        self.store.articles.record(readings, self.now, self.terms)

    def key(self, number: int) -> ArticleKey:
        """Return the key of an article."""
        (found,) = self.store.withdrawals.find(f"{number}.md")
        return found.article.key

    def id(self, number: int) -> str:
        """Return the public id of an article."""
        return SITE.tag(self.key(number))

    def withdraw(self, *numbers: int) -> None:
        """Withdraw articles."""
        self.now += timedelta(seconds=1)
        self.store.withdrawals.withdraw([self.key(one) for one in numbers], self.now)

    def restore(self, *numbers: int) -> None:
        """Show articles again."""
        self.now += timedelta(seconds=1)
        self.store.withdrawals.restore([self.key(one) for one in numbers], self.now)

    def publisher(
        self,
        output: Path | None = None,
        *,
        style_sheet: bytes = b"feed {}",
        fingerprint: str = "",
        start: bool = True,
        **options: Any,
    ) -> Publisher:
        """Return a publisher, which may have started; ``options`` are of the plan."""
        chosen = replace(PLAN, **options)
        made = Publisher(
            store=self.store.feeds,
            folder=OutputFolder(output or self.output, time_ns=self.clock),
            feed_plan=chosen,
            style_sheet=style_sheet,
            fingerprint=fingerprint or repr(chosen),
            changed=self._tell,
        )
        if start:
            made.start()
        return made

    def failures(self) -> Mapping[str, str]:
        """Return what is noted of what cannot be written, by path."""
        output = self.store.feeds.output(OutputFolder(self.output).token() or "")
        return output.failures if output else {}

    def _tell(self, paths: Collection[str]) -> None:
        self.told += sorted(paths)

    def publish(self, publisher: Publisher) -> Published:
        """Publish a second later than before."""
        self.clock.pass_()
        done = publisher.publish()
        assert done.wait is None
        return done

    def build(self, **options: Any) -> Published:
        """Start, publish, pack and end: what a command does."""
        publisher = self.publisher(**options)
        done = self.publish(publisher)
        publisher.pack()
        publisher.close()
        return done

    def fresh(self, **options: Any) -> dict[str, bytes]:
        """Return what a new output folder of the same store holds."""
        told, self.told = self.told, []
        output = self.folder / "fresh"
        shutil.rmtree(output, ignore_errors=True)
        publisher = self.publisher(output, **options)
        publisher.publish()
        publisher.close()
        self.told = told
        return tree(output)

    def ids(self, path: str) -> list[int]:
        """Return the numbers of the articles in an Atom or RSS feed, in its order."""
        entries = feedparser.parse((self.output / path).read_bytes()).entries
        return [int(entry.link.rpartition("/")[2]) for entry in entries]


def tree(root: Path) -> dict[str, bytes]:
    """Return the published files; not their companions, nor what is hidden."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not (path.name.startswith(".") or plain_name(path.name))
    }


def everything(root: Path) -> set[str]:
    """Return the paths of all files."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def hidden(root: Path) -> set[str]:
    """Return the paths of hidden files but histories and what tells the folder from others."""
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob(".*")
        if path.is_file() and path.name != ".digest-output" and not path.name.endswith(".history")
    }


def long_body(number: int, size: int = 2_000) -> SafeHtml:
    """Return a body of about so many bytes that cannot be packed much."""
    words = " ".join(str(number * 7919 + one * 104_729) for one in range(size // 8))
    return SafeHtml(f"<p>{words}</p>")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with the newest schema and nothing in it."""
    path = tmp_path_factory.mktemp("publish") / "digest.db"
    with open_store(f"sqlite:///{path}") as store:
        store.authority(SITE.authority)
    return path


@pytest.fixture
def bench(empty_database: Path, tmp_path: Path) -> Iterator[Bench]:
    """Return an empty store with an output folder that is not there yet."""
    path = tmp_path / "digest.db"
    shutil.copyfile(empty_database, path)
    with open_store(f"sqlite:///{path}") as store:
        hurry(store)
        yield Bench(tmp_path, store)


def hurry(store: Store) -> None:
    """Have a SQLite database write to the disk when it likes: no power is lost in tests."""

    def relax(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    store.close()  # the connections that it has
    event.listen(store._database.engine, "connect", relax)
