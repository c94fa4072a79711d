"""Pauses: what is not sent until the operator acts, within the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, select, update

from digest.editions.delivery import PROBE_AFTER, Pause
from digest.store.schema import delivery, edition, pause
from digest.store.statements import insert_new


def every(connection: Connection) -> list[Pause]:
    """Return what is paused, all mail first, then by the digest's name."""
    return [
        Pause(
            digest=row.digest or None,
            since=row.since,
            probe_at=row.probe_at,
            reason=row.reason,
        )
        for row in connection.execute(select(pause).order_by(pause.c.digest))
    ]


def begin(
    connection: Connection, digest: str | None, now: datetime, probe_at: datetime, reason: str
) -> bool:
    """Pause a digest, or all mail; one that is paused stays so, with another reason and probe.

    False where it was paused before.
    """
    again = update(pause).where(pause.c.digest == (digest or ""))
    changed = connection.execute(again.values(probe_at=probe_at, reason=reason)).rowcount
    if not changed:
        values = {"digest": digest or "", "since": now, "probe_at": probe_at, "reason": reason}
        insert_new(connection, pause, [values], key="digest")
    return not changed


def end(connection: Connection, digest: str | None) -> bool:
    """End a pause; False where there is none."""
    statement = delete(pause).where(pause.c.digest == (digest or ""))
    return connection.execute(statement).rowcount == 1


def take(
    connection: Connection, query: Select[Any], limit: int, now: datetime
) -> tuple[list[int], set[int]]:
    """Return which deliveries of a query may be sent, and which of them are probes.

    A probe puts off the next one: two processes do not make it twice.
    """
    paused = every(connection)
    everything = next((row for row in paused if row.digest is None), None)
    names = [row.digest for row in paused if row.digest is not None]
    if everything is not None:
        if everything.probe_at > now:
            return [], set()
        paused, limit = [], 1
    probes: list[int] = []
    for row in paused:
        if row.probe_at <= now and row.digest is not None:
            probe = connection.scalars(query.where(_of([row.digest])).limit(1)).all()
            if probe:
                _put_off(connection, row.digest, now)
            probes += probe
    others = query.where(~_of(names)) if names else query
    taken = list(connection.scalars(others.limit(limit)))
    if everything is not None and taken:
        _put_off(connection, "", now)
        probes, taken = taken, []
    return probes + taken, set(probes)


def next_due_at(connection: Connection, query: Select[Any], paused: list[Pause]) -> datetime | None:
    """Return when a query of the earliest delivery has something to do, pauses regarded."""
    names = [row.digest for row in paused if row.digest is not None]
    moments: list[datetime | None] = [
        connection.scalar(query.where(~_of(names)) if names else query)
    ]
    for row in paused:
        if row.digest is not None:
            due_at = connection.scalar(query.where(_of([row.digest])))
            moments.append(max(due_at, row.probe_at) if due_at else None)
    earliest = min((moment for moment in moments if moment is not None), default=None)
    if earliest is not None:
        for row in paused:
            if row.digest is None:
                earliest = max(earliest, row.probe_at)
    return earliest


def _of(names: list[str]) -> ColumnElement[bool]:
    """Return the condition that a delivery belongs to one of these digests."""
    return delivery.c.edition.in_(select(edition.c.id).where(edition.c.digest.in_(names)))


def _put_off(connection: Connection, digest: str, now: datetime) -> None:
    connection.execute(
        update(pause).where(pause.c.digest == digest).values(probe_at=now + PROBE_AFTER)
    )
