"""Approving an edition by a link: the operator's click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.mail.operator_mail import ApprovalRequest
from digest.subscribers.tokens import edition_tag, read_approval_token
from digest.web.forms import form_action
from digest.web.model import PRIVATE_HEADERS
from digest.web.pages import WebPages, html_response


class Approvals(Protocol):
    """Carries out the operator's decisions on editions. Raises StoreError."""

    async def proposal(self, edition_id: int) -> ApprovalRequest | None:
        """Return an edition with what the operator needs to decide; None if there is none."""

    async def approve(self, edition_id: int) -> bool:
        """Send a draft; return False if it is no draft (any more), or cannot be sent."""

    async def drop(self, edition_id: int) -> bool:
        """Cancel a draft; return False if it is no draft (any more)."""


class ApprovalLink:
    """Answers requests for the link to approve, in the mail to the operator."""

    def __init__(
        self, *, approvals: Approvals, pages: WebPages, token_keys: Sequence[bytes]
    ) -> None:
        self._approvals = approvals
        self._pages = pages
        self._token_keys = token_keys

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
                await self._approvals.approve(proposal.edition.id)
            elif action == "cancel":
                await self._approvals.drop(proposal.edition.id)
            else:
                raise HTTPException(400, headers=dict(PRIVATE_HEADERS))
            proposal = await self._proposal(request.path_params["token"])
        body = await run_in_threadpool(self._pages.approval, proposal)
        return html_response(body, headers=PRIVATE_HEADERS)

    async def _proposal(self, token: str) -> ApprovalRequest:
        """Return the edition that a token was made for; raise HTTPException if there is none."""
        content = read_approval_token(self._token_keys, token)
        if content is not None:
            proposal = await self._approvals.proposal(content[0])
            if proposal is not None:
                edition = proposal.edition
                if edition_tag(edition.digest, edition.due_at) == content[1]:
                    return proposal
        raise HTTPException(404, headers=dict(PRIVATE_HEADERS))
