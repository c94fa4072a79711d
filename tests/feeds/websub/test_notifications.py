from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.websub.notifications import (
    FIRST_REST,
    GIVE_UP_AFTER,
    LAST_REST,
    LONGEST_REST,
    HubQueue,
    Verdict,
    asked_rest,
    verdict,
)

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=5)


def test_a_topic_waits_once_however_often_it_changes() -> None:
    queue = HubQueue()
    assert queue.wait(0) == inf
    assert queue.add({"a": AT, "b": AT}) == 0
    assert queue.add({"a": LATER}) == 0
    assert queue.add({"a": AT}) == 0
    assert queue.waiting() == {"a": LATER, "b": AT}
    assert len(queue) == 2
    assert queue.wait(0) == 0
    assert queue.next(0, 10) == {"a": LATER, "b": AT}
    assert queue.next(0, 10) == {}


def test_one_that_changes_while_it_is_told_waits_again() -> None:
    queue = HubQueue()
    queue.add({"a": AT})
    told = queue.next(0, 1)
    queue.add({"a": LATER})
    queue.taken()
    assert queue.next(0, 1) == {"a": LATER}
    # And where telling the first change failed, the last one counts.
    queue.add({"a": LATER})
    queue.add(told)
    assert queue.waiting() == {"a": LATER}


def test_what_failed_goes_behind_the_others() -> None:
    queue = HubQueue()
    queue.add({"a": AT, "b": AT})
    queue.add(queue.next(0, 1))
    queue.failed(0, 0)
    assert list(queue.waiting()) == ["b", "a"]


def test_rests_double_up_to_an_hour_and_end_with_a_success() -> None:
    queue = HubQueue()
    queue.add({"a": AT})
    rests = [queue.failed(0, 0) for _ in range(12)]
    assert rests[:3] == [FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST]
    assert rests[-2:] == [LAST_REST, LAST_REST]
    assert queue.wait(100) == LAST_REST - 100
    assert queue.next(100, 1) == {}
    assert queue.next(LAST_REST, 1) == {"a": AT}
    queue.taken()
    assert queue.failed(0, 0) == FIRST_REST


@given(st.integers(0, 2_000), st.floats(0, 1), st.floats(0, 1e12))
def test_a_rest_is_never_shorter_than_the_first_nor_longer_than_the_longest(
    failures: int, jitter: float, asked: float
) -> None:
    queue = HubQueue(_failures=failures)
    rest = queue.failed(0, jitter, asked)
    assert FIRST_REST <= rest <= LONGEST_REST * 1.25
    assert rest >= min(asked, LONGEST_REST)


def test_a_full_queue_takes_no_more_but_what_is_in_it() -> None:
    queue = HubQueue(most=2)
    assert queue.add({"a": AT, "b": AT, "c": AT, "d": AT}) == 2
    assert queue.add({"b": LATER, "c": AT}) == 1
    assert queue.waiting() == {"a": AT, "b": LATER}


def test_a_change_of_yesterday_is_given_up() -> None:
    queue = HubQueue()
    queue.add({"a": AT, "b": LATER})
    assert queue.give_up(AT + GIVE_UP_AFTER) == ()
    assert queue.give_up(LATER + GIVE_UP_AFTER) == ("a",)
    assert queue.waiting() == {"b": LATER}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Verdict.TAKEN),
        (204, Verdict.TAKEN),
        (301, Verdict.LATER),
        (307, Verdict.LATER),
        (400, Verdict.REFUSED),
        (403, Verdict.REFUSED),
        (404, Verdict.LATER),
        (408, Verdict.LATER),
        (422, Verdict.REFUSED),
        (429, Verdict.LATER),
        (500, Verdict.LATER),
        (503, Verdict.LATER),
    ],
)
def test_what_a_status_means(status: int, expected: Verdict) -> None:
    assert verdict(status) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("-3", 0),
        ("soon", 0),
        ("９", 0),
        ("9" * 400, 999_999_999),
        ("Mon, 23 Nov 2026 08:01:00 GMT", 60),
        ("Mon, 23 Nov 2026 08:01:00", 60),
        ("Mon, 23 Nov 2026 07:00:00 GMT", 0),
        ("Mon, 23 Nov 2026 08:01:00 +9999", 0),
    ],
)
def test_how_long_a_hub_asks_to_be_left_alone(header: str | None, expected: float) -> None:
    assert asked_rest(header, AT) == expected
