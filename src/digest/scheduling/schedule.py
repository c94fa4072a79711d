"""Schedules: when a digest is due, in its time zone or at the same hour in every reader's own."""

# pure
from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.scheduling import words
from digest.scheduling.cron import Cron
from digest.scheduling.words import DaysOff, Recurrence
from digest.times import known_zone, local_moment

_DAY = timedelta(days=1)
#: The longest time between two days that fit: 29 February on one weekday, over a year such as 2100.
_FARTHEST = timedelta(days=366 * 41)
#: The longest time between the same wall time in two zones: from UTC+14 to UTC-12.
MAX_ZONE_DISTANCE = timedelta(hours=26)
#: Every zone's present offset from UTC is a multiple of this; minutes.
_QUARTER = 15


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule: lines of crontab or words in a time zone, except days off. Raises ValueError.

    Several lines are one schedule: a moment that two of them name is one run. A wall time that is
    skipped when clocks go forward comes as much later (02:30 becomes 03:30); one that comes twice
    when they go back counts once, unless a line of crontab runs in every hour. A day off is judged
    by the wall time as it is written, even if the run comes after midnight.

    A ``local`` schedule gives each reader a run when its wall time comes in the reader's own zone;
    no wall time counts twice then. Such a run is identified by its moment in the schedule's zone,
    which is what ``next_after`` returns.
    """

    when: str | tuple[str, ...]
    timezone: str  #: IANA name
    skip: tuple[str, ...] = ()  #: days off, as ``digest.scheduling.words`` reads them
    local: bool = False  #: each reader at the hour of their own zone
    _plans: tuple[Cron | Recurrence, ...] = field(init=False, repr=False, compare=False)
    _off: DaysOff = field(init=False, repr=False, compare=False)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lines = (self.when,) if isinstance(self.when, str) else self.when
        object.__setattr__(self, "_plans", tuple(map(words.parse, lines)))
        object.__setattr__(self, "_off", words.parse_days_off(self.skip))
        object.__setattr__(self, "_zone", ZoneInfo(self.timezone))

    @property
    def plans(self) -> tuple[Cron | Recurrence, ...]:
        """The lines and words that it is made of."""
        return self._plans

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first run after ``moment``, aware UTC, or None if none will come."""
        # From the day before: a skipped time may come after midnight.
        day = moment.astimezone(self._zone).date() - _DAY
        last = day + _FARTHEST
        while day <= last:
            if runs := [run for run in self._on(day) if run > moment]:
                # For the same reason a run of the next day may come earlier.
                return min([*runs, *(run for run in self._on(day + _DAY) if run > moment)])
            day += _DAY
        return None

    def next_shown(self, moment: datetime) -> datetime | None:
        """Return the first run after ``moment``, in the schedule's zone, or None."""
        run = self.next_after(moment)
        return run.astimezone(self._zone) if run else None

    def opens_at(self, run: datetime, zones: Collection[str]) -> datetime:
        """Return when a run comes in the first of ``zones`` (IANA names), aware UTC.

        A zone that this machine does not know counts as the schedule's. Return the run itself
        without zones, or if the schedule is not ``local``.
        """
        return min(self._moments_in(zones, run))

    def ends_at(self, run: datetime, zones: Collection[str]) -> datetime:
        """Return when a run comes in the last of ``zones``, as ``opens_at`` does in the first."""
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
        """Return the last run after ``after`` that has come in one of ``zones`` by ``until``.

        Aware UTC, or None. A ``local`` run's own moment may be later than ``until``.
        """
        for run in self._descending(after, until + MAX_ZONE_DISTANCE if self.local else until):
            if self.opens_at(run, zones) <= until:
                return run
        return None

    def next_look(self, moment: datetime) -> datetime | None:
        """Return the first moment after ``moment`` at which a run may come due, aware UTC.

        A ``local`` run may come in some zone at any quarter of an hour from its wall time;
        ``latest_open`` tells whether it does.
        """
        if not self.local:
            return self.next_after(moment)
        minutes = {at.minute % _QUARTER for plan in self._plans for at in plan.times}
        look = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        while look.minute % _QUARTER not in minutes:
            look += timedelta(minutes=1)
        return look

    def _descending(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the runs with ``after`` < run <= ``until``, latest first, each once."""
        # From the day after: clocks may go back over midnight.
        day = until.astimezone(self._zone).date() + _DAY
        first = after.astimezone(self._zone).date() - _DAY
        runs = {run for run in self._on(day) if after < run <= until}
        while day >= first:
            day -= _DAY
            # A skipped time may come after those of the next day.
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
        """Yield when a wall time comes, also its second time if it counts ``again``."""
        first = datetime.combine(day, at, self._zone)
        yield first.astimezone(UTC)
        second = first.replace(fold=1).astimezone(UTC)
        if again and second > first.astimezone(UTC):  # earlier: it is skipped
            yield second
