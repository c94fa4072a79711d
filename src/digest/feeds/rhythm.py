"""Rhythm: how often readers should look for news, as RSS says it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lxml import etree

#: RSS 1.0 module Syndication.
_NAMESPACE = "http://purl.org/rss/1.0/modules/syndication/"
_PERIODS = (
    ("hourly", timedelta(hours=1)),
    ("daily", timedelta(days=1)),
    ("weekly", timedelta(weeks=1)),
)


def minutes(every: timedelta) -> int:
    """Return a time between two looks in whole minutes, at least one (RSS 2.0: ttl)."""
    return max(1, round(every / timedelta(minutes=1)))


def period(every: timedelta) -> tuple[str, int]:
    """Return the shortest period that ``every`` fits into, and how often in it to look."""
    for name, length in _PERIODS:
        if every <= length:
            return name, round(length / max(every, timedelta(minutes=1)))
    return _PERIODS[-1][0], 1


class Syndication:
    """Writes ``sy:updatePeriod`` and ``sy:updateFrequency``; feedgen's own misspells both."""

    def __init__(self) -> None:
        self.every = timedelta(hours=1)

    def extend_ns(self) -> dict[str, str]:
        """Return the prefix that feedgen declares."""
        return {"sy": _NAMESPACE}

    def extend_rss(self, feed: Any) -> Any:
        """Add both elements to the channel."""
        name, times = period(self.every)
        for tag, text in (("updatePeriod", name), ("updateFrequency", str(times))):
            etree.SubElement(feed[0], f"{{{_NAMESPACE}}}{tag}").text = text
        return feed
