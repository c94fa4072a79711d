from __future__ import annotations

import pytest

from digest.editions.model import contents
from digest.mail.phrases import phrasebook
from digest.mail.template_context import MAX_SUMMARY, MAX_TITLE, View, view, web_address
from digest.mail.text_layout import display_width
from tests.mail.samples import CITY, FINANCE, SITE, make_article, make_edition


def seen(*articles: object) -> View:
    made = contents(articles, (), 50)  # type: ignore[arg-type]  # articles of make_article
    return view(made, make_edition(), phrasebook("en", "UTC"), SITE)


def test_the_newest_article_leads_and_is_not_shown_twice() -> None:
    shown = seen(make_article(1), make_article(2, categories=(CITY,)), make_article(3))
    assert shown.lead is not None
    assert (shown.lead.title, shown.lead.category) == ("文章 1", "观察")
    assert [[item.title for item in group.articles] for group in shown.sections] == [
        ["文章 3"],
        ["文章 2"],
    ]
    assert [(group.path, group.title) for group in shown.sections] == [
        ("金融", "观察"),
        ("Life", "Cities"),
    ]


def test_a_section_that_held_only_the_lead_is_not_shown() -> None:
    assert seen(make_article(1)).sections == ()
    assert seen() == View(lead=None, sections=())


def test_articles_without_a_category_have_a_section_of_their_own() -> None:
    shown = seen(make_article(1), make_article(2, categories=()))
    assert [(group.path, group.title) for group in shown.sections] == [("", "Other articles")]
    assert shown.sections[0].articles[0].category == ""
    assert seen(make_article(1, categories=())).lead is not None


def test_what_is_pinned_leads_and_has_a_section_of_its_own() -> None:
    articles = [make_article(1), make_article(2, pinned=1), make_article(3, pinned=2)]
    shown = seen(*articles)
    assert shown.lead is not None
    assert (shown.lead.title, shown.lead.category) == ("文章 3", "Pinned")
    assert [(group.path, group.title, group.pinned) for group in shown.sections] == [
        ("", "Pinned", True),
        ("金融", "观察", False),
    ]
    assert [item.number for group in shown.sections for item in group.articles] == [2, 3]
    alone = seen(*articles[:2])
    assert alone.lead is not None
    assert alone.lead.category == "Pinned"
    assert [group.title for group in alone.sections] == ["观察"]


def test_a_source_is_the_authors_or_else_the_host() -> None:
    shown = seen(
        make_article(1, authors=("Anna", "Bo"), link="https://www.example.org/a"),
        make_article(2, link="https://www.example.org/a"),
        make_article(3, categories=(FINANCE,)),
    )
    assert shown.lead is not None
    assert shown.lead.source == "Anna, Bo"
    assert [item.source for item in shown.sections[0].articles] == ["example.org", ""]


def test_a_source_is_not_told_where_its_section_says_the_same() -> None:
    articles = [make_article(n, authors=("观察",)) for n in (1, 2)]
    shown = seen(*articles, make_article(3, authors=("观察",), pinned=1))
    assert shown.lead is not None
    assert shown.lead.source == "观察"
    assert [item.source for item in shown.sections[0].articles] == ["", ""]


def test_the_newest_article_leads_even_without_a_category() -> None:
    shown = seen(make_article(1, categories=()), make_article(2), make_article(3, categories=()))
    assert shown.lead is not None
    assert (shown.lead.number, shown.lead.title) == (1, "文章 1")
    assert [(item.number, item.title) for group in shown.sections for item in group.articles] == [
        (2, "文章 2"),
        (3, "文章 3"),
    ]


def test_a_link_that_is_unsound_becomes_the_page_here() -> None:
    shown = seen(make_article(1, link="javascript:alert(1)", image="data:image/png;base64,x"))
    assert shown.lead is not None
    assert shown.lead.link.startswith("https://digest.example.org/articles/")
    assert shown.lead.image is None


def test_no_article_can_fill_the_mail() -> None:
    shown = seen(make_article(1), make_article(2, title="长" * 9999, summary="a\n" * 9999))
    item = shown.sections[0].articles[0]
    assert display_width(item.title) <= MAX_TITLE
    assert display_width(item.summary) <= MAX_SUMMARY
    assert "\n" not in item.summary


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "ftp://example.org/",
        "data:text/html,x",
        "javascript:alert(1)",
        "//example.org/a",
        "https://",
        "https://[::1",
        "https://example.org/a b",
        "https://example.org/\u2028",
        "https://example.org/\n",
        " https://example.org/",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_unsound_addresses_are_not_linked(address: str | None) -> None:
    assert web_address(address) is None


def test_sound_addresses_stay_as_they_are() -> None:
    for address in (
        "https://example.org/a?b=c&d=e#f",
        "http://example.org",
        "https://例子.中国/路",
    ):
        assert web_address(address) == address
