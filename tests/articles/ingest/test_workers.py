"""Workers: what a hostile file does to its process harms no other file."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path, PurePosixPath

import pytest

from digest.articles.draft import make_draft
from digest.articles.draft_options import DraftOptions
from digest.articles.ingest import worker_process
from digest.articles.ingest import workers as workers_module
from digest.articles.ingest.worker_process import Job, work
from digest.articles.ingest.workers import Workers, WorkersError
from digest.articles.model import Draft, SourceFile, UnchangedText
from digest.errors import SourceError
from tests.defaults import default_options

GOOD = SourceFile(path=PurePosixPath("good.md"), content=b"---\ntitle: Good\n---\nText.\n")
BAD = SourceFile(path=PurePosixPath("bad.md"), content=b"")
JOB = Job(make="", options=default_options(), seconds=1.0, memory=1)


#: What stands in for the making of a draft.
Misbehaviour = Callable[[SourceFile, DraftOptions, datetime], Draft]


def sleeps_for_ever(
    _source: SourceFile, _options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    time.sleep(1_000)  # killed long before: that is what is tested
    raise AssertionError


def computes_for_ever(
    _source: SourceFile, _options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    while True:  # killed by the system: that is what is tested
        pass


def computes_for_a_while(
    source: SourceFile, options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass
    return make_draft(source, options)


def ignores_the_limit(
    _source: SourceFile, _options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    return computes_for_ever(_source, _options, _now)


def dies(
    _source: SourceFile, _options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    os._exit(7)


def takes_all_memory(
    _source: SourceFile, _options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    held = []
    while True:  # until the system gives no more: that is what is tested
        held.append(bytearray(512 * 2**20))  # at once: filling it would take processor time


def aborts(
    _source: SourceFile, _options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)  # else the disk fills
    os.abort()  # as programs in Rust do where memory ends


def tells_its_process(
    source: SourceFile, options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    return replace(does_as_told(source, options, _now), title=str(os.getpid()))


def leaves(
    _source: SourceFile, _options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    os._exit(0)


def trips(
    _source: SourceFile, _options: DraftOptions, _now: datetime, files: object = None
) -> Draft:
    raise RecursionError("too deep")


def does_as_told(
    source: SourceFile, options: DraftOptions, now: datetime, files: object = None
) -> Draft:
    """Misbehave in the way that a file names; make a draft of all others."""
    misbehaves: Misbehaviour | None = globals().get(source.content.decode())
    return misbehaves(source, options, now) if misbehaves else make_draft(source, options)


def notes_itself(
    source: SourceFile, options: DraftOptions, now: datetime, files: object = None
) -> Draft:
    """Do as told, and tell so in the file that is the folder of this one."""
    with Path(source.path.parent).open("a") as log:
        log.write(f"{source.content.decode()}\n")
    return does_as_told(source, options, now)


def name(make: Misbehaviour) -> str:
    """Return the name by which a worker finds what it is to do."""
    return f"{__name__}:{make.__name__}"


def titles(workers: Workers, *sources: SourceFile) -> list[str]:
    """Return the titles of the drafts of a batch; of a file that is none, what is wrong."""
    results = workers.results_of(workers.submit(sources))
    return [one.problem if isinstance(one, SourceError) else title_of(one) for one in results]


def title_of(result: Draft | UnchangedText) -> str:
    assert isinstance(result, Draft)
    return result.title


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(default_options(), count=1, timeout=timedelta(seconds=0.5)) as pool:
        yield pool


def test_a_file_becomes_a_draft(workers: Workers) -> None:
    assert titles(workers, GOOD) == ["Good"]


def test_a_problem_comes_back_as_itself(workers: Workers) -> None:
    (problem,) = workers.results_of(workers.submit([BAD]))
    assert isinstance(problem, SourceError)
    assert problem.path == BAD.path
    assert titles(workers, GOOD, BAD, GOOD) == ["Good", problem.problem, "Good"]


@pytest.mark.usefixtures("programs_unmeasured")
@pytest.mark.parametrize(
    ("misbehaves", "patience", "problem"),
    [
        (computes_for_ever, 50, r"took more than 0\.5 s"),  # which may last on a busy machine
        (sleeps_for_ever, 2, "was not read in"),
        (ignores_the_limit, 2, "was not read in"),
        (dies, 50, "died with exit code 7"),
        (trips, 50, "RecursionError: too deep"),
        (takes_all_memory, 50, "took more than 512 MiB of memory"),
        (aborts, 50, "took more than 512 MiB of memory"),
    ],
)
def test_a_hostile_file_harms_only_itself(
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
    misbehaves: Misbehaviour,
    patience: int,
    problem: str,
) -> None:
    monkeypatch.setattr(workers_module, "_MAKE", name(does_as_told))
    trouble = SourceFile(path=GOOD.path, content=misbehaves.__name__.encode())
    with monkeypatch.context() as patch:
        patch.setattr(workers_module, "_CLOCK_FACTOR", patience)
        (result,) = workers.results_of(workers.submit([trouble]))
    assert isinstance(result, SourceError)
    assert re.search(problem, result.problem)
    assert titles(workers, GOOD) == ["Good"]


@pytest.mark.usefixtures("programs_unmeasured")
@pytest.mark.parametrize(
    ("misbehaves", "problem"),
    [
        (computes_for_ever, "took more than"),
        (takes_all_memory, "of memory"),
        (dies, "died with exit code 7"),
        (trips, "too deep"),
    ],
)
def test_a_hostile_file_takes_no_other_of_its_batch_down(
    workers: Workers,
    monkeypatch: pytest.MonkeyPatch,
    misbehaves: Misbehaviour,
    problem: str,
) -> None:
    monkeypatch.setattr(workers_module, "_MAKE", name(does_as_told))
    trouble = SourceFile(path=GOOD.path, content=misbehaves.__name__.encode())
    first, hostile, last = titles(workers, GOOD, trouble, GOOD)
    assert (first, last) == ("Good", "Good")
    assert problem in hostile


@pytest.mark.usefixtures("programs_unmeasured")
def test_the_limit_is_each_files_own(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "_MAKE", name(computes_for_a_while))
    assert titles(workers, *[GOOD] * 4) == ["Good"] * 4


@pytest.mark.usefixtures("programs_unmeasured")
def test_a_pool_that_was_lost_is_replaced(workers: Workers) -> None:
    workers.close()
    assert titles(workers, GOOD) == ["Good"]


@pytest.mark.usefixtures("programs_unmeasured")
def test_a_closed_pool_says_nothing_of_the_file(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "_MAKE", name(sleeps_for_ever))
    waiting = workers.submit([GOOD])
    behind = workers.submit([GOOD])
    workers.close()
    for future in (waiting, behind):
        with pytest.raises(WorkersError, match="stopped"):
            workers.results_of(future)


@pytest.mark.usefixtures("programs_unmeasured")
def test_no_processes_to_be_had_is_told_and_tried_again(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(WorkersError, match="temporarily unavailable"):
            workers.results_of(workers.submit([GOOD]))
    assert titles(workers, GOOD) == ["Good"]


@pytest.mark.usefixtures("programs_unmeasured")
def test_no_threads_to_be_had_is_told(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
    with pytest.raises(WorkersError, match="new thread"):
        workers.submit([GOOD])


def process_of(workers: Workers) -> int:
    """Return the process that makes the next draft."""
    return int(titles(workers, GOOD)[0])


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have drafts bear the number of the process that made them."""
    monkeypatch.setattr(workers_module, "_MAKE", name(tells_its_process))


@pytest.mark.usefixtures("programs_unmeasured")
@pytest.mark.usefixtures("telling")
def test_a_worker_that_was_killed_while_idle_costs_no_file(workers: Workers) -> None:
    first = process_of(workers)
    assert process_of(workers) == first
    os.kill(first, signal.SIGKILL)
    assert workers._idle[0].connection.poll(50)
    assert process_of(workers) != first


@pytest.mark.usefixtures("programs_unmeasured")
@pytest.mark.usefixtures("telling")
def test_a_worker_that_ends_as_it_is_asked_costs_no_file(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = process_of(workers)
    leaver = SourceFile(path=GOOD.path, content=b"leaves")
    workers._idle[0].connection.send([leaver])  # the next batch meets its end
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "poll", lambda _, seconds=0.0: seconds > 0)
        assert process_of(workers) != first


@pytest.mark.usefixtures("programs_unmeasured")
@pytest.mark.usefixtures("telling")
def test_the_server_of_workers_is_started_again_when_it_was_killed(workers: Workers) -> None:
    first = process_of(workers)
    assert workers._server is not None
    program = workers._server._program
    program.kill()
    program.wait()
    assert process_of(workers) != first


@pytest.mark.usefixtures("programs_unmeasured")
@pytest.mark.usefixtures("telling")
def test_a_worker_is_replaced_after_so_many_files(workers: Workers) -> None:
    batch = [GOOD] * 1_000
    first, second, third = (titles(workers, *batch)[0] for _ in range(3))
    assert first == second != third


@pytest.mark.usefixtures("programs_unmeasured")
def test_a_worker_that_has_nothing_to_do_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "_IDLE", 0.0)
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    _, theirs = Pipe()
    work(theirs, JOB)


@pytest.mark.usefixtures("programs_unmeasured")
def test_a_worker_ends_with_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    ours, theirs = Pipe()
    ours.close()
    work(theirs, JOB)


@pytest.mark.usefixtures("programs_unmeasured")
def test_a_file_that_takes_too_long_is_tried_once_and_no_other_again(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workers_module, "_MAKE", name(notes_itself))
    log = tmp_path / "log"
    told = ["a", "computes_for_ever", "b", "computes_for_ever", "c"]
    files = [SourceFile(path=PurePosixPath(log, "a.md"), content=each.encode()) for each in told]
    results = workers.results_of(workers.submit(files))
    late = [False, True, False, True, False]
    assert [isinstance(result, SourceError) for result in results] == late
    assert log.read_text().split() == told
