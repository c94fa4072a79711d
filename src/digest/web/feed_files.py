"""Feeds over HTTP: an ASGI application in front of another, which gets all that is no feed's file.

What many clients want at once is in memory once, with its headers; a look at the file on disk, for
each request, tells whether it is still the same. All else takes a thread, a few at a time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from digest.feeds.model import MEDIA_TYPES
from digest.times import Clock, utc_now
from digest.urls import ARCHIVES, MAX_PATH, STYLESHEET, normal_forms
from digest.web import feed_response
from digest.web.feed_response import FeedResponse, Fields, joined
from digest.web.file_cache import LARGEST, FeedFile, FileCache, ResponseKey, load_file, stat_file
from digest.web.moved_folders import MovedFolders
from digest.web.request_headers import IDENTITY

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_Result = TypeVar("_Result")

#: Bytes handed to the server at a time; it takes the next when the client has taken these.
PIECE = 64 * 1024
#: Threads that read files at once: more would wait for the same disk, or the same processor.
READERS = 2
#: Looks at a file that is replaced again and again, before the client is told to come back.
_LOOKS = 5
#: Seconds after which a client may try again.
RETRY_AFTER = 5
#: Characters of the longest request target that is worth a place in the cache of targets.
_LONGEST_TARGET = 512

_CONDITIONS = frozenset(
    {b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since"}
)
#: The headers that make a request an unusual one.
_UNUSUAL = frozenset({b"a-im", b"range", b"if-range", b"if-match", b"if-unmodified-since"})
#: What the headers of a usual request may have together for the answer to be kept. Bytes.
_LONGEST_KEY = 512


class _ReplacedError(Exception):
    """The file was replaced since it was examined."""


class FeedFiles:
    """Serves the feeds and their style sheet below the output folder."""

    def __init__(
        self,
        output: Path,
        app: Application,
        *,
        moved: Mapping[str, str] | None = None,
        links: Callable[[str], str | None] = lambda _: None,
        clock: Clock = utc_now,
        cache: FileCache | None = None,
    ) -> None:
        """``app`` gets every request that is not for an existing file of a feed.

        ``moved`` has the folders, relative to the output, whose files are to be looked for in
        another one: ``{"feeds/old": "feeds/new"}``. ``links`` returns the Link header of the file
        at a path below the output, None where it has none.
        """
        self._output = output
        self._app = app
        self._moved = MovedFolders(moved or {})
        self._links = links
        self._clock = clock
        self._cache = cache or FileCache()
        self._unchanged: dict[str, FeedFile] = {}  #: by path, in this turn of the event loop
        self._threads = asyncio.Semaphore(READERS)
        self._delta = asyncio.Lock()
        self._pending: dict[tuple[str, str], asyncio.Task[Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD of a feed's file; hand other requests to the other application."""
        if scope["type"] == "http" and (path := feed_path(scope["path"])) is not None:
            try:
                if await self._serve(scope, send, path):
                    return
            except (OSError, _ReplacedError):  # no descriptors, a disk that fails: not for ever
                await self._refuse(send, 503, retry_after=str(RETRY_AFTER))
                return
        await self._app(scope, receive, send)

    def immediate_response(self, target: bytes, fields: Fields) -> tuple[bytes, bytes] | None:
        """Return the head of the answer to a GET, as in HTTP/1.1 but without its end, and the body.

        Return None if the answer is not in memory, or is long.
        """
        path = _target_path(target) if len(target) <= _LONGEST_TARGET else None
        if path is None or (file := self._recall_once(path)) is None:
            return None
        if not _UNUSUAL.isdisjoint(fields):
            return None
        response = self._usual(file, fields)
        if response is None:
            return None
        if response.part is None:
            return response.lines, b""
        body = file.bodies.get(response.encoding)
        return None if body is None or len(body) > PIECE else (response.lines, body)

    def _recall_once(self, path: str) -> FeedFile | None:
        """Return the file at a path if it is cached, and unchanged since this turn began.

        Requests that are read in one turn of the event loop were sent before it began, so that one
        look at the disk does for all of them.
        """
        file = self._unchanged.get(path)
        if file is None and (file := self._cache.recall(path)) is not None:
            if not self._unchanged:
                asyncio.get_running_loop().call_soon(self._unchanged.clear)
            self._unchanged[path] = file
        return file

    async def _serve(self, scope: Scope, send: Send, path: str) -> bool:
        """Answer a request; return False if there is no such file."""
        fields = joined(scope["headers"])
        method = scope["method"]
        for _ in range(_LOOKS):
            file = self._recall(path)
            if file is None and method == "HEAD" and _CONDITIONS.isdisjoint(fields):
                return await self._serve_head(scope, send, path, fields)
            if file is None and (file := await self._load(path)) is None:
                return await self._serve_moved(scope, send, path)
            if method not in ("GET", "HEAD"):
                await self._refuse(send, 405, allow="GET, HEAD")
                return True
            with self._cache.sending(file):
                try:
                    await self._respond(send, file, fields, head=method == "HEAD")
                except _ReplacedError:
                    continue
                return True
        raise _ReplacedError

    async def _serve_head(self, scope: Scope, send: Send, path: str, fields: Fields) -> bool:
        """Answer HEAD of a file that is not in memory; nothing is read, so it has no tag."""
        for form in normal_forms(path):
            stat = await self._in_thread(stat_file, self._output, form, self._links(form))
            if stat is None:
                continue
            facts, lengths = stat
            encoding = feed_response.encoding_for(facts, fields)
            if encoding is None:
                await self._refuse(send, 406, vary="Accept-Encoding")
            else:
                length = lengths.get(encoding)
                now = self._clock()
                await _send(
                    send, feed_response.full(facts, encoding, length, fields, now, head=True)
                )
            return True
        return await self._serve_moved(scope, send, path)

    async def _serve_moved(self, scope: Scope, send: Send, path: str) -> bool:
        """Redirect to the file of a folder that moved; return False if there is none."""
        place = self._moved.place(path)
        if place is None or await self._in_thread(stat_file, self._output, place, None) is None:
            return False
        depth = scope["raw_path"].count(b"/") - 1
        await _send(send, feed_response.moved("../" * depth + quote(place)))
        return True

    def _recall(self, path: str) -> FeedFile | None:
        return next(filter(None, map(self._cache.recall, normal_forms(path))), None)

    async def _load(self, path: str) -> FeedFile | None:
        """Return the file that a path means on disk: as it is, composed or decomposed."""
        for form in normal_forms(path):
            look = partial(load_file, self._output, form, self._links(form))
            file = await self._once((form, ""), look)
            if file is not None:
                self._cache.keep(file)
                return file
        return None

    async def _body(self, file: FeedFile, encoding: str) -> bytes | None:
        """Return a body from memory or read it; None if it is to be sent from the disk."""
        if (body := file.bodies.get(encoding)) is not None:
            return body
        length = await self._in_thread(file.length, encoding)
        # What is not packed yet takes the whole in memory for a moment.
        size = file.facts.size if length is None else length
        key = (file.path, encoding)
        if key not in self._pending and not self._cache.admits(size):
            return None
        body = await self._once(key, partial(file.body, encoding), size)
        if body is None:
            raise _ReplacedError
        if encoding not in file.bodies:
            file.bodies[encoding] = body
            file.lengths[encoding] = len(body)
            self._cache.charge(file, len(body))
        return body

    def _usual(self, file: FeedFile, fields: Fields) -> FeedResponse | None:
        """Return the answer to a GET if it can be made from memory alone, else None."""
        key: ResponseKey = (
            fields.get(b"accept-encoding"),
            fields.get(b"accept"),
            fields.get(b"if-none-match"),
            fields.get(b"if-modified-since"),
        )
        if (response := file.responses.get(key)) is not None:
            return response
        encoding = feed_response.encoding_for(file.facts, fields)
        if encoding is None:
            return None
        now = self._clock()
        response = feed_response.conditional(file.facts, encoding, fields, now)
        if response is None:
            body = file.bodies.get(encoding)
            if body is None:
                return None
            response = feed_response.full(file.facts, encoding, len(body), fields, now, head=False)
        # Until the second is over in which the file was written, the response is to change.
        if file.facts.modified_at <= now and sum(map(len, filter(None, key))) <= _LONGEST_KEY:
            self._cache.remember(file, key, response)
        return response

    async def _respond(self, send: Send, file: FeedFile, fields: Fields, *, head: bool) -> None:
        if not head and _UNUSUAL.isdisjoint(fields) and (usual := self._usual(file, fields)):
            await _send(send, usual, file.bodies.get(usual.encoding, b""))
            return
        now = self._clock()
        encoding = feed_response.encoding_for(file.facts, fields)
        if encoding is None:
            await self._refuse(send, 406, vary="Accept-Encoding")
            return
        if response := feed_response.conditional(file.facts, encoding, fields, now):
            await _send(send, response)
            return
        if feed_response.asks_for_delta(file.facts, fields) and (
            delta := await self._find_delta(file, feed_response.bases(fields))
        ):
            base, document = delta
            response = feed_response.delta(file.facts, base, len(document), fields, now, head=head)
            with self._cache.lending(len(document)):
                await _send(send, response, document)
            return
        if head:
            length = await self._in_thread(file.length, encoding)
            await _send(
                send, feed_response.full(file.facts, encoding, length, fields, now, head=True)
            )
            return
        body = await self._body(file, encoding)
        if body is None and await self._in_thread(file.length, encoding) is None:
            # There is no room to pack it; so it goes as it is, to whoever takes that.
            if feed_response.refuses_identity(fields):
                await self._refuse(send, 503, retry_after=str(RETRY_AFTER))
                return
            encoding = IDENTITY
        length = file.lengths[encoding] if body is None else len(body)
        response = feed_response.full(file.facts, encoding, length, fields, now, head=False)
        if body is None and response.status < 400:
            await self._send_from_disk(send, response, file)
        else:
            await _send(send, response, body or b"")

    async def _find_delta(self, file: FeedFile, bases: list[str]) -> tuple[str, bytes] | None:
        """Return the first of the versions ``bases`` that is known, and the entries new since.

        Return None if none is known, or if there is no room for it in memory.
        """
        if not bases or file.facts.size > LARGEST or not self._cache.admits(file.facts.size):
            return None
        async with self._delta:  # who waits for it takes no thread from anybody
            before = file.deltas.size if file.deltas else 0
            delta = await self._in_thread(file.delta, bases)
            if file.deltas:
                self._cache.charge(file, file.deltas.size - before)
            return delta

    async def _send_from_disk(self, send: Send, response: FeedResponse, file: FeedFile) -> None:
        """Send a body that there is no room for in memory, a piece at a time."""
        descriptor = await self._in_thread(file.open, response.encoding)
        if descriptor is None:
            if response.encoding != IDENTITY:  # the variant may have gone alone
                file.lengths.pop(response.encoding, None)
            raise _ReplacedError
        part = response.part or range(0)
        try:
            await send(_start(response))
            for offset in range(part.start, part.stop, PIECE):
                size = min(PIECE, part.stop - offset)
                piece = await self._in_thread(os.pread, descriptor, size, offset)
                if len(piece) < size:
                    raise EOFError(file.path)  # the connection ends, so that nobody is misled
                more = offset + size < part.stop
                await send({"type": "http.response.body", "body": piece, "more_body": more})
        except OSError as error:
            raise EOFError(file.path) from error
        finally:
            os.close(descriptor)

    async def _refuse(self, send: Send, status: int, **headers: str) -> None:
        await _send(send, feed_response.refusal(status, **headers))

    async def _once(
        self, key: tuple[str, str], work: Callable[[], _Result], size: int = 0
    ) -> _Result:
        """Run work once, in a thread, for all clients that wait for its result.

        ``size`` is the memory that the work takes, in bytes.
        """
        task = self._pending.get(key)
        if task is None:
            lent = ExitStack()
            lent.enter_context(self._cache.lending(size))  # at once, before anybody asks for room
            task = asyncio.create_task(self._in_thread(work))
            self._pending[key] = task
            task.add_done_callback(partial(self._done, key, lent))
        result: _Result = await asyncio.shield(task)
        return result

    def _done(self, key: tuple[str, str], lent: ExitStack, task: asyncio.Task[Any]) -> None:
        lent.close()
        del self._pending[key]
        if not task.cancelled():
            task.exception()  # whoever waits is told; with nobody left, it is nobody's

    async def _in_thread(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        async with self._threads:
            return await asyncio.to_thread(work, *arguments)


def feed_path(path: str) -> str | None:
    """Return the path of a feed's file below the output folder; None for any other path.

    ``path`` is that of a request, decoded. Hidden files and documents of archives are not feeds.
    """
    relative = path.removeprefix("/")
    *folders, name = relative.split("/")
    if relative == STYLESHEET:
        return relative
    if name not in MEDIA_TYPES or folders[:1] != ["feeds"] or ARCHIVES in folders:
        return None
    if (
        "\0" in path
        or len(path) > MAX_PATH
        or any(not part or part.startswith(".") for part in folders)
    ):
        return None
    return relative


@lru_cache(4096)
def _target_path(target: bytes) -> str | None:
    """Return the path of a feed's file that a request's target names; None for any other target."""
    path = target.partition(b"?")[0]
    return feed_path(unquote(path.decode("ascii"))) if path.isascii() else None


def _start(response: FeedResponse) -> Message:
    return {
        "type": "http.response.start",
        "status": response.status,
        "headers": list(response.headers),
    }


async def _send(send: Send, response: FeedResponse, body: bytes = b"") -> None:
    """Send an answer from memory, in pieces that share the one copy of the body.

    Each piece waits until at most PIECE bytes of those before are still to be sent.
    """
    await send(_start(response))
    text = feed_response.refusal_text(response.status) if response.status >= 400 else body
    part = response.part or range(0)
    view = memoryview(text)[part.start : part.stop]
    for offset in range(0, max(len(view), 1), PIECE):
        more = offset + PIECE < len(view)
        piece = view[offset : offset + PIECE]
        await send({"type": "http.response.body", "body": piece, "more_body": more})
        if more:
            await asyncio.sleep(0)  # others get their turn, and a client that has gone is noticed
