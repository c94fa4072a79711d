"""What is remembered of sources, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from digest.sources.model import EntryRecord, Health, SourceState
from digest.store.database import Store
from tests.store.samples import NOW

STATE = SourceState(
    url="https://harbour.example/feed.xml",
    moved_to="https://new.example/",
    redirects=2,
    redirect_to="https://other.example/",
    entity_tag='"1\0"',
    last_modified="then",
    asked_at=NOW,
    changed_at=NOW - timedelta(hours=1),
    next_at=NOW + timedelta(hours=1),
    interval=timedelta(minutes=40),
    failures=3,
    health=Health.FAILING,
    answer="answered 500",
    title="Harbour \N{SNOWMAN}",
    home="https://harbour.example/",
)


def record(number: int, **fields: object) -> EntryRecord:
    made = EntryRecord(
        key=f"key{number}",
        alias=f"alias{number}",
        path=f"harbour/{number}.html",
        content="c",
        written="w",
        taken_at=NOW + timedelta(hours=number),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_state_comes_back_as_it_was(store: Store) -> None:
    assert store.sources.states() == {}
    store.sources.keep("harbour", STATE, [])
    kept = replace(STATE, entity_tag='"1\N{REPLACEMENT CHARACTER}"')
    assert store.sources.states() == {"harbour": kept}
    bare = SourceState(url="https://harbour.example/")
    store.sources.keep("harbour", bare, [])
    assert store.sources.states() == {"harbour": bare}


def test_records_are_found_by_key_or_alias_of_their_source(store: Store) -> None:
    store.sources.keep("harbour", STATE, [record(1), record(2), record(3, alias="")])
    store.sources.keep("other", STATE, [record(1, path="other")])
    found = store.sources.records("harbour", [("key1", "x"), ("x", "alias2"), ("key3", "")])
    assert sorted(found, key=lambda one: one.key) == [record(1), record(2), record(3, alias="")]
    assert store.sources.records("harbour", [("x", "")]) == []


def test_a_record_is_replaced(store: Store) -> None:
    store.sources.keep("harbour", STATE, [record(1)])
    store.sources.keep("harbour", STATE, [record(1, content="d")])
    assert store.sources.records("harbour", [("key1", "")]) == [record(1, content="d")]


def test_entries_are_counted(store: Store) -> None:
    store.sources.keep("harbour", STATE, [record(1), record(2)])
    assert store.sources.taken_since("harbour", NOW + timedelta(hours=1)) == 1
    assert store.sources.taken_since("other", NOW) == 0
    assert store.sources.counts() == {"harbour": 2}


def test_a_source_that_is_forgotten_keeps_its_entries(store: Store) -> None:
    store.sources.keep("harbour", STATE, [record(1)])
    store.sources.forget("harbour")
    assert store.sources.states() == {}
    assert store.sources.records("harbour", [("key1", "")]) == [record(1)]


def test_as_many_entries_as_a_feed_may_have_are_kept_and_found(store: Store) -> None:
    many = [record(number) for number in range(2_500)]
    store.sources.keep("harbour", STATE, many)
    names = [(one.key, one.alias) for one in many]
    assert len(store.sources.records("harbour", names)) == 2_500
