"""SearchIndexer: keep the search index in step with the articles, after they were published."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from digest.backoff import Backoff
from digest.errors import StoreError
from digest.wakeup import WakeUp

_log = structlog.get_logger(__name__)

#: Articles that other processes changed are looked for so often; seconds.
_LOOK_EVERY = 60.0
#: While files are taken in, indexing rests: so long at a time, and so often in a row; seconds.
_REST, _MOST_RESTS = 0.1, 20


class SearchIndexer:
    """Indexes changed articles, a few at a time, whenever it is woken."""

    def __init__(self, update: Callable[[], bool]) -> None:
        """``update`` indexes some articles and returns whether more are left; raises StoreError."""
        self._update = update
        self._wakeup = WakeUp()

    def wake(self) -> None:
        """Make ``run`` look for changed articles; from any thread."""
        self._wakeup.wake()

    def stop(self) -> None:
        """Make ``run`` return after the articles that it is indexing; from any thread."""
        self._wakeup.stop()

    async def run(self, busy: Callable[[], bool]) -> None:
        """Follow the articles until stopped; failures are logged, and tried again.

        ``busy`` returns whether there are files to be published first.
        """
        backoff = Backoff()
        while not self._wakeup.stopped:
            await self._wakeup.wait(_LOOK_EVERY)
            more = True
            while more and not self._wakeup.stopped:
                for _ in range(_MOST_RESTS):
                    if not busy():
                        break
                    await self._wakeup.rest(_REST)
                try:
                    more = await asyncio.to_thread(self._update)
                    backoff.succeeded()
                except StoreError as error:
                    wait = backoff.failed()
                    _log.error(
                        "articles not indexed, will try again", error=str(error), seconds=wait
                    )
                    await self._wakeup.rest(wait)
