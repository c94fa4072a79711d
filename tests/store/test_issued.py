"""Which editions pages are made of, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.articles.model import ArticleKey
from digest.mail.delivery import DeliveryState
from digest.mail.edition import Approval, Digest
from digest.mail.subscriber import NewSubscriber
from digest.store.database import Store
from tests.store.samples import reading

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DAILY = Digest(name="daily", title="Daily")


def test_editions_are_found_with_what_they_hold(store: Store) -> None:
    store.outbox.start_digests(["daily"], NOW)
    keys: list[ArticleKey] = []
    for day in (1, 2, 3):
        if day != 2:  # nothing new: an empty edition
            store.articles.record([reading(f"{day}.md", title=f"T{day}")], NOW)
            keys.append(store.articles.latest((), 1)[0].key)
        assert store.outbox.open_edition(DAILY, NOW + timedelta(days=day), NOW)
    listed = store.issued.of("daily")
    assert [(edition.number, count) for edition, count in listed] == [(1, 1), (2, 1)]
    first, second = (edition.id for edition, _ in listed)
    assert [article.key for article in store.issued.articles(first)] == keys[:1]
    assert store.issued.holding(keys[1:]) == {second}
    assert store.issued.holding(keys) == {first, second}
    assert store.issued.holding([]) == set()
    assert store.issued.of("weekly") == []
    store.withdrawals.withdraw(keys[:1], NOW)
    assert store.issued.articles(first) == []
    assert [count for _, count in store.issued.of("daily")] == [0, 1]
    assert store.issued.holding(keys[:1]) == {first}


def test_a_cancelled_edition_is_shown_where_somebody_has_it(store: Store) -> None:
    store.outbox.start_digests(["daily"], NOW)
    people = [NewSubscriber(address=f"{name}@example.org", digest="daily") for name in "ab"]
    store.subscribers.add_many(people, NOW)
    asking = replace(DAILY, approval=Approval(within=timedelta(hours=1), sends=True))
    made = []
    for day, digest in ((1, asking), (2, asking), (3, DAILY), (4, DAILY)):
        store.articles.record([reading(f"{day}.md", title=f"T{day}")], NOW)
        edition = store.outbox.open_edition(digest, NOW + timedelta(days=day), NOW)
        assert edition is not None
        made.append(edition.id)
    draft, dropped, unsent, begun = made

    def listed() -> list[int]:
        return [edition.id for edition, _ in store.issued.of("daily")]

    store.decisions.drop(dropped, NOW)
    assert listed() == [unsent, begun]
    store.decisions.cancel(unsent, NOW)
    assert listed() == [begun]
    (sending,) = store.outbox.claim(1, NOW, timedelta(minutes=5), {})
    store.decisions.cancel(begun, NOW)
    assert listed() == [begun]  # in a moment somebody may have it
    store.outbox.settle(sending.id, DeliveryState.SENT, NOW)
    assert listed() == [begun]
    store.decisions.approve(draft, asking, NOW)
    assert listed() == [draft, begun]
