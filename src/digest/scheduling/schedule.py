"""Schedules: when a digest is due, in its zone, or at the same hour in every reader's own."""

# pure
from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.scheduling import days_off, words
from digest.scheduling.cron import Cron
from digest.scheduling.days_off import DaysOff
from digest.scheduling.words import Recurrence
from digest.times import known_zone, local_moment

_DAY = timedelta(days=1)
#: The longest way to a day that fits: 29 February on one weekday, over a year such as 2100.
_FARTHEST = timedelta(days=366 * 41)
#: How far apart the same wall time comes in two zones at most: from UTC+14 to UTC-12.
_APART = timedelta(hours=26)
#: Every zone of today is some quarters of an hour off UTC; minutes.
_QUARTER = 15


@dataclass(frozen=True, slots=True)
class Schedule:
    """Lines of crontab or words in a time zone, without days off. Raises ValueError.

    Several lines are one schedule: a moment that two of them name comes once. When clocks are set
    forward, a time that they leave out comes as much later; when they are set back, one that comes
    twice counts once, unless a line of crontab says every hour. A day is off for the runs that are
    due on it by the clock, also for one that comes only after its midnight.

    With ``local`` each reader gets a run when its wall time comes in the reader's own zone;
    ``next_after`` and ``latest`` are of the schedule's zone all the same, and a run has the same
    name everywhere: its moment there. Then no time counts twice.
    """

    when: str | tuple[str, ...]
    timezone: str  #: IANA name
    skip: tuple[str, ...] = ()  #: days off, as ``digest.scheduling.days_off`` reads them
    local: bool = False  #: each reader at the hour of their own zone
    _plans: tuple[Cron | Recurrence, ...] = field(init=False, repr=False, compare=False)
    _off: DaysOff = field(init=False, repr=False, compare=False)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lines = (self.when,) if isinstance(self.when, str) else self.when
        object.__setattr__(self, "_plans", tuple(map(words.parse, lines)))
        object.__setattr__(self, "_off", days_off.parse(self.skip))
        object.__setattr__(self, "_zone", ZoneInfo(self.timezone))

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first run after ``moment``, aware UTC; None where there is none to come."""
        # From the day before: a time that was left out may come only after midnight.
        day = moment.astimezone(self._zone).date() - _DAY
        last = day + _FARTHEST
        while day <= last:
            if runs := [run for run in self._on(day) if run > moment]:
                # For the same reason a run of the next day may come before.
                return min([*runs, *(run for run in self._on(day + _DAY) if run > moment)])
            day += _DAY
        return None

    def next_shown(self, moment: datetime) -> datetime | None:
        """Return the first run after ``moment`` as people read it: in the schedule's own zone."""
        run = self.next_after(moment)
        return run.astimezone(self._zone) if run else None

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last run with ``after`` < run <= ``until``, aware UTC, or None."""
        return next(self._descending(after, until), None)

    def opens_at(self, run: datetime, zones: Collection[str]) -> datetime:
        """Return when a run comes in the first of some zones (IANA names), aware UTC.

        Without zones, or unless the schedule is ``local``, that is the run itself; so it is in a
        zone that this machine does not know.
        """
        return min(self._moments_in(zones, run))

    def ends_at(self, run: datetime, zones: Collection[str]) -> datetime:
        """Return when a run has come in all of some zones, as ``opens_at`` does in one."""
        return max(self._moments_in(zones, run))

    def _moments_in(self, zones: Collection[str], run: datetime) -> Iterator[datetime]:
        if not self.local or not zones:
            yield run
            return
        for zone in zones:
            yield local_moment(run, self._zone, known_zone(zone) or self._zone)

    def latest_open(
        self, after: datetime, until: datetime, zones: Collection[str]
    ) -> datetime | None:
        """Return the last run after ``after`` that has come in some zone at ``until``, or None.

        Aware UTC; the run itself may be still to come, or long past.
        """
        for run in self._descending(after, until + _APART if self.local else until):
            if self.opens_at(run, zones) <= until:
                return run
        return None

    def next_look(self, moment: datetime) -> datetime | None:
        """Return the first moment after ``moment`` at which a run may come due, aware UTC.

        Where the schedule is ``local`` it may in some zone at every quarter of an hour off its
        wall times, and whether it does is for ``latest_open`` to tell.
        """
        if not self.local:
            return self.next_after(moment)
        minutes = {at.minute % _QUARTER for plan in self._plans for at in plan.times}
        look = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        while look.minute % _QUARTER not in minutes:
            look += timedelta(minutes=1)
        return look

    def _descending(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the runs with ``after`` < run <= ``until``, the last one first, each once."""
        # From the day after: clocks may be set back over midnight.
        day = until.astimezone(self._zone).date() + _DAY
        first = after.astimezone(self._zone).date() - _DAY
        runs = {run for run in self._on(day) if after < run <= until}
        while day >= first:
            day -= _DAY
            # A time that was left out may come after those of the next day.
            earlier = {run for run in self._on(day) if after < run <= until}
            last = max(earlier, default=after)
            yield from sorted((run for run in runs if run > last), reverse=True)
            runs = earlier | {run for run in runs if run <= last}

    def _on(self, day: date) -> Iterator[datetime]:
        """Yield the runs of a day, aware UTC."""
        if day in self._off:
            return
        for plan in self._plans:
            if plan.comes_on(day):
                for at in plan.times:
                    yield from self._moments(day, at, again=plan.every_hour and not self.local)

    def _moments(self, day: date, at: time, *, again: bool) -> Iterator[datetime]:
        """Yield when a wall time comes, the second time too where it comes ``again``."""
        first = datetime.combine(day, at, self._zone)
        yield first.astimezone(UTC)
        second = first.replace(fold=1).astimezone(UTC)
        if again and second > first.astimezone(UTC):  # earlier: it is left out
            yield second
