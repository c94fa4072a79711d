"""The web application: pages, links to subscribe, unsubscribe and approve, ``/status``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import cast

from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from digest.editions.model import Digest
from digest.errors import StoreError
from digest.feeds.model import CategorySummary
from digest.times import Clock, rfc3339
from digest.urls import (
    APPROVE_PATH,
    CONFIRM_PATH,
    PREFERENCES_QUERY,
    SUBSCRIBE_PATH,
    UNSUBSCRIBE_PATH,
)
from digest.web.approvals import ApprovalLink, Approvals
from digest.web.model import PRIVATE_HEADERS, SECURITY_HEADERS
from digest.web.pages import WebPages, html_response
from digest.web.preferences import PersonSubscriptions, Preferences
from digest.web.render_queue import RETRY_WHEN_BUSY, Busy, RenderQueue
from digest.web.shared_answer import SharedAnswer
from digest.web.signup_requests import SignupRequests
from digest.web.subscribing import Subscribing
from digest.web.unsubscribing import UnsubscribeLink

#: Seconds after which a client may try again when the database did not answer.
RETRY_AFTER = 30
#: Likewise where the daemon is not ready; probes come often.
RETRY_WHEN_UNREADY = 5


class _TokenConvertor(PathConvertor):
    """Matches the rest of a path unchanged: mail programs break tokens over lines."""

    regex = "(?s:.*)"


register_url_convertor("token", _TokenConvertor())


def create_app(
    *,
    subscriptions: PersonSubscriptions,
    last_scan_at: Callable[[], datetime | None] | None,
    pages: WebPages,
    token_keys: Sequence[bytes],
    clock: Clock,
    digests: Mapping[str, Digest],
    approvals: Approvals | None = None,
    categories: Callable[[], Sequence[CategorySummary]] = tuple,
    requests: SignupRequests | None = None,
    queue: RenderQueue | None = None,
    subscribing: Subscribing | None = None,
    unready: Callable[[], str] | None = None,
) -> ASGIApp:
    """Return the ASGI application.

    ``last_scan_at`` returns the time of the last scan of the articles, for ``/status``; None: no
    such address. A link of a mail is valid if one of ``token_keys`` signed it. ``digests`` is by
    name. ``approvals`` carries out decisions on editions; None: there are no links to approve.
    ``categories`` returns all that show an article; called in a thread. ``requests`` takes what a
    mail asks to confirm, and ``subscribing`` answers who wants to subscribe; None: nobody can here.
    Preferences wait for their turn in ``queue``, by default one of their own. ``unready`` returns
    what keeps the daemon from its work, for ``/readyz``, in public words; called in a thread; None:
    there is no such address.
    """
    link = UnsubscribeLink(
        subscriptions=subscriptions,
        pages=pages,
        digests=digests,
        token_keys=token_keys,
        clock=clock,
    )
    preferences = Preferences(
        subscriptions=subscriptions,
        pages=pages,
        digests=digests,
        token_keys=token_keys,
        clock=clock,
        categories=categories,
        requests=requests,
        queue=queue or RenderQueue(),
    )
    approval_link = (
        ApprovalLink(approvals=approvals, pages=pages, token_keys=token_keys) if approvals else None
    )

    async def serve_reader(request: Request) -> Response:
        chosen = preferences if PREFERENCES_QUERY in request.query_params else link
        return await chosen.serve(request)

    async def show_approval(request: Request) -> Response:
        if approval_link is None:
            raise HTTPException(404, headers=dict(PRIVATE_HEADERS))
        return await approval_link.serve(request)

    async def show_status(_: Request) -> Response:
        if last_scan_at is None:
            raise HTTPException(404)
        # Everybody may read it: behind a proxy all requests come from this machine.
        scanned = last_scan_at()
        text = f"up, last scan {rfc3339(scanned)}" if scanned else "up, first scan under way"
        return PlainTextResponse(f"{text}\n", headers={**SECURITY_HEADERS, **PRIVATE_HEADERS})

    async def not_found(_: Request, error: Exception) -> Response:
        return html_response(pages.not_found(), 404, cast("HTTPException", error).headers)

    async def unavailable(request: Request, error: Exception) -> Response:
        text, retry = "There is too much to do.", RETRY_WHEN_BUSY
        if not isinstance(error, Busy):
            text, retry = "The database is busy.", RETRY_AFTER
        headers = {**PRIVATE_HEADERS, "Retry-After": str(retry)}
        if "text/html" in request.headers.get("accept", ""):
            return html_response(pages.busy(), 503, headers)
        headers.update(SECURITY_HEADERS)
        return PlainTextResponse(f"{text} Please try again soon.\n", 503, headers)

    both = ["GET", "POST"]
    optional = []
    if subscribing:
        optional.append(Route(f"/{SUBSCRIBE_PATH}", subscribing.serve_form, methods=both))
    if unready:
        readiness = partial(_readyz, SharedAnswer(unready))
        optional.append(Route("/readyz", readiness, methods=["GET"]))
    if requests:
        confirm = requests.serve_confirmation
        optional.append(Route(f"/{CONFIRM_PATH}{{token:token}}", confirm, methods=both))
    return Starlette(
        routes=[
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/status", show_status, methods=["GET"]),
            Route(f"/{UNSUBSCRIBE_PATH}{{token:token}}", serve_reader, methods=both),
            Route(f"/{APPROVE_PATH}{{token:token}}", show_approval, methods=both),
            *optional,
            Route("/{path:path}", _nothing, methods=["GET"]),  # no other method is of use anywhere
        ],
        exception_handlers={
            404: not_found,
            HTTPException: _refused,
            StoreError: unavailable,
            Busy: unavailable,
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
