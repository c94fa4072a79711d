"""The search index follows what is published, rests while files come, and outlives failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from digest.app import search_indexer
from digest.app.search_indexer import SearchIndexer
from digest.errors import StoreError
from tests.waiting import PATIENCE


async def until_stopped(indexer: SearchIndexer, busy: Callable[[], bool] = lambda: False) -> None:
    async with asyncio.timeout(PATIENCE):
        await indexer.run(busy)


async def test_it_works_until_nothing_is_left() -> None:
    left = iter([True, True, False])
    calls = 0

    def update() -> bool:
        nonlocal calls
        calls += 1
        more = next(left)
        if not more:
            indexer.stop()
        return more

    indexer = SearchIndexer(update)
    indexer.wake()
    await until_stopped(indexer)
    assert calls == 3


async def test_a_failure_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.backoff.Backoff.failed", lambda _: 0.0)
    failures = iter([StoreError("disk full"), None])

    def update() -> bool:
        if (error := next(failures)) is not None:
            raise error
        indexer.stop()
        return False

    indexer = SearchIndexer(update)
    indexer.wake()
    with capture_logs() as logs:
        await until_stopped(indexer)
    assert [(one["event"], "disk full" in one["error"]) for one in logs] == [
        ("articles not indexed, will try again", True)
    ]


async def test_it_does_not_wait_for_ever_for_files_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_indexer, "_REST", 0.0)

    def update() -> bool:
        indexer.stop()
        return False

    indexer = SearchIndexer(update)
    indexer.wake()
    await until_stopped(indexer, lambda: True)


async def test_it_rests_while_files_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_indexer, "_REST", 0.0)
    said: Iterator[bool] = iter([True, True, False])
    order: list[str] = []

    def busy() -> bool:
        order.append("asked")
        return next(said)

    def update() -> bool:
        order.append("indexed")
        indexer.stop()
        return False

    indexer = SearchIndexer(update)
    indexer.wake()
    await until_stopped(indexer, busy)
    assert order == ["asked", "asked", "asked", "indexed"]
