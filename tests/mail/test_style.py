"""The style of mails: what follows from the operator's accent, and both shipped themes."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from selectolax.lexbor import LexborHTMLParser

from digest.editions.model import contents
from digest.mail.composer import Composer
from digest.mail.lint.lint import lint
from digest.mail.render import MailTemplates
from digest.mail.style import DARK_PAPER, LEAST_CONTRAST, PAPER, MailStyle, colour, contrast
from tests.mail.samples import (
    CITY,
    FINANCE,
    KEY,
    SENDER,
    SITE,
    TEMPLATES,
    make_article,
    make_delivery,
    make_digest,
    make_edition,
)

LOGO = "https://digest.example.org/logo.png"
ACCENTS = ["#b3261e", "#000000", "#ffffff", "#ffd400", "#0b5fff", "#1a7f37", "#7a0000"]
ARTICLES = [
    make_article(
        number,
        image=f"https://img.example.org/{number}.jpg",
        categories=((FINANCE, CITY)[number % 2],),
        body='<p>One.</p><p><img src="https://img.example.org/9.jpg" alt="A quay"> Two.</p>'
        '<figure><img src="https://img.example.org/8.jpg"></figure>',
    )
    for number in range(1, 6)
]


def between(ink: str, paper: str) -> float:
    return contrast(colour(ink) or (9, 9, 9), colour(paper) or (9, 9, 9))


def html(
    style: MailStyle, template: str = "digest", content: Literal["summary", "full"] = "full"
) -> str:
    templates = MailTemplates(templates=TEMPLATES, site=SITE, style=style)
    rendered = templates.render(
        replace(make_digest(), template=template, content=content),
        make_edition(),
        contents(ARTICLES, (), 9),
        language="en",
    )
    return rendered.html


@pytest.mark.parametrize("accent", ACCENTS)
def test_the_accent_can_be_read_in_dark_mode_and_on_buttons(accent: str) -> None:
    style = MailStyle(accent=accent)
    assert between(style.button_ink, accent) >= LEAST_CONTRAST
    assert between(style.dark_accent, DARK_PAPER) >= LEAST_CONTRAST
    assert style.contrast == pytest.approx(between(accent, PAPER))


def test_what_is_no_colour_counts_as_black() -> None:
    assert MailStyle(accent="red").contrast == pytest.approx(21)


def test_the_style_is_in_the_mail() -> None:
    made = html(MailStyle(accent="#0b5fff", font="serif", logo=LOGO, logo_width=90))
    page = LexborHTMLParser(made)
    logo = page.css_first(".logo")
    assert logo is not None
    assert (logo.attributes["src"], logo.attributes["alt"]) == (LOGO, SITE.title)
    assert logo.attributes["width"] == "90"
    assert "#b3261e" not in made
    button = page.css_first(".button")
    assert button is not None
    assert "#0b5fff" in (button.attributes["style"] or "")
    assert "-apple-system" not in made
    assert "Georgia, &quot;" not in html(MailStyle(font="sans")).replace('"', "&quot;")


def test_the_plain_theme_is_text_alone() -> None:
    page = LexborHTMLParser(html(MailStyle(logo=LOGO), "plain"))
    assert not page.css("img")
    assert page.body is not None
    assert page.body.text().count("A quay Two.") == len(ARTICLES)
    assert [title.text() for title in page.css("h2, h3")] == [
        "文章 1",
        *("文章 3", "文章 5"),
        *("文章 2", "文章 4"),
    ]


@pytest.mark.parametrize("template", ["digest", "plain"])
@pytest.mark.parametrize("content", ["summary", "full"])
def test_both_themes_break_no_rule(template: str, content: Literal["summary", "full"]) -> None:
    style = MailStyle(accent="#0b5fff", logo=LOGO)
    composer = Composer(
        templates=MailTemplates(templates=TEMPLATES, site=SITE, style=style),
        site=SITE,
        sender=SENDER,
        token_key=KEY,
    )
    digest = replace(make_digest(), template=template, content=content)
    message = composer.envelope(digest, make_edition(), ARTICLES, make_delivery()).message
    assert lint(message, postal_address=SENDER.postal_address) == ()
