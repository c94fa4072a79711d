from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from digest.feeds.websub import queue as queue_module
from digest.feeds.websub.queue import (
    FIRST_PAUSE,
    GIVE_UP_AFTER,
    LAST_PAUSE,
    LONGEST_RETRY_AFTER,
    HubQueue,
)

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=5)
HUB = "https://hub.example/"


def make_queue(batch: int = 1) -> HubQueue:
    queue = HubQueue(HUB)
    queue.batch = batch
    return queue


def test_a_topic_waits_once_however_often_it_changes() -> None:
    queue = make_queue(10)
    assert queue.delay(0) == inf
    queue.add({"a": AT, "b": AT})
    queue.add({"a": LATER})
    queue.add({"a": AT})
    assert queue.waiting() == {"a": LATER, "b": AT}
    assert queue.delay(0) == 0
    assert queue.next(0) == {"a": LATER, "b": AT}
    assert queue.next(0) == {}


def test_one_that_changes_while_it_is_told_waits_again() -> None:
    queue = make_queue()
    queue.add({"a": AT})
    told = queue.next(0)
    queue.add({"a": LATER})
    queue.succeeded()
    assert queue.next(0) == {"a": LATER}
    # And where telling the first change failed, the last one counts.
    queue.add({"a": LATER})
    queue.add(told)
    assert queue.waiting() == {"a": LATER}


def test_what_failed_goes_behind_the_others() -> None:
    queue = make_queue()
    queue.add({"a": AT, "b": AT})
    queue.add(queue.next(0))
    queue.failed(0, 0)
    assert list(queue.waiting()) == ["b", "a"]


def test_pauses_double_up_to_an_hour_and_end_with_a_success() -> None:
    queue = make_queue()
    queue.add({"a": AT})
    pauses = [queue.failed(0, 0) for _ in range(12)]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-2:] == [LAST_PAUSE, LAST_PAUSE]
    assert queue.delay(100) == LAST_PAUSE - 100
    assert queue.next(100) == {}
    assert queue.next(LAST_PAUSE) == {"a": AT}
    queue.succeeded()
    assert queue.failed(0, 0) == FIRST_PAUSE


@given(st.integers(0, 40), st.floats(0, 1), st.floats(0, 1e8))
def test_a_pause_is_never_shorter_than_the_first_nor_longer_than_the_longest(
    failures: int, jitter: float, asked: float
) -> None:
    queue = make_queue()
    for _ in range(failures):
        queue.failed(0, 0)
    pause = queue.failed(0, jitter, timedelta(seconds=asked))
    longest = LONGEST_RETRY_AFTER.total_seconds()
    assert FIRST_PAUSE <= pause <= longest * 1.25
    assert pause >= min(asked, longest)


def test_a_full_queue_takes_no_more_but_what_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "MOST_WAITING", 2)
    queue = make_queue()
    with capture_logs() as logs:
        queue.add({"a": AT, "b": AT, "c": AT, "d": AT})
        queue.add({"b": LATER, "c": AT})
    assert [entry["left_out"] for entry in logs] == [2], "told once"
    assert queue.waiting() == {"a": AT, "b": LATER}


def test_a_change_of_yesterday_is_given_up() -> None:
    queue = make_queue()
    queue.add({"a": AT, "b": LATER})
    assert queue.give_up(AT + GIVE_UP_AFTER) == []
    assert queue.give_up(LATER + GIVE_UP_AFTER) == ["a"]
    assert queue.waiting() == {"b": LATER}
