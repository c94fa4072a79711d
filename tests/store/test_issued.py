"""Which editions pages are made of, on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest.articles.model import ArticleKey
from digest.mail.edition import Digest
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
