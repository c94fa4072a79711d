"""Footnotes in a real browser: there and back, within their own article."""

from __future__ import annotations

import feedparser
from playwright.async_api import Browser

from tests import as_read
from tests.conftest import Workplace
from tests.end_to_end.conftest import NEEDS_CHROMIUM
from tests.end_to_end.test_browser import SITE, Visit, application

pytestmark = NEEDS_CHROMIUM

#: What a link leads to: the text around it.
REACHED = "document.querySelector(':target')?.closest('li, p').textContent.trim()"


def write(workplace: Workplace, name: str) -> None:
    text = f"{name} says it[^1].\n\n[^1]: Note of {name}.\n"
    workplace.write_text(f"{name}.md", f"---\ntitle: {name}\n---\n{text}")


async def test_a_footnote_leads_there_and_back(workplace: Workplace, browser: Browser) -> None:
    write(workplace, "one")
    with workplace.open() as services:
        workplace.build(services)
        (article,) = as_read.newest(services.store, None, 9)
        visit = Visit(await browser.new_page(), application(services))
        await visit.open(f"{SITE}/{article.folder}")
        await visit.page.get_by_text("[1]", exact=True).click()
        assert (await visit.page.evaluate(REACHED)).startswith("Note of one.")
        await visit.page.get_by_text("↩").click()
        assert (await visit.page.evaluate(REACHED)).startswith("one says it")
        assert visit.page.url.startswith(f"{SITE}/{article.folder}#")
        assert visit.complaints == []
        await visit.page.close()


async def test_footnotes_of_two_articles_on_a_page_lead_to_their_own(
    workplace: Workplace, browser: Browser
) -> None:
    write(workplace, "one")
    write(workplace, "two")
    with workplace.open() as services:
        workplace.build(services)
    feed = feedparser.parse(
        workplace.published()["feeds/atom.xml"], sanitize_html=False, resolve_relative_uris=False
    )
    page = await browser.new_page()
    await page.set_content("".join(entry.content[0].value for entry in feed.entries))
    for entry, link in zip(feed.entries, await page.get_by_text("[1]").all(), strict=True):
        await link.click()
        assert (await page.evaluate(REACHED)).startswith(f"Note of {entry.title}.")
    await page.close()
