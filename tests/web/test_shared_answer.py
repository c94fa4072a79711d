from __future__ import annotations

import asyncio
from threading import Event

import pytest

from digest.web import shared_answer
from digest.web.shared_answer import SharedAnswer
from tests.waiting import PATIENCE


async def test_an_answer_is_worked_out_anew_once_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(range(9))
    answer = SharedAnswer(lambda: next(answers))
    assert [await answer.get(), await answer.get()] == [0, 0]
    monkeypatch.setattr(shared_answer, "KEEP", 0.0)
    answer = SharedAnswer(lambda: next(answers))
    assert [await answer.get(), await answer.get()] == [1, 2]


async def test_who_waits_too_long_is_told_and_a_single_thread_works() -> None:
    go_on = Event()
    begun: list[int] = []

    def work() -> str:
        begun.append(1)
        go_on.wait(60)
        return "late"

    answer = SharedAnswer(work, timeout=0.0)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await answer.get()
    go_on.set()
    async with asyncio.timeout(PATIENCE):
        answer._timeout = 60
        assert await answer.get() == "late"
    assert len(begun) == 1


async def test_what_the_work_raises_is_raised_to_all() -> None:
    def work() -> str:
        raise LookupError

    answer = SharedAnswer(work)
    for _ in range(2):
        with pytest.raises(LookupError):
            await answer.get()
