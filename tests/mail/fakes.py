"""A store and a transport in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from digest.articles.model import Article
from digest.editions.delivery import (
    FINAL,
    PROBE_AFTER,
    TRANSITIONS,
    Delivery,
    DeliveryResult,
    DeliveryState,
    Pause,
)
from digest.editions.model import Digest, Edition
from digest.errors import StoreError
from digest.mail.message import Envelope
from tests.mail.samples import NOW, make_delivery, make_edition


@dataclass
class Row:
    """A delivery as the store keeps it."""

    delivery: Delivery
    state: DeliveryState = DeliveryState.QUEUED
    due_at: datetime | None = NOW
    error: str | None = None
    history: list[DeliveryState] = field(default_factory=list)


class FakeStore:
    """Keeps deliveries in memory, by the rules of the real one."""

    def __init__(
        self,
        deliveries: Iterable[Delivery] = (),
        articles: Iterable[Article] = (),
        edition: Edition | None = None,
    ) -> None:
        self.rows = {delivery.id: Row(delivery) for delivery in deliveries}
        self.editions = {7: (edition or make_edition(), list(articles))}
        self.gone: set[int] = set()  # ids of deliveries whose subscriber left
        self.failing: dict[str, int] = {}  # by method: how many calls fail
        self.claims: list[int] = []
        self.owners: set[str | None] = set()
        self.expires: dict[str, timedelta] = {}
        self.paused: dict[str | None, datetime] = {}  # by digest: when there is a probe
        self.bounced: dict[str, str | None] = {}  # by address: why
        self.opened: dict[tuple[str, datetime], Edition] = {}
        self.new: list[Delivery] = []  # of subscribers who are owed a welcome

    def _perhaps_fail(self, method: str) -> None:
        if self.failing.get(method, 0) > 0:
            self.failing[method] -= 1
            raise StoreError("database is locked")

    def open_edition(
        self,
        digest: Digest,
        due_at: datetime,
        now: datetime,
        *,
        latest: int | None = None,
        by_hand: bool = False,
    ) -> Edition | None:
        self._perhaps_fail("open_edition")
        if (digest.name, due_at) in self.opened:
            return None
        edition = replace(make_edition(digest=digest.name), due_at=due_at, created_at=now)
        self.opened[digest.name, due_at] = edition
        self.rows[1] = Row(make_delivery(1), due_at=now)
        return edition

    def edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        self._perhaps_fail("edition")
        return self.editions[edition_id]

    def queue_welcomes(self, digest: Digest, now: datetime) -> int:
        queued, self.new = self.new, []
        self.rows |= {delivery.id: Row(delivery, due_at=now) for delivery in queued}
        return len(queued)

    def take_back(self, owner: str, now: datetime) -> int:
        return 0

    def claim(
        self,
        limit: int,
        now: datetime,
        lease: timedelta,
        expires: Mapping[str, timedelta],
        owner: str | None = None,
    ) -> list[Delivery]:
        self._perhaps_fail("claim")
        self.claims.append(limit)
        self.owners.add(owner)
        self.expires = dict(expires)
        probe_at = min(self.paused.values(), default=None)  # every row is of one digest
        if probe_at is not None:
            if probe_at > now:
                return []
            limit = 1
            self.paused = dict.fromkeys(self.paused, now + PROBE_AFTER)
        due = sorted(
            (row.due_at, number) for number, row in self.rows.items() if row.due_at is not None
        )
        taken = [number for due_at, number in due if due_at <= now][:limit]
        for number in taken:
            self._become(number, DeliveryState.SENDING, now + lease)
        probe = probe_at is not None
        return [replace(self.rows[number].delivery, probe=probe) for number in taken]

    def wanted(self, delivery_ids: Collection[int]) -> set[int]:
        self._perhaps_fail("wanted")
        return set(delivery_ids) - self.gone

    def settle(
        self,
        delivery_id: int,
        state: DeliveryState,
        now: datetime,
        *,
        next_attempt_at: datetime | None = None,
        error: str | None = None,
        bounced: bool = False,
    ) -> bool:
        self._perhaps_fail("settle")
        row = self.rows[delivery_id]
        if row.state is not DeliveryState.SENDING:
            return False
        self._become(delivery_id, state, None if state in FINAL else next_attempt_at or now)
        row.error = error
        if bounced:
            self.bounced[row.delivery.subscriber.address] = error
        if state is not DeliveryState.QUEUED:
            row.delivery = replace(row.delivery, attempts=row.delivery.attempts + 1)
        return True

    def record_results(self, results: Sequence[DeliveryResult], now: datetime) -> set[int]:
        return {
            one.delivery_id
            for one in results
            if self.settle(
                one.delivery_id,
                one.state,
                now,
                next_attempt_at=one.next_attempt_at,
                error=one.error,
                bounced=one.bounced,
            )
        }

    def pause(self, digest: str | None, now: datetime, probe_at: datetime, reason: str) -> bool:
        self._perhaps_fail("pause")
        new = digest not in self.paused
        self.paused[digest] = probe_at
        return new

    def resume(self, digest: str | None) -> bool:
        self._perhaps_fail("resume")
        return self.paused.pop(digest, None) is not None

    def tried_since(self, moment: datetime) -> list[datetime]:
        return []

    def other_domains(self, digest: str, domain: str) -> bool:
        return any(row.delivery.domain != domain for row in self.rows.values())

    def pauses(self) -> list[Pause]:
        return [
            Pause(digest=digest, since=probe_at - PROBE_AFTER, probe_at=probe_at, reason="no")
            for digest, probe_at in self.paused.items()
        ]

    def next_due_at(self) -> datetime | None:
        self._perhaps_fail("next_due_at")
        return min((row.due_at for row in self.rows.values() if row.due_at), default=None)

    def _become(self, number: int, state: DeliveryState, due_at: datetime | None) -> None:
        row = self.rows[number]
        assert state in TRANSITIONS[row.state]
        row.state, row.due_at = state, due_at
        row.history.append(state)

    def states(self) -> list[DeliveryState]:
        return [row.state for row in self.rows.values()]


class FakeTransport:
    """Takes messages, except where a test says otherwise."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.errors: dict[str, list[BaseException]] = {}  # by recipient; "" is anyone
        self.closed = 0
        self.gate: asyncio.Event | None = None  # messages wait for it
        self.arrived = asyncio.Event()  # a message has come as far as the gate
        self.at_once = self.most_at_once = 0

    async def send(self, envelope: Envelope, after: asyncio.Future[None] | None = None) -> None:
        if after is not None:
            await asyncio.shield(after)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.arrived.set()
            if self.gate:
                await self.gate.wait()
            for key in (envelope.recipient, ""):
                if self.errors.get(key):
                    raise self.errors[key].pop(0)
            self.taken.append(envelope)
        finally:
            self.at_once -= 1

    async def close(self) -> None:
        self.closed += 1
