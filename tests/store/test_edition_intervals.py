"""Editions are intervals of the sequence of articles; on every database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.articles.model import CategoryPath
from digest.editions.delivery import Delivery
from digest.editions.model import Edition, EditionState, selects
from digest.store.database import Store, open_store
from tests import stores
from tests.store.conftest import AUTHORITY, LOCK_TIMEOUT
from tests.store.samples import (
    BANKS,
    DAILY,
    FINANCE,
    LOANS,
    MINUTE,
    NOW,
    SCIENCE,
    SPACE,
    reading,
    someone,
)

DAY = timedelta(days=1)
LEASE = timedelta(minutes=5)
#: Of a digest whose deliveries stay worth sending.
NEVER = {"daily": timedelta(days=1000)}


def publish(store: Store, *paths: str, categories: tuple[CategoryPath, ...] = (LOANS,)) -> None:
    """Store an article for each path."""
    store.articles.record([reading(path, title=path, categories=categories) for path in paths], NOW)


def opened(store: Store, days: int = 0, latest: int | None = None) -> Edition:
    """Open the edition due some days after the first."""
    due_at = NOW + days * DAY
    edition = store.editions.open_edition(DAILY, due_at, due_at + MINUTE, latest=latest)
    assert edition is not None
    return edition


def titles(store: Store, edition: Edition) -> list[str]:
    """Return the titles of an edition's articles."""
    found, articles = store.editions.edition(edition.id)
    assert found == edition
    return [article.title for article in articles]


def claim(store: Store, limit: int = 100, days: int = 1) -> list[Delivery]:
    """Claim what is due some days after the first edition."""
    return store.deliveries.claim(limit, NOW + days * DAY, LEASE, NEVER)


@pytest.fixture
def started(store: Store) -> Store:
    """Give a store with an old article, a digest that began after it, and two readers."""
    publish(store, "old")
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add_many([someone("a@example.org"), someone("b@example.org", FINANCE)], NOW)
    return store


def test_what_was_there_at_first_contact_is_old(started: Store) -> None:
    publish(started, "new")
    edition = opened(started)
    assert titles(started, edition) == ["new"]
    assert (edition.after, edition.upto, edition.number) == (1, 2, 1)
    assert edition.state is EditionState.OPEN
    assert (edition.due_at, edition.created_at) == (NOW, NOW + MINUTE)


def test_a_digest_starts_once(store: Store) -> None:
    assert store.editions.started_at("daily") is None
    store.editions.start_digests(["daily"], NOW)
    publish(store, "new")
    store.editions.start_digests(["daily", "weekly"], NOW + DAY)
    store.editions.start_digests(["daily"], NOW + 2 * DAY)
    store.editions.start_digests([], NOW)
    assert store.editions.started_at("daily") == NOW
    assert store.editions.started_at("weekly") == NOW + DAY
    assert opened(store).after == 0


def test_a_digest_that_was_never_started_begins_quietly(store: Store) -> None:
    publish(store, "old")
    edition = opened(store)
    assert (edition.state, edition.number) == (EditionState.EMPTY, 0)
    assert (edition.after, edition.upto) == (1, 1)
    assert store.editions.started_at("daily") == NOW + MINUTE


def test_where_the_next_edition_starts_is_told_without_making_it(store: Store) -> None:
    publish(store, "old")
    assert stores.taken_upto(store, "daily") is None
    store.editions.start_digests(["daily"], NOW)
    publish(store, "new")
    assert stores.taken_upto(store, "daily") == 1
    opened(store)
    assert stores.taken_upto(store, "daily") == 2


def test_fired_twice_an_edition_is_made_once(started: Store) -> None:
    publish(started, "new")
    opened(started)
    assert started.editions.open_edition(DAILY, NOW, NOW + DAY) is None
    assert len(claim(started)) == 2
    assert len(stores.editions(started, None, 9)) == 1


def test_an_edition_without_articles_is_remembered_and_has_no_number(started: Store) -> None:
    edition = opened(started)
    assert (edition.state, edition.number) == (EditionState.EMPTY, 0)
    assert titles(started, edition) == []
    assert claim(started) == []
    assert started.editions.last_due_at("daily", NOW) == NOW
    assert started.editions.open_edition(DAILY, NOW, NOW) is None
    publish(started, "new")
    assert opened(started, 1).number == 1


def test_each_edition_begins_where_the_last_one_ended(started: Store) -> None:
    publish(started, "1", "2")
    first = opened(started)
    publish(started, "3")
    second = opened(started, 1)
    assert (titles(started, first), titles(started, second)) == (["1", "2"], ["3"])
    assert (first.upto, second.after, second.number) == (3, 3, 2)


def test_an_update_does_not_bring_an_article_into_another_edition(started: Store) -> None:
    publish(started, "1")
    first = opened(started)
    started.articles.record([reading("1", title="one, better")], NOW)
    assert opened(started, 1).state is EditionState.EMPTY
    assert titles(started, first) == ["one, better"]


def test_an_edition_holds_what_its_digest_selects(started: Store) -> None:
    publish(started, "loan")
    publish(started, "moon", categories=(SPACE,))
    publish(started, "both", categories=(BANKS, SPACE))
    publish(started, "none", categories=())
    digest = replace(DAILY, categories=(FINANCE,))
    edition = started.editions.open_edition(digest, NOW, NOW)
    assert edition is not None
    assert titles(started, edition) == ["loan", "both"]
    assert edition.upto == 5


def test_latest_takes_the_newest_ones_and_the_next_edition_starts_behind_them(
    started: Store,
) -> None:
    publish(started, "1")
    edition = opened(started, latest=2)
    assert titles(started, edition) == ["old", "1"]
    assert (edition.after, edition.upto) == (1, 2)
    publish(started, "2")
    assert titles(started, opened(started, 1)) == ["2"]
    assert titles(started, opened(started, 2, latest=1)) == ["2"]


def test_two_digests_do_not_share_their_intervals(started: Store) -> None:
    started.editions.start_digests(["weekly"], NOW)
    publish(started, "1")
    opened(started)
    publish(started, "2")
    weekly = started.editions.open_edition(replace(DAILY, name="weekly"), NOW, NOW)
    assert weekly is not None
    assert titles(started, weekly) == ["1", "2"]
    assert weekly.number == 1


def test_an_unknown_edition_is_a_lookup_error(store: Store) -> None:
    with pytest.raises(LookupError, match="7"):
        store.editions.edition(7)


def test_editions_come_newest_first(started: Store) -> None:
    publish(started, "1")
    days = [opened(started, day) for day in range(3)]
    assert [one.id for one in stores.editions(started, "daily", 2)] == [days[2].id, days[1].id]
    assert stores.editions(started, "weekly", 9) == []
    assert started.editions.last_due_at("daily", NOW + 9 * DAY) == NOW + 2 * DAY
    assert started.editions.last_due_at("daily", NOW + 2 * DAY - MINUTE) == NOW + DAY
    assert started.editions.last_due_at("weekly", NOW + 9 * DAY) is None


def test_deliveries_go_to_active_readers_of_something_in_the_edition(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add_many(
        [
            someone("all@example.org"),
            someone("finance@example.org", SPACE, FINANCE),
            someone("science@example.org", SCIENCE),
            someone("below@example.org", CategoryPath((*LOANS.names, "车贷"))),
            someone("weekly@example.org", digest="weekly"),
        ],
        NOW,
    )
    gone, _ = store.subscribers.add(someone("gone@example.org"), NOW)
    store.subscribers.unsubscribe(gone.id, NOW)
    bounced, _ = store.subscribers.add(someone("bounced@example.org"), NOW)
    stores.suppress(store, bounced.id, NOW)
    publish(store, "loan")
    opened(store)
    assert [one.subscriber.address for one in claim(store)] == [
        "all@example.org",
        "finance@example.org",
    ]


PATHS = st.sampled_from([FINANCE, BANKS, LOANS, SCIENCE, SPACE])
SELECTIONS = st.lists(PATHS, max_size=2, unique=True).map(tuple)


@given(
    articles=st.lists(SELECTIONS, min_size=1, max_size=3),
    readers=st.lists(SELECTIONS, min_size=1, max_size=4),
)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_reader_gets_an_edition_exactly_where_selects_says_so(
    new_url: Callable[[], str],
    articles: list[tuple[CategoryPath, ...]],
    readers: list[tuple[CategoryPath, ...]],
) -> None:
    with open_empty(new_url()) as store:
        store.editions.start_digests(["daily"], NOW)
        for number, categories in enumerate(articles):
            publish(store, f"{number}", categories=categories)
        addresses = {f"{number}@example.org": wish for number, wish in enumerate(readers)}
        new = [someone(address, *wish) for address, wish in addresses.items()]
        store.subscribers.add_many(new, NOW)
        _, told = store.editions.edition(opened(store).id)
        reached = {one.subscriber.address for one in claim(store)}
        assert reached == {
            address
            for address, wish in addresses.items()
            if any(selects(wish, article) for article in told)
        }


@pytest.mark.full_speed
@given(st.lists(st.sampled_from(["article", "elsewhere", "two", "edition", "latest"]), max_size=10))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_editions_of_a_digest_share_out_every_article(
    new_url: Callable[[], str], steps: list[str]
) -> None:
    digest = replace(DAILY, categories=(FINANCE,))
    with open_empty(new_url()) as store:
        publish(store, "old")
        store.editions.start_digests(["daily"], NOW)
        for number, step in enumerate([*steps, "edition"]):
            moment = NOW + number * DAY
            if step == "article":
                publish(store, f"{number}")
            elif step == "elsewhere":
                publish(store, f"{number}", categories=(SPACE,))
            elif step == "two":
                publish(store, f"{number}a", f"{number}b")
            else:
                latest = 1 if step == "latest" else None
                assert store.editions.open_edition(digest, moment, moment, latest=latest)
                assert store.editions.open_edition(digest, moment, moment) is None
        editions = stores.editions(store, "daily", 100)[::-1]
        assert editions[0].after == 1
        assert editions[-1].upto == stores.newest_sequence(store)
        for before, after in pairwise(editions):
            assert before.upto == after.after
        numbers = [one.number for one in editions if one.state is not EditionState.EMPTY]
        assert numbers == list(range(1, len(numbers) + 1))
        if "latest" not in steps:
            told = [one.sequence for each in editions for one in store.editions.edition(each.id)[1]]
            assert told == [one.sequence for one in stores.since(store, 1, (FINANCE,))]


def open_empty(url: str) -> Store:
    """Open a store without anything in it."""
    store = open_store(url, lock_timeout=LOCK_TIMEOUT)
    store.authority(AUTHORITY)
    return store


def test_an_edition_without_readers_is_done_at_once(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    publish(store, "1")
    edition = opened(store)
    assert (edition.state, edition.number) == (EditionState.DONE, 1)
    assert store.deliveries.next_due_at() is None
