"""Which entries are written, what is remembered of a source, and when it is asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.article_file import entry_hash
from digest.sources.model import Entry, EntryRecord, Health, SourceState
from digest.sources.refresh import (
    LONGEST,
    SHORTEST,
    Plan,
    after_document,
    after_failure,
    after_redirect,
    is_due,
    max_age,
    next_interval,
    plan,
    retry_interval,
    spread,
)
from tests.sources.samples import NOW, SOURCE, document, entry

DAY = timedelta(days=1)
STATE = SourceState(url=SOURCE.url)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def record(of: Entry) -> EntryRecord:
    return EntryRecord(
        key=of.key, alias=of.alias, path="p", content=entry_hash(of), written="w", taken_at=NOW
    )


def planned(
    entries: list[Entry],
    records: list[EntryRecord],
    *,
    taken_today: int = 0,
    first: bool = False,
    max_age: timedelta | None = None,
) -> Plan:
    source = replace(SOURCE, max_per_day=3, max_age=max_age)
    feed = document(*entries)
    return plan(source, feed, records, taken_today=taken_today, first=first, now=NOW)


def taken(found: Plan) -> list[str]:
    return [item.entry.id for item in found.entries]


def aged(number: int, days: int) -> Entry:
    return entry(number, published_at=NOW - days * DAY)


def test_new_entries_are_taken_oldest_first() -> None:
    assert taken(planned([aged(1, 1), aged(2, 3), aged(3, 2)], [])) == ["2", "3", "1"]


def test_a_document_that_changes_every_entry_is_taken_bit_by_bit() -> None:
    entries = [entry(number, summary="new") for number in range(5)]
    found = planned(entries, [record(entry(number)) for number in range(5)])
    assert (taken(found), found.waiting) == (["0", "1", "2"], 2)


def test_an_entry_that_says_the_same_is_not_taken_again() -> None:
    assert planned([entry(1)], [record(entry(1))]) == Plan()


def test_an_entry_that_says_something_else_is_taken_with_its_record() -> None:
    known = record(entry(1))
    found = planned([entry(1, content="other")], [known])
    assert [item.record for item in found.entries] == [known]


def test_an_entry_under_another_id_is_the_same_entry() -> None:
    known = record(replace(entry(1), id="session-1"))
    assert planned([entry(1)], [known]) == Plan()
    found = planned([entry(1, content="other")], [known])
    assert [item.record for item in found.entries] == [known]


def test_entries_that_share_a_link_are_different_entries() -> None:
    link = "https://harbour.example/status"
    old, new = (replace(entry(number), link=link) for number in (1, 2))
    assert taken(planned([new], [record(old)])) == ["2"]
    same = replace(old, id="2")
    assert taken(planned([old, same], [record(old)])) == ["2"]


def test_an_entry_without_a_link_has_no_other_name() -> None:
    old = replace(entry(1), link="", id="0")
    assert old.alias == ""
    assert taken(planned([replace(old, id="1")], [record(old)])) == ["1"]


def test_the_limit_of_a_day_keeps_the_newest_and_has_the_rest_wait() -> None:
    entries = [aged(number, number) for number in range(1, 6)]
    found = planned(entries, [], taken_today=1)
    assert (taken(found), found.waiting) == (["2", "1"], 3)
    found = planned(entries, [], taken_today=9)
    assert (taken(found), found.waiting) == ([], 5)


def test_the_limit_of_a_day_does_not_hold_for_the_first_document() -> None:
    found = planned([aged(number, number) for number in range(1, 6)], [], first=True)
    assert (len(found.entries), found.waiting) == (5, 0)


def test_old_entries_are_not_taken() -> None:
    entries = [aged(1, 1), aged(2, 9), entry(3, published_at=None)]
    assert taken(planned(entries, [], max_age=7 * DAY)) == ["1", "3"]


def test_a_document_is_remembered_with_its_validators() -> None:
    headers = {"etag": '"1"', "last-modified": "then", "cache-control": "max-age=7200"}
    feed = replace(document(entry(1)), pause=timedelta(hours=1))
    after = after_document(STATE, SOURCE, headers, document=feed, took=1, now=NOW)
    assert after == SourceState(
        url=SOURCE.url,
        entity_tag='"1"',
        last_modified="then",
        asked_at=NOW,
        changed_at=NOW,
        next_at=NOW + timedelta(hours=2),
        interval=timedelta(hours=2),
        health=Health.OK,
        answer="1 entry",
        title="Harbour News",
        home="https://harbour.example/",
    )


def test_a_304_keeps_what_is_known() -> None:
    before = replace(STATE, entity_tag='"1"', title="t", failures=3, changed_at=NOW - DAY)
    after = after_document(before, SOURCE, {}, now=NOW)
    assert (after.entity_tag, after.title, after.failures) == ('"1"', "t", 0)
    assert (after.changed_at, after.answer) == (NOW - DAY, "not modified")


def test_a_broken_document_is_told() -> None:
    feed = replace(document(), problem="no end tag")
    after = after_document(STATE, SOURCE, {}, document=feed, now=NOW)
    assert after.answer == "0 entries, broken: no end tag"


def test_failures_are_counted_and_410_ends_it() -> None:
    once = after_failure(STATE, "answered 500", retry_after=None, gone=False, now=NOW)
    assert (once.failures, once.health) == (1, Health.FAILING)
    assert once.next_at == NOW + timedelta(minutes=10)
    twice = after_failure(once, "answered 429", retry_after=timedelta(hours=5), gone=False, now=NOW)
    assert (twice.failures, twice.next_at) == (2, NOW + timedelta(hours=5))
    gone = after_failure(twice, "answered 410", retry_after=None, gone=True, now=NOW)
    assert (gone.health, gone.next_at, gone.answer) == (Health.GONE, None, "answered 410")
    assert not is_due(gone, NOW + 99 * DAY)


def test_a_permanent_redirect_is_believed_the_third_time_in_a_row() -> None:
    state = STATE
    for _ in range(2):
        state = after_redirect(state, "https://new.example/")
        assert state.address == SOURCE.url
    other = after_redirect(state, "https://other.example/")
    assert other.redirects == 1
    assert after_redirect(other, "").redirects == 0
    state = after_redirect(state, "https://new.example/")
    assert state.address == "https://new.example/"
    assert after_redirect(state, "https://new.example/").address == "https://new.example/"


@pytest.mark.parametrize(
    ("ahead", "due"),
    [(None, True), (timedelta(0), True), (-DAY, True), (DAY, False), (9 * DAY, True)],
)
def test_a_source_is_due_at_its_time_or_when_clocks_went_back(
    ahead: timedelta | None, due: bool
) -> None:
    state = replace(STATE, next_at=None if ahead is None else NOW + ahead)
    assert is_due(state, NOW) is due


@pytest.mark.parametrize(
    ("changed", "pause", "every", "interval"),
    [
        (True, None, None, 40 * MINUTE),
        (False, None, None, 75 * MINUTE),
        (True, 2 * HOUR, None, 2 * HOUR),
        (True, timedelta(days=9), None, LONGEST),
        (False, None, 30 * MINUTE, 30 * MINUTE),
        (False, 2 * HOUR, 30 * MINUTE, 2 * HOUR),
        (False, timedelta(days=9), 30 * MINUTE, LONGEST),
    ],
)
def test_a_feed_is_asked_as_often_as_it_changes_but_not_before_its_pause(
    changed: bool, pause: timedelta | None, every: timedelta | None, interval: timedelta
) -> None:
    assert next_interval(HOUR, changed=changed, pause=pause, every=every) == interval


@given(st.lists(st.booleans()), st.one_of(st.none(), st.timedeltas(min_value=timedelta(0))))
def test_intervals_stay_within_their_bounds(changes: list[bool], pause: timedelta | None) -> None:
    interval = HOUR
    for changed in changes:
        interval = next_interval(interval, changed=changed, pause=pause, every=None)
        assert SHORTEST <= interval <= LONGEST


@pytest.mark.parametrize(
    ("failures", "asked", "wait"),
    [
        (1, None, 10 * MINUTE),
        (3, None, 40 * MINUTE),
        (99, None, 12 * HOUR),
        (1, HOUR, HOUR),
        (1, MINUTE, 10 * MINUTE),
        (1, timedelta(days=30), timedelta(days=2)),
    ],
)
def test_failures_are_tried_again_ever_later(
    failures: int, asked: timedelta | None, wait: timedelta
) -> None:
    assert retry_interval(failures, asked) == wait


def test_intervals_are_spread_by_a_tenth() -> None:
    assert (spread(HOUR, 0), spread(HOUR, 1)) == (HOUR, 66 * MINUTE)


@pytest.mark.parametrize(
    ("text", "age"),
    [
        (None, None),
        ("no-cache", None),
        ("public, Max-Age=60", MINUTE),
        ('max-age="60"', MINUTE),
        ("max-age=x", None),
        ("max-age=99999999999", timedelta(seconds=10**8)),
    ],
)
def test_max_age_is_read(text: str | None, age: timedelta | None) -> None:
    assert max_age(text) == age
