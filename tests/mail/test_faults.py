"""Whatever a server does wrong, everybody gets their mail in the end, and nobody is blamed for it.

The real worker and the real transport, against a server that goes wrong as a table says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from digest.editions.delivery import DeliveryState
from digest.mail.composer import Composer
from digest.mail.delivery.rate_limit import Limits
from digest.mail.delivery.worker import DeliverySettings, DeliveryWorker
from digest.mail.render import MailTemplates
from digest.mail.transports.smtp.pool import SmtpTransport
from digest.wakeup import WakeUp
from tests.conftest import FakeClock
from tests.defaults import default_smtp_server
from tests.mail.fakes import FakeStore, Row
from tests.mail.faults import DOT, GREETING, WITHIN, Drop, Fault, FaultyServer, Say, Silence, Slow
from tests.mail.samples import (
    KEY,
    NOW,
    SENDER,
    SITE,
    TEMPLATES,
    make_article,
    make_delivery,
    make_digest,
    make_subscriber,
)

pytestmark = pytest.mark.full_speed  # the tests of each package cover what this repeats

QUEUED, DEFERRED = DeliveryState.QUEUED, DeliveryState.DEFERRED
SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
READERS = 6


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault at the first reader's message, and how that stands after the first round."""

    name: str
    at: str
    fault: Fault
    first: DeliveryState
    others: DeliveryState = SENT  #: how the others stand after the first round
    paused: tuple[str | None, ...] = ()
    bounced: bool = False
    repeats: int = 0  #: messages that the server has twice in the end
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def away(name: str, at: str, fault: Fault, *, repeats: int = 0) -> Case:
    """Return a case in which the server is left alone and nothing is lost."""
    return Case(name=name, at=at, fault=fault, first=QUEUED, others=QUEUED, repeats=repeats)


def every_command() -> Iterator[Case]:
    """Yield 4xx, 5xx, 421, hanging up, a reset and silence at each step."""
    for at in (GREETING, "MAIL", "RCPT", "DATA", DOT):
        yield away(f"421 at {at}", at, Say("421 4.3.2 going down", hang_up=True))
        yield away(f"hang-up at {at}", at, Drop())
        yield away(f"reset at {at}", at, Drop(reset=True))
        yield away(f"silence at {at}", at, Silence())
        yield away(f"rubbish at {at}", at, Say("what?"))
    for at in ("RCPT", "DATA", DOT):
        temporary, gone = Say("451 4.3.0 later"), Say("550 5.1.1 no such user")
        yield Case(name=f"4xx at {at}", at=at, fault=temporary, first=DEFERRED)
        yield Case(name=f"5xx at {at}", at=at, fault=Say("554 5.6.0 no"), first=FAILED)
        named = at != "DATA"  # which follows RCPT: the recipient was accepted
        yield Case(name=f"5.1.1 at {at}", at=at, fault=gone, first=FAILED, bounced=named)
    for at in ("RCPT", DOT):
        policy, sender = Say("550 5.7.1 we do not want you"), Say("550 5.7.26 DMARC")
        yield Case(name=f"5.7.1 at {at}", at=at, fault=policy, first=FAILED)
        yield Case(name=f"5.7.26 at {at}", at=at, fault=sender, first=DEFERRED)
    unwanted = Say("550 5.7.1 we do not want you")
    yield Case(name="5.7.1 at DATA", at="DATA", fault=unwanted, first=DEFERRED)
    yield Case(
        name="5.7.1 at MAIL",
        at="MAIL",
        fault=unwanted,
        first=QUEUED,
        others=QUEUED,
        paused=("daily",),
    )
    for at in ("MAIL", "RCPT", "DATA", DOT):
        yield Case(
            name=f"530 at {at}",
            at=at,
            fault=Say("530 5.7.0 log in first"),
            first=QUEUED,
            others=QUEUED,
            paused=(None,),
        )
        yield Case(name=f"slow at {at}", at=at, fault=Slow(), first=SENT)


CASES = [
    *every_command(),
    away("hang-up at EHLO", "EHLO", Drop()),
    away("4xx at EHLO", "EHLO", Say("421 4.3.0 later")),
    away("4xx at the greeting", GREETING, Say("450 later")),
    away("5xx at the greeting", GREETING, Say("554 no service here")),
    away("4xx at MAIL", "MAIL", Say("451 4.3.0 later")),
    away("hang-up in the middle of the data", WITHIN, Drop()),
    away("reset in the middle of the data", WITHIN, Drop(reset=True)),
    # The only cases in which a server may have a message twice.
    away("hang-up after the final dot, message taken", DOT, Drop(take=True), repeats=1),
    away("reset after the final dot, message taken", DOT, Drop(take=True, reset=True), repeats=1),
    Case(
        name="5xx at MAIL",
        at="MAIL",
        fault=Say("550 sender refused"),
        first=QUEUED,
        others=QUEUED,
        paused=("daily",),
    ),
    Case(name="too large", at="MAIL", fault=Say("552 5.3.4 too large"), first=FAILED),
    Case(
        name="our address is on a list",
        at=GREETING,
        fault=Say("554 5.7.1 your address is on a list"),
        first=QUEUED,
        others=QUEUED,
        paused=(None,),
    ),
]


@dataclass
class Room:
    """The real worker before a server, one connection, with rows in memory."""

    server: FaultyServer
    port: int
    connections: int = 1
    readers: int | Sequence[str] = READERS  #: their number or addresses
    timeout: timedelta = timedelta(milliseconds=400)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))

    def __post_init__(self) -> None:
        if isinstance(self.readers, int):
            deliveries = [make_delivery(number) for number in range(1, self.readers + 1)]
        else:
            deliveries = [
                make_delivery(number, subscriber=make_subscriber(number, address=address))
                for number, address in enumerate(self.readers, 1)
            ]
        self.store = FakeStore(deliveries, [make_article(1)])
        self.smtp = SmtpTransport(
            default_smtp_server(
                host="127.0.0.1",
                port=self.port,
                helo_name="client.example.org",
                tls="none",
                connections=self.connections,
                timeout=self.timeout,
            )
        )
        self.worker = DeliveryWorker(
            store=self.store,
            editions=self.store,
            transport=self.smtp,
            composer=Composer(
                templates=MailTemplates(templates=TEMPLATES, site=SITE),
                site=SITE,
                sender=SENDER,
                token_key=KEY,
            ),
            settings=DeliverySettings(
                digests={"daily": make_digest()}, connections=self.connections, limits=Limits()
            ),
            clock=self.clock,
            jitter=lambda: 0.5,
        )

    async def send_due(self) -> list[DeliveryState]:
        """Send what is due; return how the deliveries stand."""
        await self.worker.send_due(WakeUp())
        return self.store.states()

    async def to_the_end(self) -> list[DeliveryState]:
        """Send until every delivery has ended."""
        for _ in range(200):
            states = await self.send_due()
            moments = [row.due_at for row in self.store.rows.values() if row.due_at]
            if not moments:
                return states
            probes = self.store.paused.values()
            waits = [self.worker.backoff_until] if self.worker.backoff_until else []
            self.clock.now = max(self.clock.now, min(moments), *probes, *waits)
        raise AssertionError(states)


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "pipelined"])
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_fault_costs_nobody_their_mail(case: Case, together: bool) -> None:
    extensions = (*case.extensions, *(["PIPELINING"] if together else []))
    server = FaultyServer(plan={case.at: [case.fault]}, extensions=extensions)
    async with server.serving() as port:
        room = Room(server, port)
        try:
            first, *others = await room.send_due()
            assert first is case.first
            assert set(others) == {case.others}
            assert tuple(room.store.paused) == case.paused
            assert bool(room.store.bounced) == case.bounced
            if case.first is QUEUED:
                assert room.store.rows[1].delivery.attempts == 0
            states = await room.to_the_end()
        finally:
            await room.smtp.close()
    assert states == [FAILED if case.first is FAILED else SENT] + [SENT] * (READERS - 1)
    assert not room.store.paused
    repeats = [count - 1 for count in server.counts().values() if count > 1]
    assert sum(repeats) == case.repeats
    # The same message at every attempt: whoever gets it twice can tell.
    by_reader: dict[str, set[str]] = {}
    for taken in server.taken:
        by_reader.setdefault(taken.recipient, set()).add(taken.message_id)
    assert all(len(ids) == 1 and ids != {""} for ids in by_reader.values())
    assert (["MAIL", "RCPT", "DATA"] in server.turns) == together


async def test_greylisting_delays_everybody_once() -> None:
    server = FaultyServer(greylist=True)
    async with server.serving() as port:
        room = Room(server, port, connections=3)
        assert set(await room.send_due()) == {DEFERRED}
        assert not server.taken
        room.clock.advance(minutes=34)
        assert set(await room.send_due()) == {SENT}
        await room.smtp.close()
    assert len(server.counts()) == len(server.taken) == READERS


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("extensions", [(), ("PIPELINING",)])
async def test_the_refusal_of_some_stops_no_others(
    extensions: tuple[str, ...], eager: bool
) -> None:
    server = FaultyServer(
        extensions=extensions,
        eager=eager,  # wants a message though there is no recipient: it gets an empty one
        recipients={
            "reader2@example.net": ["550 5.1.1 no such user"],
            "reader3@example.net": ["451 4.2.0 later", "250 ok"],
            "reader4@example.net": ["550 not today"],
            "reader5@example.net": ["452 4.2.2 full"],
        },
    )
    async with server.serving() as port:
        room = Room(server, port, connections=2)
        states = await room.to_the_end()
        await room.smtp.close()
    assert states == [SENT, FAILED, SENT, FAILED, DeliveryState.EXPIRED, SENT]
    assert list(room.store.bounced) == ["reader2@example.net"]
    assert server.sessions <= 2 * 10  # a refusal is no reason to hang up
    assert len(server.taken) == 3


async def test_refusals_of_pipelined_commands_leave_the_connection_in_use() -> None:
    plan: dict[str, list[Fault]] = {
        "MAIL": [Say("552 5.3.4 too large")],
        "DATA": [Say("503 5.5.1 whose?"), Say("554 5.6.0 not this one")],
        DOT: [Say("554 5.6.0 nor this one")],
    }
    server = FaultyServer(
        plan=plan,
        recipients={"reader3@example.net": ["550 5.1.1 no such user"]},
        extensions=("PIPELINING",),
        eager=True,
    )
    async with server.serving() as port:
        room = Room(server, port, readers=12)
        states = await room.to_the_end()
        await room.smtp.close()
    assert states == [FAILED] * 4 + [SENT] * 8
    assert list(room.store.bounced) == ["reader3@example.net"]
    assert (server.sessions, server.commands["RSET"]) == (1, 4)
    assert len(server.counts()) == len(server.taken) == 8


async def test_a_server_that_ends_each_session_after_some_messages_gets_all_of_them() -> None:
    server = FaultyServer(messages_per_session=4)
    async with server.serving() as port:
        room = Room(server, port, connections=2, readers=30)
        assert set(await room.send_due()) == {SENT}
        await room.smtp.close()
    assert len(server.counts()) == len(server.taken) == 30
    assert server.most_open <= 2


@pytest.mark.parametrize("places", [1, 3])
async def test_a_server_with_fewer_places_than_we_have_connections_is_still_sent_to(
    places: int,
) -> None:
    server = FaultyServer(places=places, extensions=("PIPELINING",))
    async with server.serving() as port:
        room = Room(server, port, connections=10, readers=60)
        assert set(await room.send_due()) == {SENT}
        assert room.worker.backoff_until is None
        assert server.sessions <= 10 + places
        before = server.sessions
        room.store.rows.update({n: Row(make_delivery(n)) for n in range(61, 100)})
        assert set(await room.send_due()) == {SENT}
        assert server.sessions == before  # what it learned holds while connections are kept
        await room.smtp.close()
    assert len(server.counts()) == len(server.taken) == 99


async def test_places_are_asked_for_again_after_a_pause() -> None:
    server = FaultyServer(places=1)
    async with server.serving() as port:
        room = Room(server, port, connections=2, readers=8)
        assert set(await room.send_due()) == {SENT}
        assert room.smtp._limit.known == 1
        object.__setattr__(room.smtp._server, "idle", timedelta())
        room.smtp._reap()
        await server.alone.wait()
        assert room.smtp._limit.known == 2
        await room.smtp.close()


async def test_a_server_that_is_down_sees_one_probe_at_a_time() -> None:
    server = FaultyServer(plan={GREETING: [Say("421 4.3.2 down", hang_up=True)] * 50})
    async with server.serving() as port:
        room = Room(server, port, connections=4, readers=40)
        assert set(await room.send_due()) == {QUEUED}
        assert server.sessions <= 4  # those that were under way
        for rests in range(1, 9):
            before = server.sessions
            await room.send_due()
            assert server.sessions == before  # it rests
            room.clock.now = room.worker.backoff_until or room.clock.now
            await room.send_due()
            assert server.sessions == before + 1, rests
        server.plan.clear()
        assert set(await room.to_the_end()) == {SENT}
        await room.smtp.close()
    assert len(server.taken) == 40


async def test_connections_are_kept_between_batches() -> None:
    server = FaultyServer()
    async with server.serving() as port:
        room = Room(server, port)
        await room.send_due()
        room.store.rows[1].state, room.store.rows[1].due_at = QUEUED, NOW
        await room.send_due()
        assert (server.sessions, server.open_now) == (1, 1)
        await room.smtp.close()
    assert len(server.taken) == READERS + 1


async def test_a_connection_that_is_idle_is_closed_with_a_goodbye_and_another_one_opened() -> None:
    server = FaultyServer()
    async with server.serving() as port:
        room = Room(server, port)
        object.__setattr__(room.smtp._server, "idle", timedelta(milliseconds=30))
        await room.send_due()
        await server.alone.wait()
        before = server.sessions  # a busy machine may pause for longer between two messages
        assert server.commands["QUIT"] == before
        room.store.rows[1].state, room.store.rows[1].due_at = QUEUED, NOW
        await room.send_due()
        await room.smtp.close()
    assert server.sessions == before + 1
    assert len(server.taken) == READERS + 1


@pytest.mark.parametrize(
    ("fault", "sessions"), [(None, 1), (Drop(), 2), (Say("421 bye", hang_up=True), 2)]
)
async def test_a_connection_that_waited_is_asked_before_it_is_used(
    fault: Fault | None, sessions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.mail.transports.smtp.pool._CHECK_AFTER", 0.0)
    server = FaultyServer(plan={"NOOP": [fault] if fault else []})
    async with server.serving() as port:
        room = Room(server, port, readers=2)
        assert set(await room.send_due()) == {SENT}
        await room.smtp.close()
    assert server.sessions == sessions
    assert server.commands["NOOP"] == 1
    assert len(server.taken) == 2
