"""RateLimit: how fast messages may begin, and how many of a domain at the same time.

Moments are seconds of a clock that never goes back; where it starts does not matter.
"""

# pure
from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

_SECOND, _HOUR = 1.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of the server and of the readers' servers; None: no limit. Raises ValueError."""

    per_second: int | None = None  #: messages begun in any second
    per_hour: int | None = None  #: messages begun in any hour
    per_domain: int | None = None  #: messages under way at once to recipients of one domain

    def __post_init__(self) -> None:
        for limit in (self.per_second, self.per_hour, self.per_domain):
            if limit is not None and limit < 1:
                raise ValueError("a limit is 1 or more, or None")


class _Window:
    """A limit on the number of messages in any interval of a fixed length."""

    def __init__(self, limit: int | None, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._begun: deque[float] = deque()

    def room(self, now: float) -> int | None:
        """Return the number of messages that may begin now; None if unlimited."""
        if self._limit is None:
            return None
        while self._begun and self._begun[0] + self._seconds <= now:
            self._begun.popleft()
        return self._limit - len(self._begun)

    def wait(self, now: float) -> float:
        """Return the seconds until one more may begin."""
        return 0.0 if self.room(now) != 0 else self._begun[0] + self._seconds - now

    def begin(self, now: float) -> None:
        if self._limit is not None:
            self._begun.append(now)

    def undo(self, begun: float) -> None:
        if begun in self._begun:
            self._begun.remove(begun)


class RateLimit:
    """Counts what is begun and what is under way. Knows no clock: every call is told the time."""

    def __init__(self, limits: Limits) -> None:
        self._windows = (_Window(limits.per_second, _SECOND), _Window(limits.per_hour, _HOUR))
        self._limits = limits
        self._under_way: Counter[str] = Counter()

    def wait(self, now: float) -> float:
        """Return the seconds until a message may begin; 0 where one may begin now."""
        return max(window.wait(now) for window in self._windows)

    def room(self, now: float, seconds: float) -> int | None:
        """Return the approximate number of messages that may begin soon; None if unlimited."""
        hourly = self._windows[1].room(now)
        of_rate = self._limits.per_second
        rooms = [hourly] if hourly is not None else []
        if of_rate is not None:
            rooms.append(max(1, int(of_rate * seconds)))
        return min(rooms, default=None)

    def free(self, domain: str) -> bool:
        """Return whether one more message to a domain may be under way."""
        most = self._limits.per_domain
        return most is None or self._under_way[domain] < most

    def recall(self, moments: Sequence[float]) -> None:
        """Count earlier messages, by their times in order, against the limit of an hour."""
        if self._limits.per_hour is not None:
            for moment in moments[-self._limits.per_hour :]:  # more than allowed is as good
                self._windows[1].begin(moment)

    def begin(self, domain: str, now: float) -> None:
        """Count a message that begins."""
        self._under_way[domain] += 1
        for window in self._windows:
            window.begin(now)

    def end(self, domain: str, begun: float, *, tried: bool) -> None:
        """Count a message as ended; one that was not ``tried`` does not count against the limit."""
        self._under_way[domain] -= 1
        if not self._under_way[domain]:
            del self._under_way[domain]
        if not tried:
            for window in self._windows:
                window.undo(begun)
