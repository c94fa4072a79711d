"""Pages of entries: the full text of entries that a feed only summarizes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import structlog

from digest.errors import DigestError
from digest.sources.fetching import Fetcher, FetchError
from digest.sources.model import Entry, Source
from digest.sources.reader import Reader
from digest.times import Clock

_log = structlog.get_logger(__name__)

#: Pages that are asked for at one refresh of a source; the newest entries have them.
MAX_PAGES = 50
#: Seconds between two pages of a source.
PAUSE = 1.0
#: Failures in a row after which no more pages of a source are asked for at a refresh.
_MAX_FAILURES = 3
_MAX_BYTES = 4 * 2**20
_HEADERS = {"Accept": "text/html, application/xhtml+xml;q=0.9"}
_AGENT = "Digest"
#: RFC 9309: how much of a robots.txt is read at least (2.5), and how long it holds at most (2.4).
_MAX_ROBOTS_BYTES, _ROBOTS_HOLD = 500 * 1024, timedelta(hours=24)
#: Lines of a robots.txt that count, and hosts whose is remembered: about 1 MB for each at worst.
_MAX_LINES, _MAX_HOSTS = 2_000, 50


class Pages:
    """Fetches the pages of entries, as politely as feeds, and extracts their articles."""

    def __init__(self, *, fetcher: Fetcher, reader: Reader, clock: Clock) -> None:
        self._fetcher = fetcher
        self._reader = reader
        self._clock = clock
        self._robots: dict[str, tuple[datetime, RobotFileParser]] = {}

    def visit(self, source: Source) -> Visit:
        """Return a ``Visit`` for one refresh of a source."""
        return Visit(self, source)

    async def text(self, source: Source, entry: Entry) -> str:
        """Return the article of an entry's page as HTML, not sanitized.

        Raises DigestError if the page must not be fetched, or has no more text than the entry.
        """
        private = source.allow_private and _place(entry.link) == _place(source.url)
        await self._check(entry.link, private=private)
        answer = await self._fetcher.fetch(entry.link, headers=_HEADERS, private=private)
        if answer.status != 200:
            raise FetchError(f"answered {answer.status}")
        if _place(answer.url) != _place(entry.link):
            await self._check(answer.url, private=False)
        media_type = answer.headers.get("content-type", "")
        if "html" not in media_type.lower() or len(answer.content) > _MAX_BYTES:
            raise FetchError(f"is no HTML of at most {_MAX_BYTES:,} bytes: {media_type[:60]}")
        least = entry.content or entry.summary
        return await self._reader.text(answer.content, answer.url, media_type, least)

    async def _check(self, url: str, *, private: bool) -> None:
        """Raise FetchError if the robots.txt of a host disallows a page (RFC 9309)."""
        place = _place(url)
        known = self._robots.get(place)
        if known is None or known[0] + _ROBOTS_HOLD < self._clock():
            while len(self._robots) >= _MAX_HOSTS:
                self._robots.pop(next(iter(self._robots)))
            rules = await self._rules(f"{place}/robots.txt", private=private)
            known = self._robots[place] = (self._clock(), rules)
        if not known[1].can_fetch(_AGENT, url):
            raise FetchError("robots.txt does not allow it")

    async def _rules(self, url: str, *, private: bool) -> RobotFileParser:
        rules = RobotFileParser()
        answer = await self._fetcher.fetch(url, headers={"Accept": "text/plain"}, private=private)
        if answer.status == 200:
            text = answer.content[:_MAX_ROBOTS_BYTES].decode("utf-8", "replace")
            rules.parse(filter(_is_readable, text.splitlines()[:_MAX_LINES]))
        elif 400 <= answer.status < 500:
            rules.parse([])
        else:
            raise FetchError(f"robots.txt answered {answer.status}")
        return rules


class Visit:
    """The requests for pages in one refresh of a source; they end after some failures in a row."""

    def __init__(self, pages: Pages, source: Source) -> None:
        self._pages = pages
        self._source = source
        self._asked = self._failures = 0

    async def text(self, entry: Entry) -> str:
        """Return the article of an entry's page as HTML; empty to use the entry's own text."""
        if not entry.link or self._failures >= _MAX_FAILURES:
            return ""
        if self._asked:
            await asyncio.sleep(PAUSE)
        self._asked += 1
        try:
            text = await self._pages.text(self._source, entry)
        except DigestError as error:
            self._failures += 1
            _log.info("a page gave no text", source=self._source.name, problem=str(error))
            return ""
        self._failures = 0
        return text


def _is_readable(line: str) -> bool:
    """Return whether the parser can read a line of a robots.txt; it would stop at others."""
    try:
        RobotFileParser().parse(["User-agent: *", line])
    except ValueError:  # digits that are no number, an address that is none
        return False
    return True


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
