"""Content revisions: each change of published content gets the next number, when committed."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from digest.articles.model import CategoryPath, Facet, FacetKind, article_key
from digest.store.database import Store
from digest.store.revisions import NO_REVISION, advance, changed_since, current, record_changes
from tests import stores
from tests.store.samples import NOW, reading

DAY = timedelta(days=1)
SPACE = CategoryPath(("科技", "航天"))


def test_nothing_has_changed_before_the_first_article(store: Store) -> None:
    assert stores.current(store) == NO_REVISION
    assert stores.of_selection(store, None) == NO_REVISION


def test_a_new_article_changes_everything_that_selects_it(store: Store) -> None:
    store.articles.record([reading("a.md", categories=(SPACE,))], NOW)
    first = stores.current(store)
    assert first.number > NO_REVISION.number
    assert first.changed_at == NOW
    for selection in (None, SPACE, CategoryPath(("科技",))):
        assert stores.of_selection(store, selection) == first
    assert stores.of_selection(store, CategoryPath(("文化",))) == NO_REVISION


def test_an_article_that_is_withdrawn_and_restored_changes_twice(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW)
    key = article_key("a")
    shown = stores.of_selection(store, None).number
    store.withdrawals.withdraw([key], NOW + DAY)
    withdrawn = stores.of_selection(store, None).number
    store.withdrawals.restore([key], NOW + 2 * DAY)
    assert stores.of_selection(store, None).number > withdrawn > shown


def test_a_file_that_says_nothing_new_changes_nothing(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW)
    before = stores.current(store)
    store.articles.record([reading("a.md")], NOW + DAY)
    assert stores.current(store) == before


def test_the_moment_of_a_revision_never_goes_back(store: Store) -> None:
    with store._database.write() as connection:
        later = advance(connection, NOW + DAY)
        earlier = advance(connection, NOW)
    assert (earlier.number, earlier.changed_at) == (later.number + 1, NOW + DAY)


def test_a_restored_database_gives_no_number_again(store: Store) -> None:
    class Restored(Exception):
        """The transaction is undone, as by a backup from before it."""

    with store._database.write() as connection:
        known = advance(connection, NOW)
    lost = []
    with suppress(Restored), store._database.write() as connection:
        lost = [advance(connection, NOW + DAY).number for _ in range(3)]
        raise Restored
    with store._database.write() as connection:
        again = advance(connection, NOW + 2 * DAY)
    assert known.number < lost[0] < lost[-1] < again.number


def test_a_transaction_that_fails_leaves_no_revision(store: Store) -> None:
    def fail() -> None:
        with store._database.write() as connection:
            advance(connection, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert stores.current(store) == NO_REVISION


def test_what_changed_since_a_revision_is_told_with_its_last_change(store: Store) -> None:
    author = Facet(FacetKind.AUTHOR, "李")
    with store._database.write() as connection:
        first, second = advance(connection, NOW), advance(connection, NOW)
        record_changes(connection, first, selections=(None, SPACE, author))
        record_changes(connection, second, selections=(None,))
        told = {None: second.number, SPACE: first.number, author: first.number}
        assert changed_since(connection, 0) == told
        assert changed_since(connection, first.number) == {None: second.number}
        assert changed_since(connection, current(connection).number) == {}
