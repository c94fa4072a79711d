"""A delivery: one edition for one subscriber, a row of the outbox with a state."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.subscribers.model import Subscriber


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"  #: waits for its first attempt
    SENDING = "sending"  #: claimed, with a lease
    DEFERRED = "deferred"  #: an attempt failed for now; waits for ``next_attempt_at``
    SENT = "sent"  #: a server took it
    FAILED = "failed"  #: a server refused it for good
    EXPIRED = "expired"  #: its edition was too old before a server took it
    SUPPRESSED = "suppressed"  #: its subscriber left, or its edition was cancelled, before that


_ENDS_UNSENT = frozenset({DeliveryState.EXPIRED, DeliveryState.SUPPRESSED})
#: Which state may follow which. SENDING may return to SENDING: a lease that ran out.
TRANSITIONS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.QUEUED: frozenset({DeliveryState.SENDING}) | _ENDS_UNSENT,
    DeliveryState.SENDING: frozenset(DeliveryState),
    DeliveryState.DEFERRED: frozenset({DeliveryState.SENDING}) | _ENDS_UNSENT,
    DeliveryState.SENT: frozenset(),
    DeliveryState.FAILED: frozenset(),
    DeliveryState.EXPIRED: frozenset(),
    DeliveryState.SUPPRESSED: frozenset(),
}
#: States that nothing follows.
FINAL = frozenset(state for state, after in TRANSITIONS.items() if not after)
#: States from which the operator may have a delivery queued again.
REOPENS = frozenset({DeliveryState.FAILED, DeliveryState.EXPIRED})

#: RFC 5321 section 4.5.4.1: the first retry after 30 minutes or more.
RETRY_AFTER = (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6))
#: An edition that is older is not worth sending, where its digest says nothing else.
EXPIRES = timedelta(hours=24)
#: While a digest or all mail is paused, one message is tried this often.
PROBE_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A claimed row of the outbox, with what is needed to send it."""

    id: int
    edition_id: int
    subscriber: Subscriber
    attempts: int  #: ended ones, so 0 at the first
    created_at: datetime  #: aware UTC
    probe: bool = False  #: tried to find out whether a pause can end


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How an attempt ended, as the store is to remember it. Raises ValueError."""

    delivery_id: int
    state: DeliveryState  #: every one but ``queued`` counts as an attempt
    next_attempt_at: datetime | None = None  #: ``deferred`` needs it; ``queued`` may go at once
    error: str | None = None  #: without addresses
    bounced: bool = False  #: the address does not exist: it is suppressed, with ``error`` as reason

    def __post_init__(self) -> None:
        if self.state is DeliveryState.SENDING:
            raise ValueError("an attempt does not end in sending")
        if self.state is DeliveryState.DEFERRED and self.next_attempt_at is None:
            raise ValueError("a deferred delivery needs its next attempt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why nothing is sent until the operator acts, or a probe is taken."""

    digest: str | None  #: its name; None pauses all mail
    since: datetime  #: aware UTC
    probe_at: datetime  #: aware UTC: when one message is tried
    reason: str  #: what the server said, without addresses


def next_attempt(
    attempts: int, expires_at: datetime, now: datetime, jitter: float
) -> datetime | None:
    """Return when to try again after ``attempts`` failures, or None to give up.

    ``jitter`` in 0…1 spreads the retries of one batch over a tenth of the wait.
    """
    wait = RETRY_AFTER[min(max(attempts, 1), len(RETRY_AFTER)) - 1]
    moment = now + wait * (1 + jitter / 10)
    return moment if moment <= expires_at else None
