"""The web application: pages, links to subscribe, unsubscribe and approve, ``/status``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from digest.errors import StoreError
from digest.feeds.model import CategorySummary
from digest.mail.operator_mail import ApprovalRequest
from digest.subscribers.tokens import edition_tag, read_approval_token
from digest.times import rfc3339
from digest.urls import (
    APPROVE_PATH,
    CONFIRM_PATH,
    PREFERENCES_QUERY,
    SUBSCRIBE_PATH,
    UNSUBSCRIBE_PATH,
)
from digest.web.forms import LinkContext, form_action, html_response, unavailable
from digest.web.model import PRIVATE_HEADERS, SECURITY_HEADERS
from digest.web.preferences import PersonSubscriptions, Preferences
from digest.web.render_queue import Busy, RenderQueue
from digest.web.shared_answer import SharedAnswer
from digest.web.subscribing import SignupRequests, Subscribing
from digest.web.unsubscribing import UnsubscribeLink

#: Seconds after which a client may ask again whether the daemon is ready; probes come often.
RETRY_WHEN_UNREADY = 5


class _TokenConvertor(PathConvertor):
    """Matches the rest of a path unchanged: mail programs break tokens over lines."""

    regex = "(?s:.*)"


register_url_convertor("token", _TokenConvertor())


class Approvals(Protocol):
    """Carries out the operator's decisions on editions. Raises StoreError."""

    async def proposal(self, edition_id: int) -> ApprovalRequest | None:
        """Return an edition with what the operator needs to decide; None if there is none."""

    async def approve(self, edition_id: int) -> bool:
        """Send a draft; return False if it is no draft (any more), or cannot be sent."""

    async def drop(self, edition_id: int) -> bool:
        """Cancel a draft; return False if it is no draft (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalLink:
    """Answers requests for the link to approve an edition, in the mail to the operator."""

    approvals: Approvals
    context: LinkContext

    async def serve(self, request: Request) -> Response:
        """Answer GET with the edition and two buttons, and POST by doing what the button says.

        GET changes nothing, since scanners follow links too. The page shows the present state, also
        after a click that came too late. Raises HTTPException: 404 if the token is invalid, 413
        if the body is too large, 400 if it is not what a button of the page sends.
        """
        proposal = await self._proposal(request.path_params["token"])
        if request.method == "POST":
            action = await form_action(request)
            if action == "approve":
                await self.approvals.approve(proposal.edition.id)
            elif action == "cancel":
                await self.approvals.drop(proposal.edition.id)
            else:
                raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
            proposal = await self._proposal(request.path_params["token"])
        body = await run_in_threadpool(self.context.pages.approval, proposal)
        return html_response(body, headers=PRIVATE_HEADERS)

    async def _proposal(self, token: str) -> ApprovalRequest:
        """Return the edition that a token was made for; raise HTTPException if there is none."""
        content = read_approval_token(self.context.token_keys, token)
        if content is not None:
            proposal = await self.approvals.proposal(content[0])
            if proposal is not None:
                edition = proposal.edition
                if edition_tag(edition.digest, edition.due_at) == content[1]:
                    return proposal
        raise HTTPException(404, headers=dict(PRIVATE_HEADERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """What tells whether the daemon works."""

    last_scan_at: Callable[[], datetime | None] | None = None  #: for ``/status``; None: not there
    #: Returns what keeps the daemon from its work, for ``/readyz``, in public words; called in a
    #: thread.
    unready: Callable[[], str]


def create_app(
    context: LinkContext,
    *,
    subscriptions: PersonSubscriptions,
    approvals: Approvals,
    probes: Probes,
    categories: Callable[[], Sequence[CategorySummary]] = tuple,
    requests: SignupRequests | None = None,
    queue: RenderQueue | None = None,
    subscribing: Subscribing | None = None,
) -> ASGIApp:
    """Return the ASGI application.

    ``approvals`` carries out decisions on editions. ``categories`` returns all that show an
    article; called in a thread. ``requests`` takes what a mail asks to confirm, and ``subscribing``
    answers who wants to subscribe; None: nobody can here. Preferences wait for their turn in
    ``queue``, by default one of their own.
    """
    pages = context.pages
    link = UnsubscribeLink(subscriptions=subscriptions, context=context)
    preferences = Preferences(
        subscriptions=subscriptions,
        context=context,
        categories=categories,
        requests=requests,
        queue=queue or RenderQueue(),
    )
    approval_link = ApprovalLink(approvals=approvals, context=context)
    readiness = partial(_readyz, SharedAnswer(probes.unready))

    async def serve_reader(request: Request) -> Response:
        chosen = preferences if PREFERENCES_QUERY in request.query_params else link
        return await chosen.serve(request)

    async def show_status(_: Request) -> Response:
        if probes.last_scan_at is None:
            raise HTTPException(404)
        # Everybody may read it: behind a proxy all requests come from this machine.
        scanned = probes.last_scan_at()
        text = f"up, last scan {rfc3339(scanned)}" if scanned else "up, first scan under way"
        return PlainTextResponse(f"{text}\n", headers={**SECURITY_HEADERS, **PRIVATE_HEADERS})

    async def not_found(_: Request, error: Exception) -> Response:
        return html_response(pages.not_found(), 404, cast("HTTPException", error).headers)

    async def later(request: Request, error: Exception) -> Response:
        return unavailable(error, pages, request.headers.get("accept", ""))

    both = ["GET", "POST"]
    optional = []
    if subscribing:
        optional.append(Route(f"/{SUBSCRIBE_PATH}", subscribing.serve_form, methods=both))
    if requests:
        confirm = requests.serve_confirmation
        optional.append(Route(f"/{CONFIRM_PATH}{{token:token}}", confirm, methods=both))
    return Starlette(
        routes=[
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", readiness, methods=["GET"]),
            Route("/status", show_status, methods=["GET"]),
            Route(f"/{UNSUBSCRIBE_PATH}{{token:token}}", serve_reader, methods=both),
            Route(f"/{APPROVE_PATH}{{token:token}}", approval_link.serve, methods=both),
            *optional,
            Route("/{path:path}", _nothing, methods=["GET"]),  # no other method is of use anywhere
        ],
        exception_handlers={
            404: not_found,
            HTTPException: _refused,
            StoreError: later,
            Busy: later,
        },
    )


async def _nothing(_: Request) -> Response:
    raise HTTPException(404)


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok", headers={**SECURITY_HEADERS, **PRIVATE_HEADERS})


async def _readyz(problem: SharedAnswer[str], _: Request) -> Response:
    try:
        reason = await problem.get()
    except TimeoutError:
        reason = "the database or the output folder does not answer"
    headers = {**SECURITY_HEADERS, **PRIVATE_HEADERS}
    if not reason:
        return PlainTextResponse("ready\n", headers=headers)
    headers["Retry-After"] = str(RETRY_WHEN_UNREADY)
    return PlainTextResponse(f"not ready: {reason}\n", 503, headers)


async def _refused(_: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)  # it is registered for no other
    headers = {**SECURITY_HEADERS, **(refusal.headers or {})}
    return PlainTextResponse(f"{refusal.detail}\n", refusal.status_code, headers)
