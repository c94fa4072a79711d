"""Subscribing on the web: the form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.editions.model import Digest
from digest.feeds.model import CategorySummary
from digest.mail.translations import WORDS
from digest.subscribers.signup import SignupDecision
from digest.subscribers.tokens import form_token, read_form_token
from digest.times import Clock, named_zones
from digest.web.forms import Fields, field, form_fields, require_own_page
from digest.web.model import PRIVATE_HEADERS
from digest.web.pages import WebPages, html_response
from digest.web.render_queue import RenderQueue
from digest.web.request_headers import accepted_languages
from digest.web.signup_requests import SignupRequests
from digest.web.subscribe_form import (
    SubscribeForm,
    category_id,
    offered,
    uppermost,
)

#: How old a form must be, since people take some seconds to fill it in, and may be.
YOUNGEST, OLDEST = timedelta(seconds=2), timedelta(hours=12)


class Subscribing:
    """Answers requests for the form to subscribe."""

    def __init__(
        self,
        *,
        requests: SignupRequests,
        categories: Callable[[], Sequence[CategorySummary]],
        pages: WebPages,
        digests: Mapping[str, Digest],
        token_keys: Sequence[bytes],
        clock: Clock,
        queue: RenderQueue,
    ) -> None:
        """``categories`` returns those with a visible article; called in a thread.

        ``digests``, by name, are those to subscribe to. Pages are rendered in ``queue``.
        """
        self._requests = requests
        self._categories = categories
        self._pages = pages
        self._digests = digests
        self._token_keys = token_keys
        self._clock = clock
        self._queue = queue

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
        require_own_page(request, self._requests.policy.origin)
        fields = await form_fields(request)
        if field(fields, "website"):  # people do not see it
            return await self._requests.answered(
                SignupDecision.TAKEN, self._languages(request, fields)
            )
        if field(fields, "action") == "begin":  # the front page asks for the address alone
            return await self._form(request, fields)
        made_at = read_form_token(self._token_keys, field(fields, "token") or "")
        age = None if made_at is None else self._clock() - made_at
        if age is None or not YOUNGEST <= age <= OLDEST:
            return await self._form(request, fields, "subscribe_again")
        address = field(fields, "address") or ""
        if problem := self._requests.address_problem(address):
            return await self._form(request, fields, problem)
        digests = self._chosen(fields)
        if not digests:
            return await self._form(request, fields, "subscribe_no_digest")
        wanted = fields.get("category", [])
        network = self._requests.network(request)
        shown = await self._queue.run(self._shown, network) if wanted else []
        known = {category_id(summary.path): summary.path for summary in shown}
        if not known.keys() >= set(wanted):
            return await self._form(request, fields, "subscribe_categories_changed")
        zone = field(fields, "timezone") or ""
        if zone and zone not in named_zones():
            raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
        return await self._requests.ask(
            request,
            self._languages(request, fields),
            address,
            digests=digests,
            categories=uppermost(known[key] for key in wanted),
            timezone=zone or None,
        )

    async def _form(self, request: Request, fields: Fields, problem: str | None = None) -> Response:
        """Return the form as filled in, with the text of a problem, a key of the words."""
        now = self._clock()
        token = field(fields, "token") or ""
        made_at = read_form_token(self._token_keys, token)
        if made_at is None or not timedelta() <= now - made_at < OLDEST / 2:
            token = form_token(self._token_keys[0], now)
        local = any(digest.local for digest in self._digests.values())
        languages = self._languages(request, fields)

        def render() -> bytes:
            form = SubscribeForm(
                token=token,
                address=(field(fields, "address") or "")[:400],
                digests=tuple(self._digests.values()),
                chosen=frozenset(self._chosen(fields)),
                categories=tuple(self._shown()),
                checked=frozenset(fields.get("category", [])),
                zones=tuple(sorted(named_zones())) if local else (),
                zone=field(fields, "timezone") or "",
                problem=problem,
            )
            return self._pages.subscribe(form, languages)

        body = await self._queue.run(render, self._requests.network(request))
        return html_response(body, 422 if problem else 200, PRIVATE_HEADERS)

    def _shown(self) -> list[CategorySummary]:
        """Return the categories that the form offers, parents first. Blocking."""
        return offered(self._categories(), self._digests.values())

    def _chosen(self, fields: Fields) -> tuple[str, ...]:
        """Return the names of the chosen digests; if there is only one, it needs no choice."""
        if len(self._digests) == 1:
            return tuple(self._digests)
        return tuple(name for name in self._digests if name in fields.get("digest", []))

    def _languages(self, request: Request, fields: Fields) -> list[str]:
        """Return the languages to answer in, by preference."""
        asked = field(fields, "language") or request.query_params.get("language")
        accepted = accepted_languages(request.headers.get("accept-language", ""))
        return [asked, *accepted] if asked and asked in WORDS else accepted
