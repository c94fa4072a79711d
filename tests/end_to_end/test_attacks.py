"""What hostile articles do in a real browser that nothing else protects: show their text."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace

import feedparser
import httpx
import pytest
from playwright.async_api import Browser, Page, Request, Route

from digest.articles.cleaning.policy import ENGINES
from digest.articles.cleaning.sanitize import clean
from digest.articles.model import SafeHtml
from digest.web.forms import html_response
from tests import stores
from tests.articles.attacks import ATTACKS, VECTORS
from tests.conftest import Workplace
from tests.end_to_end.conftest import NEEDS_CHROMIUM
from tests.end_to_end.test_browser import SITE, application

pytestmark = NEEDS_CHROMIUM

#: Where the bare page is: one that forbids nothing.
BARE = "http://bare.example/"
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
#: Counts what calls ``alert``; in frames, where it does not reach, a dialog would tell.
TRAP = "window.executed = []; window.alert = (what) => { window.executed.push(String(what)); };"
#: Does with every element what a reader may do with it.
PROVOKE = """() => {
    const events = ['mouseover', 'mouseenter', 'pointerenter', 'focus', 'blur', 'input', 'change',
        'toggle', 'load', 'error', 'animationstart', 'transitionend', 'copy', 'scroll', 'wheel'];
    for (const element of document.querySelectorAll('body, body *'))
        for (const name of events)
            element.dispatchEvent(new Event(name, {bubbles: false, cancelable: true}));
}"""
#: What there is in a page that may do more than show text and images.
SUSPECTS = """() => [...document.querySelectorAll('body, body *')].flatMap((element) => [
    ...[...element.attributes].map((attribute) => attribute.name).filter((name) =>
        /^on|^style$|^srcdoc$|^srcset$|^action$|^formaction$|^ping$|:/.test(name)),
    ...(element.matches('script, style, link, base, meta, iframe, object, embed, form, input,'
        + ' button, select, textarea, template, svg, math, noscript') ? [element.localName] : []),
    ...(element.localName === 'a' && element.hasAttribute('href')
        && !['http:', 'https:', 'mailto:'].includes(element.protocol) ? [element.href] : []),
    ...(element.hasAttribute('name') ? ['name'] : []),
    ...(element.hasAttribute('id') && !/^a-[a-z2-7]{8}-[\\w-]+$/.test(element.id) ? ['id'] : []),
])"""
#: What scripts of the page would get an element for, where they ask for something else.
CLOBBERED = """() => ['getElementById', 'currentScript', 'cookie', 'body', 'defaultView']
    .filter((name) => {
        const own = Object.getOwnPropertyDescriptor(document, name)?.value;
        return own instanceof Element || own instanceof HTMLCollection;
    })"""


@dataclass
class Watched:
    """A page with a trap in it, which gets what ``served`` holds and one image, nothing else."""

    page: Page
    served: dict[str, str | httpx.Response] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)  #: kind and address

    async def prepare(self) -> None:
        """Set the trap and watch."""
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda _: self.complaints.append("a dialog"))
        self.page.on("popup", lambda _: self.complaints.append("a window"))
        self.page.on("request", self._note)
        await self.page.add_init_script(TRAP)
        await self.page.route("**/*", self._answer)

    def _note(self, request: Request) -> None:
        if request.url not in self.served:
            self.requests.append((request.resource_type, request.url))

    async def _answer(self, route: Route) -> None:
        answer = self.served.get(route.request.url)
        if isinstance(answer, str):
            await route.fulfill(content_type="text/html; charset=utf-8", body=answer)
        elif answer is not None:
            headers = {"content-type": answer.headers["content-type"]}
            if policy := answer.headers.get("content-security-policy"):
                headers["content-security-policy"] = policy
            await route.fulfill(headers=headers, body=answer.content)
        elif route.request.url.startswith("https://e.org/i.png"):
            await route.fulfill(content_type="image/gif", body=PIXEL)
        else:
            await route.abort()

    async def show(self, fragments: list[str]) -> None:
        """Open a bare page with these fragments, each in a section, and take part in it."""
        sections = "\n".join(f"<section>{fragment}</section>" for fragment in fragments)
        self.served[BARE] = f"<!doctype html><meta charset=utf-8><title>t</title>{sections}"
        await self.page.goto(BARE)
        await self.expect_nothing()
        found = await self.page.evaluate("document.querySelectorAll('body > section').length")
        assert found == len(fragments), "something reaches out of its section"

    async def expect_nothing(self) -> None:
        """Check that the page, whatever is done in it, shows text and images and does no more."""
        await self.page.evaluate(PROVOKE)
        assert await self.page.evaluate("window.executed") == []
        assert [text for text in self.complaints if "Failed to load resource" not in text] == []
        assert await self.page.evaluate(CLOBBERED) == []
        images = await self.page.evaluate("[...document.images].map((image) => image.src)")
        assert [one for one in self.requests if one[0] != "image" or one[1] not in images] == []
        self.requests.clear()


async def watched(browser: Browser) -> Watched:
    found = Watched(await browser.new_page())
    await found.prepare()
    return found


async def test_the_trap_catches_what_is_not_cleaned(browser: Browser) -> None:
    trapped = await watched(browser)
    trapped.served[BARE] = "<!doctype html><meta charset=utf-8><title>t</title>"
    await trapped.page.goto(BARE)
    kinds = ("handlers", "styles", "foreign content", "mutation")
    attacks = [
        attack.encode("utf-8", "replace").decode() for kind in kinds for attack in VECTORS[kind]
    ]
    await trapped.page.evaluate(
        """(attacks) => {
            for (const attack of attacks) {
                const section = document.createElement('section');
                document.body.append(section);
                section.innerHTML = attack;
            }
        }""",
        attacks,
    )
    await trapped.page.evaluate(PROVOKE)
    await trapped.page.wait_for_function("window.executed.length >= 60")
    with pytest.raises(AssertionError):
        await trapped.expect_nothing()
    asked = {kind for kind, address in trapped.requests if "evil.example" in address}
    assert {"stylesheet", "image"} <= asked
    assert len(await trapped.page.evaluate(SUSPECTS)) > 60


async def test_the_trap_catches_names_in_the_way_of_scripts(browser: Browser) -> None:
    trapped = await watched(browser)
    await trapped.page.set_content(
        "<img name=getElementById src=https://e.org/i.png><form name=body></form><p id=location>x"
    )
    assert set(await trapped.page.evaluate(CLOBBERED)) == {"getElementById", "body"}
    assert set(await trapped.page.evaluate(SUSPECTS)) == {"form", "id", "name"}


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
async def test_no_attack_works_as_a_fragment_in_a_bare_page(
    browser: Browser, engines: tuple[str, ...]
) -> None:
    bare = await watched(browser)
    await bare.show([clean(attack, engines) for attack in ATTACKS])
    assert await bare.page.evaluate(SUSPECTS) == []
    # Once more as scripts put it in place, and take it out again: another parser's ways.
    for _ in range(2):
        await bare.page.evaluate(
            "for (const section of document.querySelectorAll('section'))"
            " section.innerHTML = section.innerHTML"
        )
    await bare.expect_nothing()
    assert await bare.page.evaluate(SUSPECTS) == []


def write_attacks(workplace: Workplace) -> None:
    """Write an article file for each attack, with the attack in its title too."""
    for number, attack in enumerate(ATTACKS):
        text = attack.replace("\0", "").encode("utf-8", "replace").decode()
        title = " ".join(text.split()).replace("'", "''")[:200]
        title = "".join(character for character in title if character.isprintable())
        workplace.write(f"{number}.md", f"{number} {title}", body=f"<p>before</p>{text}")


async def test_no_attack_works_in_an_article_page_nor_through_a_feed(
    workplace: Workplace, browser: Browser
) -> None:
    workplace.configure('\n[sanitizer]\nengines = ["nh3"]\n\n[feeds]\nlimit = 1000\n')
    write_attacks(workplace)
    with workplace.open() as services:
        assert workplace.build(services).files == len(ATTACKS)
        assert services.store.articles.problems() == []
        articles = stores.newest(services.store, None, 1_000)
        app = application(services)
    assert len(articles) == len(ATTACKS)

    feed = feedparser.parse(
        workplace.published()["feeds/atom.xml"], sanitize_html=False, resolve_relative_uris=False
    )
    assert not feed.bozo
    assert len(feed.entries) == len(ATTACKS)
    bare = await watched(browser)
    await bare.show([entry.content[0].value for entry in feed.entries])
    assert await bare.page.evaluate(SUSPECTS) == []

    site = await watched(browser)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as client:
        for path in ("assets/style.css", "feeds/", articles[0].folder):
            site.served[f"{SITE}/{path}"] = await client.get(f"/{path}")
    # The titles of all are in the feed's page; their bodies are put many into one page.
    for start in range(0, len(articles), 60):
        bodies = "".join(article.body for article in articles[start : start + 60])
        page = services.pages.article(replace(articles[start], body=SafeHtml(bodies)))
        answer = html_response(page)
        site.served[f"{SITE}/{start}"] = httpx.Response(200, headers=answer.headers, content=page)
    for address in [address for address in site.served if not address.endswith(".css")]:
        await site.page.goto(address)
        assert await site.page.title()
        await site.expect_nothing()
