"""The strands that articles run in: authors, languages, the operator's feeds."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.articles.facets import Strand, StrandKind
from digest.articles.filters import Criteria, Sieve, Sifted, strands
from digest.articles.model import Changes
from digest.articles.revision import IngestPolicy
from digest.store.database import Store, open_store
from tests import stores
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
ENGLISH = Strand(StrandKind.LANGUAGE, "en")
BRIDGES = Strand(StrandKind.CUSTOM, "bridges")
POLICY = IngestPolicy(
    language="en", sieves=(Sieve(name="bridges", wanted=Criteria(words=("三百米",))),)
)


def counts(store: Store) -> dict[Strand, int]:
    found = stores.facets(store, list(StrandKind))
    assert [one.strand for one in found] == sorted(one.strand for one in found)
    return {one.strand: one.articles for one in found}


def titles(store: Store, strand: Strand) -> list[str]:
    return [one.title for one in stores.newest(store, strand, 9)]


def test_an_article_runs_in_the_strands_of_its_authors_language_and_sieves(store: Store) -> None:
    changes = store.articles.record(
        [
            reading("a.md", title="一"),
            reading("b.md", title="二", language=None, authors=("林海",), body="<p>短。</p>"),
        ],
        NOW,
        POLICY,
    )
    assert changes.strands == {LIN, ADA, CHINESE, ENGLISH, BRIDGES}
    assert counts(store) == {LIN: 2, ADA: 1, CHINESE: 1, ENGLISH: 1, BRIDGES: 1}
    assert titles(store, LIN) == ["二", "一"]
    assert titles(store, BRIDGES) == ["一"]
    assert titles(store, Strand(StrandKind.AUTHOR, "nobody")) == []
    assert [one.strand for one in stores.facets(store, [StrandKind.LANGUAGE])] == [
        ENGLISH,
        CHINESE,
    ]


def test_the_newest_of_a_strand_are_by_publication(store: Store) -> None:
    old = NOW - timedelta(days=3)
    store.articles.record(
        [reading("new.md", title="new"), reading("old.md", title="old", published_at=old)], NOW
    )
    assert titles(store, LIN) == ["new", "old"]
    assert [one.title for one in stores.newest(store, LIN, 1)] == ["new"]


def test_another_author_is_told_with_the_one_before(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md", title="二")], NOW)
    changes = store.articles.record([reading("a.md", authors=("Ada Field", "某人"))], LATER)
    someone = Strand(StrandKind.AUTHOR, "某人")
    assert changes.strands == {LIN, ADA, someone, CHINESE}
    assert counts(store) == {LIN: 1, ADA: 2, someone: 1, CHINESE: 2}


def test_a_new_text_may_leave_a_sieve(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW, POLICY)
    changes = store.articles.record([reading("a.md", body="<p>桥塌了。</p>")], LATER, POLICY)
    assert BRIDGES in changes.strands
    assert titles(store, BRIDGES) == []


def test_categories_of_another_file_count_for_sieves(store: Store) -> None:
    sieve = Sieve(name="bridges", wanted=Criteria(categories=(SCIENCE,)))
    policy = IngestPolicy(sieves=(sieve,))
    store.articles.record([reading("1.md", identity="urn:x", categories=(LOANS,))], NOW, policy)
    assert BRIDGES not in counts(store)
    changes = store.articles.record(
        [reading("2.md", identity="urn:x", categories=(SPACE,))], LATER, policy
    )
    assert BRIDGES in changes.strands
    assert counts(store)[BRIDGES] == 1


def test_an_unchanged_file_changes_no_strand(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW, POLICY)
    assert store.articles.record([reading("a.md")], LATER, POLICY) == Changes(unchanged=1)


def test_a_new_definition_is_applied_to_what_is_there_and_only_once(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md", language=None)], NOW, POLICY)
    assert store.articles.review(NOW, None, POLICY) == Changes(), "decided so already"
    sieve = Sieve(name="money", wanted=Criteria(categories=(FINANCE,)))
    other = IngestPolicy(language="fr", sieves=(sieve,))
    changes = store.articles.review(LATER, None, other)
    french, money = Strand(StrandKind.LANGUAGE, "fr"), sieve.strand
    assert changes == Changes(strands=frozenset({ENGLISH, french, BRIDGES, money}))
    assert counts(store) == {LIN: 2, ADA: 2, CHINESE: 1, french: 1, money: 2}
    assert store.articles.review(LATER, None, other) == Changes()


def test_strands_of_more_articles_than_one_statement_takes_are_decided_anew(store: Store) -> None:
    many = [reading(f"{number}.md", title=f"{number}", language=None) for number in range(1_100)]
    store.articles.record(many, NOW)
    assert counts(store) == {LIN: 1_100, ADA: 1_100}
    assert store.articles.review(LATER, None, IngestPolicy(language="en")).strands == {ENGLISH}
    assert counts(store)[ENGLISH] == 1_100


def test_what_a_process_with_other_terms_stored_is_decided_anew(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW, POLICY)
    store.articles.record([reading("b.md")], NOW, IngestPolicy())
    assert titles(store, BRIDGES) == ["河上的新桥通车了"]
    assert store.articles.review(LATER, None, POLICY) == Changes(strands=frozenset({BRIDGES}))
    assert len(titles(store, BRIDGES)) == 2


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "长" * 3_000])
def test_any_name_can_be_an_author(store: Store, name: str) -> None:
    changes = store.articles.record([reading("a.md", authors=(name, ""))], NOW)
    (author,) = (one for one in changes.strands if one.kind is StrandKind.AUTHOR)
    assert len(stores.newest(store, author, 9)) == 1


def in_memory(store: Store, policy: IngestPolicy) -> dict[Strand, list[str]]:
    """Return the keys of the articles of every strand, the newest first, by looking at each."""
    found: dict[Strand, list[str]] = {}
    for one in stores.newest(store, None, 99):
        sifted = Sifted(
            title=one.title,
            authors=one.authors,
            categories=one.categories,
            language=one.language,
            body=one.body,
        )
        for strand in strands(sifted, policy.sieves, policy.language):
            found.setdefault(strand, []).append(one.key)
    return found


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STEPS, max_size=6))
def test_whatever_happens_strands_hold_what_they_should(
    migrated_sqlite: Path, steps: list[Step]
) -> None:
    with TemporaryDirectory() as folder:
        path = shutil.copyfile(migrated_sqlite, Path(folder, "digest.db"))
        with open_store(f"sqlite:///{path}") as store:
            store.authority("example.org,2024")
            policy = IngestPolicy()
            for number, step in enumerate(steps):
                before = in_memory(store, policy)
                policy, changes = take(store, step, policy, NOW + number * MINUTE)
                after = in_memory(store, policy)
                assert {one: len(keys) for one, keys in after.items()} == counts(store)
                for strand, keys in after.items():
                    assert [one.key for one in stores.newest(store, strand, 99)] == keys
                differ = {one for one in {*before, *after} if before.get(one) != after.get(one)}
                assert differ <= changes.strands
