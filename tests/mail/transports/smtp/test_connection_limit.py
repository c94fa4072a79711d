"""How many connections a server takes is found out by asking; nobody waits for nothing."""

from __future__ import annotations

import asyncio

import pytest

from digest.errors import AccessDenied, ServerUnavailable
from digest.mail.transports.smtp.pool import ConnectionLimit

FULL = ServerUnavailable(421, "too many connections")


async def refused(limit: ConnectionLimit, error: ServerUnavailable = FULL) -> None:
    async with limit:
        await limit.shrink(error)


async def settled(*tasks: asyncio.Task[None]) -> None:
    """Let tasks come as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


@pytest.mark.parametrize("number", [1, 3])
async def test_who_is_alone_does_not_wait_for_anybody(number: int) -> None:
    limit = ConnectionLimit(number)
    with pytest.raises(ServerUnavailable):
        await refused(limit)
    assert limit.known == number
    assert not limit._free.locked()


@pytest.mark.parametrize(
    "error", [ServerUnavailable(None, "no route"), AccessDenied(535, "who are you")]
)
async def test_other_refusals_are_no_matter_of_limit(error: ServerUnavailable) -> None:
    limit = ConnectionLimit(3)
    async with limit:
        with pytest.raises(type(error)):
            await refused(limit, error)


async def test_an_answer_to_another_message_shows_that_the_server_has_fewer_limit() -> None:
    limit = ConnectionLimit(10)
    async with asyncio.TaskGroup() as tasks, limit:
        waiting = tasks.create_task(refused(limit))
        await settled(waiting)  # though there are limit that nobody holds
        limit.answered()
    assert limit.known == 1
    limit.reset()
    assert limit.known == 10


async def test_two_who_are_refused_wait_for_the_third_and_not_for_each_other() -> None:
    limit = ConnectionLimit(3)
    both = asyncio.Barrier(2)

    async def refused_together() -> None:
        async with limit:
            await both.wait()
            await limit.shrink(FULL)

    async with asyncio.TaskGroup() as tasks, limit:
        waiting = [tasks.create_task(refused_together()) for _ in range(2)]
        await settled(*waiting)
        limit.answered()
    assert not limit._free.locked()
    assert limit.known == 1


async def test_where_the_others_get_no_answer_either_all_give_up() -> None:
    limit = ConnectionLimit(4)
    ended = asyncio.gather(*(refused(limit) for _ in range(3)), return_exceptions=True)
    async with limit:
        await asyncio.sleep(0)
    assert await ended == [FULL, FULL, FULL]
    assert limit.known == 4
    assert not limit._free.locked()


async def test_who_is_cancelled_leaves_all_limit_as_they_were() -> None:
    limit = ConnectionLimit(3)
    async with limit:
        waiting = asyncio.create_task(refused(limit))
        await settled(waiting)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert limit.known == 3
    async with limit, limit, limit:
        assert limit._free.locked()
