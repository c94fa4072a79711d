"""From a file in a folder to a mail in somebody's mailbox, over real SMTP and real HTTP."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage

import feedparser
import httpx
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from digest.app.daemon import Daemon
from digest.subscribers.model import NewSubscriber, SubscriberState
from tests.conftest import CONFIGURATION, Workplace
from tests.waiting import PATIENCE, ThreadCalls

#: 07:00 in Shanghai on the next day, the schedule of the digest `daily`.
DUE = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


class Mailbox:
    """A mail server that keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append((list(envelope.rcpt_tos), message))
        return "250 Taken"


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="mail.example.org"), "127.0.0.1", 0
    )
    async with server:
        yield box, server.sockets[0].getsockname()[1]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@asynccontextmanager
async def daemon(workplace: Workplace, calls: ThreadCalls) -> AsyncIterator[None]:
    """Run a daemon of its own in the workplace; leave when its queue is empty."""
    with workplace.open() as services:
        started = asyncio.Event()
        running = Daemon(services, announce=lambda _: started.set())
        task = asyncio.create_task(running.run())
        try:
            async with asyncio.timeout(PATIENCE):
                await started.wait()
            await calls.until(lambda: not services.store.deliveries.next_due_at())
            yield
        finally:
            running.stop()
            await task


def configure(workplace: Workplace, smtp_port: int, web_port: int, url: str) -> None:
    base = CONFIGURATION.replace("port = 0", f"port = {web_port}").replace(
        "http://127.0.0.1:8000", url
    )
    workplace.configure(
        '[mail]\ntransport = "smtp"\nfrom = "每日摘要编辑部 <news@example.org>"\n'
        f'[mail.smtp]\nhost = "127.0.0.1"\nport = {smtp_port}\ntls = "none"\n',
        base=base,
    )


async def test_a_subscriber_gets_one_mail_and_can_leave(
    workplace: Workplace, calls: ThreadCalls, mailbox: tuple[Mailbox, int], port: int
) -> None:
    box, smtp_port = mailbox
    configure(workplace, smtp_port, port, "http://news.example")
    workplace.write("old.md", "旧闻")
    with workplace.open() as services:
        reader = NewSubscriber(address="reader@example.net", digest="daily", name="李雷")
        services.store.subscribers.add(reader, services.clock())
    async with daemon(workplace, calls):
        pass
    workplace.write("new.md", "新闻：市场开盘", body="<p>指数<b>上涨</b>。</p>")

    workplace.clock.now = DUE
    async with daemon(workplace, calls):
        ((recipients, message),) = box.messages
        assert recipients == ["reader@example.net"]
        check_message(message)
        await leave(message, port)
    with workplace.open() as services:
        (left,) = services.store.subscribers.list()
        assert left.state is SubscriberState.UNSUBSCRIBED

    # A second start in that minute, and the next day's edition, send nothing more.
    async with daemon(workplace, calls):
        pass
    workplace.write("newer.md", "更新的新闻")
    workplace.clock.advance(days=1)
    async with daemon(workplace, calls):
        pass
    assert len(box.messages) == 1


def check_message(message: EmailMessage) -> None:
    assert "每日摘要" in message["Subject"]
    assert message["From"] == "每日摘要编辑部 <news@example.org>"
    assert message["To"] == "李雷 <reader@example.net>"
    assert message["Message-ID"].endswith("@example.org>")
    assert message["Date"].datetime.tzinfo is not None
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    for part in (text, html):
        assert isinstance(part, EmailMessage)
        assert "新闻：市场开盘" in part.get_content()
        assert "旧闻" not in part.get_content()


async def leave(message: EmailMessage, port: int) -> None:
    """Follow the unsubscribe link as a mail scanner would, then as a mail program does."""
    found = re.match(r"<http://news\.example(/unsubscribe/[^>]+)>", message["List-Unsubscribe"])
    assert found
    base, headers = f"http://127.0.0.1:{port}", {"Host": "news.example"}
    async with httpx.AsyncClient(base_url=base, headers=headers) as client:
        shown = await client.get(found[1])
        assert shown.status_code == 200
        assert "<button" in shown.text
        clicked = await client.post(found[1], data={"List-Unsubscribe": "One-Click"})
        assert clicked.status_code == 200
        assert (await client.post(found[1])).status_code == 200
        wrong = await client.post(f"/unsubscribe/{'a' * 32}")
        assert wrong.status_code == 404


async def test_feeds_over_http_equal_the_articles(
    workplace: Workplace, calls: ThreadCalls, port: int
) -> None:
    configure(workplace, 1, port, f"http://127.0.0.1:{port}")
    for number in range(3):
        workplace.write(
            f"金融/{number}.md",
            f"第{number}篇 <标题> & 更多",
            categories=("金融", "新浪 财经", "财经－國内"),
            date=f"Fri, 27 Aug 2021 12:49:0{number} GMT",
        )
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")
    async with daemon(workplace, calls), client as web:
        for folder in ("", "金融/", "金融/新浪 财经/", "金融/新浪 财经/财经－國内/"):
            for name in ("rss.xml", "atom.xml"):
                answer = await web.get(f"/feeds/{folder}{name}")
                parsed = feedparser.parse(answer.content)
                assert not parsed.bozo
                assert [entry.title for entry in parsed.entries] == [
                    f"第{number}篇 <标题> & 更多" for number in (2, 1, 0)
                ]
                assert parsed.entries[0].published_parsed[:6] == (2021, 8, 27, 12, 49, 2)
                assert parsed.entries[0].author == "记者"
                page = await web.get(parsed.entries[0].link)
                assert page.status_code == 200
                assert "第2篇" in page.text
            items = (await web.get(f"/feeds/{folder}feed.json")).json()["items"]
            assert [item["title"] for item in items] == [
                f"第{number}篇 <标题> & 更多" for number in (2, 1, 0)
            ]
        assert (await web.get("/")).status_code == 200
        assert (await web.get("/feeds/opml.xml")).status_code == 200
