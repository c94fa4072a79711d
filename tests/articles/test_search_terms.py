"""Texts and queries become the same terms, whatever their case, accents, form and script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.search_terms import (
    MAX_INDEXED,
    MAX_LOOKUPS,
    MAX_WORD,
    Fragment,
    Lookup,
    excerpt,
    highlighted,
    index_terms,
    search_query,
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Digest, a FEED_reader!", {"digest", "a", "feed", "reader"}),
        ("Übergröße ÜBERGRÖSSE U\u0308ber", {"ubergrosse", "uber"}),
        ("人工智能", {"人工", "工智", "智能", "能"}),
        ("中", {"中"}),
        ("Python入門2024", {"python", "入門", "門", "2024"}),
        ("ﾊﾟﾝ パン", {"パン", "ン"}),
        ("한국어", {"한국", "국어", "어"}),
        ("हिन्दी भाषा", {"हिन्दी", "भाषा"}),
        ("ไทย", {"ไท", "ทย", "ย"}),
        ("٣ كتاب", {"٣", "كتاب"}),
        ("x" * 99, {"x" * MAX_WORD}),
        ("!? \0 …", set()),
    ],
)
def test_a_text_has_these_terms(text: str, terms: set[str]) -> None:
    assert index_terms(text) == terms


@given(
    st.text(
        st.sampled_from("aZ09_ é\u0301ß.-中文かハ\u3099ー한국ไท\u0e48हि\u093f٣𠀀\0"), max_size=12
    )
)
def test_a_text_is_found_by_itself(text: str) -> None:
    terms = index_terms(f"before {text} behind")
    for lookup in search_query(text).lookups:
        assert lookup.term in terms or (
            lookup.prefix and any(term.startswith(lookup.term) for term in terms)
        )


def test_no_term_holds_what_a_database_would_read_as_syntax() -> None:
    every = " ".join(map(chr, range(0x20, 0xD800)))
    ascii_only = {char for term in index_terms(every) for char in term if char.isascii()}
    assert all(char.isalnum() for char in ascii_only)


def test_the_end_of_a_very_long_text_is_not_indexed() -> None:
    assert "end" not in index_terms("a " * MAX_INDEXED + "end")


def test_a_query_looks_for_its_words_and_for_bigrams_of_its_runs() -> None:
    query = search_query('  "Feeds"  AND 人工智能 猫 ')
    assert query.text == '"Feeds" AND 人工智能 猫'
    assert query.lookups == (
        Lookup("feeds", prefix=True),
        Lookup("and", prefix=False),
        Lookup("人工", prefix=False),
        Lookup("工智", prefix=False),
        Lookup("智能", prefix=False),
        Lookup("猫", prefix=True),
    )


def test_a_long_query_is_cut() -> None:
    assert len(search_query("字母" * 500).lookups) <= MAX_LOOKUPS
    assert len(search_query("x" * 500).text) == 200
    words = " ".join(f"w{number}" for number in range(60))
    assert len(search_query(words).lookups) == MAX_LOOKUPS


def marked(fragments: tuple[Fragment, ...]) -> str:
    return "".join(f"[{one.text}]" if one.hit else one.text for one in fragments)


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("Feed and feeds", "feed", "[Feed] and [feeds]"),
        ("The cat catches", "cat", "The [cat] catches"),
        ("Über ﬁne", "uber fine", "[Über] [ﬁne]"),
        ("新建的长江大桥通车，大桥很长", "大桥", "新建的长江[大桥]通车，[大桥]很长"),
        ("ﾃｽﾄですテスト", "テスト", "[ﾃｽﾄ]です[テスト]"),
        ("ヿの話", "コト", "[ヿ]の話"),
        ("大 桥", "大桥", "大 桥"),
        ("", "x", ""),
    ],
)
def test_matches_are_marked(text: str, query: str, shown: str) -> None:
    assert marked(highlighted(text, search_query(query))) == shown


def test_an_excerpt_begins_near_the_first_match() -> None:
    text = "word " * 100 + "the needle lies here " + "more " * 100
    shown = marked(excerpt(text, search_query("needle"), 100))
    assert shown.startswith("… word")
    assert shown.endswith("more …")
    assert "[needle]" in shown
    assert len(shown) < 130


def test_an_excerpt_of_a_short_text_is_all_of_it() -> None:
    assert marked(excerpt("A needle.", search_query("needle"))) == "A [needle]."


def test_an_excerpt_without_a_match_is_the_beginning() -> None:
    shown = marked(excerpt("甲" * 500, search_query("乙"), 50))
    assert shown == "甲" * 50 + " …"
