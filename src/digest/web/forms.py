"""Forms: what a button of ours says when it is pressed."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from digest.web.model import PRIVATE_HEADERS

#: Bytes; ours have one short field, mail programs send ``List-Unsubscribe=One-Click``.
MAX_BODY = 16 * 1024


async def form_action(request: Request) -> str | None:
    """Return the value of the field ``action``; None for a body without just one.

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
        return None
    actions = parse_qs(body.decode("ascii", "replace")).get("action", [])
    return actions[0] if len(actions) == 1 else None
