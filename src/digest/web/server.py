"""The web server: uvicorn on an open socket, with a limit on the connections."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import resource
import socket
from collections.abc import Iterator
from time import monotonic

import structlog
import uvicorn

from digest.web.feed_files import Application
from digest.web.http_connection import HttpConnection, ImmediateResponse, SharedState

_log = structlog.get_logger(__name__)

#: Connections at most, and at least; each may hold 144 KiB that its client does not take.
MAX_CONNECTIONS, MIN_CONNECTIONS = 1_000, 16
#: File descriptors that are left to articles, the database, mail and workers.
RESERVED_DESCRIPTORS = 128
#: Bytes that the system may hold for a client; left alone, it takes 4 MiB for who does not read.
SEND_BUFFER = 256 * 1024
#: Connections accepted before those that are there get their turn.
_ACCEPTED_AT_ONCE = 16
#: Seconds until connections are accepted again after that failed, and between two lines about it.
_PAUSE, _LOG_EVERY = 0.25, 60.0
#: Ticks of uvicorn, each a tenth of a second, from one look at all deadlines to the next.
_SWEEP_EVERY = 10


def connection_limit() -> int:
    """Return the number of connections for which the limit of open files leaves room."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(MIN_CONNECTIONS, min(MAX_CONNECTIONS, soft - RESERVED_DESCRIPTORS))


def _prepare(client: socket.socket) -> None:
    """Set up an accepted connection. Raises OSError."""
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


class Server(uvicorn.Server):
    """Serves an ASGI application until ``should_exit`` is set; signals are left to the daemon."""

    def __init__(
        self,
        app: Application,
        listener: socket.socket,
        *,
        immediate_response: ImmediateResponse = lambda _target, _fields: None,
        limit: int | None = None,
    ) -> None:
        """``immediate_response`` answers a GET, or returns None for the application; see FeedFiles.

        ``limit`` is the number of connections; by default ``connection_limit``.
        """
        super().__init__(
            uvicorn.Config(
                app,
                http=HttpConnection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # its lines would hold tokens
                proxy_headers=False,  # nothing asks where a request comes from
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._listener = listener
        self._immediate_response = immediate_response
        self._limit = limit or connection_limit()
        self._shared = SharedState()
        self._accepting: set[asyncio.Task[object]] = set()
        self._logged_at = -math.inf
        self._listening = False

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: the daemon handles signals, not uvicorn."""
        yield

    async def startup(
        self,
        sockets: list[socket.socket] | None = None,  # noqa: ARG002 - uvicorn's
    ) -> None:
        """Begin to accept connections. Uvicorn itself listens to nothing.

        asyncio's own loop accepts as many connections as wait, without a look at how many there
        are, and fails again and again once descriptors have run out.
        """
        await super().startup(sockets=[])
        self._beat()
        self._listener.setblocking(False)
        self._listen()

    async def shutdown(
        self,
        sockets: list[socket.socket] | None = None,  # noqa: ARG002 - uvicorn's
    ) -> None:
        """Accept nothing more, let the answers under way end, and close."""
        self._listening = False
        asyncio.get_running_loop().remove_reader(self._listener)
        await super().shutdown(sockets=[self._listener])

    async def on_tick(self, counter: int) -> bool:
        """Update the time and enforce deadlines; called ten times a second."""
        ended = await super().on_tick(counter)
        self._beat()
        if counter % _SWEEP_EVERY == 0:
            for connection in list(self._shared.connections):
                if connection.is_overdue():
                    connection.transport.abort()
        return ended

    def _beat(self) -> None:
        self._shared.now = monotonic()
        headers = self.server_state.default_headers
        self._shared.head_end = b"".join(b"%b: %b\r\n" % pair for pair in headers) + b"\r\n"

    def _listen(self) -> None:
        self._listening = True
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _pause(self) -> None:
        """Accept no connections for a moment; new ones wait in the system's queue."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener)
        loop.call_later(_PAUSE, self._resume)

    def _resume(self) -> None:
        if self._listening:
            self._listen()

    def _accept(self) -> None:
        """Accept some connections; at the limit, each in place of an idle one."""
        room = self._make_room()
        if not room:
            self._pause()
        for _ in range(room):
            try:
                client, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptors, no memory
                self._log_rarely(
                    "connections cannot be accepted", error=error.strerror or str(error)
                )
                self._pause()
                return
            try:
                _prepare(client)
            except OSError:  # it has gone already
                client.close()
                continue
            connecting = asyncio.get_running_loop().connect_accepted_socket(self._connect, client)
            self._shared.arriving += 1
            task: asyncio.Task[object] = asyncio.ensure_future(connecting)
            self._accepting.add(task)
            task.add_done_callback(self._accepted)

    def _accepted(self, task: asyncio.Task[object]) -> None:
        self._accepting.discard(task)
        if task.cancelled() or task.exception():  # there is no connection, and will be none
            self._shared.arriving -= 1

    def _connect(self) -> HttpConnection:
        return HttpConnection(
            self.config, self.server_state, self._shared, self._immediate_response
        )

    def _make_room(self) -> int:
        """Return the number of connections that may be accepted, after closing idle ones."""
        connections = self._shared.connections
        free = self._limit - len(connections) - self._shared.arriving
        if free > 0:
            return min(free, _ACCEPTED_AT_ONCE)
        self._log_rarely("many connections: those silent for longest are closed", limit=self._limit)
        dispensable = (
            (since, number, connection)
            for number, connection in enumerate(connections)
            if (since := connection.dispensable_since()) is not None
        )
        closed = heapq.nsmallest(min(_ACCEPTED_AT_ONCE, self._limit // 2), dispensable)
        for _, _, connection in closed:
            connection.transport.abort()
        return len(closed)

    def _log_rarely(self, event: str, **fields: object) -> None:
        """Log what may happen a thousand times a second, once a minute."""
        now = monotonic()
        if now - self._logged_at >= _LOG_EVERY:
            self._logged_at = now
            _log.warning(event, **fields)
