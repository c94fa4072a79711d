"""Time: aware UTC inside, other forms only at the edges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

#: More seconds than any server means.
_MAX_SECONDS = 10**8
#: Tells the time; always aware UTC. Services are handed one, so that tests can set it.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment, aware UTC."""
    return datetime.now(UTC)


def require_utc(name: str, moment: datetime) -> None:
    """Raise ValueError unless ``moment`` is aware and in UTC."""
    if moment.tzinfo is None or moment.utcoffset() != UTC.utcoffset(None):
        raise ValueError(f"{name} must be aware UTC, not {moment!r}")


def local_moment(moment: datetime, reference: tzinfo, zone: tzinfo) -> datetime:
    """Return when a zone's clocks show what ``reference``'s clocks show at a moment, aware UTC.

    A time that the zone leaves out comes as much later, one that comes twice counts once, the
    first. So it is at most 26 hours before or behind ``moment``.
    """
    wall = moment.astimezone(reference).replace(tzinfo=zone, fold=0)
    return wall.astimezone(UTC)


@cache  # ZoneInfo keeps but eight zones; the readers of one digest may live in many more
def known_zone(name: str) -> ZoneInfo | None:
    """Return a time zone by its IANA name; None where this machine knows none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def named_zones() -> frozenset[str]:
    """Return the IANA names of time zones that are called by a place."""
    return frozenset(
        name for name in available_timezones() if "/" in name and not name.startswith("Etc/")
    )


def format_utc(moment: datetime) -> str:
    """Return a moment, in UTC, for a person, such as ``2026-11-23 13:00 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def format_zoned(moment: datetime) -> str:
    """Return a moment with its zone for a person, such as ``Mon 23 Nov 2026 13:00 Asia/Tokyo``."""
    return f"{moment:%a %d %b %Y %H:%M} {moment.tzinfo}"


def rfc822(moment: datetime) -> str:
    """Return ``moment`` as an RSS date, English in every locale (RFC 822 with RFC 1123 years)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def read_rfc822(text: str) -> datetime | None:
    """Return the moment of a date in mail or HTTP (RFC 5322, RFC 9110), aware UTC; else None."""
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # "-0000" is UTC by an unknown clock
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the second for a zone of more hours than there are
        return None


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Return the wait in a ``Retry-After`` (RFC 9110 section 10.2.3); None if it is invalid."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=min(int(text[:9]), _MAX_SECONDS))
    moment = read_rfc822(text)
    return max(moment - now, timedelta(0)) if moment else None


def rfc3339(moment: datetime) -> str:
    """Return ``moment`` to the second with ``Z`` (RFC 3339 section 5.6)."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
