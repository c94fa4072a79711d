"""Copies of assets that nothing refers to are removed in time, and no others."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog

from digest.articles.ingest.asset_copies import DiskQuota, UnusedAssets
from digest.assets import asset_name
from tests.conftest import FakeClock

DAY = timedelta(days=1)
NAMES = [asset_name(f"{number:032x}", "png") for number in range(4)]
USED, SHOWN, IDLE, FRESH = NAMES


@dataclass
class Store:
    """A store in which files refer to one copy, and an article shows another."""

    since: dict[str, datetime] = field(default_factory=dict)
    files: int = 0  #: with assets left out
    retried: int = 0
    at: datetime | None = None

    def unused(self, names: Collection[str], now: datetime, before: datetime) -> set[str]:
        """Note the copies but for the one in use."""
        noted = {name: self.since.setdefault(name, now) for name in names if name != USED}
        return {name for name, since in noted.items() if since <= before}

    def in_texts(self, names: AbstractSet[str], go_on: Callable[[], None]) -> set[str]:
        """Return the copy that an article shows."""
        go_on()
        return {SHOWN} & names

    def forget(self, names: Collection[str]) -> None:
        """Drop them."""
        for name in names:
            self.since.pop(name, None)

    def left_out(self) -> int:
        """Return what the test says."""
        return self.files

    def retry(self) -> None:
        """Count."""
        self.retried += 1

    def looked_at(self) -> datetime | None:
        """Return the last time."""
        return self.at

    def looked(self, now: datetime) -> None:
        """Store the time."""
        self.at = now


@dataclass
class Place:
    """A folder of copies, old ones, and what removes them."""

    folder: Path
    clock: FakeClock
    store: Store = field(default_factory=Store)

    def unused(
        self, limit: int = 10**6, keep: timedelta = 2 * DAY, kept: Collection[str] = ()
    ) -> UnusedAssets:
        """Return what removes copies."""
        return UnusedAssets(
            folder=self.folder, limit=limit, largest=4_096, keep=keep, store=self.store,
            clock=self.clock, kept=kept,
        )  # fmt: skip

    def fill(self, *names: str, days: int = 30) -> None:
        """Write copies as they were made before so many days."""
        self.folder.mkdir(exist_ok=True)
        made = (self.clock() - days * DAY).timestamp()
        for name in names:
            (self.folder / name).write_bytes(b"picture")
            os.utime(self.folder / name, (made, made))

    def names(self) -> set[str]:
        """Return what is in the folder, but for the counter."""
        return {path.name for path in self.folder.iterdir()} - {".bytes"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "assets", FakeClock())


def test_the_time_of_a_copy_begins_when_it_is_in_use_no_more(place: Place) -> None:
    place.fill(IDLE)
    place.unused().check()
    place.clock.now += 5 * DAY
    place.unused(kept=(IDLE,)).check()
    assert place.store.since == {}
    for day in range(4):
        place.clock.now += DAY
        place.unused().check()
        assert (IDLE in place.names()) == (day < 2), day


def test_a_copy_that_nothing_refers_to_is_removed_in_time(place: Place) -> None:
    place.fill(USED, SHOWN, IDLE, FRESH, "README")
    for day in range(5):
        place.fill(FRESH, days=0)  # an article took it up today
        with structlog.testing.capture_logs() as logs:
            place.unused().check()
        assert (IDLE in place.names()) == (day < 2), day
        if day == 2:
            assert [entry["files"] for entry in logs] == [1]
            assert place.store.since.keys() == set()  # each is noted anew
        place.clock.now += DAY
    assert place.names() == {USED, SHOWN, FRESH, "README"}
    assert int((place.folder / ".bytes").read_bytes()) == 3 * 4_096


def test_it_looks_once_a_day_whoever_looks(place: Place) -> None:
    place.unused().check()  # there is no folder yet
    place.fill(IDLE)
    place.unused(keep=timedelta()).check()
    assert place.names() == {IDLE}
    place.clock.now += DAY
    place.unused(keep=timedelta()).check()
    assert place.names() == set()


def test_a_copy_set_aside_by_a_process_that_was_killed_comes_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.fill(IDLE)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda _path: None)
        place.unused(keep=timedelta()).check()
    assert place.names() == {f".{IDLE}.unused"}
    place.clock.now += DAY
    place.unused().check()
    assert place.names() == {IDLE}


def test_it_ends_soon_when_it_is_told_to(place: Place) -> None:
    place.fill(IDLE)

    def stopping() -> None:
        raise InterruptedError("stopping")

    with pytest.raises(InterruptedError):
        place.unused(keep=timedelta()).check(stopping)
    assert place.names() == {IDLE}
    place.unused(keep=timedelta()).check()
    assert place.names() == set()


def test_a_folder_that_cannot_be_used_holds_up_nothing(place: Place) -> None:
    place.fill(IDLE)
    (place.folder / ".bytes").mkdir()
    with structlog.testing.capture_logs() as logs:
        place.unused().check()
    assert [entry["event"] for entry in logs] == ["the folder of assets cannot be used"]
    assert place.store.at is None  # tried again soon


def test_another_process_may_remove_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.fill(IDLE, SHOWN)

    def elsewhere(names: AbstractSet[str], _go_on: Callable[[], None]) -> set[str]:
        (place.folder / IDLE).unlink()
        return set(names) - {IDLE}

    monkeypatch.setattr(place.store, "in_texts", elsewhere)
    place.unused(keep=timedelta()).check()
    assert place.names() == {SHOWN}


def test_assets_that_were_left_out_are_told_once_and_tried_again_when_there_is_room(
    place: Place,
) -> None:
    place.fill(*NAMES)
    place.store.files = 3
    unused = place.unused(limit=4 * 4_096)
    with structlog.testing.capture_logs() as logs:
        unused.check()
        unused.check()
    assert [(entry["log_level"], entry["files"]) for entry in logs] == [("warning", 3)]
    assert place.store.retried == 0
    place.unused(limit=5 * 4_096).check()  # the operator allows more
    assert place.store.retried == 1


def test_the_room_is_counted_at_need(place: Place) -> None:
    place.fill(USED, SHOWN)
    quota = DiskQuota(place.folder, 4 * 4_096)
    assert quota.reserve(5_000)
    assert not quota.reserve(1)
    quota.release(5_000)
    assert quota.fits(8_192)
    assert not quota.fits(8_193)
