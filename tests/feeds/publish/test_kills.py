"""Publishers that are killed at any step, and publishers beside one another."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from digest.feeds.encodings import SUFFIXES, packed, plain_name
from digest.feeds.model import OPML
from digest.feeds.publish.model import Published
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.publish.power_loss import boot_id, process_space
from digest.store.database import open_store
from tests.effort import SOAK, effort
from tests.feeds.publish.conftest import (
    KILL_PLAN,
    PLAN,
    Bench,
    hidden,
    hurry,
    long_body,
    tree,
)
from tests.feeds.samples import SHIPS, TEA, TRADE

pytestmark = pytest.mark.full_speed

#: What the plan of these tests differs in from the usual one.
KINDS: dict[str, Any] = {"authors": KILL_PLAN.authors, "languages": KILL_PLAN.languages}
FINGERPRINT = repr(KILL_PLAN)

#: This boot, and whose process numbers count.
HERE = f"{boot_id()} {process_space()}"


@dataclass
class Victims:
    """Publishers in processes of their own."""

    process: subprocess.Popen[str]

    def begin(self, bench: Bench, *, step: int = 0, **more: object) -> int:
        """Start a publisher; return its process id."""
        task = {
            "database": f"sqlite:///{bench.folder / 'digest.db'}",
            "output": str(bench.output),
            "told": str(bench.folder / "told"),
            "fingerprint": FINGERPRINT,
            "step": step,
            **more,
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        return int(self.answer())

    def answer(self) -> str:
        """Return the next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def publish(self, bench: Bench, *, step: int = 0) -> int:
        """Publish, or be ended by a step; return the number of steps, -1 where it was ended."""
        self.begin(bench, step=step)
        return int(self.answer())


@pytest.fixture(scope="module", name="victims")
def _victims() -> Iterator[Victims]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.feeds.publish.victim"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    with process:
        yield Victims(process)
        assert process.stdin is not None
        process.stdin.close()


def told_by_others(bench: Bench) -> set[str]:
    with suppress(FileNotFoundError):
        return set((bench.folder / "told").read_text("utf-8").splitlines())
    return set()


def prepare(bench: Bench) -> dict[str, bytes]:
    """Publish some articles, and change them in every way; return what is published."""
    bench.take(1, 2, body=long_body(1))
    bench.take(3, categories=(TRADE,))
    bench.take(4, categories=(TEA,), authors=("Ada Whitfield",))
    bench.build(fingerprint=FINGERPRINT, **KINDS)
    bench.take(5, body=long_body(5))
    bench.take(6, categories=(SHIPS,), language="en")
    bench.take(2, title="后来改的")
    bench.withdraw(4)
    return tree(bench.output)


def copied(bench: Bench, name: str) -> Bench:
    """Return a copy of the folder and the database, as if nothing had been opened."""
    folder = bench.folder / name
    folder.mkdir()
    shutil.copytree(bench.output, folder / "public")
    for path in bench.folder.glob("digest.db*"):
        shutil.copyfile(path, folder / path.name)
    return replace(bench, folder=folder, told=[])


def check(bench: Bench, before: dict[str, bytes]) -> None:
    """Start once more, and see that all is as in a new folder, and that hubs were told."""
    with open_store(f"sqlite:///{bench.folder / 'digest.db'}") as store:
        hurry(store)
        bench.store = store
        bench.clock.pass_(1_000)
        bench.build(fingerprint=FINGERPRINT, **KINDS)
        after = tree(bench.output)
        assert after == bench.fresh(fingerprint=FINGERPRINT, **KINDS)
        assert not hidden(bench.output)
        for path in bench.output.rglob("*"):
            if plain := plain_name(path.name):
                encoding = next(one for one, end in SUFFIXES.items() if path.name.endswith(end))
                assert path.read_bytes() == packed(encoding, path.with_name(plain).read_bytes())
        lists = {f"feeds/{OPML}", "feeds/feed.css"}
        changed = {path for path, content in after.items() if content != before.get(path)}
        assert changed - lists <= told_by_others(bench) | set(bench.told)
        bench.told.clear()
        assert bench.build(fingerprint=FINGERPRINT, **KINDS) == Published()
        assert bench.told == []


@pytest.mark.soak
def test_whatever_step_a_publisher_is_killed_at_the_next_start_mends_all(
    bench: Bench, victims: Victims
) -> None:
    before = prepare(bench)
    bench.store.close()
    whole = copied(bench, "whole")
    steps = victims.publish(whole)
    assert steps > 60
    check(whole, before)
    # All of them in a soak.
    for step in range(1, steps + 1, 1 if SOAK else 11):
        copy = copied(bench, f"step{step}")
        assert victims.publish(copy, step=step) == -1
        check(copy, before)
        shutil.rmtree(copy.folder)


@pytest.mark.soak
def test_a_first_build_that_is_killed_goes_on(bench: Bench, victims: Victims) -> None:
    bench.take(1, 2, body=long_body(1))
    bench.take(3, categories=(TEA,), language="en")
    bench.output.mkdir()
    bench.store.close()
    whole = copied(bench, "whole")
    steps = victims.publish(whole)
    for step in range(1, steps + 1, 1 if SOAK else 13):
        copy = copied(bench, f"step{step}")
        assert victims.publish(copy, step=step) == -1
        check(copy, {})
        shutil.rmtree(copy.folder)


def test_a_kill_while_it_mends_a_kill_changes_nothing(bench: Bench, victims: Victims) -> None:
    before = prepare(bench)
    bench.store.close()
    for step in (7, 23, 41):
        copy = copied(bench, f"step{step}")
        for again in (step, 11, 3, 29):
            victims.publish(copy, step=again)
        check(copy, before)


def unsynced(bench: Bench) -> set[tuple[str, int]]:
    token = OutputFolder(bench.output).token()
    assert token is not None
    record = bench.store.feeds.output(token)
    assert record is not None
    return set(record.unsynced)


def test_a_build_beside_a_daemon_leaves_the_mark_of_the_daemon(
    bench: Bench, victims: Victims
) -> None:
    bench.take(1)
    daemon = victims.begin(bench, stay=True)
    assert victims.answer() == "stays"
    assert unsynced(bench) == {(HERE, daemon)}
    bench.take(2)
    publisher = bench.publisher(fingerprint=FINGERPRINT, **KINDS)
    bench.publish(publisher)
    assert unsynced(bench) == {(HERE, daemon), (HERE, os.getpid())}
    publisher.close()
    assert unsynced(bench) == {(HERE, daemon)}
    os.kill(daemon, signal.SIGKILL)
    assert victims.answer() == "-1"
    bench.take(3)
    bench.build(fingerprint=FINGERPRINT, **KINDS)
    assert unsynced(bench) == set(), "what was killed needs no mark once all is on the disk"
    assert tree(bench.output) == bench.fresh(fingerprint=FINGERPRINT, **KINDS)


@pytest.mark.soak
def test_two_processes_that_publish_at_once_leave_what_one_would(
    bench: Bench, victims: Victims
) -> None:
    bench.take(1)
    going = bench.folder / "going"
    going.touch()
    victims.begin(bench, follow=str(going))
    publisher = bench.publisher(fingerprint=FINGERPRINT, **KINDS)
    bench.clock.pass_(1_000_000)  # each has its own idea of the time
    for number in range(2, effort(12, 60)):
        bench.take(number, categories=(TEA, SHIPS) if number % 3 else (TRADE,))
        if number % 4 == 0:
            bench.take(number, categories=(TRADE,), language="en")
        if number % 5 == 0:
            bench.withdraw(number - 1)
        if number % 2:
            bench.clock.pass_(10)
            publisher.publish()
    going.unlink()
    assert int(victims.answer()) > 0
    bench.clock.pass_(1_000_000)
    bench.publish(publisher)
    publisher.close()
    assert unsynced(bench) == set()
    assert tree(bench.output) == bench.fresh(fingerprint=FINGERPRINT, **KINDS)
    assert not hidden(bench.output)
    assert bench.build(fingerprint=FINGERPRINT, **KINDS) == Published()


def test_the_plan_of_these_tests_is_the_usual_one_with_facets() -> None:
    assert replace(PLAN, **KINDS) == KILL_PLAN
