"""One article in several files, dates to come, and notes."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from digest.articles.ingest.records import Embargoes, Reading
from digest.articles.model import Changes, Draft, Note, Severity, article_key
from digest.store.article_queries import COLUMNS, read
from digest.store.connection import Database
from digest.store.database import Store, open_store
from digest.store.problems import FAILED
from digest.store.schema import article, file, problem
from tests import stores
from tests.defaults import default_policy
from tests.store.samples import (
    BANKS,
    FINANCE,
    LOANS,
    MINUTE,
    NOW,
    SCIENCE,
    SPACE,
    failure,
    reading,
)

LATER = NOW + timedelta(hours=1)
DAY = timedelta(days=1)
FOLD = default_policy(fold=True)
#: A text that says enough to be known by, and one that is nearly the same.
TEXT = "<p>河上的新桥今天通车了，桥长三百米，两岸的人走过去只要五分钟，以前要坐半小时的船。</p>" * 2
NEARLY = TEXT + "<p>（据本报记者）</p>"
OTHER = "<p>博物馆的新馆下个月开门，展出的东西有一半是第一次见到公众，门票要提前一周订。</p>" * 2
SALVAGED = Note(severity=Severity.SALVAGED, line=2, cause="odd quotes")
NOTED = Note(severity=Severity.NOTED, line=5, cause="no date")


def titles(store: Store) -> list[str]:
    return [one.title for one in stores.since(store)]


def test_the_same_article_in_two_folders_is_one_with_both_categories(store: Store) -> None:
    first = reading("a/1.md", body=TEXT, alike=True, categories=(LOANS,), published_at=NOW)
    second = reading("b/1.md", body=TEXT, alike=True, categories=(SPACE,), published_at=NOW)
    assert store.articles.record([first], NOW).new == 1
    (before,) = stores.since(store)
    changes = store.articles.record([second], LATER)
    assert (changes.new, changes.updated) == (0, 1)
    assert changes.categories == {*LOANS.lineage(), SCIENCE, SPACE}
    (after,) = stores.since(store)
    assert (after.categories, after.updated_at) == ((LOANS, SPACE), before.updated_at)
    assert len(stores.newest(store, FINANCE, 9)) == len(stores.newest(store, SPACE, 9)) == 1
    assert store.articles.record([second, first], LATER) == Changes(unchanged=2)


def test_both_files_in_one_batch_are_one_article_too(store: Store) -> None:
    batch = [
        reading("a/1.md", body=TEXT, alike=True, categories=(LOANS,)),
        reading("b/1.md", body=TEXT, alike=True, categories=(LOANS, SPACE)),
    ]
    changes = store.articles.record(batch, NOW)
    assert (changes.new, changes.updated, changes.unchanged) == (1, 0, 1)
    (one,) = stores.since(store)
    assert one.categories == (LOANS, SPACE)
    store.articles.mark_missing(["a/1.md", "b/1.md"], NOW)
    again = store.articles.record(batch[::-1], LATER)
    assert again == Changes(unchanged=2)
    assert stores.since(store) == [one]


def test_another_category_of_the_file_that_follows_is_no_update(store: Store) -> None:
    first = reading("a/1.md", body=TEXT, alike=True, categories=(LOANS,))
    follower = reading("b/1.md", body=TEXT, alike=True, categories=(SPACE,))
    store.articles.record([first, follower], NOW)
    moved = reading("b/1.md", body=TEXT, alike=True, categories=(BANKS,))
    changes = store.articles.record([moved], LATER)
    assert changes.categories == {*LOANS.lineage(), SCIENCE, SPACE}
    (one,) = stores.since(store)
    assert (one.categories, one.updated_at) == ((LOANS, BANKS), NOW)


def test_the_article_says_what_the_first_file_says(store: Store) -> None:
    first = reading("a/1.md", body=TEXT, alike=True)
    store.articles.record([first, reading("b/1.md", body=TEXT, alike=True)], NOW)
    corrected = reading("b/1.md", title="新桥（更正）", body=TEXT, alike=True)
    assert store.articles.record([corrected], LATER) == Changes(unchanged=1)
    assert titles(store) == ["河上的新桥通车了"]
    own = reading("a/1.md", title="新桥（更正）", body=TEXT, alike=True)
    assert store.articles.record([own], LATER).updated == 1
    assert titles(store) == ["新桥（更正）"]
    assert store.articles.counts().articles == 1


def test_a_file_that_follows_and_says_another_thing_becomes_its_own_article(store: Store) -> None:
    store.articles.record(
        [
            reading("a/1.md", body=TEXT, alike=True, categories=(LOANS,)),
            reading("b/1.md", body=TEXT, alike=True, categories=(SPACE,)),
        ],
        NOW,
    )
    other = reading("b/1.md", title="博物馆", body=OTHER, alike=True, categories=(SPACE,))
    changes = store.articles.record([other], LATER)
    assert changes.new == 1
    assert {one.key: one.categories for one in stores.since(store)} == {
        article_key("a/1"): (LOANS,),
        article_key("b/1"): (SPACE,),
    }


def test_where_the_first_file_becomes_another_article_the_others_are_read_again(
    store: Store,
) -> None:
    follower = reading("b/1.md", body=TEXT, alike=True, categories=(SPACE,))
    store.articles.record([reading("a/1.md", body=TEXT, alike=True), follower], NOW)
    other = reading("a/1.md", title="博物馆", body=OTHER, alike=True)
    assert store.articles.record([other], LATER).updated == 1
    record = store.articles.files(["b/1.md"])["b/1.md"]
    assert (record.content, record.size) == ("", -1)
    assert store.articles.record([follower], LATER).new == 1
    assert titles(store) == ["博物馆", "河上的新桥通车了"]


def test_two_files_with_one_id_show_what_the_first_says(store: Store) -> None:
    one = reading("a.md", identity="urn:x", title="一", categories=(LOANS,))
    two = reading("b.md", identity="urn:x", title="二", categories=(SPACE,))
    store.articles.record([one, two], NOW)
    for _ in range(2):  # whichever is written again
        store.articles.record([two], LATER)
        store.articles.record([one], LATER)
    assert titles(store) == ["一"]
    store.articles.mark_missing(["a.md"], LATER)
    store.articles.record([two], LATER)
    assert titles(store) == ["一"], "it says what it said before"
    store.articles.record([reading("b.md", identity="urn:x", title="三")], LATER)
    assert titles(store) == ["三"], "the first is gone, the second has something new"
    assert store.articles.record([one], LATER) == Changes(unchanged=1)
    assert titles(store) == ["三"]


def test_one_file_leads(store: Store, url: str) -> None:
    batch = [reading(f"{n}.md", identity="urn:x", title=str(n)) for n in range(3)]
    store.articles.record(batch, NOW)
    store.articles.mark_missing(["0.md"], NOW)
    store.articles.record([reading("1.md", identity="urn:x", title="new")], LATER)
    database = Database(url)
    with database.read() as connection:
        rows = connection.execute(select(file.c.path, file.c.leads).order_by(file.c.path))
        assert [tuple(row) for row in rows] == [("0.md", False), ("1.md", True), ("2.md", False)]
    database.close()


def test_a_file_renamed_and_rewritten_at_once_keeps_its_article(store: Store) -> None:
    old = reading("old.md", content="x", body=TEXT, alike=True, published_at=NOW - 90 * DAY)
    store.articles.record([old], NOW)
    store.articles.mark_missing(["old.md"], NOW)
    new = reading("new.md", content="y", body=TEXT, alike=True, published_at=NOW)
    assert store.articles.record([new], LATER) == Changes(unchanged=1)
    assert list(store.articles.files()) == ["new.md"]


@pytest.mark.parametrize("identity", [None, "urn:b"])
def test_near_duplicates_are_kept_or_folded_as_configured(
    store: Store, identity: str | None
) -> None:
    store.articles.record([reading("a.md", body=TEXT, alike=True, categories=(LOANS,))], NOW, FOLD)
    near = reading("b.md", identity=identity, body=NEARLY, alike=True, categories=(SPACE,))
    changes = store.articles.record([near], NOW, FOLD)
    assert (changes.new, changes.updated) == (0, 1)
    (one,) = stores.since(store)
    assert (one.categories, one.body) == ((LOANS, SPACE), TEXT), "the first seen wins"
    assert store.articles.record([near], LATER, FOLD) == Changes(unchanged=1)
    kept = reading("c.md", body=NEARLY + "。", alike=True)
    assert store.articles.record([kept], NOW).new == 1


def unsketched(taken: Reading) -> Reading:
    """Return a reading as it is made where near duplicates are kept."""
    draft = taken.outcome
    assert isinstance(draft, Draft)
    assert draft.signature is not None
    signature = replace(draft.signature, sketch=b"")
    return replace(taken, outcome=replace(draft, signature=signature))


def test_near_duplicates_are_folded_once_files_were_read_for_it(store: Store) -> None:
    first = reading("a.md", body=TEXT, alike=True)
    near = reading("b.md", body=NEARLY, alike=True)
    store.articles.record([unsketched(first)], NOW)
    assert store.articles.record([first], LATER, FOLD) == Changes(unchanged=1)
    assert store.articles.record([near], LATER, FOLD).new == 0


def test_a_follower_with_another_title_is_compared_with_the_stored_text(store: Store) -> None:
    same = [reading(path, body=TEXT, alike=True) for path in ("a.md", "b.md")]
    store.articles.record([unsketched(one) for one in same], NOW)
    corrected = reading("b.md", content="new", title="更正", body=NEARLY, alike=True)
    assert store.articles.record([unsketched(corrected)], LATER) == Changes(unchanged=1)
    another = reading("b.md", content="newer", title="博物馆", body=OTHER, alike=True)
    assert store.articles.record([unsketched(another)], LATER).new == 1


def test_articles_of_one_title_that_say_different_things_are_not_folded(store: Store) -> None:
    store.articles.record([reading("a.md", body=TEXT, alike=True)], NOW, FOLD)
    assert store.articles.record([reading("b.md", body=OTHER, alike=True)], NOW, FOLD).new == 1


def test_a_date_to_come_keeps_an_article_back_until_then(store: Store) -> None:
    tomorrow = reading("a.md", published_at=NOW + DAY)
    changes = store.articles.record([tomorrow], NOW)
    assert changes == Changes()
    assert titles(store) == []
    counts = store.articles.counts()
    assert (counts.articles, counts.embargoed, counts.files) == (0, 1, 1)
    assert store.articles.waiting() == [("a.md", NOW + DAY)]
    assert store.articles.embargoes(NOW) == Embargoes(next_at=NOW + DAY)
    due = NOW + DAY
    assert store.articles.embargoes(due) == Embargoes(due=frozenset({"a.md"}))
    assert store.articles.record([tomorrow], due).new == 1
    (one,) = stores.since(store)
    assert one.published_at == one.updated_at == due
    assert store.articles.embargoes(due) == Embargoes()


def test_an_embargoed_article_gets_its_sequence_when_it_appears(store: Store) -> None:
    store.articles.record([reading("a.md", title="waits", published_at=NOW + DAY)], NOW)
    store.articles.record([reading("b.md", title="now")], NOW)
    store.articles.record([reading("a.md", title="waits", published_at=NOW + DAY)], NOW + DAY)
    assert titles(store) == ["now", "waits"], "so the digest that comes next has it"


def test_an_embargo_may_be_moved_while_it_lasts(store: Store) -> None:
    store.articles.record([reading("a.md", published_at=NOW + DAY)], NOW)
    store.articles.record([reading("a.md", published_at=NOW + 2 * DAY)], NOW)
    assert store.articles.waiting() == [("a.md", NOW + 2 * DAY)]
    assert store.articles.record([reading("a.md", published_at=NOW)], NOW).new == 1
    assert store.articles.waiting() == []


def test_a_file_that_is_gone_waits_for_nothing(store: Store) -> None:
    store.articles.record([reading("a.md", published_at=NOW + DAY)], NOW)
    store.articles.mark_missing(["a.md"], NOW)
    assert store.articles.waiting() == []
    assert store.articles.embargoes(NOW + 2 * DAY) == Embargoes()


def test_what_is_published_is_not_embargoed_by_a_new_date(store: Store) -> None:
    store.articles.record([reading("a.md")], NOW)
    assert store.articles.record([reading("a.md", published_at=NOW + DAY)], NOW) == Changes(
        unchanged=1
    )


def test_a_date_too_far_ahead_is_first_sight_and_noted(store: Store) -> None:
    far = reading("a.md", published_at=NOW + 400 * DAY)
    assert store.articles.record([far], NOW, default_policy()).new == 1
    assert [one.published_at for one in stores.since(store)] == [NOW]
    assert store.articles.problems() == []
    (note,) = store.articles.problems(noted=True)
    assert note.severity is Severity.NOTED
    assert "365 days ahead" in note.cause


def test_notes_are_listed_by_how_bad_they_are(store: Store) -> None:
    changes = store.articles.record(
        [reading("b.md", notes=(SALVAGED, NOTED)), failure("a.md", "no title", 1)], NOW
    )
    assert (changes.new, changes.problems) == (1, 1)
    listed = [(one.path, one.severity, one.line) for one in store.articles.problems()]
    assert listed == [("a.md", Severity.FAILED, 1), ("b.md", Severity.SALVAGED, 2)]
    assert [one.cause for one in store.articles.problems(noted=True)] == [
        "no title",
        "odd quotes",
        "no date",
    ]
    counts = store.articles.counts()
    assert (counts.problems, counts.salvaged, counts.noted) == (1, 1, 1)


def test_a_note_keeps_its_date_and_goes_with_what_it_tells_of(store: Store) -> None:
    store.articles.record([reading("a.md", notes=(SALVAGED,))], NOW)
    store.articles.record([reading("a.md", notes=(NOTED, SALVAGED))], LATER)
    assert {one.cause: one.seen_at for one in store.articles.problems(noted=True)} == {
        "no date": LATER,
        "odd quotes": NOW,
    }
    store.articles.record([reading("a.md")], LATER)
    assert store.articles.problems(noted=True) == []


def test_the_notes_of_a_file_that_is_gone_come_back_with_it(store: Store) -> None:
    one = reading("a.md", notes=(SALVAGED,))
    store.articles.record([one], NOW)
    store.articles.mark_missing(["a.md"], NOW)
    assert store.articles.problems() == []
    assert store.articles.counts().salvaged == 0
    store.articles.record_unchanged([one.record])
    assert [problem.cause for problem in store.articles.problems()] == ["odd quotes"]


def test_a_moved_file_leaves_no_row_behind(store: Store) -> None:
    one = reading("a.md", content="same", notes=(SALVAGED,))
    store.articles.record([one], NOW)
    store.articles.mark_missing(["a.md"], NOW + MINUTE)
    store.articles.record([reading("b.md", content="same", notes=(SALVAGED,))], LATER)
    assert [problem.path for problem in store.articles.problems()] == ["b.md"]


def test_a_broken_file_whose_leader_went_to_another_article_leads_once_repaired(
    store: Store,
) -> None:
    twins = [reading(path, body=TEXT, alike=True, title="新桥") for path in ("a/1.md", "b/1.md")]
    assert store.articles.record(twins, NOW).new == 1
    gone = reading("a/1.md", identity="urn:x", body=OTHER, alike=True, title="博物馆")
    batch = [failure("b/1.md"), gone]
    changes = [store.articles.record(batch, NOW + MINUTE * turn) for turn in range(1, 4)]
    assert [(one.new, one.updated, one.problems) for one in changes] == [
        (1, 0, 1),
        (0, 0, 1),
        (0, 0, 1),
    ]
    assert titles(store) == ["新桥", "博物馆"]
    repaired = reading("b/1.md", body=NEARLY, alike=True, title="新桥通车", categories=(SPACE,))
    again = store.articles.record([repaired], LATER)
    assert (again.new, again.updated) == (0, 1)
    bridge, museum = stores.since(store)
    assert (bridge.title, bridge.categories) == ("新桥通车", (SPACE,))
    assert museum.categories == (LOANS,)


#: Shrinking takes minutes, with a database for each example.
NO_SHRINK = tuple(phase for phase in Phase if phase is not Phase.shrink)
TEXTS = (TEXT, NEARLY, OTHER, "<p>短。</p>")
PATHS = ("a/1.md", "b/1.md", "b/2.md", "c.md")
STEPS = st.one_of(
    st.tuples(
        st.just("write"),
        st.sampled_from(PATHS),
        st.sampled_from(TEXTS),
        st.sampled_from(["新桥", "博物馆"]),
        st.sampled_from([None, "urn:x"]),
        st.sampled_from([(), (LOANS,), (SPACE, BANKS)]),
    ),
    st.tuples(st.just("delete"), st.sampled_from(PATHS)),
    st.tuples(st.just("break"), st.sampled_from(PATHS)),
)


@pytest.mark.full_speed
@given(batches=st.lists(st.lists(STEPS, min_size=1, max_size=4), max_size=6), fold=st.booleans())
@settings(max_examples=15, deadline=None, phases=NO_SHRINK)
def test_whatever_happens_to_files_each_is_in_one_article_that_has_its_categories(
    migrated_sqlite: Path, batches: list[list[tuple[Any, ...]]], fold: bool
) -> None:
    policy = default_policy(fold=fold)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/digest.db"
        shutil.copyfile(migrated_sqlite, f"{folder}/digest.db")
        with open_store(url) as store:
            store.authority("example.org,2024")
            for hour, batch in enumerate(batches):
                now = NOW + timedelta(hours=hour)
                readings = {}
                for number, (what, path, *said) in enumerate(batch):
                    if what == "delete":
                        store.articles.mark_missing([path], now)
                    elif what == "break":
                        readings[path] = failure(path)
                    else:
                        body, title, identity, categories = said
                        readings[path] = reading(
                            path,
                            identity=identity,
                            content=f"{hour} {number}",
                            title=title,
                            body=body,
                            categories=categories,
                            alike=True,
                        )
                store.articles.record([*readings.values()], now, policy)
                store.articles.record([*readings.values()], now, policy)
                again = store.articles.record([*readings.values()], now, policy)
                assert not again.articles, "nothing new was said"
                check_files(url)


def check_files(url: str) -> None:
    """Assert that files and articles fit together."""
    database = Database(url)
    with database.read() as connection:
        rows = list(connection.execute(select(file).order_by(file.c.path)))
        filed = {one.sequence: set(one.categories) for one in read(connection, select(*COLUMNS))}
        keys = list(connection.scalars(select(article.c.key)))
        broken = set(connection.scalars(select(problem.c.file).where(FAILED)))
    database.close()
    assert len(keys) == len(set(keys))
    for sequence in {row.article for row in rows} - {None}:
        holding = [row for row in rows if row.article == sequence]
        leads = sum(row.leads for row in holding)
        # A broken file holds on to its article, and leads it once it is repaired: nothing it says
        # until then can tell what it is about.
        settled = [row for row in holding if row.content and row.key not in broken]
        assert leads == 1 or (leads == 0 and not settled), "where none leads all are read again"
        assert filed[sequence] == {path for row in holding for path in row.categories or ()}
    for row in rows:
        assert row.article is not None or row.fingerprint is None, row.path
