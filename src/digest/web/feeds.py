"""The published files over HTTP: what any web server would do with the output folder, and more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.feeds.encodings import PACK_FROM, SUFFIXES
from digest.feeds.selection import ATOM, MEDIA_TYPES, RSS
from digest.times import Clock, rfc822, utc_now
from digest.web.conditions import Header, Verdict, known_tags, same_as, verdict
from digest.web.memory import Memory, PublishedFile
from digest.web.negotiation import IDENTITY, choose_encoding, requested_range, wants_news
from digest.web.pages import SECURITY_HEADERS
from digest.web.places import Places

#: Seconds for which a client may use what it has without asking again.
FEED_MAX_AGE, PAGE_MAX_AGE, ASSET_MAX_AGE = 300, 60, 3600
#: Browsers style them as XML, but show a feed's own media type as its source. They can be cut
#: down to their news.
_FEEDS = (RSS, ATOM)
#: A cache that knows nothing of news must not give them to anybody else (RFC 3229 section 10.8).
_IM_USED = {"IM": "feed", "Cache-Control": "no-store, im", "Vary": "A-IM, If-None-Match, Accept"}


class PublishedFiles:
    """Serves the files below the output folder, and no others."""

    def __init__(
        self,
        output: Path,
        *,
        moved: Mapping[str, str] | None = None,
        links: Callable[[str], str | None] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Keep what is needed.

        ``moved`` has the folders, relative to the output, whose files are to be looked for in
        another one: ``{"feeds/old": "feeds/new"}``. ``links`` returns the Link header of the file
        at a path below the output, None where it has none.
        """
        self._output = output
        self._links = links
        self._places = Places(output, moved or {})
        self._clock = clock
        self._memory = Memory()

    async def serve(self, request: Request) -> Response:
        """Answer GET and HEAD: the file, a part of it, its news, where it is now, or 304.

        Raises HTTPException: 404 where there is nothing, 406 where the client refuses every
        encoding, 412 where its conditions do not hold, 416 where it asks for bytes behind the end.
        """
        path: str = request.path_params["path"]
        file = self._memory.recall(path)
        if file is not None and "a-im" not in request.headers:
            encoding = _encoding(_header(request), file)
            if encoding == IDENTITY or file.ready(encoding):  # then it needs no thread
                return self._answer(request, file, encoding)
        return await run_in_threadpool(self._serve, request, path)

    def _serve(self, request: Request, path: str) -> Response:
        found = self._places.find(path)
        if found is None:
            raw: bytes = request.scope["raw_path"]
            found = self._places.elsewhere(path, raw.count(b"/") - 1)
        if found is None:
            raise HTTPException(404)
        if isinstance(found, str):
            # Relative, so it leads nowhere else, also behind a proxy that cuts off a prefix.
            return Response(status_code=301, headers={**SECURITY_HEADERS, "Location": found})
        file = self._memory.recall(path) or PublishedFile.read(found)
        if file is None:
            raise HTTPException(404)
        response = self._answer(request, file, _encoding(_header(request), file))
        self._memory.keep(path, file)
        return response

    def _answer(self, request: Request, file: PublishedFile, encoding: str) -> Response:
        """Return the response with a file in an encoding; blocks where that is not at hand."""
        header = _header(request)
        tag = file.tag if encoding == IDENTITY else f"{file.tag}-{encoding}"
        tags = {file.tag, *(f"{file.tag}-{name}" for name in SUFFIXES)}
        known = known_tags(header("if-none-match"))
        headers = _headers(header, file, tag)
        if file.modified_at <= self._clock():  # a date to come is not to be told (section 8.8.2.1)
            headers["Last-Modified"] = rfc822(file.modified_at)

        answer = verdict(header, tag, tags, file.modified_at)
        if answer is Verdict.FAILED:
            raise HTTPException(412, headers={"ETag": headers["ETag"]})
        if answer is Verdict.NOT_MODIFIED:
            del headers["Content-Type"]
            if tag not in known:
                # The client's own, so that a cache knows what is meant (RFC 9111 section 4.3.4).
                headers["ETag"] = f'"{next((one for one in known if one in tags), tag)}"'
            return Response(status_code=304, headers=headers)

        status, content = 200, file.content
        if found := _news(header, file, known):
            base, content = found
            status = 226
            headers |= {**_IM_USED, "ETag": f'"{file.tag}"', "Delta-Base": f'"{base}"'}
        elif encoding != IDENTITY:
            content = file.variant(encoding)
            headers["Content-Encoding"] = encoding
        else:
            headers["Accept-Ranges"] = "bytes"
            if request.method == "GET" and same_as(header("if-range"), tag, file.modified_at):
                status, content = _part(header("range"), content, headers)
        headers["Content-Length"] = str(len(content))
        if link := self._link(file):
            headers["Link"] = link
        return Response(b"" if request.method == "HEAD" else content, status, headers=headers)

    def _link(self, file: PublishedFile) -> str | None:
        if self._links is None:
            return None
        return self._links(file.path.relative_to(self._output.resolve()).as_posix())


def _header(request: Request) -> Header:
    def header(name: str) -> str | None:
        found = request.headers.getlist(name)
        return ", ".join(found) if found else None

    return header


def _encoding(header: Header, file: PublishedFile) -> str:
    """Return the encoding to send. Raises HTTPException 406."""
    accepted = header("accept-encoding")
    offered = SUFFIXES if file.textual else ()
    if len(file.content) >= PACK_FROM and header("range") is None:
        encoding = choose_encoding(accepted, offered)
    else:  # parts are of the plain content; what is short is packed only if it must be
        encoding = choose_encoding(accepted, ()) or choose_encoding(accepted, offered)
    if encoding is None:
        raise HTTPException(406, headers={"Vary": "Accept-Encoding"})
    return encoding


def _headers(header: Header, file: PublishedFile, tag: str) -> dict[str, str]:
    """Return what is said of a file whether it is sent or not."""
    kind, vary = file.media_type, []
    if file.name in _FEEDS:
        vary.append("Accept")
        if "text/html" in (header("accept") or ""):
            kind = "text/xml"
    if file.textual and len(file.content) >= PACK_FROM:
        vary.append("Accept-Encoding")
    headers = {
        **SECURITY_HEADERS,
        "Cache-Control": f"max-age={_max_age(file)}",
        "Content-Type": f"{kind}; charset=utf-8" if file.textual else kind,
        "ETag": f'"{tag}"',
    }
    if vary:
        headers["Vary"] = ", ".join(vary)
    return headers


def _news(header: Header, file: PublishedFile, known: list[str]) -> tuple[str, bytes] | None:
    """Return the first version that the client has and we know, and what is new since then.

    None where it asks for no news, or for more than we can tell, or refuses what is not packed.
    """
    if file.name not in _FEEDS or not wants_news(header("a-im")):
        return None
    if choose_encoding(header("accept-encoding"), ()) is None:
        return None
    for tag in known:
        content = file.news_since(tag)
        if content is not None:
            return tag, content
    return None


def _part(asked: str | None, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Return status and content for a Range, and add its header. Raises HTTPException 416."""
    length = len(content)
    part = None if asked is None else requested_range(asked, length)
    if part is None:
        return 200, content
    if not part:
        raise HTTPException(416, headers={"Content-Range": f"bytes */{length}"})
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{length}"
    return 206, content[part.start : part.stop]


def _max_age(file: PublishedFile) -> int:
    if file.name in MEDIA_TYPES:
        return FEED_MAX_AGE
    return PAGE_MAX_AGE if file.media_type == "text/html" else ASSET_MAX_AGE
