"""From the form on the web to the first mail and out again, over real SMTP and real HTTP."""

from __future__ import annotations

import re

import httpx
from lxml import html

from digest.subscribers.model import SubscriberState
from tests.conftest import Workplace
from tests.end_to_end.test_file_to_mailbox import DUE, Mailbox, configure, daemon, mailbox, port
from tests.waiting import ThreadCalls

__all__ = ["mailbox", "port"]  # fixtures


def path_of(link: str) -> str:
    return link.removeprefix("http://news.example")


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
        link = re.search(r"^http://news\.example/confirm/\w+$", message.get_content(), re.MULTILINE)
        assert link
        await client.get(path_of(link[0]))
        answer = await client.post(path_of(link[0]), data={"action": "confirm"})
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
    with workplace.open() as services:
        (reader,) = services.store.subscribers.list()
        assert reader.state is SubscriberState.ACTIVE
        past = [state.state for state in services.store.subscribers.history(reader.id)]
        assert past == [SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED]
        assert "from 127.0.0.0/24" in reader.consent
