"""Pages are rendered when somebody asks, as seldom as can be, and never an old one for long."""

from __future__ import annotations

import asyncio
import gzip
import threading
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import brotli
import httpx
import jinja2
import pytest
from selectolax.lexbor import LexborHTMLParser
from structlog.testing import capture_logs

from digest.app.web_application import make_public_pages
from digest.articles.ingest.records import Neighbour
from digest.articles.model import Article, CategoryPath, article_key
from digest.errors import StoreError, TemplateError
from digest.store.database import open_store
from digest.urls import article_folder
from digest.web import public_pages
from digest.web.page_cache import PageCache
from digest.web.render_queue import TIMEOUT, RenderQueue
from tests import stores
from tests.conftest import Workplace
from tests.store.samples import reading
from tests.web.conftest import Site, connect

TEMPLATES = Path(__file__).parents[2] / "templates"
FIRST = article_folder(article_key("1"))
#: A page of each family.
PAGES = (
    "",
    "feeds/",
    "feeds/金融/",
    "feeds/@authors/林海/",
    FIRST,
    "digests/daily/",
    "digests/daily/1/",
    "digests/daily/atom.xml",
    "assets/style.css",
    "feeds/archive.d/1/atom.xml",
    "feeds/archive.d/1/feed.json",
)


def no_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every template, and every document of feeds, fail."""

    def fail(*_: object, **__: object) -> str:
        raise AssertionError("rendered")

    monkeypatch.setattr(jinja2.Template, "render", fail)
    monkeypatch.setattr("digest.web.feed_pages.FeedDocuments", fail)
    monkeypatch.setattr("digest.web.edition_pages.edition_feed", fail)


async def test_pages_of_every_family_are_served(site: Site) -> None:
    for path in PAGES:
        response = await site.get(path)
        assert response.status_code == 200, path
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert int(response.headers["content-length"]) == len(response.content) > 0
        head = await site.ask("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers == response.headers
    assert "文章4" in (await site.get("")).text
    assert "文章1" in (await site.get(FIRST)).text


async def test_a_conditional_request_renders_nothing(
    site: Site, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {path: await site.get(path) for path in PAGES}
    no_template(monkeypatch)
    # Neither by a server that has rendered before, nor by one that has just started.
    fresh = connect(workplace, site.services, make_public_pages(site.services, site.pages._inner))
    for client in (site.client, fresh):
        for path, before in first.items():
            tag = before.headers["etag"]
            conditions = [
                {"if-none-match": tag},
                {"if-none-match": f"W/{tag}"},
                {"if-none-match": f'"other", {tag[:-1]}-br"'},
                {"if-none-match": "*"},
            ]
            if moment := before.headers.get("last-modified"):
                conditions += [
                    {"if-modified-since": moment},
                    {"if-none-match": tag, "if-modified-since": "Mon, 20 May 2002 12:00:00 GMT"},
                ]
            for condition in conditions:
                answer = await client.get(f"/{path}", headers=condition)
                assert answer.status_code == 304, (path, condition)
                assert answer.content == b""
                assert "content-type" not in answer.headers
                assert answer.headers["cache-control"] == before.headers["cache-control"]
                assert answer.headers["vary"] == before.headers["vary"]
                assert answer.headers["etag"][1:] in f'{tag[1:]} {tag[1:-1]}-br"'


async def test_a_page_that_is_kept_is_not_rendered_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {path: await site.get(path) for path in PAGES}
    no_template(monkeypatch)
    for path, before in first.items():
        again = await site.get(path)
        assert (again.status_code, again.content) == (200, before.content)
        assert again.headers == before.headers
        for encoding, unpack in (("gzip", gzip.decompress), ("br", brotli.decompress)):
            async with site.client.stream(
                "GET", f"/{path}", headers={"accept-encoding": encoding}
            ) as packed:
                raw = b"".join([chunk async for chunk in packed.aiter_raw()])
            if "content-encoding" in packed.headers:
                assert unpack(raw) == before.content
                assert packed.headers["etag"] == f'{before.headers["etag"][:-1]}-{encoding}"'
            else:
                assert len(before.content) < 1024


async def test_a_page_that_a_change_does_not_touch_stays_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = (FIRST, "digests/daily/1/", "digests/daily/", "assets/style.css")
    first = {path: await site.get(path) for path in untouched}
    site.tell("new", "新的")
    with monkeypatch.context() as patched:
        no_template(patched)
        for path, before in first.items():
            again = await site.get(path)
            assert (again.status_code, again.content) == (200, before.content)
            assert again.headers["etag"] == before.headers["etag"]
    for path in ("", "feeds/", "feeds/金融/", "feeds/金融/市场/", "feeds/@authors/林海/"):
        assert "新的" in (await site.get(path)).text


async def test_what_another_process_changes_is_seen(site: Site) -> None:
    before = {path: await site.get(path) for path in PAGES}
    with open_store(site.services.settings.database_url()) as other:
        paths = [CategoryPath(("金融", "市场"))]
        one = reading("1.md", title="更正的", categories=paths)
        other.articles.record([one], site.services.clock())
    for path in PAGES:
        after = await site.get(path)
        if path == "assets/style.css":
            assert after.headers["etag"] == before[path].headers["etag"]
        else:
            assert after.headers["etag"] != before[path].headers["etag"], path
    assert "更正的" in (await site.get(FIRST)).text
    assert "更正的" in (await site.get("feeds/archive.d/1/atom.xml")).text


async def test_the_store_is_looked_at_once_in_a_while(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_pages, "_LOOK_AT_STORE", 3600.0)
    await site.get("")
    site.tell("new", "新的")
    assert "新的" not in (await site.get("")).text
    site.pages._fresh_until = 0.0  # time went by
    assert "新的" in (await site.get("")).text


async def test_an_article_that_is_withdrawn_is_gone_and_comes_back(site: Site) -> None:
    before = await site.get(FIRST)
    withdrawals, now = site.services.store.withdrawals, site.services.clock()
    withdrawals.withdraw([article_key("1")], now)
    for path in (FIRST, FIRST.rstrip("/"), f"{FIRST}index.html"):
        gone = await site.get(path, if_none_match=before.headers["etag"])
        assert gone.status_code == 410
        assert "内容已撤下" in gone.text
        assert "etag" not in gone.headers
        assert "default-src 'none'" in gone.headers["content-security-policy"]
        head = await site.ask("HEAD", path)
        assert (head.status_code, head.content) == (410, b"")
    archived = (await site.get("feeds/archive.d/1/atom.xml")).text
    assert "deleted-entry" in archived
    assert "文章1" not in archived
    withdrawals.restore([article_key("1")], now)
    assert (await site.get(FIRST)).status_code == 200


async def test_a_page_for_withdrawn_articles_that_cannot_be_rendered_is_told_and_logged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> bytes:
        raise TemplateError("web/gone.html", 3, "division by zero")

    site.services.store.withdrawals.withdraw([article_key("1")], site.services.clock())
    monkeypatch.setattr(site.services.pages, "gone", fail)
    with capture_logs() as logs:
        assert (await site.get(FIRST)).status_code == 500
    assert [entry["event"] for entry in logs] == ["page not rendered"]


async def test_no_answer_is_made_of_the_host_that_a_client_names(site: Site) -> None:
    for path in (
        "", "index.html", "feeds", "feeds/", "articles", FIRST, FIRST.rstrip("/"),
        "digests/daily", "digests/daily/atom.xml", "feeds/archive.d/1/atom.xml", "feeds/金融/旧/",
        "assets/style.css", "status", "status/", "healthz", "unsubscribe/x", "approve/x", "nothing",
    ):  # fmt: skip
        answer = await site.get(path, host="evil.example", x_forwarded_host="evil.example")
        assert b"evil.example" not in answer.content, path
        assert "evil.example" not in str(answer.headers), path


async def test_a_moment_is_told_once_nothing_more_can_happen_in_it(site: Site) -> None:
    site.workplace.clock.advance(days=1)
    site.tell("new", "新的")
    changed_at = site.services.clock()
    assert "last-modified" not in (await site.get("")).headers
    same = changed_at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert (await site.get("", if_modified_since=same)).status_code == 200
    assert (await site.get("", if_unmodified_since=same)).status_code == 412
    site.workplace.clock.advance(seconds=2)
    told = (await site.get("")).headers["last-modified"]
    assert parsedate_to_datetime(told) == changed_at
    assert (await site.get("", if_modified_since=told)).status_code == 304
    # As a client has it that saw the page before an older database was restored.
    later = (changed_at + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert (await site.get("", if_modified_since=later)).status_code == 200
    assert (await site.get("", if_unmodified_since=told)).status_code == 200
    site.workplace.clock.now = changed_at - timedelta(days=9)  # a clock that goes back
    assert "last-modified" not in (await site.get("")).headers


async def test_a_client_with_another_version_gets_the_page(site: Site) -> None:
    tag = (await site.get("")).headers["etag"]
    site.tell("new", "新的")
    for _ in range(2):
        answer = await site.get("", if_none_match=tag)
        assert answer.status_code == 200
        assert "新的" in answer.text
    assert (await site.get("", if_match=tag)).status_code == 412
    now = (await site.get("")).headers["etag"]
    assert (await site.get("", if_match=now)).status_code == 200


async def test_the_newest_archive_is_told_of_its_successor(site: Site) -> None:
    first = await site.get("feeds/archive.d/1/atom.xml")
    assert "last-modified" not in first.headers
    feed = site.services.plan.feed(None)
    assert feed is not None
    for number in range(9):
        site.tell(f"new{number}", f"新的{number}")
        site.workplace.clock.advance(minutes=1)
    site.services.store.feeds.contents([feed], None, archives=True)
    tag = first.headers["etag"]
    second = await site.get("feeds/archive.d/1/atom.xml", if_none_match=tag)
    assert 'rel="next-archive"' in second.text
    assert "last-modified" in second.headers
    assert (await site.get("feeds/archive.d/2/atom.xml")).status_code == 200


async def test_archives_are_closed_to_crawlers_and_styled_for_browsers(site: Site) -> None:
    for name, media_type in (("atom.xml", "atom+xml"), ("feed.json", "feed+json")):
        answer = await site.get(f"feeds/archive.d/1/{name}")
        assert answer.headers["x-robots-tag"] == "noindex"
        assert answer.headers["content-type"] == f"application/{media_type}; charset=utf-8"
        assert answer.headers["cache-control"] == "max-age=300"
    browser = await site.get("feeds/archive.d/1/atom.xml", accept="text/html,*/*")
    assert browser.headers["content-type"] == "text/xml; charset=utf-8"
    assert "Accept" in browser.headers["vary"]


async def test_a_template_that_is_saved_is_used_and_one_saved_half_is_not(site: Site) -> None:
    before = await site.get(FIRST)
    own = site.workplace.folder / "templates/web/article.html"
    whole = (TEMPLATES / "web/article.html").read_text("utf-8")

    async def saved(text: str) -> httpx.Response:
        own.write_text(text, "utf-8")
        await site.get("")
        if (refreshing := site.pages._refreshing) is not None:  # else it is done already
            await refreshing
        assert not site.services.pages.templates.changed()
        return await site.get(FIRST)

    changed = await saved(whole.replace("<h1 ", "<h1 class='new' "))
    assert "<h1 class='new' " in changed.text
    assert changed.headers["etag"] != before.headers["etag"]
    with capture_logs() as logs:
        half = await saved(whole[:-30])
    assert half.content == changed.content
    assert half.headers["etag"] == changed.headers["etag"]
    assert len([entry for entry in logs if entry["log_level"] == "error"]) == 1
    # It became this at this moment, whenever the article did.
    site.workplace.clock.advance(days=1)
    mended = await saved(whole.replace("<h1 ", "<h1 class='newer' "))
    assert "last-modified" not in mended.headers
    site.workplace.clock.advance(seconds=3)
    told = (await site.get(FIRST)).headers["last-modified"]
    assert parsedate_to_datetime(told) > site.services.clock() - timedelta(minutes=1)


async def test_another_configuration_makes_another_tag(site: Site, workplace: Workplace) -> None:
    before = (await site.get(FIRST)).headers["etag"]
    with workplace.open() as services:
        answer = await workplace.visit(services, FIRST, if_none_match=before)
        assert answer.status_code == 304
    text = workplace.configuration.read_text("utf-8").replace("测试站", "另一个站")
    workplace.configure(base=text)
    with workplace.open() as services:
        answer = await workplace.visit(services, FIRST, if_none_match=before)
    assert answer.status_code == 200
    assert "另一个站" in answer.text


async def test_many_who_ask_for_the_same_page_have_it_rendered_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = []
    real = site.services.pages.article

    def render(article: Article, *beside: Neighbour | None) -> bytes:
        rendered.append(article.key)
        return real(article, *beside)

    monkeypatch.setattr(site.services.pages, "article", render)
    answers = await asyncio.gather(*[site.get(FIRST) for _ in range(20)])
    assert {answer.status_code for answer in answers} == {200}
    assert len(rendered) == 1


async def test_too_many_pages_at_once_are_refused_while_what_is_kept_is_served(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await site.get("")
    queue = site.pages._queue = RenderQueue(1, ahead=0, most_waiting=1)
    go, begun = threading.Event(), threading.Event()
    real = site.services.pages.article

    def slow(article: Article, *beside: Neighbour | None) -> bytes:
        begun.set()
        assert go.wait(5)
        return real(article, *beside)

    monkeypatch.setattr(site.services.pages, "article", slow)
    first = asyncio.create_task(site.get(FIRST))
    await asyncio.to_thread(begun.wait, 5)
    queue._timeout = 0.05
    others = [article_folder(article_key(f"{number}")) for number in (2, 3, 4)]
    for answer in await asyncio.gather(*[site.get(path) for path in others]):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["cache-control"] == "no-store"
    queue._timeout = TIMEOUT
    again = await site.get("")
    assert (again.status_code, again.content) == (200, kept.content)
    go.set()
    assert (await first).status_code == 200
    assert (await site.get(others[0])).status_code == 200


async def test_a_database_that_is_away_is_told_with_a_time_to_come_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked() -> int:
        raise StoreError("locked")

    with monkeypatch.context() as away:
        away.setattr(site.services.store.pages, "revision", locked)
        answer = await site.get("")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "30"
        assert "locked" not in answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        shown = await site.get("", accept="text/html,*/*")
        assert (shown.status_code, shown.headers["retry-after"]) == (503, "30")
        assert shown.headers["cache-control"] == "no-store"
        assert "<h1>请稍后再试</h1>" in shown.text
        head = await site.ask("HEAD", "", accept="text/html")
        assert (head.status_code, head.content) == (503, b"")
        assert head.headers["content-length"] == str(len(shown.content))
    assert (await site.get("")).status_code == 200


@pytest.mark.parametrize("hanging", ["revision", "snapshot"])
async def test_a_database_that_never_answers_is_told_as_well(
    site: Site, monkeypatch: pytest.MonkeyPatch, hanging: str
) -> None:
    """Otherwise all connections would come to wait for it, and nobody get a feed."""
    assert (await site.get("feeds/")).status_code == 200
    pages, go = site.services.store.pages, threading.Event()
    answers = getattr(pages, hanging)

    def hang() -> object:
        go.wait(20)
        return answers()

    with monkeypatch.context() as away:
        away.setattr(pages, hanging, hang)
        away.setattr(public_pages, "_WITHIN", 0.05)
        away.setattr(public_pages, "_LOOK_AT_STORE", 0.0)
        try:
            async with asyncio.timeout(5):
                first, second = await asyncio.gather(site.get(""), site.get(""))
        finally:
            go.set()
        assert [first.status_code, second.status_code] == [503, 503]
        assert first.headers["retry-after"] == "30"
    assert (await site.get("")).status_code == 200


async def test_a_page_that_cannot_be_rendered_is_told_and_logged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Article | Neighbour | None) -> bytes:
        raise TemplateError("web/article.html", 3, "division by zero")

    monkeypatch.setattr(site.services.pages, "article", fail)
    with capture_logs() as logs:
        answer = await site.get(FIRST)
    assert answer.status_code == 500
    assert "zero" not in answer.text
    assert "web/article.html:3: division by zero" in str(logs)


async def test_the_pages_that_are_kept_are_bounded(site: Site) -> None:
    site.pages._cache = PageCache(capacity=30_000)
    for number in range(5):
        await site.get(article_folder(article_key(f"{number}")))
        for encoding in ("gzip", "br"):
            await site.get("", accept_encoding=encoding)
        assert site.pages._cache._weight <= 30_000


async def test_who_refuses_every_encoding_gets_none(site: Site) -> None:
    answer = await site.get("", accept_encoding="identity;q=0, zstd")
    assert answer.status_code == 406
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_pages_take_no_other_methods(site: Site) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await site.ask(method, FIRST)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_an_article_leads_to_those_beside_it_in_its_category(site: Site) -> None:
    def beside(page: httpx.Response) -> dict[str, str]:
        links = LexborHTMLParser(page.text).css(".beside a")
        return {str(one.attributes["rel"]): one.css(".title")[0].text() for one in links}

    last, *_, second, newest = (one.folder for one in stores.since(site.services.store))
    assert beside(await site.get(second)) == {"prev": "文章2", "next": "文章4"}
    assert beside(await site.get(last)) == {"next": "文章1"}
    before = await site.get(newest)
    assert beside(before) == {"prev": "文章3"}
    site.tell("new", "新")
    after = await site.get(newest, if_none_match=before.headers["etag"])
    assert beside(after) == {"prev": "文章3", "next": "新"}
    (gone,) = site.services.store.withdrawals.find("new.md")
    site.services.store.withdrawals.withdraw([gone.article.key], site.services.clock())
    assert beside(await site.get(newest)) == {"prev": "文章3"}
