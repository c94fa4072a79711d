"""A reader's whole way in a real browser, without JavaScript: find, read, subscribe, leave."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from importlib.resources import files
from itertools import product
from typing import Literal

import pytest
from aiosmtpd.smtp import SMTP
from playwright.async_api import Browser, ConsoleMessage, Page

from digest.app.wiring import Services
from digest.languages import direction, primary
from digest.subscribers.model import SubscriberState
from tests.conftest import CONFIGURATION, Workplace
from tests.effort import SOAK_ALONE
from tests.end_to_end.conftest import NEEDS_CHROMIUM
from tests.end_to_end.test_file_to_mailbox import DUE, Mailbox, daemon
from tests.waiting import ThreadCalls

pytestmark = NEEDS_CHROMIUM

READER = "reader@example.net"
#: By the site's language: the site, its digest, categories, a search, titles and a paragraph.
TEXTS = {
    "en": (
        "Harbour Review",
        "Morning Briefing",
        ("Harbour", "Ferries"),
        "lighthouse",
        (
            "The lighthouse is lit again after eleven dark years",
            "Ferry fares stay as they are until spring, the council says after a long night " * 2,
            "Tide tables for December",
            "A new bridge, and who may cross it",
        ),
        "The harbour was quiet, and boats lay in two rows along the quay. ",
    ),
    "zh-CN": (
        "海港评论",
        "晨间摘要",
        ("海港", "渡轮"),
        "灯塔",
        ("灯塔在十一年后重新点亮", "渡轮票价冬天结束前保持不变" * 4, "十二月潮汐表", "新桥开通"),
        "港口很安静，船只在码头边停成两排。",
    ),
    "ar": (
        "مجلة الميناء",
        "موجز الصباح",
        ("الميناء", "العبّارات"),
        "المنارة",
        (
            "المنارة تضيء من جديد بعد أحد عشر عاما",
            "أسعار العبّارات تبقى كما هي حتى نهاية الشتاء " * 3,
            "جداول المد والجزر لشهر ديسمبر",
            "جسر جديد",
        ),
        "كان الميناء هادئا وكانت القوارب في صفين على طول الرصيف. ",
    ),
}
WIDTHS = {"phone": 360, "desktop": 1280}


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[Mailbox, int]]:
    """Serve in the loop of the browser, which fixtures of other tests do not live in."""
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="mail.example.org"), "127.0.0.1", 0
    )
    async with server:
        yield box, server.sockets[0].getsockname()[1]


class Visit:
    """A window in which every page is looked at, and every request and complaint is noted."""

    def __init__(self, page: Page, site: str, language: str) -> None:
        self.page = page
        self.language = language
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.seen: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(site) else self.elsewhere.append(asked.url),
        )

    def _hear(self, message: ConsoleMessage) -> None:
        self.complaints.append(message.text)

    async def look(self, name: str) -> None:
        """Check the page that is open."""
        self.seen.append(name)
        root = self.page.locator("html")
        spoken = (self.language, primary(self.language))  # the site's, or the reader's choice
        assert await root.get_attribute("lang") in spoken, name
        assert await root.get_attribute("dir") == direction(self.language), name
        content, window = await self.page.evaluate(
            "[document.documentElement.scrollWidth, window.innerWidth]"
        )
        assert content <= window, f"{name} is {content} px wide in a window of {window}"
        assert (self.complaints, self.elsewhere) == ([], []), name

    async def press(self, selector: str) -> None:
        """Press what leads to another page."""
        async with self.page.expect_navigation():
            await self.page.locator(selector).first.click()


class AxeVisit(Visit):
    """A visit on which axe-core looks at each page, light and dark."""

    async def look(self, name: str) -> None:
        """Check the page that is open."""
        await super().look(name)
        await self.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        await self.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            await self.page.emulate_media(color_scheme=scheme)
            serious = await self.page.evaluate(
                "axe.run().then(told => told.violations"
                ".filter(v => ['serious', 'critical'].includes(v.impact))"
                ".map(v => [v.id, ...v.nodes.map(n => n.html + n.failureSummary)]))"
            )
            assert serious == [], (name, scheme)
        await self.page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = false)"
        )


def link_in(message: EmailMessage, kind: str) -> str:
    """Return the first link of a kind in a mail's text."""
    body = message.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    link = re.search(rf"http://\S+/{kind}/\S+", body.get_content())
    assert link, body.get_content()
    return link[0]


def searchable(services: Services) -> bool:
    """Tell whether the articles are indexed."""
    with services.store.pages.snapshot() as snapshot:
        return bool(snapshot.search_state())


async def walk(
    workplace: Workplace,
    calls: ThreadCalls,
    browser: Browser,
    language: str,
    width: int,
    kind: type[Visit] = Visit,
) -> list[str]:
    """Walk the whole way; return the names of the pages that were seen."""
    title, digest, categories, word, titles, paragraph = TEXTS[language]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    base = CONFIGURATION.replace("http://127.0.0.1:8000", site)
    for old, new in (("测试站", title), ("zh-CN", language), ("每日摘要", digest)):
        base = base.replace(old, new)
    async with mail_server() as (box, smtp_port):
        workplace.configure(
            '[mail]\ntransport = "smtp"\nfrom = "News <news@example.org>"\n'
            f'[mail.smtp]\nhost = "127.0.0.1"\nport = {smtp_port}\ntls = "none"\n',
            base=base.replace("port = 0", f"port = {port}\nsubscribe = true").replace(
                "[digests.daily]", "[digests.daily]\nwelcome = 2"
            ),
        )
        for number, headline in enumerate(titles[:-1]):
            workplace.write(
                f"{number}.md",
                headline,
                categories=categories[: number + 1],
                body=f"<p>{paragraph * 12}</p>" * 3,
            )
        context = await browser.new_context(
            viewport={"width": width, "height": 800},
            locale=language,
            java_script_enabled=kind is not Visit,
        )
        page = await context.new_page()
        visit = kind(page, site, language)
        async with daemon(workplace, calls):
            with workplace.open() as services:
                await calls.until(lambda: searchable(services))
            await find(visit, site, word)
            await subscribe(visit, workplace)
            await calls.until(lambda: box.messages)
            await page.goto(link_in(box.messages[0][1], "confirm"))
            await visit.look("confirm")
            await visit.press("button[value=confirm]")
            await visit.look("confirmed")
        async with daemon(workplace, calls):  # whose start sends the welcome at once
            await page.goto(link_in(box.messages[1][1], "unsubscribe") + "?all")
            await visit.look("preferences")
            await page.locator("summary").first.click()
            await page.locator("input[name=category]").first.check()
            await visit.press("button[value='save daily']")
            await visit.look("saved")
        workplace.write("new.md", titles[-1], categories=categories)
        workplace.clock.now = DUE
        async with daemon(workplace, calls):
            *_, (recipients, message) = box.messages
            assert (recipients, len(box.messages)) == ([READER], 3)
            await page.goto(link_in(message, "digests"))
            await visit.look("edition")
            assert await page.get_by_text(titles[-1]).count()
            await page.goto(link_in(message, "unsubscribe"))
            await visit.look("unsubscribe")
            await visit.press("button[value=unsubscribe]")
            await visit.look("unsubscribed")
            await visit.press("button[value=resubscribe]")
            await visit.look("subscribed again")
        await context.close()
    with workplace.open() as services:
        (reader,) = services.store.subscribers.list()
        past = [state.state for state in services.store.subscribers.history(reader.id)]
    assert past == [SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED]
    assert reader.state is SubscriberState.ACTIVE
    assert (reader.language, [path.name for path in reader.categories]) == (
        primary(language),
        list(categories[:1]),
    )
    return visit.seen


async def find(visit: Visit, site: str, word: str) -> None:
    """Go from the front page to a category, an article, and what a search finds."""
    page = visit.page
    await page.goto(site)
    await visit.look("front")
    await visit.press(".tree a.name")
    await visit.look("category")
    await visit.press(".entries h2 a")
    await visit.look("article")
    await visit.press("nav a[href='/search/']")
    await page.locator("input[type=search]").fill(word)
    await visit.press("form.find button")
    await visit.look("results")
    assert await page.locator("mark").count()


async def subscribe(visit: Visit, workplace: Workplace) -> None:
    """Go from the list of digests to the form, and send it."""
    await visit.press("nav a[href='/digests/']")
    await visit.look("digests")
    await visit.press("a[href='/digests/daily/']")
    await visit.look("digest")
    await visit.press("a[href^='/subscribe/']")
    await visit.look("form")
    await visit.page.locator("#address").fill(READER)
    workplace.clock.advance(seconds=5)  # nobody fills in a form at once
    await visit.press("form.fields button")
    await visit.look("sent")


async def test_a_reader_finds_reads_subscribes_and_leaves_on_a_phone(
    workplace: Workplace, calls: ThreadCalls, browser: Browser
) -> None:
    assert len(await walk(workplace, calls, browser, "ar", WIDTHS["phone"])) == 16


@pytest.mark.soak
@SOAK_ALONE
@pytest.mark.parametrize(("language", "device"), list(product(TEXTS, WIDTHS)))
async def test_the_way_is_the_same_in_every_language_on_every_device(
    workplace: Workplace, calls: ThreadCalls, browser: Browser, language: str, device: str
) -> None:
    await walk(workplace, calls, browser, language, WIDTHS[device])


@pytest.mark.soak
@SOAK_ALONE
@pytest.mark.parametrize(("language", "device"), list(product(TEXTS, WIDTHS)))
async def test_nobody_is_kept_out_of_any_page(
    workplace: Workplace, calls: ThreadCalls, browser: Browser, language: str, device: str
) -> None:
    await walk(workplace, calls, browser, language, WIDTHS[device], AxeVisit)
