"""The backlog: what is still to be published, and when that should be tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from digest.articles.model import Changes

#: However long a burst lasts, what was taken is published after so long; seconds.
LONGEST_UNPUBLISHED = 10.0
#: Waits after failures; seconds.
FIRST_RETRY, LAST_RETRY = 1.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What to publish in one run."""

    changes: Changes
    everything: bool  #: whatever has changed: the folder may lack anything
    again: bool  #: it holds what failed before


@dataclass(slots=True, kw_only=True)
class Backlog:
    """Changes that wait for publication. Times are seconds of one steady clock.

    What failed is tried again later and later; what is new does not wait for it: one file that
    can never be written must not hold up the others.
    """

    everything: bool = False
    first_retry: float = FIRST_RETRY
    _fresh: Changes = field(default_factory=Changes)
    _failed: Changes = field(default_factory=Changes)
    _since: float = 0.0  #: when the oldest fresh change came
    _not_before: float = 0.0  #: when to try again what failed
    _retry: float = 0.0  #: the last wait; 0 where nothing failed

    def add(self, changes: Changes, now: float) -> None:
        """Note changes."""
        if changes:
            self._since = self._since if self._fresh else now
            self._fresh += changes

    def wait(self, now: float) -> float:
        """Return how long there is nothing to do; infinite where nothing waits."""
        if self._fresh:
            return 0.0
        return max(0.0, self._not_before - now) if self.everything or self._failed else inf

    def next(self, now: float, *, more_coming: bool) -> Work | None:
        """Return what to publish now: once a burst is over, or has lasted long enough."""
        again = now >= self._not_before and (self.everything or bool(self._failed))
        held_up = more_coming and now <= self._since + LONGEST_UNPUBLISHED
        if not again and (held_up or not self._fresh):
            return None
        if again:
            changes = self._fresh + self._failed
            return Work(changes=changes, everything=self.everything, again=True)
        return Work(changes=self._fresh, everything=False, again=False)

    def failed(self, work: Work, now: float) -> float:
        """Note that a run failed; return after how long it is tried again."""
        if work.again or not self._retry:
            self._retry = min(self._retry * 2 or self.first_retry, LAST_RETRY)
            self._not_before = now + self._retry
        self._failed += work.changes
        self._fresh = Changes()
        return self._not_before - now

    def done(self, work: Work) -> None:
        """Note that a run's work is published."""
        self._fresh = Changes()
        if work.again:
            self._failed, self.everything, self._retry = Changes(), False, 0.0
