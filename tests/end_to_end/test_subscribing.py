"""From the form on the web to the first mail and out again, over real SMTP and real HTTP."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage

import httpx
from lxml import html

from digest.subscribers.model import SubscriberState
from tests.conftest import Workplace
from tests.end_to_end.test_file_to_mailbox import DUE, Mailbox, configure, daemon, mailbox, port
from tests.waiting import ThreadCalls

__all__ = ["mailbox", "port"]  # fixtures


def path_of(link: str) -> str:
    return link.removeprefix("http://news.example")


def confirming(message: EmailMessage) -> str:
    link = re.search(r"^http://news\.example/confirm/\w+$", message.get_content(), re.MULTILINE)
    assert link
    return link[0]


async def test_a_reader_subscribes_reads_leaves_and_comes_back(
    workplace: Workplace,
    calls: ThreadCalls,
    mailbox: tuple[Mailbox, int],
    port: int,
) -> None:
    box, smtp_port = mailbox
    configure(workplace, smtp_port, port, "http://news.example")
    workplace.write("old.md", "旧闻")
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Host": "news.example", "Accept-Language": "ar", "Origin": "http://news.example"},
    )
    async with client, daemon(workplace, calls):
        form = html.document_fromstring((await client.get("/subscribe/")).text)
        assert form.get("dir") == "rtl"
        workplace.clock.advance(seconds=5)
        fields = {
            "token": str(form.xpath("string(//input[@name='token']/@value)")),
            "address": "reader@example.net",
            "digest": "daily",
            "language": "ar",
        }
        for _ in range(3):
            assert (await client.post("/subscribe/", data=fields)).status_code == 200
        await calls.until(lambda: box.messages)
        ((recipients, message),) = box.messages
        assert recipients == ["reader@example.net"]
        assert message["Subject"] == "يرجى التأكيد: 每日摘要"
        link = path_of(confirming(message))
        await client.get(link)
        answer = await client.post(link, data={"action": "confirm"})
        assert html.document_fromstring(answer.text).findtext(".//h1") == "تم اشتراكك"
    workplace.write("new.md", "新闻")

    workplace.clock.now = DUE
    async with daemon(workplace, calls):
        _, (recipients, message) = box.messages
        assert recipients == ["reader@example.net"]
        leave = path_of(message["List-Unsubscribe"].strip("<>"))
        async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers) as later:
            await later.post(leave, data={"action": "unsubscribe"})
            await later.post(leave, data={"action": "resubscribe"})
            move = {"action": "move", "address": "new@example.net"}
            await later.post(f"{leave}?all", data=move)
            await calls.until(lambda: len(box.messages) == 3)
            recipients, message = box.messages[2]
            assert recipients == ["new@example.net"]
            await later.post(path_of(confirming(message)), data={"action": "confirm"})

    workplace.clock.now = DUE + timedelta(days=1)  # the former address had a mail that day
    async with daemon(workplace, calls):
        await calls.until(lambda: len(box.messages) == 4)
        recipients, message = box.messages[3]
        assert recipients == ["reader@example.net"]
        assert message["Subject"] == "تغيّر عنوانك"
        async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers) as later:
            await later.post(path_of(confirming(message)), data={"action": "confirm"})
    with workplace.open() as services:
        (reader,) = services.store.subscribers.list()
        assert (reader.state, reader.address) == (SubscriberState.ACTIVE, "reader@example.net")
        past = [state.state for state in services.store.subscribers.history(reader.id)]
        assert past == [SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED]
        assert "from 127.0.0.0/24" in reader.consent
