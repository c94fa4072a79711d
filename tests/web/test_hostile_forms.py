"""Hostile fields in both forms that send a mail, and what their answers may give away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import event

from digest.subscribers.model import NewSubscriber, SubscriberState
from digest.subscribers.signup import Signup
from digest.subscribers.tokens import confirmation_token
from tests.web.test_subscribing import PROXIED, Door, _door, said

pytestmark = pytest.mark.full_speed  # the tests of each package cover what this repeats

__all__ = ["_door"]

FORMS = pytest.mark.parametrize("form", ["subscribe", "move"])
READER = "reader@example.net"
#: An address in each state that a stranger may ask for.
STATES = ("known", "unsubscribed", "suppressed", "erased", "unknown")


async def ask(door: Door, form: str, address: str, **fields: str | list[str]) -> httpx.Response:
    """Send one of the forms; a reader who has subscribed before sends the one to move."""
    if form == "subscribe":
        return await door.post(PROXIED, address=address, **fields)
    _, path = door.of_reader(address="mover@example.org", language="zh-CN")
    return await door.send(path, "move", address=address, **fields)


def with_states(door: Door) -> dict[str, str]:
    """Return an address in each state."""
    store, now = door.services.store.subscribers, door.services.clock()
    addresses = {state: f"{state}@example.net" for state in STATES}
    for state in ("known", "unsubscribed", "suppressed"):
        kind = SubscriberState.ACTIVE if state == "known" else SubscriberState(state)
        store.add(NewSubscriber(address=addresses[state], digest="daily", state=kind), now)
    store.add(NewSubscriber(address=addresses["erased"], digest="daily"), now)
    store.erase(addresses["erased"], now, door.services.token_keys[0])
    return addresses


@contextmanager
def statements(door: Door) -> Iterator[list[str]]:
    """Collect the SQL that is executed, without its values."""
    collected: list[str] = []
    engine = door.services.store._database.engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        collected.append(re.sub(r"\((\?, )+\?\)", "(?)", statement))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield collected
    finally:
        event.remove(engine, "before_cursor_execute", note)


@FORMS
async def test_no_answer_tells_in_words_or_work_what_an_address_is(door: Door, form: str) -> None:
    addresses = with_states(door)
    answers, work = set(), set()
    for number, address in enumerate(addresses.values()):
        if form == "move":
            _, path = door.of_reader(address="mover@example.org", language="zh-CN")
        headers = {"x-forwarded-for": f"192.0.{number}.1"}
        with statements(door) as executed:
            if form == "subscribe":
                answer = await door.post(headers, address=address)
            else:
                data = {"action": "move", "address": address}
                answer = await door.client.post(path, data=data, headers=headers)
        answers.add((answer.status_code, answer.text, repr(sorted(answer.headers.items()))))
        work.add(tuple(executed))
    assert len(answers) == 1
    assert len(work) == 1
    assert any("INSERT INTO signup" in statement for statement in work.pop())


@FORMS
async def test_the_page_of_a_link_does_not_tell_either(door: Door, form: str) -> None:
    addresses = with_states(door)
    shown = set()
    for state in ("known", "unsubscribed", "erased", "unknown"):
        asked = Signup(
            identifier="b" * 16,
            address=addresses[state],
            digests=("daily",) if form == "subscribe" else (),
            categories=(),
            language="de",
            network="",
            wording="",
            requested_at=door.services.clock(),
            person="p" * 16 if form == "move" else None,
        )
        door.workplace.clock.advance(days=2)
        asked = replace(asked, requested_at=door.services.clock())
        door.store.request(asked, door.services.settings.signup_policy().limits)
        token = confirmation_token(door.services.token_keys[0], "b" * 16, asked.expires_at)
        page = await door.client.get(f"/confirm/{token}")
        assert page.status_code == 200
        shown.add(page.text.replace(f"{state[0]}…@example.net", ""))
        door.services.store.subscribers.remove(addresses[state], None)
    assert len(shown) == 1


@FORMS
@pytest.mark.parametrize(
    "field", ["language", "timezone", "category", "digest", "website", "action", "paused_until"]
)
async def test_line_breaks_in_any_field_end_in_no_header_and_no_row(
    door: Door, form: str, field: str
) -> None:
    for value in ("de\r\nBcc: x@example.org", "de\nSet-Cookie: a=b", "\r\n\r\n<script>"):
        fields: dict[str, str | list[str]] = {field: value}
        if form == "move" and field == "action":
            fields = {"sure": value}
        answer = await ask(door, form, READER, **fields)
        assert answer.status_code in (200, 400, 422)
        assert not {"bcc", "set-cookie"} & set(answer.headers)
        assert "<script>" not in answer.text
    for asked in door.store.waiting(door.services.clock()):
        assert not {"\\r", "\\n"} & set(re.findall(r"\\.", repr(asked)))


@FORMS
@pytest.mark.parametrize(
    "address", ["rеader@example.net", "reader@exаmple.net", "ꭱeader@example.net"]
)
async def test_addresses_that_look_alike_are_two(door: Door, form: str, address: str) -> None:
    reader, _ = door.of_reader(consent="a form")
    assert (await ask(door, form, address)).status_code == 200
    (request,) = door.store.waiting(door.services.clock())
    assert request.address == address
    token = confirmation_token(door.services.token_keys[0], request.identifier, request.expires_at)
    await door.confirm(f"/confirm/{token}")
    assert door.services.store.subscribers.of_address(READER) == [reader]
    assert len(door.services.store.subscribers.of_address(address)) == 1


@FORMS
@pytest.mark.parametrize(
    ("address", "known"),
    [("u\u017fer@example.net", "user@example.net"), ("straße@example.net", "strasse@example.net")],
)
async def test_letters_that_fold_alike_give_nobody_the_mails_of_another(
    door: Door, form: str, address: str, known: str
) -> None:
    state = SubscriberState.UNSUBSCRIBED
    reader, _ = door.of_reader(address=known, state=state)
    assert (await ask(door, form, address)).status_code == 200
    (request,) = door.store.waiting(door.services.clock())
    token = confirmation_token(door.services.token_keys[0], request.identifier, request.expires_at)
    answer = await door.confirm(f"/confirm/{token}")
    assert "退回" in said(answer)  # no mail is sent there
    for page in (answer, await door.client.get(f"/confirm/{token}")):
        assert "/unsubscribe/" not in page.text
    assert door.services.store.subscribers.of_address(known) == [reader]
    told = door.store.of_person(known, reader.person)
    assert address not in [asked.address for asked in told if asked.person is None]


@FORMS
@pytest.mark.parametrize(
    "address",
    [
        "ｒｅａｄｅｒ@example.net",
        "READER@EXAMPLE.NET",
        "reader@ｅxample。net",
        "\u200breader@example.net.",
    ],
)
async def test_spellings_of_one_address_get_one_mail_a_day(
    door: Door, form: str, address: str
) -> None:
    for spelt in (address, READER, address):
        assert (await ask(door, form, spelt)).status_code == 200
    assert len(door.waiting()) == 1


@FORMS
async def test_a_form_that_is_sent_again_sends_no_second_mail(door: Door, form: str) -> None:
    token = door.token()
    for _ in range(2):
        await ask(door, form, READER, token=token)
        (request,) = door.store.waiting(door.services.clock())
        door.store.mark_sent(request.identifier, door.services.clock())
        await ask(door, form, READER, token=token)
        assert door.waiting() == []
        door.workplace.clock.advance(days=1)
        token = door.token()


async def test_the_link_of_a_notice_is_of_use_once_and_for_three_days(door: Door) -> None:
    _, path = door.of_reader()
    await door.send(path, "move", address="new@example.net")
    await door.confirm(door.link())
    notice = next(one for one in door.store.waiting(door.services.clock()) if one.notice)
    key = door.services.token_keys[0]
    link = f"/confirm/{confirmation_token(key, notice.identifier, notice.expires_at)}"
    for body in ({}, {"action": "move"}, {"action": "erase", "sure": "yes"}):
        assert (await door.client.post(link, data=body)).status_code == 400
    door.workplace.clock.advance(days=3)
    assert (await door.confirm(link)).status_code == 404
    assert [one.address for one in door.subscribers()] == ["new@example.net"]


async def test_buttons_that_are_pressed_again_change_nothing_more(door: Door) -> None:
    for digest in ("daily", "notes"):
        _, path = door.of_reader(digest=digest)
    store = door.services.store.subscribers
    for action in ("save daily", "resume daily", "unsubscribe daily", "unsubscribe *"):
        fields = {"paused_until": "2026-12-01"} if action == "save daily" else {}
        first = await door.send(path, action, **fields)
        once = [(one, store.history(one.id)) for one in door.subscribers()]
        again = await door.send(path, action, **fields)
        assert (first.status_code, again.text) == (200, first.text)
        assert [(one, store.history(one.id)) for one in door.subscribers()] == once
    for action in ("resubscribe daily", "resubscribe notes"):
        await door.send(path, action)
        once = [(one, store.history(one.id)) for one in door.subscribers()]
        await door.send(path, action)
        assert [(one, store.history(one.id)) for one in door.subscribers()] == once
    assert {one.state for one in door.subscribers()} == {SubscriberState.ACTIVE}
