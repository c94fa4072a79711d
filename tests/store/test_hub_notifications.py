"""Notifications for hubs survive a restart, each by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from digest.feeds.websub.protocol import Notification
from digest.store.database import Store
from tests.store.samples import NOW

FIRST = Notification(
    hub="https://hub.example/?key=a%25_b",
    topic="https://example.org/feeds/%E9%87%91/rss.xml",
    changed_at=NOW + timedelta(microseconds=7),
)
SECOND = replace(FIRST, topic="https://example.org/feeds/atom.xml", changed_at=NOW)
ELSEWHERE = replace(FIRST, hub="https://other.example/", changed_at=NOW + timedelta(hours=1))


def test_what_is_kept_is_found_again_in_order_of_the_changes(store: Store) -> None:
    assert store.hub_notifications.stored() == []
    store.hub_notifications.keep([FIRST, SECOND, ELSEWHERE])
    assert store.hub_notifications.stored() == [SECOND, FIRST, ELSEWHERE]


def test_a_later_change_takes_the_place_of_the_first(store: Store) -> None:
    store.hub_notifications.keep([FIRST])
    later = replace(FIRST, changed_at=NOW + timedelta(days=1))
    store.hub_notifications.keep([later])
    assert store.hub_notifications.stored() == [later]


def test_only_what_is_named_is_dropped(store: Store) -> None:
    store.hub_notifications.keep([FIRST, SECOND, ELSEWHERE])
    store.hub_notifications.drop([FIRST, replace(SECOND, hub="https://x.example/")])
    assert store.hub_notifications.stored() == [SECOND, ELSEWHERE]
    store.hub_notifications.drop([])
    store.hub_notifications.keep([])


def test_what_was_kept_anew_meanwhile_is_not_dropped(store: Store) -> None:
    later = replace(FIRST, changed_at=NOW + timedelta(days=1))
    store.hub_notifications.keep([FIRST])
    store.hub_notifications.keep([later])
    store.hub_notifications.drop([FIRST])
    assert store.hub_notifications.stored() == [later]


def test_what_else_the_store_knows_of_itself_stays(store: Store) -> None:
    authority = store.authority("another.example,2030")
    store.hub_notifications.keep([FIRST])
    store.hub_notifications.drop([FIRST])
    assert store.authority("another.example,2030") == authority


def test_as_many_as_may_wait_can_be_kept_and_dropped(store: Store) -> None:
    many = [replace(FIRST, topic=f"https://example.org/{number}") for number in range(2_500)]
    store.hub_notifications.keep(many)
    assert len(store.hub_notifications.stored()) == 2_500
    store.hub_notifications.drop(many)
    assert store.hub_notifications.stored() == []
