"""Notices for hubs survive a restart, each by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from digest.feeds.websub.notifications import Notice
from digest.store.database import Store
from tests.store.samples import NOW

FIRST = Notice(
    hub="https://hub.example/?key=a%25_b",
    topic="https://example.org/feeds/%E9%87%91/rss.xml",
    changed_at=NOW + timedelta(microseconds=7),
)
SECOND = replace(FIRST, topic="https://example.org/feeds/atom.xml", changed_at=NOW)
ELSEWHERE = replace(FIRST, hub="https://other.example/", changed_at=NOW + timedelta(hours=1))


def test_what_is_kept_is_found_again_in_order_of_the_changes(store: Store) -> None:
    assert store.notices.notices() == []
    store.notices.keep([FIRST, SECOND, ELSEWHERE])
    assert store.notices.notices() == [SECOND, FIRST, ELSEWHERE]


def test_a_later_change_takes_the_place_of_the_first(store: Store) -> None:
    store.notices.keep([FIRST])
    later = replace(FIRST, changed_at=NOW + timedelta(days=1))
    store.notices.keep([later])
    assert store.notices.notices() == [later]


def test_only_what_is_named_is_dropped(store: Store) -> None:
    store.notices.keep([FIRST, SECOND, ELSEWHERE])
    store.notices.drop([FIRST, replace(SECOND, hub="https://x.example/")])
    assert store.notices.notices() == [SECOND, ELSEWHERE]
    store.notices.drop([])
    store.notices.keep([])


def test_what_was_kept_anew_meanwhile_is_not_dropped(store: Store) -> None:
    later = replace(FIRST, changed_at=NOW + timedelta(days=1))
    store.notices.keep([FIRST])
    store.notices.keep([later])
    store.notices.drop([FIRST])
    assert store.notices.notices() == [later]


def test_what_else_the_store_knows_of_itself_stays(store: Store) -> None:
    authority = store.authority("another.example,2030")
    store.notices.keep([FIRST])
    store.notices.drop([FIRST])
    assert store.authority("another.example,2030") == authority


def test_as_many_as_may_wait_can_be_kept_and_dropped(store: Store) -> None:
    many = [replace(FIRST, topic=f"https://example.org/{number}") for number in range(2_500)]
    store.notices.keep(many)
    assert len(store.notices.notices()) == 2_500
    store.notices.drop(many)
    assert store.notices.notices() == []
