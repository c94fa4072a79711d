"""Articles of sources that are not republished: in mails alone; on every database."""

from __future__ import annotations

import pytest

from digest.articles.model import Article, Changes, article_key
from digest.articles.revision import IngestPolicy
from digest.store.database import Store
from tests import stores
from tests.defaults import default_policy
from tests.store.samples import DAILY, FINANCE, LOANS, NOW, SPACE, reading

KEPT = default_policy(mail_only=("sources/harbour/",), republished=("sources/port/",))
OPEN = default_policy(republished=("sources/harbour/", "sources/port/"))
SECRET, PUBLIC = "sources/harbour/2024/a.html", "sources/port/2024/b.html"


@pytest.fixture(name="filled")
def _filled(store: Store) -> Store:
    """Give a store with an article of each source, and a digest that has begun."""
    store.editions.start_digests(["daily"], NOW)
    store.articles.record(
        [
            reading(SECRET, title="secret", categories=(LOANS,)),
            reading(PUBLIC, title="public", categories=(SPACE,)),
        ],
        NOW,
        KEPT,
    )
    store.articles.update_withdrawals(NOW, None, KEPT)
    return store


def mailed(store: Store) -> list[str]:
    with store.pages.snapshot() as snapshot:
        latest: list[Article] = snapshot.latest((), 9, mailed=True)
        assert len(latest) == len(snapshot.since(0, (), mailed=True))
    return sorted(article.title for article in latest)


def shown(store: Store) -> list[str]:
    return sorted(article.title for article in stores.latest(store, (), 9))


def update_withdrawals(store: Store, policy: IngestPolicy) -> Changes:
    return store.articles.update_withdrawals(NOW, None, policy)


def test_only_mails_show_what_is_not_republished(filled: Store) -> None:
    assert (shown(filled), mailed(filled)) == (["public"], ["public", "secret"])
    assert FINANCE not in [summary.path for summary in stores.categories(filled)]
    edition = filled.editions.open_edition(DAILY, NOW, NOW)
    assert edition is not None
    articles = filled.editions.edition(edition.id)[1]
    assert [article.title for article in articles] == ["secret", "public"]
    with filled.pages.snapshot() as snapshot:
        assert [one.title for one in snapshot.edition_articles(edition)] == ["public"]
        assert snapshot.find_article(articles[0].key) is None
        assert [one.key for one in snapshot.listed()] == [articles[1].key]


def test_withdrawing_what_nobody_saw_leaves_no_tombstone(filled: Store) -> None:
    keys = [article_key(name.removesuffix(".html")) for name in (SECRET, PUBLIC)]
    filled.withdrawals.withdraw(keys, NOW)
    assert len(stores.tombstones(filled, None, 9)) == 1
    assert mailed(filled) == []
    filled.withdrawals.restore(keys, NOW)
    assert (shown(filled), mailed(filled)) == (["public"], ["public", "secret"])


def test_changing_the_option_shows_articles_and_takes_them_away(filled: Store) -> None:
    changes = update_withdrawals(filled, OPEN)
    assert LOANS in changes.categories
    assert len(changes.articles) == 1
    assert shown(filled) == ["public", "secret"]
    assert not update_withdrawals(filled, OPEN)
    assert LOANS in update_withdrawals(filled, KEPT).categories
    assert shown(filled) == ["public"]
    assert stores.tombstones(filled, None, 9) == []


def test_what_was_kept_stays_so_without_its_source(filled: Store) -> None:
    bare = default_policy()
    assert not update_withdrawals(filled, bare)
    again = reading(SECRET, title="secret, changed", categories=(LOANS,))
    filled.articles.record([again], NOW, bare)
    assert (shown(filled), mailed(filled)) == (["public"], ["public", "secret, changed"])


def test_what_another_file_has_as_well_is_shown(filled: Store) -> None:
    twin = reading("own/a.md", identity=SECRET.removesuffix(".html"), title="secret")
    changes = filled.articles.record([twin], NOW, KEPT)
    assert len(changes.articles) == 1
    assert shown(filled) == ["public", "secret"]
