"""Which editions pages are made of, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.articles.model import ArticleKey
from digest.editions.delivery import DeliveryState
from digest.editions.model import Approval, Digest, Issue
from digest.store.database import Store
from digest.subscribers.model import NewSubscriber
from tests import stores
from tests.store.samples import listed, reading

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DAILY = Digest(name="daily", title="Daily")


def test_editions_are_found_with_what_they_hold(store: Store) -> None:
    def held(issue: Issue) -> list[ArticleKey]:
        with store.pages.snapshot() as snapshot:
            return [article.key for article in snapshot.edition_articles(issue.edition)]

    store.editions.start_digests(["daily"], NOW)
    keys: list[ArticleKey] = []
    for day in (1, 2, 3):
        if day != 2:  # nothing new: an empty edition
            store.articles.record([reading(f"{day}.md", title=f"T{day}")], NOW)
            keys.append(stores.latest(store, (), 1)[0].key)
        assert store.editions.open_edition(DAILY, NOW + timedelta(days=day), NOW)
    first, second = listed(store)
    assert [(one.edition.number, one.articles) for one in (first, second)] == [(1, 1), (2, 1)]
    assert held(first) == keys[:1]
    assert listed(store, "weekly") == []
    store.withdrawals.withdraw(keys[:1], NOW)
    assert held(first) == []
    assert [one.articles for one in listed(store)] == [0, 1]


def test_an_edition_is_of_another_revision_when_its_own_articles_change(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    for day in (1, 2):
        store.articles.record([reading(f"{day}.md", title=f"T{day}")], NOW)
        assert store.editions.open_edition(DAILY, NOW + timedelta(days=day), NOW)
    before = [one.revision for one in listed(store)]
    later = NOW + timedelta(hours=1)
    store.articles.record([reading("2.md", title="T2, corrected")], later)
    after = [one.revision for one in listed(store)]
    assert after[0] == before[0]
    assert after[1] > before[1]


def test_a_cancelled_edition_is_shown_where_somebody_has_it(store: Store) -> None:
    store.editions.start_digests(["daily"], NOW)
    people = [NewSubscriber(address=f"{name}@example.org", digest="daily") for name in "ab"]
    store.subscribers.add_many(people, NOW)
    asking = replace(DAILY, approval=Approval(within=timedelta(hours=1), sends=True))
    made = []
    for day, digest in ((1, asking), (2, asking), (3, DAILY), (4, DAILY)):
        store.articles.record([reading(f"{day}.md", title=f"T{day}")], NOW)
        edition = store.editions.open_edition(digest, NOW + timedelta(days=day), NOW)
        assert edition is not None
        made.append(edition.id)
    draft, dropped, unsent, begun = made

    def shown() -> list[int]:
        return [one.edition.id for one in listed(store)]

    store.editions.drop(dropped, NOW)
    assert shown() == [unsent, begun]
    store.editions.cancel(unsent, NOW)
    assert shown() == [begun]
    (sending,) = store.deliveries.claim(1, NOW, timedelta(minutes=5), {})
    store.editions.cancel(begun, NOW)
    assert shown() == [begun]  # in a moment somebody may have it
    stores.settle(store, sending.id, DeliveryState.SENT, NOW)
    assert shown() == [begun]
    store.editions.approve(draft, asking, NOW)
    assert shown() == [draft, begun]


def test_whatever_changes_what_is_shown_gets_a_revision(store: Store) -> None:
    """Pages that are kept are looked at again only where the revision is another."""
    store.editions.start_digests(["daily"], NOW)
    store.subscribers.add_many([NewSubscriber(address="a@example.org", digest="daily")], NOW)
    asking = replace(DAILY, approval=Approval(within=timedelta(hours=1), sends=True))
    for day in (1, 2, 3):
        store.articles.record([reading(f"{day}.md", title=f"T{day}")], NOW)
        if day != 3:
            assert store.editions.open_edition(asking, NOW + timedelta(days=day), NOW)
    first, second = (edition.id for edition, _ in store.editions.drafts())
    told: list[tuple[str, list[int]]] = []

    def note(what: str) -> None:
        shown = [one.edition.id for one in listed(store)]
        grown = store.pages.revision() > revision
        assert grown or shown == before, what
        told.append((what, shown))

    for what, act in (
        ("made", lambda: store.editions.open_edition(DAILY, NOW + timedelta(days=3), NOW)),
        ("approved", lambda: store.editions.approve(first, asking, NOW)),
        ("approved too", lambda: store.editions.approve(second, asking, NOW)),
        ("claimed", lambda: store.deliveries.claim(1, NOW, timedelta(minutes=5), {})),
        ("cancelled", lambda: store.editions.cancel(first, NOW)),
        (
            "refused",
            lambda: [
                stores.settle(store, number, DeliveryState.FAILED, NOW) for number in range(1, 4)
            ],
        ),
        ("called back", lambda: store.editions.cancel(second, NOW)),
    ):
        revision, before = store.pages.revision(), [one.edition.id for one in listed(store)]
        act()
        note(what)
    shown = dict(told)
    assert shown["approved too"] == [first, second, 3]
    assert shown["called back"] != shown["approved too"]
