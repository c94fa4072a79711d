from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from digest.feeds.websub.queue import (
    FIRST_REST,
    GIVE_UP_AFTER,
    LAST_REST,
    LONGEST_REST,
    MOST_WAITING,
    HubQueue,
)

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=5)
HUB = "https://hub.example/"


def make_queue(batch: int = 1, most: int = MOST_WAITING) -> HubQueue:
    queue = HubQueue(HUB, most=most)
    queue.batch = batch
    return queue


def test_a_topic_waits_once_however_often_it_changes() -> None:
    queue = make_queue(10)
    assert queue.rest(0) == inf
    queue.add({"a": AT, "b": AT})
    queue.add({"a": LATER})
    queue.add({"a": AT})
    assert queue.waiting() == {"a": LATER, "b": AT}
    assert queue.rest(0) == 0
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


def test_rests_double_up_to_an_hour_and_end_with_a_success() -> None:
    queue = make_queue()
    queue.add({"a": AT})
    rests = [queue.failed(0, 0) for _ in range(12)]
    assert rests[:3] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST]
    assert rests[-2:] == [LAST_REST, LAST_REST]
    assert queue.rest(100) == LAST_REST - 100
    assert queue.next(100) == {}
    assert queue.next(LAST_REST) == {"a": AT}
    queue.succeeded()
    assert queue.failed(0, 0) == FIRST_REST


@given(st.integers(0, 40), st.floats(0, 1), st.floats(0, 1e12))
def test_a_rest_is_never_shorter_than_the_first_nor_longer_than_the_longest(
    failures: int, jitter: float, asked: float
) -> None:
    queue = make_queue()
    for _ in range(failures):
        queue.failed(0, 0)
    rest = queue.failed(0, jitter, asked)
    assert FIRST_REST <= rest <= LONGEST_REST * 1.25
    assert rest >= min(asked, LONGEST_REST)


def test_a_full_queue_takes_no_more_but_what_is_in_it() -> None:
    queue = make_queue(most=2)
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
