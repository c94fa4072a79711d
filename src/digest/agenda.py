"""The agenda: which run of a digest's schedule is due, judged by the editions that were made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from digest.schedule import Schedule

#: A run is noticed a little after its time, also where nothing older is caught up with.
_AT_LEAST = timedelta(minutes=5)
#: A run that is noticed within this time is not late.
_NOTICED = timedelta(minutes=1)
#: How far apart the same wall time comes in two zones at most: from UTC+14 to UTC-12.
_APART = timedelta(hours=26)

_log = structlog.get_logger(__name__)


class Issued(Protocol):
    """What the agenda needs to know of editions. Raises StoreError."""

    def last_due_at(self, name: str, until: datetime) -> datetime | None:
        """Return when a digest's last edition until a moment was due; None: there is none."""
        ...

    def started_at(self, name: str) -> datetime | None:
        """Return when a digest began, aware UTC; None where it did not."""
        ...


class Readers(Protocol):
    """What the agenda needs to know of subscribers. Raises StoreError."""

    def zones(self, digest: str) -> set[str | None]:
        """Return the time zones of a digest's active subscribers; None stands for the site's."""
        ...


class Agenda:
    """Tells which run is due. What was made is never due again, whatever the clock does."""

    def __init__(
        self,
        *,
        schedules: Mapping[str, Schedule],
        catch_up: Mapping[str, timedelta],
        issued: Issued,
        readers: Readers,
    ) -> None:
        """Keep what is needed; schedules and how late a run is still made are by digest."""
        self._schedules = schedules
        self._catch_up = catch_up
        self._issued = issued
        self._readers = readers

    def due_at(self, name: str, now: datetime) -> datetime | None:
        """Return the run that is due and not too late to catch up with, the last one of several.

        Where it is ``local`` a run is due when it comes for the first reader. Aware UTC; blocking.
        Raises StoreError.
        """
        schedule = self._schedules[name]
        reach = _APART if schedule.local else timedelta()
        oldest = now - max(self._catch_up[name], _AT_LEAST)
        last = self._issued.last_due_at(name, now + reach) or self._issued.started_at(name) or now
        if last > now + reach:  # it began while the clock was wrong
            last = oldest
        zones = self._zones(name, schedule)
        due_at = schedule.latest_open(max(last, oldest - reach), now, zones)
        if due_at is not None:
            late = now - schedule.opens_at(due_at, zones)
            if late <= now - oldest:
                if late > _NOTICED:
                    _log.info("catching up", digest=name, due_at=due_at.isoformat(), late=str(late))
                return due_at
        missed_at = schedule.next_after(last) if last < oldest else None
        if missed_at is not None and schedule.opens_at(missed_at, zones) < oldest:
            _log.warning(
                "missed a run too long ago to catch up",
                digest=name,
                due_at=missed_at.isoformat(),
                catch_up=str(now - oldest),
            )
        return None

    def _zones(self, name: str, schedule: Schedule) -> set[str]:
        """Return the zones in which a run comes; empty where it comes once for all."""
        if not schedule.local:
            return set()
        return {zone or schedule.timezone for zone in self._readers.zones(name)}
