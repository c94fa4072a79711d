"""The progress of an edition: deliveries by state, rate, time left, outcome."""

# pure
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.editions.delivery import FINAL, DeliveryState
from digest.editions.model import Edition

#: What was sent within this time tells the rate.
LATELY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The deliveries of an edition at a moment."""

    states: Mapping[DeliveryState, int]  #: how many stand in each state, 0 included
    lately: int  #: sent within LATELY
    since: timedelta  #: how long ago the first of these was sent; 0 where there is none
    later: int = 0  #: of those queued: for an hour to come, such as that of the reader's zone
    ended_at: datetime | None = None  #: aware UTC: the last change; None without deliveries

    @property
    def total(self) -> int:
        """All deliveries."""
        return sum(self.states.values())

    @property
    def ended(self) -> int:
        """Deliveries in a final state."""
        return sum(self.states[state] for state in FINAL)

    @property
    def waiting(self) -> int:
        """Deliveries to be sent as soon as possible; others are due later."""
        return self.states[DeliveryState.QUEUED] + self.states[DeliveryState.SENDING] - self.later

    @property
    def rate(self) -> float | None:
        """Messages a second; None if too few were sent lately."""
        seconds = self.since.total_seconds()
        return self.lately / seconds if self.lately > 1 and seconds > 0 else None

    @property
    def left(self) -> timedelta | None:
        """The estimated time for the waiting deliveries; None without any, or without a rate."""
        if not self.waiting or not self.rate:
            return None
        return timedelta(seconds=round(self.waiting / self.rate))

    def summary(self, *, running: bool = True) -> str:
        """Return the progress in one line of text; ``running``: a daemon is sending."""
        counts = [
            f"{self.states[state]:,} {state}"
            for state in DeliveryState
            if self.states[state] or state is DeliveryState.SENT
        ]
        parts = [", ".join(counts)]
        if self.later:
            parts.append(f"{self.later:,} for a later hour")
        if not running and self.waiting:
            parts.append("`digest run` is not running")
        elif self.rate:
            parts.append(f"{self.rate:,.1f} a second")
        if running and self.left is not None:
            parts.append(f"{self.left} left")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery in a list."""

    id: int
    address: str | None  #: None: its subscriber was removed
    state: DeliveryState
    attempts: int
    changed_at: datetime  #: aware UTC
    due_at: datetime | None  #: aware UTC: of the next attempt, or the end of a lease
    error: str | None  #: last answer of a server, without addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionStatus:
    """An edition in any state, with its deliveries and errors."""

    edition: Edition
    articles: int  #: that it held when it was made
    states: Mapping[DeliveryState, int]  #: how many deliveries stand in each state, 0 included
    errors: Sequence[tuple[str, int]]  #: what servers said of those not sent, and how often


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionResult:
    """The result of an edition that is done."""

    edition: Edition
    progress: Progress
    errors: Sequence[tuple[str, int]]  #: what servers said of those not sent, and how often
