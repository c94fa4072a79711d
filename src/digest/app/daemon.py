"""The daemon: everything that goes on while `digest run` runs, its start and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import structlog

from digest import __version__
from digest.app.lock_file import listen, only_daemon
from digest.app.publish_loop import PublishLoop
from digest.app.wiring import Services
from digest.articles.ingest.workers import Workers
from digest.backoff import Backoff
from digest.editions.model import Digest, Edition, decided_at
from digest.errors import DigestError, OutputError
from digest.scheduling.timer import Timetable
from digest.web.server import Server
from digest.web.status import MAX_SHOWN, Status, Waiting

_log = structlog.get_logger(__name__)

#: What each part of an ordered stop may take before it is cancelled; seconds. 4.5 in all.
_STOP_PUBLISHING, _STOP_MAIL, _STOP_WEB = 1.5, 2.0, 1.0
_STOP_HERALD, _STOP_EDITOR = _STOP_MAIL, _STOP_PUBLISHING  # at the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What the operator is told once the first scan is published."""

    status: Status
    url: str  #: where the pages are served; empty where the web server is off


class Daemon:
    """Watches, publishes, serves and mails until told to stop."""

    def __init__(
        self,
        services: Services,
        *,
        announce: Callable[[Started], None] = lambda _: None,
        progress: Callable[[int, int], None] | None = None,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        """``announce`` is called once all is up, ``stopping`` when the stop begins.

        ``progress`` hears (done, total) while the first scan reads.
        """
        self._services = services
        self._stopping = stopping
        self._announce = announce
        self._progress = progress
        self._started_at = services.clock()
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Have ``run`` end in order; called from the loop it runs in."""
        self._stop.set()

    async def run(self) -> None:
        """Run until SIGINT or SIGTERM, then stop in order within 5 s; a second signal ends at once.

        Raises ConfigurationError and AlreadyRunningError before anything is done.
        """
        services = self._services
        web = services.settings.web
        with contextlib.ExitStack() as stack:
            stack.enter_context(only_daemon(services.settings.paths.data))
            listener = stack.enter_context(listen(web.host, web.port)) if web.enabled else None
            workers = stack.enter_context(services.workers())
            stack.enter_context(_signals(self._stop))
            await self._work(listener, workers)

    async def _work(self, listener: socket.socket | None, workers: Workers) -> None:
        services = self._services
        self._publish_loop = services.publish_loop(workers)
        self._mailing = services.mailing()
        self._agenda = services.agenda()
        self._editor = services.editor(self._mailing)
        timetable = Timetable(services.schedules, self._fire)
        server = self._server(listener) if listener else None
        stop_editor, stop_mail, stop_herald = asyncio.Event(), asyncio.Event(), asyncio.Event()
        checked = asyncio.Event()

        async def serve(server: Server) -> None:
            await checked.wait()
            await server.serve()

        async with asyncio.TaskGroup() as tasks:
            web = tasks.create_task(serve(server)) if server else None
            mail = tasks.create_task(self._mailing.run(stop_mail))
            editor = tasks.create_task(self._editor.run(stop_editor))
            herald = tasks.create_task(services.herald.run(stop_herald))
            follow = tasks.create_task(self._follow(self._publish_loop, timetable, checked))
            await self._stop.wait()
            _log.info("stopping")
            self._stopping()
            timetable.stop()
            self._publish_loop.stop()
            stop_editor.set()
            await asyncio.gather(_ended(follow, _STOP_PUBLISHING), _ended(editor, _STOP_EDITOR))
            stop_mail.set()
            stop_herald.set()
            await asyncio.gather(_ended(mail, _STOP_MAIL), _ended(herald, _STOP_HERALD))
            if web and server:
                server.should_exit = True
                checked.set()
                await _ended(web, _STOP_WEB)
            await self._close_output()
        _log.info("stopped")

    async def _close_output(self) -> None:
        """Have the disk take the feeds; else the next boot of the machine compares them all."""
        try:
            await asyncio.to_thread(self._services.publisher.close)
        except DigestError as error:
            _log.error("the output folder was not synced", error=str(error))

    def _server(self, listener: socket.socket) -> Server:
        services = self._services
        status = self.status if services.settings.web.status else None
        feeds = services.application(status, self._editor)
        return Server(feeds, listener, immediate_response=feeds.immediate_response)

    async def _follow(
        self, publish_loop: PublishLoop, timetable: Timetable, checked: asyncio.Event
    ) -> None:
        """Check the output, scan, announce, start the schedules, keep the feeds in step.

        ``checked`` is set once the output was looked at, so that it can be served.
        """
        services = self._services
        names = list(services.digests)

        async def start_digests() -> None:
            await asyncio.to_thread(services.store.outbox.start_digests, names, services.clock())

        async def check_output() -> None:
            publisher = services.publisher
            try:
                removed = await asyncio.to_thread(publisher.start, publish_loop.go_on)
                if publisher.suspect:  # nobody gets a file before it is known to be whole
                    await asyncio.to_thread(
                        publisher.publish, lambda _done, _all: publish_loop.go_on()
                    )
            except OutputError as error:  # publishing tries again; mail does not wait for it
                _log.error("the output folder cannot be used", error=str(error))
                return
            finally:
                checked.set()
            if removed:
                _log.info("files of an older version removed", files=removed)

        async def announce() -> None:
            self._announce(await asyncio.to_thread(self._started))

        if not await _until_done("check of the output folder", check_output, publish_loop):
            return
        if not await _until_done(
            "first scan", lambda: publish_loop.first_scan(self._progress), publish_loop
        ):
            return
        if not await _until_done("start of the digests", start_digests, publish_loop):
            return
        # Before the catch-up: a run that comes due while that takes long is not lost.
        timetable.start()
        for name in services.schedules:
            await self._fire(name)
        if await _until_done("start", announce, publish_loop):
            await publish_loop.run()

    async def _fire(self, name: str) -> None:
        """Make the edition that is due, if there is one; try again while the database is away."""
        await _until_done("edition", lambda: self._issue_due(name), self._publish_loop)

    async def _issue_due(self, name: str) -> None:
        services = self._services
        now = services.clock()
        due_at = await asyncio.to_thread(self._agenda.due_at, name, now)
        if due_at is None:
            return
        if await self._mailing.issue(services.digests[name], due_at):
            self._mailing.wake()
            self._editor.wake()

    def _started(self) -> Started:
        web = self._services.settings.web
        return Started(
            status=self.status(), url=f"{self._services.site.url}/" if web.enabled else ""
        )

    def status(self) -> Status:
        """Return what the status page and the start-up message tell. Blocking."""
        services = self._services
        counts = services.store.articles.counts()
        now = services.clock()
        scan = self._publish_loop.last_scan or services.store.scans.last()
        return Status(
            version=__version__,
            started_at=self._started_at,
            articles=counts.articles,
            categories=counts.categories,
            feeds=len(services.feeds()),
            problems=tuple(services.store.articles.problems()[:MAX_SHOWN]),
            failed=counts.problems,
            salvaged=counts.salvaged,
            digests=tuple(
                (name, services.digests[name].title, schedule.next_shown(now))
                for name, schedule in services.schedules.items()
            ),
            outbox={str(state): count for state, count in services.store.outbox.states().items()},
            sending=tuple(services.store.reports.open(now)),
            pauses=tuple(
                (pause.digest or "", pause.since, pause.reason)
                for pause in services.store.outbox.pauses()
            ),
            drafts=tuple(
                _waiting(edition, services.digests.get(edition.digest))
                for edition, _ in services.store.decisions.drafts()
            ),
            last_scan_at=scan.ended_at if scan else None,
            fault=str(services.pages.fault or ""),
        )


def _waiting(edition: Edition, digest: Digest | None) -> Waiting:
    """Return a draft as the status page shows it."""
    return Waiting(
        edition_id=edition.id,
        title=digest.title if digest else edition.digest,
        number=edition.number,
        decided_at=decided_at(edition, digest),
        sends=digest is not None and digest.approval is not None and digest.approval.sends,
    )


async def _until_done(
    what: str, attempt: Callable[[], Awaitable[object]], publish_loop: PublishLoop
) -> bool:
    """Try until it works, waiting longer each time; False where the daemon stops before that."""
    backoff = Backoff()
    while not publish_loop.stopped():
        try:
            await attempt()
        except (DigestError, OSError) as error:
            if publish_loop.stopped():
                break
            wait = backoff.failed()
            _log.error("failed, will try again", what=what, error=str(error), seconds=wait)
            await asyncio.sleep(wait)
        else:
            return not publish_loop.stopped()
    return False


async def _ended(task: asyncio.Task[None], seconds: float) -> None:
    """Wait for a task to end by itself, then make it."""
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        _log.warning("a part of the daemon did not stop in time and was cancelled")
        task.cancel()


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` at the first SIGINT or SIGTERM; leave at once at the second."""
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    handled = (signal.SIGINT, signal.SIGTERM)
    for number in handled:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
