"""Places: how many connections a server takes from us at the same time, as far as we know."""

from __future__ import annotations

import asyncio
from types import TracebackType

import structlog

from digest.errors import ServerUnavailable

_log = structlog.get_logger(__name__)


class Places:
    """As many as we were told, or fewer where the server had none for one more.

    ``async with`` waits for a place and holds it.
    """

    def __init__(self, number: int) -> None:
        """Begin with ``number`` places, 1 or more."""
        self._number = number
        self._free = asyncio.Semaphore(number)
        self._given_up = 0
        self._at_work = 0  # who holds a place, and does not wait for another one
        self._answers = 0  # of the server, to messages

    async def __aenter__(self) -> None:
        """Wait for a place."""
        await self._free.acquire()
        self._at_work += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the place to the next one."""
        self._at_work -= 1
        self._free.release()

    @property
    def known(self) -> int:
        """How many there are."""
        return self._number - self._given_up

    def locked(self) -> bool:
        """Tell whether none is free."""
        return self._free.locked()

    def answered(self) -> None:
        """Count an answer to a message, whatever it says: the server is there."""
        self._answers += 1

    async def do_with_fewer(self, error: ServerUnavailable) -> None:
        """Give our place up for good; return with that of another, once it is free.

        ``error`` is what the server said when it was asked for one connection more. It is raised
        where it meant that the server does not work at all: where it refused without a reply,
        where nobody else is at work with it, or it has answered none of them meanwhile.
        """
        if error.code is None or type(error) is not ServerUnavailable:
            raise error
        before, taken = self._answers, 0
        self._at_work -= 1
        try:
            while self._answers == before and self._at_work:
                # Those that nobody holds come first, at once: there are so many too many.
                await self._free.acquire()
                self._given_up += 1
                taken += 1
        finally:
            self._at_work += 1
            if self._answers == before:
                self._take_back(taken)
        if self._answers == before:
            raise error
        _log.warning("server takes no more connections", connections=self.known, said=str(error))

    def ask_again(self) -> None:
        """Take back what was given up: when nothing was sent for a while, all is open again."""
        self._take_back(self._given_up)

    def _take_back(self, number: int) -> None:
        back = min(number, self._given_up)  # less where all were taken back meanwhile
        self._given_up -= back
        for _ in range(back):
            self._free.release()
