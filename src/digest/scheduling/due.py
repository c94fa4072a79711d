"""Find the run of a digest's schedule that is due, by the editions made so far."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from digest.scheduling.schedule import MAX_ZONE_DISTANCE, Schedule
from digest.times import known_zone

#: The minimum of ``catch_up``: timers are not exact.
_SHORTEST_CATCH_UP = timedelta(minutes=5)
#: A run made within this time of its moment is not logged as late.
_NOTICED = timedelta(minutes=1)

_log = structlog.get_logger(__name__)


class EditionHistory(Protocol):
    """Reads when digests were started and their editions due. Raises StoreError."""

    def last_due_at(
        self, name: str, until: datetime, *, scheduled: bool = False
    ) -> datetime | None:
        """Return when a digest's last edition until a moment was due, or None if there is none.

        ``scheduled`` leaves out those that were made by hand.
        """

    def started_at(self, name: str) -> datetime | None:
        """Return when a digest was first started, aware UTC, or None if it never was."""


class Readers(Protocol):
    """Reads the time zones of subscribers. Raises StoreError."""

    def zones(self, digest: str) -> set[str | None]:
        """Return the time zones of a digest's active subscribers; None means the site's."""


class DueRuns:
    """Finds the due run of a digest. No run is due twice, even if the clock is set back."""

    def __init__(
        self,
        *,
        schedules: Mapping[str, Schedule],
        catch_up: Mapping[str, timedelta],
        editions: EditionHistory,
        readers: Readers,
    ) -> None:
        """``schedules`` and ``catch_up``, how late a run is still made, are by digest."""
        self._schedules = schedules
        self._catch_up = catch_up
        self._editions = editions
        self._readers = readers
        self._missed: dict[str, datetime] = {}  # by digest: the missed run that was logged
        self._unknown: set[str] = set()  # zones that were logged

    def due_at(self, name: str, now: datetime) -> datetime | None:
        """Return the latest run that is due and not too late to be made, or None; aware UTC.

        A ``local`` run is due when it comes in the first reader's zone, and too late when it is too
        late in the last reader's. Blocking. Raises StoreError.
        """
        schedule = self._schedules[name]
        reach = MAX_ZONE_DISTANCE if schedule.local else timedelta()
        oldest = now - max(self._catch_up[name], _SHORTEST_CATCH_UP)
        # A local run whose moment is long past may still come for its first reader: an edition that
        # was made by hand in between does not replace it.
        last = self._editions.last_due_at(name, now + reach, scheduled=schedule.local)
        last = last or self._editions.started_at(name) or now
        if last > now + reach:  # the clock was wrong then
            last = oldest
        zones = self._zones(name, schedule)
        due_at = schedule.latest_open(max(last, oldest - reach), now, zones)
        # Readers whose hour has passed get it late, the others in time.
        if due_at is not None and schedule.ends_at(due_at, zones) >= oldest:
            late = now - schedule.opens_at(due_at, zones)
            if late > _NOTICED:
                _log.info("catching up", digest=name, due_at=due_at.isoformat(), late=str(late))
            return due_at
        missed_at = schedule.next_after(last) if last < oldest else None
        if missed_at is not None and schedule.ends_at(missed_at, zones) < oldest:
            self._log_missed(name, missed_at, now - oldest)
        return None

    def _log_missed(self, name: str, missed_at: datetime, catch_up: timedelta) -> None:
        """Log a missed run, once."""
        if self._missed.get(name) != missed_at:
            self._missed[name] = missed_at
            _log.warning(
                "missed a run too long ago to catch up",
                digest=name,
                due_at=missed_at.isoformat(),
                catch_up=str(catch_up),
            )

    def _zones(self, name: str, schedule: Schedule) -> set[str]:
        """Return the zones in which a run comes; none if it comes for all readers at once."""
        if not schedule.local:
            return set()
        zones = {zone or schedule.timezone for zone in self._readers.zones(name)}
        for zone in zones - self._unknown:
            if known_zone(zone) is None:
                self._unknown.add(zone)
                _log.warning("no such time zone, readers have the site's", digest=name, zone=zone)
        return zones
