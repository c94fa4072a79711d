"""A client's connection: uvicorn's HTTP/1.1 with limits, and answers that need no application.

Deadlines are kept by the server, which looks at every connection once a second.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from time import monotonic
from typing import cast

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from digest.web.feed_response import Fields, joined

#: Bytes of a request's head.
MAX_HEAD = 64 * 1024
#: Requests that wait for the answer to an earlier one; no honest client sends so many at once.
MAX_PIPELINED = 16
#: Seconds for which a client may be silent between requests, take for a head, and for a body.
IDLE_TIMEOUT, HEAD_TIMEOUT, BODY_TIMEOUT = 5.0, 10.0, 30.0
#: Seconds in which a client has to take what is ready for it, 64 KiB or less.
SEND_TIMEOUT = 30.0
#: Seconds for which a client that was refused may go on sending, and how many bytes are taken.
_LINGER, _LINGER_BYTES = 2.0, 1024 * 1024
#: Seconds after which a client that takes nothing makes room for another.
_STALLED = 5.0

#: Bytes read from a client at a time.
_READ = 64 * 1024
#: Bytes that wait for the client, beside those that the system has taken, above which nothing more
#: is made ready.
_HIGH_WATER = 16 * 1024

#: RFC 9110 section 7.2, RFC 3986 section 3.2.2.
_HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?", re.ASCII)

#: Returns head and body of the answer to a GET, by its target and headers; see FeedFiles.
ImmediateResponse = Callable[[bytes, Fields], tuple[bytes, bytes] | None]


class Phase(Enum):
    """The part of a request that a client is to send next."""

    IDLE = "a request"
    HEAD = "the rest of its head"
    BODY = "the rest of its body"
    REFUSED = "nothing more"


class _RefusedError(Exception):
    """Ends the parsing."""


class SharedState:
    """State shared by the connections, which the server renews, so that no request looks it up."""

    def __init__(self) -> None:
        self.now = monotonic()  #: seconds, a tenth of one old at most
        self.head_end = b""  #: the last headers of every answer, and the empty line
        self.connections: set[HttpConnection] = set()  #: all that there are
        self.arriving = 0  #: sockets that were accepted and are no connections yet
        self.buffer = bytearray(_READ)  #: what was read last, by whichever connection


class HttpConnection(HttpToolsProtocol, asyncio.BufferedProtocol):
    """One client's connection.

    A protocol without a buffer is handed 256 KiB of new memory for each request, which the system
    has to give and to take back: two thirds of the time of a feed's answer.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        shared: SharedState,
        immediate_response: ImmediateResponse,
    ) -> None:
        super().__init__(config, server_state, {})
        self._shared = shared
        self._immediate_response = immediate_response
        self.phase = Phase.IDLE
        self.since = 0.0  #: when the phase began; seconds of the monotonic clock
        self._stalled_since: float | None = None  #: since when the client takes nothing
        self._host = b""  #: of the last request, looked at
        self._unfinished = 0  #: bytes of a head that came with earlier chunks
        self._chunk = 0  #: bytes of the last chunk
        self._completed = False  #: a head ended in the last chunk
        self._responded = False  #: without the application; what follows of the request is nobody's
        self._receiving = False  #: the head is there, the end of the body is not
        self._lingered = 0  #: bytes that came after the refusal

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; uvicorn narrows the type as well."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._shared.arriving -= 1
        self._shared.connections.add(self)
        self.since = monotonic()  # exactly: the one silent for longest is to go first

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._shared.connections.discard(self)

    def pause_writing(self) -> None:
        """Record that the client does not read, so that sending has to wait."""
        super().pause_writing()
        self._stalled_since = self._shared.now

    def resume_writing(self) -> None:
        """Record that the client reads again."""
        super().resume_writing()
        self._stalled_since = None

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's
        """Return the buffer for what is read next; it is parsed before anybody reads again."""
        return self._shared.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was read."""
        self.data_received(bytes(memoryview(self._shared.buffer)[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Parse requests; refuse anything but HTTP, without a line in the log."""
        if self.phase is Phase.REFUSED:
            self._lingered += len(data)
            if self._lingered > _LINGER_BYTES:
                self.flow.pause_reading()
            return
        self._chunk = len(data)
        self._completed = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._stop_reading()
        except httptools.HttpParserError:
            self._refuse(400)
        else:
            if self.phase is Phase.HEAD:
                # Of a head that began in the midst of a chunk, what is understood is counted.
                self._unfinished += self._head_size() if self._completed else len(data)
                if self._unfinished > MAX_HEAD:
                    self._refuse(431)

    def on_message_begin(self) -> None:
        """Begin a request. Its scope is made when it is known that the application needs one."""
        self.url = b""
        self.headers = []
        self.phase = Phase.HEAD
        self.since = self._shared.now

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; trailers after a chunked body are dropped."""
        if not self._receiving:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Answer at once if possible, else let the application answer."""
        self._receiving = True
        self.phase = Phase.BODY
        fields = joined(self.headers)
        if self._unfinished + self._chunk > MAX_HEAD and self._head_size() > MAX_HEAD:
            self._refuse(431)
            raise _RefusedError
        if fields.get(b"host") != self._host and not self._names_a_host(fields):
            self._refuse(400)
            raise _RefusedError
        if not self._is_answering() and not self.pipeline and self._respond_immediately(fields):
            self._responded = True
        elif len(self.pipeline) >= MAX_PIPELINED:
            self.phase = Phase.REFUSED
            self.transport.abort()
            raise _RefusedError
        else:
            url, headers = self.url, self.headers
            super().on_message_begin()
            self.url = url
            self.headers += headers
            self.expect_100_continue = fields.get(b"expect", b"").lower() == b"100-continue"
            super().on_headers_complete()
        self._unfinished = 0
        self._completed = True

    def on_body(self, body: bytes) -> None:
        """Add a part of the request's body."""
        if not self._responded:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Record the end of a request."""
        self._receiving = False
        self.phase = Phase.IDLE
        self.since = self._shared.now
        if self._responded:
            self._responded = False
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request that waits. No timer is set: the server keeps deadlines."""
        self.server_state.total_requests += 1
        if self.phase is not Phase.BODY:
            self.since = self._shared.now
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def is_overdue(self) -> bool:
        """Return whether the client has exceeded the deadline of the present phase."""
        now = self._shared.now
        if self._stalled_since is not None:
            return now - self._stalled_since > SEND_TIMEOUT
        if self.phase is not Phase.BODY and self._is_answering():
            return False
        sending = self.phase is Phase.IDLE and self.transport.get_write_buffer_size()
        return now - self.since > (SEND_TIMEOUT if sending else _TIMEOUTS[self.phase])

    def dispensable_since(self) -> float | None:
        """Return since when the client waits or stalls (seconds of the shared clock).

        Return None if the connection must not be closed to make room.
        """
        now = self._shared.now
        if self._stalled_since is not None:
            return self._stalled_since if now - self._stalled_since > _STALLED else None
        if self.phase is not Phase.BODY and self._is_answering():
            return None
        if self.transport.get_write_buffer_size() and now - self.since <= _STALLED:
            return None
        return self.since

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _names_a_host(self, fields: Fields) -> bool:
        """Return whether there is one Host, as RFC 9112 section 3.2 demands."""
        host = fields.get(b"host")
        if host is None:
            return self.parser.get_http_version() == "1.0"
        if _HOST.fullmatch(host) is None:  # nor are two, with a comma between them
            return False
        self._host = host
        return True

    def _respond_immediately(self, fields: Fields) -> bool:
        parser = self.parser
        if (
            parser.get_method() != b"GET"
            or not parser.should_keep_alive()
            or b"upgrade" in fields
            or self.flow.write_paused
            or self.transport.is_closing()
            or parser.get_http_version() != "1.1"
        ):
            return False
        answer = self._immediate_response(self.url, fields)
        if answer is None:
            return False
        head, body = answer
        self.transport.write(b"%b%b%b" % (head, self._shared.head_end, body))
        return True

    def _stop_reading(self) -> None:
        """Read no more requests; close the connection after the answers under way."""
        if self._is_answering():
            self.cycle.keep_alive = False  # the last one that came
            self.flow.pause_reading()
        else:
            self.transport.close()

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first
        return cycle is not None and not cycle.response_complete

    def _refuse(self, status: int) -> None:
        """Answer with an error, and read no more requests."""
        if self.phase is Phase.REFUSED:
            return
        self.phase = Phase.REFUSED
        self.since = self._shared.now
        if self._is_answering():  # nothing can be said in the midst of it
            self._stop_reading()
            return
        text = f"{HTTPStatus(status).phrase}\n".encode()
        lines = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            "content-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n"
        )
        self.transport.write(lines.encode("ascii") + self._shared.head_end + text)
        # To close at once would take the answer from who still sends (RFC 9112 section 9.6).
        if self.transport.can_write_eof():
            self.transport.write_eof()


_TIMEOUTS = {
    Phase.IDLE: IDLE_TIMEOUT,
    Phase.HEAD: HEAD_TIMEOUT,
    Phase.BODY: BODY_TIMEOUT,
    Phase.REFUSED: _LINGER,
}
