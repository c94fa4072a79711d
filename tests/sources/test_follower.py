"""Following sources on a server that misbehaves by script, with a store in memory."""

from __future__ import annotations

import asyncio
import errno
import fcntl
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from digest.errors import StoreError
from digest.sources import entry_pages
from digest.sources import follower as follower_module
from digest.sources import reader as reader_module
from digest.sources.fetching import Fetcher, FetchError
from digest.sources.follower import Follower, SourceBusy
from digest.sources.model import EntryRecord, FeedDocument, Health, NoFeed, Source, SourceState
from digest.sources.reader import Reader
from tests.conftest import FakeClock
from tests.sources.samples import rss
from tests.sources.server import ScriptedServer, answer, scripted_server
from tests.sources.test_full_text import PAGE
from tests.waiting import PATIENCE


@dataclass
class MemoryStore:
    """Remembers sources in memory; ``broken`` has it fail to keep."""

    known: dict[str, SourceState] = field(default_factory=dict)
    entries: dict[tuple[str, str], EntryRecord] = field(default_factory=dict)
    broken: bool = False

    def states(self) -> Mapping[str, SourceState]:
        return dict(self.known)

    def records(self, source: str, entries: Collection[tuple[str, str]]) -> list[EntryRecord]:
        keys, aliases = {key for key, _ in entries}, {alias for _, alias in entries if alias}
        return [
            record
            for (name, _), record in self.entries.items()
            if name == source and (record.key in keys or record.alias in aliases)
        ]

    def taken_since(self, source: str, since: datetime) -> int:
        return sum(
            name == source and record.taken_at > since for (name, _), record in self.entries.items()
        )

    def keep(self, source: str, state: SourceState, records: Sequence[EntryRecord]) -> None:
        if self.broken:
            raise StoreError("disk full")
        self.known[source] = state
        self.entries |= {(source, record.key): record for record in records}


@dataclass
class Place:
    """A server, a source on it, and what follows it."""

    server: ScriptedServer
    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    followers: list[Follower] = field(default_factory=list)

    @property
    def source(self) -> Source:
        return Source(name="harbour", url=self.server.url(), allow_private=True)

    def follower(self, *sources: Source, site_url: str = "https://site.example") -> Follower:
        follower = Follower(
            sources=lambda: sources or [self.source],
            folder=self.folder,
            store=self.store,
            fetcher=Fetcher(),
            site_url=site_url,
            clock=self.clock,
            jitter=lambda: 0.0,
        )
        self.followers.append(follower)
        return follower

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with scripted_server() as server:
        made = Place(server, tmp_path / "sources")
        yield made
        for follower in made.followers:
            await follower.close()


def item(number: int, text: str = "text", guid: str = "") -> str:
    return (
        f"<title>Entry {number}</title><link>https://harbour.example/{number}</link>"
        f'<guid isPermaLink="false">{guid or number}</guid>'
        f"<pubDate>Mon, {number:02} Nov 2026 10:00:00 GMT</pubDate>"
        f"<description>{text}</description>"
    )


async def test_entries_become_files_and_only_the_first_are_quiet(place: Place) -> None:
    place.server.on("/feed", answer(rss(item(1), item(2))), answer(rss(item(1), item(3))))
    follower = place.follower()
    first = await follower.refresh(place.source)
    assert (first.new, first.state.health) == (2, Health.OK)
    second = await follower.refresh(place.source)
    assert (second.new, len(second.records)) == (1, 1)
    quiet = {path.name[:10]: "announce: false" in path.read_text() for path in place.files()}
    assert quiet == {"2026-11-01": True, "2026-11-02": True, "2026-11-03": False}


async def test_entries_are_quiet_though_the_first_requests_failed(place: Place) -> None:
    down = answer(status="503 Service Unavailable")
    many = rss(*(item(number) for number in range(1, 6)))
    place.server.on("/feed", down, answer(b"<html>"), answer(many), answer(rss(item(6))))
    source = replace(place.source, max_per_day=3)
    follower = place.follower()
    assert (await follower.refresh(source)).state.health is Health.FAILING
    assert (await follower.refresh(source)).state.health is Health.FAILING
    first = await follower.refresh(source)
    assert (first.new, first.waiting) == (5, 0)  # as at the first request
    assert all("announce: false" in path.read_text() for path in place.files())
    assert (await follower.refresh(replace(source, max_per_day=9))).new == 1
    assert "announce: false" not in place.files()[-1].read_text()


async def test_validators_are_sent_and_304_changes_nothing(place: Place) -> None:
    place.server.on(
        "/feed",
        answer(rss(item(1)), ETag='"1"', Last_Modified="Mon, 23 Nov 2026 08:00:00 GMT"),
        answer(b"<html>", "304 Not Modified"),
    )
    follower = place.follower()
    await follower.refresh(place.source)
    again = await follower.refresh(place.source)
    sent = place.server.requests[1][1]
    assert sent["if-none-match"] == '"1"'
    assert sent["if-modified-since"] == "Mon, 23 Nov 2026 08:00:00 GMT"
    assert (again.state.health, again.state.answer) == (Health.OK, "not modified")
    assert len(place.files()) == 1


async def test_the_newest_entries_have_the_texts_of_their_pages(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry_pages, "PAUSE", 0)
    monkeypatch.setattr(follower_module, "MAX_PAGES", 2)
    items = [
        item(number).replace("https://harbour.example", place.server.url(""))
        for number in (1, 2, 3)
    ]
    place.server.on("/feed", answer(rss(*items)))
    place.server.on("/3", answer(PAGE.encode(), Content_Type="text/html"))
    source = replace(place.source, full_text=True)
    follower = place.follower(source)
    await follower.refresh(source)
    assert ["The 0. crane" in path.read_text() for path in place.files()] == [False, False, True]
    assert [path for path, _ in place.server.requests] == ["/feed", "/robots.txt", "/2", "/3"]
    assert (await follower.refresh(source)).records == ()


async def test_an_entry_that_changes_changes_its_file(place: Place) -> None:
    place.server.on("/feed", answer(rss(item(1))), answer(rss(item(1, "other"))))
    follower = place.follower()
    await follower.refresh(place.source)
    changed = await follower.refresh(place.source)
    assert (changed.new, len(changed.records)) == (0, 1)
    [path] = place.files()
    assert "other" in path.read_text()


@pytest.mark.parametrize("left", ["edited", "deleted"])
async def test_a_file_that_the_operator_changed_is_left_alone(place: Place, left: str) -> None:
    versions = [answer(rss(item(1, text))) for text in ("a", "b", "c")]
    place.server.on("/feed", *versions)
    follower = place.follower()
    await follower.refresh(place.source)
    [path] = place.files()
    path.write_text("mine") if left == "edited" else path.unlink()
    for _ in range(2):
        await follower.refresh(place.source)
        assert [file.read_text() for file in place.files()] == ["mine"] * (left == "edited")


async def test_one_process_at_a_time_takes_the_entries_of_a_source(place: Place) -> None:
    place.server.on("/feed", answer(rss(item(1))))
    daemon, command = place.follower(), place.follower()
    refreshed: list[int] = []

    async def late(source: Source, state: SourceState) -> object:
        with pytest.raises(SourceBusy, match="harbour: another process"):
            await command.refresh(source)
        with pytest.raises(SourceBusy):
            await command.begin(source, FeedDocument(entries=()))
        await command.refresh_due()  # says nothing, and comes back when it is due
        refreshed.append(len(place.server.requests))
        return await ask(source, state)

    ask = daemon._ask
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(daemon, "_ask", late)
        await daemon.refresh(place.source)
    assert refreshed == [0]
    assert len(place.files()) == 1
    assert (await command.refresh(place.source)).state.health is Health.OK


async def test_a_file_system_without_locks_does_without(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EBADF, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    place.server.on("/feed", answer(rss(item(1))))
    assert (await place.follower().refresh(place.source)).new == 1


async def test_what_leaves_the_feed_stays(place: Place) -> None:
    place.server.on("/feed", answer(rss(item(1))), answer(rss()))
    follower = place.follower()
    await follower.refresh(place.source)
    await follower.refresh(place.source)
    assert len(place.files()) == 1


async def test_ids_that_change_make_no_second_article(place: Place) -> None:
    place.server.on(
        "/feed", *(answer(rss(item(1, text, guid=f"session-{text}"))) for text in ("a", "b", "c"))
    )
    follower = place.follower()
    for _ in range(3):
        await follower.refresh(place.source)
    [path] = place.files()
    assert path.read_text().endswith("c\n")


async def test_files_written_before_a_kill_are_written_again_at_their_place(place: Place) -> None:
    place.server.on("/feed", answer(rss(item(1))))
    place.store.broken = True
    with pytest.raises(StoreError):
        await place.follower().refresh(place.source)
    before = place.files()
    assert len(before) == 1
    place.store.broken = False
    again = await place.follower().refresh(place.source)
    assert (again.new, place.files()) == (1, before)
    assert "announce: false" in before[0].read_text()


async def test_a_flood_waits_for_the_next_days(place: Place) -> None:
    flood = rss(*(item(number) for number in range(1, 21)))
    place.server.on("/feed", answer(rss()), answer(flood, ETag='"1"'))
    source = replace(place.source, max_per_day=8)
    follower = place.follower(source)
    await follower.refresh(source)
    taken = []
    for _ in range(4):
        refreshed = await follower.refresh(source)
        taken.append((refreshed.new, refreshed.waiting))
        place.clock.advance(hours=25)
    assert taken == [(8, 12), (8, 4), (4, 0), (0, 0)]
    assert len(place.files()) == 20


@pytest.mark.parametrize(
    ("status", "rest", "wait", "health"),
    [
        ("500 Internal Server Error", "soon", timedelta(minutes=10), Health.FAILING),
        ("404 Not Found", "", timedelta(minutes=10), Health.FAILING),
        ("429 Too Many", "7200", timedelta(hours=2), Health.FAILING),
        ("410 Gone", "", None, Health.GONE),
    ],
)
async def test_an_answer_without_a_feed_is_remembered(
    place: Place, status: str, rest: str, wait: timedelta | None, health: Health
) -> None:
    place.server.on("/feed", answer(b"", status, Retry_After=rest))
    follower = place.follower()
    for _ in range(3):
        await follower.refresh_due()
    assert len(place.server.requests) == 1
    state = place.store.known["harbour"]
    assert (state.health, state.answer) == (health, f"answered {status[:3]}")
    assert state.next_at == (place.clock() + wait if wait else None)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html><body>Maintenance</body></html>", "."),
        (b"\x89PNG\r\n\x1a\n", "."),
        (rss(channel="<generator>Digest 1</generator>"), "it is a feed of this site"),
    ],
)
async def test_a_document_that_cannot_be_followed_is_told(
    place: Place, body: bytes, problem: str
) -> None:
    place.server.on("/feed", answer(body))
    refreshed = await place.follower(site_url="https://harbour.example").refresh(place.source)
    assert refreshed.state.health is Health.FAILING
    assert refreshed.state.answer.startswith(problem) or problem == "."
    assert place.files() == []


async def test_what_a_truncated_document_has_is_taken(place: Place) -> None:
    whole = rss(item(1), item(2))
    place.server.on("/feed", answer(whole[:-60]))
    refreshed = await place.follower().refresh(place.source)
    assert refreshed.new >= 1
    assert "broken" in refreshed.state.answer


async def test_a_document_that_is_cut_off_is_wanted_again_and_its_rest_is_no_news(
    place: Place,
) -> None:
    whole = rss(item(1), item(2), item(3))
    place.server.on(
        "/feed", answer(whole[: whole.index(b"<item><title>Entry 3")], ETag='"1"'), answer(whole)
    )
    follower = place.follower()
    first = await follower.refresh(place.source)
    assert (first.new, first.state.entity_tag) == (2, "")
    assert first.state.answer.endswith("cut off")
    again = await follower.refresh(place.source)
    assert "if-none-match" not in place.server.requests[1][1]
    assert again.new == 1
    assert all("announce: false" in path.read_text() for path in place.files())
    assert again.state.home


async def test_not_modified_is_no_answer_to_who_has_nothing(place: Place) -> None:
    place.server.on("/feed", answer(status="304 Not Modified"), answer(rss(item(1))))
    follower = place.follower()
    await follower.refresh_due()
    state = place.store.known["harbour"]
    assert (state.health, state.answer) == (Health.FAILING, "answered 304")
    place.clock.advance(minutes=11)
    await follower.refresh_due()
    assert "announce: false" in place.files()[0].read_text()


async def test_a_source_of_which_nothing_can_be_kept_is_asked_no_more_often_than_another(
    place: Place,
) -> None:
    place.server.on("/feed", answer(rss(item(1))))
    place.store.broken = True
    follower = place.follower()
    for requests, minutes in ((1, 9), (1, 2), (2, 19), (2, 2), (3, 39)):
        await follower.refresh_due()
        assert len(place.server.requests) == requests
        place.clock.advance(minutes=minutes)
    place.store.broken = False
    place.clock.advance(minutes=2)
    await follower.refresh_due()
    assert place.store.known["harbour"].health is Health.OK
    assert follower._failures == {}


async def test_a_failure_is_followed_by_a_success(place: Place) -> None:
    place.server.on("/feed", answer(status="500 No"), answer(rss(item(1))))
    follower = place.follower()
    await follower.refresh_due()
    place.clock.advance(minutes=11)
    await follower.refresh_due()
    state = place.store.known["harbour"]
    assert (state.failures, state.health) == (0, Health.OK)


async def test_a_source_under_a_new_address_is_asked_at_once_and_repeats_nothing(
    place: Place,
) -> None:
    place.server.on("/feed", answer(rss(item(1))))
    place.server.on("/new", answer(rss(item(1), item(2))))
    await place.follower().refresh_due()
    moved = replace(place.source, url=place.server.url("/new"))
    await place.follower(moved).refresh_due()
    assert len(place.files()) == 2


async def test_one_source_that_fails_stops_no_other(place: Place) -> None:
    place.server.on("/feed", answer(rss(item(1))))
    place.server.on("/other", answer(rss(item(2))))
    place.folder.mkdir()
    (place.folder / "harbour").write_text("a file in the way")
    other = Source(name="other", url=place.server.url("/other"), allow_private=True)
    await place.follower(place.source, other).refresh_due()
    assert place.store.known.keys() == {"other"}


async def test_running_asks_what_is_due_until_stopped(place: Place) -> None:
    asked = asyncio.Event()

    async def told(writer: asyncio.StreamWriter) -> None:
        await answer(rss(item(1)))(writer)
        asked.set()

    place.server.on("/feed", told)
    follower = place.follower()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(follower.run())
        await asked.wait()
        follower.stop()
    assert len(place.files()) == 1
    assert [file for file in place.files() if file.name.startswith(".")] == []


async def test_running_goes_on_while_the_store_is_away(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def away() -> Mapping[str, SourceState]:
        loop.call_soon_threadsafe(asked.set)
        raise StoreError("locked")

    monkeypatch.setattr(place.store, "states", away)
    follower = place.follower()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(follower.run())
        await asked.wait()
        follower.stop()
    assert place.server.requests == []


async def test_a_page_leads_to_its_feed(place: Place) -> None:
    page = b'<link rel="alternate" type="application/rss+xml" href="/feed">'
    url = place.server.on("/", answer(page))
    place.server.on("/feed", answer(rss(item(1))))
    address, document = await place.follower().discover(url, private=True)
    assert (address, len(document.entries)) == (place.server.url(), 1)
    assert place.files() == []
    address, _ = await place.follower().discover(place.server.url(), private=True)
    assert address == place.server.url()


async def test_what_is_allowed_goes_no_further_than_the_host_that_was_named(place: Place) -> None:
    place.server.on("/secret", answer(rss(item(1))))
    elsewhere = f"http://localhost:{place.server.port}/secret"
    place.store.known["harbour"] = SourceState(url=place.source.url, moved_to=elsewhere)
    after = await place.follower().refresh(place.source)
    assert "no public address" in after.state.answer
    page = f'<link rel="alternate" type="application/rss+xml" href="{elsewhere}">'
    url = place.server.on("/", answer(page.encode()))
    with pytest.raises(FetchError, match="no public address"):
        await place.follower().discover(url, private=True)
    assert [path for path, _ in place.server.requests] == ["/"]


async def test_a_page_without_a_feed_is_told(place: Place) -> None:
    url = place.server.on("/", answer(b"<html>no feed</html>"))
    with pytest.raises(NoFeed):
        await place.follower().discover(url, private=True)
    with pytest.raises(FetchError, match="answered 404"):
        await place.follower().discover(place.server.url("/none"), private=True)
    with pytest.raises(FetchError, match="no public address"):
        await place.follower().discover(url, private=False)


async def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = Reader()
    with monkeypatch.context() as patch:
        patch.setattr(reader_module, "_TIMEOUT", 0.0)
        with pytest.raises(NoFeed, match="too much time or memory"):
            await reader.read(rss(item(1)), "https://harbour.example/")
    assert len((await reader.read(rss(item(1)), "https://harbour.example/")).entries) == 1
    await reader.close()


async def test_a_document_that_is_called_off_leaves_no_answer_for_the_next() -> None:
    reader = Reader()
    first = asyncio.create_task(reader.read(rss(item(1)), "https://harbour.example/"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    read = await reader.read(rss(item(1), item(2)), "https://harbour.example/")
    assert len(read.entries) == 2
    await reader.close()


async def test_without_a_process_or_thread_a_document_is_read_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    reader = Reader()
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_exec", refuse)
        with pytest.raises(OSError, match="can't start new thread"):
            await reader.read(rss(item(1)), "https://harbour.example/")
    assert len((await reader.read(rss(item(1)), "https://harbour.example/")).entries) == 1
    await reader.close()


async def test_a_reader_that_dies_is_replaced() -> None:
    reader = Reader()
    await reader.read(rss(), "https://harbour.example/")
    assert reader._process is not None
    reader._process.kill()
    with pytest.raises(NoFeed):
        await reader.read(rss(), "https://harbour.example/")
    assert (await reader.read(rss(item(1)), "https://harbour.example/")).entries
    await reader.close()
