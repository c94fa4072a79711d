"""How many connections a server takes is found out by asking; nobody waits for nothing."""

from __future__ import annotations

import asyncio

import pytest

from digest.errors import AccountRefused, ServerUnavailable
from digest.mail.transports.smtp.connection_limit import Places

FULL = ServerUnavailable(421, "too many connections")


async def refused(places: Places, error: ServerUnavailable = FULL) -> None:
    async with places:
        await places.do_with_fewer(error)


async def settled(*tasks: asyncio.Task[None]) -> None:
    """Let tasks come as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


@pytest.mark.parametrize("number", [1, 3])
async def test_who_is_alone_does_not_wait_for_anybody(number: int) -> None:
    places = Places(number)
    with pytest.raises(ServerUnavailable):
        await refused(places)
    assert places.known == number
    assert not places.locked()


@pytest.mark.parametrize(
    "error", [ServerUnavailable(None, "no route"), AccountRefused(535, "who are you")]
)
async def test_other_refusals_are_no_matter_of_places(error: ServerUnavailable) -> None:
    places = Places(3)
    async with places:
        with pytest.raises(type(error)):
            await refused(places, error)


async def test_an_answer_to_another_message_shows_that_the_server_has_fewer_places() -> None:
    places = Places(10)
    async with asyncio.TaskGroup() as tasks, places:
        waiting = tasks.create_task(refused(places))
        await settled(waiting)  # though there are places that nobody holds
        places.answered()
    assert places.known == 1
    places.ask_again()
    assert places.known == 10


async def test_two_who_are_refused_wait_for_the_third_and_not_for_each_other() -> None:
    places = Places(3)
    both = asyncio.Barrier(2)

    async def refused_together() -> None:
        async with places:
            await both.wait()
            await places.do_with_fewer(FULL)

    async with asyncio.TaskGroup() as tasks, places:
        waiting = [tasks.create_task(refused_together()) for _ in range(2)]
        await settled(*waiting)
        places.answered()
    assert not places.locked()
    assert places.known == 1


async def test_where_the_others_get_no_answer_either_all_give_up() -> None:
    places = Places(4)
    ended = asyncio.gather(*(refused(places) for _ in range(3)), return_exceptions=True)
    async with places:
        await asyncio.sleep(0)
    assert await ended == [FULL, FULL, FULL]
    assert places.known == 4
    assert not places.locked()


async def test_who_is_cancelled_leaves_all_places_as_they_were() -> None:
    places = Places(3)
    async with places:
        waiting = asyncio.create_task(refused(places))
        await settled(waiting)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert places.known == 3
    async with places, places, places:
        assert places.locked()
