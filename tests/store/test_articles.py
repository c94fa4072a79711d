"""What ingest, publishing and the commands ask of articles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.articles.model import ArticleKey, CategoryPath, Changes, Draft, Scope, article_key
from digest.articles.reading.enclosures import Enclosure
from digest.articles.reading.parse import MAX_PINNED
from digest.store.article_queries import newest
from digest.store.articles import Counts
from digest.store.connection import Database
from digest.store.database import Store, open_store
from tests import stores
from tests.store.samples import (
    ADA,
    BANKS,
    CHINESE,
    FINANCE,
    LIN,
    LOANS,
    MINUTE,
    NOW,
    SCIENCE,
    SPACE,
    failure,
    file_record,
    reading,
)

LATER = NOW + timedelta(hours=1)
BRIDGE = "金融/桥.md"
BRIDGE_KEY = article_key("金融/桥")


def titles(store: Store) -> list[str]:
    """Return the titles of all articles, in order of sequence."""
    return [one.title for one in stores.since(store)]


def test_a_new_article_comes_back_whole(store: Store) -> None:
    written = datetime(2021, 8, 27, 12, 49, 8, tzinfo=UTC)
    one = reading(
        BRIDGE,
        categories=(LOANS, SPACE),
        published_at=written,
        image="https://example.org/桥.jpg",
    )

    changes = store.articles.record([one], NOW)

    assert changes == Changes(
        articles=frozenset({BRIDGE_KEY}),
        categories=frozenset({FINANCE, BANKS, LOANS, SCIENCE, SPACE}),
        facets=frozenset({LIN, ADA, CHINESE}),
        new=1,
    )
    (stored,) = stores.articles(store, [BRIDGE_KEY])
    assert stored.id == f"tag:example.org,2024:{BRIDGE_KEY}"
    assert stored.key == BRIDGE_KEY
    assert stored.sequence == 1
    assert stored.categories == (LOANS, SPACE)
    assert (stored.published_at, stored.updated_at) == (written, written)
    for name in ("title", "authors", "link", "image", "language", "summary", "body"):
        assert getattr(stored, name) == getattr(one.outcome, name)


def test_a_recording_comes_back_and_goes(store: Store) -> None:
    sound = Enclosure(url="https://x.org/a.mp3", media_type="audio/mpeg", length=9, duration=60)
    silent = reading(BRIDGE)
    assert isinstance(silent.outcome, Draft)
    store.articles.record([replace(silent, outcome=replace(silent.outcome, enclosure=sound))], NOW)
    assert [one.enclosure for one in stores.since(store)] == [sound]
    assert store.articles.record([silent], LATER).updated == 1
    assert [(one.enclosure, one.updated_at) for one in stores.since(store)] == [(None, NOW)]


def test_a_pin_comes_and_goes_without_an_update(store: Store) -> None:
    loose = reading(BRIDGE)
    assert isinstance(loose.outcome, Draft)
    store.articles.record([loose], NOW)
    for number in (1, MAX_PINNED):
        pinned = replace(loose, outcome=replace(loose.outcome, pinned=number))
        assert store.articles.record([pinned], LATER).articles == {BRIDGE_KEY}
        (stored,) = stores.since(store)
        assert (stored.pinned, stored.updated_at) == (number, NOW)
        assert store.articles.record([pinned], LATER) == Changes(unchanged=1)
    store.articles.record([loose], LATER)
    assert [(one.pinned, one.updated_at) for one in stores.since(store)] == [(0, NOW)]


def test_an_article_without_date_is_of_its_first_sight(store: Store) -> None:
    store.articles.record([reading(BRIDGE)], NOW)
    store.articles.record([reading(BRIDGE, published_at=LATER)], LATER)
    (stored,) = stores.articles(store, [BRIDGE_KEY])
    assert stored.published_at == stored.updated_at == NOW


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    store.articles.record([reading(BRIDGE)], NOW)
    changes = store.articles.record([reading(BRIDGE)], LATER)
    assert changes == Changes(unchanged=1)
    assert not changes


def test_another_text_is_an_update_with_the_same_id_and_date(store: Store) -> None:
    store.articles.record([reading(BRIDGE)], NOW)
    (before,) = stores.articles(store, [BRIDGE_KEY])
    changes = store.articles.record([reading(BRIDGE, title="桥又关了")], LATER)
    (after,) = stores.articles(store, [BRIDGE_KEY])
    assert (changes.new, changes.updated) == (0, 1)
    assert changes.articles == {BRIDGE_KEY}
    assert after == replace(before, title="桥又关了", updated_at=LATER)


def test_another_image_alone_publishes_again_without_a_new_date(store: Store) -> None:
    store.articles.record([reading(BRIDGE)], NOW)
    image = "https://example.org/2.jpg"
    changes = store.articles.record([reading(BRIDGE, image=image)], LATER)
    (after,) = stores.articles(store, [BRIDGE_KEY])
    assert after.updated_at == NOW
    assert (changes.updated == 1) is (after.image == image)


def test_other_categories_move_the_article_and_tell_both(store: Store) -> None:
    store.articles.record([reading(BRIDGE, categories=(LOANS,))], NOW)
    changes = store.articles.record([reading(BRIDGE, categories=(SPACE, FINANCE))], LATER)
    assert changes.categories == {FINANCE, BANKS, LOANS, SCIENCE, SPACE}
    (stored,) = stores.articles(store, [BRIDGE_KEY])
    assert stored.categories == (SPACE, FINANCE)
    assert [summary.path for summary in stores.categories(store)] == [SCIENCE, SPACE, FINANCE]
    assert stores.newest(store, LOANS, 10) == []


def test_a_category_named_beside_its_ancestor_keeps_the_files_order(store: Store) -> None:
    store.articles.record([reading(BRIDGE, categories=(LOANS, FINANCE))], NOW)
    (stored,) = stores.articles(store, [BRIDGE_KEY])
    assert stored.categories == (LOANS, FINANCE)


def test_an_article_may_lose_all_its_categories(store: Store) -> None:
    store.articles.record([reading(BRIDGE)], NOW)
    changes = store.articles.record([reading(BRIDGE, categories=())], LATER)
    assert changes.categories == {FINANCE, BANKS, LOANS}
    assert stores.categories(store) == []
    assert [one.categories for one in stores.newest(store, None, 9)] == [()]


def test_sequences_follow_the_order_of_the_files(store: Store) -> None:
    paths = [f"金融/{number}.md" for number in (3, 1, 2)]
    store.articles.record([reading(path, title=path) for path in paths], NOW)
    assert titles(store) == paths
    assert [one.sequence for one in stores.since(store)] == [1, 2, 3]
    assert stores.newest_sequence(store) == 3
    assert stores.keys(store) == [article_key(path.removesuffix(".md")) for path in paths]


def test_a_batch_of_nothing_is_nothing(store: Store) -> None:
    assert store.articles.record([], NOW) == Changes()
    store.articles.record_unchanged([])
    store.articles.mark_missing([], NOW)
    assert store.articles.counts() == Counts(articles=0, categories=0, files=0, problems=0)
    assert stores.newest_sequence(store) == 0


def test_a_file_read_twice_in_one_batch_ends_as_its_last_reading(store: Store) -> None:
    changes = store.articles.record([failure(BRIDGE), reading(BRIDGE, title="二")], NOW)
    assert (changes.new, changes.problems) == (1, 0)
    assert store.articles.problems() == []
    store.articles.record([reading(BRIDGE, title="三"), failure(BRIDGE)], LATER)
    assert titles(store) == ["三"]
    assert len(store.articles.problems()) == 1


def test_a_batch_is_stored_whole_or_not_at_all(store: Store) -> None:
    broken = reading("b.md")
    object.__setattr__(broken.outcome, "summary", None)  # what no draft is made of
    with pytest.raises(Exception, match="summary"):
        store.articles.record([reading("a.md"), broken], NOW)
    assert store.articles.counts() == Counts(articles=0, categories=0, files=0, problems=0)


def test_more_files_than_one_statement_takes(store: Store) -> None:
    many = [reading(f"金融/{number}.md", title=f"{number}") for number in range(1100)]
    assert store.articles.record(many, NOW).new == 1100
    assert store.articles.record(many, LATER) == Changes(unchanged=1100)
    assert len(store.articles.files([one.record.path for one in many])) == 1100
    keys = stores.keys(store)
    assert [one.key for one in stores.articles(store, keys[::-1])] == keys
    store.articles.mark_missing([one.record.path for one in many], LATER)
    assert store.articles.counts().files == 0


def test_text_that_no_database_keeps_does_not_stop_the_batch(store: Store) -> None:
    bad = reading("a.md", identity="id\ud800\0", title="half \ud83d of \0 it", body="<p>\ud800</p>")
    store.articles.record([bad, failure("b\0.md", cause="odd \udfff", content="beef")], NOW)
    assert titles(store) == ["half \N{REPLACEMENT CHARACTER} of \N{REPLACEMENT CHARACTER} it"]
    assert store.articles.problems()[0].cause == "odd \N{REPLACEMENT CHARACTER}"
    assert store.articles.record([bad], LATER).new == 0


def test_a_very_long_path_and_a_time_past_64_bits_are_no_obstacle(store: Store) -> None:
    path = "/".join(["很长的名字" * 16] * 16) + ".md"  # 4 kB, more than an index entry takes
    deep = CategoryPath(tuple(f"层{level}" * 30 for level in range(40)))
    one = reading(path, categories=(deep,))
    far = replace(one, record=replace(one.record, mtime_ns=2**64, size=7))
    store.articles.record([far], NOW)
    assert store.articles.files([path])[path].size == 7
    assert len(stores.newest(store, deep, 1)) == 1
    store.articles.record([far], LATER)
    assert store.articles.counts().articles == 1


def test_newest_is_by_publication_then_sequence(store: Store) -> None:
    old, new = NOW - timedelta(days=9), NOW - timedelta(days=1)
    store.articles.record(
        [
            reading("a.md", title="new", published_at=new),
            reading("b.md", title="old", published_at=old, categories=(BANKS,)),
            reading("c.md", title="new, too", published_at=new),
            reading("d.md", title="elsewhere", published_at=NOW, categories=(SPACE,)),
        ],
        NOW,
    )
    assert [one.title for one in stores.newest(store, FINANCE, 9)] == ["new, too", "new", "old"]
    assert [one.title for one in stores.newest(store, LOANS, 1)] == ["new, too"]
    assert [one.title for one in stores.newest(store, None, 2)] == ["elsewhere", "new, too"]
    assert stores.newest(store, CategoryPath(("none",)), 9) == []


@pytest.mark.parametrize("scope", [FINANCE, ADA, CHINESE, None], ids=str)
def test_the_newest_are_an_index_walk(migrated_sqlite: Path, scope: Scope) -> None:
    database = Database(f"sqlite:///{migrated_sqlite}")
    query = newest(scope).limit(50).compile(database.engine)
    with database.read() as connection:
        values = tuple(query.params.values())
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all()
    database.close()
    steps = " ".join(row[3] for row in plan)
    assert "INDEX ix_" in steps
    assert "TEMP B-TREE" not in steps


def test_categories_count_all_levels_below(store: Store) -> None:
    store.articles.record(
        [
            reading("a.md", categories=(LOANS,)),
            reading("b.md", categories=(BANKS, LOANS)),
            reading("c.md", categories=(FINANCE,)),
        ],
        NOW,
    )
    store.articles.record([reading("b.md", title="二", categories=(BANKS, LOANS))], LATER)
    found = {summary.path: summary for summary in stores.categories(store)}
    assert {path: summary.articles for path, summary in found.items()} == {
        FINANCE: 3,
        BANKS: 2,
        LOANS: 2,
    }
    assert list(found) == sorted(found)


def test_articles_are_found_by_key_in_order_of_sequence(store: Store) -> None:
    store.articles.record([reading("b.md"), reading("a.md")], NOW)
    keys = [article_key("a"), ArticleKey("unknown"), article_key("b")]
    assert [one.sequence for one in stores.articles(store, keys)] == [1, 2]
    assert stores.articles(store, []) == []


def test_latest_and_since_select_by_category(store: Store) -> None:
    store.articles.record(
        [
            reading("1.md", title="1", categories=(LOANS,)),
            reading("2.md", title="2", categories=(SPACE,)),
            reading("3.md", title="3", categories=(BANKS, SPACE)),
            reading("4.md", title="4", categories=()),
        ],
        NOW,
    )

    def latest(limit: int, *categories: CategoryPath) -> list[str]:
        return [one.title for one in stores.latest(store, categories, limit)]

    def since(after: int, *categories: CategoryPath) -> list[str]:
        return [one.title for one in stores.since(store, after, categories)]

    assert latest(2) == ["3", "4"]
    assert latest(1, FINANCE) == ["3"]
    assert latest(9, FINANCE) == ["1", "3"]
    assert latest(9, FINANCE, SPACE) == ["1", "2", "3"]
    assert since(1) == ["2", "3", "4"]
    assert since(1, FINANCE) == ["3"]
    assert since(0, CategoryPath(("none",))) == []


def test_a_bad_file_is_a_problem_and_its_last_good_version_stays(store: Store) -> None:
    store.articles.record([reading(BRIDGE)], NOW)
    changes = store.articles.record([failure(BRIDGE, "no title", 3)], LATER)
    assert changes == Changes(problems=1)
    assert len(stores.newest(store, LOANS, 9)) == 1
    (problem,) = store.articles.problems()
    assert (problem.path, problem.line, problem.cause, problem.seen_at) == (
        BRIDGE,
        3,
        "no title",
        LATER,
    )
    assert store.articles.counts() == Counts(articles=1, categories=3, files=1, problems=1)
    assert store.articles.files()[BRIDGE].content == f"bad {BRIDGE}"


def test_a_problem_is_as_old_as_its_cause(store: Store) -> None:
    store.articles.record([failure("a.md", "no title", 3)], NOW)
    store.articles.record([failure("a.md", "no title", None)], LATER)
    (problem,) = store.articles.problems()
    assert (problem.seen_at, problem.line) == (NOW, None)
    store.articles.record([failure("a.md", "too large")], LATER)
    assert [one.seen_at for one in store.articles.problems()] == [LATER]


def test_a_problem_ends_with_a_good_version_of_the_same_article(store: Store) -> None:
    store.articles.record([reading(BRIDGE)], NOW)
    store.articles.record([failure(BRIDGE)], NOW)
    changes = store.articles.record([reading(BRIDGE, title="好了")], LATER)
    assert store.articles.problems() == []
    assert (changes.new, changes.updated) == (0, 1)


def test_files_come_back_as_they_were_told(store: Store) -> None:
    one, two = reading("a.md"), failure("b.md")
    store.articles.record([one, two], NOW)
    assert store.articles.files() == {"a.md": one.record, "b.md": two.record}
    assert store.articles.files(["b.md", "never.md"]) == {"b.md": two.record}
    assert store.articles.files([]) == {}


def test_touch_remembers_and_brings_a_missing_file_back(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md")], NOW)
    store.articles.mark_missing(["a.md", "b.md"], NOW)
    touched = replace(file_record("a.md", size=5), mtime_ns=77, options_hash="r2")
    still = replace(file_record("b.md", size=6), missing=True)
    store.articles.record_unchanged([touched, still, file_record("never.md")])
    assert store.articles.files() == {"a.md": touched, "b.md": still}


def test_a_vanished_file_leaves_its_article(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md")], NOW)
    store.articles.mark_missing(["a.md", "never.md"], LATER)
    files = store.articles.files()
    assert (files["a.md"].missing, files["b.md"].missing) == (True, False)
    assert store.articles.counts() == Counts(articles=2, categories=3, files=1, problems=0)


def test_a_vanished_folder_takes_what_is_below_it_and_nothing_else(store: Store) -> None:
    paths = ["x/a.md", "x/y/b.md", "x_.md", "xy/c.md", "z/x/d.md", "x.md"]
    store.articles.record([reading(path) for path in paths], NOW)
    store.articles.mark_missing(["x"], LATER)
    gone = {path for path, record in store.articles.files().items() if record.missing}
    assert gone == {"x/a.md", "x/y/b.md"}


def test_a_vanished_files_problem_goes_and_it_is_read_anew_when_it_returns(store: Store) -> None:
    store.articles.record([failure("x/a.md"), failure("b.md")], NOW)
    store.articles.mark_missing(["x"], LATER)
    assert [one.path for one in store.articles.problems()] == ["b.md"]
    assert store.articles.files()["x/a.md"].content == ""


def test_a_file_that_vanishes_twice_is_gone_since_the_first_time(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("b.md")], NOW)
    store.articles.mark_missing(["a.md"], NOW)
    store.articles.mark_missing(["a.md", "b.md"], LATER)
    assert all(record.missing for record in store.articles.files().values())


def test_a_file_that_returns_with_another_text_is_the_same_article(store: Store) -> None:
    store.articles.record([reading(BRIDGE)], NOW)
    store.articles.mark_missing([BRIDGE], NOW)
    changes = store.articles.record([reading(BRIDGE, content="other", title="新")], LATER)
    assert (changes.new, changes.updated) == (0, 1)
    assert not store.articles.files()[BRIDGE].missing


def test_a_moved_file_keeps_its_id(store: Store) -> None:
    store.articles.record([reading("old/a.md", content="same")], NOW)
    (before,) = stores.articles(store, [article_key("old/a")])
    store.articles.mark_missing(["old"], NOW)
    changes = store.articles.record([reading("new/b.md", content="same")], LATER)
    assert changes == Changes(unchanged=1)
    assert stores.articles(store, [article_key("old/a")]) == [before]
    assert list(store.articles.files()) == ["new/b.md"]
    assert store.articles.record([reading("new/b.md", title="新")], LATER).updated == 1


def test_a_new_file_at_a_path_that_moved_away_is_a_new_article(store: Store) -> None:
    store.articles.record([reading("a.md", content="first", title="first")], NOW)
    store.articles.mark_missing(["a.md"], NOW)
    store.articles.record([reading("b.md", content="first", title="first")], NOW)
    assert store.articles.record([reading("a.md", title="second")], LATER).new == 1
    assert stores.keys(store) == [article_key("a"), article_key("a~2")]
    assert titles(store) == ["first", "second"]


def test_two_files_whose_paths_differ_in_extension_are_two_articles(store: Store) -> None:
    batch = [reading("a.md", title="1"), reading("a.html", title="2"), reading("a.txt", title="3")]
    assert store.articles.record(batch, NOW).new == 3
    assert store.articles.record(batch, LATER) == Changes(unchanged=3)
    assert stores.keys(store) == [
        article_key("a"),
        article_key("a~2"),
        article_key("a~3"),
    ]
    store.articles.mark_missing(["a.md", "a.html"], LATER)
    assert store.articles.record([reading("a.htm", title="4")], LATER).updated == 1


def test_a_number_that_another_batch_gave_is_not_given_again(store: Store) -> None:
    store.articles.record([reading("a.md"), reading("a.html")], NOW)
    assert store.articles.record([reading("a.txt")], LATER).new == 1
    assert stores.keys(store)[-1] == article_key("a~3")


def test_an_identity_of_its_own_finds_the_article_wherever_the_file_is(store: Store) -> None:
    store.articles.record([reading("a.md", identity="urn:bridge")], NOW)
    store.articles.mark_missing(["a.md"], NOW)
    changes = store.articles.record([reading("b.md", identity="urn:bridge", title="新")], LATER)
    assert (changes.new, changes.updated) == (0, 1)
    assert titles(store) == ["新"]


def test_an_article_has_an_id_of_the_authority_that_was_first(store: Store) -> None:
    assert store.authority("elsewhere.example,2030") == "example.org,2024"
    store.articles.record([reading("a.md")], NOW)
    assert [one.id.split(":")[1] for one in stores.since(store)] == ["example.org,2024"]


def test_without_an_authority_nothing_is_recorded(url: str) -> None:
    with open_store(url) as store:
        with pytest.raises(RuntimeError, match=r"Store\.authority"):
            store.articles.record([reading("a.md")], NOW)
        assert store.articles.files() == {}


def test_moments_are_kept_to_the_microsecond(store: Store) -> None:
    moments = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        NOW - MINUTE,
        NOW,
    ]
    batch = [reading(f"{n}.md", published_at=moment) for n, moment in enumerate(moments)]
    store.articles.record(batch, NOW)
    newest = [one.published_at for one in stores.newest(store, None, 9)]
    assert newest == moments[::-1]
    assert all(moment.tzinfo is UTC for moment in newest)
