"""Unsubscribing by a link: a person's click, or a mail program's (RFC 8058)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.editions.model import Digest
from digest.subscribers.model import Subscriber, SubscriberState
from digest.subscribers.tokens import SubscriptionLink, read_unsubscribe_token
from digest.web.forms import LinkContext, form_action, html_response
from digest.web.model import PRIVATE_HEADERS
from digest.web.request_headers import accepted_languages


class Subscriptions(Protocol):
    """The part of the store with subscriptions. Called in threads; raises StoreError."""

    def linked(self, link: SubscriptionLink) -> tuple[Subscriber | None, str | None]:
        """Return the subscription of a link and the name of its digest.

        The subscription is None if it was removed, the name None if it is unknown then. Raises
        LookupError if the link is of another database.
        """

    def unsubscribe(self, subscriber_id: int, now: datetime, reason: str) -> bool:
        """End an active subscription; return False if it is not active."""

    def resubscribe(self, subscriber_id: int, now: datetime, reason: str) -> bool:
        """Undo an unsubscription; return False if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeLink:
    """Answers requests for the links to unsubscribe in mails."""

    subscriptions: Subscriptions
    context: LinkContext

    async def serve(self, request: Request) -> Response:
        """Answer GET with a form, and POST by unsubscribing, or subscribing again.

        GET changes nothing, since scanners follow links too. POST unsubscribes unless our form asks
        to subscribe again; a mail program's one click has any other body. There is no cookie and no
        redirect, and repeating it does no harm (RFC 8058 section 3.1). Raises HTTPException: 404 if
        the token is invalid, 413 if the body is too large, 400 if it breaks off.
        """
        link = read_unsubscribe_token(self.context.token_keys, request.path_params["token"])
        subscriber, digest = await self._find(link)
        again = False
        if request.method == "POST":
            again = await form_action(request) == "resubscribe"
            if subscriber is not None:
                store = self.subscriptions
                change = store.resubscribe if again else store.unsubscribe
                reason = "by the link in a mail"
                await run_in_threadpool(change, subscriber.id, self.context.clock(), reason)
                subscriber, digest = await self._find(link)
        body = await run_in_threadpool(self._page, request, subscriber, digest, again=again)
        return html_response(body, headers=PRIVATE_HEADERS)

    async def _find(self, link: SubscriptionLink | None) -> tuple[Subscriber | None, Digest | None]:
        """Return the link's subscription, and its digest if it is configured."""
        if link is None:
            raise HTTPException(404, headers=dict(PRIVATE_HEADERS))
        try:
            subscriber, name = await run_in_threadpool(self.subscriptions.linked, link)
        except LookupError as error:
            raise HTTPException(404, headers=dict(PRIVATE_HEADERS)) from error
        if name is not None:
            return subscriber, self.context.digests.get(name)
        return None, next(
            (digest for digest in self.context.digests.values() if link.names(digest.name)), None
        )

    def _page(
        self,
        request: Request,
        subscriber: Subscriber | None,
        digest: Digest | None,
        *,
        again: bool,
    ) -> bytes:
        languages = accepted_languages(request.headers.get("accept-language", ""))
        if subscriber is not None and subscriber.language:
            languages.insert(0, subscriber.language)
        if digest is not None:
            languages.append(digest.language)
        if subscriber is None:
            return self.context.pages.not_subscribed(digest, languages)
        if subscriber.state is SubscriberState.ACTIVE:
            return self.context.pages.unsubscribe(subscriber, digest, languages, again=again)
        return self.context.pages.unsubscribed(subscriber, digest, languages)
