"""Public pages: rendered from the store when requested, and cached while nothing changes."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Protocol

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from digest import __version__
from digest.errors import StoreError, TemplateError
from digest.subscribers.signup import Network, client_network
from digest.times import Clock, rfc822
from digest.web.forms import html_response, unavailable
from digest.web.model import SECURITY_HEADERS, Missing, Page
from digest.web.page_cache import Headers, PageCache, RenderedPage, packed, prepared, tags_of
from digest.web.page_requests import PageRequest, answer, answer_text, redirect
from digest.web.pages import WebPages
from digest.web.render_queue import Busy, RenderQueue
from digest.web.request_headers import IDENTITY, Verdict
from digest.web.routing import Addresses, PageSource

_log = structlog.get_logger(__name__)

#: How long what was seen of the store, and of the templates, is believed; seconds.
_LOOK_AT_STORE, _LOOK_AT_TEMPLATES = 0.25, 1.0
#: How long a database that does not answer is waited for; seconds. One that is locked says so
#: before (``LOCK_TIMEOUT`` of the store).
_WITHIN = 15.0
#: A moment is not told before nothing more can happen in its second.
_SETTLED = timedelta(seconds=2)
#: Browsers show these as XML that they can style, but the feed's own media type as its source.
_FEED_TYPE = "application/atom+xml"


class PageStore(Protocol):
    """The part of the store that pages use. Called in threads; raises StoreError."""

    def revision(self) -> int:
        """Return the content revision of the last change."""

    def snapshot(self) -> AbstractContextManager[PageSource]:
        """Yield a snapshot of the store."""

    def appearance_since(self, fingerprint: str, now: datetime) -> datetime:
        """Return since when pages have had this ``fingerprint`` of their appearance; aware UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Appearance:
    """What all pages depend on, besides the store: program, templates and configuration."""

    templates: str  #: fingerprint of the templates
    tag: str  #: of all, a part of every entity tag
    since: datetime  #: aware UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unchanged:
    """A page that the client has already, so that it was not rendered."""

    tag: str
    page: Page
    changed_at: datetime


class PublicPages:
    """Serves the pages of the site; hands other requests to another application."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        store: PageStore,
        addresses: Addresses,
        pages: WebPages,
        configuration: str,
        clock: Clock,
        queue: RenderQueue | None = None,
        proxies: Sequence[Network] = (),
    ) -> None:
        """``configuration`` is a text of all options that pages depend on.

        The X-Forwarded-For of ``proxies`` is trusted.
        """
        self._inner = inner
        self._store = store
        self._addresses = addresses
        self._pages = pages
        self._configuration = configuration
        self._clock = clock
        self._queue = queue or RenderQueue()
        self._proxies = proxies
        self._cache = PageCache()
        self._appearance: _Appearance | None = None
        self._gone: tuple[str, bytes] = "", b""  # the page for what was withdrawn, by fingerprint
        self._revision = -1
        self._fresh_until = self._templates_until = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._loading: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD of a page; hand other requests to the inner application."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._inner(scope, receive, send)
            return
        request = PageRequest(scope)
        if not self._addresses.are_pages(request.path):
            await self._inner(scope, receive, send)
            return
        request.parameters = self._addresses.parameters(request.path, request.query)
        try:
            outcome: RenderedPage | _Unchanged | Missing | str | bytes = await self._find(request)
            if outcome is Missing.WITHDRAWN:
                outcome = await self._gone_page()
        except (Busy, StoreError, TimeoutError) as error:
            response = unavailable(error, self._pages, request.header("accept") or "")
            await response(scope, receive, send)
        except TemplateError as error:
            _log.error("page not rendered", error=str(error))
            await answer_text(send, 500, "This page cannot be shown at the moment.")
        else:
            if outcome is Missing.UNKNOWN:
                await self._inner(scope, receive, send)
            elif isinstance(outcome, bytes):
                await html_response(outcome, 410)(scope, receive, send)
            elif isinstance(outcome, str):
                await redirect(send, outcome)
            elif isinstance(outcome, _Unchanged):
                await self._send_unchanged(request, outcome, send)
            else:
                await self._send_page(request, outcome, send)

    # What is found

    async def _find(self, request: PageRequest) -> RenderedPage | _Unchanged | Missing | str:
        """Return the page from the cache if it is current, else from the store.

        Raises TimeoutError where the store does not answer.
        """
        appearance = await self._refresh()
        if (kept := self._kept(request.key)) is not None:
            return kept
        async with asyncio.timeout(_WITHIN):
            return await self._load_once(request, appearance)

    async def _load_once(
        self, request: PageRequest, appearance: _Appearance
    ) -> RenderedPage | _Unchanged | Missing | str:
        if (under_way := self._loading.get(request.key)) is not None:
            await under_way.wait()  # who asks for the same lets one render it
            if (kept := self._kept(request.key)) is not None:
                return kept
        done = self._loading.setdefault(request.key, asyncio.Event())
        try:
            return await self._load(request, appearance)
        finally:
            done.set()
            if self._loading.get(request.key) is done:
                del self._loading[request.key]

    def _kept(self, key: str) -> RenderedPage | None:
        kept = self._cache.get(key)
        if kept is None or kept.revision != self._revision or time.monotonic() >= kept.until:
            return None
        return kept

    async def _load(
        self, request: PageRequest, appearance: _Appearance
    ) -> RenderedPage | _Unchanged | Missing | str:
        # What is read from now on is of this revision or a later one.
        revision, kept = self._revision, self._cache.get(request.key)
        forwarded = request.header("x-forwarded-for") or ""
        network = client_network(request.peer, forwarded, self._proxies)
        outcome = await self._queue.run(
            partial(self._read, request, appearance, kept, revision), network
        )
        if isinstance(outcome, RenderedPage) and appearance is self._appearance:
            outcome.revision = revision
            self._cache.keep(request.key, outcome)
        return outcome

    def _read(
        self,
        request: PageRequest,
        appearance: _Appearance,
        kept: RenderedPage | None,
        revision: int,
    ) -> RenderedPage | _Unchanged | Missing | str:
        """Find a page in the store; render it unless the client or the cache has it. Blocking."""
        with self._store.snapshot() as source:
            depth = request.raw.count(b"/") - 1
            page = self._addresses.find(source, request.path, depth, request.parameters)
            if not isinstance(page, Page):
                return page
            tag = f"{appearance.tag}.{page.version}"
            changed_at = max(page.changed_at, appearance.since).replace(microsecond=0)
            until = time.monotonic() + page.lasts.total_seconds() if page.lasts else float("inf")
            if kept is not None and kept.tag == tag:
                kept.until = until
                return kept
            if request.has(tag, self._date(changed_at, dated=page.dated)):
                return _Unchanged(tag=tag, page=page, changed_at=changed_at)
            content = page.render()
        rendered = RenderedPage(
            tag=tag,
            changed_at=changed_at,
            dated=page.dated,
            headers=_headers(page),
            media_type=page.media_type,
            content=content,
            revision=revision,
            until=until,
        )
        encoding = rendered.encoding(request.accepted)
        if encoding not in (None, IDENTITY):
            rendered.variants[encoding] = packed(encoding, content)
        return rendered

    # Whether it is the newest

    async def _refresh(self) -> _Appearance:
        """Check the store and the templates for changes, unless that was done a moment ago."""
        if self._appearance is None or time.monotonic() >= self._fresh_until:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look_again())
                self._looking.add_done_callback(self._looked)
            async with asyncio.timeout(_WITHIN):
                await asyncio.shield(self._looking)
        assert self._appearance is not None  # noqa: S101 the first check sets it
        return self._appearance

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # whoever waits is told; with nobody left, it is nobody's

    async def _look_again(self) -> None:
        revision, saved, appearance = await run_in_threadpool(self._check_changes)
        if appearance != self._appearance:
            self._cache.clear()
            self._appearance = appearance
        self._revision = revision
        self._fresh_until = time.monotonic() + _LOOK_AT_STORE
        if saved and self._refreshing is None:
            self._refreshing = asyncio.create_task(run_in_threadpool(self._pages.templates.refresh))
            self._refreshing.add_done_callback(self._refreshed)

    def _refreshed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            _log.error("templates not looked at", error=str(error))
        self._refreshing = None
        self._fresh_until = 0.0

    def _check_changes(self) -> tuple[int, bool, _Appearance]:
        """Return the revision, whether templates were saved, and the appearance. Blocking."""
        saved = False
        if time.monotonic() >= self._templates_until:
            saved = self._pages.templates.changed()
            self._templates_until = time.monotonic() + _LOOK_AT_TEMPLATES
        appearance, templates = self._appearance, self._pages.fingerprint
        if appearance is None or appearance.templates != templates:
            text = f"{__version__}\0{templates}\0{self._configuration}"
            tag = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=5).hexdigest()
            since = self._store.appearance_since(tag, self._clock())
            appearance = _Appearance(templates=templates, tag=tag, since=since)
        return self._store.revision(), saved, appearance

    # What is answered

    def _date(self, changed_at: datetime, *, dated: bool = True) -> datetime | None:
        """Return the time of a change for Last-Modified; None while its second is not over."""
        return changed_at if dated and self._clock() - changed_at >= _SETTLED else None

    async def _send_page(self, request: PageRequest, page: RenderedPage, send: Send) -> None:
        encoding = page.encoding(request.accepted)
        if encoding is None:
            await answer_text(send, 406, "Not Acceptable", vary=True)
            return
        date = self._date(page.changed_at, dated=page.dated)
        if request.conditional:
            tag = page.tag_of(encoding)
            result = request.verdict(tag, page.tags(), date)
            if result is Verdict.FAILED:
                await answer_text(send, 412, "Precondition Failed", tag=tag)
                return
            if result is Verdict.NOT_MODIFIED:
                headers = page.head(None, date)
                own = request.own_tag(page.tags(), tag)
                await answer(send, 304, [*headers, (b"etag", f'"{own}"'.encode())])
                return
        body = page.variant(encoding)
        if body is None:
            body = await self._pack(request.key, page, encoding)
        styled = request.wants_html and _is_feed(page.media_type)
        headers = page.head(encoding, date, styled=styled)
        await answer(send, 200, headers, b"" if request.head else body)

    async def _pack(self, key: str, page: RenderedPage, encoding: str) -> bytes:
        """Return a packed variant of a page, cached together with it."""
        try:
            body = await self._queue.run(partial(packed, encoding, page.content))
        except Busy:
            body = await run_in_threadpool(packed, encoding, page.content)
        page.variants[encoding] = body
        if self._cache.get(key) is page:
            self._cache.keep(key, page)
        return body

    async def _send_unchanged(
        self, request: PageRequest, unchanged: _Unchanged, send: Send
    ) -> None:
        own = request.own_tag(tags_of(unchanged.tag), unchanged.tag)
        headers = _headers(unchanged.page)
        if date := self._date(unchanged.changed_at, dated=unchanged.page.dated):
            headers.append((b"last-modified", rfc822(date).encode()))
        await answer(send, 304, [*headers, (b"etag", f'"{own}"'.encode())])

    async def _gone_page(self) -> bytes:
        """Return the page of 410. Raises TemplateError."""
        fingerprint, body = self._gone
        if fingerprint != self._pages.fingerprint:
            body = await run_in_threadpool(self._pages.gone)
            self._gone = self._pages.fingerprint, body
        return body


def _headers(page: Page) -> Headers:
    """Return a page's headers, except those of its body and version."""
    return list(_prepared(page.media_type, page.max_age, tuple(page.headers.items())))


@lru_cache(maxsize=64)  # there are but a few kinds of pages
def _prepared(media_type: str, max_age: int, own: tuple[tuple[str, str], ...]) -> Headers:
    return prepared(
        {
            **SECURITY_HEADERS,
            "Cache-Control": f"max-age={max_age}",
            "Vary": "Accept, Accept-Encoding" if _is_feed(media_type) else "Accept-Encoding",
            **dict(own),
        }
    )


def _is_feed(media_type: str) -> bool:
    return media_type.startswith(_FEED_TYPE)
