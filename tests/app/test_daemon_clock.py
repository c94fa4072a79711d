"""Whatever becomes of the clock and the schedule, an article is in one edition of a digest."""

from __future__ import annotations

import asyncio
import itertools
import mailbox
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.app.builders import make_schedules
from digest.app.daemon import Daemon
from digest.app.wiring import Services
from digest.editions.model import Edition
from digest.mail.delivery.service import DeliveryService
from digest.settings.options import DigestTable
from digest.subscribers.model import NewSubscriber
from tests import stores
from tests.conftest import CONFIGURATION, NOW, FakeClock, Workplace
from tests.effort import effort
from tests.store.samples import reading
from tests.waiting import PATIENCE, ThreadCalls

#: 06:00 in Shanghai, an hour before the first run of all schedules here.
EARLY = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def configure(workplace: Workplace, schedule: str) -> None:
    """Give the digest ``daily`` another schedule, as TOML has it, and mails that keep."""
    changed = f'schedule = {schedule}\nexpires = "30d"\ncatch_up = "30d"'
    workplace.configure(base=CONFIGURATION.replace('schedule = "0 7 * * *"', changed))


@asynccontextmanager
async def alive(services: Services) -> AsyncIterator[Daemon]:
    """Run a daemon until the block ends; yield it when it is up."""
    up = asyncio.Event()
    daemon = Daemon(services, announce=lambda _: up.set())
    task = asyncio.create_task(daemon.run())
    try:
        async with asyncio.timeout(PATIENCE):
            first = asyncio.create_task(up.wait())
            await asyncio.wait({first, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            await first
        yield daemon
    finally:
        daemon.stop()
        await task


async def arrive(calls: ThreadCalls, workplace: Workplace, services: Services, title: str) -> None:
    """Write an article and wait until it is known."""
    before = stores.newest_sequence(services.store)
    workplace.write(f"{title}.md", title)
    await calls.until(lambda: stores.newest_sequence(services.store) != before)


def editions(services: Services, name: str = "daily") -> list[Edition]:
    """Return all editions of a digest, oldest first."""
    return stores.editions(services.store, name, 1_000)[::-1]


def told(services: Services, name: str = "daily") -> list[tuple[str, str]]:
    """Return when each edition that holds something was due in Shanghai, and its titles."""
    found = []
    for edition in editions(services, name):
        _, articles = services.store.editions.edition(edition.id)
        if articles:
            due_at = f"{edition.due_at + 8 * HOUR:%d %H:%M}"
            found.append((due_at, " ".join(article.title for article in articles)))
    return found


def in_order(made: list[Edition]) -> bool:
    """Tell whether no run made two editions, and each starts where the one before ended."""
    return len({edition.due_at for edition in made}) == len(made) and all(
        before.upto == edition.after for before, edition in itertools.pairwise(made)
    )


@pytest.mark.parametrize("way", ["restarted", "asleep"])
@pytest.mark.parametrize(
    ("hours", "expected"),
    [(0.9, []), (1, [("24 07:00", "a b")]), (5.5, [("24 11:00", "a b")])],
    ids=["0 runs", "1 run", "3 runs"],
)
async def test_a_daemon_that_slept_over_runs_makes_one_edition_for_the_last(
    workplace: Workplace,
    calls: ThreadCalls,
    way: str,
    hours: float,
    expected: list[tuple[str, str]],
) -> None:
    configure(workplace, '"daily 07:00 09:00 11:00"')
    workplace.clock.now = EARLY
    with workplace.open() as services:
        async with alive(services) as daemon:
            await arrive(calls, workplace, services, "a")
            if way == "asleep":
                await arrive(calls, workplace, services, "b")
                workplace.clock.advance(hours=hours)
                await asyncio.gather(daemon._fire("daily"), daemon._fire("daily"))
        if way == "restarted":
            workplace.write("b.md", "b")
            workplace.clock.advance(hours=hours)
        async with alive(services) as daemon:
            await daemon._fire("daily")
        assert told(services) == expected
        assert in_order(editions(services))


async def test_a_clock_that_jumps_there_and_back_loses_and_repeats_nothing(
    workplace: Workplace, calls: ThreadCalls
) -> None:
    configure(workplace, '"daily 07:00"')
    workplace.clock.now = EARLY
    steps = [
        ("a", 1),  # the 24th, 07:00
        ("b", 1 + 5 * 24),  # ahead: the 29th, 07:00
        ("", 14),  # right again: the 24th, 20:00
        ("c", -300),  # long ago: the 11th, 07:00
        ("", 24.9),  # the 25th, 06:54
        ("d", 25),  # 07:00
        ("e", 25),  # the same minute
        ("", 24.5),  # back by half an hour
        ("", 25.5),  # and there again
        ("f", 49),  # the 26th, 07:00
        ("g", 1 + 5 * 24),  # the 29th, 07:00: this run has made its edition
        ("h", 1 + 6 * 24),
    ]
    with workplace.open() as services:
        async with alive(services) as daemon:
            for title, hours in steps:
                if title:
                    await arrive(calls, workplace, services, title)
                workplace.clock.now = EARLY + hours * HOUR
                await daemon._fire("daily")
        assert told(services) == [
            ("24 07:00", "a"),
            ("29 07:00", "b"),
            ("11 07:00", "c"),
            ("25 07:00", "d"),
            ("26 07:00", "e f"),
            ("30 07:00", "g h"),
        ]
        assert in_order(editions(services))


async def test_a_schedule_that_changes_while_editions_are_open_repeats_and_loses_nothing(
    workplace: Workplace, calls: ThreadCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def idle(service: DeliveryService) -> None:
        while not service._wakeup.stopped:
            await service._wakeup.wait(60)

    workplace.clock.now = EARLY
    starts = [
        # schedule of this start, hours since the first, what came in before it
        ('"daily 07:00"', 0, ""),
        ('"daily 07:00"', 1, "a"),
        ('["daily 07:30", "weekly tue 06:00"]', 2, "b"),  # a new run, after the old one
        ('"0 7 25 * *"\nskip = ["wed"]', 40, "c"),  # the 25th is off
        ('"monthly last 07:00"', 150, "d"),
    ]
    with monkeypatch.context() as nothing_is_sent:
        nothing_is_sent.setattr(DeliveryService, "run", idle)
        for schedule, hours, title in starts:
            configure(workplace, schedule)
            if title:
                workplace.write(f"{title}.md", title)
            workplace.clock.now = EARLY + hours * HOUR
            with workplace.open() as services:
                if not title:
                    services.store.subscribers.add(
                        NewSubscriber(address="reader@example.org", digest="daily"), EARLY
                    )
                async with alive(services):
                    pass
    expected = [
        ("24 07:00", "a"),
        ("24 07:30", "b"),
        ("30 07:00", "c d"),
    ]
    with workplace.open() as services:
        assert told(services) == expected
        assert {edition.state for edition in editions(services)} == {"open"}
        async with alive(services):
            await calls.until(lambda: not services.store.deliveries.next_due_at())
        assert told(services) == expected
        assert in_order(editions(services))
    mails = [str(mail["To"]) for mail in mailbox.Maildir(workplace.folder / "mail")]
    assert mails == ["reader@example.org"] * len(expected)


_LINES = st.sampled_from(
    [
        "daily 07:00",
        "daily 07:00 18:30",
        "weekly mon,thu 07:00",
        "monthly 15,last 09:00",
        "0 * * * *",
        "30 2 * * *",
    ]
)
_TABLES = st.builds(
    DigestTable,
    schedule=st.lists(_LINES, min_size=1, max_size=2).map(tuple),
    skip=st.sampled_from([(), ("sat-sun",), ("2026-11-20..2026-11-30",), ("03-29", "tue")]),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "subscriber"]),
    catch_up=st.sampled_from([timedelta(0), 12 * HOUR, timedelta(days=30)]),
)
_STEPS = st.lists(
    st.one_of(
        st.just("article"),
        st.just("fire"),
        st.floats(0, 48).map(lambda hours: hours * HOUR),
        st.floats(-200, 200).map(lambda hours: hours * HOUR),
        st.just("next run"),
        _TABLES,
    ),
    max_size=25,
)


_READERS = ("Pacific/Kiritimati", "America/New_York", None)


class Life:
    """A digest through starts, schedules and times; its readers live far apart."""

    def __init__(self, services: Services, clock: FakeClock, name: str, table: DigestTable) -> None:
        self.name = name
        self._base = services
        self._clock = clock
        self.latest = clock.now
        for number, zone in enumerate(_READERS):
            reader = NewSubscriber(address=f"{number}@example.org", digest=name, timezone=zone)
            services.store.subscribers.add(reader, clock())
        self.start(table)

    def start(self, table: DigestTable) -> None:
        """Do what a daemon that starts with a configuration does for a digest."""
        settings = self._base.settings.model_copy(update={"digests": {self.name: table}})
        self.services = replace(
            self._base,
            settings=settings,
            digests={self.name: settings.digest(self.name)},
            schedules=make_schedules(settings),
        )
        self.services.store.editions.start_digests([self.name], self._clock())
        self._due_runs = self.services.due_runs()
        self.fire()

    def fire(self) -> None:
        """Do what the daemon does when the timer calls."""
        now = self._clock()
        due_at = self._due_runs.due_at(self.name, now)
        if due_at is not None:
            digest = self.services.digests[self.name]
            self.services.store.editions.open_edition(digest, due_at, now)

    def at(self, now: datetime) -> None:
        """Set the clock."""
        self._clock.now = now
        self.latest = max(self.latest, now)

    def next_run(self) -> datetime:
        """Return when the next run opens, after all that the clock ever showed."""
        schedule = self.services.schedules[self.name]
        zones = [zone or schedule.timezone for zone in _READERS]
        run = opens_at = self.latest
        while opens_at <= self.latest:
            following = schedule.next_after(run)
            assert following is not None
            run, opens_at = following, schedule.opens_at(following, zones)
        return opens_at


@pytest.fixture
def services(workplace: Workplace) -> Iterator[Services]:
    with workplace.open() as opened:
        yield opened


@pytest.mark.full_speed
@pytest.mark.soak
def test_each_article_is_in_one_edition_whatever_happens(
    workplace: Workplace, services: Services
) -> None:
    numbers = itertools.count()

    @given(first=_TABLES, steps=_STEPS)
    @settings(max_examples=effort(20, soak=40))
    def hold(first: DigestTable, steps: list[str | timedelta | DigestTable]) -> None:
        workplace.clock.now = NOW
        life = Life(services, workplace.clock, f"d{next(numbers)}", first)
        wanted: set[str] = set()
        for step in [*steps, "article"]:
            if isinstance(step, DigestTable):
                life.start(step)
            elif isinstance(step, timedelta):
                life.at(workplace.clock.now + step)
            elif step == "article":
                title = f"{life.name}-{len(wanted)}"
                services.store.articles.record([reading(f"{title}.md", title=title)], NOW)
                wanted.add(title)
            elif step == "fire":
                life.fire()
            else:
                life.at(life.next_run())
                life.fire()
        # One is not enough: a moment of this schedule may have had its edition by another one,
        # which readers in the east opened a day before.
        for _ in range(3):
            life.at(life.next_run())
            life.fire()

        made = editions(services, life.name)
        assert in_order(made)
        titles = Counter(
            article.title
            for edition in made
            for article in services.store.editions.edition(edition.id)[1]
        )
        assert titles == Counter(wanted)

    hold()
