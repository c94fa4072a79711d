"""What an address leads to: a page and how to render it, or nothing; headers of responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType

from digest.articles.model import Position

#: Seconds for which a client may use what it has without asking again.
PAGE_MAX_AGE, STYLE_MAX_AGE = 60, 3600
HTML = "text/html; charset=utf-8"
#: Nothing runs and nothing is fetched but images and our own style.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src https: http: data:; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)
#: For pages that are about one person or one moment.
PRIVATE_HEADERS = MappingProxyType({"Cache-Control": "no-store", "X-Robots-Tag": "noindex"})
#: For what search engines are not to list.
UNLISTED = MappingProxyType({"X-Robots-Tag": "noindex"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters of a query string; empty for pages without any."""

    query: str = ""  #: what is searched for
    before: Position | None = None  #: only articles behind this position, which are older
    after: Position | None = None  #: only articles before it


NO_PARAMETERS = Parameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The positions at which the previous and the next page of articles begin."""

    newer: Position | None = None
    older: Position | None = None


class Missing(Enum):
    """The reason why there is no page at an address."""

    UNKNOWN = 404
    WITHDRAWN = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page at an address. It is rendered by ``render``, within the transaction that found it."""

    version: str  #: another one where the content is, with the same templates and configuration
    changed_at: datetime  #: aware UTC: when it changed, or some time later
    render: Callable[[], bytes]
    media_type: str = HTML
    max_age: int = PAGE_MAX_AGE  #: seconds
    headers: Mapping[str, str] = field(default_factory=dict)  #: beside those of every page
    dated: bool = True  #: False: it may change without ``changed_at``
    lasts: timedelta | None = None  #: for how long it is good; None: until its version changes
