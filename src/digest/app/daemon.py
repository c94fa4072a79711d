"""The daemon: the services of `digest run`, their start and their ordered stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from digest.app.live_settings import LiveSettings
from digest.app.lock_file import daemon_id, listen, only_daemon
from digest.app.signup_mailer import make_signup_mailer
from digest.app.wiring import Services
from digest.backoff import Backoff
from digest.errors import DigestError, OutputError, StoreError
from digest.feeds.publish.output_folder import OutputFolder
from digest.scheduling.timer import Timer
from digest.startup import trim_heap
from digest.web.render_queue import RenderQueue
from digest.web.server import Server

if TYPE_CHECKING:
    from digest.sources.follower import Follower

_log = structlog.get_logger(__name__)

#: What each part of an ordered stop may take before it is cancelled; seconds. 4.5 in all.
_STOP_PUBLISHING, _STOP_MAIL, _STOP_WEB = 1.5, 2.0, 1.0
_STOP_NOTIFIER, _STOP_APPROVAL = _STOP_MAIL, _STOP_PUBLISHING  # at the same time
_STOP_SOURCES = _STOP_PUBLISHING  # likewise
#: How long until the folder of assets is looked at again; seconds.
_LOOK_AT_ASSETS = 600.0
#: How long until free memory is given back, where so much of the processor was used; seconds.
_TRIM_EVERY, _TRIM_AFTER = 5.0, 0.05
#: How long until the configuration is looked at again while there is no source; seconds.
_LOOK_FOR_SOURCES = 30.0
#: Who asks for metrics: a scraper or two, each with a connection.
_METRICS_CONNECTIONS = 16
#: How late a scan may be, beside another interval and three times what it takes.
_SCAN_GRACE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The state of the program once the first scan is published."""

    articles: int
    categories: int
    feeds: int
    problems: int  #: files that could not become an article
    digests: tuple[tuple[str, str, datetime | None], ...]  #: name, title, next run (aware)
    url: str  #: where the pages are served; empty where the web server is off


class Daemon:
    """Watches, publishes, serves and mails until it is stopped."""

    def __init__(
        self,
        services: Services,
        *,
        announce: Callable[[Started], None] = lambda _: None,
        progress: Callable[[int, int], None] | None = None,
        stopping: Callable[[], None] = lambda: None,
        live: LiveSettings | None = None,
    ) -> None:
        """``announce`` is called once all services run, ``stopping`` when the stop begins.

        ``progress`` is called with (done, total) during the first scan. ``live`` has the present
        sources, by default those of the start.
        """
        self._services = services
        self._sources = live.sources if live else services.settings.source_list
        self._follower: Follower | None = None  # where there is something to follow
        self._stopping = stopping
        self._announce = announce
        self._progress = progress
        self._workers = services.workers()
        self._indexer = services.search_indexer()
        published = self._indexer.wake if self._indexer else lambda: None
        options = live.ingest_options if live else None
        self._publish_loop = services.publish_loop(self._workers, published, options)
        self._due_runs = services.due_runs()
        self._delivery = services.delivery(daemon_id(services.settings.paths.data))
        self._approval = services.approval(self._delivery)
        self._signup_mailer = make_signup_mailer(services, self._delivery.reports.send)
        self._queue = RenderQueue(idle=self._publish_loop.idle)
        self._timer = Timer(services.schedules, self._fire)
        self._checked = asyncio.Event()  # the output was looked at, so it can be served
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Make ``run`` stop in order; called from its event loop."""
        self._stop.set()

    async def run(self) -> None:
        """Run until SIGINT or SIGTERM, then stop in order within 5 s; a second signal ends at once.

        Raises ConfigurationError and AlreadyRunningError before anything is done.
        """
        settings = self._services.settings
        web = settings.web
        with contextlib.ExitStack() as stack:
            stack.enter_context(only_daemon(settings.paths.data))
            listener = stack.enter_context(listen(web.host, web.port)) if web.enabled else None
            metrics = self._metrics_server(stack)
            stack.enter_context(self._workers)
            stack.enter_context(_signals(self._stop))
            await self._work(self._server(listener) if listener else None, metrics)

    async def _work(self, server: Server | None, metrics: Server | None) -> None:
        async with asyncio.TaskGroup() as tasks:
            web = tasks.create_task(self._serve(server)) if server else None
            watched = tasks.create_task(metrics.serve()) if metrics else None
            mail = tasks.create_task(self._delivery.run())
            approval = tasks.create_task(self._approval.run())
            signups = tasks.create_task(self._signup_mailer.run())
            notifier = tasks.create_task(self._services.hub_notifier.run())
            follow = tasks.create_task(self._follow())
            # Files that come before the first scan are found by it.
            sources = tasks.create_task(self._follow_sources())
            indexer = tasks.create_task(self._index())
            assets = tasks.create_task(self._look_at_assets())
            tasks.create_task(self._trim_heap())
            await self._stop.wait()
            _log.info("stopping")
            self._stopping()
            self._timer.stop()
            self._publish_loop.stop()
            self._approval.stop()
            self._signup_mailer.stop()
            if self._follower:
                self._follower.stop()
            if self._indexer:
                self._indexer.stop()
            await asyncio.gather(
                _ended(follow, _STOP_PUBLISHING),
                _ended(approval, _STOP_APPROVAL),
                _ended(indexer, _STOP_PUBLISHING),
                _ended(signups, _STOP_APPROVAL),
                _ended(assets, _STOP_PUBLISHING),
                _ended(sources, _STOP_SOURCES),
            )
            self._delivery.stop()
            self._services.hub_notifier.stop()
            await asyncio.gather(_ended(mail, _STOP_MAIL), _ended(notifier, _STOP_NOTIFIER))
            if web and server:
                server.should_exit = True
                self._checked.set()
                await _ended(web, _STOP_WEB)
            if watched and metrics:
                metrics.should_exit = True
                await _ended(watched, _STOP_WEB)
            await self._close_output()
        _log.info("stopped")

    async def _follow_sources(self) -> None:
        """Follow sources once there are any; load the modules for it only then."""
        while not await asyncio.to_thread(self._sources):
            await self._rest(_LOOK_FOR_SOURCES)
            if self._stop.is_set():
                return
        if not self._stop.is_set():
            self._follower = self._services.follower(self._sources)
            await self._follower.run()

    async def _index(self) -> None:
        if self._indexer:
            await self._indexer.run(self._publish_loop.busy)

    async def _look_at_assets(self) -> None:
        check, go_on = self._services.unused_assets().check, self._publish_loop.go_on
        while not self._stop.is_set():
            await self._rest(_LOOK_AT_ASSETS)
            await self._until_done("check of the assets", partial(asyncio.to_thread, check, go_on))

    async def _trim_heap(self) -> None:
        """Give back the memory that work left free, while no file waits to be published."""
        used = time.process_time()
        while not self._stop.is_set():
            await self._rest(_TRIM_EVERY)
            if time.process_time() - used >= _TRIM_AFTER and not self._publish_loop.busy():
                await asyncio.to_thread(trim_heap)
                used = time.process_time()

    async def _serve(self, server: Server) -> None:
        await self._checked.wait()
        await server.serve()

    async def _close_output(self) -> None:
        """Sync the feeds to the disk; otherwise all are compared after the machine's next boot."""
        try:
            await asyncio.to_thread(self._services.publisher.close)
        except DigestError as error:
            _log.error("the output folder was not synced", error=str(error))

    def _server(self, listener: socket.socket) -> Server:
        from digest.app.web_application import make_application
        from digest.web.app import Probes

        services = self._services
        scanned = self._last_scan_at if services.settings.web.status else None
        feeds = make_application(
            services,
            approvals=self._approval,
            wake=self._wake_mail,
            probes=Probes(last_scan_at=scanned, unready=self._unready),
            queue=self._queue,
        )
        return Server(feeds, listener, immediate_response=feeds.immediate_response)

    def _wake_mail(self) -> None:
        self._signup_mailer.wake()
        self._delivery.wake()

    def _metrics_server(self, stack: contextlib.ExitStack) -> Server | None:
        table = self._services.settings.metrics
        if table.port is None:
            return None
        from digest.app.metrics import DaemonMetrics, metrics_application

        listener = stack.enter_context(listen(table.host, table.port, "metrics.port"))
        metrics = DaemonMetrics(
            self._services,
            publish_loop=self._publish_loop,
            delivery=self._delivery,
            queue=self._queue,
            unready=self._unready,
            sources=self._sources,
        )
        return Server(metrics_application(metrics), listener, limit=_METRICS_CONNECTIONS)

    async def _follow(self) -> None:
        """Check the output, scan, announce, start the schedules, and run the publish loop."""
        services, publish_loop = self._services, self._publish_loop
        names = list(services.digests)

        async def scan() -> None:
            await publish_loop.first_scan(self._progress)

        async def start_digests() -> None:
            await asyncio.to_thread(services.store.editions.start_digests, names, services.clock())

        async def announce() -> None:
            self._announce(await asyncio.to_thread(self._started))

        for what, attempt in (
            ("check of the output folder", self._check_output),
            ("first scan", scan),
            ("start of the digests", start_digests),
        ):
            if not await self._until_done(what, attempt):
                return
        # Before the catch-up: a run that comes due while that takes long is not lost.
        self._timer.start()
        for name in services.schedules:
            await self._fire(name)
        if await self._until_done("start", announce):
            await publish_loop.run()

    async def _check_output(self) -> None:
        """Compare the output folder with its record before it is served; errors are logged."""
        publisher, go_on = self._services.publisher, self._publish_loop.go_on
        try:
            removed = await asyncio.to_thread(publisher.start, go_on)
            if publisher.unverified:  # nobody gets a file before it is known to be whole
                await asyncio.to_thread(publisher.publish, lambda _done, _all: go_on())
        except OutputError as error:  # publishing tries again; mail does not wait for it
            _log.error("the output folder cannot be used", error=str(error))
            return
        finally:
            self._checked.set()
        if removed:
            _log.info("files of an older version removed", files=removed)

    async def _fire(self, name: str) -> None:
        """Make the edition that is due, if any; try again while the database cannot be used."""
        await self._until_done("edition", lambda: self._issue_due(name))

    async def _until_done(self, what: str, attempt: Callable[[], Awaitable[object]]) -> bool:
        """Repeat work until it succeeds, with growing waits; return False if stopped before."""
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                await attempt()
            except (DigestError, OSError) as error:
                if self._stop.is_set():
                    break
                wait = backoff.failed()
                _log.error("failed, will try again", what=what, error=str(error), seconds=wait)
                await self._rest(wait)
            else:
                return not self._stop.is_set()
        return False

    async def _rest(self, seconds: float) -> None:
        """Wait for some seconds, or until stopped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _issue_due(self, name: str) -> None:
        services = self._services
        now = services.clock()
        due_at = await asyncio.to_thread(self._due_runs.due_at, name, now)
        if due_at is None:
            return
        if await self._delivery.open_edition(services.digests[name], due_at):
            self._delivery.wake()
            self._approval.wake()

    def _last_scan_at(self) -> datetime | None:
        scan = self._publish_loop.last_scan
        return scan.ended_at if scan else None

    def _unready(self) -> str:
        """Return why the daemon is not ready, for the public; empty if it is. Blocking."""
        services = self._services
        articles, output = services.settings.articles, services.settings.paths.output
        try:
            services.store.scans.last()
        except StoreError:
            return "the database does not answer"
        scan = self._publish_loop.last_scan
        if scan is None:
            return "the first scan is under way"
        try:
            writable = OutputFolder(output).token() and os.access(output, os.W_OK | os.X_OK)
        except OutputError:
            writable = False
        if not writable:
            return "the output folder cannot be written"
        if not self._timer.running:
            return "the schedules are not running"
        every = articles.poll_every if articles.watch == "poll" else articles.scan_every
        if services.clock() - scan.ended_at > 2 * every + 3 * scan.took + _SCAN_GRACE:
            return "the last scan was too long ago"
        return ""

    def _started(self) -> Started:
        """Return the present state. Blocking."""
        services = self._services
        counts, now = services.store.articles.counts(), services.clock()
        return Started(
            articles=counts.articles,
            categories=counts.categories,
            feeds=len(services.feeds()),
            problems=counts.problems,
            digests=tuple(
                (name, services.digests[name].title, schedule.next_shown(now))
                for name, schedule in services.schedules.items()
            ),
            url=f"{services.site.url}/" if services.settings.web.enabled else "",
        )


async def _ended(task: asyncio.Task[None], seconds: float) -> None:
    """Wait for a task to end by itself, then cancel it."""
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
