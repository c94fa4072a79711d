"""The memory of a daemon that works for long."""

from __future__ import annotations

import asyncio
import signal
from statistics import median

import pytest

from benchmarks.processes import memory
from tests.conftest import Workplace
from tests.effort import SOAK, SOAK_ALONE
from tests.end_to_end.test_under_attack import started

pytestmark = [SOAK_ALONE, pytest.mark.soak, pytest.mark.timeout(1_800)]

#: Bytes that the daemon may hold more after more edits: fewer than two copies of the article.
GROWTH = 30_000_000


async def test_a_large_article_that_is_edited_again_and_again_takes_no_more_memory(
    workplace: Workplace,
) -> None:
    workplace.write("small.md")
    process = await started(workplace)
    feed = workplace.output / "feeds/feed.json"
    words = "".join(f"<p>{number} 潮水退去之后，码头上的灯还亮着。</p>" for number in range(33_000))
    assert len(words.encode()) > 1_900_000
    held = []
    for edit in range(10 + 20 * SOAK):
        workplace.write("large.md", "大", body=f"<p>edit {edit}.</p>{words}")
        async with asyncio.timeout(60):
            # Another process writes it, and tells nobody.
            while f"edit {edit}." not in feed.read_text(encoding="utf-8"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        held.append(memory(process.pid))
    process.send_signal(signal.SIGTERM)
    await process.wait()
    # What it holds goes up and down with what it has under way; before the first edits it is least.
    assert median(held[-10:]) < median(held[:10]) + GROWTH, held
