"""Places: how many connections a server takes from us at the same time, as far as we know."""

from __future__ import annotations

import asyncio
import weakref
from types import TracebackType

import structlog

from digest.errors import ServerUnavailable
from digest.mail.wire import Wire

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
        self._connecting = 0
        self._wires: weakref.WeakSet[Wire] = weakref.WeakSet()  # in use or kept
        self._sent = 0  # messages

    async def __aenter__(self) -> None:
        """Wait for a place."""
        await self._free.acquire()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the place to the next one."""
        self._free.release()

    @property
    def known(self) -> int:
        """How many there are."""
        return self._number - self._given_up

    def locked(self) -> bool:
        """Tell whether none is free."""
        return self._free.locked()

    def connecting(self) -> None:
        """Count a connection that is being made."""
        self._connecting += 1

    def connected(self, wire: Wire | None) -> None:
        """Count it as made; None: it could not be."""
        self._connecting -= 1
        if wire is not None:
            self._wires.add(wire)

    def sent(self) -> None:
        """Count a message, which shows that the server is there."""
        self._sent += 1

    async def do_with_fewer(self, error: ServerUnavailable) -> None:
        """Give our place up for good; return with that of another, once it is free.

        ``error`` is what the server said when it was asked for one connection more. It is raised
        where it meant that the server does not work at all: where it refused without a reply,
        where it has taken no other connection either, or nothing since.
        """
        alone = not self._connecting and all(wire.problem for wire in self._wires)
        if error.code is None or type(error) is not ServerUnavailable or alone:
            raise error
        before = self._sent
        await self._free.acquire()
        if self._sent == before:
            self._free.release()
            raise error
        self._given_up += 1
        _log.warning("server takes no more connections", connections=self.known, said=str(error))

    def ask_again(self) -> None:
        """Take back what was given up: when nothing was sent for a while, all is open again."""
        for _ in range(self._given_up):
            self._free.release()
        self._given_up = 0
