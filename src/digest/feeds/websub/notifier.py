"""The herald: tells WebSub hubs which feeds have changed, as soon as they take it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import httpx
import structlog

from digest import __version__
from digest.errors import StoreError
from digest.feeds.websub.notifications import Notice, Verdict, asked_rest, verdict
from digest.feeds.websub.protocol import is_topic, notification
from digest.feeds.websub.queue import Desk
from digest.site import Site, is_loopback
from digest.times import Clock

_log = structlog.get_logger(__name__)

#: The longest wait for a hub's connection or its next bytes, and for its whole answer; seconds.
_EACH_WAIT, _WHOLE_EXCHANGE = 10.0, 20.0
#: How much of an answer is read, so that its connection can be used again; bytes.
_MOST_READ = 64 * 1024
#: How long an exchange that is under way may go on once all is to stop; seconds.
_LAST_WORDS = 1.0


class NoticeKeeper(Protocol):
    """What the herald needs of the store."""

    def notices(self) -> list[Notice]:
        """Return what is kept."""

    def keep(self, notices: Collection[Notice]) -> None:
        """Keep notices; what is kept of the same hub and topic is replaced."""

    def drop(self, notices: Collection[Notice]) -> None:
        """Forget notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """How a hub answered."""

    verdict: Verdict
    problem: str = ""
    rest: float = 0.0  #: what the hub asked for; seconds


class Herald:
    """Tells each hub of each changed feed, one request at a time, until it has taken it.

    Hubs do not wait for one another, and nothing waits for them: ``changed`` only takes notes.
    """

    def __init__(
        self,
        *,
        site: Site,
        keeper: NoticeKeeper,
        clock: Clock,
        jitter: Callable[[], float],
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """``jitter`` returns 0…1; ``trust`` says which certificates hubs may have, those that the
        system trusts by default.
        """
        self._site = site
        self._keeper = keeper
        self._clock = clock
        self._jitter = jitter
        self._trust = trust
        self._desks = [Desk(hub) for hub in site.hubs]

    def changed(self, paths: Collection[str]) -> None:
        """Note which published files hold other bytes now; from any thread.

        The store keeps it, too: whoever is killed now tells hubs at the next start.

        ``paths`` are relative to the output folder; those that are no feeds do not matter.
        """
        at = self._clock()
        changes = {self._site.link(path): at for path in sorted(paths) if is_topic(path)}
        if not changes or not self._desks:
            return
        try:
            self._keeper.keep([one for desk in self._desks for one in desk.notices(changes)])
        except StoreError as error:
            _log.error("notices for hubs cannot be kept", error=str(error))
        else:
            for desk in self._desks:
                desk.kept |= changes
        for desk in self._desks:
            desk.add(changes)

    async def run(self, stop: asyncio.Event) -> None:
        """Tell hubs until ``stop`` is set; what is left then is kept for the next start.

        Whatever hubs and the store do is logged; nothing is raised for it.
        """
        if not self._desks:
            return
        await self._begin()
        try:
            async with asyncio.TaskGroup() as tasks:
                serving = [tasks.create_task(self._serve(desk, stop)) for desk in self._desks]
                await stop.wait()
                for desk in self._desks:
                    desk.wake()
                await asyncio.wait(serving, timeout=_LAST_WORDS)
                for task in serving:
                    task.cancel()
        finally:
            for desk in self._desks:
                await self._keep(desk)

    async def run_once(self, within: float) -> int:
        """Tell hubs what waits, once, for some seconds at most; return how many notices are left.

        Those are kept for the next start of a command or of the daemon.
        """
        if not self._desks:
            return 0
        await self._begin()
        try:
            async with asyncio.timeout(within), asyncio.TaskGroup() as tasks:
                for desk in self._desks:
                    tasks.create_task(self._serve_once(desk))
        except TimeoutError:
            _log.warning("hubs took too long, the rest is told later", seconds=within)
        finally:
            for desk in self._desks:
                await self._keep(desk)
        return sum(len(desk.waiting()) for desk in self._desks)

    async def _begin(self) -> None:
        """Take up what was kept, and drop what nobody is to be told any more."""
        desks = {desk.hub: desk for desk in self._desks}
        try:
            kept = await asyncio.to_thread(self._keeper.notices)
            known = [
                one
                for one in kept
                if one.hub in desks and one.topic.startswith(f"{self._site.url}/")
            ]
            if len(known) < len(kept):
                await asyncio.to_thread(self._keeper.drop, set(kept).difference(known))
        except StoreError as error:
            _log.error("notices for hubs cannot be read", error=str(error))
            known = []
        for one in known:
            desks[one.hub].kept[one.topic] = one.changed_at
        for desk in self._desks:
            desk.attach()
            desk.add(dict(desk.kept))  # a copy: files may change just now

    async def _serve(self, desk: Desk, stop: asyncio.Event) -> None:
        """Tell one hub all that comes."""
        async with self._client(desk) as client:
            while not stop.is_set():
                await self._give_up(desk)
                if batch := desk.next():
                    await self._turn(desk, client, batch)
                else:
                    await self._keep(desk)
                    await desk.wait()

    async def _serve_once(self, desk: Desk) -> None:
        """Tell one hub what waits, until it fails."""
        await self._give_up(desk)
        async with self._client(desk) as client:
            while batch := desk.next():
                await self._turn(desk, client, batch)

    def _client(self, desk: Desk) -> httpx.AsyncClient:
        # A certificate is checked; where a redirect leads is none of our business.
        return httpx.AsyncClient(
            verify=self._trust or ssl.create_default_context(),
            follow_redirects=False,
            timeout=_EACH_WAIT,
            limits=httpx.Limits(max_connections=1),
            trust_env=not is_loopback(desk.host),  # a proxy would not find what is on this machine
            headers={"User-Agent": f"Digest/{__version__}", "Accept-Encoding": "identity"},
        )

    async def _turn(
        self, desk: Desk, client: httpx.AsyncClient, batch: Mapping[str, datetime]
    ) -> None:
        """Make one request, and see to what becomes of its topics."""
        try:
            answer = await self._tell(desk.hub, client, batch)
        except BaseException:
            desk.add(batch)
            raise
        if answer.verdict is Verdict.LATER:
            desk.add(batch)
            rest = desk.failed(self._jitter(), answer.rest)
            _log.warning(
                "hub not told, will try again",
                hub=desk.host,
                problem=answer.problem,
                topics=len(desk.waiting()),
                seconds=round(rest, 1),
            )
            return
        desk.taken()
        if answer.verdict is Verdict.REFUSED and len(batch) > 1:  # it may take them one by one
            desk.batch = 1
            desk.add(batch)
            return
        if answer.verdict is Verdict.REFUSED:
            _log.warning("hub refuses", hub=desk.host, problem=answer.problem, topics=list(batch))
        else:
            _log.info("hub told", hub=desk.host, topics=len(batch))
        # What changed once more while the hub was told is kept: it is told once more.
        await self._drop(desk, [one for one, at in batch.items() if desk.kept.get(one, at) <= at])

    async def _tell(self, hub: str, client: httpx.AsyncClient, topics: Collection[str]) -> _Answer:
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
                    verdict=verdict(response.status_code),
                    problem=f"it answered {response.status_code}",
                    rest=asked_rest(response.headers.get("Retry-After"), self._clock()),
                )
                await _read_some(response)
        except (httpx.HTTPError, TimeoutError) as error:
            # What the answer was is known by its head.
            return answer or _Answer(verdict=Verdict.LATER, problem=_cause(error))
        return answer

    async def _give_up(self, desk: Desk) -> None:
        if given_up := desk.give_up(self._clock()):
            _log.warning("hub not told, given up", hub=desk.host, topics=len(given_up))
            await self._drop(desk, given_up)

    async def _keep(self, desk: Desk) -> None:
        """Have the store keep what waits."""
        waiting = desk.waiting()
        new = {one: at for one, at in waiting.items() if desk.kept.get(one) != at}
        if not new:
            return
        try:
            await asyncio.to_thread(self._keeper.keep, desk.notices(new))
        except StoreError as error:
            _log.error("notices for hubs cannot be kept", error=str(error))
            return
        desk.kept |= new

    async def _drop(self, desk: Desk, topics: Collection[str]) -> None:
        """Have the store forget what is done with; what it keeps by mistake is told once more."""
        known = {one: desk.kept.pop(one) for one in topics if one in desk.kept}
        if not known:
            return
        try:
            await asyncio.to_thread(self._keeper.drop, desk.notices(known))
        except StoreError as error:
            _log.error("notices for hubs cannot be dropped", error=str(error))


async def _read_some(response: httpx.Response) -> None:
    """Read an answer to its end, or until it is too long to be worth it."""
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > _MOST_READ:
            return


def _cause(error: Exception) -> str:
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return "it took too long"
    return str(error) or type(error).__name__
