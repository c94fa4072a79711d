"""Pages and mails in a real browser: nothing runs, nothing is fetched, nothing overflows."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from playwright.async_api import Browser, Page, Route
from starlette.types import ASGIApp

from digest.app.web_application import make_application
from digest.app.wiring import Services
from digest.editions.model import EditionState
from digest.subscribers.model import NewSubscriber, SubscriberState
from digest.subscribers.tokens import unsubscribe_token
from digest.web.app import Probes
from tests import stores
from tests.conftest import CONFIGURATION, Workplace
from tests.end_to_end.conftest import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM

SITE = "http://127.0.0.1:8000"
HOSTILE = """\
<p>正文 <a href="https://example.org/more">更多</a></p>
<script>document.title = 'broken'</script>
<img src="x" onerror="document.title = 'broken'">
<svg onload="document.title = 'broken'"><script>document.title = 'broken'</script></svg>
<a href="javascript:document.title='broken'" id="trap">trap</a>
<iframe srcdoc="<script>parent.document.title = 'broken'</script>"></iframe>
<form action="https://evil.example/"><button>send</button></form>
<math><mtext><table><mglyph><style><!--</style><img title="--><img src=x onerror=alert(1)>">
<style>body { background: url(https://evil.example/track) }</style>
<table><tr><td>一格很宽的表格单元，里面有很多很多文字</td><td>另一格</td></tr></table>
<pre><code>a long line of code that would make a narrow page scroll sideways for ever</code></pre>
"""


class Visit:
    """A page that is served by the application alone; whatever else it asks for is noted."""

    def __init__(self, page: Page, app: ASGIApp) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=SITE)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda _: self.complaints.append("a dialog"))

    async def open(self, address: str) -> None:
        """Go to an address of the site."""
        await self.page.route("**/*", self._answer)
        await self.page.goto(address)

    async def _answer(self, route: Route) -> None:
        request = route.request
        if not request.url.startswith(SITE):
            self.elsewhere.append(request.url)
            await route.abort()
            return
        kind = await request.header_value("content-type")
        answer = await self._client.request(
            request.method,
            request.url,
            content=request.post_data,
            headers={"content-type": kind} if kind else {},
        )
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("content-length", "content-encoding")
        }
        await route.fulfill(status=answer.status_code, headers=headers, body=answer.content)

    async def width(self) -> tuple[int, int]:
        """Return the width of the content and of the window, pixels."""
        content, window = await self.page.evaluate(
            "[document.documentElement.scrollWidth, window.innerWidth]"
        )
        return int(content), int(window)


def application(services: Services) -> ASGIApp:
    return make_application(services, approvals=services.approval(), probes=Probes(unready=str))


@pytest.mark.parametrize("width", [360, 1280])
async def test_pages_run_nothing_fetch_nothing_and_fit(
    workplace: Workplace, browser: Browser, width: int
) -> None:
    workplace.write("a.md", "一篇<b>不怀好意</b>的文章", body=HOSTILE)
    workplace.write("b.md", "Another", categories=("Notes", "A-very-long-category-name" * 3))
    with workplace.open() as services:
        workplace.build(services)
        (article,) = (
            found for found in stores.newest(services.store, None, 9) if "一篇" in found.title
        )
        lists = ("/", "/feeds/", "/feeds/金融/市场/", "/digests/", "/digests/daily/")
        for path in (*lists, f"/{article.folder}", "/nowhere"):
            page = await browser.new_page(viewport={"width": width, "height": 900})
            visit = Visit(page, application(services))
            await visit.open(SITE + path)
            title = await page.title()
            assert "broken" not in title, path
            allowed = ["404 (Not Found)"] if path == "/nowhere" else []
            assert [text for text in visit.complaints if not any(a in text for a in allowed)] == []
            assert visit.elsewhere == [], path
            content, window = await visit.width()
            assert content <= window, f"{path} is {content} px wide in a window of {window}"
            await page.close()


#: Returns the pieces of lines of facts that are broken, and the longest line of prose, characters.
MEASURES = """() => {
    const pieces = [...document.querySelectorAll('.facts > *')];
    const lines = new Map(), range = document.createRange();
    for (const prose of document.querySelectorAll('.summary, .body p, .empty, .tagline')) {
        const texts = document.createTreeWalker(prose, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            for (let at = 0; at < texts.currentNode.length; at++) {
                range.setStart(texts.currentNode, at);
                range.setEnd(texts.currentNode, at + 1);
                const line = Math.round(range.getBoundingClientRect().bottom);
                lines.set(line, (lines.get(line) ?? 0) + 1);
            }
        }
    }
    const broken = pieces.filter(
        piece => piece.offsetHeight > 1.5 * parseFloat(getComputedStyle(piece).lineHeight)
    );
    return [broken.map(piece => piece.textContent), pieces.length, Math.max(...lines.values())];
}"""


@pytest.mark.parametrize("width", [360, 1280])
async def test_lines_are_short_and_what_belongs_together_stays_so(
    workplace: Workplace, browser: Browser, width: int
) -> None:
    sentence = "The harbour was quiet this morning, and the boats lay in two rows. "
    with workplace.open() as services:
        services.store.editions.start_digests(["daily"], services.clock())
        workplace.write("a.md", "灯塔重新点亮", body=f"<p>{sentence * 9}</p>")
        workplace.build(services)
        workplace.clock.advance(hours=1)
        now = services.clock()
        assert services.store.editions.open_edition(services.digests["daily"], now, now)
        (article,) = stores.newest(services.store, None, 9)
        page = await browser.new_page(viewport={"width": width, "height": 900})
        visit = Visit(page, application(services))
        for path in ("/", "/digests/daily/1/", f"/{article.folder}", "/feeds/"):
            await visit.open(SITE + path)
            broken, pieces, longest = await page.evaluate(MEASURES)
            assert pieces, path
            assert broken == [], path
            assert longest <= 75, path
        await page.close()


async def test_an_article_on_paper_is_whole_and_names_only_addresses(
    workplace: Workplace, browser: Browser
) -> None:
    body = "A claim[^1], [more](https://example.org/).\n\n[^1]: A note.\n\n    " + "code " * 60
    workplace.write_text(
        "a.md", f"---\ntitle: Quay\n---\n{body}\n\n|{'wide|' * 30}\n|{'-|' * 30}\n"
    )
    with workplace.open() as services:
        workplace.build(services)
        (article,) = stores.newest(services.store, None, 9)
        page = await browser.new_page(viewport={"width": 800, "height": 900})
        await page.emulate_media(media="print")
        visit = Visit(page, application(services))
        await visit.open(f"{SITE}/{article.folder}")
        links, cut = await page.evaluate("""() => [
            [...document.querySelectorAll('.body a')].map(
                link => [link.getAttribute('href'), getComputedStyle(link, '::after').content]),
            [...document.querySelectorAll('.body pre')].filter(
                code => code.scrollWidth > code.clientWidth).length]""")
        await page.close()
    assert cut == 0
    assert len(links) == 3
    assert {address: text != "none" for address, text in links} == {
        address: not address.startswith("#") for address, _ in links
    }


async def test_a_feed_fits_a_browser_too(workplace: Workplace, browser: Browser) -> None:
    workplace.write("a.md", "一篇", body=HOSTILE)
    with workplace.open() as services:
        workplace.build(services)
        page = await browser.new_page()
        visit = Visit(page, application(services))
        await visit.open(f"{SITE}/feeds/rss.xml")
        assert "一篇" in await page.content()
        assert visit.elsewhere == []
        await page.close()


async def test_somebody_leaves_comes_back_pauses_and_erases_everything_with_buttons(
    workplace: Workplace, browser: Browser
) -> None:
    with workplace.open() as services:
        reader = NewSubscriber(address="reader@example.org", digest="daily")
        subscriber, _ = services.store.subscribers.add(reader, services.clock())
        page = await browser.new_page(viewport={"width": 360, "height": 900})
        visit = Visit(page, application(services))
        token = unsubscribe_token(services.token_keys[0], subscriber.person, "daily")
        await visit.open(f"{SITE}/unsubscribe/{token}")
        states = []
        for _ in range(2):
            async with page.expect_navigation():
                await page.get_by_role("button").click()
            (found,) = services.store.subscribers.list()
            states.append(found.state)
        async with page.expect_navigation():
            await page.locator("a[href='?all']").click()
        content, window = await visit.width()
        assert content <= window
        await page.locator("input[type=date]").fill("2026-12-24")
        async with page.expect_navigation():
            await page.locator("button[value='save daily']").click()
        (found,) = services.store.subscribers.list()
        assert found.paused_until == datetime(2026, 12, 23, 16, tzinfo=UTC)
        await page.locator("button[value=erase]").click()  # stopped by the box
        await page.locator("input[name=sure]").check()
        async with page.expect_navigation():
            await page.locator("button[value=erase]").click()
        assert services.store.subscribers.list() == []
        assert (visit.complaints, visit.elsewhere) == ([], [])
        await page.close()
    assert states == [SubscriberState.UNSUBSCRIBED, SubscriberState.ACTIVE]


@pytest.mark.parametrize("width", [360, 1280])
async def test_an_operator_approves_an_edition_with_the_button(
    workplace: Workplace, browser: Browser, width: int
) -> None:
    workplace.configure(
        base=CONFIGURATION.replace("[digests.daily]", "[digests.daily]\napprove = true")
    )
    with workplace.open() as services:
        now = services.clock()
        services.store.editions.start_digests(["daily"], now)
        workplace.write("a.md", "一篇<b>不怀好意</b>的文章" + "x" * 200, body=HOSTILE)
        workplace.build(services)
        draft = services.store.editions.open_edition(services.digests["daily"], now, now)
        assert draft is not None
        page = await browser.new_page(viewport={"width": width, "height": 900})
        visit = Visit(page, application(services))
        await visit.open(services.approval_link(draft))
        content, window = await visit.width()
        assert content <= window
        assert services.store.editions.edition(draft.id)[0].state is EditionState.DRAFT
        async with page.expect_navigation():
            await page.locator("button[value=approve]").click()
        assert await page.get_by_role("status").count() == 1
        assert services.store.editions.edition(draft.id)[0].state is EditionState.DONE  # no readers
        assert (visit.complaints, visit.elsewhere) == ([], [])
        assert "broken" not in await page.title()
        await page.close()


@pytest.mark.parametrize("width", [360, 800])
async def test_a_mail_runs_nothing_and_fits(
    workplace: Workplace, browser: Browser, width: int
) -> None:
    workplace.write("a.md", "一篇" + "很长的标题" * 12, body=HOSTILE)
    with workplace.open() as services:
        workplace.build(services)
        articles = stores.newest(services.store, None, 9)
        composer = services.composer()
        preview = composer.preview(services.digests["daily"], articles, now=services.clock())
        page = await browser.new_page(viewport={"width": width, "height": 900})
        visit = Visit(page, application(services))
        await page.route("**/*", lambda route: route.abort())
        await page.set_content(preview.content.html)
        content, window = await visit.width()
        assert content <= window
        assert visit.complaints == []
        assert await page.locator("script").count() == 0
        await page.close()
