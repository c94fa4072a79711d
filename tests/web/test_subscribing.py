"""Subscribing on the web, with a whole site behind it: hostile forms and the honest way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from lxml import html

from digest.app.web_application import make_application
from digest.app.wiring import Services
from digest.articles.model import CategoryPath
from digest.store.signups import SignupStore
from digest.subscribers.model import NewSubscriber, Subscriber, SubscriberState
from digest.subscribers.tokens import (
    approval_token,
    confirmation_token,
    form_token,
    unsubscribe_token,
)
from digest.web.app import Probes
from digest.web.render_queue import Busy, RenderQueue
from digest.web.subscribing import OLDEST, YOUNGEST
from tests.conftest import Workplace
from tests.effort import SOAK, effort
from tests.store.samples import reading

URL = "https://news.example"
PROXIED = {"x-forwarded-for": "198.51.100.7"}


@dataclass
class Door:
    """A site with two digests and categories, where readers can subscribe."""

    workplace: Workplace
    services: Services
    client: httpx.AsyncClient
    woken: list[str]  #: an entry for each time that the senders of mails were woken

    @property
    def store(self) -> SignupStore:
        return self.services.store.signups

    def token(self, age: timedelta = timedelta(minutes=1)) -> str:
        return form_token(self.services.token_keys[0], self.services.clock() - age)

    async def post(
        self, headers: dict[str, str] | None = None, **fields: str | list[str]
    ) -> httpx.Response:
        filled = {"token": self.token(), "address": "reader@example.net", "digest": "daily"}
        body = urlencode({**filled, **fields}, doseq=True)
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self.client.post(
            "/subscribe/", content=body, headers={**kind, **(headers or {})}
        )

    def waiting(self) -> list[str]:
        return [request.address for request in self.store.waiting(self.services.clock())]

    def of_reader(self, **fields: Any) -> tuple[Subscriber, str]:
        """Subscribe somebody to the daily digest; return them, and the path of their page."""
        new = NewSubscriber(**{"address": "reader@example.net", "digest": "daily", **fields})
        reader, _ = self.services.store.subscribers.add(new, self.services.clock())
        token = unsubscribe_token(self.services.token_keys[0], reader.person, reader.digest)
        return reader, f"/unsubscribe/{token}?all"

    async def send(self, path: str, action: str, **fields: str | list[str]) -> httpx.Response:
        """Press a button of a form."""
        return await self.client.post(path, data={"action": action, **fields}, headers=PROXIED)

    def link(self) -> str:
        """Return the path of the only link to confirm."""
        (request,) = self.store.waiting(self.services.clock())
        key = self.services.token_keys[0]
        return f"/confirm/{confirmation_token(key, request.identifier, request.expires_at)}"

    async def confirm(self, path: str) -> httpx.Response:
        return await self.client.post(path, data={"action": "confirm"}, headers=PROXIED)

    def subscribers(self) -> list[Subscriber]:
        return self.services.store.subscribers.list()


@pytest.fixture(name="door")
def _door(workplace: Workplace) -> Iterator[Door]:
    workplace.configure()
    text = workplace.configuration.read_text().replace("http://127.0.0.1:8000", URL)
    web = '[web]\nsubscribe = true\nblocked_domains = ["spam.example"]\nsignups_per_network = 3\n'
    local = '\n[digests.local]\ntitle = "按钟点"\nschedule = "0 7 * * *"\ntimezone = "subscriber"\n'
    text = text.replace("[web]\n", web + "signups_per_day = 5\n")
    workplace.configuration.write_text(text + local)
    with workplace.open() as services:
        articles = [
            reading(f"{name}.md", title=name, categories=[CategoryPath(("金融", name))])
            for name in ("市场", "外汇")
        ]
        services.store.articles.record(articles, services.clock())
        woken: list[str] = []
        app = make_application(
            services,
            approvals=services.approval(),
            probes=Probes(unready=str),
            wake=lambda: woken.append("mail"),
        )
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL)
        yield Door(workplace, services, client, woken)


def said(response: httpx.Response) -> str:
    page = html.document_fromstring(response.text)
    status = str(page.xpath("string(//p[@role])"))
    return f"{page.findtext('.//h1')} {status}"


def category(response: httpx.Response, name: str) -> str:
    page = html.document_fromstring(response.text)
    return str(page.xpath(f"string(//label[bdi='{name}']/input/@value)"))


async def test_a_reader_subscribes_and_confirms(door: Door) -> None:
    form = await door.client.get("/subscribe/?digest=daily", headers={"accept-language": "de"})
    assert form.status_code == 200
    assert "set-cookie" not in form.headers
    assert form.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in form.headers["content-security-policy"]
    page = html.document_fromstring(form.text)
    assert page.get("lang") == "de"
    assert page.xpath("//input[@name='digest'][@checked]/@value") == ["daily"]
    assert page.xpath("//option[@selected]/@value") == ["de"]
    wanted = [category(form, "金融"), category(form, "市场")]
    assert page.xpath("//li[label/bdi='金融']//li/label/bdi/text()") == ["外汇", "市场"]

    token = str(page.xpath("string(//input[@name='token']/@value)"))
    door.workplace.clock.advance(seconds=YOUNGEST.total_seconds())
    assert page.xpath("//select[@name='timezone']/option/@selected") == []
    answer = await door.post(
        PROXIED, token=token, category=wanted, language="de", timezone="Asia/Tokyo"
    )
    assert answer.status_code == 200
    assert said(answer).startswith("Sehen Sie in Ihr Postfach")
    assert door.subscribers() == []
    assert door.woken == ["mail"]

    link = door.link()
    shown = await door.client.get(link)
    assert "reader@example.net" not in shown.text
    assert html.document_fromstring(shown.text).xpath("//ul[@class='titles']/li/bdi/text()") == [
        "每日摘要"
    ]
    assert door.subscribers() == []
    assert said(await door.confirm(link)).startswith("Sie sind angemeldet")
    assert door.woken == ["mail", "mail"]  # the welcome is not to wait for the next look
    (reader,) = door.subscribers()
    assert (reader.address, reader.digest, reader.language) == (
        "reader@example.net",
        "daily",
        "de",
    )
    assert [str(path) for path in reader.categories] == ["金融"]
    assert reader.timezone == "Asia/Tokyo"
    assert "asked 2026-11-23T08:00:02Z from 198.51.100.0/24" in reader.consent
    assert "Ich möchte diese E-Mails" in reader.consent


@pytest.mark.parametrize(
    "address",
    [
        "",
        "reader",
        "a@b@example.net",
        "reader@example.net\r\nBcc: other@example.net",
        "reader@example.net\nBcc: other@example.net",
        "reader@example.net, other@example.net",
        '"a b"@example.net',
        "reader@exa mple.net",
        "reader@[127.0.0.1]",
        "r" * 10_000 + "@example.net",
        "reader@example.net\0",
        "\ud800@example.net".encode("utf-8", "surrogatepass").decode("latin-1"),
        "reader@mailinator.com",
        "reader@sub.spam.example",
    ],
)
async def test_what_is_no_address_to_write_to_is_refused(door: Door, address: str) -> None:
    answer = await door.post(address=address)
    assert answer.status_code == 422
    assert html.document_fromstring(answer.text).xpath("//p[@role='alert']")
    assert door.waiting() == []


async def test_what_was_typed_comes_back_as_text(door: Door) -> None:
    answer = await door.post(address='"><script>alert(1)</script>')
    page = html.document_fromstring(answer.text)
    assert page.xpath("//input[@name='address']/@value") == ['"><script>alert(1)</script>']
    assert not page.xpath("//script")


async def test_domains_that_look_alike_are_two(door: Door) -> None:
    assert (await door.post(address="reader@example.net")).status_code == 200
    assert (await door.post(address="reader@exаmple.net")).status_code == 200  # a Cyrillic а
    assert len(door.waiting()) == 2
    assert (await door.post(address="READER@EXAMPLE.NET")).status_code == 200
    assert len(door.waiting()) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"digest": "weekly"},
        {"digest": ""},
        {"category": "0" * 10},
        {"category": "../../etc/passwd"},
        {"address": ["a@example.net", "b@example.net"]},
        {"token": ""},
        {"token": "a" * 48},
        {"token": ["a", "b"]},
    ],
)
async def test_fields_of_a_wrong_kind_store_nothing(
    door: Door, fields: dict[str, str | list[str]]
) -> None:
    assert (await door.post(None, **fields)).status_code == 422
    assert door.waiting() == []


async def test_other_bodies_store_nothing(door: Door) -> None:
    for body, kind in ((b"\xff" * 100, "text/plain"), (b'{"address": 1}', "application/json")):
        answer = await door.client.post("/subscribe/", content=body, headers={"content-type": kind})
        assert answer.status_code == 422
    assert (await door.client.post("/subscribe/", content=b"a" * 20_000)).status_code == 413
    assert (await door.post(timezone="../../etc/passwd")).status_code == 400
    assert (await door.client.put("/subscribe/")).status_code == 405
    assert door.waiting() == []


async def test_tokens_of_a_form_have_a_time_and_a_purpose(door: Door) -> None:
    key = door.services.token_keys[0]
    now = door.services.clock()
    good = door.token()
    for token in (
        door.token(YOUNGEST / 2),
        door.token(OLDEST * 2),
        door.token(-timedelta(hours=1)),
        form_token(b"x" * 32, now - timedelta(minutes=1)),
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        confirmation_token(key, "a" * 16, now - timedelta(minutes=1)),
        unsubscribe_token(key, "a" * 16, "daily"),
    ):
        answer = await door.post(token=token)
        assert answer.status_code == 422
        assert "reader@example.net" in answer.text
    assert door.waiting() == []
    assert (await door.post(token=good)).status_code == 200


async def test_who_fills_in_the_hidden_field_is_told_nothing(door: Door) -> None:
    answer = await door.post(website="https://spam.example")
    assert answer.status_code == 200
    assert door.waiting() == []
    assert said(answer) == said(await door.post())
    assert door.waiting() == ["reader@example.net"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "origin": URL}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "https://news.example.evil.example"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 200),
        ({"origin": URL}, 200),
        ({"origin": "null"}, 200),
    ],
)
async def test_forms_that_another_site_sends_are_refused(
    door: Door, headers: dict[str, str], status: int
) -> None:
    assert (await door.post(headers)).status_code == status
    assert len(door.waiting()) == (status == 200)


async def test_known_unknown_and_suppressed_addresses_get_one_answer(door: Door) -> None:
    store, now = door.services.store.subscribers, door.services.clock()
    for name, state in (("known", "active"), ("gone", "unsubscribed"), ("bad", "suppressed")):
        new = NewSubscriber(
            address=f"{name}@example.net", digest="daily", state=SubscriberState(state)
        )
        store.add(new, now)
    answers = {}
    for number, name in enumerate(("known", "gone", "bad", "new", "new")):
        network = {"x-forwarded-for": f"192.0.{number}.1"}
        answer = await door.post(network, address=f"{name}@example.net")
        headers = {key: value for key, value in answer.headers.items() if key != "date"}
        answers[answer.text] = (answer.status_code, headers)
    assert len(answers) == 1
    assert door.waiting() == ["known@example.net", "gone@example.net", "new@example.net"]


@pytest.mark.soak
@pytest.mark.timeout(1_800 if SOAK else 300)
async def test_many_requests_at_once_for_one_address_wait_as_one_mail(door: Door) -> None:
    for _ in range(effort(1, 25)):  # 10,000 requests in a soak of size 10
        answers = await asyncio.gather(*(door.post() for _ in range(40)))
        assert {answer.status_code for answer in answers} == {200}
    (request,) = door.store.waiting(door.services.clock())
    assert door.waiting() == ["reader@example.net"]
    door.store.mark_sent(request.identifier, door.services.clock())
    door.workplace.clock.advance(hours=23)
    await door.post()
    assert door.waiting() == []
    door.workplace.clock.advance(hours=1)
    await door.post()
    assert door.waiting() == ["reader@example.net"]


async def test_a_network_and_the_whole_have_limits(door: Door) -> None:
    async def ask(number: int, network: int) -> httpx.Response:
        headers = {"x-forwarded-for": f"203.0.113.1, 192.0.{network}.{number}"}
        return await door.post(headers, address=f"r{number}@example.net")

    assert [(await ask(number, 1)).status_code for number in range(4)] == [200, 200, 200, 429]
    assert [(await ask(number, 2)).status_code for number in range(4, 7)] == [200, 200, 503]
    refused = await ask(7, 3)
    assert refused.headers["retry-after"]
    assert html.document_fromstring(refused.text).findtext(".//h1") == "请稍后再试"
    assert len(door.waiting()) == 5


async def test_links_to_confirm_are_of_use_once_and_for_three_days(door: Door) -> None:
    await door.post()
    link, key, now = door.link(), door.services.token_keys[0], door.services.clock()
    (request,) = door.store.waiting(now)
    foreign = (
        confirmation_token(b"x" * 32, request.identifier, request.expires_at),
        confirmation_token(key, "b" * 16, request.expires_at),
        unsubscribe_token(key, request.identifier, "daily"),
        approval_token(key, 1, "daily", now),
        form_token(key, now),
        link[-48:-1] + ("a" if link[-1] != "a" else "b"),
        "",
        "%00" * 48,
    )
    for token in foreign:
        assert (await door.confirm(f"/confirm/{token}")).status_code == 404
    assert (await door.client.post(link, data={"action": "unsubscribe"})).status_code == 400
    assert door.subscribers() == []

    assert (await door.confirm(link)).status_code == 200
    (reader,) = door.subscribers()
    door.services.store.subscribers.unsubscribe(reader.id, now)
    again = await door.confirm(link)  # what was used brings nobody back
    assert again.status_code == 200
    assert door.subscribers()[0].state is SubscriberState.UNSUBSCRIBED
    door.workplace.clock.advance(days=3)
    assert (await door.confirm(link)).status_code == 404


async def test_a_link_that_is_too_old_subscribes_nobody(door: Door) -> None:
    await door.post()
    link = door.link()
    door.workplace.clock.advance(days=3)
    assert (await door.confirm(link)).status_code == 404
    assert door.subscribers() == []


async def test_who_left_comes_back_by_confirming_and_who_is_suppressed_does_not(
    door: Door,
) -> None:
    store, now = door.services.store.subscribers, door.services.clock()
    left = NewSubscriber(
        address="reader@example.net", digest="daily", state=SubscriberState.UNSUBSCRIBED
    )
    store.add(left, now)
    await door.post(digest=["daily", "notes"])
    await door.confirm(door.link())
    assert [one.state for one in door.subscribers()] == [SubscriberState.ACTIVE] * 2

    await door.post(address="other@example.net")
    request = door.store.waiting(now)[-1]
    store.add(
        NewSubscriber(
            address="other@example.net", digest="daily", state=SubscriberState.SUPPRESSED
        ),
        now,
    )
    key = door.services.token_keys[0]
    token = confirmation_token(key, request.identifier, request.expires_at)
    answer = await door.confirm(f"/confirm/{token}")
    assert "退回" in said(answer)
    assert store.of_address("other@example.net")[0].state is SubscriberState.SUPPRESSED


async def test_who_is_removed_is_not_brought_back_by_an_older_link(door: Door) -> None:
    await door.post()
    link = door.link()
    door.services.store.subscribers.remove("Reader@example.net", None)
    assert (await door.confirm(link)).status_code == 404
    assert door.subscribers() == []


async def test_pages_lead_to_the_form_where_there_is_one(door: Door) -> None:
    assert 'href="/subscribe/"' in (await door.client.get("/feeds/")).text
    below = (await door.client.get("/feeds/金融/")).text
    asked = re.search(r'href="(/subscribe/\?category=[0-9a-f]+)"', below)
    assert asked
    page = html.document_fromstring((await door.client.get(asked[1])).text)
    assert page.xpath("//label[input/@checked]/bdi/text()") == ["金融"]


async def test_the_front_page_asks_for_the_address_and_the_form_for_the_rest(door: Door) -> None:
    front = html.document_fromstring((await door.client.get("/")).text)
    start = "//form[@action='/subscribe/'][@method='post']"
    assert front.xpath(f"{start}//input/@name") == ["address"]
    assert front.xpath(f"{start}//button/@name") == ["action"]
    begun = {
        "action": str(front.xpath(f"string({start}//button/@value)")),
        "address": "reader@example.net",
    }
    answer = await door.client.post("/subscribe/", data=begun)
    page = html.document_fromstring(answer.text)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert page.xpath("//input[@id='address']/@value") == ["reader@example.net"]
    assert not page.xpath("//p[@role='alert']")
    assert door.waiting() == []
    foreign = await door.client.post(
        "/subscribe/", data=begun, headers={"sec-fetch-site": "cross-site"}
    )
    assert foreign.status_code == 403


async def test_who_confirmed_is_led_on(door: Door) -> None:
    await door.post(digest=["daily", "local"])
    link = door.link()
    before = html.document_fromstring((await door.client.get(link)).text)
    assert before.xpath("//section//a/@href") == []
    for answer in (await door.confirm(link), await door.client.get(link)):
        page = html.document_fromstring(answer.text)
        issues = page.xpath("//ul[@class='titles']//a/@href")
        assert issues == ["/digests/daily/", "/digests/local/"]
        assert page.xpath("//ul[@class='titles']/li/bdi/text()") == ["每日摘要", "按钟点"]
        assert page.xpath("//p[@class='more'][last()]/a/@href") == ["/"]
        preferences = str(page.xpath("string(//p[@class='more'][1]/a/@href)"))
        shown = html.document_fromstring((await door.client.get(preferences)).text)
        assert shown.xpath("count(//h2[starts-with(@id, 'digest-')])") == 2
    person = door.subscribers()[0].person
    assert door.store.person("READER@example.net") == person
    assert door.store.person("nobody@example.net") is None


async def test_there_is_no_form_where_no_mail_is_sent(workplace: Workplace) -> None:
    workplace.configure()
    with workplace.open() as services:
        assert "subscribe/" not in (await workplace.visit(services, "")).text
        assert (await workplace.visit(services, "subscribe/")).status_code == 404


async def test_the_language_of_a_form_may_be_chosen(door: Door) -> None:
    for headers, query, language, way in (
        ({"accept-language": "ar"}, "", "ar", "rtl"),
        ({"accept-language": "ar"}, "?language=fr", "fr", "ltr"),
        ({"accept-language": "xx"}, "?language=xx", "zh-CN", "ltr"),
    ):
        page = html.document_fromstring(
            (await door.client.get(f"/subscribe/{query}", headers=headers)).text
        )
        assert (page.get("lang"), page.get("dir")) == (language, way)


async def test_the_form_waits_for_its_turn_like_any_page(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> bytes:
        raise Busy

    monkeypatch.setattr(RenderQueue, "run", full)
    answer = await door.client.get("/subscribe/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert (await door.post(address="")).status_code == 503
    assert (await door.post(category="x")).status_code == 503
    assert door.waiting() == []
