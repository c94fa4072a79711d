"""Hostile tokens and bodies for every form and link: what is refused changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from lxml import html
from sqlalchemy import select

from digest.app.web_application import make_application
from digest.app.wiring import Services
from digest.store.schema import erased_address, past_state, person, signup, subscriber
from digest.subscribers.model import NewSubscriber, SubscriberState
from digest.subscribers.tokens import (
    Purpose,
    approval_token,
    confirmation_token,
    form_token,
    unsubscribe_token,
)
from digest.web import sample_pages as samples
from digest.web.app import Probes
from digest.web.subscribing import YOUNGEST
from tests.conftest import Workplace
from tests.web.desk import Desk

pytestmark = pytest.mark.full_speed  # the tests of each package cover what this repeats

URL = "http://127.0.0.1:8000"
FORM = "application/x-www-form-urlencoded"
TABLES = (person, subscriber, past_state, signup, erased_address)
#: By route, the purpose of its tokens.
ROUTES = {
    "subscribe": Purpose.FORM,
    "confirm": Purpose.CONFIRM,
    "unsubscribe": Purpose.UNSUBSCRIBE,
    "preferences": Purpose.UNSUBSCRIBE,
    "approve": Purpose.APPROVE,
}
#: By route, the fields of each of its buttons.
BUTTONS: dict[str, list[dict[str, str]]] = {
    "confirm": [{"action": "confirm"}],
    "unsubscribe": [
        {},
        {"List-Unsubscribe": "One-Click"},
        {"action": "unsubscribe"},
        {"action": "resubscribe"},
    ],
    "preferences": [
        {"action": "save daily", "paused_until": "2026-12-01"},
        {"action": "resume daily"},
        {"action": "unsubscribe daily"},
        {"action": "unsubscribe *"},
        {"action": "resubscribe notes"},
        {"action": "move", "address": "new@example.net"},
        {"action": "download"},
        {"action": "erase", "sure": "yes"},
    ],
    "approve": [{"action": "approve"}, {"action": "cancel"}],
}


@dataclass
class Site:
    """A site with a reader, a request and a draft, and a token of each purpose for them."""

    services: Services
    desk: Desk
    tokens: dict[Purpose, str]
    client: httpx.AsyncClient
    runner: asyncio.Runner

    def send(self, method: str, path: str, **sent: Any) -> httpx.Response:
        return self.runner.run(self.client.request(method, path, **sent))

    def attempts(self, route: str, token: str) -> list[httpx.Response]:
        """Return the answers to everything that a route offers, asked with a token."""
        if route == "subscribe":
            fields = {"token": token, "address": "new@example.net", "digest": "daily"}
            return [self.send("POST", "/subscribe/", data=fields)]
        path = "unsubscribe" if route == "preferences" else route
        path = f"/{path}/{quote(token)}{'?all' if route == 'preferences' else ''}"
        posted = [self.send("POST", path, data=fields) for fields in BUTTONS[route]]
        return [self.send("GET", path), self.send("HEAD", path), *posted]

    def everything(self) -> list[Any]:
        """Return all that is stored, and what the operator's links did."""
        with self.services.store._database.read() as connection:
            rows = [connection.execute(select(table)).all() for table in TABLES]
        return [*rows, list(self.desk.calls)]


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    workplace = Workplace(tmp_path_factory.mktemp("links"))
    workplace.articles.mkdir()
    workplace.configure()
    text = workplace.configuration.read_text()
    workplace.configuration.write_text(text.replace("[web]", "[web]\nsubscribe = true"))
    desk = Desk()
    with workplace.open() as services, asyncio.Runner() as runner:
        store, now, key = services.store, services.clock(), services.token_keys[0]
        reader, _ = store.subscribers.add(
            NewSubscriber(address="reader@example.net", digest="daily"), now
        )
        left = SubscriberState.UNSUBSCRIBED
        store.subscribers.add(
            NewSubscriber(address=reader.address, digest="notes", state=left), now
        )
        app = make_application(services, approvals=desk, probes=Probes(unready=str))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL)
        form = form_token(key, now)
        workplace.clock.advance(seconds=YOUNGEST.total_seconds())
        site = Site(services, desk, {}, client, runner)
        site.send(
            "POST",
            "/subscribe/",
            data={"token": form, "address": "other@example.net", "digest": "daily"},
        )
        (request,) = store.signups.waiting(services.clock())
        site.tokens = {
            Purpose.UNSUBSCRIBE: unsubscribe_token(key, reader.person, "daily"),
            Purpose.CONFIRM: confirmation_token(key, request.identifier, request.expires_at),
            Purpose.FORM: form,
            Purpose.APPROVE: approval_token(
                key, 1, "daily", samples.sample_proposals()[0].edition.due_at
            ),
        }
        yield site


def refused(site: Site, route: str, token: str) -> list[tuple[int, str, str]]:
    """Use a token for everything that a route offers; check that nothing came of it.

    Returns what was answered.
    """
    before = site.everything()
    answers = site.attempts(route, token)
    assert site.everything() == before
    status = 422 if route == "subscribe" else 404
    assert {answer.status_code for answer in answers} == {status}
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        if route != "subscribe":  # its form says again what was typed, with a token of its own
            assert token not in answer.text or len(token) < 2
    if route == "subscribe":
        page = html.document_fromstring(answers[0].text)
        return [(status, str(page.xpath("string(//p[@role='alert'])")), "")]
    return [
        (answer.status_code, answer.text, repr(sorted(answer.headers.items())))
        for answer in answers
    ]


@pytest.mark.parametrize("route", ROUTES)
def test_a_token_of_its_purpose_is_taken(site: Site, route: str) -> None:
    token = site.tokens[ROUTES[route]]
    if route == "subscribe":
        fields = {"token": token, "address": "", "digest": "daily"}
        answer = site.send("POST", "/subscribe/", data=fields)
        page = html.document_fromstring(answer.text)
        told = str(page.xpath("string(//p[@role='alert'])"))
        assert told != refused(site, route, "a" * 48)[0][1]
    else:
        path = "unsubscribe" if route == "preferences" else route
        query = "?all" if route == "preferences" else ""
        assert site.send("GET", f"/{path}/{token}{query}").status_code == 200


@pytest.mark.parametrize(
    ("route", "purpose"),
    [(route, purpose) for route in ROUTES for purpose in Purpose if ROUTES[route] != purpose],
)
def test_a_token_of_another_purpose_is_as_good_as_none(
    site: Site, route: str, purpose: Purpose
) -> None:
    assert refused(site, route, site.tokens[purpose]) == refused(site, route, "a" * 48)


@pytest.mark.parametrize("route", ROUTES)
def test_an_altered_token_is_as_good_as_none(site: Site, route: str) -> None:
    good = site.tokens[ROUTES[route]]
    expected = refused(site, route, "a" * 48)
    for place in (0, 25, 26, 47):  # of the MAC, of what it signs
        other = "b" if good[place] == "a" else "a"
        assert refused(site, route, good[:place] + other + good[place + 1 :]) == expected
    for token in (good[1:], good[:-1], good[24:] + good[:24], "a" * 10_000, "%00", "é"):
        assert refused(site, route, token) == expected


@pytest.mark.parametrize("route", ROUTES)
def test_a_token_of_another_key_is_as_good_as_none(site: Site, route: str) -> None:
    other, now = b"x" * 32, site.services.clock()
    token = {
        Purpose.UNSUBSCRIBE: unsubscribe_token(other, "a" * 16, "daily"),
        Purpose.CONFIRM: confirmation_token(other, "a" * 16, now),
        Purpose.FORM: form_token(other, now - YOUNGEST),
        Purpose.APPROVE: approval_token(other, 1, "daily", now),
    }[ROUTES[route]]
    assert refused(site, route, token) == refused(site, route, "a" * 48)


BODIES = {
    "nothing": (b"", FORM),
    "json": (b'{"action": "confirm", "sure": "yes"}', "application/json"),
    "json list": (b"[[]]", "application/json"),
    "text": (b"action=confirm", "text/plain"),
    "multipart": (b"--x\r\ncontent-disposition: form-data", "multipart/form-data; boundary=x"),
    "twice": (b"action=confirm&action=approve", FORM),
    "same twice": (b"action=erase&action=erase&sure=yes", FORM),
    "brackets": (b"action[]=confirm&action[$ne]=x", FORM),
    "number": (b"action=1&sure=1", FORM),
    "nul": (b"action=confirm%00", FORM),
    "line break": (b"action=confirm%0d%0aSet-Cookie:%20a=b", FORM),
    "no utf-8": (b"action=%ff%fe&\xff\xfe", FORM),
    "utf-16": ("action=confirm".encode("utf-16"), FORM),
    "surrogate": (b"action=%ed%a0%80", FORM),
    "long": (b"action=" + b"c" * 10_000, FORM),
    "many": (b"&".join([b"a=b"] * 4_000), FORM),
    "no name": (b"=confirm&&&==", FORM),
    "no type": (b"action=confirm", ""),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("route", ["confirm", "preferences", "approve"])
def test_what_no_button_sends_changes_nothing(site: Site, route: str, body: str) -> None:
    content, kind = BODIES[body]
    path = "unsubscribe" if route == "preferences" else route
    path = f"/{path}/{site.tokens[ROUTES[route]]}{'?all' if route == 'preferences' else ''}"
    before = site.everything()
    answer = site.send("POST", path, content=content, headers={"content-type": kind})
    assert answer.status_code == 400
    assert site.send("POST", path, content=b"a=" * 9_000).status_code == 413
    assert site.everything() == before
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", BODIES)
def test_a_form_to_subscribe_of_wrong_types_changes_nothing(site: Site, body: str) -> None:
    content, kind = BODIES[body]
    before = site.everything()
    answer = site.send("POST", "/subscribe/", content=content, headers={"content-type": kind})
    assert answer.status_code == 422
    assert site.everything() == before


@pytest.mark.parametrize("route", ROUTES)
def test_looking_changes_nothing_whatever_is_asked_for(site: Site, route: str) -> None:
    token = site.tokens[ROUTES[route]]
    path = {"subscribe": "/subscribe/", "preferences": f"/unsubscribe/{token}"}.get(
        route, f"/{route}/{token}"
    )
    before = site.everything()
    for fields in BUTTONS.get(route, [{"token": token, "address": "new@example.net"}]):
        query = urlencode({**({"all": ""} if route == "preferences" else {}), **fields})
        for method in "GET", "HEAD":
            assert site.send(method, f"{path}?{query}").status_code == 200
        for method in "PUT", "PATCH", "DELETE":
            assert site.send(method, f"{path}?{query}").status_code == 405
    assert site.everything() == before
