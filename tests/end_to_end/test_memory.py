"""The memory of a daemon that works for long: flat, however many edits come."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from statistics import median

import pytest

from benchmarks.processes import memory
from tests.conftest import Workplace
from tests.effort import SOAK, SOAK_ALONE
from tests.end_to_end.test_under_attack import started
from tests.waiting import PATIENCE

pytestmark = [SOAK_ALONE, pytest.mark.soak, pytest.mark.timeout(7_200)]

#: Bytes that the daemon may hold more after more edits: fewer than two copies of the large article.
GROWTH = 30_000_000
#: Articles of 20 kB that are edited in each round: a feed is published once a second.
ARTICLES = 40


async def edits(workplace: Workplace, rounds: int, articles: int, words: str) -> AsyncIterator[int]:
    """Edit articles with the same words in rounds; yield what the daemon holds after each."""
    workplace.write("first.md")
    process = await started(workplace)
    feed = workplace.output / "feeds/feed.json"
    for turn in range(rounds):
        for number in range(articles):
            text = f"<p>edit {turn} of {number}.</p>{words}"
            workplace.write(f"{number}.md", f"第{number}篇", body=text)
        async with asyncio.timeout(PATIENCE):
            # Another process writes it, and tells nobody.
            while not _holds(feed.read_text(encoding="utf-8"), turn, articles):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        yield memory(process.pid)
    process.send_signal(signal.SIGTERM)
    await process.wait()


def _holds(feed: str, turn: int, articles: int) -> bool:
    return all(f"edit {turn} of {number}." in feed for number in range(articles))


def flat(held: Sequence[int]) -> bool:
    """Tell whether the daemon holds as much after its last edits as after its first.

    What it holds goes up and down with what it has under way; before the first edits it is least.
    """
    return median(held[-10:]) < median(held[:10]) + GROWTH


async def test_a_large_article_that_is_edited_again_and_again_takes_no_more_memory(
    workplace: Workplace,
) -> None:
    words = "".join(f"<p>{number} 潮水退去之后，码头上的灯还亮着。</p>" for number in range(33_000))
    assert len(words.encode()) > 1_900_000
    held = [size async for size in edits(workplace, 10 + 20 * SOAK, 1, words)]
    assert flat(held), held


async def test_a_thousand_edits_and_more_take_no_more_memory(workplace: Workplace) -> None:
    words = "".join(f"<p>{number} 潮水退去之后，码头上的灯还亮着。</p>" for number in range(350))
    assert 19_000 < len(words.encode()) < 21_000
    workplace.configure(f"[feeds]\nlimit = {ARTICLES}\n")
    held = [size async for size in edits(workplace, 25 * SOAK, ARTICLES, words)]
    assert flat(held), held
