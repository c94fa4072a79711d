"""WebSub: the links to hubs in feeds and responses, requests to hubs, and their answers.

W3C Recommendation of 23 January 2018, https://www.w3.org/TR/websub/.
"""

# pure
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from urllib.parse import urlencode, urlsplit

from digest.feeds.model import ATOM, JSON, RSS
from digest.site import Site
from digest.urls import ARCHIVES

#: How many topics a hub takes in one request, by its host. The Recommendation leaves to publisher
#: and hub how one tells the other, and a hub that expects one topic drops all but one in silence.
#: https://pubsubhubbub.appspot.com/ says that its field may be repeated.
_BATCHES = {"pubsubhubbub.appspot.com": 20}
_ALONE = 1
#: The hub has understood and does not want this topic (RFC 9110 section 15.5). All else but a
#: success may pass: at an address that leads elsewhere or nowhere, a hub may be again tomorrow.
_REFUSALS = (400, 403, 422)


def is_topic(path: str) -> bool:
    """Return whether the published file at ``path`` is a feed that people subscribe to.

    ``path`` is relative to the output folder. Archives are not topics: they do not change.
    """
    *folders, name = path.split("/")
    feeds = folders[:1] == ["feeds"] and ARCHIVES not in folders
    return feeds and name in (RSS, ATOM, JSON)


def feed_links(site: Site, path: str) -> str | None:
    """Return the value of a feed's Link header (RFC 8288): its hubs and, once, itself.

    ``path`` is relative to the output folder. Returns None for a file that is no feed, and for a
    site without hubs.
    """
    if not site.hubs or not is_topic(path):
        return None
    links = [f'<{hub}>; rel="hub"' for hub in site.hubs]
    return ", ".join([*links, f'<{site.link(path)}>; rel="self"'])


def batch_size(hub: str) -> int:
    """Return how many topics the hub at an address accepts in one request."""
    return _BATCHES.get(urlsplit(hub).hostname or "", _ALONE)


def notification(topics: Collection[str]) -> bytes:
    """Return the body of a request with changed topics, ``application/x-www-form-urlencoded``.

    Older hubs read ``hub.url`` (PubSubHubbub 0.3 section 7.1), newer ones ``hub.topic``.
    """
    fields = [("hub.mode", "publish")]
    for topic in topics:
        fields += [("hub.url", topic), ("hub.topic", topic)]
    return urlencode(fields).encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A pending notification of a hub about a changed feed."""

    hub: str  #: the hub's address
    topic: str  #: the feed's address
    changed_at: datetime  #: aware UTC


class HubOutcome(Enum):
    """The meaning of a hub's answer for a notification."""

    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"


def outcome_of(status: int) -> HubOutcome:
    """Return the meaning of an HTTP status for a notification."""
    if 200 <= status < 300:
        return HubOutcome.TAKEN
    return HubOutcome.REFUSED if status in _REFUSALS else HubOutcome.LATER
