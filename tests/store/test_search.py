"""Articles are found by their words, in Chinese too, and only while they may be shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.articles.model import Article, Position
from digest.articles.search_terms import index_terms, search_query
from digest.errors import StoreError
from digest.store import search as search_module
from digest.store.database import Store, open_store
from digest.store.schema import meta
from digest.store.search import SearchIndex, index_state, search
from digest.store.statements import put
from tests.store.samples import NOW, reading
from tests.stores import keys


def index(store: Store) -> int:
    """Bring the index up to date; return how many steps that took."""
    steps = 1
    while store.search.update():
        steps += 1
    return steps


def take(store: Store, path: str, title: str, body: str = "") -> None:
    draft = reading(path, title=title, body=f"<p>{body}</p>")
    store.articles.record([draft], NOW)


def titles(store: Store, wanted: str, before: Position | None = None, limit: int = 10) -> list[str]:
    return [article.title for article in matches(store, wanted, before, limit)]


def matches(
    store: Store, wanted: str, before: Position | None = None, limit: int = 10
) -> list[Article]:
    with store.pages._database.read() as connection:
        return search(connection, search_query(wanted), before, limit)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("大桥", ["长江大桥通车"]),
        ("桥", ["长江大桥通车"]),
        ("车", ["长江大桥通车"]),
        ("东京", ["東京", "京都の紅葉、东京へ"][1:]),
        ("紅葉", ["京都の紅葉、东京へ"]),
        ("uber", ["Über den Wolken"]),
        ("WOLKEN über", ["Über den Wolken"]),
        ("wolk", ["Über den Wolken"]),
        ("wol", []),
        ("ölung", ["Über den Wolken"]),
        ("大桥 wolken", []),
        ("", []),
        ('"', []),
    ],
)
def test_words_are_found_in_titles_and_texts(store: Store, wanted: str, found: list[str]) -> None:
    take(store, "a.md", "长江大桥通车")
    take(store, "b.md", "京都の紅葉、东京へ")
    take(store, "c.md", "Über den Wolken", "Eine <b>Öl</b>ung")
    take(store, "d.md", "東京")
    index(store)
    assert titles(store, wanted) == found


def test_an_index_of_no_articles_is_one(store: Store) -> None:
    assert index(store) == 1
    with store.pages._database.read() as connection:
        assert index_state(connection)
    assert titles(store, "桥") == []


@pytest.mark.parametrize(
    "hostile",
    [
        '"bridge',
        "bridge AND",
        "NEAR(bridge)",
        "words:bridge OR",
        "bridge*)(",
        "bridge' | '",
        "bridge\\",
        "^bridge -",
        "bridge:* & !",
        "bridge \0 \ud800 ; DROP TABLE article",
        "bridge" + " x" * 10_000,
    ],
)
def test_a_query_has_no_syntax(store: Store, hostile: str) -> None:
    take(store, "a.md", "The bridge and near words, or drop table article", "x")
    index(store)
    assert len(matches(store, hostile)) == 1


def test_only_what_may_be_shown_is_found(store: Store) -> None:
    take(store, "a.md", "First bridge")
    take(store, "b.md", "Second bridge")
    index(store)
    store.withdrawals.withdraw([keys(store)[0]], NOW)
    assert titles(store, "bridge") == ["Second bridge"]


def test_a_changed_article_is_found_by_its_new_words_alone(store: Store) -> None:
    take(store, "a.md", "Old bridge")
    index(store)
    take(store, "a.md", "New tunnel")
    assert index(store) == 1
    assert (titles(store, "bridge"), titles(store, "tunnel")) == ([], ["New tunnel"])
    assert not store.search.update()


def test_it_goes_on_where_it_was_interrupted(url: str) -> None:
    with open_store(url) as store:
        store.authority("example.org,2024")
        store.articles.record([reading(f"{n}.md", title=f"Bridge {n}") for n in range(7)], NOW)
        assert store.search.update(most=3)
        assert len(matches(store, "bridge")) == 3
    with open_store(url) as again:
        assert again.search.update(most=3)
        assert not again.search.update(most=3)
        assert len(matches(again, "bridge")) == 7
        with again.pages._database.read() as connection:
            assert connection.scalar(text("SELECT count(*) FROM search_document")) == 7


def test_another_version_makes_it_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    take(store, "a.md", "Old bridge")
    index(store)
    monkeypatch.setattr(search_module, "INDEX_VERSION", 99)
    assert titles(store, "bridge") == []
    index(store)
    assert titles(store, "bridge") == ["Old bridge"]


def test_what_changed_often_does_not_fill_the_index_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "_SPARE", 2)
    for number in range(9):
        take(store, "a.md", f"Bridge {number}")
        index(store)
    assert titles(store, "bridge") == ["Bridge 8"]
    if store.pages._database.sqlite:
        with store.pages._database.read() as connection:
            assert connection.scalar(text("SELECT max(id) FROM search_document")) <= 4


def test_results_come_in_pages_newest_first(store: Store) -> None:
    for number in range(5):
        draft = reading(
            f"{number}.md", title=f"Bridge {number}", published_at=NOW - timedelta(days=number)
        )
        store.articles.record([draft], NOW)
    index(store)
    first = matches(store, "bridge", limit=3)
    behind = Position(published_at=first[-1].published_at, sequence=first[-1].sequence)
    assert [article.title[-1] for article in first] == ["0", "1", "2"]
    assert titles(store, "bridge", behind) == ["Bridge 3", "Bridge 4"]


def test_the_state_changes_with_the_index(store: Store) -> None:
    def state() -> str:
        with store.pages._database.read() as connection:
            return index_state(connection)

    take(store, "a.md", "Bridge")
    assert state() == ""
    index(store)
    first = state()
    take(store, "b.md", "Bridge")
    index(store)
    assert "" != state() != first


def test_a_slow_query_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(f"sqlite:///{tmp_path}/digest.db") as store:
        store.authority("example.org,2024")
        take(store, "a.md", "Bridge")
        index(store)
        monkeypatch.setattr(search_module, "TIMEOUT", -1.0)
        monkeypatch.setattr(search_module, "_INSTRUCTIONS", 1)
        with pytest.raises(StoreError, match="took too long"):
            matches(store, "bridge")
        monkeypatch.undo()
        assert titles(store, "bridge") == ["Bridge"]


def test_it_is_available_where_the_database_can_search(store: Store) -> None:
    assert store.search.available()


def test_what_another_process_indexes_meanwhile_is_not_passed_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        take(store, f"{number}.md", f"word{number}")
    store.search.update(2)
    store.search.update(2)
    database = store.search._database
    with monkeypatch.context() as patch:

        def begin_anew(words: str) -> set[str]:
            patch.setattr(search_module, "index_terms", index_terms)
            with database.write() as connection:
                put(connection, meta, [{"name": "search_index", "value": "0 0"}], key="name")
            assert SearchIndex(database).update(2)
            return index_terms(words)

        patch.setattr(search_module, "index_terms", begin_anew)
        assert store.search.update(2)
    index(store)
    for number in range(6):
        assert titles(store, f"word{number}") == [f"word{number}"]
