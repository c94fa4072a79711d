"""One request for a page and its answer, as ASGI has them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from starlette.types import Scope, Send

from digest.web.model import NO_PARAMETERS, PRIVATE_HEADERS, SECURITY_HEADERS
from digest.web.page_cache import Headers, prepared, tags_of
from digest.web.request_headers import Verdict, known_tags, verdict

#: Bytes handed to the server at a time; it takes the next when the client has taken these.
_PIECE = 64 * 1024
#: What no date of a client is as late as.
_NEVER = datetime.max.replace(tzinfo=UTC)
_ASKED = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-unmodified-since",
        b"x-forwarded-for",
    }
)


class PageRequest:
    """A request for a page."""

    __slots__ = ("_headers", "head", "parameters", "path", "peer", "query", "raw")

    def __init__(self, scope: Scope) -> None:
        self.path: str = scope["path"].removeprefix("/")
        self.raw: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.parameters = NO_PARAMETERS  #: what the query string says to this page
        self.head = scope["method"] == "HEAD"
        self.peer: str = (scope.get("client") or ("",))[0]  #: the other end of the connection
        self._headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            if name in _ASKED:
                key, text = name.decode(), value.decode("latin-1")
                known = self._headers.get(key)
                self._headers[key] = text if known is None else f"{known}, {text}"

    def header(self, name: str) -> str | None:
        """Return a header by its name in lower case, several joined by commas."""
        return self._headers.get(name)

    @property
    def key(self) -> str:
        """The page's key in the cache: the path, and the parameters that the page has."""
        known = self.parameters
        return self.path if known == NO_PARAMETERS else f"{self.path}?{known!r}"

    @property
    def accepted(self) -> str | None:
        """The encodings that the client accepts, with their weights."""
        return self._headers.get("accept-encoding")

    @property
    def conditional(self) -> bool:
        """Whether it has a condition (RFC 9110 section 13.1)."""
        return any(name.startswith("if-") for name in self._headers)

    @property
    def wants_html(self) -> bool:
        """Whether the client is a browser, which accepts HTML."""
        return "text/html" in self._headers.get("accept", "")

    def own_tag(self, tags: Collection[str], tag: str) -> str:
        """Return the client's own tag of a page, so that a cache knows it again; else ``tag``."""
        known = known_tags(self.header("if-none-match"))
        return tag if tag in known else next((own for own in known if own in tags), tag)

    def has(self, tag: str, date: datetime | None) -> bool:
        """Return whether the client has the page with a tag, and sets no other condition."""
        if "if-match" in self._headers or "if-unmodified-since" in self._headers:
            return False
        return self.verdict(tag, tags_of(tag), date) is Verdict.NOT_MODIFIED

    def verdict(self, tag: str, tags: Collection[str], date: datetime | None) -> Verdict:
        """Evaluate its conditions; ``date`` is None if the page has no Last-Modified."""
        return verdict(self.header, tag, tags, date or _NEVER, exact_date=True)


async def redirect(send: Send, to: str) -> None:
    """Redirect the client to a relative address, permanently."""
    # Relative, so it leads nowhere else, also behind a proxy that cuts off a prefix.
    headers = {**SECURITY_HEADERS, "Location": to, "Content-Length": "0"}
    await answer(send, 301, prepared(headers))


async def answer_text(
    send: Send,
    status: int,
    text: str,
    *,
    tag: str | None = None,
    vary: bool = False,
) -> None:
    """Answer in plain text."""
    body = f"{text}\n".encode()
    headers = {**SECURITY_HEADERS, "Content-Type": "text/plain; charset=utf-8"}
    if status >= 500:
        headers |= PRIVATE_HEADERS
    if tag is not None:
        headers["ETag"] = f'"{tag}"'
    if vary:
        headers["Vary"] = "Accept-Encoding"
    headers["Content-Length"] = str(len(body))
    await answer(send, status, prepared(headers), body)


async def answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    """Answer with a status, headers and a body, in pieces that share one copy of it.

    Sent whole, a body would be copied for each client that does not read.
    """
    await send({"type": "http.response.start", "status": status, "headers": headers})
    view = memoryview(body)
    for offset in range(0, max(len(view), 1), _PIECE):
        piece = view[offset : offset + _PIECE] if len(view) > _PIECE else body
        more = offset + _PIECE < len(view)
        await send({"type": "http.response.body", "body": piece, "more_body": more})
