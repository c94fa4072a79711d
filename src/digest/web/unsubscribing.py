"""Unsubscribing by a link: a person's click, or a mail program's (RFC 8058)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.subscribers.model import Subscriber, SubscriberState
from digest.subscribers.tokens import read_token
from digest.times import Clock
from digest.web.forms import form_action
from digest.web.model import PRIVATE_HEADERS
from digest.web.pages import WebPages, html_response


class Subscriptions(Protocol):
    """What unsubscribing needs of the store. Called in threads; raises StoreError."""

    def subscriber(self, subscriber_id: int) -> Subscriber | None:
        """Return a subscriber; None where there is none with this id."""

    def unsubscribe(self, subscriber_id: int, now: datetime) -> bool:
        """Stop the subscriber's mail; False where nothing was to be changed."""

    def resubscribe(self, subscriber_id: int, now: datetime) -> bool:
        """Take back that a person unsubscribed; False where nothing was to be changed."""


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
        again where our form says so; any other body is a mail program's one click. No cookie, no
        redirect, and once more does no harm (RFC 8058 section 3.1). Raises HTTPException: 404
        where the link is none of ours, 413 where the body is too large, 400 where it breaks off.
        """
        subscriber = await self._subscriber(request)
        again = False
        if request.method == "POST":
            again = await form_action(request) == "resubscribe"
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
