"""Notices: what a hub is still to be told, and when that should be tried."""

# pure
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from math import inf

#: Topics that wait for one hub; what comes on top is not told.
MOST_WAITING = 10_000
#: How long a hub is left alone after failures in a row: twice as long each time; seconds.
FIRST_REST, LAST_REST = 10.0, 3600.0
#: A hub that asks for more gets no more; seconds.
LONGEST_REST = 6 * 3600.0
#: A change that a hub has not taken for so long is not told any more.
GIVE_UP_AFTER = timedelta(hours=24)

#: The hub has understood and does not want this topic (RFC 9110 section 15.5). All else but a
#: success may pass: at an address that leads elsewhere or nowhere, a hub may be again tomorrow.
_REFUSALS = (400, 403, 422)
_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A feed that has changed, to be told to a hub."""

    hub: str  #: the hub's address
    topic: str  #: the feed's address
    changed_at: datetime  #: aware UTC


class Verdict(Enum):
    """What a hub's answer means for the notice."""

    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"


def verdict(status: int) -> Verdict:
    """Return what an HTTP status means for a notice."""
    if 200 <= status < 300:
        return Verdict.TAKEN
    return Verdict.REFUSED if status in _REFUSALS else Verdict.LATER


def asked_rest(retry_after: str | None, at: datetime) -> float:
    """Return for how many seconds a Retry-After header asks (RFC 9110 section 10.2.3), else 0."""
    if not retry_after:
        return 0.0
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:_DIGITS])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - at).total_seconds())


@dataclass(slots=True, kw_only=True)
class HubQueue:
    """The topics that wait for one hub, each once, and the hub's rests.

    Times called ``now`` are seconds of one steady clock. Topics that failed go behind the others:
    one that a hub stumbles over does not stand in the way.
    """

    first_rest: float = FIRST_REST
    most: int = MOST_WAITING
    _changed: dict[str, datetime] = field(default_factory=dict)  # in the order of their turns
    _failures: int = 0  # in a row
    _not_before: float = 0.0

    def __len__(self) -> int:
        return len(self._changed)

    def waiting(self) -> dict[str, datetime]:
        """Return what waits, and when it changed last."""
        return dict(self._changed)

    def add(self, changes: Mapping[str, datetime]) -> int:
        """Note topics and when they changed; return how many found no place."""
        left_out = 0
        for topic, changed_at in changes.items():
            known = self._changed.get(topic)
            if known is not None:
                self._changed[topic] = max(known, changed_at)
            elif len(self._changed) < self.most:
                self._changed[topic] = changed_at
            else:
                left_out += 1
        return left_out

    def wait(self, now: float) -> float:
        """Return for how long there is nothing to tell; infinite where nothing waits."""
        return max(0.0, self._not_before - now) if self._changed else inf

    def next(self, now: float, count: int) -> dict[str, datetime]:
        """Take out up to ``count`` topics to tell now; none while the hub rests.

        One that changes again from now on waits again.
        """
        if self.wait(now) > 0:
            return {}
        return {topic: self._changed.pop(topic) for topic in list(self._changed)[:count]}

    def taken(self) -> None:
        """Note that the hub answered as it should."""
        self._failures, self._not_before = 0, 0.0

    def failed(self, now: float, jitter: float, asked: float = 0.0) -> float:
        """Leave the hub alone for a while; return the seconds.

        ``jitter`` is 0…1; ``asked`` is the time that the hub itself has asked for, in seconds.
        """
        doubled = self.first_rest * 2.0 ** min(self._failures, 30)
        rest = max(min(doubled, LAST_REST), min(asked, LONGEST_REST)) * (1 + jitter / 4)
        self._failures += 1
        self._not_before = now + rest
        return rest

    def give_up(self, at: datetime) -> tuple[str, ...]:
        """Take out and return what has waited for too long at a moment."""
        old = tuple(_old(self._changed.items(), at))
        for topic in old:
            del self._changed[topic]
        return old


def _old(changes: Iterable[tuple[str, datetime]], at: datetime) -> Iterable[str]:
    return (topic for topic, changed_at in changes if at - changed_at > GIVE_UP_AFTER)
