"""Functions and filters that templates of pages call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime

from digest.articles.model import Facet, FacetKind, Scope
from digest.feeds.catalog import FeedPlan
from digest.feeds.model import ATOM, JSON, MEDIA_TYPES, RSS, Feed, article_link
from digest.languages import direction, own_name, text_direction
from digest.site import Site
from digest.subscribers.address import masked
from digest.times import rfc3339
from digest.web.subscribe_form import category_id

_FORMAT_NAMES = {RSS: "RSS", ATOM: "Atom", JSON: "JSON Feed"}


def filters(site: Site, locale: Locale) -> Mapping[str, Callable[..., Any]]:
    """Return the filters of templates by name; dates are in the site's zone and ``locale``."""
    zone = ZoneInfo(site.timezone)
    return {
        "path": _path_filter(site),
        "day": partial(day_in, zone=zone, locale=locale),
        "moment": partial(_moment_in, zone=zone, locale=locale),
        "iso": rfc3339,
        "masked": masked,
        "direction": direction,
        "text_direction": text_direction,
    }


def functions(plan: FeedPlan) -> Mapping[str, Any]:
    """Return the functions and constants of templates by name."""
    return {
        "site": plan.site,
        "formats": _named(plan.formats),
        "formats_of": lambda feed: _named(feed.formats),
        "feed_of": _feed_of(plan),
        "author_feed": _author_feed(plan),
        "category_id": category_id,
        "own_name": own_name,
        "link_of": lambda article: article_link(plan.site, article),
    }


def day_in(moment: datetime, *, zone: ZoneInfo, locale: Locale) -> str:
    """Return the date of a moment in a zone, in words of a locale."""
    return _format_day(moment.astimezone(zone).date(), locale)


@lru_cache(maxsize=1024)
def _format_day(day: date, locale: Locale) -> str:
    shown: str = format_date(day, "long", locale=locale)
    return shown


def _moment_in(moment: datetime, *, zone: ZoneInfo, locale: Locale) -> str:
    """Return date and time with the zone: the moment's own, or ``zone`` if that is UTC."""
    own = zone if moment.tzinfo is UTC else moment.tzinfo
    local = moment.astimezone(own)
    offset = local.strftime("%z")
    shown: str = format_datetime(local, "medium", tzinfo=own, locale=locale)
    return f"{shown} ({offset[:3]}:{offset[3:5]})"


def _path_filter(site: Site) -> Callable[[str], str]:
    base = urlsplit(site.url).path

    @lru_cache(maxsize=4096)
    def path(path: str) -> str:
        """Return the address of a published file without the host."""
        return f"{base}/{quote(path)}"

    return path


def _feed_of(plan: FeedPlan) -> Callable[[Scope], Feed | None]:
    @lru_cache(maxsize=4096)
    def feed_of(scope: Scope) -> Feed | None:
        """Return the feed of a scope; cached, since a page repeats few of them."""
        return plan.feed(scope)

    return feed_of


def _author_feed(plan: FeedPlan) -> Callable[[str], Feed | None]:
    def author_feed(name: str) -> Feed | None:
        """Return the feed of an author; None if authors have no feeds."""
        return feed_of(Facet(FacetKind.AUTHOR, name)) if name and plan.authors else None

    feed_of = _feed_of(plan)
    return author_feed


def _named(formats: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return the file, the name and the media type of each format."""
    return [(name, _FORMAT_NAMES[name], MEDIA_TYPES[name]) for name in formats]
