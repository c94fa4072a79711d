"""What an edition takes, when it waits, and at which hour it goes to whom; on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.articles.model import Draft
from digest.editions.delivery import DeliveryState
from digest.editions.model import Approval, Digest, EditionState
from digest.store.database import Store
from tests import stores
from tests.store.samples import DAILY, NOW, reading, someone

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=5)
NEVER = {"daily": timedelta(days=1000)}


@pytest.fixture
def started(store: Store) -> Store:
    """Give a store with a digest that has begun, and one reader."""
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add(someone("a@example.org"), NOW)
    return store


def publish(store: Store, *titles: str, at: datetime = NOW) -> None:
    found = [reading(f"{one}.md", title=one, published_at=at) for one in titles]
    store.articles.record(found, max(at, NOW))


def made(store: Store, digest: Digest, due_at: datetime, *, by_hand: bool = False) -> list[str]:
    """Make an edition, and return its titles."""
    edition = store.editions.open_edition(digest, due_at, due_at, by_hand=by_hand)
    assert edition is not None
    return [article.title for article in store.editions.edition(edition.id)[1]]


def test_articles_that_are_too_few_wait_for_the_next_edition(started: Store) -> None:
    digest = replace(DAILY, min_items=3)
    publish(started, "one", "two")
    assert made(started, digest, NOW) == []
    (empty,) = stores.editions(started, "daily", 1)
    assert (empty.state, empty.number) == (EditionState.EMPTY, 0)
    assert stores.taken_upto(started, "daily") == 0
    publish(started, "three")
    assert made(started, digest, NOW + DAY) == ["one", "two", "three"]
    assert stores.editions(started, "daily", 1)[0].number == 1
    assert made(started, digest, NOW + 2 * DAY) == []
    assert stores.taken_upto(started, "daily") == 3


def test_an_article_that_is_too_old_enters_no_edition(started: Store) -> None:
    digest = replace(DAILY, max_age=2 * DAY)
    publish(started, "old", at=NOW - 2 * DAY - HOUR)
    publish(started, "just", at=NOW - 2 * DAY)
    assert made(started, digest, NOW) == ["just"]
    publish(started, "new", at=NOW)
    assert made(started, DAILY, NOW + DAY) == ["new"]  # though any age would do by now


def test_an_article_that_is_not_announced_enters_no_edition_as_a_new_one(started: Store) -> None:
    quiet = reading("quiet.md", title="quiet")
    assert isinstance(quiet.outcome, Draft)
    started.articles.record([replace(quiet, outcome=replace(quiet.outcome, announced=False))], NOW)
    publish(started, "loud")
    assert [article.title for article in stores.since(started)] == ["loud"]
    assert {article.title for article in stores.latest(started, (), 5)} == {"quiet", "loud"}
    started.articles.record([reading("quiet.md", title="quiet, but changed")], NOW)
    assert made(started, DAILY, NOW) == ["loud"]


def test_articles_that_wait_for_more_do_not_enter_once_they_are_too_old(started: Store) -> None:
    digest = replace(DAILY, min_items=2, max_age=2 * DAY)
    publish(started, "one", at=NOW)
    assert made(started, digest, NOW) == []
    publish(started, "two", "three", at=NOW + 3 * DAY)
    assert made(started, digest, NOW + 3 * DAY) == ["two", "three"]


def test_an_edition_that_needs_approval_is_a_draft_without_deliveries(started: Store) -> None:
    digest = replace(DAILY, approval=Approval(within=HOUR, sends=True))
    publish(started, "one")
    assert made(started, digest, NOW) == ["one"]
    (draft,) = stores.editions(started, "daily", 1)
    assert (draft.state, draft.number) == (EditionState.DRAFT, 1)
    assert sum(started.deliveries.states().values()) == 0
    assert started.deliveries.claim(9, NOW + DAY, LEASE, NEVER) == []
    publish(started, "two")
    assert made(started, digest, NOW + DAY) == ["two"]  # the next one begins behind the draft


def test_an_edition_by_hand_waits_for_nothing(started: Store) -> None:
    digest = replace(
        DAILY,
        min_items=9,
        approval=Approval(within=HOUR, sends=True),
        local=True,
        timezone="Asia/Shanghai",
    )
    started.subscribers.add(replace(someone("w@example.org"), timezone="America/Los_Angeles"), NOW)
    publish(started, "one")
    assert made(started, digest, NOW, by_hand=True) == ["one"]
    assert stores.editions(started, "daily", 1)[0].state is EditionState.OPEN
    assert len(started.deliveries.claim(9, NOW, LEASE, NEVER)) == 2


def test_an_edition_goes_to_each_at_the_hour_of_their_zone(started: Store) -> None:
    digest = replace(DAILY, local=True, timezone="Asia/Shanghai")
    zones = {
        "tokyo": "Asia/Tokyo",  # an hour before Shanghai
        "berlin": "Europe/Berlin",
        "angeles": "America/Los_Angeles",
    }
    for name, zone in zones.items():
        started.subscribers.add(replace(someone(f"{name}@example.org"), timezone=zone), NOW)
    publish(started, "one")
    seven_in_shanghai = datetime(2026, 11, 22, 23, tzinfo=UTC)
    opened_at = seven_in_shanghai - HOUR
    assert started.editions.open_edition(digest, seven_in_shanghai, opened_at) is not None
    got: dict[str, float] = {}
    for hours in range(-1, 24):
        now = seven_in_shanghai + hours * HOUR
        for one in started.deliveries.claim(9, now, LEASE, {"daily": 2 * HOUR}):
            assert one.created_at == now  # so that it has all its time from here
            got[one.subscriber.address.partition("@")[0]] = hours
            stores.settle(started, one.id, DeliveryState.SENT, now)
    # The reader without a zone has the site's. In November Berlin is 7 hours behind Shanghai.
    assert got == {"tokyo": -1, "a": 0, "berlin": 7, "angeles": 16}
    assert stores.editions(started, "daily", 1)[0].state is EditionState.DONE


def test_a_reader_whose_hour_has_passed_has_a_late_edition_at_once(started: Store) -> None:
    digest = replace(DAILY, local=True, timezone="Asia/Shanghai")
    publish(started, "one")
    due_at = datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert started.editions.open_edition(digest, due_at, due_at + 5 * HOUR) is not None
    (one,) = started.deliveries.claim(9, due_at + 5 * HOUR, LEASE, NEVER)
    assert one.created_at == due_at + 5 * HOUR


def test_the_zones_of_a_digests_readers_are_known(started: Store) -> None:
    def add(address: str, zone: str, digest: str = "daily") -> int:
        new = replace(someone(address, digest=digest), timezone=zone)
        return started.subscribers.add(new, NOW)[0].id

    add("b@example.org", "Asia/Tokyo")
    add("c@example.org", "Asia/Tokyo")
    add("d@example.org", "Europe/Paris", "weekly")
    started.subscribers.unsubscribe(add("e@example.org", "Europe/Berlin"), NOW)
    assert started.subscribers.zones("daily") == {None, "Asia/Tokyo"}
    assert started.subscribers.zones("weekly") == {"Europe/Paris"}
    assert started.subscribers.zones("none") == set()


def test_a_reader_who_moves_is_updated(started: Store) -> None:
    new = someone("a@example.org")
    assert started.subscribers.add(new, NOW)[1] == "unchanged"
    moved, outcome = started.subscribers.add(replace(new, timezone="Asia/Tokyo"), NOW)
    assert (moved.timezone, outcome) == ("Asia/Tokyo", "updated")


def test_progress_tells_apart_what_is_for_a_later_hour(started: Store) -> None:
    digest = replace(DAILY, local=True, timezone="Asia/Shanghai")
    started.subscribers.add(replace(someone("b@example.org"), timezone="Europe/Berlin"), NOW)
    publish(started, "one")
    edition = started.editions.open_edition(digest, NOW, NOW)
    assert edition is not None
    progress = started.reports.progress(edition.id, NOW)
    assert (progress.total, progress.waiting, progress.later) == (2, 1, 1)


def test_the_latest_articles_are_those_published_last_not_those_that_came_last(
    started: Store,
) -> None:
    publish(started, "newest", at=NOW)
    publish(started, "old", at=NOW - 9 * DAY)
    publish(started, "newer", at=NOW - DAY)
    publish(started, "oldest", at=NOW - 10 * DAY)
    edition = started.editions.open_edition(DAILY, NOW, NOW, latest=2, by_hand=True)
    assert edition is not None
    titles = [article.title for article in started.editions.edition(edition.id)[1]]
    assert sorted(titles) == ["newer", "newest"]
    assert [article.title for article in stores.latest(started, (), 2)] == ["newer", "newest"]
    assert stores.taken_upto(started, "daily") == 4, "the next one begins behind all of them"
    publish(started, "late", at=NOW - 20 * DAY)
    assert made(started, DAILY, NOW + DAY) == ["late"]


def test_a_note_stands_above_the_next_edition_alone(started: Store) -> None:
    started.editions.write_note("daily", "Old words")
    started.editions.write_note("daily", "A word\nbefore.\n\n \n\nAnd one more.")
    started.editions.write_note("weekly", "Another's")
    assert made(started, DAILY, NOW) == []
    assert started.editions.note("daily") is not None, "an empty edition takes none"
    publish(started, "one")
    made(started, DAILY, NOW + DAY)
    (edition,) = stores.editions(started, "daily", 1)
    assert edition.note_paragraphs == ("A word before.", "And one more.")
    assert started.editions.note("daily") is None
    publish(started, "two")
    made(started, DAILY, NOW + 2 * DAY)
    assert stores.editions(started, "daily", 1)[0].note == ""
    started.editions.write_note("weekly", "")
    assert started.editions.note("weekly") is None


def test_an_edition_counts_who_left_before_they_got_the_next_one(started: Store) -> None:
    started.subscribers.add_many([someone(f"{name}@example.org") for name in "bcd"], NOW)
    editions = []
    for day in range(2):
        at = NOW + day * DAY
        publish(started, f"n{day}")
        edition = started.editions.open_edition(DAILY, at, at)
        assert edition is not None
        editions.append(edition.id)
        for one in started.deliveries.claim(9, at, LEASE, NEVER):
            failed = one.subscriber.address.startswith("d")
            stores.settle(
                started, one.id, DeliveryState.FAILED if failed else DeliveryState.SENT, at
            )
        if day == 0:
            (leaver,) = started.subscribers.of_address("b@example.org")
            started.subscribers.unsubscribe(leaver.id, at + HOUR)
    for name in "cd":
        (leaver,) = started.subscribers.of_address(f"{name}@example.org")
        started.subscribers.unsubscribe(leaver.id, NOW + DAY + HOUR)
    assert [started.editions.unsubscribed(number) for number in editions] == [1, 1]
    assert started.editions.unsubscribed(99) == 0
