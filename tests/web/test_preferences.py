"""The page of a person: all their digests, one or all of them left, and what is stored."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from lxml import html

from digest.subscribers.model import SubscriberState
from digest.subscribers.tokens import approval_token, unsubscribe_token
from digest.web.pages import WebPages
from tests.defaults import default_plan
from tests.feeds.samples import SITE
from tests.web.test_app import KEY, NOW, TEMPLATES, Book, assert_private, connect, token

PATH = f"/unsubscribe/{token(1)}?all"


@pytest.fixture(name="book")
def _book() -> Book:
    """Give a person with three digests, one of them suppressed, and somebody else."""
    book = Book()
    first = replace(book.people[1], language="de")
    book.people = {
        1: first,
        2: replace(first, id=2, digest="weekly"),
        3: replace(first, id=3, digest="notes", state=SubscriberState.SUPPRESSED),
        4: replace(first, id=4, person="d" * 16, address="other@example.org"),
    }
    return book


@pytest.fixture(name="client")
def _client(book: Book) -> httpx.AsyncClient:
    return connect(book, WebPages(templates=TEMPLATES, plan=default_plan(site=SITE)))


def buttons(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    assert_private(response)
    page = html.document_fromstring(response.text)
    assert page.get("lang") == "de"
    return [str(button.get("value")) for button in page.iter("button")]


async def test_a_digest_is_left_and_the_click_undone(client: httpx.AsyncClient, book: Book) -> None:
    first, rest = ["save daily", "unsubscribe daily"], ["unsubscribe *", "download", "erase"]
    shown = [*first, "unsubscribe weekly", *rest]
    response = await client.get(PATH)
    assert buttons(response) == shown
    assert "每日新闻" in response.text
    assert "reader@example.org" not in response.text
    left = await client.post(PATH, data={"action": "unsubscribe weekly"})
    assert buttons(left) == [*first, "resubscribe weekly", *rest[1:]]
    assert buttons(await client.post(PATH, data={"action": "resubscribe weekly"})) == shown
    assert book.calls == [("unsubscribe", 2, NOW), ("resubscribe", 2, NOW)]


async def test_all_are_left_at_once_but_nobody_elses(client: httpx.AsyncClient, book: Book) -> None:
    left = await client.post(PATH, data={"action": "unsubscribe *"})
    assert buttons(left) == ["resubscribe daily", "resubscribe weekly", "download", "erase"]
    assert [one.state for one in book.people.values()] == [
        SubscriberState.UNSUBSCRIBED,
        SubscriberState.UNSUBSCRIBED,
        SubscriberState.SUPPRESSED,
        SubscriberState.ACTIVE,
    ]


async def test_what_is_stored_is_downloaded(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, data={"action": "download"})
    assert_private(response)
    assert response.headers["content-disposition"].startswith("attachment")
    told = response.json()["subscriptions"]
    assert [one["digest"] for one in told] == ["daily", "weekly", "notes"]
    assert told[0]["address"] == "reader@example.org"
    assert told[0]["history"] == [
        {"state": "active", "since": "2024-05-20T12:00:00Z", "reason": "a form"}
    ]


async def test_a_digest_may_be_called_all(client: httpx.AsyncClient, book: Book) -> None:
    book.people[2] = replace(book.people[2], digest="all")
    await client.post(PATH, data={"action": "unsubscribe all"})
    assert book.calls == [("unsubscribe", 2, NOW)]


@pytest.mark.parametrize(
    "action",
    [
        *("", "resubscribe *", "unsubscribe", "unsubscribe other", "delete daily", "daily"),
        *("save", "save *", "save weekly", "save notes", "save other", "resume *", "move"),
    ],
)
async def test_what_no_button_sends_changes_nothing(
    client: httpx.AsyncClient, book: Book, action: str
) -> None:
    assert (await client.post(PATH, data={"action": action})).status_code == 400
    assert book.calls == []


@pytest.mark.parametrize(
    "text",
    ["", "a" * 48, token(1, b"x" * 32), token(5), approval_token(KEY, 1, "daily", NOW)],
)
async def test_only_the_token_of_a_mail_leads_there(client: httpx.AsyncClient, text: str) -> None:
    for method in "GET", "POST":
        assert (await client.request(method, f"/unsubscribe/{text}?all")).status_code == 404


async def test_a_token_of_another_database_leads_nowhere(client: httpx.AsyncClient) -> None:
    foreign = unsubscribe_token(KEY, "7" * 16, "daily")
    assert (await client.get(f"/unsubscribe/{foreign}?all")).status_code == 404


async def test_the_page_to_unsubscribe_leads_there(client: httpx.AsyncClient) -> None:
    path = PATH.partition("?")[0]
    for response, further in ((await client.get(path), []), (await client.post(path), ["/"])):
        page = html.document_fromstring(response.text)
        assert page.xpath("//p[@class='more']/a/@href") == ["?all", *further]
    assert token(1) not in (await client.get(PATH)).text
