"""The reader: a process that parses upstream documents, so that a hostile one ends only it."""

from __future__ import annotations

import asyncio
import errno
import os
import pickle
import resource
import signal
import struct
import sys
from contextlib import suppress
from typing import BinaryIO

from digest.sources.model import FeedDocument, NoFeed

#: Seconds of processor time that a document may take, and seconds by the clock.
_PROCESSOR_SECONDS, _TIMEOUT = 20.0, 120.0
#: Bytes of data that the process may hold (RLIMIT_DATA of setrlimit(2)).
_MEMORY = 768 * 2**20
#: The length of a message, which is pickled.
_LENGTH = struct.Struct("!I")


class Reader:
    """Reads documents in a process, one at a time; the first of them starts it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def read(self, content: bytes, url: str, media_type: str = "") -> FeedDocument:
        """Return a document as ``read_feed`` does.

        Raises NoFeed, also for a document that takes too much time or memory, OSError if the system
        gives no process.
        """
        document = await self._answer((content, url, media_type))
        assert isinstance(document, FeedDocument)  # noqa: S101 that is what was asked for
        return document

    async def text(self, content: bytes, url: str, media_type: str, least: str) -> str:
        """Return the article of a page; see ``article_text``. Raises NoFeed like ``read``."""
        return str(await self._answer((content, url, media_type, least)))

    async def _answer(self, asked: tuple[bytes | str, ...]) -> FeedDocument | str:
        request = pickle.dumps(asked)
        async with self._turn:
            try:
                async with asyncio.timeout(_TIMEOUT):
                    answer = await self._ask(request)
            except (TimeoutError, EOFError, ConnectionError) as error:
                await self._end()
                raise NoFeed("it takes too much time or memory to read") from error
            except BaseException:  # cancelled: the process is in the middle of an answer
                await self._end()
                raise
        if isinstance(answer, NoFeed):
            raise answer
        return answer

    async def close(self) -> None:
        """End the process; the next document starts another."""
        async with self._turn:
            await self._end()

    async def _ask(self, request: bytes) -> FeedDocument | str | NoFeed:
        if self._process is None:
            self._process = await _start()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 it is a pipe
        assert stdout is not None  # noqa: S101 it is a pipe
        stdin.write(_LENGTH.pack(len(request)) + request)
        await stdin.drain()
        (length,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
        answer: FeedDocument | str | NoFeed = pickle.loads(await stdout.readexactly(length))  # noqa: S301
        return answer

    async def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        with suppress(ProcessLookupError):
            process.kill()
        # Its pipes are closed as well: else they are closed by whoever collects it.
        await process.communicate()


async def _start() -> asyncio.subprocess.Process:
    """Return a new process. Raises OSError."""
    try:
        # -P: no module is loaded from the folder that the program happens to run in.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", __name__),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except RuntimeError as error:  # Python 3.11 has no thread that waits for its end
        raise OSError(errno.EAGAIN, str(error)) from error


def main() -> None:
    """Read documents from standard input until it ends; the answers go to standard output."""
    from digest.sources.reading import article_text, read_feed

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while length := source.read(_LENGTH.size):
        content, url, media_type, *least = pickle.loads(source.read(*_LENGTH.unpack(length)))  # noqa: S301
        # No handler could do it: parsers written in C run none before they are done.
        signal.setitimer(signal.ITIMER_PROF, _PROCESSOR_SECONDS)
        try:
            answer: FeedDocument | str | NoFeed
            if least:
                answer = article_text(content, url, media_type, *least)
            else:
                answer = read_feed(content, url, media_type)
        except NoFeed as error:
            answer = error
        except Exception as error:  # noqa: BLE001 - whatever a parser fails with, the next goes on
            answer = NoFeed(f"it cannot be read: {type(error).__name__}: {error}")
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(target, answer)


def _send(target: BinaryIO, answer: FeedDocument | str | NoFeed) -> None:
    message = pickle.dumps(answer)
    target.write(_LENGTH.pack(len(message)) + message)
    target.flush()


if __name__ == "__main__":
    main()
