"""The mail in a real browser on narrow screens: no word makes it wider than those."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

import pytest
from playwright.async_api import Browser

from digest.articles.model import CategoryPath, SafeHtml
from digest.editions.model import contents
from digest.mail.render import MailTemplates
from tests.end_to_end.conftest import NEEDS_CHROMIUM
from tests.mail.samples import SITE, TEMPLATES, make_article, make_digest, make_edition

pytestmark = NEEDS_CHROMIUM

WORDS = {
    "letters": "W" * 90,
    "snake case": "nightly_export_of_the_northern_warehouse_stock_" + "and_more_" * 4,
    "address": "https://reports.example.org/2026/" + "quarter/" * 8 + "?a=" + "b" * 40,
    "file name": "annual-report-final-version-2026-" + "signed-" * 8 + "copy.tar.gz",
    "chinese": "港口疏浚工程" * 14,
    "korean": "항만준설공사" * 14,
    "arabic": "الميناء" * 12,
    "emoji": "👩‍👩‍👧‍👦" * 40,
    "dots": "." * 100,
}


def _mail(word: str, template: str, content: Literal["summary", "full"]) -> str:
    """Return the HTML of a mail that says a word wherever an author or operator can."""
    home, other = CategoryPath((word, word)), CategoryPath(("Port", f"2{word}"))
    articles = [
        make_article(
            number,
            title=word,
            summary=f"{word} and {word}",
            categories=(home if number % 2 else other,),
            authors=(word,),
            image="https://img.example.org/1.jpg" if number < 4 else None,
            body=SafeHtml(
                f"<h2>{word}</h2><p>{word} <code>{word}</code></p><ul><li>{word}</li></ul>"
                f"<pre><code>{word} {word}</code></pre><table><tbody><tr><td>{word}</td>"
                f"<td>{word}</td><td>{word}</td></tr></tbody></table>"
                f"<table><tbody><tr>{'<td>Column</td>' * 14}</tr></tbody></table>"
                f"{'<ul><li>' * 8}{word}{'</li></ul>' * 8}"
                '<p><img src="https://img.example.org/2.jpg" width="1600" height="900"></p>'
            ),
        )
        for number in range(1, 7)
    ]
    site = replace(SITE, title=word)
    edition = replace(make_edition(), note=f"{word}\n\n{word}")
    rendered = MailTemplates(templates=TEMPLATES, site=site).render(
        replace(make_digest(title=word), content=content, template=template),
        edition,
        contents(articles, (), 5),
        language="en",
        postal_address=f"{word}\n{word}",
    )
    return rendered.content(unsubscribe=f"https://example.org/{word}", name=word).html


@pytest.mark.parametrize(
    ("template", "content", "styled"),
    [("digest", "full", True), ("digest", "summary", False), ("plain", "full", True)],
    ids=["styled", "without overflow-wrap", "plain"],
)
@pytest.mark.parametrize("width", [320, 360, 640])
async def test_no_long_word_makes_a_mail_wider_than_its_screen(
    browser: Browser,
    width: int,
    template: str,
    content: Literal["summary", "full"],
    styled: bool,
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 800})
    await page.route("**/*", lambda route: route.abort())
    wider = {}
    for kind, word in WORDS.items():
        html = _mail(word, template, content)
        if not styled:
            html = re.sub(r"(overflow-wrap|word-break):[^;\"]*;?", "", html)
        await page.set_content(html)
        measured = await page.evaluate("document.documentElement.scrollWidth")
        if measured > width:
            wider[kind] = measured
    assert not wider
