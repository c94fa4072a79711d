"""Only so many pages are rendered at once, and only so many requests wait for their turn."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from functools import partial
from typing import Any, Literal

import pytest

from digest.web import render_queue
from digest.web.render_queue import Busy, RenderQueue


async def begin(queue: RenderQueue, go: threading.Event) -> asyncio.Task[bool]:
    """Have a thread begin work that lasts until ``go`` is set; what comes then waits shortly."""
    begun = threading.Event()

    def work() -> bool:
        begun.set()
        return go.wait(5)

    first = asyncio.create_task(queue.run(work))
    await asyncio.to_thread(begun.wait, 5)
    queue._timeout = 0.01
    return first


async def until(queue: RenderQueue, waiting: int) -> None:
    """Let others run until so many wait."""
    while queue.waiting != waiting:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)


async def test_no_more_run_at_once_than_may() -> None:
    queue = RenderQueue(2, ahead=0)
    lock, go = threading.Lock(), threading.Event()
    both = threading.Barrier(3)
    running, most = 0, 0

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if number < 2:
            both.wait(5)
        go.wait(5)
        with lock:
            running -= 1
        return number

    tasks = [asyncio.create_task(queue.run(partial(work, number))) for number in range(6)]
    await asyncio.to_thread(both.wait, 5)
    await until(queue, 4)
    go.set()
    assert await asyncio.gather(*tasks) == list(range(6))
    assert most == 2


async def test_who_does_not_get_a_turn_in_time_is_sent_away() -> None:
    queue = RenderQueue(1, ahead=0)
    go = threading.Event()
    first = await begin(queue, go)
    with pytest.raises(Busy):
        await queue.run(lambda: None)
    assert queue.refused == 1
    go.set()
    assert await first
    queue._timeout = render_queue.TIMEOUT
    assert await queue.run(lambda: "again") == "again"


async def test_turns_come_in_the_order_of_the_requests() -> None:
    queue = RenderQueue(1, ahead=0)
    go = threading.Event()
    done: list[int] = []
    first = asyncio.create_task(queue.run(lambda: go.wait(5)))
    await asyncio.sleep(0)
    others = [asyncio.create_task(queue.run(partial(done.append, n))) for n in range(5)]
    await until(queue, 5)
    go.set()
    await asyncio.gather(first, *others)
    assert done == list(range(5))


async def test_the_queue_is_bounded() -> None:
    queue = RenderQueue(1, ahead=0, most_waiting=2)
    go = threading.Event()
    first = asyncio.create_task(queue.run(lambda: go.wait(5)))
    await asyncio.sleep(0)
    others = [asyncio.create_task(queue.run(lambda: "done")) for _ in range(2)]
    await until(queue, 2)
    with pytest.raises(Busy):
        await queue.run(lambda: None)
    assert queue.refused == 1
    go.set()
    assert await first
    assert await asyncio.gather(*others) == ["done", "done"]


async def test_work_that_fails_frees_its_place() -> None:
    queue = RenderQueue(1, ahead=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0)
    assert await queue.run(lambda: 1) == 1


async def test_who_goes_away_frees_the_place_only_when_the_work_is_done() -> None:
    queue = RenderQueue(1, ahead=0)
    errors: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    go = threading.Event()
    first = await begin(queue, go)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(Busy):
        await queue.run(lambda: None)
    go.set()
    while True:  # the turn comes back with the thread
        try:
            assert await queue.run(lambda: 1) == 1
        except Busy:
            continue
        break
    assert not errors


async def test_a_network_that_asks_for_much_leaves_the_others_their_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(render_queue, "MOST_OF_ONE", 2)
    queue = RenderQueue(1, ahead=0)
    go = threading.Event()
    first = asyncio.create_task(queue.run(lambda: go.wait(5), "203.0.113.0/24"))
    await asyncio.sleep(0)
    networks = ["203.0.113.0/24"] * 2 + ["198.51.100.0/24"] + [""] * 4
    others = [asyncio.create_task(queue.run(lambda: 1, network)) for network in networks]
    await until(queue, 7)
    with pytest.raises(Busy):
        await queue.run(lambda: None, "203.0.113.0/24")
    go.set()
    assert await first
    assert await asyncio.gather(*others) == [1] * 7
    assert await queue.run(lambda: "again", "203.0.113.0/24") == "again"
    assert not queue._of_one


async def test_pages_give_way_to_what_is_urgent_but_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    idle = asyncio.Event()
    queue = RenderQueue(1, ahead=0, idle=idle)
    monkeypatch.setattr(render_queue, "_GIVE_WAY", 60)
    page = asyncio.create_task(queue.run(lambda: "page"))
    await asyncio.sleep(0)
    assert not queue.running
    idle.set()
    assert await page == "page"
    idle.clear()
    monkeypatch.setattr(render_queue, "_GIVE_WAY", 0.01)
    assert await queue.run(lambda: "all the same") == "all the same"


async def test_pages_that_give_way_go_on_no_more_at_once_than_are_rendered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Idle(asyncio.Event):
        asked = 0

        async def wait(self) -> Literal[True]:
            self.asked += 1
            return await super().wait()

    idle = Idle()
    queue = RenderQueue(2, idle=idle)
    monkeypatch.setattr(render_queue, "_GIVE_WAY", 60)
    pages = [asyncio.create_task(queue.run(lambda: "page")) for _ in range(5)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert idle.asked == 2
    idle.set()
    assert await asyncio.gather(*pages) == ["page"] * 5


async def test_who_goes_while_giving_way_leaves_the_turn_to_others() -> None:
    idle = asyncio.Event()
    queue = RenderQueue(1, ahead=0, idle=idle)
    gone = asyncio.create_task(queue.run(lambda: None))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    idle.set()
    assert await queue.run(lambda: "next") == "next"


async def test_who_goes_as_the_turn_comes_leaves_it_to_others() -> None:
    queue = RenderQueue(1, ahead=0)
    go = threading.Event()
    first = asyncio.create_task(queue.run(lambda: go.wait(5)))
    await asyncio.sleep(0)
    gone, stays = (asyncio.create_task(queue.run(lambda: "done")) for _ in range(2))
    await until(queue, 2)
    pass_turn = queue._pass_turn

    def pass_and_cancel() -> None:
        pass_turn()
        gone.cancel()

    queue._pass_turn = pass_and_cancel  # type: ignore[method-assign]
    go.set()
    assert await first
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await stays == "done"
    assert await queue.run(lambda: "again") == "again"


async def test_who_goes_while_waiting_is_not_counted_any_more() -> None:
    queue = RenderQueue(1, ahead=0)
    go = threading.Event()
    first = asyncio.create_task(queue.run(lambda: go.wait(5)))
    await asyncio.sleep(0)
    gone, stays = (asyncio.create_task(queue.run(lambda: "done", "n")) for _ in range(2))
    await until(queue, 2)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert (queue.waiting, queue.refused) == (1, 0)
    go.set()
    assert await first
    assert await stays == "done"


async def test_who_is_refused_and_goes_in_one_moment_leaves_as_many_turns() -> None:
    queue = RenderQueue(1, ahead=0)
    go = threading.Event()
    first = asyncio.create_task(queue.run(lambda: go.wait(5)))
    await asyncio.sleep(0)
    gone = asyncio.create_task(queue.run(lambda: "done"))
    await until(queue, 1)
    queue._refuse(queue._turns[0])
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert queue._free == 0
    go.set()
    assert await first
    assert queue._free == 1


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


async def test_without_a_thread_requests_are_refused_and_the_turns_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = RenderQueue(1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        for _ in range(2):
            with pytest.raises(Busy):
                await queue.run(lambda: None)
    assert (queue.running, queue.refused, queue._free) == (0, 2, 1 + render_queue.AHEAD)
    assert await queue.run(lambda: "again") == "again"


async def test_pages_wait_for_no_other_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = RenderQueue(2)
    go = threading.Event()
    slow = [asyncio.create_task(queue.run(lambda: go.wait(5)))]
    quick = [asyncio.create_task(queue.run(lambda: "quick")) for _ in range(5)]
    assert await asyncio.gather(*quick) == ["quick"] * 5
    assert not slow[0].done()
    # One that was done in time waits for none that comes after it in the same thread.
    first = asyncio.create_task(queue.run(lambda: "first"))
    await asyncio.sleep(0)
    slow.append(asyncio.create_task(queue.run(lambda: go.wait(5))))
    assert await first == "first"
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        waiting = asyncio.create_task(queue.run(lambda: "later"))
        await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*slow, waiting) == [True, True, "later"]
    assert (queue.running, queue.refused) == (0, 0)


async def test_what_was_handed_over_and_not_begun_in_time_is_refused() -> None:
    queue = RenderQueue(1)
    go = threading.Event()
    done = []
    first = asyncio.create_task(queue.run(lambda: go.wait(5)))
    await asyncio.sleep(0)
    queue._timeout = -1.0  # as if the time were over
    late = asyncio.create_task(queue.run(lambda: done.append("late")))
    await asyncio.sleep(0)
    queue._timeout = render_queue.TIMEOUT
    go.set()
    assert await first
    with pytest.raises(Busy):
        await late
    assert await queue.run(lambda: "again") == "again"
    assert (done, queue.running, queue.refused) == ([], 0, 1)


async def test_what_was_handed_over_is_refused_in_time_while_the_threads_hang() -> None:
    queue = RenderQueue(1)
    go = threading.Event()
    first = await begin(queue, go)
    try:
        async with asyncio.timeout(4):
            for _ in range(3):
                with pytest.raises(Busy):
                    await queue.run(lambda: None)
        assert (queue.running, queue.refused, queue._free) == (1, 3, render_queue.AHEAD)
    finally:
        go.set()
    assert await first
    queue._timeout = render_queue.TIMEOUT
    assert await queue.run(lambda: "again") == "again"


async def test_nobody_is_refused_in_place_of_one_whom_a_thread_just_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Jobs(deque[render_queue._Job]):
        def __getitem__(self, index: Any) -> Any:
            job = super().__getitem__(index)
            if job.begin_until < 0:
                self.popleft()  # as a thread does at this moment
            return job

    monkeypatch.setattr(render_queue, "_COLLECT_EVERY", 60)
    queue = RenderQueue(1)
    go = threading.Event()
    first = await begin(queue, go)
    queue._timeout = -1e9
    late = asyncio.create_task(queue.run(lambda: "late"))
    await asyncio.sleep(0)
    queue._timeout = render_queue.TIMEOUT
    later = asyncio.create_task(queue.run(lambda: "later"))
    await asyncio.sleep(0)
    queue._jobs = Jobs(queue._jobs)
    queue._refuse_late(0.0)
    late.cancel()
    go.set()
    assert await first
    assert await later == "later"


async def test_who_went_before_a_thread_began_has_nothing_done() -> None:
    queue = RenderQueue(1)
    go = threading.Event()
    done = []
    first = asyncio.create_task(queue.run(lambda: go.wait(5)))
    await asyncio.sleep(0)
    gone = asyncio.create_task(queue.run(lambda: done.append("gone")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    go.set()
    assert await first
    assert await queue.run(lambda: "again") == "again"
    assert (done, queue.running, queue._free) == ([], 0, 1 + render_queue.AHEAD)


async def test_work_that_ends_with_what_no_future_takes_is_answered_all_the_same() -> None:
    queue = RenderQueue(1, ahead=0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        async with asyncio.timeout(5):
            await queue.run(lambda: next(iter(())))
    assert await queue.run(lambda: "again") == "again"
