"""Preferences: all digests of the person that a mail was for, and what is stored about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.editions.model import Digest
from digest.subscribers.model import PastState, Subscriber
from digest.subscribers.tokens import SubscriptionLink, read_unsubscribe_token
from digest.times import Clock, rfc3339
from digest.web.forms import form_action
from digest.web.model import PRIVATE_HEADERS, SECURITY_HEADERS
from digest.web.pages import WebPages, html_response
from digest.web.request_headers import accepted_languages
from digest.web.unsubscribing import Subscriptions

#: The parameter that the address to unsubscribe has on this page. So no page holds a token.
ALL = "all"
_REASON = "on the page of preferences"


class PersonSubscriptions(Subscriptions, Protocol):
    """Subscriptions of a person. Called in threads; they raise StoreError."""

    def of_address(self, address: str) -> list[Subscriber]:
        """Return the subscriptions of an address, oldest first."""

    def history(self, subscriber_id: int) -> tuple[PastState, ...]:
        """Return the states of a subscription before its present one, oldest first."""


class Preferences:
    """Answers requests for the page of a person, by the token of any mail to them."""

    def __init__(
        self,
        *,
        subscriptions: PersonSubscriptions,
        pages: WebPages,
        digests: Mapping[str, Digest],
        token_keys: Sequence[bytes],
        clock: Clock,
    ) -> None:
        """``digests`` is by name; a token made with any of the keys is valid."""
        self._subscriptions = subscriptions
        self._pages = pages
        self._digests = digests
        self._token_keys = token_keys
        self._clock = clock

    async def serve(self, request: Request) -> Response:
        """Answer GET with the page, and POST by doing what its button says.

        GET changes nothing, since scanners follow links too. Raises HTTPException: 404 where the
        token is invalid or its person was removed, 413 where the body is too large, 400 where it
        is not what a button of the page sends.
        """
        link = read_unsubscribe_token(self._token_keys, request.path_params["token"])
        mine = await run_in_threadpool(self._mine, link)
        if request.method == "POST":
            action = await form_action(request)
            if action == "download":
                return await self._download(mine)
            await run_in_threadpool(self._change, mine, action)
            mine = await run_in_threadpool(self._mine, link)
        languages = accepted_languages(request.headers.get("accept-language", ""))
        languages[:0] = [subscriber.language for subscriber in mine if subscriber.language][:1]
        body = await run_in_threadpool(self._pages.preferences, mine, self._digests, languages)
        return html_response(body, headers=PRIVATE_HEADERS)

    def _mine(self, link: SubscriptionLink | None) -> list[Subscriber]:
        """Return the subscriptions of a link's person; raise HTTPException if there are none."""
        try:
            subscriber = self._subscriptions.linked(link)[0] if link else None
        except LookupError:
            subscriber = None
        if subscriber is None:
            raise HTTPException(404, headers=dict(PRIVATE_HEADERS))
        return self._subscriptions.of_address(subscriber.address)

    def _change(self, mine: Sequence[Subscriber], action: str | None) -> None:
        """Do what a button says: its value is a verb and a digest's name, or ``all``."""
        verb, _, name = (action or "").partition(" ")
        store = self._subscriptions
        changes = {"unsubscribe": store.unsubscribe, "resubscribe": store.resubscribe}
        chosen = [subscriber for subscriber in mine if name in (subscriber.digest, "all")]
        if verb not in changes or not chosen or (verb, name) == ("resubscribe", "all"):
            raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
        for subscriber in chosen:
            changes[verb](subscriber.id, self._clock(), _REASON)

    async def _download(self, mine: Sequence[Subscriber]) -> Response:
        """Return all that is stored about a person as a JSON file."""
        told = await run_in_threadpool(lambda: [self._told(subscriber) for subscriber in mine])
        content = json.dumps({"subscriptions": told}, ensure_ascii=False, indent=2)
        headers = {"Content-Disposition": 'attachment; filename="subscriptions.json"'}
        return Response(
            content,
            headers={**SECURITY_HEADERS, **PRIVATE_HEADERS, **headers},
            media_type="application/json",
        )

    def _told(self, subscriber: Subscriber) -> dict[str, Any]:
        return {
            "address": subscriber.address,
            "name": subscriber.name,
            "digest": subscriber.digest,
            "categories": [list(path.names) for path in subscriber.categories],
            "language": subscriber.language,
            "timezone": subscriber.timezone,
            "state": subscriber.state,
            "since": subscriber.since and rfc3339(subscriber.since),
            "reason": subscriber.reason,
            "consent": subscriber.consent,
            "created_at": rfc3339(subscriber.created_at),
            "person": subscriber.person,
            "history": [
                {"state": past.state, "since": rfc3339(past.since), "reason": past.reason}
                for past in self._subscriptions.history(subscriber.id)
            ],
        }
