"""Intervals: the time of a source's next refresh."""

# pure
from __future__ import annotations

from datetime import datetime, timedelta

from digest.times import read_rfc822

#: However seldom a feed changes, and however often.
LONGEST, SHORTEST = timedelta(days=1), timedelta(minutes=10)
#: A source that fails is asked at least this often.
_LONGEST_FAILING = timedelta(hours=12)
#: A server may ask for more rest than we would give it, up to this.
_LONGEST_REST = timedelta(days=2)
#: Part of an interval by which it is spread, so that sources do not fall into step.
_SPREAD = 0.1


def next_interval(
    last: timedelta, *, changed: bool, pause: timedelta | None, every: timedelta | None
) -> timedelta:
    """Return the interval until the next refresh, after an answer.

    Without a configured ``every``, a feed with something new is asked again after two thirds of
    the last interval, one without after a quarter more. ``pause`` is what the feed or its server
    asks for (``ttl``, ``sy:updatePeriod``, ``max-age``), limited to a day.
    """
    if every is not None:
        return max(every, min(pause, LONGEST)) if pause else every
    wanted: timedelta = last * 2 / 3 if changed else last * 5 / 4
    return min(max(wanted, SHORTEST, min(pause or SHORTEST, LONGEST)), LONGEST)


def retry_interval(failures: int, rest: timedelta | None) -> timedelta:
    """Return the interval after ``failures`` failed requests in a row (at least 1).

    ``rest`` is the server's ``Retry-After``, limited to two days.
    """
    wait = min(SHORTEST * (1 << min(failures - 1, 10)), _LONGEST_FAILING)
    return max(wait, min(rest, _LONGEST_REST)) if rest else wait


def spread(interval: timedelta, chance: float) -> timedelta:
    """Return an interval that is up to a tenth longer; ``chance`` is 0 to 1."""
    return interval * (1 + _SPREAD * chance)


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Return the wait in a ``Retry-After`` (RFC 9110 section 10.2.3); None if it is invalid."""
    if not text:
        return None
    if text.strip().isdecimal():
        return timedelta(seconds=min(int(text.strip()[:9]), 10**8))
    moment = read_rfc822(text)
    return max(moment - now, timedelta(0)) if moment else None


def max_age(cache_control: str | None) -> timedelta | None:
    """Return the ``max-age`` of a ``Cache-Control`` (RFC 9111 section 5.2.2.1)."""
    for directive in (cache_control or "").split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and value.strip('" ').isdecimal():
            return timedelta(seconds=min(int(value.strip('" ')[:9]), 10**8))
    return None
