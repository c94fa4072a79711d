from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.model import Article, CategoryPath
from digest.mail.edition import Contents, contents, selects, shortened
from tests.mail.samples import CITY, FINANCE, NOW, make_article, make_edition

PATHS = st.sampled_from(
    [(), (FINANCE,), (CITY,), (CITY, FINANCE), (CategoryPath(("金融",)),), (CategoryPath(("A",)),)]
)


@st.composite
def article_lists(draw: st.DrawFn) -> list[Article]:
    return [
        make_article(number, categories=draw(PATHS))
        for number in range(draw(st.integers(min_value=0, max_value=12)))
    ]


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
    assert set(ids) == {article.id for article in wanted[: made.shown]}  # the newest ones
    for section in made.sections:
        assert section.articles
        assert list(section.articles) == sorted(
            section.articles, key=lambda article: article.published_at, reverse=True
        )
        if section.category and categories:
            assert any(section.category.within(category) for category in categories)


def test_an_article_stands_under_its_first_category_that_is_selected() -> None:
    article = make_article(1, categories=(CITY, FINANCE))
    assert contents([article], (), 5).sections[0].category == CITY
    assert contents([article], (FINANCE,), 5).sections[0].category == FINANCE
    assert contents([make_article(1, categories=())], (), 5).sections[0].category is None


def test_the_section_with_the_newest_article_comes_first() -> None:
    articles = [
        make_article(3, categories=(CITY,)),
        make_article(1, categories=(FINANCE,)),
        make_article(2, categories=(CITY,)),
    ]
    assert [section.category for section in contents(articles, (), 5).sections] == [FINANCE, CITY]


@given(article_lists(), st.integers(min_value=0, max_value=14))
def test_shortened_keeps_the_newest_and_counts_the_rest(
    articles: list[Article], shown: int
) -> None:
    full = contents(articles, (), 10)
    short = shortened(full, shown)
    newest = sorted(full.articles, key=lambda article: article.published_at, reverse=True)
    assert {article.id for article in short.articles} == {article.id for article in newest[:shown]}
    assert short.shown == len(short.articles)
    assert short.shown + short.more == full.shown + full.more
    assert all(section.articles for section in short.sections)


def test_contents_of_nothing_are_empty() -> None:
    assert contents([], (), 5) == Contents(sections=(), shown=0, more=0)
    assert make_edition().due_at == NOW
