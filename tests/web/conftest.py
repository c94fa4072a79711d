"""A site whose pages are served, for the tests of those that are rendered when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from digest.app.web_application import make_public_pages
from digest.app.wiring import Services
from digest.articles.model import CategoryPath
from digest.web import public_pages
from digest.web.app import Probes, create_app
from digest.web.forms import LinkContext
from digest.web.public_pages import PublicPages
from tests.conftest import Workplace
from tests.store.samples import reading


@dataclass
class Site:
    """A site that is served until the test ends; what is kept stays kept."""

    workplace: Workplace
    services: Services
    pages: PublicPages
    client: httpx.AsyncClient

    def tell(self, path: str, title: str, *, body: str = "<p>桥长三百米。</p>") -> None:
        """Take an article in."""
        paths = [CategoryPath(("金融", "市场"))]
        one = reading(f"{path}.md", title=title, categories=paths, body=body * 60)
        self.services.store.articles.record([one], self.services.clock())

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.ask("GET", path, **headers)

    async def ask(self, method: str, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"/{path}", headers=named)


def connect(workplace: Workplace, services: Services, pages: PublicPages) -> httpx.AsyncClient:
    app = create_app(
        LinkContext(
            pages=services.pages,
            digests=services.digests,
            token_keys=services.token_keys,
            clock=services.clock,
        ),
        subscriptions=services.store.subscribers,
        approvals=services.approval(),
        probes=Probes(unready=str),
    )
    headers = {"accept-encoding": "identity"}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(bound(pages, app)), base_url="http://x", headers=headers
    )


def bound(pages: PublicPages, inner: object) -> PublicPages:
    """Put pages that were made before in front of an application."""
    pages._inner = inner  # type: ignore[assignment]
    return pages


@pytest.fixture
def site(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a site with an archive and an edition, which looks at the store at each request."""
    monkeypatch.setattr(public_pages, "_LOOK_AT_STORE", 0.0)
    monkeypatch.setattr(public_pages, "_LOOK_AT_TEMPLATES", 0.0)
    workplace.configure(
        '\n[paths]\ntemplates = "templates"\n[feeds]\nauthors = true\nlimit = 2\n'
        '[articles.category_map]\n"金融/旧" = "金融/市场"\n'
    )
    (workplace.folder / "templates/web").mkdir(parents=True)
    with workplace.open() as services:
        pages = make_public_pages(services, lambda *_: None)  # type: ignore[arg-type]
        client = connect(workplace, services, pages)
        site = Site(workplace, services, pages, client)
        services.store.editions.start_digests(["daily"], services.clock())
        for number in range(5):
            site.tell(f"{number}", f"文章{number}")
            workplace.clock.advance(minutes=1)
        now = services.clock()
        assert services.store.editions.open_edition(services.digests["daily"], now, now)
        feed = services.plan.feed(None)
        assert feed is not None
        services.store.feeds.contents([feed], None, archives=True)
        workplace.clock.advance(minutes=1)
        yield site
