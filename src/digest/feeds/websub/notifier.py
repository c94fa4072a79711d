"""The notifier: tell WebSub hubs which feeds have changed, and retry until they accept it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import httpx
import structlog

from digest import __version__
from digest.errors import StoreError
from digest.feeds.websub.protocol import (
    HubOutcome,
    Notification,
    is_topic,
    notification,
    outcome_of,
)
from digest.feeds.websub.queue import HubQueue
from digest.site import Site, is_loopback
from digest.times import Clock, retry_after
from digest.wakeup import WakeUp

_log = structlog.get_logger(__name__)

#: The longest wait for a hub's connection or its next bytes, and for its whole answer; seconds.
_EACH_WAIT, _WHOLE_EXCHANGE = 10.0, 20.0
#: How much of an answer is read, so that its connection can be used again; bytes.
_MOST_READ = 64 * 1024
#: How long an exchange that is under way may go on once all is to stop; seconds.
_STOP_TIMEOUT = 1.0


class NotificationStore(Protocol):
    """The part of the store that the notifier uses. Every method raises StoreError."""

    def stored(self) -> list[Notification]:
        """Return all pending notifications."""

    def keep(self, notifications: Collection[Notification]) -> None:
        """Store notifications, in place of earlier ones of the same hub and topic."""

    def drop(self, notifications: Collection[Notification]) -> None:
        """Delete notifications, unless they were stored again with another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """The answer of a hub."""

    outcome: HubOutcome
    problem: str = ""
    retry_after: timedelta | None = None  #: what the hub asked for


class HubNotifier:
    """Tells each hub of each changed feed, one request at a time, until it has accepted it.

    Hubs do not wait for one another, and publishing does not wait for hubs: ``changed`` only
    queues.
    """

    def __init__(
        self,
        *,
        site: Site,
        store: NotificationStore,
        clock: Clock,
        jitter: Callable[[], float],
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """``jitter`` returns 0…1. ``trust`` verifies certificates of hubs, by default with the
        certificate authorities of the system.
        """
        self._site = site
        self._store = store
        self._clock = clock
        self._jitter = jitter
        self._trust = trust
        self._queues = [HubQueue(hub) for hub in site.hubs]
        self._wakeup = WakeUp()

    def changed(self, paths: Collection[str]) -> None:
        """Queue notifications of published files with new content; from any thread.

        They are stored, too: after a crash, hubs are told at the next start. ``paths`` are relative
        to the output folder; files that are no feeds are ignored.
        """
        at = self._clock()
        changes = {self._site.link(path): at for path in sorted(paths) if is_topic(path)}
        if not changes or not self._queues:
            return
        try:
            self._store.keep(
                [item for queue in self._queues for item in queue.notifications(changes)]
            )
        except StoreError as error:
            _log.error("notifications for hubs cannot be kept", error=str(error))
        else:
            for queue in self._queues:
                queue.stored |= changes
        for queue in self._queues:
            queue.add(changes)

    def stop(self) -> None:
        """Make ``run`` return; the topics that are left stay stored for the next start."""
        for queue in self._queues:
            queue.stop()
        self._wakeup.stop()

    async def run(self) -> None:
        """Tell hubs until stopped. Errors of hubs and of the store are logged, not raised."""
        if not self._queues:
            return
        await self._begin()
        try:
            async with asyncio.TaskGroup() as tasks:
                serving = [tasks.create_task(self._serve(queue)) for queue in self._queues]
                await self._wakeup.wait()
                await asyncio.wait(serving, timeout=_STOP_TIMEOUT)
                for task in serving:
                    task.cancel()
        finally:
            for queue in self._queues:
                await self._store_waiting(queue)

    async def run_once(self, within: float) -> int:
        """Tell hubs of the queued topics once; return the number of topics left after ``within`` s.

        Those stay stored for the next start of a command or of the daemon.
        """
        if not self._queues:
            return 0
        await self._begin()
        try:
            async with asyncio.timeout(within), asyncio.TaskGroup() as tasks:
                for queue in self._queues:
                    tasks.create_task(self._serve_once(queue))
        except TimeoutError:
            _log.warning("hubs took too long, the rest is told later", seconds=within)
        finally:
            for queue in self._queues:
                await self._store_waiting(queue)
        return sum(len(queue.waiting()) for queue in self._queues)

    async def _begin(self) -> None:
        """Queue the stored notifications; delete those of other hubs or another site."""
        queues = {queue.hub: queue for queue in self._queues}
        try:
            kept = await asyncio.to_thread(self._store.stored)
            known = [
                item
                for item in kept
                if item.hub in queues and item.topic.startswith(f"{self._site.url}/")
            ]
            if len(known) < len(kept):
                await asyncio.to_thread(self._store.drop, set(kept).difference(known))
        except StoreError as error:
            _log.error("notifications for hubs cannot be read", error=str(error))
            known = []
        for item in known:
            queues[item.hub].stored[item.topic] = item.changed_at
        for queue in self._queues:
            queue.add(dict(queue.stored))  # a copy: files may change just now

    async def _serve(self, queue: HubQueue) -> None:
        """Tell one hub of its topics until stopped."""
        async with self._client(queue) as client:
            while not queue.stopped:
                await self._give_up(queue)
                if batch := queue.next(_now()):
                    await self._notify(queue, client, batch)
                else:
                    await self._store_waiting(queue)
                    await queue.wait()

    async def _serve_once(self, queue: HubQueue) -> None:
        """Tell one hub of its queued topics, until a request fails."""
        await self._give_up(queue)
        async with self._client(queue) as client:
            while batch := queue.next(_now()):
                await self._notify(queue, client, batch)

    def _client(self, queue: HubQueue) -> httpx.AsyncClient:
        # A certificate is checked; where a redirect leads is none of our business.
        return httpx.AsyncClient(
            verify=self._trust or ssl.create_default_context(),
            follow_redirects=False,
            timeout=_EACH_WAIT,
            limits=httpx.Limits(max_connections=1),
            trust_env=not is_loopback(queue.host),  # a proxy would not find what is on this machine
            headers={"User-Agent": f"Digest/{__version__}", "Accept-Encoding": "identity"},
        )

    async def _notify(
        self, queue: HubQueue, client: httpx.AsyncClient, batch: Mapping[str, datetime]
    ) -> None:
        """Make one request, and delete or requeue its topics by the answer."""
        try:
            answer = await self._request(queue.hub, client, batch)
        except BaseException:
            queue.add(batch)
            raise
        if answer.outcome is HubOutcome.LATER:
            queue.add(batch)
            pause = queue.failed(_now(), self._jitter(), answer.retry_after)
            _log.warning(
                "hub not told, will try again",
                hub=queue.host,
                problem=answer.problem,
                topics=len(queue.waiting()),
                seconds=round(pause, 1),
            )
            return
        queue.succeeded()
        if answer.outcome is HubOutcome.REFUSED and len(batch) > 1:  # it may take them one by one
            queue.batch = 1
            queue.add(batch)
            return
        if answer.outcome is HubOutcome.REFUSED:
            _log.warning("hub refuses", hub=queue.host, problem=answer.problem, topics=list(batch))
        else:
            _log.info("hub told", hub=queue.host, topics=len(batch))
        # What changed once more while the hub was told is kept: it is told once more.
        await self._drop(
            queue, [topic for topic, at in batch.items() if queue.stored.get(topic, at) <= at]
        )

    async def _request(
        self, hub: str, client: httpx.AsyncClient, topics: Collection[str]
    ) -> _Answer:
        answer: _Answer | None = None
        try:
            async with (
                asyncio.timeout(_WHOLE_EXCHANGE),
                client.stream(
                    "POST",
                    hub,
                    content=notification(topics),
                    headers={"Content-Type": "application/x-www-form-urlencoded"},
                ) as response,
            ):
                answer = _Answer(
                    outcome=outcome_of(response.status_code),
                    problem=f"it answered {response.status_code}",
                    retry_after=retry_after(response.headers.get("Retry-After"), self._clock()),
                )
                await _read_some(response)
        except (httpx.HTTPError, TimeoutError) as error:
            # What the answer was is known by its head.
            return answer or _Answer(outcome=HubOutcome.LATER, problem=_cause(error))
        return answer

    async def _give_up(self, queue: HubQueue) -> None:
        if given_up := queue.give_up(self._clock()):
            _log.warning("hub not told, given up", hub=queue.host, topics=len(given_up))
            await self._drop(queue, given_up)

    async def _store_waiting(self, queue: HubQueue) -> None:
        """Store the queued notifications."""
        waiting = queue.waiting()
        new = {topic: at for topic, at in waiting.items() if queue.stored.get(topic) != at}
        if not new:
            return
        try:
            await asyncio.to_thread(self._store.keep, queue.notifications(new))
        except StoreError as error:
            _log.error("notifications for hubs cannot be kept", error=str(error))
            return
        queue.stored |= new

    async def _drop(self, queue: HubQueue, topics: Collection[str]) -> None:
        """Delete finished notifications; one that cannot be deleted is sent once more."""
        known = {topic: queue.stored.pop(topic) for topic in topics if topic in queue.stored}
        if not known:
            return
        try:
            await asyncio.to_thread(self._store.drop, queue.notifications(known))
        except StoreError as error:
            _log.error("notifications for hubs cannot be dropped", error=str(error))


async def _read_some(response: httpx.Response) -> None:
    """Read an answer to its end, or up to a limit of bytes."""
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > _MOST_READ:
            return


def _now() -> float:
    return asyncio.get_running_loop().time()


def _cause(error: Exception) -> str:
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return "it took too long"
    return str(error) or type(error).__name__
