"""A service that waits is woken and stopped, from any thread, and misses nothing."""

from __future__ import annotations

import asyncio
import threading

from digest.wakeup import WakeUp
from tests.waiting import PATIENCE


async def test_a_wait_ends_when_another_thread_wakes_it() -> None:
    wakeup = WakeUp()
    waiting = asyncio.create_task(wakeup.wait(PATIENCE))
    await asyncio.sleep(0)
    thread = threading.Thread(target=wakeup.wake)
    thread.start()
    assert await waiting
    thread.join()
    assert not await wakeup.wait(0)


async def test_a_wake_up_before_the_wait_is_not_lost() -> None:
    wakeup = WakeUp()
    wakeup.wake()
    assert await wakeup.wait(PATIENCE)
    assert not await wakeup.wait(0)


async def test_a_wake_up_while_the_task_works_is_not_lost() -> None:
    wakeup = WakeUp()
    assert not await wakeup.wait(0)
    wakeup.wake()
    assert await wakeup.wait(PATIENCE)


async def test_every_wait_ends_at_once_after_the_stop() -> None:
    wakeup = WakeUp()
    waiting = asyncio.create_task(wakeup.wait())
    await asyncio.sleep(0)
    wakeup.stop()
    assert wakeup.stopped
    assert await waiting
    assert await wakeup.wait()
    assert await wakeup.wait()


def test_a_wake_up_after_the_end_of_the_loop_is_harmless() -> None:
    wakeup = WakeUp()
    assert not asyncio.run(wakeup.wait(0))
    wakeup.wake()
    assert not wakeup.stopped


async def test_a_rest_ends_at_the_stop_alone_and_keeps_what_woke_it() -> None:
    wakeup = WakeUp()
    resting = asyncio.create_task(wakeup.rest(PATIENCE))
    await asyncio.sleep(0)
    wakeup.wake()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not resting.done()
    wakeup.stop()
    await resting

    wakeup = WakeUp()
    wakeup.wake()
    await wakeup.rest(0)
    assert await wakeup.wait(0)
    await wakeup.rest(0)
    assert not await wakeup.wait(0)
