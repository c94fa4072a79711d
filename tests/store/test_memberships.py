"""The facets that articles run in: authors, languages, the operator's feeds."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.articles.filters import ArticleFilter, Criteria, FilterInput, facets_of
from digest.articles.model import Changes, Facet, FacetKind
from digest.articles.revision import IngestPolicy
from digest.store.database import Store, open_store
from tests import stores
from tests.defaults import default_policy
from tests.store.samples import (
    ADA,
    CHINESE,
    FINANCE,
    LIN,
    LOANS,
    MINUTE,
    NOW,
    SCIENCE,
    SPACE,
    reading,
)
from tests.store.steps import STEPS, Step, take

LATER = NOW + MINUTE
ENGLISH = Facet(FacetKind.LANGUAGE, "en")
BRIDGES = Facet(FacetKind.CUSTOM, "bridges")
POLICY = default_policy(
    language="en", filters=(ArticleFilter(name="bridges", wanted=Criteria(words=("三百米",))),)
)


def counts(store: Store) -> dict[Facet, int]:
    found = stores.facets(store, list(FacetKind))
    assert [one.facet for one in found] == sorted(one.facet for one in found)
    return {one.facet: one.articles for one in found}


def titles(store: Store, facet: Facet) -> list[str]:
    return [one.title for one in stores.newest(store, facet, 9)]


def test_an_article_runs_in_the_facets_of_its_authors_language_and_filters(store: Store) -> None:
    changes = store.articles.record(
        [
            reading("a.md", title="一"),
            reading("b.md", title="二", language=None, authors=("林海",), body="<p>短。</p>"),
        ],
        NOW,
        POLICY,
    )
    assert changes.facets == {LIN, ADA, CHINESE, ENGLISH, BRIDGES}
    assert counts(store) == {LIN: 2, ADA: 1, CHINESE: 1, ENGLISH: 1, BRIDGES: 1}
    assert titles(store, LIN) == ["二", "一"]
    assert titles(store, BRIDGES) == ["一"]
    assert titles(store, Facet(FacetKind.AUTHOR, "nobody")) == []
    assert [one.facet for one in stores.facets(store, [FacetKind.LANGUAGE])] == [
        ENGLISH,
        CHINESE,
    ]


def test_the_newest_of_a_facet_are_by_publication(store: Store) -> None:
    old = NOW - timedelta(days=3)
    store.articles.record(
        [reading("new.md", title="new"), reading("old.md", title="old", published_at=old)], NOW
    )
    assert titles(store, LIN) == ["new", "old"]
    assert [one.title for one in stores.newest(store, LIN, 1)] == ["new"]


def test_another_author_is_told_with_the_one_before(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md", title="二")], NOW)
    changes = store.articles.record([reading("a.md", authors=("Ada Field", "某人"))], LATER)
    someone = Facet(FacetKind.AUTHOR, "某人")
    assert changes.facets == {LIN, ADA, someone, CHINESE}
    assert counts(store) == {LIN: 1, ADA: 2, someone: 1, CHINESE: 2}


def test_a_new_text_may_leave_a_filter(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW, POLICY)
    changes = store.articles.record([reading("a.md", body="<p>桥塌了。</p>")], LATER, POLICY)
    assert BRIDGES in changes.facets
    assert titles(store, BRIDGES) == []


def test_categories_of_another_file_count_for_filters(store: Store) -> None:
    article_filter = ArticleFilter(name="bridges", wanted=Criteria(categories=(SCIENCE,)))
    policy = default_policy(filters=(article_filter,))
    store.articles.record([reading("1.md", identity="urn:x", categories=(LOANS,))], NOW, policy)
    assert BRIDGES not in counts(store)
    changes = store.articles.record(
        [reading("2.md", identity="urn:x", categories=(SPACE,))], LATER, policy
    )
    assert BRIDGES in changes.facets
    assert counts(store)[BRIDGES] == 1


def test_an_unchanged_file_changes_no_facet(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW, POLICY)
    assert store.articles.record([reading("a.md")], LATER, POLICY) == Changes(unchanged=1)


def test_a_new_definition_is_applied_to_what_is_there_and_only_once(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md", language=None)], NOW, POLICY)
    assert store.articles.update_withdrawals(NOW, None, POLICY) == Changes(), "decided so already"
    article_filter = ArticleFilter(name="money", wanted=Criteria(categories=(FINANCE,)))
    other = default_policy(language="fr", filters=(article_filter,))
    changes = store.articles.update_withdrawals(LATER, None, other)
    french, money = Facet(FacetKind.LANGUAGE, "fr"), article_filter.facet
    assert changes == Changes(facets=frozenset({ENGLISH, french, BRIDGES, money}))
    assert counts(store) == {LIN: 2, ADA: 2, CHINESE: 1, french: 1, money: 2}
    assert store.articles.update_withdrawals(LATER, None, other) == Changes()


def test_facets_of_more_articles_than_one_statement_takes_are_decided_anew(store: Store) -> None:
    many = [reading(f"{number}.md", title=f"{number}", language=None) for number in range(1_100)]
    store.articles.record(many, NOW)
    assert counts(store) == {LIN: 1_100, ADA: 1_100}
    assert store.articles.update_withdrawals(LATER, None, default_policy(language="en")).facets == {
        ENGLISH
    }
    assert counts(store)[ENGLISH] == 1_100


def test_what_a_process_with_other_terms_stored_is_decided_anew(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW, POLICY)
    store.articles.record([reading("b.md")], NOW, default_policy())
    assert titles(store, BRIDGES) == ["河上的新桥通车了"]
    assert store.articles.update_withdrawals(LATER, None, POLICY) == Changes(
        facets=frozenset({BRIDGES})
    )
    assert len(titles(store, BRIDGES)) == 2


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "长" * 3_000])
def test_any_name_can_be_an_author(store: Store, name: str) -> None:
    changes = store.articles.record([reading("a.md", authors=(name, ""))], NOW)
    (author,) = (one for one in changes.facets if one.kind is FacetKind.AUTHOR)
    assert len(stores.newest(store, author, 9)) == 1


def in_memory(store: Store, policy: IngestPolicy) -> dict[Facet, list[str]]:
    """Return the keys of the articles of every facet, the newest first, by looking at each."""
    found: dict[Facet, list[str]] = {}
    for one in stores.newest(store, None, 99):
        filter_input = FilterInput(
            title=one.title,
            authors=one.authors,
            categories=one.categories,
            language=one.language,
            body=one.body,
        )
        for facet in facets_of(filter_input, policy.filters, policy.language):
            found.setdefault(facet, []).append(one.key)
    return found


@pytest.mark.full_speed
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STEPS, max_size=6))
def test_whatever_happens_facets_hold_what_they_should(
    migrated_sqlite: Path, steps: list[Step]
) -> None:
    with TemporaryDirectory() as folder:
        path = shutil.copyfile(migrated_sqlite, Path(folder, "digest.db"))
        with open_store(f"sqlite:///{path}") as store:
            store.authority("example.org,2024")
            policy = default_policy()
            for number, step in enumerate(steps):
                before = in_memory(store, policy)
                policy, changes = take(store, step, policy, NOW + number * MINUTE)
                after = in_memory(store, policy)
                assert {one: len(keys) for one, keys in after.items()} == counts(store)
                for facet, keys in after.items():
                    assert [one.key for one in stores.newest(store, facet, 99)] == keys
                differ = {one for one in {*before, *after} if before.get(one) != after.get(one)}
                assert differ <= changes.facets
