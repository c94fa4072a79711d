"""The page on which the operator decides on an edition, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from lxml import html

from digest.editions.model import EditionState
from digest.subscribers.tokens import approval_token, unsubscribe_token
from digest.web import sample_pages as samples
from digest.web.app import Probes, create_app
from digest.web.forms import LinkContext
from digest.web.pages import WebPages
from tests.defaults import default_plan
from tests.feeds.samples import SITE, article
from tests.web.desk import Desk
from tests.web.test_app import KEY, NOW, TEMPLATES, Book, assert_private

HOSTILE = '<script>alert(1)</script> & "{{ 7 * 7 }}"'


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


@pytest.fixture(name="client")
async def _client(tmp_path: Path, desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(tmp_path, desk) as client:
        yield client


def connect(output: Path, desk: Desk) -> httpx.AsyncClient:
    app = create_app(
        LinkContext(
            pages=WebPages(templates=TEMPLATES, plan=default_plan(site=SITE)),
            token_keys=[KEY],
            digests={},
            clock=lambda: NOW,
        ),
        subscriptions=Book(),
        approvals=desk,
        probes=Probes(unready=str),
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")


def token(number: int, key: bytes = KEY, digest: str = "daily") -> str:
    return approval_token(key, number, digest, samples.sample_proposals()[0].edition.due_at)


def link(number: int) -> str:
    return f"/approve/{token(number)}"


def parsed(response: httpx.Response) -> html.HtmlElement:
    assert response.status_code == 200
    assert_private(response)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    return html.document_fromstring(response.text)


def buttons(page: html.HtmlElement) -> list[str]:
    return [str(value) for value in page.xpath("//form/button/@value")]


async def test_looking_at_the_link_changes_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    for _ in range(3):
        page = parsed(await client.get(link(1)))
    assert (await client.head(link(1))).status_code == 200
    assert desk.calls == []
    assert desk.proposals[1].waits
    assert buttons(page) == ["approve", "cancel"]
    (form,) = page.xpath("//form")
    assert (form.get("method"), form.get("action")) == ("post", None)


async def test_the_page_shows_the_edition_its_readers_and_its_deadline(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    one = replace(desk.proposals[1].digest, timezone="Asia/Tokyo")
    desk.proposals[1] = replace(desk.proposals[1], digest=one)
    page = parsed(await client.get(link(1)))
    titles = [title.strip() for title in page.xpath("//li//h3/a/text()")]
    assert sorted(titles) == sorted(held.title for held in desk.proposals[1].articles)
    decision = page.xpath("//section[@class='decision']")[0].text_content()
    assert "12 位读者" in decision
    assert "如不取消，将自动发送于" in decision
    deadline = desk.proposals[1].decided_at
    assert deadline is not None
    assert deadline.tzinfo == ZoneInfo("Asia/Tokyo")
    assert "(+09:00)" in decision
    dropping = parsed(await client.get(link(2)))
    assert "如不批准，将作废于" in dropping.text_content()


@pytest.mark.parametrize(
    ("action", "state", "said"),
    [
        ("approve", EditionState.OPEN, "这一期已获批准。"),
        ("cancel", EditionState.CANCELLED, "这一期已取消。"),
    ],
)
async def test_a_button_decides_once_and_a_second_click_tells_what_was_decided(
    client: httpx.AsyncClient, desk: Desk, action: str, state: EditionState, said: str
) -> None:
    page = parsed(await client.post(link(1), data={"action": action}))
    assert desk.proposals[1].edition.state is state
    for other in ("approve", "cancel"):
        again = parsed(await client.post(link(1), data={"action": other}))
        assert desk.proposals[1].edition.state is state
        assert again.xpath("//p[@role='status']/text()") == [said]
        assert buttons(again) == []
    assert page.xpath("//p[@role='status']/text()") == [said]
    shown = parsed(await client.get(link(1)))
    assert shown.xpath("//p[@role='status']/text()") == [said]
    leads_on = shown.xpath("//section[@class='decision']//a/@href")
    assert leads_on == (["/digests/daily/2/"] if action == "approve" else [])


BODIES: dict[str, dict[str, object]] = {
    "nothing": {},
    "another action": {"data": {"action": "send"}},
    "two actions": {"data": {"action": ["approve", "cancel"]}},
    "one click": {"data": {"List-Unsubscribe": "One-Click"}},
    "multipart": {"files": {"action": (None, "approve")}},
    "json": {"json": {"action": "approve"}},
    "garbage": {
        "content": b"\xff%ff&action",
        "headers": {"content-type": "application/x-www-form-urlencoded"},
    },
}


@pytest.mark.parametrize("body", BODIES)
async def test_what_no_button_sends_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, desk: Desk, body: str
) -> None:
    response = await client.post(link(1), **BODIES[body])  # type: ignore[arg-type]  # a table
    assert response.status_code == 400
    assert_private(response)
    assert desk.calls == []


async def test_a_large_body_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    response = await client.post(link(1), content=b"action=approve&" + b"a" * 20_000)
    assert response.status_code == 413
    assert_private(response)
    assert desk.calls == []


async def test_what_cannot_be_sent_can_only_be_cancelled(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    assert buttons(parsed(await client.get(link(3)))) == ["cancel"]
    assert buttons(parsed(await client.post(link(3), data={"action": "approve"}))) == ["cancel"]
    assert desk.proposals[3].waits
    assert buttons(parsed(await client.post(link(3), data={"action": "cancel"}))) == []


async def test_a_link_that_is_none_of_ours_is_not_found(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    for bad in (
        unsubscribe_token(KEY, "a" * 16, "daily"),
        token(1, b"other" * 8),
        token(99),  # an edition that is no more
        token(1, digest="weekly"),  # of this number in another database
        "x",
        "a" * 5000,
    ):
        for response in (
            await client.get(f"/approve/{bad}"),
            await client.post(f"/approve/{bad}", data={"action": "approve"}),
        ):
            assert response.status_code == 404
            assert_private(response)
    assert desk.calls == []


async def test_an_approval_link_unsubscribes_nobody(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"/unsubscribe/{token(1)}")).status_code == 404


async def test_a_database_that_is_busy_says_so(client: httpx.AsyncClient, desk: Desk) -> None:
    desk.broken = True
    response = await client.post(link(1), data={"action": "approve"})
    assert response.status_code == 503
    assert desk.calls == []


async def test_a_hostile_edition_stays_text_and_the_token_stays_out_of_the_page(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    one = desk.proposals[1]
    desk.proposals[1] = replace(
        one,
        digest=replace(one.digest, title=HOSTILE),
        articles=[article(title=HOSTILE, summary=HOSTILE)],
    )
    response = await client.get(link(1))
    page = parsed(response)
    assert not page.xpath("//script | //style | //@style | //@onclick")
    assert page.xpath("//p[@class='label']/text()") == [HOSTILE]
    assert "49" not in response.text
    assert token(1) not in response.text
