"""Forms and signed links: the fields that a browser sends, and what answers are made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from digest.editions.model import Digest
from digest.times import Clock
from digest.web.model import HTML, PRIVATE_HEADERS, SECURITY_HEADERS
from digest.web.pages import WebPages
from digest.web.render_queue import RETRY_WHEN_BUSY, Busy

#: Bytes; the largest form has a field of 20 bytes for each category.
MAX_BODY = 16 * 1024
#: Seconds after which a client may try again when the database did not answer.
RETRY_AFTER = 30

Fields = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkContext:
    """The values with which forms and signed links are answered."""

    pages: WebPages
    digests: Mapping[str, Digest]  #: by name
    token_keys: Sequence[bytes]  #: the first signs, all are valid
    clock: Clock


def html_response(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a page as a response with the headers that every page carries."""
    return Response(
        body,
        status,
        headers={**SECURITY_HEADERS, **(headers or {})},
        media_type=HTML,
    )


def unavailable(error: Exception, pages: WebPages, accept: str) -> Response:
    """Return the answer for Busy or no answer of the store: a page for a browser, else a line."""
    text, retry = "There is too much to do.", RETRY_WHEN_BUSY
    if not isinstance(error, Busy):
        text, retry = "The database is busy.", RETRY_AFTER
    headers = {**PRIVATE_HEADERS, "Retry-After": str(retry)}
    if "text/html" in accept:
        return html_response(pages.busy(), 503, headers)
    headers.update(SECURITY_HEADERS)
    return PlainTextResponse(f"{text} Please try again soon.\n", 503, headers)


async def form_fields(request: Request) -> Fields:
    """Return the values of each field, in order; none for a body that is not urlencoded.

    Our forms are urlencoded; any other body, such as multipart, is not ours. Raises
    HTTPException: 413 where the body is too large, 400 where it breaks off.
    """
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise HTTPException(413, headers=dict(PRIVATE_HEADERS))
    except ClientDisconnect as error:
        raise HTTPException(400, headers=dict(PRIVATE_HEADERS)) from error
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    return parse_qs(body.decode("ascii", "replace"))


def field(fields: Fields, name: str) -> str | None:
    """Return the value of a field; None unless it has exactly one."""
    values = fields.get(name, [])
    return values[0] if len(values) == 1 else None


async def form_action(request: Request) -> str | None:
    """Return the value of the field ``action``, as ``field``; raise as ``form_fields``."""
    return field(await form_fields(request), "action")


def require_own_page(request: Request, origin: str) -> None:
    """Raise HTTPException 403 if the browser reports that another site sent the form.

    ``origin`` is that of the site (RFC 6454). Without a referrer browsers send an Origin of
    ``null``, but report in Sec-Fetch-Site (Fetch Metadata Request Headers) who sent it.
    """
    site = request.headers.get("sec-fetch-site")
    sent_by = request.headers.get("origin", "null")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = sent_by in ("null", origin) or sent_by.partition("://")[2] == request.headers.get(
            "host"
        )
    if not own:
        raise HTTPException(403, headers=dict(PRIVATE_HEADERS))
