"""Which article a file is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.duplicates import content_signature
from digest.articles.model import CategoryPath, Draft, SafeHtml
from digest.articles.revision import Known
from digest.store.article_matching import ArticleMatcher, MatchedArticle, MatchedFile
from tests.effort import effort
from tests.store.samples import FINANCE, NOW, SPACE, draft

#: A text that says enough to be known by.
TEXT = "河上的新桥今天通车了，桥长三百米，两岸的人走过去只要五分钟，以前要坐半小时的船。" * 2
OTHER = "博物馆的新馆下个月开门，展出的东西有一半是第一次见到公众，门票要提前一周在网上订。" * 2


def make(
    articles: Iterable[MatchedArticle] = (),
    files: Iterable[MatchedFile] = (),
    batch: Iterable[str] = (),
    elsewhere: Iterable[str] = (),
    *,
    fold: bool = False,
    bodies: Mapping[int, SafeHtml] | None = None,
) -> ArticleMatcher:
    """Return a matcher; ``elsewhere`` are identities of articles that it does not hold.

    ``bodies`` are those of articles, by sequence, as they are stored.
    """
    taken = frozenset(elsewhere).__contains__

    def stored(sequence: int) -> SafeHtml:
        return (bodies or {}).get(sequence, SafeHtml(""))

    return ArticleMatcher(articles, files, batch, taken, stored, fold=fold)


def entry(
    identity: str,
    sequence: int | None,
    *,
    by_path: bool = True,
    text: str = "",
    title: str = "新桥",
    published_at: datetime = NOW,
) -> MatchedArticle:
    """Return a stored article; with a text, other files may be recognized by it."""
    return MatchedArticle(
        identity=identity,
        by_path=by_path,
        sequence=sequence,
        known=Known(
            fingerprint="f", published_at=published_at, updated_at=published_at, content="c"
        ),
        signature=content_signature(title, text, None) if text else None,
    )


def vanished(path: str, article: MatchedArticle | None, content: str = "c") -> MatchedFile:
    """Return what a missing file holds, and leads."""
    return MatchedFile(path=path, content=content, missing=True, article=article, leads=True)


def present(
    path: str,
    article: MatchedArticle | None,
    *,
    leads: bool = True,
    fingerprint: str | None = None,
    categories: tuple[CategoryPath, ...] = (),
) -> MatchedFile:
    """Return what a file that is there holds."""
    return MatchedFile(
        path=path,
        content="p",
        missing=False,
        article=article,
        leads=leads,
        fingerprint=fingerprint,
        categories=categories,
    )


def says(
    identity: str,
    *,
    text: str = "",
    title: str = "新桥",
    published_at: datetime | None = None,
    categories: Iterable[CategoryPath] = (),
) -> Draft:
    """Return what a file says."""
    return draft(
        identity,
        title=title,
        body=text,
        alike=bool(text),
        published_at=published_at,
        categories=categories,
    )


def assign(
    matcher: ArticleMatcher, path: str, content: str = "c", identity: str = ""
) -> MatchedArticle:
    """Return the article of a file by which nothing is recognized."""
    return matcher.assign(path, content, says(identity or path.rpartition(".")[0]))


def test_a_new_path_is_a_new_article() -> None:
    matcher = make(batch=["a.md"])
    found = assign(matcher, "a.md")
    assert (found.identity, found.by_path, found.sequence) == ("a", True, None)
    assert assign(matcher, "b.md", identity="urn:b").by_path is False


def test_a_file_holds_on_to_its_article_when_its_text_drops_its_identity() -> None:
    article = entry("urn:a", 1, by_path=False)
    matcher = make([article], [present("a.md", article)], ["a.md"])
    assert assign(matcher, "a.md") is article


def test_a_follower_that_drops_its_identity_and_says_another_thing_lets_go() -> None:
    article = entry("urn:a", 1, by_path=False, text=TEXT)
    files = [present("a.md", article, leads=False), present("b.md", article)]
    matcher = make([article], files, ["a.md"])
    other = matcher.assign("a.md", "c", says("a", text=OTHER, title="博物馆"))
    assert other is not article
    assert set(article.files) == {"b.md"}
    assert matcher.recategorized == {"urn:a": article}, "its categories may be fewer now"


def test_a_follower_keeps_its_article_under_another_title_where_no_sketch_is_stored() -> None:
    for body, stays in ((TEXT, True), (OTHER, False)):
        article = entry("a", 1, text=TEXT)
        assert article.signature is not None
        article.signature = replace(article.signature, sketch=b"")
        files = [present("b.md", article, leads=False), present("a.md", article)]
        matcher = make([article], files, ["b.md"], bodies={1: SafeHtml(f"<p>{body}</p>")})
        said = says("b", text=TEXT, title="更正")
        assert said.signature is not None
        said = replace(said, signature=replace(said.signature, sketch=b""))
        assert (matcher.assign("b.md", "c", said) is article) is stays


def test_a_follower_is_compared_with_what_its_leader_says_by_now() -> None:
    article = entry("a", 1, text=TEXT)
    files = [present("a.md", article), present("b.md", article, leads=False)]
    matcher = make([article], files, ["a.md", "b.md"], bodies={1: SafeHtml(TEXT)})
    now = says("a", text=OTHER, title="更正")
    assert now.signature is not None
    assert article.known is not None
    assert article.signature is not None
    article.signature = replace(article.signature, sketch=b"")
    now = replace(now, signature=replace(now.signature, sketch=b""))
    assert matcher.lead(matcher.assign("a.md", "c", now), "a.md", now)
    matcher.revise(article, article.known, now)
    assert matcher.assign("b.md", "c", says("b", text=OTHER, title="博物馆")) is article


def test_several_vanished_files_with_the_same_content_go_earliest_first() -> None:
    late, early = entry("x", 9), entry("y", 3)
    matcher = make([late, early], [vanished("x.md", late), vanished("y.md", early)])
    assert assign(matcher, "1.md") is early
    assert assign(matcher, "2.md") is late
    assert assign(matcher, "3.md").sequence is None
    assert matcher.moved == ["y.md", "x.md"]
    assert matcher.file("y.md") is None


def test_what_is_no_move() -> None:
    own = entry("urn:own", 1, by_path=False)
    held = entry("held", 2)
    back = entry("back", 3)
    matcher = make(
        [own, held, back],
        [
            vanished("own.md", own),
            vanished("held.md", held),
            present("other.md", held),
            vanished("bad.md", None),
            vanished("back.md", back),
            vanished("unread.md", entry("unread", 4), content=""),
        ],
        ["new.md", "back.md"],
    )
    assert assign(matcher, "new.md").sequence is None
    assert assign(matcher, "unreadable.md", "").sequence is None
    assert assign(matcher, "back.md") is back
    assert matcher.moved == []


def test_a_file_renamed_and_rewritten_at_once_is_known_by_its_text() -> None:
    article = entry("old", 1, text=TEXT, published_at=NOW - timedelta(days=90))
    gone = MatchedFile(
        path="old.md",
        content="old",
        missing=True,
        article=article,
        leads=True,
        fingerprint="f",
        categories=(FINANCE,),
    )
    matcher = make([article], [gone], ["new.md"])
    found = matcher.assign("new.md", "new", says("new", text=TEXT, published_at=NOW))
    assert found is article
    assert matcher.moved == ["old.md"]
    file = matcher.file("new.md")
    assert file is not None
    assert (file.leads, file.fingerprint, file.categories) == (True, "f", (FINANCE,))


def test_a_vanished_file_that_returns_in_the_same_batch_has_not_moved() -> None:
    article = entry("old", 1, text=TEXT)
    matcher = make([article], [vanished("old.md", article)], ["new.md", "old.md"])
    assert matcher.assign("new.md", "c", says("new", text=TEXT)) is article
    assert matcher.moved == []
    assert matcher.assign("old.md", "c", says("old", text=TEXT)) is article
    assert {path: one.leads for path, one in article.files.items()} == {
        "old.md": True,
        "new.md": False,
    }


def test_the_same_article_in_another_folder_is_one_and_the_first_leads() -> None:
    matcher = make(batch=["a/1.md", "b/1.md"])
    first = says("a/1", text=TEXT, categories=(FINANCE,))
    second = says("b/1", text=TEXT, categories=(SPACE,))
    one = matcher.assign("a/1.md", "x", first)
    assert matcher.lead(one, "a/1.md", first)
    matcher.revise(one, entry("", 1).known or None, first)  # type: ignore[arg-type]
    assert matcher.assign("b/1.md", "y", second) is one
    assert not matcher.lead(one, "b/1.md", second)
    assert one.categories() == (FINANCE, SPACE)


def test_the_same_text_at_another_time_is_another_article() -> None:
    article = entry("a", 1, text=TEXT)
    matcher = make([article], [present("a.md", article)], ["b.md"])
    later = says("b", text=TEXT, published_at=NOW + timedelta(days=7))
    assert matcher.assign("b.md", "c", later) is not article


def test_the_same_link_makes_it_the_same_article_at_any_time() -> None:
    article = entry("a", 1)
    article.signature = content_signature("新桥", TEXT, "https://example.org/bridge")
    matcher = make([article], [present("a.md", article)], ["b.md"])
    later = draft("b", published_at=NOW + timedelta(days=70))
    object.__setattr__(later, "signature", article.signature)
    assert matcher.assign("b.md", "c", later) is article


def test_too_short_a_text_is_no_sign() -> None:
    article = entry("a", 1, text="早安")
    matcher = make([article], [present("a.md", article)], ["b.md"])
    assert matcher.assign("b.md", "c", says("b", text="早安")) is not article


def test_an_identity_of_its_own_is_not_joined_by_text() -> None:
    article = entry("a", 1, text=TEXT)
    matcher = make([article], [present("a.md", article)], ["b.md"])
    assert matcher.assign("b.md", "c", says("urn:b", text=TEXT)).identity == "urn:b"


def test_nearly_the_same_is_the_same_where_duplicates_are_folded() -> None:
    most = TEXT + "完。"
    for fold in (False, True):
        article = entry("urn:a", 1, by_path=False, text=TEXT)
        matcher = make([article], [present("a.md", article)], ["b.md", "c.md"], fold=fold)
        by_path = matcher.assign("b.md", "c", says("b", text=most))
        named = matcher.assign("c.md", "c", says("urn:c", text=most))
        other = matcher.assign("d.md", "c", says("d", text=OTHER))
        assert (by_path is article, named is article, other is article) == (fold, fold, False)


def test_a_folded_file_stays_while_it_says_nearly_the_same() -> None:
    article = entry("urn:a", 1, by_path=False, text=TEXT)
    follower = present("b.md", article, leads=False, fingerprint="b")
    matcher = make([article], [present("a.md", article), follower], ["b.md"], fold=True)
    corrected = says("urn:b", text=TEXT, title="新桥（更正）")
    assert matcher.assign("b.md", "c", corrected) is article
    another = says("urn:b", text=OTHER, title="博物馆")
    assert matcher.assign("b.md", "c", another).identity == "urn:b"


def test_a_leader_that_is_gone_gives_way_to_one_that_says_something_new() -> None:
    article = entry("urn:a", 1, by_path=False, text=TEXT)
    follower = present("b.md", article, leads=False, fingerprint="old")
    gone = vanished("a.md", article)
    matcher = make([article], [gone, follower], ["b.md"])
    same = says("urn:a", text=TEXT)
    follower.fingerprint = same.fingerprint
    matcher.assign("b.md", "c", same)
    assert not matcher.lead(article, "b.md", same), "it says what it said"
    new = says("urn:a", text=TEXT + "又及。")
    assert matcher.lead(article, "b.md", new)
    assert (gone.leads, follower.leads, matcher.former_leaders) == (False, True, {"a.md"})


def test_a_new_file_with_the_identity_of_one_that_is_gone_leads() -> None:
    article = entry("urn:a", 1, by_path=False)
    matcher = make([article], [vanished("a.md", article, "")], ["b.md"])
    new = says("urn:a")
    assert matcher.assign("b.md", "c", new) is article
    assert matcher.lead(article, "b.md", new)


def test_files_that_all_led_agree_on_one() -> None:
    article = entry("urn:a", 1, by_path=False)
    files = [present("b.md", article), present("a.md", article)]
    said = says("urn:a")
    matcher = make([article], files, ["a.md", "b.md"], bodies={1: said.body})
    for path, leads in (("b.md", False), ("a.md", True)):
        matcher.assign(path, "c", said)
        assert matcher.lead(article, path, said) is leads
    assert matcher.former_leaders == {"b.md"}


def test_where_an_article_says_something_else_its_other_files_are_unsure() -> None:
    article = entry("a", 1, text=TEXT)
    matcher = make([article], [present("a.md", article)], ["a.md"])
    known = article.known
    assert known is not None
    matcher.revise(article, known, says("a", text=TEXT))
    assert matcher.uncertain == {}
    matcher.revise(article, known, says("a", text=OTHER))
    assert matcher.uncertain == {"a": article}


def test_where_the_leader_leaves_the_others_are_unsure() -> None:
    article = entry("a", 1, text=TEXT)
    files = [present("a.md", article), present("b.md", article, leads=False)]
    matcher = make([article], files, ["a.md"])
    matcher.assign("a.md", "c", says("urn:new", text=TEXT))
    assert matcher.uncertain == {"a": article}
    assert article.leader is None
    said = says("b", text=TEXT)
    assert matcher.assign("b.md", "c", said) is article
    assert matcher.lead(article, "b.md", said)


def test_a_withheld_article_is_forgotten() -> None:
    stored = entry("urn:b", 1, by_path=False)
    matcher = make([stored], batch=["a.md", "b.md"])
    first = assign(matcher, "a.md")
    matcher.withhold("a.md")
    assert assign(matcher, "a.md") is not first
    assign(matcher, "b.md", identity="urn:b")
    matcher.withhold("b.md")
    matcher.withhold("b.md")
    assert assign(matcher, "b.md", identity="urn:b") is stored


def test_an_article_that_nobody_holds_is_taken_by_its_path() -> None:
    article = entry("a", 1)
    assert assign(make([article]), "a.md") is article


def test_a_held_identity_is_numbered_past_those_in_use() -> None:
    first = entry("a", 1)
    matcher = make([first, entry("a~2", 2)], [present("a.md", first)], elsewhere=["a~3"])
    assert assign(matcher, "a.html").identity == "a~4"


def test_a_bad_file_keeps_its_article_from_others() -> None:
    article = entry("a", 1)
    matcher = make([article], [present("a.md", article)], ["a.md", "a.html"])
    assert matcher.keep("a.md", "bad").article is article
    assert assign(matcher, "a.html") is not article
    assert matcher.keep("new.md", "bad").article is None


def test_a_file_that_held_nothing_may_be_one_that_moved() -> None:
    article = entry("old", 1)
    matcher = make([article], [vanished("old.md", article), present("new.md", None)], ["new.md"])
    assert assign(matcher, "new.md") is article


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
@settings(max_examples=effort(20, soak=60))
def test_no_two_present_files_share_an_article_that_came_from_a_path(
    readings: list[tuple[str, str]], gone: set[str]
) -> None:
    articles = {path: entry(path.replace(".", "_"), n) for n, path in enumerate(sorted(gone))}
    matcher = make(
        articles.values(),
        [vanished(path, article, "c1") for path, article in articles.items()],
        [path for path, _ in readings],
    )
    for path, content in readings:
        found = assign(matcher, path, content)
        assert found.present() == {path}
        file = matcher.file(path)
        assert file is not None
        assert file.article is found


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a.md", "b.md", "c/a.md", "d.md"]),
            st.sampled_from([TEXT, OTHER, "短"]),
            st.sampled_from(["", "urn:1"]),
        ),
        max_size=12,
    ),
    st.booleans(),
)
@settings(max_examples=effort(33, soak=100))
def test_every_article_has_one_leader_and_every_file_one_article(
    readings: list[tuple[str, str, str]], fold: bool
) -> None:
    matcher = make(batch=[path for path, _, _ in readings], fold=fold)
    known = Known(fingerprint="f", published_at=NOW, updated_at=NOW, content="c")
    found: dict[str, MatchedArticle] = {}
    for number, (path, text, identity) in enumerate(readings):
        said = says(identity or path.rpartition(".")[0], text=text, title=text[:4])
        one = matcher.assign(path, str(number), said)
        if matcher.lead(one, path, said):
            matcher.revise(one, known, said)
        found[path] = one
        for holder, held in found.items():
            assert holder in held.files
            assert sum(file.leads for file in held.files.values()) <= 1
        assert one.leader is not None


def claim(matcher: ArticleMatcher, path: str, draft: Draft) -> MatchedArticle:
    """Let a file be read, as a batch does."""
    article = matcher.assign(path, f"of {path}", draft)
    if matcher.lead(article, path, draft):
        known = Known(fingerprint=draft.fingerprint, published_at=NOW, updated_at=NOW, content="c")
        matcher.revise(article, known, draft)
    return article


@pytest.mark.parametrize(
    "other",
    [
        says("urn:a", text=OTHER),
        says("urn:a", text="Short."),
        says("urn:a", text=OTHER, title="新桥"),
        says("urn:a", text=OTHER + TEXT[:10]),
        says("urn:a", text="", title="另"),
    ],
)
def test_two_files_with_one_id_and_other_texts_are_two_articles(other: Draft) -> None:
    matcher = make(batch=["a.md", "docs/b.md"])
    first = claim(matcher, "a.md", says("urn:a", text=TEXT))
    second = claim(matcher, "docs/b.md", other)
    assert (first.identity, second.identity) == ("urn:a", "urn:a#docs/b")
    assert matcher.rivals == {"docs/b.md": "a.md"}
    assert claim(matcher, "docs/b.md", says("urn:a", text=OTHER + "改了。")) is second
    assert claim(matcher, "a.md", says("urn:a", text=TEXT + "又及。")) is first


@pytest.mark.parametrize(
    "other",
    [
        says("urn:a", text=TEXT),
        says("urn:a", text=TEXT, title="另一个标题"),
        says("urn:a", text=TEXT[: len(TEXT) // 2]),
        says("urn:a", text="编者按：" + TEXT),
        says("urn:a", text=TEXT.replace("五分钟", "六分钟") + "完"),
    ],
)
def test_half_a_text_or_nearly_the_same_is_the_same_article(other: Draft) -> None:
    matcher = make(batch=["a.md", "b.md"])
    first = claim(matcher, "a.md", says("urn:a", text=TEXT))
    assert claim(matcher, "b.md", other) is first
    assert matcher.rivals == {}


def pictures(title: str) -> Draft:
    made = says("urn:a", title=title)
    return replace(made, signature=content_signature(title, "", None))


def test_pictures_without_words_are_told_apart_by_their_titles() -> None:
    matcher = make(batch=["a.md", "b.md", "c.md"])
    first = claim(matcher, "a.md", pictures("甲"))
    assert claim(matcher, "b.md", pictures("甲")) is first
    assert claim(matcher, "c.md", pictures("乙")) is not first


def test_a_file_that_followed_and_says_something_else_goes_its_own_way() -> None:
    matcher = make(batch=["a.md", "b.md"])
    first = claim(matcher, "a.md", says("urn:a", text=TEXT))
    assert claim(matcher, "b.md", says("urn:a", text=TEXT)) is first
    assert claim(matcher, "b.md", says("urn:a", text=OTHER)).identity == "urn:a#b"
