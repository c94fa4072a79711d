"""Assets over HTTP: pictures and other files that articles bring, which never change."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from digest.assets import ASSETS, is_asset_name, is_shown, media_type
from digest.web.request_headers import known_tags

#: Nothing in an asset may run, load or be framed: an SVG may hold scripts.
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",  # readers show pictures on pages of their own
    "X-Content-Type-Options": "nosniff",
}


class AssetFiles:
    """Serves the folder of assets; ``inner`` answers all other requests."""

    def __init__(self, folder: Path, inner: ASGIApp) -> None:
        self._folder = folder
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a GET or HEAD of an asset, or a part of it (RFC 9110 section 14)."""
        path = scope["path"] if scope["type"] == "http" else ""
        name = path.removeprefix(f"/{ASSETS}")
        if name != path and is_asset_name(name) and scope["method"] in ("GET", "HEAD"):
            file = self._folder / name
            try:
                status = await run_in_threadpool(os.lstat, file)
            except OSError:
                return await self._inner(scope, receive, send)
            response = _response(Request(scope), file, status)
            return await response(scope, receive, send)
        return await self._inner(scope, receive, send)


def _response(request: Request, file: Path, status: os.stat_result) -> Response:
    tag = file.stem
    headers = {**_HEADERS, "ETag": f'"{tag}"'}
    if tag in known_tags(request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        file,
        headers=headers,
        media_type=media_type(file.name),
        stat_result=status,
        filename=None if is_shown(file.name) else file.name,
    )
