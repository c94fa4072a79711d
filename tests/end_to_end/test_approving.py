"""A draft, from the schedule to the readers: the daemon asks, a link or a deadline decides."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import httpx
import pytest

from digest.app import approval as approval_module
from digest.app.daemon import Daemon
from digest.app.wiring import Services
from digest.editions.delivery import DeliveryState
from digest.editions.model import EditionState
from digest.mail.delivery import service as service_module
from digest.subscribers.model import NewSubscriber
from tests.conftest import CONFIGURATION, Workplace
from tests.end_to_end.test_file_to_mailbox import Mailbox, mailbox
from tests.waiting import PATIENCE, ThreadCalls

__all__ = ["mailbox"]  # a fixture

#: 07:00 in Shanghai on the next day, the schedule of the digest `daily`.
DUE = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


@pytest.fixture(name="quick", autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the daemon look more often than a test may last."""
    monkeypatch.setattr(approval_module, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(service_module, "_MAX_POLL", 0.05)


def configure(workplace: Workplace, smtp_port: int, web_port: int, unapproved: str) -> None:
    base = (
        CONFIGURATION.replace("port = 0", f"port = {web_port}")
        .replace("http://127.0.0.1:8000", f"http://127.0.0.1:{web_port}")
        .replace(
            'schedule = "0 7 * * *"',
            'schedule = "0 7 * * *"\napprove = true\napprove_within = "2h"\n'
            f'unapproved = "{unapproved}"',
        )
    )
    workplace.configure(
        '[mail]\ntransport = "smtp"\nfrom = "News <news@example.org>"\n'
        'report_to = "ops@example.org"\n'
        f'[mail.smtp]\nhost = "127.0.0.1"\nport = {smtp_port}\ntls = "none"\n',
        base=base,
    )


@asynccontextmanager
async def running(workplace: Workplace) -> AsyncIterator[Services]:
    with workplace.open() as services:
        started = asyncio.Event()
        daemon = Daemon(services, announce=lambda _: started.set())
        task = asyncio.create_task(daemon.run())
        try:
            async with asyncio.timeout(PATIENCE):
                await started.wait()
            yield services
        finally:
            daemon.stop()
            async with asyncio.timeout(PATIENCE):
                await task


@asynccontextmanager
async def asked(
    workplace: Workplace,
    calls: ThreadCalls,
    mailbox: tuple[Mailbox, int],
    unapproved: str = "drop",
) -> AsyncIterator[tuple[Services, str]]:
    """Run a daemon that has asked about a draft; yield its services and the link."""
    box, smtp_port = mailbox
    with socket.create_server(("127.0.0.1", 0)) as probe:
        web_port = int(probe.getsockname()[1])
    configure(workplace, smtp_port, web_port, unapproved)
    with workplace.open() as services:
        services.store.editions.start_digests(["daily", "notes"], services.clock())
        reader = NewSubscriber(address="reader@example.net", digest="daily")
        services.store.subscribers.add(reader, services.clock())
    workplace.write("new.md", "新闻：市场开盘")
    workplace.clock.now = DUE
    async with running(workplace) as services:
        await calls.until(lambda: box.messages)
        ((recipients, message),) = box.messages
        assert recipients == ["ops@example.org"]
        yield services, link_of(message)


def link_of(message: EmailMessage) -> str:
    text = message.get_content()
    assert "1 article for 1 reader" in text
    assert "新闻：市场开盘" in text
    found = re.search(r"^http://127\.0\.0\.1:\d+/approve/\S+$", text, re.MULTILINE)
    assert found
    return found[0]


def state(services: Services) -> EditionState:
    return services.store.editions.edition(1)[0].state


async def test_a_draft_is_sent_once_the_operator_says_so(
    workplace: Workplace, calls: ThreadCalls, mailbox: tuple[Mailbox, int]
) -> None:
    box, _ = mailbox
    async with asked(workplace, calls, mailbox) as (services, link), httpx.AsyncClient() as web:
        for _ in range(2):  # as a mail scanner would
            shown = await web.get(link)
            assert shown.status_code == 200
            assert "新闻：市场开盘" in shown.text
        assert state(services) is EditionState.DRAFT
        page = f"{services.site.url}/digests/daily/1/"
        assert (await web.get(page)).status_code == 404
        for _ in range(2):
            clicked = await web.post(link, data={"action": "approve"})
            assert clicked.status_code == 200
            assert "<form" not in clicked.text
        await calls.until(lambda: state(services) is EditionState.DONE)
        assert "新闻" in (await web.get(page)).text
        await calls.until(lambda: len(box.messages) == 3)  # with the report
    async with running(workplace) as services:
        await calls.until(lambda: services.store.deliveries.next_due_at() is None)
    assert [recipients for recipients, _ in box.messages] == [
        ["ops@example.org"],
        ["reader@example.net"],
        ["ops@example.org"],
    ]


async def test_a_draft_that_is_cancelled_is_not_sent(
    workplace: Workplace, calls: ThreadCalls, mailbox: tuple[Mailbox, int]
) -> None:
    box, _ = mailbox
    async with (
        asked(workplace, calls, mailbox, "send") as (services, link),
        httpx.AsyncClient() as web,
    ):
        clicked = await web.post(link, data={"action": "cancel"})
        assert clicked.status_code == 200
        workplace.clock.advance(hours=3)
        again = await web.post(link, data={"action": "approve"})
        assert again.status_code == 200
        assert state(services) is EditionState.CANCELLED
    async with running(workplace) as services:
        assert state(services) is EditionState.CANCELLED
        assert (await workplace.visit(services, "digests/daily/1/")).status_code == 404
    assert len(box.messages) == 1


@pytest.mark.parametrize("unapproved", ["send", "drop"])
async def test_a_draft_that_nobody_decides_on_is_sent_or_dropped(
    workplace: Workplace, calls: ThreadCalls, mailbox: tuple[Mailbox, int], unapproved: str
) -> None:
    box, _ = mailbox
    async with asked(workplace, calls, mailbox, unapproved) as (services, _):
        workplace.clock.advance(hours=1, minutes=59)
        with workplace.open() as beside:  # what the daemon sees too
            assert beside.store.editions.drafts() != []
        workplace.clock.now = DUE + timedelta(hours=2, minutes=1)
        await calls.until(lambda: state(services) is not EditionState.DRAFT)
        if unapproved == "send":
            await calls.until(lambda: services.store.deliveries.states()[DeliveryState.SENT])
            await calls.until(lambda: len(box.messages) == 3)
        else:
            assert state(services) is EditionState.CANCELLED
        page = await workplace.visit(services, "digests/daily/1/")
        assert page.status_code == (200 if unapproved == "send" else 404)
    sent = [recipients for recipients, _ in box.messages if recipients != ["ops@example.org"]]
    assert sent == ([["reader@example.net"]] if unapproved == "send" else [])
