"""Several threads, each with a store of its own as another process would have."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from digest.articles.search_terms import search_query
from digest.editions.delivery import DeliveryState
from digest.editions.model import EditionState
from digest.store.database import Store, open_store
from digest.store.search import search
from tests import stores
from tests.store.conftest import AUTHORITY, LOCK_TIMEOUT
from tests.store.samples import DAILY, MINUTE, NOW, reading, someone

T = TypeVar("T")
THREADS = 4


def at_once(work: Callable[[int], T]) -> list[T]:
    """Run ``work`` in several threads that begin together; return what each returned."""
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> T:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def with_readers(store: Store, readers: int) -> None:
    """Start the digest, let it have readers and one article."""
    store.editions.start_digests(["daily"], NOW)
    new = [someone(f"{number}@example.org") for number in range(readers)]
    store.subscribers.add_many(new, NOW)
    store.articles.record([reading("1.md")], NOW)


def test_no_delivery_is_claimed_twice(store: Store, url: str) -> None:
    with_readers(store, 60)
    store.editions.open_edition(DAILY, NOW, NOW)

    def claim_all(_: int) -> list[int]:
        taken = []
        with open_store(url, lock_timeout=LOCK_TIMEOUT) as mine:
            # PostgreSQL passes over rows that another one holds: an empty batch is no end.
            while mine.deliveries.states()[DeliveryState.QUEUED]:
                batch = mine.deliveries.claim(3, NOW, timedelta(hours=1), {})
                taken += [one.id for one in batch]
        return taken

    claimed = [delivery for taken in at_once(claim_all) for delivery in taken]
    assert sorted(claimed) == list(range(1, 61))


def test_an_edition_that_ends_in_two_processes_at_once_is_done(store: Store) -> None:
    with_readers(store, THREADS)
    edition = store.editions.open_edition(DAILY, NOW, NOW)
    assert edition is not None
    claimed = store.deliveries.claim(THREADS, NOW, MINUTE, {})

    def settle(number: int) -> bool:
        return stores.settle(store, claimed[number].id, DeliveryState.SENT, NOW)

    assert at_once(settle) == [True] * THREADS
    assert store.editions.edition(edition.id)[0].state is EditionState.DONE


def test_a_delivery_is_settled_by_one(store: Store) -> None:
    with_readers(store, 1)
    store.editions.open_edition(DAILY, NOW, NOW)
    store.deliveries.claim(1, NOW, MINUTE, {})
    settled = at_once(lambda _: stores.settle(store, 1, DeliveryState.SENT, NOW))
    assert sorted(settled) == [False] * (THREADS - 1) + [True]


def test_an_edition_opened_at_once_is_made_once(store: Store, url: str) -> None:
    with_readers(store, 5)

    def fire(_: int) -> bool:
        with open_store(url, lock_timeout=LOCK_TIMEOUT) as mine:
            return mine.editions.open_edition(DAILY, NOW, NOW) is not None

    assert sorted(at_once(fire)) == [False] * (THREADS - 1) + [True]
    assert store.deliveries.states()[DeliveryState.QUEUED] == 5


def test_editions_beside_writers_miss_no_article(store: Store, url: str) -> None:
    store.editions.start_digests(["daily"], NOW)

    def work(number: int) -> None:
        with open_store(url, lock_timeout=LOCK_TIMEOUT) as mine:
            for step in range(12):
                if number == 0:
                    moment = NOW + step * MINUTE
                    assert mine.editions.open_edition(DAILY, moment, moment)
                else:
                    mine.articles.record(
                        [reading(f"{number}-{step}-{n}.md") for n in range(3)], NOW
                    )

    at_once(work)
    assert store.editions.open_edition(DAILY, NOW + 60 * MINUTE, NOW + 60 * MINUTE)
    told = [
        article.sequence
        for edition in stores.editions(store, "daily", 100)[::-1]
        for article in store.editions.edition(edition.id)[1]
    ]
    assert told == [article.sequence for article in stores.since(store)]
    assert len(told) == (THREADS - 1) * 12 * 3


def test_one_file_read_by_several_is_one_article(store: Store, url: str) -> None:
    def work(_: int) -> int:
        with open_store(url, lock_timeout=LOCK_TIMEOUT) as mine:
            return mine.articles.record([reading("a.md")], NOW).new

    assert sorted(at_once(work)) == [0] * (THREADS - 1) + [1]


def test_articles_that_several_index_are_found(store: Store, url: str) -> None:
    for number in range(40):
        store.articles.record([reading(f"{number}.md", title=f"word{number:02}")], NOW)

    def index(_: int) -> None:
        with open_store(url, lock_timeout=LOCK_TIMEOUT) as mine:
            while mine.search.update(4):
                pass

    at_once(index)
    with store.pages._database.read() as connection:
        for number in range(40):
            (article,) = search(connection, search_query(f"word{number:02}"), None, 1)
            assert article.title == f"word{number:02}"


def test_one_address_added_by_several_is_one_subscriber(store: Store, url: str) -> None:
    def work(_: int) -> str:
        with open_store(url, lock_timeout=LOCK_TIMEOUT) as mine:
            return mine.subscribers.add(someone(), NOW)[1]

    assert sorted(at_once(work)) == ["added"] + ["unchanged"] * (THREADS - 1)


def test_several_that_open_a_new_database_at_once_migrate_it_once(bare_url: str) -> None:
    def work(number: int) -> str:
        with open_store(bare_url, lock_timeout=LOCK_TIMEOUT) as mine:
            return mine.authority(f"host{number}.example,2024")

    assert len(set(at_once(work))) == 1
    with open_store(bare_url) as store:
        store.authority(AUTHORITY)
        assert store.articles.record([reading("a.md")], NOW).new == 1
