"""Articles that are shown no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from digest.articles.ingest.records import Embargoes, Failure, Reading
from digest.articles.model import (
    ArticleKey,
    Availability,
    Changes,
    DateLimit,
    FacetKind,
    Note,
    Severity,
    Tombstone,
    article_key,
)
from digest.store.database import Store
from digest.store.withdrawals import Moderation
from tests import stores
from tests.store.samples import (
    ADA,
    CHINESE,
    DAILY,
    FINANCE,
    LIN,
    LOANS,
    MINUTE,
    NOW,
    SCIENCE,
    SPACE,
    reading,
)

DAY = timedelta(days=1)
A, B = article_key("a"), article_key("b")


@pytest.fixture
def filled(store: Store) -> Store:
    store.articles.record(
        [
            reading("a.md", title="一", categories=(LOANS,)),
            reading("b.md", title="二", categories=(SPACE, FINANCE)),
        ],
        NOW,
    )
    return store


def shown(store: Store) -> list[str]:
    """Return the titles that are shown, having looked everywhere."""
    titles = [one.title for one in stores.newest(store, None, 9)][::-1]
    assert [one.title for one in stores.since(store)] == titles
    assert [one.title for one in stores.latest(store, (), 9)] == titles
    assert [one.title for one in stores.articles(store, [A, B])] == titles
    assert len(stores.keys(store)) == store.articles.counts().articles == len(titles)
    return titles


def shown_titles(store: Store) -> set[str]:
    return {one.title for one in stores.newest(store, None, 9)}


def test_what_is_withdrawn_is_shown_nowhere(filled: Store) -> None:
    changes = filled.withdrawals.withdraw([B], NOW + DAY)
    assert changes == Changes(
        articles=frozenset({B}),
        categories=frozenset({SCIENCE, SPACE, FINANCE}),
        facets=frozenset({LIN, ADA, CHINESE}),
    )
    assert shown(filled) == ["一"]
    assert stores.newest(filled, SPACE, 9) == []
    counted = {one.path: one.articles for one in stores.categories(filled)}
    assert counted == dict.fromkeys(LOANS.lineage(), 1)
    assert filled.articles.counts().withdrawn == 1
    assert [one.title for one in stores.newest(filled, LIN, 9)] == ["一"]
    assert [one.articles for one in stores.facets(filled, list(FacetKind))] == [1, 1, 1]
    with filled.pages.snapshot() as snapshot:
        states = [snapshot.find_article(key) for key in (A, B, "none")]
    assert [state and state.hidden for state in states] == [False, True, None]


def test_what_is_left_is_a_tombstone_in_every_feed_that_had_it(filled: Store) -> None:
    filled.withdrawals.withdraw([B], NOW + DAY)
    filled.withdrawals.withdraw([A], NOW + 2 * DAY)
    one = Tombstone(id=f"tag:example.org,2024:{A}", withdrawn_at=NOW + 2 * DAY)  # type: ignore[arg-type]
    two = Tombstone(id=f"tag:example.org,2024:{B}", withdrawn_at=NOW + DAY)  # type: ignore[arg-type]
    assert stores.tombstones(filled, None, 9) == [one, two]
    assert stores.tombstones(filled, FINANCE, 9) == [one, two]
    assert stores.tombstones(filled, SPACE, 9) == [two]
    assert stores.tombstones(filled, ADA, 9) == [one, two]
    assert stores.facets(filled, list(FacetKind)) == []
    assert stores.tombstones(filled, None, 1) == [one]


def test_the_operators_word_stands_whatever_becomes_of_the_file(filled: Store) -> None:
    filled.withdrawals.withdraw([A], NOW)
    filled.articles.record([reading("a.md", title="一，新")], NOW + MINUTE)
    assert filled.articles.update_withdrawals(NOW + MINUTE, DAY) == Changes()
    assert shown(filled) == ["二"]
    again = filled.withdrawals.withdraw([A], NOW + DAY)
    assert again.articles == {A}, "publishing may have failed the first time"
    assert stores.tombstones(filled, None, 9)[0].withdrawn_at == NOW
    changes = filled.withdrawals.restore([A], NOW + 2 * DAY)
    assert changes.articles == {A}
    assert shown(filled) == ["一，新", "二"]
    assert filled.withdrawals.restore([A], NOW + 2 * DAY).articles == {A}


def test_a_deleted_file_withdraws_its_article_after_a_grace(filled: Store) -> None:
    filled.articles.mark_missing(["a.md"], NOW)
    assert filled.articles.update_withdrawals(NOW + DAY - MINUTE, DAY) == Changes()
    assert filled.articles.update_withdrawals(NOW + DAY, None) == Changes(), (
        "as long as that is not asked"
    )
    changes = filled.articles.update_withdrawals(NOW + DAY, DAY)
    assert changes == Changes(
        articles=frozenset({A}),
        categories=frozenset(LOANS.lineage()),
        facets=frozenset({LIN, ADA, CHINESE}),
    )
    assert shown(filled) == ["二"]
    assert filled.articles.update_withdrawals(NOW + 2 * DAY, DAY) == Changes()


def test_a_file_that_comes_back_brings_its_article_back(filled: Store) -> None:
    filled.articles.mark_missing(["a.md"], NOW)
    filled.articles.update_withdrawals(NOW + DAY, DAY)
    filled.articles.record_unchanged([reading("a.md").record])
    changes = filled.articles.update_withdrawals(NOW + DAY, None)
    assert changes.articles == {A}
    assert shown(filled) == ["一", "二"]


def test_an_article_with_a_file_left_is_not_withdrawn(store: Store) -> None:
    batch = [reading(path, identity="urn:x") for path in ("1.md", "2.md")]
    store.articles.record([*batch, reading("b.md")], NOW)
    store.articles.mark_missing(["1.md"], NOW)
    assert store.articles.update_withdrawals(NOW + 9 * DAY, DAY) == Changes()
    store.articles.mark_missing(["2.md"], NOW + 9 * DAY)
    assert store.articles.update_withdrawals(NOW + 9 * DAY, DAY) == Changes(), (
        "the last file counts"
    )
    assert store.articles.update_withdrawals(NOW + 10 * DAY, DAY).articles == {article_key("urn:x")}


def test_an_article_whose_file_took_another_identity_is_withdrawn_too(filled: Store) -> None:
    filled.articles.record([reading("a.md", identity="urn:other", title="三")], NOW + DAY)
    assert shown_titles(filled) == {"一", "二", "三"}
    assert filled.articles.update_withdrawals(NOW + DAY, DAY).articles == {A}
    assert shown_titles(filled) == {"二", "三"}


def test_a_tree_without_a_single_file_is_away_not_deleted(filled: Store) -> None:
    filled.articles.mark_missing(["a.md", "b.md"], NOW)
    assert filled.articles.update_withdrawals(NOW + 9 * DAY, DAY) == Changes()
    assert shown(filled) == ["一", "二"]


def test_what_the_operator_keeps_is_not_withdrawn_with_its_file(filled: Store) -> None:
    filled.withdrawals.restore([A], NOW + 2 * DAY)
    filled.articles.mark_missing(["a.md"], NOW)
    assert filled.articles.update_withdrawals(NOW + 9 * DAY, DAY) == Changes()


def test_no_edition_holds_what_is_withdrawn(filled: Store) -> None:
    filled.editions.start_digests(["daily"], NOW)
    filled.articles.record([reading("c.md", title="三"), reading("d.md", title="四")], NOW)
    filled.withdrawals.withdraw([article_key("c")], NOW)
    edition = filled.editions.open_edition(DAILY, NOW, NOW)
    assert edition is not None
    assert [one.title for one in filled.editions.edition(edition.id)[1]] == ["四"]
    filled.withdrawals.withdraw([article_key("d")], NOW)
    assert filled.editions.edition(edition.id)[1] == [], "not even one that was made before"


def test_an_article_is_found_by_any_of_its_names(filled: Store) -> None:
    filled.articles.mark_missing(["a.md"], NOW)
    filled.withdrawals.withdraw([A], NOW)
    by_key, by_id, by_path = (
        filled.withdrawals.find(name) for name in (A, f"tag:example.org,2024:{A}", "a.md")
    )
    assert by_key == by_id == by_path
    (found,) = by_key
    assert (found.article.title, found.withdrawn_at) == ("一", NOW)
    assert (found.moderation, found.files, found.missing) == (Moderation.WITHDRAWN, ("a.md",), True)
    assert len(filled.withdrawals.find("https://example.org/bridge")) == 2
    assert filled.withdrawals.find("nothing") == []


def test_the_list_is_of_what_is_shown_or_of_what_is_withdrawn(filled: Store) -> None:
    filled.withdrawals.withdraw([A], NOW)
    listed = filled.withdrawals.listed

    def titles(*args: object, **options: bool) -> list[str]:
        return [one.article.title for one in listed(*args, **options)]  # type: ignore[arg-type]

    assert titles(None, 9) == ["二"]
    assert titles(SPACE, 9) == ["二"]
    assert titles(LOANS, 9) == []
    assert titles(None, 9, withdrawn=True) == titles(LOANS, 9, withdrawn=True) == ["一"]
    assert titles(SPACE, 9, withdrawn=True) == []


def test_unknown_keys_withdraw_nothing(filled: Store) -> None:
    assert filled.withdrawals.withdraw([ArticleKey("unknown")], NOW) == Changes()
    assert shown(filled) == ["一", "二"]


TO_COME = Availability(not_before=DateLimit(at=NOW + 5 * DAY, line=3, key="publishdate"))
OVER = Availability(expires=DateLimit(at=NOW + 5 * DAY, line=4, key="expirydate"))
DRAFT = Availability(
    held_back=Note(severity=Severity.NOTED, line=2, cause="it is a draft: draft: true")
)


def take(store: Store, now: datetime, *readings: Reading) -> Changes:
    """Record files and review what follows, as ingest does."""
    return store.articles.record(readings, now) + store.articles.update_withdrawals(now, None)


def held(path: str, availability: Availability | None = DRAFT, **said: Any) -> Reading:
    return reading(path, availability=availability, **said)


def causes(store: Store) -> dict[str, str]:
    return {problem.path: problem.cause for problem in store.articles.problems(noted=True)}


def test_a_published_file_that_becomes_a_draft_takes_its_article_out(filled: Store) -> None:
    changes = take(filled, NOW + DAY, held("a.md", title="一", categories=(LOANS,)))
    assert changes.articles == {A}
    assert changes.categories == set(LOANS.lineage())
    assert shown(filled) == ["二"]
    assert causes(filled) == {"a.md": "it is a draft: draft: true"}
    (standing,) = filled.withdrawals.listed(None, 9, withdrawn=True)
    assert (standing.article.key, standing.withdrawn_at) == (A, NOW + DAY)
    assert not take(filled, NOW + DAY, held("a.md", title="一", categories=(LOANS,)))


def test_it_is_back_when_the_line_goes(filled: Store) -> None:
    take(filled, NOW + DAY, held("a.md", title="一", categories=(LOANS,)))
    changes = take(filled, NOW + 2 * DAY, reading("a.md", title="一", categories=(LOANS,)))
    assert changes.articles == {A}
    assert shown(filled) == ["一", "二"]
    assert causes(filled) == {}


def test_a_draft_that_was_never_published_is_no_article(store: Store) -> None:
    assert not take(store, NOW, held("a.md"))
    assert (stores.keys(store), store.articles.counts().articles) == ([], 0)
    assert take(store, NOW + DAY, reading("a.md")).new == 1


def test_an_article_in_two_files_goes_when_both_hold_it_back(store: Store) -> None:
    said: dict[str, Any] = {"identity": "urn:x", "title": "一"}
    take(store, NOW, reading("a.md", **said), reading("b.md", **said))
    assert not take(store, NOW + DAY, held("a.md", **said)).articles
    assert len(stores.keys(store)) == 1
    assert take(store, NOW + DAY, held("b.md", **said)).articles
    assert stores.keys(store) == []
    assert take(store, NOW + DAY, reading("b.md", **said)).articles
    assert len(stores.keys(store)) == 1


def test_a_file_moved_into_a_folder_of_drafts_takes_its_article_with_it(filled: Store) -> None:
    filled.articles.mark_missing(["a.md"], NOW + DAY)
    take(
        filled, NOW + DAY, held("_drafts/a.md", content="of a.md", title="一", categories=(LOANS,))
    )
    assert shown(filled) == ["二"]


def test_a_draft_that_is_deleted_or_broken_does_not_bring_its_article_back(filled: Store) -> None:
    take(filled, NOW + DAY, held("a.md", title="一", categories=(LOANS,)))
    failure = Reading(
        record=reading("a.md").record, outcome=Failure(line=1, cause="it cannot be read")
    )
    assert not take(filled, NOW + DAY, failure).articles
    filled.articles.mark_missing(["a.md"], NOW + DAY)
    assert not filled.articles.update_withdrawals(NOW + 2 * DAY, None)
    assert shown(filled) == ["二"]


def test_what_is_not_meant_to_be_an_article_is_withdrawn_and_only_noted(filled: Store) -> None:
    outcome = Failure(line=None, cause="a list page", severity=Severity.NOTED, held_back=True)
    changes = take(filled, NOW + DAY, Reading(record=reading("a.md").record, outcome=outcome))
    assert changes.articles == {A}
    assert changes.problems == 0
    assert shown(filled) == ["二"]


def test_the_operators_word_stands_against_that_of_the_file(filled: Store) -> None:
    take(filled, NOW + DAY, held("a.md", title="一", categories=(LOANS,)))
    filled.withdrawals.restore([A], NOW + DAY)
    assert shown(filled) == ["一", "二"]
    assert not filled.articles.update_withdrawals(NOW + DAY, None)
    filled.withdrawals.withdraw([A], NOW + DAY)
    take(filled, NOW + DAY, reading("a.md", title="一", categories=(LOANS,)))
    assert shown(filled) == ["二"]


def test_a_date_to_come_holds_back_what_was_published_until_it_comes(filled: Store) -> None:
    take(filled, NOW + DAY, held("a.md", TO_COME, title="一", categories=(LOANS,)))
    assert shown(filled) == ["二"]
    assert filled.articles.embargoes(NOW + DAY).next_at == NOW + 5 * DAY
    assert causes(filled)["a.md"].startswith("it begins at 2024-")
    assert filled.articles.embargoes(NOW + 5 * DAY).due == {"a.md"}
    take(filled, NOW + 5 * DAY, held("a.md", TO_COME, title="一", categories=(LOANS,)))
    assert shown(filled) == ["一", "二"]
    assert filled.articles.embargoes(NOW + 5 * DAY) == Embargoes()


def test_a_new_file_appears_at_its_date_however_far_ahead_and_dated_then(store: Store) -> None:
    far = NOW + 2_000 * DAY
    wanted = Availability(not_before=DateLimit(at=far, line=3, key="publishdate"))
    for now in (NOW, far):
        take(store, now, reading("a.md", availability=wanted, published_at=NOW - DAY))
        assert len(stores.keys(store)) == (now == far)
    assert [article.published_at for article in stores.newest(store, None, 9)] == [far]


def test_an_article_is_withdrawn_when_its_end_comes(filled: Store) -> None:
    take(filled, NOW + DAY, held("a.md", OVER, title="一", categories=(LOANS,)))
    assert shown(filled) == ["一", "二"]
    assert filled.articles.embargoes(NOW + DAY).next_at == NOW + 5 * DAY
    assert filled.articles.files(["a.md"])["a.md"].content == ""  # it is read again then
    assert filled.articles.embargoes(NOW + 5 * DAY).due == {"a.md"}
    take(filled, NOW + 5 * DAY, held("a.md", OVER, title="一", categories=(LOANS,)))
    assert shown(filled) == ["二"]
    assert filled.articles.embargoes(NOW + 5 * DAY) == Embargoes()
    take(filled, NOW + 6 * DAY, reading("a.md", title="一", categories=(LOANS,)))
    assert shown(filled) == ["一", "二"]
