"""Subscribing on the web: a form, and the link in the mail that confirms it."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.articles.model import CategoryPath
from digest.editions.model import Digest
from digest.feeds.model import CategorySummary
from digest.mail.translations import WORDS
from digest.subscribers.address import check_address
from digest.subscribers.model import Outcome
from digest.subscribers.signup import (
    Answer,
    Signup,
    SignupLimits,
    SignupPolicy,
    client_address,
    is_disposable,
    network_of,
)
from digest.subscribers.tokens import (
    PERSON_BYTES,
    form_token,
    read_confirmation_token,
    read_form_token,
)
from digest.times import Clock
from digest.web.forms import Fields, field, form_action, form_fields, require_own_page
from digest.web.model import PRIVATE_HEADERS
from digest.web.pages import WebPages, html_response
from digest.web.request_headers import accepted_languages
from digest.web.subscribe_form import SubscribeForm, category_id

#: How old a form must be, since people take some seconds to fill it in, and may be.
YOUNGEST, OLDEST = timedelta(seconds=2), timedelta(hours=12)
#: Categories that the form offers at most; what lies deepest is left out first.
MAX_CATEGORIES = 300
#: Seconds after which a client may try again when too much was asked for.
_RETRY_AFTER = 3_600
_STATUS = {Answer.LIMITED: 429, Answer.FULL: 503}

_log = structlog.get_logger(__name__)


class Signups(Protocol):
    """Requests to subscribe. Called in threads; they raise StoreError."""

    def request(self, new: Signup, limits: SignupLimits) -> Answer:
        """Store a request whose mail is then waiting, where the limits allow it."""

    def find(self, identifier: str) -> Signup | None:
        """Return a request; None if there is none (any more)."""

    def confirm(self, identifier: str, now: datetime, network: str) -> tuple[Outcome, ...]:
        """Subscribe who asked, once, and return the outcomes."""


class Subscribing:
    """Answers requests for the form to subscribe and for the links that confirm it."""

    def __init__(
        self,
        *,
        signups: Signups,
        categories: Callable[[], Sequence[CategorySummary]],
        pages: WebPages,
        digests: Mapping[str, Digest],
        token_keys: Sequence[bytes],
        policy: SignupPolicy,
        clock: Clock,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """``categories`` returns all that show an article; called in a thread.

        ``digests``, by name, are those to subscribe to. ``wake`` says that a mail waits to be sent.
        """
        self._signups = signups
        self._categories = categories
        self._pages = pages
        self._digests = digests
        self._token_keys = token_keys
        self._policy = policy
        self._clock = clock
        self._wake = wake

    async def serve_form(self, request: Request) -> Response:
        """Answer GET with the form, and POST by having a mail sent that asks to confirm.

        The answer is the same whether an address is known or not. Raises HTTPException: 403 where
        another site sent the form, 413 where the body is too large, 400 where it breaks off.
        """
        if request.method != "POST":
            query = request.query_params
            chosen = {"digest": query.getlist("digest"), "category": query.getlist("category")}
            return await self._form(request, chosen)
        require_own_page(request, self._policy.origin)
        fields = await form_fields(request)
        if field(fields, "website"):  # people do not see it
            return await self._answer(request, fields, Answer.TAKEN)
        made_at = read_form_token(self._token_keys, field(fields, "token") or "")
        age = None if made_at is None else self._clock() - made_at
        if age is None or not YOUNGEST <= age <= OLDEST:
            return await self._form(request, fields, "subscribe_again")
        try:
            address = check_address(field(fields, "address") or "")
        except ValueError:
            return await self._form(request, fields, "subscribe_bad_address")
        if is_disposable(address, self._policy.blocked):
            return await self._form(request, fields, "subscribe_disposable")
        digests = self._chosen(fields)
        if not digests:
            return await self._form(request, fields, "subscribe_no_digest")
        known = {category_id(one.path): one.path for one in await self._shown()}
        wanted = fields.get("category", [])
        if not known.keys() >= set(wanted):
            return await self._form(request, fields, "subscribe_categories_changed")
        languages = self._languages(request, fields)
        new = Signup(
            identifier=b32encode(secrets.token_bytes(PERSON_BYTES)).decode("ascii").lower(),
            address=address,
            digests=digests,
            categories=_uppermost(known[key] for key in wanted),
            language=self._pages.language(languages),
            network=network_of(self._client(request)),
            wording=self._pages.consent(languages),
            requested_at=self._clock(),
        )
        answer = await run_in_threadpool(self._signups.request, new, self._policy.limits)
        _log.info("request to subscribe", answer=answer.value, network=new.network)
        if answer is Answer.TAKEN:
            self._wake()
        return await self._answer(request, fields, answer)

    async def serve_confirmation(self, request: Request) -> Response:
        """Answer GET with a button, and POST by subscribing who asked.

        GET changes nothing, since scanners follow links too. A link works once; later it tells
        that it was used. Raises HTTPException as ``serve_form``.
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
            network = network_of(self._client(request))
            outcomes = await run_in_threadpool(
                self._signups.confirm, signup.identifier, now, network
            )
            suppressed = bool(outcomes) and set(outcomes) == {Outcome.NOT_REVIVED}
            done = True
            _log.info("subscription confirmed", digests=len(outcomes), suppressed=suppressed)
        titles = [self._digests[name].title for name in signup.digests if name in self._digests]
        body = await run_in_threadpool(
            self._pages.confirm,
            signup,
            titles,
            [signup.language, *languages],
            done=done,
            suppressed=suppressed,
        )
        return html_response(body, headers=PRIVATE_HEADERS)

    async def _form(self, request: Request, fields: Fields, problem: str | None = None) -> Response:
        """Return the form with what was chosen, and what is wrong with it, a key of the words."""
        now = self._clock()
        token = field(fields, "token") or ""
        made_at = read_form_token(self._token_keys, token)
        if made_at is None or not timedelta() <= now - made_at < OLDEST / 2:
            token = form_token(self._token_keys[0], now)
        form = SubscribeForm(
            token=token,
            address=(field(fields, "address") or "")[:400],
            digests=tuple(self._digests.values()),
            chosen=frozenset(self._chosen(fields)),
            categories=tuple(await self._shown()),
            checked=frozenset(fields.get("category", [])),
            problem=problem,
        )
        languages = self._languages(request, fields)
        body = await run_in_threadpool(self._pages.subscribe, form, languages)
        return html_response(body, 422 if problem else 200, PRIVATE_HEADERS)

    async def _answer(self, request: Request, fields: Fields, answer: Answer) -> Response:
        refused = answer in _STATUS
        languages = self._languages(request, fields)
        body = await run_in_threadpool(self._pages.requested, languages, refused=refused)
        headers = dict(PRIVATE_HEADERS)
        if refused:
            headers["Retry-After"] = str(_RETRY_AFTER)
        return html_response(body, _STATUS.get(answer, 200), headers)

    async def _shown(self) -> list[CategorySummary]:
        """Return the categories that the form offers, those above others first."""
        listed = await run_in_threadpool(self._categories)
        wanted = [path for digest in self._digests.values() for path in digest.categories]
        everything = not all(digest.categories for digest in self._digests.values())
        offered = [
            summary
            for summary in listed
            if everything
            or any(summary.path.within(path) or path.within(summary.path) for path in wanted)
        ]
        return sorted(offered, key=lambda one: (len(one.path.names), one.path))[:MAX_CATEGORIES]

    def _chosen(self, fields: Fields) -> tuple[str, ...]:
        """Return the names of the digests that were chosen; the only one need not be."""
        if len(self._digests) == 1:
            return tuple(self._digests)
        return tuple(name for name in self._digests if name in fields.get("digest", []))

    def _languages(self, request: Request, fields: Fields) -> list[str]:
        """Return the languages to answer in, the best first."""
        asked = field(fields, "language") or request.query_params.get("language")
        accepted = accepted_languages(request.headers.get("accept-language", ""))
        return [asked, *accepted] if asked and asked in WORDS else accepted

    def _client(self, request: Request) -> str:
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        peer = request.client.host if request.client else ""
        return client_address(peer, forwarded, self._policy.proxies)


def _uppermost(paths: Iterable[CategoryPath]) -> tuple[CategoryPath, ...]:
    """Return the paths in order without those that lie below another."""
    kept: list[CategoryPath] = []
    for path in sorted(set(paths)):
        if not any(path.within(above) for above in kept):
            kept.append(path)
    return tuple(kept)
