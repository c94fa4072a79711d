"""The published files over HTTP: what any web server would do with the output folder."""

from __future__ import annotations

import gzip
import mimetypes
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.feeds.selection import ATOM, MEDIA_TYPES, PAGE, RSS
from digest.times import rfc822
from digest.web.pages import SECURITY_HEADERS

#: Seconds for which a client may use what it has without asking again.
FEED_MAX_AGE, PAGE_MAX_AGE, ASSET_MAX_AGE = 300, 60, 3600
#: Bytes under which compressing is in vain.
GZIP_FROM = 1024
#: Browsers style them as XML, but show a feed's own media type as its source.
_STYLED = (RSS, ATOM)
_TEXTUAL = ("text/", "+xml", "+json", "/xml", "/json", "/javascript")
_ENTITY_TAG = re.compile(r'"([^"]*)"')
_ZERO_WEIGHT = re.compile(r"q\s*=\s*0(\.0*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file as it was when it was read."""

    name: str
    content: bytes
    media_type: str  #: without the charset
    modified_at: datetime  #: aware UTC, whole seconds

    @property
    def textual(self) -> bool:
        """Whether it is text in UTF-8."""
        return self.media_type.startswith(_TEXTUAL[0]) or self.media_type.endswith(_TEXTUAL[1:])


class PublishedFiles:
    """Serves the files below the output folder, and no others."""

    def __init__(self, output: Path) -> None:
        self._output = output

    async def serve(self, request: Request) -> Response:
        """Answer GET and HEAD: the file, a redirect to a folder's address, or 304.

        Conditions are those of RFC 9110 section 13. Raises HTTPException 404 where there is none.
        """
        path: str = request.path_params["path"]
        found = await run_in_threadpool(self._find, path)
        if found is None:
            raise HTTPException(404)
        if isinstance(found, str):
            # Relative, so it leads nowhere else, also behind a proxy that cuts off a prefix.
            return Response(status_code=301, headers={**SECURITY_HEADERS, "Location": found})
        return await run_in_threadpool(_answer, request, found)

    def _find(self, path: str) -> PublishedFile | str | None:
        """Return the file at a decoded path, where to go instead, or None."""
        segments = path.split("/")
        folder = segments[-1] == ""
        if folder:
            segments.pop()
        if any(not segment or segment.startswith(".") for segment in segments):
            return None
        file = None if folder else self._file(segments)
        if file is not None:
            return _read(file)
        page = self._file([*segments, PAGE])
        if page is None:
            return None
        return _read(page) if folder else quote(segments[-1], safe="") + "/"

    def _file(self, segments: list[str]) -> Path | None:
        """Return the file that a path means on disk: as it is, composed or decomposed."""
        path = "/".join(segments)
        root = self._output.resolve()
        forms = (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
        for form in dict.fromkeys(forms):
            try:
                file = (root / form).resolve(strict=True)
                inside = file.relative_to(root)
            except (OSError, ValueError, RuntimeError):
                continue  # absent, unreadable, too long, with NUL, a loop of links, outside
            # Links may lead about within the folder, but not to hidden files.
            if file.is_file() and not any(part.startswith(".") for part in inside.parts):
                return file
        return None


def _read(file: Path) -> PublishedFile | None:
    try:
        with file.open("rb") as opened:
            content = opened.read()
        modified = int(file.stat().st_mtime)
    except OSError:
        return None
    kind, encoding = mimetypes.guess_type(file.name)
    if kind is None or encoding is not None:
        kind = "application/octet-stream"
    return PublishedFile(
        name=file.name,
        content=content,
        media_type=MEDIA_TYPES.get(file.name, kind),
        modified_at=datetime.fromtimestamp(modified, UTC),
    )


def _answer(request: Request, file: PublishedFile) -> Response:
    content = file.content
    tag = blake2b(content, digest_size=16).hexdigest()
    headers = {
        **SECURITY_HEADERS,
        "Cache-Control": f"max-age={_max_age(file)}",
        "Last-Modified": rfc822(file.modified_at),
    }
    kind, vary = file.media_type, []
    if file.name in _STYLED:
        vary.append("Accept")
        if "text/html" in request.headers.get("accept", ""):
            kind = "text/xml"
    compress = False
    if file.textual and len(content) >= GZIP_FROM:
        vary.append("Accept-Encoding")
        compress = _accepts_gzip(request.headers.get("accept-encoding", ""))
    if vary:
        headers["Vary"] = ", ".join(vary)
    headers["ETag"] = f'"{tag}-gzip"' if compress else f'"{tag}"'
    if _unchanged(request, tag, file.modified_at):
        return Response(status_code=304, headers=headers)

    headers["Content-Type"] = f"{kind}; charset=utf-8" if file.textual else kind
    if compress:
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(content, compresslevel=6, mtime=0)
    headers["Content-Length"] = str(len(content))
    return Response(b"" if request.method == "HEAD" else content, headers=headers)


def _max_age(file: PublishedFile) -> int:
    if file.name in MEDIA_TYPES:
        return FEED_MAX_AGE
    return PAGE_MAX_AGE if file.media_type == "text/html" else ASSET_MAX_AGE


def _unchanged(request: Request, tag: str, modified_at: datetime) -> bool:
    """Tell whether the client has this already; either of a tag's encodings will do."""
    known = request.headers.get("if-none-match")
    if known is not None:  # then the date is not asked (RFC 9110 section 13.1.3)
        tags = set(_ENTITY_TAG.findall(known))
        return known.strip() == "*" or not tags.isdisjoint({tag, f"{tag}-gzip"})
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except (ValueError, OverflowError):  # the second for a zone of more hours than there are
        return False  # to be ignored (RFC 9110 section 13.1.3)
    return modified_at <= (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _accepts_gzip(accepted: str) -> bool:
    """Tell whether an Accept-Encoding takes gzip (RFC 9110 section 12.5.3)."""
    weights = {}
    for item in accepted.lower().split(","):
        name, _, parameters = item.partition(";")
        weights[name.strip()] = not _ZERO_WEIGHT.fullmatch(parameters.strip())
    return weights.get("gzip", weights.get("*", False))
