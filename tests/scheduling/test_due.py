"""Which run is due, by what was made before, whatever the clock and the readers do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from digest.scheduling.due import DueRuns
from digest.scheduling.schedule import Schedule

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
#: 07:00 in Shanghai on the 24th.
RUN = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


class Made:
    """Editions that were made, and the zones of readers."""

    def __init__(self, *due_at: datetime, started_at: datetime | None = RUN - 3 * DAY) -> None:
        self.due_at = due_at
        self.began_at = started_at
        self.by_hand: tuple[datetime, ...] = ()
        self.known: set[str | None] = {None}

    def last_due_at(
        self, name: str, until: datetime, *, scheduled: bool = False
    ) -> datetime | None:
        assert name == "daily"
        known = (*self.due_at, *(() if scheduled else self.by_hand))
        return max((one for one in known if one <= until), default=None)

    def started_at(self, name: str) -> datetime | None:
        assert name == "daily"
        return self.began_at

    def zones(self, digest: str) -> set[str | None]:
        assert digest == "daily"
        return self.known


def due(
    made: Made, now: datetime, *, catch_up: timedelta = 12 * HOUR, local: bool = False
) -> datetime | None:
    schedule = Schedule("daily 07:00", "Asia/Shanghai", local=local)
    due_runs = DueRuns(
        schedules={"daily": schedule}, catch_up={"daily": catch_up}, editions=made, readers=made
    )
    return due_runs.due_at("daily", now)


@pytest.mark.parametrize(
    ("made", "now", "expected"),
    [
        (Made(RUN - DAY), RUN - timedelta(seconds=1), None),
        (Made(RUN - DAY), RUN, RUN),
        (Made(RUN), RUN, None),
        (Made(RUN), RUN + DAY - HOUR, None),
        (Made(RUN - 3 * DAY), RUN + HOUR, RUN),  # of three that were missed, the last
        (Made(RUN - DAY), RUN + 11 * HOUR, RUN),
        (Made(RUN - DAY), RUN + 13 * HOUR, None),
        (Made(RUN + 90 * DAY), RUN, RUN),  # made while the clock was wrong
        (Made(started_at=RUN + 90 * DAY), RUN, RUN),  # so was the digest
        (Made(started_at=RUN - HOUR), RUN, RUN),
        (Made(started_at=RUN + HOUR), RUN + 2 * HOUR, None),
        (Made(started_at=None), RUN, None),
    ],
)
def test_a_run_is_due_once_and_not_too_late(
    made: Made, now: datetime, expected: datetime | None
) -> None:
    assert due(made, now) == expected


def test_a_run_is_noticed_a_moment_after_its_time_though_nothing_is_caught_up_with() -> None:
    late = timedelta(milliseconds=3)
    assert due(Made(RUN - DAY), RUN + late, catch_up=timedelta()) == RUN
    assert due(Made(RUN - DAY), RUN + HOUR, catch_up=timedelta()) is None


def test_a_run_that_was_missed_or_is_late_is_told() -> None:
    with capture_logs() as logs:
        assert due(Made(RUN - DAY), RUN + HOUR) == RUN
        assert due(Made(RUN - DAY), RUN + 13 * HOUR) is None
        assert due(Made(RUN), RUN + 13 * HOUR) is None
    assert [one["event"] for one in logs] == [
        "catching up",
        "missed a run too long ago to catch up",
    ]


@pytest.mark.parametrize(
    ("zones", "after"),
    [
        (set(), timedelta()),  # nobody reads it: the site's hour
        ({None}, timedelta()),
        ({None, "Asia/Tokyo"}, -HOUR),
        ({"Europe/Berlin", "America/New_York"}, 7 * HOUR),
        ({"Pacific/Kiritimati"}, -6 * HOUR),
        ({"Pacific/Pago_Pago"}, 19 * HOUR),
    ],
)
def test_by_the_readers_clocks_a_run_is_due_when_it_comes_for_the_first(
    zones: set[str | None], after: timedelta
) -> None:
    made = Made(RUN - DAY)
    made.known = zones
    assert due(made, RUN + after - timedelta(seconds=1), local=True) is None
    assert due(made, RUN + after, local=True) == RUN
    assert due(made, RUN + after + 12 * HOUR, local=True) == RUN
    done = Made(RUN)
    done.known = zones
    assert due(done, RUN + after, local=True) is None


def test_a_run_is_too_late_only_when_it_is_for_the_last_reader() -> None:
    made = Made(RUN - DAY)
    made.known = {"Asia/Tokyo", "America/New_York"}  # 22:00 UTC, and 12:00 UTC a day later
    last = RUN + 13 * HOUR
    for catch_up in (timedelta(), 12 * HOUR):
        assert due(made, last - timedelta(minutes=1), catch_up=catch_up, local=True) == RUN
    assert due(made, last + 9 * HOUR, local=True) == RUN
    assert due(made, last + timedelta(minutes=6), catch_up=timedelta(), local=True) is None
    assert due(made, last + 10 * HOUR, local=True) == RUN + DAY  # Tokyo's next hour has come


def test_a_missed_run_is_told_once() -> None:
    made = Made(RUN - DAY)
    schedule = Schedule("daily 07:00", "Asia/Shanghai")
    due_runs = DueRuns(
        schedules={"daily": schedule}, catch_up={"daily": HOUR}, editions=made, readers=made
    )
    with capture_logs() as logs:
        for minutes in (90, 105, 120):
            assert due_runs.due_at("daily", RUN + timedelta(minutes=minutes)) is None
    assert len(logs) == 1


def test_an_edition_by_hand_takes_no_run_from_readers_whose_hour_is_to_come() -> None:
    made = Made(RUN - DAY)
    made.known = {"America/Los_Angeles"}
    made.by_hand = (RUN + 11 * HOUR,)
    assert due(made, RUN + 16 * HOUR, local=True) == RUN
    assert due(made, RUN + 12 * HOUR) is None  # at one hour for all it stands for the run


def test_a_zone_that_this_machine_does_not_know_is_the_sites_and_told_once() -> None:
    made = Made(RUN - DAY)
    made.known = {"US/Nowhere", "../../etc/passwd"}
    schedule = Schedule("daily 07:00", "Asia/Shanghai", local=True)
    due_runs = DueRuns(
        schedules={"daily": schedule}, catch_up={"daily": HOUR}, editions=made, readers=made
    )
    with capture_logs() as logs:
        assert due_runs.due_at("daily", RUN - timedelta(seconds=1)) is None
        assert due_runs.due_at("daily", RUN) == RUN
    assert sorted(one["zone"] for one in logs) == ["../../etc/passwd", "US/Nowhere"]
