"""Subscribing on the web: the form, the requests made by it, and the links that confirm them.

A change of address is such a request, too, made on the page of preferences.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.articles.model import CategoryPath
from digest.feeds.model import CategorySummary
from digest.mail.translations import WORDS
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
    form_token,
    read_confirmation_token,
    read_form_token,
    unsubscribe_token,
)
from digest.times import named_zones, rfc3339
from digest.urls import UNSUBSCRIBE_PATH
from digest.web.forms import (
    Fields,
    LinkContext,
    field,
    form_action,
    form_fields,
    html_response,
    require_own_page,
)
from digest.web.model import PRIVATE_HEADERS
from digest.web.render_queue import RenderQueue
from digest.web.request_headers import accepted_languages
from digest.web.subscribe_form import SubscribeForm, category_id, offered, uppermost

#: How old a form must be, since people take some seconds to fill it in, and may be.
YOUNGEST, OLDEST = timedelta(seconds=2), timedelta(hours=12)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupRequests:
    """Stores requests made by forms, and serves the links that confirm them."""

    signups: Signups
    context: LinkContext
    policy: SignupPolicy
    wake: Callable[[], None] = lambda: None  #: called when a mail waits to be sent

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
            for signup in self.signups.of_person(address, person)
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
            language=self.context.pages.language(languages),
            network=self._network(request),
            wording="" if person else self.context.pages.consent(languages),
            requested_at=self.context.clock(),
            timezone=timezone,
            person=person,
        )
        limits, keys = self.policy.limits, self.context.token_keys
        answer = await run_in_threadpool(self.signups.request, new, limits, keys)
        _log.info(
            "request to be confirmed",
            answer=answer.value,
            network=new.network,
            moves=person is not None,
        )
        if answer is SignupDecision.TAKEN:
            self.wake()
        return await self.answered(answer, languages)

    async def answered(self, answer: SignupDecision, languages: Sequence[str]) -> Response:
        """Return the page after a request: a mail is sent, or cannot be."""
        refused = answer in _STATUS
        body = await run_in_threadpool(self.context.pages.requested, languages, refused=refused)
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
        text, now = request.path_params["token"], self.context.clock()
        identifier = read_confirmation_token(self.context.token_keys, text, now)
        signup = None
        if identifier is not None:
            signup = await run_in_threadpool(self.signups.find, identifier)
        languages = accepted_languages(request.headers.get("accept-language", ""))
        if signup is None:
            body = await run_in_threadpool(self.context.pages.confirm, None, [], languages)
            return html_response(body, 404, PRIVATE_HEADERS)
        done, suppressed = signup.confirmed_at is not None, False
        if request.method == "POST" and not done:
            if await form_action(request) != "confirm":
                raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
            outcomes = await run_in_threadpool(
                self.signups.confirm,
                signup.identifier,
                now,
                self._network(request),
                self.context.token_keys,
            )
            suppressed = bool(outcomes) and set(outcomes) == {Outcome.NOT_REVIVED}
            done = True
            self.wake()
            _log.info("request confirmed", digests=len(signup.digests), suppressed=suppressed)
        confirmed = signup
        body = await run_in_threadpool(
            lambda: self.context.pages.confirm(
                confirmed,
                [
                    self.context.digests[name]
                    for name in confirmed.digests
                    if name in self.context.digests
                ],
                [confirmed.language, *languages],
                done=done,
                suppressed=suppressed,
                preferences=self._preferences(confirmed) if done else None,
            )
        )
        return html_response(body, headers=PRIVATE_HEADERS)

    def _preferences(self, confirmed: Signup) -> str | None:
        """Return the path of the preferences of who confirmed; None without a subscription."""
        person = self.signups.person(confirmed.address)
        if person is None or not confirmed.digests:
            return None
        token = unsubscribe_token(self.context.token_keys[0], person, confirmed.digests[0])
        return f"{UNSUBSCRIBE_PATH}{token}"

    def network(self, request: Request) -> str:
        """Return the network of a request's client; empty if only a proxy is known."""
        return client_network(*_hops(request), self.policy.proxies)

    def _network(self, request: Request) -> str:
        return network_of(client_address(*_hops(request), self.policy.proxies))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribing:
    """Answers requests for the form to subscribe."""

    requests: SignupRequests
    context: LinkContext  #: its digests are those to subscribe to
    categories: Callable[[], Sequence[CategorySummary]]  #: with an article; called in a thread
    queue: RenderQueue  #: in which pages are rendered

    async def serve_form(self, request: Request) -> Response:
        """Answer GET with the form, and POST by storing a request, which a mail asks to confirm.

        An address in the query, from the front page, is filled in; nothing is sent to it yet.
        The answer is the same whether an address is known or not. Raises HTTPException: 403 if
        another site sent the form, 413 if the body is too large, 400 if it breaks off. Raises
        Busy if too many pages are requested.
        """
        if request.method != "POST":
            query = request.query_params
            chosen = {"digest": query.getlist("digest"), "category": query.getlist("category")}
            return await self._form(request, chosen)
        require_own_page(request, self.requests.policy.origin)
        fields = await form_fields(request)
        if field(fields, "website"):  # people do not see it
            return await self.requests.answered(
                SignupDecision.TAKEN, self._languages(request, fields)
            )
        if field(fields, "action") == "begin":  # the front page asks for the address alone
            return await self._form(request, fields)
        made_at = read_form_token(self.context.token_keys, field(fields, "token") or "")
        age = None if made_at is None else self.context.clock() - made_at
        if age is None or not YOUNGEST <= age <= OLDEST:
            return await self._form(request, fields, "subscribe_again")
        address = field(fields, "address") or ""
        if problem := self.requests.address_problem(address):
            return await self._form(request, fields, problem)
        digests = self._chosen(fields)
        if not digests:
            return await self._form(request, fields, "subscribe_no_digest")
        wanted = fields.get("category", [])
        network = self.requests.network(request)
        shown = await self.queue.run(self._shown, network) if wanted else []
        known = {category_id(summary.path): summary.path for summary in shown}
        if not known.keys() >= set(wanted):
            return await self._form(request, fields, "subscribe_categories_changed")
        zone = field(fields, "timezone") or ""
        if zone and zone not in named_zones():
            raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
        return await self.requests.ask(
            request,
            self._languages(request, fields),
            address,
            digests=digests,
            categories=uppermost(known[key] for key in wanted),
            timezone=zone or None,
        )

    async def _form(self, request: Request, fields: Fields, problem: str | None = None) -> Response:
        """Return the form as filled in, with the text of a problem, a key of the words."""
        now = self.context.clock()
        token = field(fields, "token") or ""
        made_at = read_form_token(self.context.token_keys, token)
        if made_at is None or not timedelta() <= now - made_at < OLDEST / 2:
            token = form_token(self.context.token_keys[0], now)
        local = any(digest.local for digest in self.context.digests.values())
        languages = self._languages(request, fields)

        def render() -> bytes:
            form = SubscribeForm(
                token=token,
                address=(field(fields, "address") or "")[:400],
                digests=tuple(self.context.digests.values()),
                chosen=frozenset(self._chosen(fields)),
                categories=tuple(self._shown()),
                checked=frozenset(fields.get("category", [])),
                zones=tuple(sorted(named_zones())) if local else (),
                zone=field(fields, "timezone") or "",
                problem=problem,
            )
            return self.context.pages.subscribe(form, languages)

        body = await self.queue.run(render, self.requests.network(request))
        return html_response(body, 422 if problem else 200, PRIVATE_HEADERS)

    def _shown(self) -> list[CategorySummary]:
        """Return the categories that the form offers, parents first. Blocking."""
        return offered(self.categories(), self.context.digests.values())

    def _chosen(self, fields: Fields) -> tuple[str, ...]:
        """Return the names of the chosen digests; if there is only one, it needs no choice."""
        if len(self.context.digests) == 1:
            return tuple(self.context.digests)
        return tuple(name for name in self.context.digests if name in fields.get("digest", []))

    def _languages(self, request: Request, fields: Fields) -> list[str]:
        """Return the languages to answer in, by preference."""
        asked = field(fields, "language") or request.query_params.get("language")
        accepted = accepted_languages(request.headers.get("accept-language", ""))
        return [asked, *accepted] if asked and asked in WORDS else accepted


def _hops(request: Request) -> tuple[str, str]:
    """Return the peer's address, and its X-Forwarded-For."""
    peer = request.client.host if request.client else ""
    return peer, ",".join(request.headers.getlist("x-forwarded-for"))
