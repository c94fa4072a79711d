from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.filters import (
    ArticleFilter,
    Criteria,
    FilterInput,
    facets_of,
    fingerprint,
    folded,
)
from digest.articles.model import CategoryPath, Facet, FacetKind, SafeHtml

TRADE, SHIPS = CategoryPath(("Trade",)), CategoryPath(("Trade", "Ships"))


def article(**changes: Any) -> FilterInput:
    values: dict[str, Any] = {
        "title": "The harbour at night",
        "authors": ("Ada Field", "林舟"),
        "categories": (SHIPS,),
        "language": None,
        "body": SafeHtml("<p>Cranes &amp; <b>light</b>house</p><p>keeper</p>"),
        **changes,
    }
    return FilterInput(**values)


def takes(one: FilterInput, language: str = "en", **criteria: Any) -> bool:
    return ArticleFilter(name="x", wanted=Criteria(**criteria)).takes(one, language)


@pytest.mark.parametrize(
    ("word", "title", "found"),
    [
        ("harbour", "Harbour lights", True),
        ("HARBOUR", "ｈarbour", True),
        ("harbour", "harbours", False),
        ("harbour", "a harbour-side café", True),
        ("harbour", "(harbour)", True),
        ("café", "cafe\u0301", True),
        ("cafe", "cafe\u0301s", False),
        ("New York", "in new \n york!", True),
        ("New York", "new yorkers", False),
        ("C++", "C++17 and after", True),
        ("C", "C++", True),
        (".net", "the .NET book", True),
        ("snake_case", "snake", False),
        ("snake", "snake_case", False),
        ("航运", "国际航运业", True),
        ("ＡＩ", "用AI写作", True),
        ("AI", "用MAIL写作", False),
        ("Python编程", "学Python编程吧", True),
        ("東京", "新東京港", True),
        ("ニュース", "ﾆｭｰｽ速報", True),
        ("서울", "서울에서", True),
        ("ข่าว", "อ่านข่าววันนี้", True),
        ("हिन", "हिन्दी", False),
        ("новость", "НОВОСТЬ дня", True),
        ("новост", "новости", False),
        ("straße", "STRASSE", True),
        ("a.b", "axb", False),
        ("🚢", "the 🚢 came", True),
    ],
)
def test_words_are_found_as_each_script_writes_them(word: str, title: str, found: bool) -> None:
    assert takes(article(title=title, body=SafeHtml("")), words=(word,)) is found


def test_words_are_found_in_the_text_but_not_in_its_markup() -> None:
    assert takes(article(), words=("none", "lighthouse"))
    assert takes(article(), words=("cranes & lighthouse keeper",))
    assert not takes(article(), words=("housekeeper",)), "different paragraphs"
    for word in ("b", "p", "amp"):
        assert not takes(article(), words=(word,))


def test_categories_hold_what_is_below_them() -> None:
    assert takes(article(), categories=(TRADE,))
    assert takes(article(categories=(CategoryPath(("Tea",)), SHIPS)), categories=(SHIPS,))
    assert not takes(article(categories=(TRADE,)), categories=(SHIPS,))
    assert not takes(article(categories=()), categories=(TRADE,))


def test_authors_are_whole_names_in_any_case_and_width() -> None:
    assert takes(article(), authors=("ADA  Ｆield",))
    assert not takes(article(), authors=("Ada",))


@pytest.mark.parametrize(
    ("own", "site", "wanted", "found"),
    [
        ("zh-CN", "en", "zh", True),
        ("zh-CN", "en", "ZH-cn", True),
        ("zh", "en", "zh-CN", False),
        ("zho", "en", "zh", False),
        (None, "zh-CN", "zh", True),
        (None, "", "zh", False),
    ],
)
def test_languages_are_ranges(own: str | None, site: str, wanted: str, found: bool) -> None:
    assert takes(article(language=own), site, languages=(wanted,)) is found


def test_all_criteria_must_be_met_and_any_value_of_each_will_do() -> None:
    assert takes(article(), categories=(TRADE,), words=("night", "day"))
    assert not takes(article(), categories=(TRADE,), words=("day",))
    assert not takes(article(), authors=("nobody",), words=("night",))


def test_one_criterion_is_enough_to_be_left_out() -> None:
    unwanted = Criteria(authors=("林舟",), words=("nothing of this",))
    article_filter = ArticleFilter(
        name="x", wanted=Criteria(categories=(TRADE,)), unwanted=unwanted
    )
    assert not article_filter.takes(article(), "en")
    assert article_filter.takes(article(authors=("Ada",)), "en")
    everything_else = ArticleFilter(name="x", unwanted=unwanted)
    assert everything_else.takes(article(authors=(), categories=()), "en")


def test_a_filter_without_criteria_is_none() -> None:
    with pytest.raises(ValueError, match="docks has no criteria"):
        ArticleFilter(name="docks")


def test_only_filters_with_words_read_texts() -> None:
    assert ArticleFilter(name="x", wanted=Criteria(words=("a",))).reads
    assert ArticleFilter(name="x", unwanted=Criteria(words=("a",))).reads
    assert not ArticleFilter(name="x", wanted=Criteria(authors=("a",))).reads


def test_an_article_runs_in_its_authors_its_language_and_the_filters_that_take_it() -> None:
    filters = [
        ArticleFilter(name="night", wanted=Criteria(words=("night",))),
        ArticleFilter(name="day", wanted=Criteria(words=("day",))),
    ]
    assert facets_of(article(authors=("Ada", "", "Ada")), filters, "en") == {
        Facet(FacetKind.AUTHOR, "Ada"),
        Facet(FacetKind.LANGUAGE, "en"),
        Facet(FacetKind.CUSTOM, "night"),
    }
    assert facets_of(article(authors=()), (), "") == set()
    for tag in ("de", "de-AT"):
        assert facets_of(article(authors=(), language=tag), (), "en") == {
            Facet(FacetKind.LANGUAGE, "de")
        }
    assert facets_of(article(authors=()), (), "zh-Hant-TW") == {Facet(FacetKind.LANGUAGE, "zh")}


def test_the_fingerprint_changes_with_whatever_decides() -> None:
    article_filter = ArticleFilter(name="x", wanted=Criteria(words=("a", "b")))
    variants = [
        ([], "en"),
        ([], "fr"),
        ([article_filter], "en"),
        ([replace(article_filter, name="y")], "en"),
        ([ArticleFilter(name="x", unwanted=article_filter.wanted)], "en"),
        ([ArticleFilter(name="x", wanted=Criteria(authors=("a", "b")))], "en"),
        ([ArticleFilter(name="x", wanted=Criteria(languages=("a", "b")))], "en"),
        ([ArticleFilter(name="x", wanted=Criteria(categories=(TRADE,)))], "en"),
        ([ArticleFilter(name="x", wanted=Criteria(words=("a b",)))], "en"),
    ]
    assert len({fingerprint(filters, language) for filters, language in variants}) == len(variants)
    turned = ArticleFilter(name="x", wanted=Criteria(words=("b", "a")))
    assert fingerprint([turned], "en") == fingerprint([article_filter], "en")
    other = ArticleFilter(name="a", wanted=Criteria(words=("a",)))
    assert fingerprint([article_filter, other], "en") == fingerprint([other, article_filter], "en")


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_text_can_be_a_word_and_is_found_where_it_stands_alone(word: str, title: str) -> None:
    if folded(word):
        assert takes(article(title=f"{title} {word} {title}"), words=(word,))
