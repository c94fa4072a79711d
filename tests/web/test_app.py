from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from lxml import html

from digest.editions.model import Digest, ReceivedEdition
from digest.errors import StoreError
from digest.subscribers.model import PastState, Subscriber, SubscriberState
from digest.subscribers.tokens import SubscriptionLink, unsubscribe_token
from digest.web import sample_pages as samples
from digest.web.app import Probes, create_app
from digest.web.forms import LinkContext
from digest.web.pages import WebPages
from tests.defaults import default_plan
from tests.feeds.samples import SITE
from tests.web.desk import Desk

TEMPLATES = Path(__file__).parents[2] / "templates"
NOW = datetime(2024, 5, 20, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
#: By the numbers of subscribers.
PERSONS = {number: letter * 16 for number, letter in enumerate("abcdef")}
DAILY = Digest(name="daily", title="每日新闻", language="zh")


class Book:
    """Subscriptions in memory."""

    def __init__(self) -> None:
        self.people = {
            number: replace(samples.sample_subscriber(state), id=number, person=PERSONS[number])
            for number, state in enumerate(SubscriberState, 1)
        }
        self.calls: list[tuple[str, int, datetime]] = []
        self.broken = False

    def linked(self, link: SubscriptionLink) -> tuple[Subscriber | None, str | None]:
        if self.broken:
            raise StoreError("locked")
        if link.person == "7" * 16:
            raise LookupError(link.person)
        for one in self.people.values():
            if link.person == one.person and link.names(one.digest):
                return one, one.digest
        return None, None

    def of_address(self, address: str) -> list[Subscriber]:
        return [one for one in self.people.values() if one.address == address]

    def history(self, subscriber_id: int) -> tuple[PastState, ...]:
        return (PastState(state=SubscriberState.ACTIVE, since=NOW, reason="a form"),)

    def received(self, subscriber_id: int) -> list[ReceivedEdition]:
        return []

    def prefer(self, chosen: Subscriber, now: datetime) -> None:
        self.people[chosen.id] = chosen

    def erase(self, address: str, now: datetime, key: bytes) -> None:
        for one in self.of_address(address):
            del self.people[one.id]

    def unsubscribe(self, subscriber_id: int, now: datetime, reason: str) -> bool:
        assert reason
        self.calls.append(("unsubscribe", subscriber_id, now))
        return self._turn(subscriber_id, SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED)

    def resubscribe(self, subscriber_id: int, now: datetime, reason: str) -> bool:
        assert reason
        self.calls.append(("resubscribe", subscriber_id, now))
        return self._turn(subscriber_id, SubscriberState.UNSUBSCRIBED, SubscriberState.ACTIVE)

    def _turn(self, number: int, before: SubscriberState, after: SubscriberState) -> bool:
        person = self.people[number]
        if person.state is not before:
            return False
        self.people[number] = replace(person, state=after)
        return True


@pytest.fixture(name="book")
def _book() -> Book:
    return Book()


@pytest.fixture(name="pages", scope="module")
def _pages() -> WebPages:
    return WebPages(templates=TEMPLATES, plan=default_plan(site=SITE))


def connect(
    book: Book,
    pages: WebPages,
    last_scan_at: Callable[[], datetime | None] | None = None,
    unready: Callable[[], str] = str,
) -> httpx.AsyncClient:
    app = create_app(
        LinkContext(pages=pages, digests={"daily": DAILY}, token_keys=[KEY], clock=lambda: NOW),
        subscriptions=book,
        approvals=Desk(),
        probes=Probes(last_scan_at=last_scan_at, unready=unready),
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")


@pytest.fixture(name="client")
async def _client(book: Book, pages: WebPages) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(book, pages, lambda: NOW) as client:
        yield client


def token(number: int, key: bytes = KEY) -> str:
    return unsubscribe_token(key, PERSONS[number], "daily")


def link(number: int) -> str:
    return f"/unsubscribe/{token(number)}"


def assert_private(response: httpx.Response) -> None:
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-robots-tag"] == "noindex"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in response.headers


async def test_what_does_not_exist_has_a_page_of_its_own(client: httpx.AsyncClient) -> None:
    response = await client.get("/nothing/here")
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert html.document_fromstring(response.text).findtext(".//h1") == "没有这个页面"


async def test_health_is_ok(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz")
    assert (response.status_code, response.text) == (200, "ok")
    assert response.headers["cache-control"] == "no-store"


async def test_who_is_ready_says_so_and_is_asked_once_for_many(book: Book, pages: WebPages) -> None:
    problems = [""]
    asked: list[str] = []

    def unready() -> str:
        asked.append("")
        return problems[0]

    async with connect(book, pages, unready=unready) as client:
        for response in await asyncio.gather(*(client.get("/readyz") for _ in range(5))):
            assert (response.status_code, response.text) == (200, "ready\n")
            assert "retry-after" not in response.headers
            assert_private(response)
        assert len(asked) == 1


async def test_who_is_not_ready_says_why_and_when_to_come_again(
    book: Book, pages: WebPages
) -> None:
    async with connect(book, pages, unready=lambda: "the database does not answer") as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.text == "not ready: the database does not answer\n"
    assert_private(response)


async def test_the_status_is_one_line_that_everybody_may_read(client: httpx.AsyncClient) -> None:
    response = await client.get("/status")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == "up, last scan 2024-05-20T12:00:00Z\n"
    assert_private(response)


async def test_the_status_before_the_first_scan_says_so(book: Book, pages: WebPages) -> None:
    async with connect(book, pages, lambda: None) as client:
        assert (await client.get("/status")).text == "up, first scan under way\n"


async def test_there_may_be_no_status(book: Book, pages: WebPages) -> None:
    async with connect(book, pages) as client:
        assert (await client.get("/status")).status_code == 404


async def test_a_locked_database_is_told_with_a_time_to_come_back(
    book: Book, pages: WebPages
) -> None:
    book.broken = True
    async with connect(book, pages) as client:
        for response in (
            await client.get(link(1)),
            await client.post(link(1)),
        ):
            assert response.status_code == 503
            assert response.headers["retry-after"] == "30"
            assert "locked" not in response.text
            assert response.headers["content-type"].startswith("text/plain")
            assert_private(response)
        shown = await client.get(link(1), headers={"accept": "text/html"})
        assert (shown.status_code, shown.headers["retry-after"]) == (503, "30")
        assert "<h1>请稍后再试</h1>" in shown.text
        assert_private(shown)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused_and_told_what_is_allowed(
    client: httpx.AsyncClient, method: str
) -> None:
    for path, allowed in (
        ("/", {"GET", "HEAD"}),
        ("/healthz", {"GET", "HEAD"}),
        (link(1), {"GET", "HEAD", "POST"}),
    ):
        response = await client.request(method, path)
        assert response.status_code == 405
        assert set(response.headers["allow"].split(", ")) == allowed
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_looking_at_the_link_changes_nothing(client: httpx.AsyncClient, book: Book) -> None:
    for response in (await client.get(link(1)), await client.head(link(1))):
        assert response.status_code == 200
        assert_private(response)
    assert book.calls == []
    assert book.people[1].state is SubscriberState.ACTIVE
    page = html.document_fromstring((await client.get(link(1))).text)
    assert page.xpath("//form/button/@value") == ["unsubscribe"]


ONE_CLICK = {
    "nothing": {},
    "urlencoded": {"data": {"List-Unsubscribe": "One-Click"}},
    "multipart": {"files": {"List-Unsubscribe": (None, "One-Click")}},
    "form": {"data": {"action": "unsubscribe"}},
    "garbage": {"content": b"\xff\xfe&&==", "headers": {"content-type": "x"}},
    "garbled form": {
        "content": b"\xff%ff&action",
        "headers": {"content-type": "application/x-www-form-urlencoded"},
    },
}


@pytest.mark.parametrize("body", ONE_CLICK)
async def test_a_post_unsubscribes_at_once_whatever_its_body(
    client: httpx.AsyncClient, book: Book, body: str
) -> None:
    response = await client.post(link(1), **ONE_CLICK[body])  # type: ignore[arg-type]  # a table
    assert response.status_code == 200
    assert_private(response)
    assert book.calls == [("unsubscribe", 1, NOW)]
    assert book.people[1].state is SubscriberState.UNSUBSCRIBED
    page = html.document_fromstring(response.text)
    assert page.xpath("//form/button/@value") == ["resubscribe"]


async def test_unsubscribing_twice_does_no_harm(client: httpx.AsyncClient, book: Book) -> None:
    first, second = await client.post(link(1)), await client.post(link(1))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.text == second.text
    assert book.people[1].state is SubscriberState.UNSUBSCRIBED


async def test_who_unsubscribed_may_come_back(client: httpx.AsyncClient, book: Book) -> None:
    await client.post(link(1))
    response = await client.post(link(1), data={"action": "resubscribe"})
    assert response.status_code == 200
    assert book.people[1].state is SubscriberState.ACTIVE
    page = html.document_fromstring(response.text)
    assert page.xpath("//p[@role='status']/text()") == ["欢迎回来，订阅已恢复。"]
    assert page.xpath("//form/button/@value") == ["unsubscribe"]


async def test_an_address_that_bounces_stays_off(client: httpx.AsyncClient, book: Book) -> None:
    number = list(SubscriberState).index(SubscriberState.SUPPRESSED) + 1
    response = await client.post(link(number), data={"action": "resubscribe"})
    assert response.status_code == 200
    assert book.people[number].state is SubscriberState.SUPPRESSED
    assert not html.document_fromstring(response.text).xpath("//form")


@pytest.mark.parametrize("broken", ["%0A", "%0D%0A", "=%0A", "%20"])
async def test_a_link_that_a_mail_program_broke_over_lines_works(
    client: httpx.AsyncClient, book: Book, broken: str
) -> None:
    path = f"/unsubscribe/{token(1)[:20]}{broken}{token(1)[20:]}"
    assert (await client.get(path)).status_code == 200
    assert (await client.post(path)).status_code == 200
    assert book.people[1].state is SubscriberState.UNSUBSCRIBED


async def test_a_link_that_is_none_of_ours_is_not_found(
    client: httpx.AsyncClient, book: Book
) -> None:
    good = token(1)
    for bad in (
        token(1, b"other" * 8),
        unsubscribe_token(KEY, "7" * 16, "daily"),  # of another database
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good[1:],
        "x",
        "%00",
        "a" * 5000,
    ):
        for response in (
            await client.get(f"/unsubscribe/{bad}"),
            await client.post(f"/unsubscribe/{bad}"),
        ):
            assert response.status_code == 404
            assert "没有这个页面" in response.text
            assert bad not in response.text or bad == "x"
            assert_private(response)
    assert book.calls == []


ENDS = [".", ")", ">", "=", "/", ",", ";", "%3E", "%22", "'", "%0D%0A", "%253E", "?utm=1", "&gt;"]


@pytest.mark.parametrize("end", ENDS)
async def test_a_link_works_with_what_mail_programs_add(
    client: httpx.AsyncClient, book: Book, end: str
) -> None:
    assert (await client.get(link(1) + end)).status_code == 200
    assert (await client.post(link(1) + end)).status_code == 200
    assert book.people[1].state is SubscriberState.UNSUBSCRIBED


async def test_the_link_of_a_removed_reader_says_that_no_more_mail_comes(
    client: httpx.AsyncClient, book: Book
) -> None:
    for response in (await client.get(link(5)), await client.post(link(5))):
        assert response.status_code == 200
        assert_private(response)
        page = html.document_fromstring(response.text)
        assert page.findtext(".//h1") == "您不会再收到邮件"
        assert page.xpath("//p[@class='label']/text()") == ["每日新闻"]
        assert not page.xpath("//form")
    assert book.calls == []


@pytest.mark.parametrize(
    ("own", "accepted", "language"),
    [
        (None, None, "zh"),  # the digest's
        (None, "de-DE,de;q=0.9,en;q=0.8", "de-DE"),
        (None, "en;q=0.5, fr", "fr"),
        (None, "fi, *;q=0.1", "zh"),
        (None, "fr;q=0, fi", "zh"),
        ("ja", "de", "ja"),
        ("fi", "de", "de"),
    ],
)
async def test_the_page_speaks_the_readers_language_and_shows_the_digests_title(
    client: httpx.AsyncClient, book: Book, own: str | None, accepted: str | None, language: str
) -> None:
    book.people[1] = replace(book.people[1], language=own)
    headers = {"accept-language": accepted} if accepted else {}
    for response in (
        await client.get(link(1), headers=headers),
        await client.post(link(1), headers=headers),
    ):
        page = html.document_fromstring(response.text)
        assert page.get("lang") == language
        assert page.xpath("//p[@class='label']/text()") == ["每日新闻"]


async def test_a_large_body_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, book: Book
) -> None:
    response = await client.post(link(1), content=b"a" * 20_000)
    assert response.status_code == 413
    assert_private(response)
    assert book.calls == []


async def test_a_body_that_breaks_off_changes_nothing(book: Book, pages: WebPages) -> None:
    app = create_app(
        LinkContext(pages=pages, digests={"daily": DAILY}, token_keys=[KEY], clock=lambda: NOW),
        subscriptions=book,
        approvals=Desk(),
        probes=Probes(unready=str),
    )
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": link(1),
        "query_string": b"",
        "headers": [],
        "root_path": "",
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert book.calls == []


async def test_the_token_is_not_in_the_page(client: httpx.AsyncClient) -> None:
    for response in (await client.get(link(1)), await client.post(link(1))):
        assert token(1) not in response.text
        assert "reader@example.org" not in response.text
