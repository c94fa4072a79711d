from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.model import Article, CategoryPath
from digest.editions.model import Contents, Section, contents, selects, shortened
from tests.mail.samples import CITY, FINANCE, NOW, make_article, make_edition

PATHS = st.sampled_from(
    [(), (FINANCE,), (CITY,), (CITY, FINANCE), (CategoryPath(("金融",)),), (CategoryPath(("A",)),)]
)


@st.composite
def article_lists(draw: st.DrawFn) -> list[Article]:
    return [
        make_article(number, categories=draw(PATHS), pinned=draw(st.sampled_from((0, 0, 0, 1, 2))))
        for number in range(draw(st.integers(min_value=0, max_value=12)))
    ]


def first(articles: Iterable[Article]) -> list[Article]:
    """Return articles by the number of their pin, then the newest first."""
    newest = sorted(articles, key=lambda article: article.published_at, reverse=True)
    return sorted(newest, key=lambda article: -article.pinned)


def test_an_edition_needs_utc_and_an_interval_that_runs_forward() -> None:
    edition = make_edition()
    with pytest.raises(ValueError, match="due_at"):
        replace(edition, due_at=datetime(2026, 1, 1))  # noqa: DTZ001 - naive is what is refused
    with pytest.raises(ValueError, match="ends before"):
        replace(edition, after=2, upto=1)


def test_a_selection_takes_what_lies_within_one_of_its_categories() -> None:
    assert selects((), make_article(1, categories=()))
    assert selects((CategoryPath(("金融",)),), make_article(1, categories=(CITY, FINANCE)))
    assert not selects((FINANCE,), make_article(1, categories=(CategoryPath(("金融",)),)))
    assert not selects((FINANCE,), make_article(1, categories=()))


@given(article_lists(), PATHS, st.integers(min_value=1, max_value=14))
def test_each_selected_article_is_shown_once_or_counted(
    articles: list[Article], categories: tuple[CategoryPath, ...], max_items: int
) -> None:
    made = contents(articles, categories, max_items)
    wanted = [article for article in articles if selects(categories, article)]
    ids = [article.id for article in made.articles]
    assert len(ids) == len(set(ids)) == made.shown
    assert made.shown + made.more == len(wanted)
    assert made.shown == min(max_items, len(wanted))
    assert set(ids) == {article.id for article in first(wanted)[: made.shown]}
    for section in made.sections:
        assert section.articles
        assert list(section.articles) == first(section.articles)
        assert all(bool(article.pinned) == section.pinned for article in section.articles)
        if section.category and categories:
            assert any(section.category.within(category) for category in categories)


def test_an_article_stands_under_its_first_category_that_is_selected() -> None:
    article = make_article(1, categories=(CITY, FINANCE))
    assert contents([article], (), 5).sections[0].category == CITY
    assert contents([article], (FINANCE,), 5).sections[0].category == FINANCE
    assert contents([make_article(1, categories=())], (), 5).sections[0].category is None


@given(article_lists(), PATHS, st.integers(min_value=1, max_value=14))
def test_what_is_pinned_stands_in_one_section_before_all_others(
    articles: list[Article], categories: tuple[CategoryPath, ...], max_items: int
) -> None:
    made = contents(articles, categories, max_items)
    pinned = [one for one in articles if one.pinned and selects(categories, one)]
    kept = [article for article in made.articles if article.pinned]
    assert kept == first(pinned)[:max_items]
    assert [section.pinned for section in made.sections if section.pinned] == [True] * bool(pinned)
    if pinned:
        assert made.sections[0] == Section(category=None, articles=tuple(kept), pinned=True)


def test_larger_pins_come_first_and_among_equals_the_newest() -> None:
    articles = [
        make_article(1),
        make_article(2, pinned=1, categories=(CITY,)),
        make_article(3, pinned=100, categories=()),
        make_article(4, pinned=1),
        make_article(5, categories=()),
    ]
    made = contents(articles, (), 4)
    assert [section.category for section in made.sections] == [None, FINANCE]
    assert [article.title for article in made.articles] == ["文章 3", "文章 2", "文章 4", "文章 1"]
    assert (made.shown, made.more) == (4, 1)
    assert [len(contents(articles, (), 9).sections), len(shortened(made, 2).sections)] == [3, 1]


def test_a_pin_is_not_read_by_those_who_did_not_choose_its_category() -> None:
    assert contents([make_article(1, pinned=9)], (CITY,), 5).sections == ()


def test_the_section_with_the_newest_article_comes_first() -> None:
    articles = [
        make_article(3, categories=(CITY,)),
        make_article(1, categories=(FINANCE,)),
        make_article(2, categories=(CITY,)),
    ]
    assert [section.category for section in contents(articles, (), 5).sections] == [FINANCE, CITY]


def test_articles_without_a_category_come_last_even_if_they_lead() -> None:
    articles = [make_article(1, categories=()), make_article(2), make_article(3, pinned=1)]
    made = contents(articles, (), 5)
    assert [(one.pinned, one.category) for one in made.sections] == [
        (True, None),
        (False, FINANCE),
        (False, None),
    ]
    assert made.lead == articles[2]
    assert contents(articles[:2], (), 5).lead == articles[0]
    assert contents([], (), 5).lead is None


@given(article_lists(), st.integers(min_value=0, max_value=14))
def test_shortened_keeps_what_is_pinned_and_the_newest_and_counts_the_rest(
    articles: list[Article], shown: int
) -> None:
    full = contents(articles, (), 10)
    short = shortened(full, shown)
    assert short == contents(articles, (), min(shown, 10))
    kept = first(full.articles)[:shown]
    assert {article.id for article in short.articles} == {article.id for article in kept}
    assert short.shown == len(short.articles)
    assert short.shown + short.more == full.shown + full.more
    assert all(section.articles for section in short.sections)


def test_contents_of_nothing_are_empty() -> None:
    assert contents([], (), 5) == Contents(sections=(), shown=0, more=0)
    assert make_edition().due_at == NOW
