"""What templates of pages call and are given: links, dates and schedules in words, trees."""

# pure
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, get_day_names
from babel.lists import format_list

from digest.articles.model import Article, CategoryPath, Facet, FacetKind, Scope
from digest.feeds.catalog import FeedPlan
from digest.feeds.model import (
    ATOM,
    JSON,
    MEDIA_TYPES,
    RSS,
    CategorySummary,
    Feed,
    article_link,
)
from digest.languages import direction, own_name, text_direction
from digest.scheduling.cron import Cron
from digest.scheduling.schedule import Schedule
from digest.scheduling.words import Recurrence
from digest.site import Site
from digest.subscribers.address import masked
from digest.times import rfc3339
from digest.web.subscribe_form import category_id

#: Times of day of a schedule that are listed.
_MAX_TIMES = 4
_WORKDAYS = (1, 2, 3, 4, 5)
_WEEKDAYS, _DAYS, _MONTHS = 7, 31, 12
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A category in the tree, with its children."""

    summary: CategorySummary
    feed: Feed
    below: tuple[Branch, ...]


def category_tree(feed: Feed, categories: Iterable[CategorySummary]) -> tuple[Branch, ...]:
    """Return the categories below a feed's as a tree; ``categories`` include every parent."""
    below: dict[CategoryPath | None, list[CategorySummary]] = {}
    for summary in sorted(categories, key=lambda summary: summary.path):
        below.setdefault(summary.path.parent, []).append(summary)

    def grow(parent: CategoryPath | None) -> tuple[Branch, ...]:
        return tuple(
            Branch(
                summary=summary,
                feed=replace(feed, category=summary.path),
                below=grow(summary.path),
            )
            for summary in below.get(parent, ())
        )

    return grow(feed.category)


def structured(site: Site, article: Article) -> dict[str, Any]:
    """Return an article as structured data for search engines (schema.org/NewsArticle)."""
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.title,
        "url": article_link(site, article),
        "datePublished": rfc3339(article.published_at),
        "dateModified": rfc3339(article.updated_at),
        "inLanguage": article.language or site.language,
        "publisher": {"@type": "Organization", "name": site.author or site.title},
    }
    if credit := article.credit:
        data["publisher"] |= {"name": credit.name} | ({"url": credit.url} if credit.url else {})
    if article.authors:
        data["author"] = [{"@type": "Person", "name": name} for name in article.authors]
    if article.image:
        data["image"] = [article.image]
    if article.summary:
        data["description"] = article.summary
    return data


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


def in_words(schedule: Schedule, words: Mapping[str, str], locale: Locale) -> str:
    """Return a schedule in words; empty if that takes more than a line."""
    texts = [_plan_in_words(plan, words, locale) for plan in schedule.plans]
    if not all(texts):
        return ""
    zone = words["schedule_local"] if schedule.local else schedule.timezone
    return f"{' · '.join(texts)} ({zone})"


def _plan_in_words(plan: Cron | Recurrence, words: Mapping[str, str], locale: Locale) -> str:
    narrow = len(plan.weekdays) < _WEEKDAYS, len(plan.days) < _DAYS
    odd = isinstance(plan, Cron) and len(plan.months) < _MONTHS
    if odd or all(narrow) or len(plan.times) > _MAX_TIMES:
        return ""
    days = ""
    key = "schedule_daily"
    if plan.weekdays == _WORKDAYS:
        key = "schedule_workdays"
    elif narrow[0]:
        names = get_day_names("wide", "format", locale)
        # Monday comes first, here as in Babel.
        key = "schedule_weekly"
        days = _listed(
            [names[day] for day in sorted((day - 1) % 7 for day in plan.weekdays)], locale
        )
    elif narrow[1]:
        last = isinstance(plan, Recurrence)  # whose 31 is the last day of any month
        key = "schedule_monthly"
        named = [words["schedule_last"] if last and day == _DAYS else str(day) for day in plan.days]
        days = _listed(named, locale)
    times = _listed([format_time(at, "HH:mm", locale=locale) for at in plan.times], locale)
    return words[key].replace("{days}", days).replace("{times}", times)


def _listed(texts: list[str], locale: Locale) -> str:
    text: str = format_list(texts, locale=locale)
    return text
