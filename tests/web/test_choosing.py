"""The forms of a person's page, with a whole site behind them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from lxml import html

from digest.articles.model import CategoryPath
from digest.subscribers.model import NewSubscriber, Subscriber, SubscriberState
from digest.subscribers.tokens import confirmation_token, form_token, unsubscribe_token
from tests.effort import SOAK, effort
from tests.web.test_app import assert_private
from tests.web.test_subscribing import PROXIED, Door, _door, category, said

__all__ = ["_door"]

URLENCODED = {"content-type": "application/x-www-form-urlencoded"}
#: What is no address to write to, or none that a form of ours sends.
HOSTILE = (
    *("", "reader", "a@b@example.net", "reader@example.net\r\nBcc: other@example.net"),
    *("reader@example.net, other@example.net", "r" * 10_000 + "@example.net", "r@example.net\0"),
    *('"a b"@example.net', "reader@[127.0.0.1]", "reader@mailinator.com", "a@sub.spam.example"),
)


def only(door: Door) -> Subscriber:
    (reader,) = door.subscribers()
    return reader


def wrong(response: httpx.Response) -> str:
    """Return what a form is told to mend."""
    assert response.status_code == 422
    assert_private(response)
    return str(html.document_fromstring(response.text).xpath("string(//p[@role='alert'])"))


async def test_a_reader_chooses_categories_language_zone_and_a_pause(door: Door) -> None:
    gone = CategoryPath(("消失",))
    _, path = door.of_reader(digest="local", language="de-AT", categories=(gone,))
    page = await door.client.get(path)
    assert_private(page)
    shown = html.document_fromstring(page.text)
    assert shown.get("lang") == "de-AT"
    assert shown.xpath("//option[@selected]/text()") == ["Deutsch", "Asia/Shanghai"]
    assert shown.xpath("//label[input/@checked]/bdi/text()") == ["消失"]
    assert shown.xpath("//input[@type='date']/@min") == ["2026-11-24"]
    wanted = [category(page, name) for name in ("外汇", "市场", "消失")]
    fields = {"language": "de", "timezone": "Asia/Tokyo", "paused_until": "2026-12-01"}
    saved = await door.send(path, "save local", category=wanted, **fields)
    assert "Gespeichert." in said(saved)
    assert "Keine E-Mails bis 1. Dezember 2026." in saved.text
    reader = only(door)
    assert {str(one) for one in reader.categories} == {"金融 / 外汇", "金融 / 市场", "消失"}
    assert (reader.language, reader.timezone) == ("de-AT", "Asia/Tokyo")
    assert reader.paused_until == datetime(2026, 11, 30, 15, tzinfo=UTC)
    above = [category(page, "金融"), *wanted[:2]]
    await door.send(path, "save local", category=above, language="fr", timezone="Asia/Tokyo")
    reader = only(door)
    assert (reader.categories, reader.language) == ((CategoryPath(("金融",)),), "fr")
    assert (reader.timezone, reader.paused_until) == ("Asia/Tokyo", None)


async def test_a_pause_is_ended_by_a_button_and_changes_nothing_else(door: Door) -> None:
    chosen = {"language": "en", "categories": (CategoryPath(("金融",)),)}
    reader, path = door.of_reader(**chosen)
    await door.send(path, "save daily", paused_until="2026-12-01", category=[])
    assert only(door).paused_until == datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert only(door).categories == ()
    resumed = await door.send(path, "resume daily")
    assert "No mail until" not in resumed.text.replace("No mail until</label>", "")
    assert only(door).paused_until is None
    assert only(door).timezone == reader.timezone


async def test_a_pause_that_a_list_brought_stays_when_something_else_is_chosen(door: Door) -> None:
    for hours in (1, 24 * 800):  # this evening, and beyond what the form offers
        end = door.services.clock() + timedelta(hours=hours)
        _, path = door.of_reader(language="en", paused_until=end)
        page = html.document_fromstring((await door.client.get(path)).text)
        first, day, last = (
            str(page.xpath(f"string(//input[@type='date']/@{name})"))
            for name in ("min", "value", "max")
        )
        assert first <= day <= last
        answer = await door.send(path, "save daily", language="fr", paused_until=day)
        assert answer.status_code == 200
        reader = only(door)
        assert (reader.language, reader.paused_until) == ("fr", end)
        door.services.store.subscribers.remove(reader.address, None)


async def test_fields_of_a_wrong_kind_change_nothing(door: Door) -> None:
    before, path = door.of_reader(language="en")
    for day in ("x", "2026-11-23", "2027-12-01", "9999-99-99", "2026-12-01T00:00", "9" * 5_000):
        assert "tomorrow" in wrong(await door.send(path, "save daily", paused_until=day))
    for one in ("0" * 10, "../../etc/passwd", "\0", "é"):
        assert "categories" in wrong(await door.send(path, "save daily", category=one))
    for fields in ({"language": "xx"}, {"timezone": "../../etc/passwd"}, {"timezone": "x" * 9_000}):
        assert (await door.send(path, "save daily", **fields)).status_code == 400
    for body in (
        b"action=erase&action=erase",
        b"action=erase%00&sure=yes",
        b"sure=yes",
        b"\xff=&&=",
    ):
        assert (await door.client.post(path, content=body, headers=URLENCODED)).status_code == 400
    for kind in ("text/plain", "multipart/form-data", "application/json"):
        answer = await door.client.post(
            path, content=b"action=erase&sure=yes", headers={"content-type": kind}
        )
        assert answer.status_code == 400
    assert (await door.client.post(path, content=b"a" * 20_000)).status_code == 413
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        fields = {"action": "erase", "sure": "yes"}
        assert (await door.client.post(path, data=fields, headers=headers)).status_code == 403
    assert only(door) == before


async def test_an_address_is_changed_by_the_mail_to_the_new_one(door: Door) -> None:
    reader, path = door.of_reader(language="en", consent="a form")
    answer = await door.send(path, "move", address="New@example.net")
    assert said(answer).startswith("Look into your mailbox")
    assert only(door).address == "reader@example.net"
    stored = (await door.send(path, "download")).json()
    (asked,) = stored["requests"]
    assert (asked["address"], asked["network"]) == ("New@example.net", "198.51.100.0/24")
    assert (stored["subscriptions"][0]["consent"], asked["confirmed_at"]) == ("a form", None)
    link = door.link()
    shown = await door.client.get(link)
    assert "New@example.net" not in shown.text
    assert said(shown).startswith("Use this address")
    assert only(door).address == "reader@example.net"
    assert (await door.send(link, "move")).status_code == 400
    woken = len(door.woken)
    assert said(await door.confirm(link)).startswith("Your address is changed")
    assert len(door.woken) == woken + 1  # the former address is told at once
    assert (only(door).address, only(door).person) == ("New@example.net", reader.person)
    assert only(door).consent.endswith("Z from 198.51.100.0/24")
    store = door.services.store.subscribers
    store.add(NewSubscriber(address="reader@example.net", digest="daily"), door.services.clock())
    assert said(await door.confirm(link)).startswith("Your address is changed")  # and does nothing
    assert len(store.of_address("reader@example.net")) == 1
    assert "N…@example.net" in (await door.client.get(path)).text


async def test_the_former_address_is_told_and_may_take_the_mails_back(door: Door) -> None:
    _, path = door.of_reader(language="en")
    await door.send(path, "move", address="new@example.net")
    link = door.link()
    await door.confirm(link)
    notice = next(one for one in door.store.waiting(door.services.clock()) if one.notice)
    assert (notice.address, notice.network) == ("reader@example.net", "198.51.100.0/24")
    await door.confirm(link)
    assert sorted(door.waiting()) == ["new@example.net", "reader@example.net"]
    stored = (await door.send(path, "download")).json()["requests"]
    assert [asked["address"] for asked in stored] == ["new@example.net", "reader@example.net"]
    key = door.services.token_keys[0]
    back = f"/confirm/{confirmation_token(key, notice.identifier, notice.expires_at)}"
    shown = await door.client.get(back)
    assert said(shown).startswith("Use this address from now on?")
    assert "r…@example.net" in shown.text
    assert only(door).address == "new@example.net"
    assert said(await door.confirm(back)).startswith("Your address is changed")
    assert only(door).address == "reader@example.net"
    assert (await door.confirm(link)).status_code == 404  # another mail took its place
    assert only(door).address == "reader@example.net"


async def test_what_is_no_address_to_move_to_is_refused(door: Door) -> None:
    _, path = door.of_reader(language="en")
    for address in HOSTILE:
        assert wrong(await door.send(path, "move", address=address))
    assert wrong(await door.send(path, "move", address=["a@example.net", "b@example.net"]))
    typed = await door.send(path, "move", address='"><script>')
    page = html.document_fromstring(typed.text)
    assert page.xpath("//input[@name='address']/@value") == ['"><script>']
    assert door.waiting() == []
    assert (await door.send(path, "move", address="reader@exаmple.net")).status_code == 200
    assert (await door.send(path, "move", address="reader@example.net")).status_code == 200
    assert len(door.waiting()) == 2  # the first domain has a Cyrillic letter


async def test_known_unknown_and_suppressed_addresses_get_one_answer(door: Door) -> None:
    store, now = door.services.store.subscribers, door.services.clock()
    for name, state in (("known", "active"), ("gone", "unsubscribed"), ("bad", "suppressed")):
        new = NewSubscriber(
            address=f"{name}@example.net", digest="daily", state=SubscriberState(state)
        )
        store.add(new, now)
    store.erase("erased@example.net", now, door.services.token_keys[0])
    _, path = door.of_reader()
    answers = set()
    for number, name in enumerate(("known", "gone", "bad", "erased", "new", "new")):
        headers = {"x-forwarded-for": f"192.0.{number}.1"}
        data = {"action": "move", "address": f"{name}@example.net"}
        answer = await door.client.post(path, data=data, headers=headers)
        answers.add((answer.status_code, answer.text))
    assert len(answers) == 1
    assert door.waiting() == [f"{name}@example.net" for name in ("known", "gone", "erased", "new")]


@pytest.mark.soak
@pytest.mark.timeout(1_800 if SOAK else 300)
@pytest.mark.parametrize("forms", [("move",), ("move", "subscribe")], ids="-".join)
async def test_many_requests_at_once_for_one_address_wait_as_one_mail(
    door: Door, forms: tuple[str, ...]
) -> None:
    address = "New@example.net"
    paths = [door.of_reader(address=f"{name}@example.net")[1] for name in "abcd"]

    async def ask(number: int) -> int:
        spelt = address.upper() if number % 3 else address
        if forms[number % len(forms)] == "subscribe":
            return (await door.post(PROXIED, address=spelt)).status_code
        return (await door.send(paths[number // 2 % 4], "move", address=spelt)).status_code

    for _ in range(effort(1, 25)):  # 10,000 requests in a soak of size 10
        assert set(await asyncio.gather(*map(ask, range(40)))) == {200}
    for _ in range(2):
        (request,) = door.store.waiting(door.services.clock())
        assert request.address.casefold() == address.casefold()
        door.store.mark_sent(request.identifier, door.services.clock())
        door.workplace.clock.advance(hours=23)
        assert set(await asyncio.gather(*map(ask, range(4)))) == {200}
        assert door.waiting() == []
        door.workplace.clock.advance(hours=1)
        assert set(await asyncio.gather(*map(ask, range(4)))) == {200}
    assert len(door.waiting()) == 1


async def test_a_network_has_limits_whichever_form_is_sent(door: Door) -> None:
    _, path = door.of_reader()
    await door.post(PROXIED, address="new@example.net")
    numbered = [f"new{number}@example.net" for number in range(4)]
    codes = [(await door.send(path, "move", address=one)).status_code for one in numbered]
    assert codes == [200, 200, 429, 429]
    assert (await door.post(PROXIED, address="other@example.net")).status_code == 429
    assert len(door.waiting()) == 3


async def test_tokens_of_another_purpose_change_no_address(door: Door) -> None:
    reader, path = door.of_reader()
    await door.send(path, "move", address="new@example.net")
    link, key, now = door.link(), door.services.token_keys[0], door.services.clock()
    (request,) = door.store.waiting(now)
    for token in (
        confirmation_token(b"x" * 32, request.identifier, request.expires_at),
        confirmation_token(key, reader.person, request.expires_at),
        unsubscribe_token(key, request.identifier, "daily"),
        form_token(key, now),
        link[-48:-1] + ("a" if link[-1] != "a" else "b"),
    ):
        assert (await door.confirm(f"/confirm/{token}")).status_code == 404
    own = confirmation_token(key, reader.person, now + timedelta(days=1))
    assert (await door.client.get(f"/unsubscribe/{own}?all")).status_code == 404
    door.workplace.clock.advance(days=3)
    assert (await door.confirm(link)).status_code == 404
    assert only(door).address == "reader@example.net"


async def test_who_erases_everything_is_told_what_stays_and_is_imported_no_more(door: Door) -> None:
    _, path = door.of_reader(language="en")
    await door.send(path, "move", address="new@example.net")
    link = door.link()
    for sure in ("", "no", ["yes", "yes"]):
        assert wrong(await door.send(path, "erase", sure=sure)) == "Please tick the box first."
    erased = await door.send(path, "erase", sure="yes")
    assert_private(erased)
    assert "keyed hash" in said(erased)
    assert door.subscribers() == []
    for page in (path, link):
        assert (await door.client.get(page)).status_code == 404
    assert (await door.send(path, "resubscribe daily")).status_code == 404


async def test_the_page_speaks_the_languages_of_mails(door: Door) -> None:
    for language in ("zh-CN", "zh-TW", "ja", "de", "fr", "es", "ar"):
        _, path = door.of_reader(address=f"{language}@example.net", language=language)
        page = await door.client.get(path)
        assert "Erase" not in page.text
        assert html.document_fromstring(page.text).get("lang") == language


@pytest.mark.parametrize("action", ["move", "erase", "download", "unsubscribe daily"])
async def test_who_is_removed_between_two_looks_is_not_found(
    door: Door, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    _, path = door.of_reader()
    monkeypatch.setattr(door.services.store.subscribers, "of_address", lambda _: [])
    answer = await door.send(path, action, address="new@example.org", sure="yes")
    assert answer.status_code == 404
