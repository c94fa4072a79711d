"""Each article reaches each reader exactly once, whatever comes in between.

The real store, schedule, due runs and queue, a clock that is set, and a process that is killed at
any call it makes to its database or its mail server. Hypothesis thinks of the histories.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.articles.model import CategoryPath
from digest.editions.model import Approval, Digest
from digest.errors import DeliveryDeferred, ServerUnavailable
from digest.mail.composer import Composer
from digest.mail.delivery.rate_limit import Limits
from digest.mail.delivery.worker import DeliverySettings, DeliveryStore, DeliveryWorker
from digest.mail.message import Envelope
from digest.mail.render import MailTemplates
from digest.scheduling.due import DueRuns
from digest.scheduling.schedule import Schedule
from digest.store.database import Store, open_store
from digest.subscribers.model import NewSubscriber, SubscriberState
from digest.wakeup import WakeUp
from tests import stores
from tests.conftest import FakeClock
from tests.effort import effort
from tests.mail.samples import CITY, FINANCE, KEY, NOW, SENDER, SITE, TEMPLATES
from tests.store.samples import reading

READERS = ("a", "b", "c")
ZONES = (None, "Asia/Tokyo", "America/Los_Angeles")
SELECTIONS: tuple[tuple[CategoryPath, ...], ...] = ((), (FINANCE,), (CITY,))
SCHEDULES = (
    ("daily 07:00",),
    ("0 */6 * * *",),
    ("weekly mon-fri 07:00", "monthly last 19:00"),
)
CONNECTIONS = 2
DAY = timedelta(days=1)


class Killed(BaseException):
    """The process ends here; nothing that it does afterwards happens."""


@dataclass
class Fate:
    """How many more calls to the outside a process makes."""

    calls: int | None = None  #: None: as many as it likes

    @property
    def met(self) -> bool:
        """Whether the process was killed."""
        return self.calls is not None and self.calls < 0

    def call(self) -> None:
        """Count a call; raise Killed where it is one too many."""
        if self.calls is not None:
            self.calls -= 1
            if self.calls < 0:
                raise Killed


class Mortal:
    """A store that a process can be killed at, right before or right after a call."""

    def __init__(self, store: object, fate: Fate) -> None:
        self._store = store
        self._fate = fate

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*args: object, **named: object) -> object:
            self._fate.call()
            result = method(*args, **named)
            self._fate.call()
            return result

        return call


@dataclass
class Server:
    """A mail server that remembers what it took."""

    random: Random
    trouble: float = 0.0  #: how often it says no for now
    taken: list[tuple[str, str, frozenset[int]]] = field(default_factory=list)
    fate: Fate = field(default_factory=Fate)

    async def send(self, envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        """Take a message, or not; the process may die before it hears of it."""
        if after is not None:
            await asyncio.shield(after)
        self.fate.call()
        await asyncio.sleep(0)
        if self.random.random() < self.trouble:
            raise self.random.choice([ServerUnavailable(None, "away"), DeliveryDeferred(450, "no")])
        message = email.message_from_bytes(envelope.message, policy=email.policy.default)
        text = message.get_body(("plain",))
        assert text is not None
        told = frozenset(map(int, re.findall(r"Article-(\d+)-", text.get_content())))
        self.taken.append((envelope.recipient.partition("@")[0], message["Message-ID"], told))
        self.fate.call()

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Reader:
    """What a reader is entitled to."""

    categories: set[tuple[CategoryPath, ...]] = field(default_factory=set)  #: at any time
    since: int | None = None  #: the first article that comes while they read; None: they left
    told_before: frozenset[int] = frozenset()  #: by editions that went out before they came


class World:
    """Everything, and what should come of it."""

    def __init__(self, store: Store, digest: Digest, seed: int) -> None:
        self.store = store
        self.digest = digest
        self.clock = FakeClock(NOW)
        self.server = Server(Random(seed))
        self.schedule = Schedule(SCHEDULES[0], digest.timezone, local=digest.local)
        self.articles: dict[int, CategoryPath] = {}
        self.readers = {name: Reader() for name in READERS}
        store.editions.start_digests([digest.name], self.clock())

    def publish(self, category: CategoryPath) -> None:
        """Have a new article stored."""
        number = len(self.articles) + 1
        self.articles[number] = category
        self._record(number)

    def rewrite(self, number: int) -> None:
        """Have an article say something else."""
        if number in self.articles:
            self._record(number, body=f"<p>{self.clock()}</p>")

    def _record(self, number: int, body: str = "<p>…</p>") -> None:
        found = reading(
            f"{number}.md",
            content=body,
            title=f"Article-{number}-",
            categories=(self.articles[number],),
            body=body,
        )
        self.store.articles.record([found], self.clock())

    def join(self, name: str, selection: int, zone: int) -> None:
        """Have somebody subscribe, or change what they read."""
        new = NewSubscriber(
            address=f"{name}@example.org",
            digest=self.digest.name,
            categories=SELECTIONS[selection],
            timezone=ZONES[zone] or "",
        )
        self.store.subscribers.add(new, self.clock(), again=True)
        reader = self.readers[name]
        reader.categories.add(SELECTIONS[selection])
        if reader.since is None:
            reader.since = len(self.articles) + 1
            reader.told_before = frozenset(self._told())

    def leave(self, name: str) -> None:
        """Have somebody unsubscribe."""
        for one in self.store.subscribers.list(self.digest.name, SubscriberState.ACTIVE):
            if one.address == f"{name}@example.org":
                self.store.subscribers.unsubscribe(one.id, self.clock())
                self.readers[name].since = None

    def _told(self) -> set[int]:
        """Return the articles of editions that have their deliveries."""
        with self.store.pages.snapshot() as snapshot:
            return {
                int(article.title.split("-")[1])
                for one in snapshot.editions(self.digest.name)
                for article in snapshot.edition_articles(one.edition)
            }

    def plan(self, number: int) -> None:
        """Have the operator change the schedule, and start again."""
        self.schedule = Schedule(SCHEDULES[number], self.digest.timezone, local=self.digest.local)

    def approve(self) -> None:
        """Have the operator approve what waits."""
        for draft, _ in self.store.editions.drafts():
            self.store.editions.approve(draft.id, self.digest, self.clock())

    def live(self, calls: int | None = None) -> bool:
        """Start a process that makes what is due and sends it; True: it was killed at a call."""
        fate = Fate(calls)
        try:
            asyncio.run(self._process(fate))
        except (Killed, BaseExceptionGroup):
            if not fate.met:
                raise
        return fate.met

    async def _process(self, fate: Fate) -> None:
        self.server.fate = fate
        editions = cast("Any", Mortal(self.store.editions, fate))
        due_runs = DueRuns(
            schedules={self.digest.name: self.schedule},
            catch_up={self.digest.name: 2 * DAY},
            editions=editions,
            readers=cast("Any", Mortal(self.store.subscribers, fate)),
        )
        store = cast("Any", Mortal(self.store.deliveries, fate))
        worker = DeliveryWorker(
            store=cast("DeliveryStore", store),
            editions=editions,
            composer=Composer(
                templates=MailTemplates(templates=TEMPLATES, site=SITE),
                site=SITE,
                sender=SENDER,
                token_key=KEY,
            ),
            transport=self.server,
            settings=DeliverySettings(
                digests={self.digest.name: self.digest}, connections=CONNECTIONS, limits=Limits()
            ),
            clock=self.clock,
            jitter=self.server.random.random,
        )
        due_at = due_runs.due_at(self.digest.name, self.clock())
        if due_at is not None:
            await asyncio.to_thread(editions.open_edition, self.digest, due_at, self.clock())
        await worker.send_due(WakeUp())

    def end(self) -> None:
        """Let days go by without trouble until everything is said."""
        self.server.trouble = 0.0
        latest = [one.due_at for one in stores.editions(self.store, None, 1)]
        # Past what a clock that was ahead has put off.
        self.clock.now = max([self.clock.now, *latest])
        for _ in range(2 if self.digest.min_items == 1 else 1 + self.digest.min_items):
            self.publish(FINANCE)
        for _ in range(80):
            self.clock.now += timedelta(hours=13)
            self.live()
            self.approve()
            pending = self.store.deliveries.next_due_at()
            said = stores.taken_upto(self.store, self.digest.name) == len(self.articles)
            if pending is None and said and not self.store.editions.drafts():
                return
        raise AssertionError("the queue never came to rest")

    def check(self, kills: int) -> None:
        """Hold what everybody got against what they should have."""
        got: dict[str, dict[int, set[str]]] = {name: {} for name in READERS}
        for name, message_id, told in self.server.taken:
            for number in told:
                got[name].setdefault(number, set()).add(message_id)
        for name, reader in self.readers.items():
            for number, category in self.articles.items():
                ids = got[name].get(number, set())
                wanted = [
                    not one or any(category.within(path) for path in one)
                    for one in reader.categories
                ]
                assert len(ids) <= 1, f"{name} read {number} in {len(ids)} editions"
                if not any(wanted):
                    assert not ids, f"{name} never asked for {number}"
                elif reader.since is not None and number >= reader.since and all(wanted):
                    assert ids, f"{name} missed {number}"
        repeats = sum(Counter(one[:2] for one in self.server.taken).values()) - len(
            {one[:2] for one in self.server.taken}
        )
        assert repeats <= kills * CONNECTIONS


_DAY = st.tuples(st.just("day"), st.integers(0, 3), st.none() | st.integers(0, 40))
STEPS = st.one_of(
    _DAY,
    _DAY,
    _DAY,
    st.tuples(st.just("publish"), st.sampled_from([FINANCE, CITY])),
    st.tuples(st.just("rewrite"), st.integers(1, 6)),
    st.tuples(st.just("join"), st.sampled_from(READERS), st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just("leave"), st.sampled_from(READERS)),
    st.tuples(st.just("pass"), st.sampled_from([0.1, 1, 5, 11, 24, 50, 100])),
    st.tuples(st.just("set back"), st.sampled_from([1, 12, 30])),
    st.tuples(st.just("live"), st.none() | st.integers(0, 40)),
    st.tuples(st.just("trouble"), st.sampled_from([0.0, 0.3, 1.0])),
    st.tuples(st.just("plan"), st.integers(0, 2)),
    st.tuples(st.just("approve")),
)
DIGESTS = st.builds(
    Digest,
    name=st.just("daily"),
    title=st.just("Daily"),
    timezone=st.just("Asia/Shanghai"),
    expires=st.just(timedelta(days=10_000)),
    max_items=st.just(1_000),
    min_items=st.sampled_from([1, 1, 3]),
    local=st.booleans(),
    approval=st.sampled_from([None, None, Approval(within=DAY, sends=True)]),
)


def play(world: World, steps: list[tuple[Any, ...]]) -> int:
    """Let a history happen; return how often the process was killed."""
    kills = 0
    world.join("a", 0, 0)
    for step, *values in steps:
        match step:
            case "pass":
                world.clock.advance(hours=values[0])
            case "set back":
                world.clock.advance(hours=-values[0])
            case "day":
                world.clock.advance(hours=24)
                for number in range(values[0]):
                    world.publish((FINANCE, CITY)[number % 2])
                kills += world.live(values[1])
            case "live":
                kills += world.live(values[0])
            case "trouble":
                world.server.trouble = values[0]
            case _:
                getattr(world, step)(*values)
    return kills


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database whose schema is up to date."""
    path = tmp_path_factory.mktemp("store") / "digest.db"
    with open_store(f"sqlite:///{path}") as store:
        store.authority("example.org,2026")
    return path


@pytest.mark.soak
@given(steps=st.lists(STEPS, min_size=5, max_size=25), digest=DIGESTS, seed=st.integers(0, 1000))
@settings(max_examples=effort(20, soak=40), suppress_health_check=[HealthCheck.too_slow])
def test_each_article_reaches_each_reader_exactly_once(
    template: Path, steps: list[tuple[Any, ...]], digest: Digest, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digest.db"
        shutil.copyfile(template, path)
        with open_store(f"sqlite:///{path}") as store:
            world = World(store, digest, seed)
            kills = play(world, steps)
            world.end()
            world.check(kills)
