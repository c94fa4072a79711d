"""The queue of one hub: topics that wait, and when the hub is told of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import inf
from urllib.parse import urlsplit

import structlog

from digest.backoff import Backoff
from digest.feeds.websub.protocol import Notification, batch_size
from digest.wakeup import WakeUp

_log = structlog.get_logger(__name__)

#: Topics that wait for one hub; what comes on top is not told.
MOST_WAITING = 10_000
#: How long a hub is left alone after failures in a row: twice as long each time; seconds.
FIRST_PAUSE, LAST_PAUSE = 10.0, 3600.0
#: A hub that asks for a longer pause gets no longer one.
LONGEST_RETRY_AFTER = timedelta(hours=6)
#: A change that a hub has not taken for so long is not told any more.
GIVE_UP_AFTER = timedelta(hours=24)


class HubQueue:
    """The topics that wait for one hub, each once, and the pause after its failures.

    Topics may be added from any thread; everything else is for one task. Times called ``now`` are
    seconds of the event loop's clock. Failed topics are queued behind the others, so that one that
    the hub always refuses does not block the rest.
    """

    def __init__(self, hub: str) -> None:
        self.hub = hub
        self.host = urlsplit(hub).hostname or ""  #: for the log: a query may hold a key
        self.batch = batch_size(hub)
        self.stored: dict[str, datetime] = {}  #: what the store has of these topics
        self._lock = threading.Lock()
        self._changed: dict[str, datetime] = {}  # in the order of their turns
        self._overflowed = False
        self._backoff = Backoff(first=FIRST_PAUSE, longest=LAST_PAUSE)
        self._not_before = 0.0
        self._wakeup = WakeUp()

    def add(self, changes: Mapping[str, datetime]) -> None:
        """Add topics with the moments at which they changed, in any thread; end ``wait``.

        Topics over the limit are dropped and logged.
        """
        left_out = 0
        with self._lock:
            for topic, changed_at in changes.items():
                known = self._changed.get(topic)
                if known is not None:
                    self._changed[topic] = max(known, changed_at)
                elif len(self._changed) < MOST_WAITING:
                    self._changed[topic] = changed_at
                else:
                    left_out += 1
            logged, self._overflowed = self._overflowed, left_out > 0
        if left_out and not logged:
            _log.warning("too many feeds wait for a hub", hub=self.host, left_out=left_out)
        self._wakeup.wake()

    def stop(self) -> None:
        """End ``wait`` for good; in any thread."""
        self._wakeup.stop()

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._wakeup.stopped

    async def wait(self) -> None:
        """Wait until there may be a topic to tell, or the stop."""
        await self._wakeup.wait(self.delay(asyncio.get_running_loop().time()))

    def delay(self, now: float) -> float:
        """Return the seconds until the next request; infinite if no topic waits."""
        return max(0.0, self._not_before - now) if self._changed else inf

    def next(self, now: float) -> dict[str, datetime]:
        """Remove and return the topics of the next request; none during a pause.

        A topic that changes after this call is queued again.
        """
        if self.delay(now) > 0:
            return {}
        with self._lock:
            return {topic: self._changed.pop(topic) for topic in list(self._changed)[: self.batch]}

    def waiting(self) -> dict[str, datetime]:
        """Return the topics that wait, with the moments of their last changes."""
        with self._lock:
            return dict(self._changed)

    def give_up(self, at: datetime) -> list[str]:
        """Remove and return the topics that have waited too long at a moment."""
        with self._lock:
            old = [topic for topic, since in self._changed.items() if at - since > GIVE_UP_AFTER]
            for topic in old:
                del self._changed[topic]
        return old

    def succeeded(self) -> None:
        """Reset the pause after a successful request."""
        self._backoff.succeeded()
        self._not_before = 0.0

    def failed(self, now: float, jitter: float, retry_after: timedelta | None = None) -> float:
        """Begin a pause after a failure; return its seconds.

        ``jitter`` is 0…1; ``retry_after`` is that of the hub.
        """
        asked = min(retry_after or timedelta(0), LONGEST_RETRY_AFTER).total_seconds()
        pause = max(self._backoff.failed(), asked) * (1 + jitter / 4)
        self._not_before = now + pause
        return pause

    def notifications(self, changes: Mapping[str, datetime]) -> list[Notification]:
        """Return topics as notifications for the store."""
        return [
            Notification(hub=self.hub, topic=topic, changed_at=changed_at)
            for topic, changed_at in changes.items()
        ]
