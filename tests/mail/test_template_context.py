from __future__ import annotations

from dataclasses import replace

import pytest

from digest.articles.model import CategoryPath, Credit
from digest.editions.model import contents
from digest.mail.phrases import phrasebook
from digest.mail.template_context import (
    MAX_SUMMARY,
    MAX_TITLE,
    View,
    category_labels,
    preheader,
    view,
    web_address,
    without_title,
)
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


@pytest.mark.parametrize(
    ("credit", "authors", "told"),
    [
        ("Harbour News", (), "from Harbour News"),
        ("Harbour News", ("Anna",), "Anna · from Harbour News"),
        ("Anna", ("Anna",), "Anna"),
        ("观察", (), ""),
    ],
)
def test_a_mail_credits_the_source(credit: str, authors: tuple[str, ...], told: str) -> None:
    link = "https://www.example.org/a"
    articles = [make_article(number, link=link, authors=authors) for number in (1, 2)]
    shown = seen(*(replace(article, credit=Credit(name=credit)) for article in articles))
    assert shown.sections[0].articles[0].source == told


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


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["News", "Tech/Latest", "Sport/Latest"], ["News", "Tech / Latest", "Sport / Latest"]),
        (["Latest", "Tech/latest"], ["Latest", "Tech / latest"]),
        (["A/B/C", "D/B/C", "E/C"], ["A / B / C", "D / B / C", "E / C"]),
        (["A/B", "A/C"], ["B", "C"]),
        (["文/新", "体/新"], ["文 / 新", "体 / 新"]),
    ],
)
def test_categories_are_named_as_long_as_tells_them_apart(
    paths: list[str], labels: list[str]
) -> None:
    categories = [CategoryPath(tuple(path.split("/"))) for path in paths]
    assert [category_labels(categories)[category] for category in categories] == labels


def test_sections_and_the_lead_have_the_labels_of_their_categories() -> None:
    tech, sport = CategoryPath(("Tech", "Latest")), CategoryPath(("Sport", "Latest"))
    shown = seen(*(make_article(n, categories=((tech, sport)[n % 2],)) for n in range(1, 5)))
    assert shown.lead is not None
    assert shown.lead.category == "Sport / Latest"
    assert [(group.label, group.title) for group in shown.sections] == [
        ("Sport / Latest", "Latest"),
        ("Tech / Latest", "Latest"),
    ]


@pytest.mark.parametrize(
    ("summary", "title", "left"),
    [
        ("Same text", "Same text", ""),
        ("same text.", "Same text", ""),
        ("Same text", "Same text!", ""),
        ("Same text. The rest.", "Same text", "The rest."),
        ("Same text · The rest", "Same text", "The rest"),
        ("港口开放。商店也开。", "港口开放", "商店也开。"),
        ("A title that is lon…", "A title that is longer", ""),
        ("Version 2.1 is out", "Version 2", "Version 2.1 is out"),
        ("Same texts are rare", "Same text", "Same texts are rare"),
        ("Same", "Same text", "Same"),
        ("…", "", ""),
        ("", "Title", ""),
        ("Text", "…", "Text"),
        ("«Same text». The rest", "Same text", "The rest"),
        ("Same  text\u00a0here. The rest", "Same text here", "The rest"),
        ("The port’s open. The rest", "The port's open", "The rest"),
        ("SAME TEXT!!! The rest", "Same text", "The rest"),
        ("“Same text” is a book.", "Same text", "“Same text” is a book."),
        ("C++ is old", "C", "C++ is old"),
        ("ＡＢＣ。続き", "ABC", "続き"),
    ],
)
def test_a_summary_does_not_repeat_the_title(summary: str, title: str, left: str) -> None:
    assert without_title(summary, title) == left


def test_where_mail_programs_do_not_show_the_picture_the_next_one_of_the_text_is_taken() -> None:
    body = (
        '<p><img src="https://e.org/one.svg"><img src="https://e.org/x.png" width="9">'
        '<img src="https://e.org/two.jpg?a=1&amp;b=2"></p>'
    )
    lead = seen(make_article(1, image="https://e.org/chart.avif", body=body)).lead
    assert lead is not None
    assert lead.image == "https://e.org/two.jpg?a=1&b=2"


def test_the_picture_of_a_mail_is_no_icon_and_no_drawing() -> None:
    for image in ("https://e.org/chart.svg", "https://e.org/favicon.png"):
        lead = seen(make_article(1, image=image)).lead
        assert lead is not None
        assert lead.image is None


@pytest.mark.parametrize("length", [1, 30, 90, 300])
@pytest.mark.parametrize("text", ["长", "w", "e\u0301", "👩‍👩‍👧‍👦"])
def test_a_preheader_has_40_to_140_characters(text: str, length: int) -> None:
    articles = [make_article(n, title=text * length, summary=text, categories=()) for n in (1, 2)]
    shown = seen(*articles)
    assert 40 <= len(preheader(shown.lead, shown.sections, ["More to fill the line. " * 2])) <= 140
    assert preheader(None, (), ["", "x" * 50]) == "x" * 50


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (("A/X/Latest", "B/X/Latest"), ["A / X / Latest", "B / X / Latest"]),
        (("A/Latest", "B/LATEST"), ["A / Latest", "B / LATEST"]),
        (("A/L\u00e4", "B/La\u0308"), ["A / L\u00e4", "B / La\u0308"]),
        (("A/Ｌatest", "B/Latest"), ["A / Ｌatest", "B / Latest"]),
        (("Latest", "B/Latest"), ["Latest", "B / Latest"]),
        (
            ("News/2024/May", "Sport/2024/May", "Sport/2023/May"),
            ["News / 2024 / May", "Sport / 2024 / May", "2023 / May"],
        ),
    ],
)
def test_labels_tell_categories_apart_that_look_the_same(
    paths: tuple[str, ...], labels: list[str]
) -> None:
    categories = [CategoryPath(tuple(path.split("/"))) for path in paths]
    assert list(category_labels(categories).values()) == labels
