"""Unsubscribing by a link: a person's click, or a mail program's (RFC 8058)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from digest.mail.subscriber import Subscriber, SubscriberState
from digest.mail.tokens import read_token
from digest.times import Clock
from digest.web.pages import PRIVATE_HEADERS, WebPages, html_response

#: Bytes; ours has one short field, mail programs send ``List-Unsubscribe=One-Click``.
MAX_BODY = 16 * 1024


class Subscriptions(Protocol):
    """What unsubscribing needs of the store. Called in threads; raises StoreError."""

    def subscriber(self, subscriber_id: int) -> Subscriber | None:
        """Return a subscriber; None where there is none with this id."""
        ...

    def unsubscribe(self, subscriber_id: int, now: datetime) -> bool:
        """Stop the subscriber's mail; False where nothing was to be changed."""
        ...

    def resubscribe(self, subscriber_id: int, now: datetime) -> bool:
        """Take back that a person unsubscribed; False where nothing was to be changed."""
        ...


class UnsubscribeLink:
    """What answers at the links that mails carry."""

    def __init__(
        self, *, subscriptions: Subscriptions, pages: WebPages, token_key: bytes, clock: Clock
    ) -> None:
        self._subscriptions = subscriptions
        self._pages = pages
        self._token_key = token_key
        self._clock = clock

    async def serve(self, request: Request) -> Response:
        """Answer GET with a button, and POST by doing what it says.

        GET changes nothing: scanners follow links too. POST unsubscribes at once, or subscribes
        again where the form says so; no cookie, no redirect, and once more does no harm
        (RFC 8058 section 3.1). Raises HTTPException: 404 where the link is none of ours, 413
        where the body is too large, 400 where it breaks off.
        """
        subscriber = await self._subscriber(request)
        again = False
        if request.method == "POST":
            again = await _wants_back(request)
            change = self._subscriptions.resubscribe if again else self._subscriptions.unsubscribe
            await run_in_threadpool(change, subscriber.id, self._clock())
            subscriber = await self._subscriber(request)
        return await run_in_threadpool(self._page, subscriber, again=again)

    async def _subscriber(self, request: Request) -> Subscriber:
        subscriber_id = read_token(self._token_key, request.path_params["token"])
        if subscriber_id is not None:
            subscriber = await run_in_threadpool(self._subscriptions.subscriber, subscriber_id)
            if subscriber is not None:
                return subscriber
        raise HTTPException(404, headers=dict(PRIVATE_HEADERS))

    def _page(self, subscriber: Subscriber, *, again: bool) -> Response:
        if subscriber.state is SubscriberState.ACTIVE:
            body = self._pages.unsubscribe(subscriber, again=again)
        else:
            body = self._pages.unsubscribed(subscriber)
        return html_response(body, headers=PRIVATE_HEADERS)


async def _wants_back(request: Request) -> bool:
    """Tell whether the body is our form's with ``action=resubscribe``.

    Our form is urlencoded; any other body, multipart or none, is a mail program's one click.
    """
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise HTTPException(413, headers=dict(PRIVATE_HEADERS))
    except ClientDisconnect as error:
        raise HTTPException(400, headers=dict(PRIVATE_HEADERS)) from error
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return False
    return parse_qs(body.decode("ascii", "replace")).get("action") == ["resubscribe"]
