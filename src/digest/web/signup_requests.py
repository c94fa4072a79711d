"""Requests to subscribe or to change an address: made by forms, confirmed by links in mails."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.articles.model import CategoryPath
from digest.editions.model import Digest
from digest.subscribers.address import check_address
from digest.subscribers.model import Outcome
from digest.subscribers.signup import (
    Signup,
    SignupDecision,
    SignupLimits,
    SignupPolicy,
    client_address,
    client_network,
    is_disposable,
    network_of,
)
from digest.subscribers.tokens import (
    PERSON_BYTES,
    read_confirmation_token,
    unsubscribe_token,
)
from digest.times import Clock, rfc3339
from digest.urls import UNSUBSCRIBE_PATH
from digest.web.forms import form_action
from digest.web.model import PRIVATE_HEADERS
from digest.web.pages import WebPages, html_response
from digest.web.request_headers import accepted_languages

#: Seconds after which a client may try again when too much was asked for.
_RETRY_AFTER = 3_600
_STATUS = {SignupDecision.LIMITED: 429, SignupDecision.FULL: 503}

_log = structlog.get_logger(__name__)


class Signups(Protocol):
    """The store of requests. Called in threads; raises StoreError."""

    def request(
        self, new: Signup, limits: SignupLimits, keys: Sequence[bytes] = ()
    ) -> SignupDecision:
        """Store a request, whose mail then waits, if the limits allow it."""

    def find(self, identifier: str) -> Signup | None:
        """Return a request; None if there is none (any more)."""

    def of_person(self, address: str, person: str) -> list[Signup]:
        """Return the requests for an address, and the person's requests for other addresses."""

    def confirm(
        self, identifier: str, now: datetime, network: str, keys: Sequence[bytes] = ()
    ) -> tuple[Outcome, ...]:
        """Carry out a request, once, and return the outcomes."""

    def person(self, address: str) -> str | None:
        """Return the identifier of the person with an address; None if unknown."""


class SignupRequests:
    """Stores requests made by forms, and serves the links that confirm them."""

    def __init__(
        self,
        *,
        signups: Signups,
        pages: WebPages,
        digests: Mapping[str, Digest],
        token_keys: Sequence[bytes],
        policy: SignupPolicy,
        clock: Clock,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """``digests`` is by name. ``wake`` is called when a mail waits to be sent."""
        self._signups = signups
        self._pages = pages
        self._digests = digests
        self._token_keys = token_keys
        self._clock = clock
        self._wake = wake
        self.policy = policy

    def address_problem(self, address: str) -> str | None:
        """Return the key of the text that explains why an address gets no mail; None if it does."""
        try:
            disposable = is_disposable(check_address(address), self.policy.blocked)
        except ValueError:
            return "subscribe_bad_address"
        return "subscribe_disposable" if disposable else None

    def of_person(self, address: str, person: str) -> list[dict[str, Any]]:
        """Return a person's stored requests, for their download. Blocking."""
        return [
            {
                "address": signup.address,
                "digests": signup.digests,
                "categories": [list(path.names) for path in signup.categories],
                "language": signup.language,
                "timezone": signup.timezone,
                "network": signup.network,
                "shown": signup.wording,
                "requested_at": rfc3339(signup.requested_at),
                "confirmed_at": signup.confirmed_at and rfc3339(signup.confirmed_at),
            }
            for signup in self._signups.of_person(address, person)
        ]

    async def ask(
        self,
        request: Request,
        languages: Sequence[str],
        address: str,
        *,
        digests: tuple[str, ...] = (),
        categories: tuple[CategoryPath, ...] = (),
        timezone: str | None = None,
        person: str | None = None,
    ) -> Response:
        """Store a request for an address without a problem, and return the answer.

        It is to subscribe to digests, or, for a ``person``, to change to this address. The answer
        is the same whether an address is known or not.
        """
        new = Signup(
            identifier=b32encode(secrets.token_bytes(PERSON_BYTES)).decode("ascii").lower(),
            address=check_address(address),
            digests=digests,
            categories=categories,
            language=self._pages.language(languages),
            network=self._network(request),
            wording="" if person else self._pages.consent(languages),
            requested_at=self._clock(),
            timezone=timezone,
            person=person,
        )
        limits, keys = self.policy.limits, self._token_keys
        answer = await run_in_threadpool(self._signups.request, new, limits, keys)
        _log.info(
            "request to be confirmed",
            answer=answer.value,
            network=new.network,
            moves=person is not None,
        )
        if answer is SignupDecision.TAKEN:
            self._wake()
        return await self.answered(answer, languages)

    async def answered(self, answer: SignupDecision, languages: Sequence[str]) -> Response:
        """Return the page after a request: a mail is sent, or cannot be."""
        refused = answer in _STATUS
        body = await run_in_threadpool(self._pages.requested, languages, refused=refused)
        headers = dict(PRIVATE_HEADERS)
        if refused:
            headers["Retry-After"] = str(_RETRY_AFTER)
        return html_response(body, _STATUS.get(answer, 200), headers)

    async def serve_confirmation(self, request: Request) -> Response:
        """Answer GET with a button, and POST by carrying out the request.

        GET changes nothing, since scanners follow links too. A link works once; later its page
        shows that it was used. Raises HTTPException: 413 if the body is too large, 400 if it is
        not what the button sends.
        """
        text, now = request.path_params["token"], self._clock()
        identifier = read_confirmation_token(self._token_keys, text, now)
        signup = None
        if identifier is not None:
            signup = await run_in_threadpool(self._signups.find, identifier)
        languages = accepted_languages(request.headers.get("accept-language", ""))
        if signup is None:
            body = await run_in_threadpool(self._pages.confirm, None, [], languages)
            return html_response(body, 404, PRIVATE_HEADERS)
        done, suppressed = signup.confirmed_at is not None, False
        if request.method == "POST" and not done:
            if await form_action(request) != "confirm":
                raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
            outcomes = await run_in_threadpool(
                self._signups.confirm,
                signup.identifier,
                now,
                self._network(request),
                self._token_keys,
            )
            suppressed = bool(outcomes) and set(outcomes) == {Outcome.NOT_REVIVED}
            done = True
            self._wake()
            _log.info("request confirmed", digests=len(signup.digests), suppressed=suppressed)
        confirmed = signup
        body = await run_in_threadpool(
            lambda: self._pages.confirm(
                confirmed,
                [self._digests[name] for name in confirmed.digests if name in self._digests],
                [confirmed.language, *languages],
                done=done,
                suppressed=suppressed,
                preferences=self._preferences(confirmed) if done else None,
            )
        )
        return html_response(body, headers=PRIVATE_HEADERS)

    def _preferences(self, confirmed: Signup) -> str | None:
        """Return the path of the preferences of who confirmed; None without a subscription."""
        person = self._signups.person(confirmed.address)
        if person is None or not confirmed.digests:
            return None
        token = unsubscribe_token(self._token_keys[0], person, confirmed.digests[0])
        return f"{UNSUBSCRIBE_PATH}{token}"

    def network(self, request: Request) -> str:
        """Return the network of a request's client; empty if only a proxy is known."""
        return client_network(*_hops(request), self.policy.proxies)

    def _network(self, request: Request) -> str:
        return network_of(client_address(*_hops(request), self.policy.proxies))


def _hops(request: Request) -> tuple[str, str]:
    """Return the peer's address, and its X-Forwarded-For."""
    peer = request.client.host if request.client else ""
    return peer, ",".join(request.headers.getlist("x-forwarded-for"))
