"""Which article a file is about."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.store.register import Entry, Holding, Register


def make(
    entries: Iterable[Entry] = (),
    holdings: Iterable[Holding] = (),
    batch: Iterable[str] = (),
    elsewhere: Iterable[str] = (),
) -> Register:
    """Return a register; ``elsewhere`` are identities of articles that it does not hold."""
    return Register(entries, holdings, batch, frozenset(elsewhere).__contains__)


def entry(identity: str, sequence: int, *owners: str, by_path: bool = True) -> Entry:
    """Return a stored article."""
    return Entry(identity=identity, by_path=by_path, sequence=sequence, owners=set(owners))


def vanished(path: str, article: Entry | None, content: str = "c") -> Holding:
    """Return what a missing file holds."""
    return Holding(path=path, content=content, missing=True, entry=article)


def present(path: str, article: Entry | None) -> Holding:
    """Return what a file that is there holds."""
    return Holding(path=path, content="p", missing=False, entry=article)


def test_a_new_path_is_a_new_article() -> None:
    register = make(batch=["a.md"])
    found = register.assign("a.md", "c", "a")
    assert (found.identity, found.by_path, found.sequence) == ("a", True, None)
    assert register.assign("b.md", "c", "urn:b").by_path is False


def test_a_file_holds_on_to_its_article_when_its_text_drops_its_identity() -> None:
    article = entry("urn:a", 1, "a.md", by_path=False)
    register = make([article], [present("a.md", article)], ["a.md"])
    assert register.assign("a.md", "c", "a") is article


def test_a_file_lets_go_of_an_article_that_another_file_shares() -> None:
    article = entry("urn:a", 1, "a.md", "b.md", by_path=False)
    register = make([article], [present("a.md", article)], ["a.md"])
    assert register.assign("a.md", "c", "a") is not article
    assert article.owners == {"b.md"}


def test_several_vanished_files_with_the_same_content_go_earliest_first() -> None:
    late, early = entry("x", 9), entry("y", 3)
    register = make([late, early], [vanished("x.md", late), vanished("y.md", early)])
    assert register.assign("1.md", "c", "1") is early
    assert register.assign("2.md", "c", "2") is late
    assert register.assign("3.md", "c", "3").sequence is None
    assert register.moved == ["y.md", "x.md"]
    assert register.holding("y.md") is None


def test_what_is_no_move() -> None:
    own = entry("urn:own", 1, by_path=False)
    held = entry("held", 2, "other.md")
    back = entry("back", 3)
    register = make(
        [own, held, back],
        [
            vanished("own.md", own),
            vanished("held.md", held),
            vanished("bad.md", None),
            vanished("back.md", back),
            vanished("unread.md", entry("unread", 4), content=""),
        ],
        ["new.md", "back.md"],
    )
    assert register.assign("new.md", "c", "new").sequence is None
    assert register.assign("unreadable.md", "", "unreadable").sequence is None
    assert register.assign("back.md", "c", "back") is back
    assert register.moved == []


def test_an_article_that_nobody_holds_is_taken_by_its_path() -> None:
    article = entry("a", 1)
    assert make([article]).assign("a.md", "c", "a") is article


def test_a_held_identity_is_numbered_past_those_in_use() -> None:
    register = make([entry("a", 1, "a.md"), entry("a~2", 2)], elsewhere=["a~3"])
    assert register.assign("a.html", "c", "a").identity == "a~4"


def test_a_bad_file_keeps_its_article_from_others() -> None:
    article = entry("a", 1, "a.md")
    register = make([article], [present("a.md", article)], ["a.md", "a.html"])
    assert register.keep("a.md", "bad").entry is article
    assert register.assign("a.html", "c", "a") is not article
    assert register.keep("new.md", "bad").entry is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a.md", "a.html", "b.md", "b.txt", "c/a.md"]),
            st.sampled_from(["c1", "c2", ""]),
        ),
        max_size=12,
    ),
    st.sets(st.sampled_from(["a.md", "b.md", "b.txt"])),
)
@settings(max_examples=60)
def test_no_two_present_files_share_an_article_that_came_from_a_path(
    readings: list[tuple[str, str]], gone: set[str]
) -> None:
    articles = {path: entry(path.replace(".", "_"), n) for n, path in enumerate(sorted(gone))}
    register = make(
        articles.values(),
        [vanished(path, article, "c1") for path, article in articles.items()],
        [path for path, _ in readings],
    )
    for path, content in readings:
        found = register.assign(path, content, path.rpartition(".")[0])
        assert found.owners == {path}
        holding = register.holding(path)
        assert holding is not None
        assert holding.entry is found
